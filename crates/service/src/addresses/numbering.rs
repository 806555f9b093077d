//! What is known of a telephone number's country before the number is read.

use model::country::Country;

/// How a telephone number is read that doesn't say that it is international.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// It is refused: with another country it would be another person's.
    Unknown,
    /// As it is dialled in a country.
    Of(Country),
    /// As an international number that lacks its plus: carriers write it so.
    International,
}

impl From<Option<Country>> for Numbering {
    fn from(country: Option<Country>) -> Numbering {
        country.map_or(Numbering::Unknown, Numbering::Of)
    }
}
