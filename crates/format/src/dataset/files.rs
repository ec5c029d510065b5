//! What the files of a dataset are called, and where they lie.

use std::path::{Path, PathBuf};

/// Name of the file inside a dataset.
pub const DATASET_FILE: &str = "dataset.json";
/// Name of the ledger inside a dataset.
pub const LEDGER_FILE: &str = "ledger.parquet";

/// The dataset that a path is the folder of, or lies in: nothing else is written there. A foreign file called dataset.json
/// makes no dataset of the folders below it.
pub fn dataset_around(path: &Path) -> Option<&Path> {
    let has = |folder: &Path, file: &str| folder.join(file).is_file();
    path.ancestors().find(|folder| has(folder, DATASET_FILE) && has(folder, LEDGER_FILE))
}

/// Where the log of conversions into `out` lies: beside it.
pub fn log_path(out: &Path) -> PathBuf {
    let mut path = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    if path.file_name().is_none() {
        // `..` at the end: the name is only known to the disk.
        path = path.canonicalize().unwrap_or(path);
    }
    // By the name and not by the text of the path, which may end in `/`.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".log.jsonl");
    path.set_file_name(name);
    path
}

/// Folder inside a dataset in which an unfinished conversion keeps its journal; gone once it has finished.
pub const JOURNAL_FOLDER: &str = "unfinished";
