//! A leap of the wall clocks.

use serde::Serialize;
use wire::v1;

use super::time_text;
use crate::console::View;

/// What was, or would be, accepted.
#[derive(Debug, Serialize)]
pub struct TimeLeapView {
    time_ms: u64,
    clocks_ms: u64,
    ahead_ms: i64,
    accepted: bool,
}

impl From<v1::AcceptTimeResponse> for TimeLeapView {
    fn from(response: v1::AcceptTimeResponse) -> TimeLeapView {
        let v1::AcceptTimeResponse { time_ms, clocks_ms, ahead_ms, accepted } = response;
        TimeLeapView { time_ms, clocks_ms, ahead_ms, accepted }
    }
}

impl View for TimeLeapView {
    fn text(&self) -> String {
        let what = match self.accepted {
            true => "the wall clocks are taken for the time:",
            false => "dry run, nothing is changed; the wall clocks would be taken for the time:",
        };
        let by = std::time::Duration::from_millis(self.ahead_ms.unsigned_abs()).as_secs_f64();
        let way = if self.ahead_ms < 0 { "behind" } else { "ahead" };
        let (time, clocks) = (time_text(self.time_ms), time_text(self.clocks_ms));
        format!("{what}\ncluster time  {time}\nwall clocks   {clocks}  {by:.1} s {way}")
    }
}
