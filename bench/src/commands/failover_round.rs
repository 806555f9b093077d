//! What a round of `signalbox-bench failover` shows. Pure: from times of messages to times after the kill.

use std::collections::BTreeMap;

use serde::Serialize;

/// A message counts as held up when its answer or its way to the provider took longer, in milliseconds.
const HELD_UP_MS: u64 = 500;

/// One message. Times are milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Probe {
    /// When the request began.
    pub submitted_ms: u64,
    /// When its answer came, or its failure.
    pub answered_ms: u64,
    /// Whether it went through the listener of the region that is killed.
    pub at_lost_listener: bool,
    /// Its id, when it was accepted.
    pub message_id: Option<String>,
}

/// What a round showed. Times are milliseconds after the kill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// The region that was killed.
    pub region: &'static str,
    /// When the last request at another listener was answered that had failed or been held up; 0 when none was.
    pub accepting_ms: u64,
    /// When the last message was submitted at another listener that wasn't sent within half a second.
    pub flowing_ms: u64,
    /// When the last of the messages was sent that were accepted until then.
    pub waiting_ms: u64,
    /// Requests at other listeners that failed after the kill.
    pub failed: u64,
    /// Messages that were accepted after the kill or before and weren't sent.
    pub not_sent: u64,
    /// Messages that the provider got twice.
    pub duplicates: u64,
}

impl Round {
    /// Says it on a line.
    pub fn line(&self) -> String {
        format!(
            "{} killed: other listeners accept after {} ms ({} requests failed), new messages flow after {} ms, all that \
             waited is sent after {} ms; {} not sent, {} twice",
            self.region,
            self.accepting_ms,
            self.failed,
            self.flowing_ms,
            self.waiting_ms,
            self.not_sent,
            self.duplicates
        )
    }
}

/// Works out a round from its messages and when the provider got them.
pub fn judge(killed_ms: u64, probes: &[Probe], arrivals: &BTreeMap<String, u64>) -> Round {
    let after = |ms: u64| ms.saturating_sub(killed_ms);
    let sent = |probe: &Probe| probe.message_id.as_ref().and_then(|id| arrivals.get(id).copied());
    let others: Vec<&Probe> = probes.iter().filter(|probe| !probe.at_lost_listener).collect();
    let later: Vec<&&Probe> = others.iter().filter(|probe| probe.answered_ms > killed_ms).collect();
    let stalled = |probe: &Probe| probe.message_id.is_none() || probe.answered_ms - probe.submitted_ms > HELD_UP_MS;
    let held_up = |probe: &Probe| sent(probe).is_none_or(|sent| sent > probe.submitted_ms + HELD_UP_MS);
    let largest = |times: &mut dyn Iterator<Item = u64>| times.max().unwrap_or(0);
    let flowing_ms = largest(&mut later.iter().filter(|p| held_up(p)).map(|p| after(p.submitted_ms)));
    let waited = probes.iter().filter(|probe| after(probe.submitted_ms) <= flowing_ms);
    Round {
        region: "",
        accepting_ms: largest(&mut later.iter().filter(|p| stalled(p)).map(|p| after(p.answered_ms))),
        flowing_ms,
        waiting_ms: largest(&mut waited.filter_map(sent).map(after)),
        failed: later.iter().filter(|probe| probe.message_id.is_none()).count() as u64,
        not_sent: probes.iter().filter(|p| p.message_id.is_some() && sent(p).is_none()).count() as u64,
        duplicates: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(id: &str, submitted_ms: u64, answered_ms: u64) -> Probe {
        Probe { submitted_ms, answered_ms, at_lost_listener: false, message_id: Some(id.to_owned()) }
    }

    #[test]
    fn times_count_from_the_kill_and_only_what_was_held_up_moves_them() {
        let probes = [
            probe("early", 9_000, 9_010),
            probe("waited", 9_990, 9_995),
            probe("stalled", 10_500, 11_200),
            Probe { message_id: None, ..probe("", 10_600, 10_700) },
            probe("late", 11_300, 11_310),
            probe("well", 11_900, 11_910),
            Probe { at_lost_listener: true, message_id: None, ..probe("", 14_000, 14_001) },
        ];
        let sent = [("early", 9_020), ("waited", 12_400), ("stalled", 11_900), ("late", 12_000), ("well", 11_950)];
        let arrivals = sent.map(|(id, at)| (id.to_owned(), at)).into();
        let expected = Round {
            region: "",
            accepting_ms: 1_200,
            flowing_ms: 1_300,
            waiting_ms: 2_400,
            failed: 1,
            not_sent: 0,
            duplicates: 0,
        };
        assert_eq!(judge(10_000, &probes, &arrivals), expected);
    }

    #[test]
    fn what_was_accepted_and_never_arrived_is_counted() {
        let probes = [probe("lost", 10_100, 10_110)];
        let round = judge(10_000, &probes, &BTreeMap::new());
        assert_eq!((round.not_sent, round.flowing_ms, round.waiting_ms), (1, 100, 0));
    }
}
