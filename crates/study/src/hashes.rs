//! BLAKE3 of the files that a study names, each read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::StudyError;

/// Hashes of files that were read already.
#[derive(Debug, Default)]
pub(super) struct FileHashes(HashMap<PathBuf, String>);

impl FileHashes {
    /// BLAKE3 of a file.
    pub(super) fn of(&mut self, path: &Path) -> Result<String, StudyError> {
        if let Some(hash) = self.0.get(path) {
            return Ok(hash.clone());
        }
        let mut file = std::fs::File::open(path).map_err(StudyError::io(path))?;
        let mut hash = blake3::Hasher::new();
        hash.update_reader(&mut file).map_err(StudyError::io(path))?;
        let hash = hash.finalize().to_hex().to_string();
        self.0.insert(path.to_owned(), hash.clone());
        Ok(hash)
    }
}
