//! Characters that show nothing.

/// The characters that show nothing (Unicode's Default_Ignorable_Code_Point), with the code points that are reserved
/// for more of them.
const INVISIBLE: [std::ops::RangeInclusive<char>; 17] = [
    '\u{AD}'..='\u{AD}',
    '\u{34F}'..='\u{34F}',
    '\u{61C}'..='\u{61C}',
    '\u{115F}'..='\u{1160}',
    '\u{17B4}'..='\u{17B5}',
    '\u{180B}'..='\u{180F}',
    '\u{200B}'..='\u{200F}',
    '\u{202A}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{3164}'..='\u{3164}',
    '\u{FE00}'..='\u{FE0F}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFA0}'..='\u{FFA0}',
    '\u{FFF0}'..='\u{FFF8}',
    '\u{1BCA0}'..='\u{1BCA3}',
    '\u{1D173}'..='\u{1D17A}',
    '\u{E0000}'..='\u{E0FFF}',
];

/// Says whether a character shows nothing, so that two texts look the same with it and without.
pub fn is_invisible(c: char) -> bool {
    INVISIBLE.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_told_from_what_shows() {
        for c in ['\u{AD}', '\u{200B}', '\u{200D}', '\u{2060}', '\u{202C}', '\u{FE0F}', '\u{FEFF}', '\u{E0001}'] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', ' ', '\u{A0}', '\u{301}', '\u{2010}', '\u{3000}', '\u{FF0B}', '\u{1F600}'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
