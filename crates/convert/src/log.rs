//! The log beside a dataset: what happened when and how fast.
//!
//! Nothing of it lies inside the dataset, whose bytes do not depend on clocks, hosts or threads. Nothing of the dataset needs
//! it: where the folder of OUT may not be written to, or the log's name would be too long, there is none.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tcolz_format::dataset::log_path;

use serde_json::{Value, json};

/// `OUT.log.jsonl`: one JSON object a line, appended by each conversion into OUT.
pub(super) struct Log {
    /// `None` where there can be no log.
    file: Option<File>,
    begun: Instant,
}

impl Log {
    /// Opens the log of OUT. Where that is refused nothing is kept, and `note` is told why.
    pub(super) fn open(out: &Path, note: &mut dyn FnMut(&str)) -> Log {
        let path = log_path(out);
        // To open a named pipe could take for ever.
        let file = match path.metadata() {
            Ok(found) if !found.is_file() => Err(io::Error::other("not a regular file")),
            _ => OpenOptions::new().create(true).append(true).open(&path),
        };
        if let Err(error) = &file {
            note(&format!("no log is kept: {}: {error}", path.display()));
        }
        Log { file: file.ok(), begun: Instant::now() }
    }

    /// Seconds since the conversion began.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Appends an event. A log that cannot be written is no reason to stop a conversion.
    pub(super) fn event(&mut self, name: &str, mut fields: Value) {
        let Some(mut file) = self.file.as_ref() else { return };
        let unix =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        if let Some(object) = fields.as_object_mut() {
            object.insert("event".to_owned(), json!(name));
            object.insert("unix_time".to_owned(), json!(unix));
            object.insert("seconds".to_owned(), json!(self.seconds()));
        }
        let _ = writeln!(file, "{fields}");
    }
}
