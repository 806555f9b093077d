//! Telephone numbers: from what people and carriers write to E.164, by the numbering plans of libphonenumber.

use model::address::InvalidAddress;
use model::country::Country;
use rlibphonenumber::enums::Region;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat};

use super::numbering::Numbering;
use super::text::{plain, visible};

/// What stands between digits and means nothing.
const PUNCTUATION: [char; 13] =
    [' ', '-', '.', '(', ')', '/', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];

/// Writes a number in E.164.
///
/// A plus, or 00 in its place (ITU-T E.123), says that the country code follows; a plus and then a single 0 says two
/// things at once, and is refused. A trunk prefix after the country code, as in `+44 (0)20`, is left out where the
/// country's plan has one. Lengths must be those of the country; whether a number is in use isn't looked at, because
/// new ranges come between two releases of the plans.
///
/// # Errors
/// When it is no number of its country, or its country isn't known.
pub(super) fn in_e164(text: &str, numbering: Numbering) -> Result<String, InvalidAddress> {
    let (plus, digits) = digits(text)?;
    let international = match (plus, digits.strip_prefix("00")) {
        (_, Some(rest)) => Some(rest),
        (true, None) => Some(&*digits),
        (false, None) => None,
    };
    match (international, numbering) {
        (Some(number), _) => settled(&with_plus(number)?, None),
        (None, Numbering::International) => settled(&with_plus(&digits)?, None),
        (None, Numbering::Of(country)) => settled(&digits, region(country)),
        (None, Numbering::Unknown) => Err(InvalidAddress::TelephoneCountry),
    }
}

/// Returns the country as the numbering plans know it.
pub(super) fn region(country: Country) -> Option<Region> {
    let region = country.as_str().parse().ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
}

/// Returns whether a plus leads, and the digits.
fn digits(text: &str) -> Result<(bool, String), InvalidAddress> {
    let text = plain(&visible(text));
    let mut plus = false;
    let mut digits = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '+' if !plus && digits.is_empty() => plus = true,
            '0'..='9' => digits.push(c),
            c if c.is_whitespace() || PUNCTUATION.contains(&c) => {}
            c => digits.push(char::from(b'0' + of_another_script(c).ok_or(InvalidAddress::Telephone)?)),
        }
    }
    if digits.is_empty() { Err(InvalidAddress::Telephone) } else { Ok((plus, digits)) }
}

/// Returns the value of an Arabic-Indic digit, the only ones beside ours that telephones are written with widely.
fn of_another_script(c: char) -> Option<u8> {
    let zero =
        ['\u{660}', '\u{6F0}'].into_iter().find(|zero| (*zero as u32..*zero as u32 + 10).contains(&(c as u32)))?;
    u8::try_from(c as u32 - zero as u32).ok()
}

fn with_plus(number: &str) -> Result<String, InvalidAddress> {
    if number.starts_with('0') { Err(InvalidAddress::Telephone) } else { Ok(format!("+{number}")) }
}

/// Reads a number by the plans. What comes out must be read as itself, or it would have two keys: numbers for which the
/// plans don't hold that are refused, and no real one is known.
fn settled(number: &str, region: Option<Region>) -> Result<String, InvalidAddress> {
    let found = parsed(number, region)?;
    let stays = found == number || parsed(&found, None)? == found;
    if stays { Ok(found) } else { Err(InvalidAddress::Telephone) }
}

fn parsed(number: &str, region: Option<Region>) -> Result<String, InvalidAddress> {
    let parsed = PHONE_NUMBER_UTIL.parse(number, region).map_err(|_| InvalidAddress::Telephone)?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&parsed) {
        Ok(NumberLengthType::IsPossible) => Ok(parsed.format_as(PhoneNumberFormat::E164).into_owned()),
        _ => Err(InvalidAddress::Telephone),
    }
}
