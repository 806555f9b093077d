//! What operators are told about the clocks: alarms of the status, and metrics.

use std::time::Duration;

use model::alarm::{Alarm, AlarmName};
use model::id::NodeId;
use traffic::cluster_time::{Source, TimeStatus};

/// Returns what an operator should look at, with what to do.
pub(crate) fn alarms(node: NodeId, status: &TimeStatus) -> Vec<Alarm> {
    let own = format!("node {node}");
    let mut alarms = Vec::new();
    if let Some(off) = status.off_ms {
        let text = format!("the wall clock of node {node} is {} the cluster's time", away(off));
        alarms.push(Alarm::new(AlarmName::ClockOff, own.clone(), text));
    }
    match status.source {
        Source::Line => {}
        Source::Lower => {
            let text = "the regions' wall clocks don't agree, and the lower one counts";
            alarms.push(Alarm::new(AlarmName::ClocksDisagree, own, text));
        }
        Source::Unknown => {
            let text = "the cluster's time is not known: too few regions told their wall clocks yet";
            alarms.push(Alarm::new(AlarmName::TimeUnknown, own, text));
        }
    }
    if let Some(leap) = status.leap {
        let text = format!(
            "the wall clocks of most regions are {} the cluster's time, which doesn't follow such a leap",
            away(leap.ahead_ms)
        );
        alarms.push(Alarm::new(AlarmName::TimeLeap, "cluster", text));
    }
    alarms
}

/// Tells how the clocks stand.
pub(crate) fn gauges(status: &TimeStatus) {
    let ahead = status.ahead_ms.map_or(f64::NAN, |ahead_ms| ahead_ms as f64 / 1_000.0);
    metrics::gauge!("signalbox_wall_clock_ahead_seconds").set(ahead);
    metrics::gauge!("signalbox_time_leap_refused").set(f64::from(u8::from(status.leap.is_some())));
}

fn away(ahead_ms: i64) -> String {
    let by = Duration::from_millis(ahead_ms.unsigned_abs()).as_secs_f64();
    format!("{by:.1} s {}", if ahead_ms < 0 { "behind" } else { "ahead of" })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use traffic::cluster_time::Leap;

    use super::*;

    #[test]
    fn an_alarm_says_how_much_and_what_to_do() {
        let fine = TimeStatus {
            time: None,
            source: Source::Line,
            median: None,
            leap: None,
            ahead_ms: Some(10),
            off_ms: None,
            others_off_ms: BTreeMap::new(),
        };
        assert_eq!(alarms(NodeId(1), &fine), []);
        let off = TimeStatus { off_ms: Some(-3_600_000), leap: Some(Leap { ahead_ms: 90_000_000 }), ..fine.clone() };
        let told = alarms(NodeId(1), &off);
        assert!(told[0].text.contains("3600.0 s behind the cluster's time"), "{told:?}");
        assert!(told[1].text.contains("90000.0 s ahead of"), "{told:?}");
        let names = told.iter().map(|alarm| alarm.name).collect::<Vec<_>>();
        assert_eq!(names, [AlarmName::ClockOff, AlarmName::TimeLeap]);
        for (source, name) in [(Source::Lower, AlarmName::ClocksDisagree), (Source::Unknown, AlarmName::TimeUnknown)] {
            assert_eq!(alarms(NodeId(1), &TimeStatus { source, ..fine.clone() })[0].name, name);
        }
    }
}
