//! Parts of a report, before they become Markdown, HTML and files.

use super::piece::Text;
use super::table::Table;
use tcolz_charts::ThemedPicture;

/// A report.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) title: String,
    /// What it was made from.
    pub(super) subtitle: String,
    pub(super) sections: Vec<Section>,
}

/// A part with a title.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Its name in addresses.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a part.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// A sentence or some.
    Paragraph(Text),
    /// To be seen before all else.
    Warning(Text),
    /// A list.
    List(Vec<Text>),
    /// Pictures beside each other, or below where there is no room.
    Pictures(Vec<Picture>),
    /// A table.
    Table(Table),
}

/// A picture.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// Name of its files, without an ending.
    pub(super) name: String,
    /// For who does not see it.
    pub(super) alt: String,
    pub(super) drawn: ThemedPicture,
}

impl Section {
    pub(super) fn new(id: impl Into<String>, title: impl Into<String>) -> Section {
        Section { id: id.into(), title: title.into(), blocks: Vec::new() }
    }

    /// Adds a table that has rows.
    pub(super) fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }

    /// Adds pictures.
    pub(super) fn pictures(&mut self, pictures: Vec<Picture>) {
        if !pictures.is_empty() {
            self.blocks.push(Block::Pictures(pictures));
        }
    }

    /// Adds a paragraph.
    pub(super) fn say(&mut self, text: impl Into<Text>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }
}

impl Report {
    /// Its tables, in their order.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Its pictures, in their order.
    pub(super) fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.blocks().flat_map(|block| match block {
            Block::Pictures(pictures) => pictures.as_slice(),
            _ => &[],
        })
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }

    /// Gives names of their own to tables and pictures that share one: `a`, `a-2`.
    pub(super) fn with_distinct_names(mut self) -> Report {
        let (mut tables, mut pictures) = (Vec::new(), Vec::new());
        for block in self.sections.iter_mut().flat_map(|section| &mut section.blocks) {
            match block {
                Block::Table(table) => distinct(&mut table.name, &mut tables),
                Block::Pictures(of) => {
                    of.iter_mut().for_each(|picture| distinct(&mut picture.name, &mut pictures));
                }
                _ => {}
            }
        }
        self
    }
}

fn distinct(name: &mut String, taken: &mut Vec<String>) {
    let wanted = name.clone();
    let mut number = 1;
    while taken.contains(name) {
        number += 1;
        *name = format!("{wanted}-{number}");
    }
    taken.push(name.clone());
}
