//! The layouts that there are.

use std::fmt;

use serde::Serialize;

/// How a dump is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// B-T4SA: `b-t4sa_{train,val,test}.txt` beside `data/…`.
    BT4sa,
    /// Twitter Testing Dataset: `ground_truth/twitter_*_agrees.txt` beside `images/`.
    Ttd,
    /// A table with a header, such as `labels.csv`; or lists named by hand whose labels name the classes.
    Csv,
    /// A folder a class, with or without folders `train`, `val`, `test` above or below.
    Folder,
    /// A folder a class, whatever its name: `train` and `test` are classes like others.
    Classes,
}

impl Layout {
    /// Every layout. Recognition tries them in this order; it never takes [`Layout::Classes`] by itself.
    pub const ALL: [Layout; 5] =
        [Layout::Ttd, Layout::BT4sa, Layout::Csv, Layout::Folder, Layout::Classes];

    /// The word used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::BT4sa => "b-t4sa",
            Layout::Ttd => "ttd",
            Layout::Csv => "csv",
            Layout::Folder => "folder",
            Layout::Classes => "classes",
        }
    }

    /// The layout a word stands for.
    pub fn parse(word: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.as_str() == word)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Layout {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
