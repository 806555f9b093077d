//! Where a command's output goes: tables for people or JSON for programs. No colour in either.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// Empties a terminal's screen and goes to its first line.
const EMPTY_SCREEN: &[u8] = b"\x1b[2J\x1b[H";

/// What the output looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    Table,
    /// JSON for programs: one document, or one per line where answers come one by one.
    Json,
}

/// Something that can be shown: as JSON by its fields, as text by its own rendering.
pub trait View: Serialize {
    /// Renders it for people, without a line feed at the end.
    fn text(&self) -> String;
}

/// A command's output.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    format: Format,
}

impl<'a> Console<'a> {
    /// Makes a console that writes to `out`.
    pub fn new(out: &'a mut dyn Write, format: Format) -> Console<'a> {
        Console { out, format }
    }

    /// Shows a command's whole answer.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn show<V: View>(&mut self, view: &V) -> Result<(), Failure> {
        self.write_view(view, serde_json::to_string_pretty)
    }

    /// Shows one of many answers that come one by one: a line each.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn show_one<V: View>(&mut self, view: &V) -> Result<(), Failure> {
        self.write_view(view, serde_json::to_string)
    }

    /// Shows an answer in the place of the last one: people see it on an empty screen, programs get a line more.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn show_anew<V: View>(&mut self, view: &V) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.draw(&view.text()),
            Format::Json => self.show_one(view),
        }
    }

    /// Says something to people in the place of the last answer; programs don't see it.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn say_anew(&mut self, text: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.draw(text),
            Format::Json => Ok(()),
        }
    }

    /// Empties the screen where there is one.
    fn draw(&mut self, text: &str) -> Result<(), Failure> {
        let line_feed =
            if std::io::stdout().is_terminal() { self.out.write_all(EMPTY_SCREEN).map(|()| "") } else { Ok("\n") };
        self.write(&format!("{text}{}", line_feed?))
    }

    /// Says something to people; programs don't see it.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.write(text),
            Format::Json => Ok(()),
        }
    }

    /// Shows a whole answer to programs; people were told while it came about.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn show_to_programs(&mut self, view: &impl View) -> Result<(), Failure> {
        match self.format {
            Format::Table => Ok(()),
            Format::Json => self.show(view),
        }
    }

    fn write_view<V: View>(&mut self, view: &V, json: fn(&V) -> serde_json::Result<String>) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.write(&view.text()),
            Format::Json => {
                let text = json(view).map_err(std::io::Error::from)?;
                self.write(&text)
            }
        }
    }

    /// Writes a text as it is, in either format.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn write(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", visible(text))?;
        self.out.flush()?;
        Ok(())
    }
}

/// Makes what a terminal would obey visible: control characters, and those that turn the direction of text. What others
/// wrote, such as the name of an app, must not move the cursor or hide a line. Line breaks and tabs stay. The form is
/// JSON's, so that JSON stays JSON.
pub fn visible(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Makes a table with these headings. Columns are parted by spaces, so that other programs can cut them.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    for row in rows {
        // A cell is one line, whoever wrote it.
        table.add_row(row.map(|cell| cell.replace('\n', "\\n")));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    trimmed(&table.to_string())
}

/// Makes lines of names and values, the values below each other.
pub fn facts<const N: usize>(facts: [(&str, String); N]) -> String {
    let known: Vec<_> = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = known.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    known.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_plain_columns_without_trailing_blanks() {
        let rows = [["us-east-1".to_owned(), "active".to_owned()], ["x".to_owned(), "evacuated".to_owned()]];
        assert_eq!(table(["REGION", "STATE"], rows), "REGION     STATE\nus-east-1  active\nx          evacuated");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let nasty = "a\u{1b}[2J\u{7}\u{9b}31m\r\u{202e}b\u{7f}";
        let shown = visible(nasty);
        assert_eq!(shown, "a\\u001b[2J\\u0007\\u009b31m\\u000d\\u202eb\\u007f");
        assert!(matches!(visible("Gr\u{fc}\u{df}e \u{1f44b}\n\tok"), Cow::Borrowed(_)));
        assert_eq!(table(["NAME"], [["a\nb".to_owned()]]), "NAME\na\\nb");
        let json = serde_json::to_string(&nasty).unwrap();
        let parsed: String = serde_json::from_str(&visible(&json)).unwrap();
        assert_eq!(parsed, nasty);
        let mut out = Vec::new();
        Console::new(&mut out, Format::Table).write(nasty).unwrap();
        assert!(!out.contains(&0x1b));
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let lines = facts([("app", "a".to_owned()), ("a long name", String::new()), ("created", "b".to_owned())]);
        assert_eq!(lines, "app      a\ncreated  b");
    }
}
