//! Countries, as far as telephone numbers go by them.

use std::fmt;
use std::str::FromStr;

/// A country or territory by its code of two capital letters (ISO 3166-1 alpha-2). That there is one of that code is
/// for the entrance to know, which has the numbering plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Says that a text is no code of a country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a country must be given by its two capital letters, such as US")]
pub struct InvalidCountry;

impl Country {
    /// Returns the code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a code is two ASCII letters")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Country, InvalidCountry> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                Ok(Country([*first, *second]))
            }
            _ => Err(InvalidCountry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("US".parse::<Country>().unwrap().to_string(), "US");
        for bad in ["", "U", "us", "USA", "U1", "é"] {
            assert_eq!(bad.parse::<Country>(), Err(InvalidCountry), "{bad:?}");
        }
    }
}
