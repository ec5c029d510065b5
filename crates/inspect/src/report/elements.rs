//! What a page is put together of: words and numbers, tables, charts, pictures, and parts that hold them.

use super::numbers::Number;
use tcolz_charts::Drawn;

/// A piece of text.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Words(String),
    Number(Number),
}

impl From<&str> for Cell {
    fn from(words: &str) -> Cell {
        Cell::Words(words.to_owned())
    }
}

impl From<String> for Cell {
    fn from(words: String) -> Cell {
        Cell::Words(words)
    }
}

impl From<Number> for Cell {
    fn from(number: Number) -> Cell {
        Cell::Number(number)
    }
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// To be seen at once; else behind its name.
    pub(super) open: bool,
    /// What was left out.
    pub(super) rest: String,
}

/// A chart with the numbers behind it.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) note: String,
    /// For who does not see it.
    pub(super) alt: String,
    /// Numbers of colours, and names.
    pub(super) legend: Vec<(usize, String)>,
    pub(super) drawn: Drawn,
    pub(super) table: Table,
}

/// Pictures side by side.
#[derive(Debug, Clone)]
pub(super) struct Gallery {
    pub(super) title: String,
    pub(super) note: Vec<Cell>,
    /// To be looked at with care.
    pub(super) alarm: bool,
    pub(super) tiles: Vec<Tile>,
}

/// A picture with words below.
#[derive(Debug, Clone)]
pub(super) struct Tile {
    pub(super) source: Option<String>,
    pub(super) alt: String,
    pub(super) words: Vec<Cell>,
}

/// A part of the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) intro: Vec<Cell>,
    pub(super) tables: Vec<Table>,
    pub(super) figures: Vec<Figure>,
    pub(super) galleries: Vec<Gallery>,
}
