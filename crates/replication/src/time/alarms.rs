//! What operators are told about the clocks: alarms of the status, and metrics.

use std::time::Duration;

use traffic::cluster_time::{Source, TimeStatus};

/// Returns what an operator should look at, with what to do.
pub(crate) fn alarms(status: &TimeStatus) -> Vec<String> {
    let mut alarms = Vec::new();
    if let Some(off) = status.off_ms {
        alarms.push(format!(
            "the wall clock of this node is {} the cluster's time: check its NTP; it leads no group that another node can \
             lead",
            away(off)
        ));
    }
    match status.source {
        Source::Line => {}
        Source::Lower => alarms
            .push("the regions' wall clocks don't agree, and the lower one counts: check NTP on every node".to_owned()),
        Source::Unknown => {
            alarms.push("the cluster's time is not known: too few regions told their wall clocks yet".to_owned());
        }
    }
    if let Some(leap) = status.leap {
        alarms.push(format!(
            "the wall clocks of most regions are {} the cluster's time, which doesn't follow such a leap: correct the \
             clocks, or run `signalbox cluster accept-time` if they are right",
            away(leap.ahead_ms)
        ));
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
        assert_eq!(alarms(&fine), Vec::<String>::new());
        let off = TimeStatus { off_ms: Some(-3_600_000), leap: Some(Leap { ahead_ms: 90_000_000 }), ..fine };
        let alarms = alarms(&off);
        assert!(alarms[0].contains("3600.0 s behind the cluster's time: check its NTP"), "{alarms:?}");
        assert!(alarms[1].contains("90000.0 s ahead of") && alarms[1].contains("accept-time"), "{alarms:?}");
    }
}
