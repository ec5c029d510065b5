//! How dumps are laid out, and how that is recognised.

mod b_t4sa;
mod csv;
mod folder;
mod ttd;

use std::fmt;

use super::{Dump, DumpError, DumpOptions, Source};

/// How a dump is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// B-T4SA: `b-t4sa_{train,val,test}.txt` beside `data/…`.
    BT4sa,
    /// Twitter Testing Dataset: `ground_truth/twitter_*_agrees.txt` beside `images/`.
    Ttd,
    /// A table with a header, such as `labels.csv`; or lists named by hand whose labels name the classes.
    Csv,
    /// A folder a class, with or without folders `train`, `val`, `test` above.
    Folder,
}

impl Layout {
    /// Every layout, in the order in which `auto` tries them.
    pub const ALL: [Layout; 4] = [Layout::Ttd, Layout::BT4sa, Layout::Csv, Layout::Folder];

    /// The word used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::BT4sa => "b-t4sa",
            Layout::Ttd => "ttd",
            Layout::Csv => "csv",
            Layout::Folder => "folder",
        }
    }

    /// The layout a word stands for.
    pub fn parse(word: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.as_str() == word)
    }

    /// The layout of what lies in `source`, read with these options.
    pub(super) fn recognise(options: &DumpOptions, source: &Source) -> Result<Layout, DumpError> {
        if source.is_file("dataset.json") && source.is_file("ledger.parquet") {
            return Err(DumpError::IsDataset { path: source.path().to_owned() });
        }
        let by_hand = !options.lists.is_empty();
        let recognised = Layout::ALL.into_iter().find(|layout| match layout {
            Layout::Ttd => ttd::recognise(source, by_hand),
            Layout::BT4sa => b_t4sa::recognise(source),
            Layout::Csv => by_hand || csv::recognise(source),
            Layout::Folder => folder::recognise(source),
        });
        recognised.ok_or_else(|| DumpError::UnknownLayout { path: source.path().to_owned() })
    }

    /// Reads the lists of this layout, or what stands for lists.
    pub(super) fn open(self, options: &DumpOptions, source: &Source) -> Result<Dump, DumpError> {
        match self {
            Layout::Ttd => ttd::open(source, &options.lists),
            Layout::BT4sa => b_t4sa::open(source, &options.lists),
            Layout::Csv => csv::open(source, &options.lists),
            Layout::Folder if !options.lists.is_empty() => {
                Err(DumpError::ListsOfFolder { path: source.path().to_owned() })
            }
            Layout::Folder => folder::open(source),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
