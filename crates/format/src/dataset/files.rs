//! What the files of a dataset are called, where they lie, and the hash of a large one.

use std::fs::File;
use std::io::{self, Read};
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

/// Bytes that are read at a time. Memory for a whole ledger would cost more than to hash it.
const PIECE_BYTES: usize = 4 << 20;

/// BLAKE3 of a file, by all cores.
pub(super) fn hash_by_all_cores(path: &Path) -> io::Result<blake3::Hash> {
    let mut file = File::open(path)?;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let mut hasher = blake3::Hasher::new();
    loop {
        piece.clear();
        if file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)? == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update_rayon(&piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_by_all_cores_is_that_of_the_bytes_whatever_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let piece = PIECE_BYTES;
        for length in [0, 1, piece, piece + 1, 2 * piece, 3 * piece + 777] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 31 + at / 256) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(hash_by_all_cores(&path).unwrap(), blake3::hash(&bytes), "{length}");
        }
        assert!(hash_by_all_cores(&folder.path().join("none")).is_err());
    }
}
