//! Tables: for people as Markdown and HTML, for programs as CSV with where each number comes from.

use super::error::StudyReportError;
use super::piece::{Text, Traced};

/// A column. Without numbers it holds words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) title: String,
    /// What CSV calls its numbers, by slot; with their units.
    pub(super) numbers: Vec<String>,
}

impl Column {
    /// Of words.
    pub(super) fn words(title: impl Into<String>) -> Column {
        Column { title: title.into(), numbers: Vec::new() }
    }

    /// Of a number, in a unit (empty: none).
    pub(super) fn number(title: impl Into<String>, unit: &str) -> Column {
        let title = title.into();
        let numbers = vec![with_unit(&title, unit)];
        Column { title, numbers }
    }

    /// Of several numbers: what each is (empty: the title alone).
    pub(super) fn numbers(title: impl Into<String>, unit: &str, of: &[&str]) -> Column {
        let title = title.into();
        let name = |part: &&str| match *part {
            "" => with_unit(&title, unit),
            part => with_unit(&format!("{title} {part}"), unit),
        };
        let numbers = of.iter().map(name).collect();
        Column { title, numbers }
    }
}

fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// A text for each column.
    pub(super) cells: Vec<Text>,
    /// Published figures, not measured here.
    pub(super) published: bool,
    /// To be seen first.
    pub(super) strong: bool,
}

impl Row {
    pub(super) fn of(cells: Vec<Text>) -> Row {
        Row { cells, published: false, strong: false }
    }
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    /// Name of its file, without an ending.
    pub(super) name: String,
    /// What it shows.
    pub(super) title: String,
    /// How it is to be read.
    pub(super) note: Text,
    /// Its columns.
    pub(super) columns: Vec<Column>,
    /// Its rows.
    pub(super) rows: Vec<Row>,
    /// To be seen at once; else behind its title.
    pub(super) open: bool,
}

impl Table {
    /// CSV (RFC 4180, UTF-8): words as they are, numbers in full, and at the end of a row for each number where it is
    /// from.
    ///
    /// # Errors
    /// [`StudyReportError::Table`].
    pub(super) fn csv(&self) -> Result<Vec<u8>, StudyReportError> {
        let failed = |error: String| StudyReportError::Table { table: self.name.clone(), error };
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let mut head: Vec<String> = Vec::new();
        for column in &self.columns {
            match column.numbers.is_empty() {
                true => head.push(column.title.clone()),
                false => head.extend(column.numbers.iter().cloned()),
            }
        }
        let numbers = self.columns.iter().flat_map(|column| &column.numbers);
        head.extend(numbers.map(|name| format!("source of {name}")));
        writer.write_record(&head).map_err(|error| failed(error.to_string()))?;
        for row in &self.rows {
            let (mut values, mut sources) = (Vec::new(), Vec::new());
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                if column.numbers.is_empty() {
                    values.push(cell.to_string());
                    continue;
                }
                let mut slots: Vec<Option<&Traced>> = vec![None; column.numbers.len()];
                for (slot, number) in cell.numbers() {
                    if let Some(place) = slots.get_mut(slot) {
                        *place = Some(number);
                    }
                }
                values.extend(slots.iter().map(|number| number.map_or(String::new(), plain)));
                let source = |number: &Traced| number.source.to_string();
                sources.extend(slots.iter().map(|number| number.map_or(String::new(), source)));
            }
            let fields = values.iter().chain(&sources);
            writer.write_record(fields).map_err(|error| failed(error.to_string()))?;
        }
        writer.into_inner().map_err(|error| failed(error.to_string()))
    }

    /// A table of Markdown as GitHub reads it.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        };
        line(self.columns.iter().map(|column| escaped(&column.title)).collect());
        let side = |column: &Column| if column.numbers.is_empty() { "---" } else { "---:" };
        line(self.columns.iter().map(|column| side(column).to_owned()).collect());
        for row in &self.rows {
            let cell = |cell: &Text| match (row.strong, escaped(&cell.to_string())) {
                (true, text) if !text.is_empty() => format!("**{text}**"),
                (_, text) => text,
            };
            line(row.cells.iter().map(cell).collect());
        }
        text
    }
}

/// As many digits as it takes to read the same number.
fn plain(number: &Traced) -> String {
    format!("{}", number.value)
}

/// Words that Markdown must not take for its own.
pub(super) fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '#' | '~' => {
                text.push('\\');
                text.push(character);
            }
            character if character.is_control() => text.push(' '),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Document;
    use serde_json::json;

    fn table() -> Table {
        let json = json!({"a": 0.1, "b": 51000});
        let document = Document { file: "r.json".to_owned(), json };
        let number = |at: &str| Traced::at(&document, at);
        let cell = Text::number(number("/a"), |value| format!("{value:.1}"))
            .and(" (of ")
            .in_slot(2, number("/b").unwrap(), |value| format!("{value}"))
            .and(")");
        Table {
            name: "t".to_owned(),
            columns: vec![
                Column::words("model"),
                Column::numbers("accuracy", "", &["", "sd", "samples"]),
                Column::number("time", "s"),
            ],
            rows: vec![
                Row::of(vec!["a|b, \"c\" <i>_x_".into(), cell, Text::dash()]),
                Row { strong: true, ..Row::of(vec!["d".into(), Text::dash(), Text::dash()]) },
            ],
            ..Table::default()
        }
    }

    #[test]
    fn csv_holds_numbers_in_full_and_where_each_is_from() {
        let text = String::from_utf8(table().csv().unwrap()).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                "model,accuracy,accuracy sd,accuracy samples,time (s),source of accuracy,\
                 source of accuracy sd,source of accuracy samples,source of time (s)",
                "\"a|b, \"\"c\"\" <i>_x_\",0.1,,51000,,r.json#/a,,r.json#/b,",
                "d,,,,,,,,",
                ""
            ]
        );
    }

    #[test]
    fn markdown_keeps_hostile_names_apart_from_its_own_marks() {
        assert_eq!(
            table().markdown(),
            "| model | accuracy | time |\n| --- | ---: | ---: |\n\
             | a\\|b, \"c\" \\<i\\>\\_x\\_ | 0.1 (of 51000) | – |\n| **d** | **–** | **–** |\n"
        );
        assert_eq!(escaped("a\nb"), "a b");
    }
}
