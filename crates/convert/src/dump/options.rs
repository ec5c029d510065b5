//! What is asked for when a dump is listed.

use std::path::{Path, PathBuf};

use super::names::{SPLIT_NAME_RULE, is_split_name};
use super::{Dump, DumpError, Layout, Source, Watch};
use tcolz_base::storage::{NotLocal, local_path};
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

/// A list of photos in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFile {
    /// The split of its lines; `all` when `None`.
    pub split: Option<String>,
    /// Where it lies: a path of this machine or, where there is no such file, one inside the dump.
    pub path: PathBuf,
}

/// A text that names no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListFileError {
    /// What stands before `=` cannot name a split.
    #[error("`{found}` cannot name a split: {SPLIT_NAME_RULE}")]
    SplitName {
        /// What stands there.
        found: String,
    },
    /// Nothing stands behind `=`.
    #[error("expected a file after `=`")]
    NoFile,
    /// A URL where a path is expected.
    #[error(transparent)]
    NotLocal(#[from] NotLocal),
}

impl ListFile {
    /// `FILE` or `SPLIT=FILE`.
    ///
    /// # Errors
    /// [`ListFileError`]: what is wrong with the name of the split or the path.
    pub fn parse(text: &str) -> Result<ListFile, ListFileError> {
        match text.split_once('=') {
            // A path with an equals sign further down is a path.
            Some((split, path)) if !split.contains('/') => {
                if !is_split_name(split) {
                    return Err(ListFileError::SplitName { found: split.to_owned() });
                }
                if path.is_empty() {
                    return Err(ListFileError::NoFile);
                }
                Ok(ListFile { split: Some(split.to_owned()), path: local_path(path.into())? })
            }
            _ => Ok(ListFile { split: None, path: local_path(text.into())? }),
        }
    }
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

    /// Lists the dump. `watch` is told how far the index of a tar is.
    ///
    /// # Errors
    /// When the source is neither folder nor tar, no layout fits, or a list cannot be read.
    pub fn open(&self, watch: &mut Watch<'_>) -> Result<Dump, DumpError> {
        self.open_indexed(None, watch)
    }

    /// As [`DumpOptions::open`], with the index that [`Dump::keep_index`] left in the file `kept`.
    ///
    /// # Errors
    /// As [`DumpOptions::open`].
    pub fn open_indexed(
        &self,
        kept: Option<&Path>,
        watch: &mut Watch<'_>,
    ) -> Result<Dump, DumpError> {
        // A table stands for the folder that it lies in.
        if self.source.is_file() && is_table(&self.source) {
            let mut options = self.clone();
            let absolute = std::path::absolute(&self.source)
                .map_err(|source| DumpError::Unreadable { path: self.source.clone(), source })?;
            if !options.lists.is_empty() || options.layout.is_some_and(|known| known != Layout::Csv)
            {
                return Err(DumpError::TableAsSource { path: self.source.clone() });
            }
            options.lists.push(ListFile { split: None, path: absolute.clone() });
            options.layout = Some(Layout::Csv);
            let source = Source::open(&self.source, watch)?;
            return Dump::list(&options, source, watch);
        }
        let source = Source::open_indexed(&self.source, kept, watch)?;
        Dump::list(self, source, watch)
    }
}

/// True for the names of files with columns.
pub(super) fn is_table(path: &Path) -> bool {
    let extension = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("csv" | "tsv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_say_its_split() {
        let parsed = |text: &str| ListFile::parse(text).map(|list| (list.split, list.path));
        let split = |name: &str| Some(name.to_owned());
        assert_eq!(parsed("train=a/b.txt"), Ok((split("train"), "a/b.txt".into())));
        assert_eq!(parsed("a/b.txt"), Ok((None, "a/b.txt".into())));
        assert_eq!(parsed("a/x=1.txt"), Ok((None, "a/x=1.txt".into())));
        let wrong = ["=a.txt", "train=", "unfinished=a.txt", "my split=a.txt", "..=a.txt"];
        for wrong in wrong.into_iter().chain(["s3://b/a.txt", "train=https://host/a.txt"]) {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
