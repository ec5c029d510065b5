//! One thing that is wrong with a dataset, and where it lies.

use serde::Serialize;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// File, as a path below the dataset's folder.
    pub file: String,
    /// Row in the shard, where the fault lies in a row.
    pub row: Option<u32>,
    /// The sample, where the fault lies in one.
    pub sample_id: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn of_file(file: &str, what: String) -> Fault {
        Fault { file: file.to_owned(), row: None, sample_id: None, what }
    }
}
