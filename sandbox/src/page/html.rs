//! Writes the page. Every value passes [`Text`], which escapes it; nothing else is written but literals and numbers.

use std::fmt::{self, Display, Write};

use super::excerpt::excerpt;
use super::view::{ROWS_MAX, View};
use crate::message::Message;
use crate::stats::CountsByName;

/// A value from outside, escaped for use between tags and in quoted attributes.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The whole page.
pub(super) fn page(view: &View) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Signalbox sandbox</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<header>
<h1>Signalbox <span>sandbox</span></h1>
<form method="get" action="/" role="search">
<input type="search" name="q" id="filter" maxlength="256" value="{filter}" placeholder="Filter by address or app"
 aria-label="Filter by address or app" autocomplete="off">
<button>Filter</button>
</form>
<label class="follow"><input type="checkbox" id="follow" checked> refresh</label>
<span id="pulse" class="pulse" role="status"></span>
</header>
<main id="live">{fragment}</main>
<footer>Raw data: <a href="/outbox?limit=100">/outbox</a> <a href="/events?limit=100">/events</a>
<a href="/v1/stats">/v1/stats</a> <a href="/v1/faults">/v1/faults</a></footer>
</body>
</html>
"#,
        filter = Text(&view.filter),
        fragment = fragment(view)
    )
}

/// The part that changes.
pub(super) fn fragment(view: &View) -> String {
    [tiles(view), faults(view), notices(view), table(view)].concat()
}

fn tiles(view: &View) -> String {
    let stats = &view.stats;
    let mut html = String::from("<section class=\"tiles\">");
    html += &tile("accepted", &number(stats.counts.accepted), &format!("of {} dispatched", number(stats.counts.total)));
    html += &tile("twice", &number(stats.counts.duplicates), "accepted again, among those kept");
    let events = format!("{} pending, {} dropped", number(stats.events_pending), number(stats.events_dropped));
    html += &tile("events sent", &number(stats.events_sent), &events);
    html += &counts("by region", &stats.counts.by_region);
    html += &counts("by channel", &stats.counts.by_channel);
    html += &counts("by status", &stats.counts.by_status);
    html + "</section>"
}

fn tile(title: &str, value: &str, note: &str) -> String {
    let (title, value, note) = (Text(title), Text(value), Text(note));
    format!("<div class=\"tile\"><h2>{title}</h2><p class=\"big\">{value}</p><p class=\"note\">{note}</p></div>")
}

fn counts(title: &str, counts: &CountsByName) -> String {
    let max = counts.iter().map(|(_, count)| count).max().unwrap_or(1).max(1);
    let row = |(name, count): (&str, u64)| {
        let (name, shown) = (Text(name), number(count));
        format!("<tr><th>{name}</th><td><meter max=\"{max}\" value=\"{count}\"></meter></td><td>{shown}</td></tr>")
    };
    let rows: String = counts.iter().map(row).collect();
    let rows = if rows.is_empty() { "<tr><td class=\"note\">none yet</td></tr>".to_owned() } else { rows };
    format!("<div class=\"tile wide\"><h2>{}</h2><table class=\"counts\">{rows}</table></div>", Text(title))
}

fn faults(view: &View) -> String {
    if view.faults.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section class=\"faults\"><h2>Active faults</h2><ul>");
    for fault in &view.faults {
        let (name, rule, hits) = (Text(&fault.name), Text(&fault.rule), number(fault.hits));
        html += &format!("<li><b>{name}</b> <code>{rule}</code> <span class=\"note\">hit {hits}</span></li>");
    }
    html + "</ul></section>"
}

fn notices(view: &View) -> String {
    let stats = &view.stats;
    let mut notices = Vec::new();
    if stats.fell_out + stats.fell_out_records > 0 {
        let (messages, records) = (number(stats.fell_out), number(stats.fell_out_records));
        notices.push(format!("{messages} older messages and {records} older records fell out to make room"));
    }
    if stats.events_lost_by_fault > 0 {
        notices.push(format!("the events of {} messages were lost by a fault", number(stats.events_lost_by_fault)));
    }
    let paragraph = |notice: &String| format!("<p class=\"notice\">{}</p>", Text(notice));
    notices.iter().map(paragraph).collect()
}

fn table(view: &View) -> String {
    if view.rows.is_empty() {
        let why =
            if view.filter.is_empty() { "Nothing was dispatched yet." } else { "No message kept fits the filter." };
        return format!("<p class=\"empty\">{why}</p>");
    }
    let rows: String = view.rows.iter().map(|(_, message)| row(message)).collect();
    let note = match (view.rows.len(), view.stats.retained) {
        (shown, kept) if view.filter.is_empty() && shown as u64 == kept => {
            format!("all {shown} kept messages")
        }
        (ROWS_MAX, kept) => format!("the newest {ROWS_MAX} that fit, of {} kept", number(kept)),
        (shown, kept) => format!("{shown} of {} kept messages fit", number(kept)),
    };
    format!(
        "<div class=\"scroll\"><table class=\"messages\"><caption>{note}; newest first, times in UTC</caption><thead><tr>\
         <th>Time</th><th>App</th><th>Channel</th><th>Address</th><th>Region</th><th>Epoch</th><th>Attempt</th>\
         <th>Status</th><th>Text</th><th>Message id</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn row(message: &Message) -> String {
    let status = message.status.name();
    format!(
        "<tr><td class=\"time\">{time}</td><td>{app}</td><td><span class=\"tag\">{channel}</span></td>\
         <td class=\"address\">{address}</td><td>{region}</td><td class=\"number\">{epoch}</td>\
         <td class=\"number\">{attempt}</td><td><span class=\"status {status}\">{status}</span></td>\
         <td class=\"text\">{text}</td><td class=\"id\">{id}</td></tr>",
        time = time_of_day(message.at_ms),
        app = Text(&message.app_id),
        channel = Text(&message.channel),
        address = Text(&message.address),
        region = Text(&message.region),
        epoch = message.epoch,
        attempt = message.attempt,
        text = Text(&excerpt(message.payload.get())),
        id = Text(&message.message_id),
    )
}

/// Hours, minutes, seconds and milliseconds in UTC.
fn time_of_day(at_ms: u64) -> String {
    let (seconds, ms) = (at_ms / 1000 % 86_400, at_ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A number with its thousands apart.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut apart = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_become_a_tag_or_leave_an_attribute() {
        assert_eq!(Text(r#"<b a="x" c='y'>&"#).to_string(), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn writes_numbers_and_times() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        for (value, wanted) in cases {
            assert_eq!(number(value), wanted);
        }
        assert_eq!(time_of_day(1_700_000_000_007), "22:13:20.007");
    }
}
