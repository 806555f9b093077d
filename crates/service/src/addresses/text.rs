//! Characters, as far as spellings differ by them.

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use model::invisible::is_invisible;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();

/// Says whether Unicode has not assigned a character: what a later version makes of it isn't known yet.
pub(super) fn is_unassigned(c: char) -> bool {
    CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Unassigned && !is_invisible(c)
}

/// Returns a text without what shows nothing.
pub(super) fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Composes letters with their marks (NFC), so that each has one spelling.
pub(super) fn composed(text: &str) -> String {
    NFC.normalize(text).into_owned()
}

/// Composes as [`composed`], and takes full-width and similar forms for what they stand for (NFKC).
pub(super) fn plain(text: &str) -> String {
    NFKC.normalize(text).into_owned()
}

/// Removes the difference of case. Each letter by itself: the lower-case form of a final sigma depends on its
/// neighbours, and is the same letter.
pub(super) fn folded(text: &str) -> String {
    let lower: String = text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect();
    composed(&lower)
}
