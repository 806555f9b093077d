//! Which words of an inbound SMS opt its sender out. Knows nothing of numbers or apps.

/// The opt-out keywords, in upper case and sorted (Pinpoint user guide, "Opting out"; STOP cannot be removed there).
const OPT_OUT_KEYWORDS: [&str; 10] =
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

/// The longest keyword, in bytes: longer first words are not looked at.
const KEYWORD_MAX: usize = 11;

/// Says whether an inbound SMS asks for no more messages: its first word counts, whatever its case, without quotes
/// around it and punctuation after it. "Please stop" does not.
pub fn opts_out(text: &str) -> bool {
    let quoting = |c: char| !c.is_alphanumeric();
    let first = text.split_whitespace().next().unwrap_or_default().trim_matches(quoting);
    first.len() <= KEYWORD_MAX && OPT_OUT_KEYWORDS.iter().any(|keyword| first.eq_ignore_ascii_case(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts_whatever_its_case() {
        for yes in
            ["STOP", " stop ", "Stop.", "\"STOP\"", "quit now", "Opt-Out please", "td", "unsubscribe!", "arret\nmerci"]
        {
            assert!(opts_out(yes), "{yes:?}");
        }
        for no in
            ["", "  ", "please stop", "stopping", "HELP", "Help me understand", "st op", "unsubscribed", "…", "stop-it"]
        {
            assert!(!opts_out(no), "{no:?}");
        }
    }

    #[test]
    fn the_longest_keyword_is_looked_at() {
        assert_eq!(OPT_OUT_KEYWORDS.iter().map(|keyword| keyword.len()).max(), Some(KEYWORD_MAX));
        assert!(OPT_OUT_KEYWORDS.is_sorted());
    }
}
