//! Laying environment variables and flags over a file's table.

use toml::{Table, Value};

use super::error::ConfigError;

/// What the names of our environment variables begin with; sections are parted by two underscores.
pub const ENVIRONMENT_PREFIX: &str = "SIGNALBOX__";

/// Lays the variables that begin with [`ENVIRONMENT_PREFIX`] over the table, in the order of their names.
pub(super) fn apply_environment(
    table: &mut Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    let mut ours: Vec<(String, String)> =
        environment.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect();
    ours.sort();
    for (name, value) in ours {
        let path = name[ENVIRONMENT_PREFIX.len()..].to_lowercase();
        let keys: Vec<&str> = path.split("__").collect();
        set(table, &keys, &value).ok_or(ConfigError::Setting { given: name })?;
    }
    Ok(())
}

/// Lays settings of the form `section.key=value` over the table, in their order.
pub(super) fn apply_settings(table: &mut Table, settings: &[String]) -> Result<(), ConfigError> {
    for given in settings {
        // The value may be a secret.
        let wrong = || ConfigError::Setting { given: given.split('=').next().unwrap_or_default().to_owned() };
        let (path, value) = given.split_once('=').ok_or_else(wrong)?;
        let keys: Vec<&str> = path.trim().split('.').collect();
        set(table, &keys, value.trim()).ok_or_else(wrong)?;
    }
    Ok(())
}

/// Sets a key, making the tables on the way; nothing when the path is empty or runs through something that is no table.
fn set(table: &mut Table, keys: &[&str], value: &str) -> Option<()> {
    let (last, sections) = keys.split_last()?;
    let mut at = table;
    for section in sections {
        at = at.entry(*section).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
    }
    if last.is_empty() {
        return None;
    }
    at.insert((*last).to_owned(), literal(value));
    Some(())
}

/// Reads a value as TOML would; what is no TOML value is text.
fn literal(value: &str) -> Value {
    let parsed: Option<Value> =
        format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_and_flags_win_over_the_file() {
        let mut table: Table = "[listen]\nrest = \"a:1\"\n[cluster]\npartitions = 4".parse().unwrap();
        let environment =
            [("SIGNALBOX__LISTEN__REST", "b:2"), ("HOME", "/root"), ("SIGNALBOX__CLUSTER__PARTITIONS", "8")];
        apply_environment(&mut table, environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))).unwrap();
        apply_settings(&mut table, &["listen.grpc=c:3".to_owned()]).unwrap();
        assert_eq!(table["listen"]["rest"].as_str(), Some("b:2"));
        assert_eq!(table["listen"]["grpc"].as_str(), Some("c:3"));
        assert_eq!(table["cluster"]["partitions"].as_integer(), Some(8));
    }

    #[test]
    fn a_setting_without_a_value_is_refused() {
        let mut table = Table::new();
        assert!(apply_settings(&mut table, &["listen.rest".to_owned()]).is_err());
        assert!(apply_settings(&mut table, &["=x".to_owned()]).is_err());
        apply_settings(&mut table, &["a=1".to_owned()]).unwrap();
        assert!(apply_settings(&mut table, &["a.b=1".to_owned()]).is_err());
    }
}
