//! A list as it is named by hand, and what is a table by its name.

use std::path::{Path, PathBuf};

use super::names::{SPLIT_NAME_RULE, is_split_name};
use tcolz_base::storage::{NotLocal, local_path};

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
