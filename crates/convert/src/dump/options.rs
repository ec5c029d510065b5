//! What is asked for when a dump is listed.

use std::path::PathBuf;

use super::layout::Layout;
use super::list_file::ListFile;
use tcolz_format::dataset::MakeSplits;

/// A dump, and how it is to be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DumpOptions {
    /// A folder, a tar, or a CSV or TSV file that lies beside what it lists.
    pub source: PathBuf,
    /// How it is laid out; recognised when `None`.
    pub layout: Option<Layout>,
    /// Lists to read instead of those that the layout finds.
    pub lists: Vec<ListFile>,
    /// Divides a dump that has no splits.
    pub make_splits: Option<MakeSplits>,
    /// `t4sa_text_sentiment.tsv`: columns `TWID NEG NEU POS`.
    pub text_scores: Option<PathBuf>,
    /// A photo in the source that is no input is an error.
    pub strict: bool,
}

impl DumpOptions {
    /// The dump in `source`, read as it is recognised.
    pub fn new(source: impl Into<PathBuf>) -> DumpOptions {
        DumpOptions {
            source: source.into(),
            layout: None,
            lists: Vec::new(),
            make_splits: None,
            text_scores: None,
            strict: false,
        }
    }
}
