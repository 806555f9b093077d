//! Which words of an inbound SMS opt its sender out. Knows nothing of numbers or apps.

use icu_normalizer::{DecomposingNormalizer, DecomposingNormalizerBorrowed};
use model::invisible::is_invisible;

/// The opt-out keywords, in upper case and sorted (Pinpoint user guide, "Opting out"; STOP cannot be removed there).
const OPT_OUT_KEYWORDS: [&str; 10] =
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

/// The most characters of a word that are looked at: more than the longest keyword has, with a mark on each letter.
const WORD_MAX: usize = 32;

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizer::new_nfkd();

/// Says whether an inbound SMS asks for no more messages: its first word counts, whatever its case, without quotes
/// around it and punctuation after it. Letters count without their accents, in full width and with whatever shows
/// nothing between them. "Please stop" does not ask for it.
pub fn opts_out(text: &str) -> bool {
    let first = text.split_whitespace().map(plain).find(|word| !word.is_empty());
    first.is_some_and(|word| OPT_OUT_KEYWORDS.contains(&word.as_str()))
}

/// Returns a word's letters in upper case as far as they are looked at, without accents and without quotes and
/// punctuation around it.
fn plain(word: &str) -> String {
    let visible = word.chars().filter(|c| !is_invisible(*c)).take(WORD_MAX);
    let letters = NFKD.normalize_iter(visible).filter(|c| !is_accent(*c)).map(|c| if is_hyphen(c) { '-' } else { c });
    let upper: String = letters.flat_map(char::to_uppercase).collect();
    upper.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Says whether a character is a mark on a letter (Unicode's block "Combining Diacritical Marks").
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&c)
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
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
    fn spellings_of_a_keyword_count() {
        for yes in [
            "ARRÊT",
            "arre\u{302}t",
            "ＳＴＯＰ",
            "ｓｔｏｐ！",
            "«\u{A0}STOP\u{A0}»",
            "- stop -",
            "\u{FEFF}STOP",
            "S\u{200B}TOP",
            "\u{202A}stop\u{202C}",
            "OPT\u{2011}OUT",
            "ｏｐｔ－ｏｕｔ",
            "¡Stop!",
            "\u{1D5E6}\u{1D5E7}\u{1D5E2}\u{1D5E3}",
        ] {
            assert!(opts_out(yes), "{yes:?}");
        }
        for no in ["stöpp", "arrêté", "ＳＴＯＰＰＩＮＧ", "…\u{200B}", "st\u{301}o\u{301}op", &"\u{301}".repeat(70_000)]
        {
            assert!(!opts_out(no), "{no:?}");
        }
    }

    #[test]
    fn keywords_are_spelled_as_they_are_compared() {
        assert!(OPT_OUT_KEYWORDS.is_sorted());
        for keyword in OPT_OUT_KEYWORDS {
            assert_eq!(plain(keyword), keyword);
            assert!(keyword.len() * 2 <= WORD_MAX);
        }
    }
}
