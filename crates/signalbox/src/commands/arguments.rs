//! Arguments that several commands share: channels, classes, lists of values.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use model::channel::CHANNELS;
use wire::v1;

/// Takes a channel by its name, in any case.
pub fn channel() -> impl TypedValueParser<Value = v1::Channel> {
    let names = CHANNELS.map(|channel| channel.as_str());
    PossibleValuesParser::new(names).try_map(|name| {
        let full = format!("CHANNEL_{}", name.to_uppercase());
        v1::Channel::from_str_name(&full).ok_or_else(|| format!("{name} is no channel"))
    })
}

/// A channel of an app.
#[derive(Debug, Args)]
pub struct AppChannel {
    /// The app's id.
    #[arg(long, value_name = "ID")]
    pub app: String,
    /// The channel.
    #[arg(long, ignore_case = true, value_parser = channel())]
    pub channel: v1::Channel,
}

/// How often a message may be dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Class {
    /// At least once; again only if the result of a dispatch was lost.
    #[value(name = "at_least_once", alias = "at-least-once")]
    AtLeastOnce,
    /// At most once; a message is held if nobody knows whether it was dispatched.
    #[value(name = "at_most_once", alias = "at-most-once")]
    AtMostOnce,
}

/// Returns the contract's number of a class, if one is given.
pub fn class_code(class: Option<Class>) -> i32 {
    let class = match class {
        None => v1::Class::Unspecified,
        Some(Class::AtLeastOnce) => v1::Class::AtLeastOnce,
        Some(Class::AtMostOnce) => v1::Class::AtMostOnce,
    };
    class as i32
}

/// Reads `NAME=VALUE`.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

/// Reads `NAME=VALUE|VALUE`: a name and its values; none after the `=` is an empty list.
pub fn parse_list(text: &str) -> Result<(String, v1::Values), String> {
    let (name, values) = parse_pair(text)?;
    let values = if values.is_empty() { Vec::new() } else { values.split('|').map(str::to_owned).collect() };
    Ok((name, v1::Values { values }))
}

/// Reads `NAME=NUMBER`.
pub fn parse_metric(text: &str) -> Result<(String, f64), String> {
    let (name, value) = parse_pair(text)?;
    let number: f64 = value.parse().map_err(|_| format!("{value:?} is no number"))?;
    if number.is_finite() { Ok((name, number)) } else { Err("must be a finite number".to_owned()) }
}

/// Reads `NAME=WHOLE-NUMBER`.
pub fn parse_weight(text: &str) -> Result<(String, u32), String> {
    let (name, value) = parse_pair(text)?;
    let weight = value.parse().map_err(|_| format!("{value:?} is no whole number; write REGION=WEIGHT"))?;
    Ok((name, weight))
}

/// Reads `GROUP=SEQUENCE`.
pub fn parse_place(text: &str) -> Result<(u32, u64), String> {
    let wrong = || "must be GROUP=SEQUENCE, such as 1=200".to_owned();
    let (group, sequence) = text.split_once('=').ok_or_else(wrong)?;
    Ok((group.parse().map_err(|_| wrong())?, sequence.parse().map_err(|_| wrong())?))
}
