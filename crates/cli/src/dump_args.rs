//! The arguments that say how a dump is read.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use tcolz_convert::dump::Layout;
use tcolz_convert::dump::{DumpOptions, ListFile};
use tcolz_format::dataset::{MakeSplits, SPLIT_METHOD, SPLIT_METHODS, SharesError};

/// How the dump is read.
#[derive(clap::Args)]
#[command(next_help_heading = "Dump")]
pub(crate) struct DumpArgs {
    /// How the dump is laid out; `classes` is `folder` where folders called train or test are classes
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "b-t4sa", "ttd", "csv", "folder", "classes"]))]
    pub(crate) layout: String,
    /// List to read instead of the dump's own: lines of `path label`, or a .csv/.tsv with a header; may be
    /// given several times
    #[arg(long = "list", value_name = "[SPLIT=]FILE", value_parser = ListFile::parse)]
    pub(crate) lists: Vec<ListFile>,
    /// Divide a dump without splits, class by class: percentages of train, val and test; photos that are the
    /// same file go to the same split
    #[arg(long, value_name = "80/10/10", value_parser = parse_splits)]
    pub(crate) make_splits: Option<MakeSplits>,
    /// Seed of --make-splits
    #[arg(long, value_name = "N", default_value_t = 0, requires = "make_splits")]
    pub(crate) seed: u64,
    /// Method of --make-splits: stratified-blake3-v2, or stratified-blake3-v1, which looks at no file and may put one
    /// photo into two splits
    #[arg(long, value_name = "NAME", default_value = SPLIT_METHOD, hide_default_value = true, hide_possible_values = true, requires = "make_splits", value_parser = PossibleValuesParser::new(SPLIT_METHODS))]
    pub(crate) split_method: String,
    /// Text sentiment of each tweet, for the ledger: a file with the columns TWID NEG NEU POS
    #[arg(long, value_name = "TSV")]
    pub(crate) text_scores: Option<PathBuf>,
    /// Refuse a dump with photos that no list mentions and no class folder holds
    #[arg(long)]
    pub(crate) strict: bool,
}

impl DumpArgs {
    pub(super) fn options(&self, source: &Path) -> DumpOptions {
        let mut options = DumpOptions::new(source);
        options.layout = Layout::parse(&self.layout);
        options.lists = self.lists.clone();
        options.make_splits = self.make_splits.clone().map(|splits| MakeSplits {
            method: self.split_method.clone(),
            seed: self.seed,
            ..splits
        });
        options.text_scores = self.text_scores.clone();
        options.strict = self.strict;
        options
    }
}

fn parse_splits(text: &str) -> Result<MakeSplits, SharesError> {
    MakeSplits::parse(text, 0)
}
