//! How the conversion went, from the log beside the dataset. The log is no part of the dataset: another
//! conversion into the same folder appends to it, and nothing tests its bytes.

use std::fs::File;
use std::io::ErrorKind::{InvalidFilename, NotFound};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Bytes of a log that are read at most.
const MAX_BYTES: u64 = 64_000_000;

/// A finished conversion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Throughput {
    /// Threads that decoded and compressed.
    pub threads: u64,
    /// From its beginning to its end, in seconds.
    pub seconds: f64,
    /// Photos a second, over all of it.
    pub photos_per_second: f64,
    /// Bytes of photos read.
    pub source_bytes: u64,
    /// Bytes of shards and ledger written.
    pub written_bytes: u64,
    /// Memory it held at most, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Samples that an earlier, interrupted conversion had stored already.
    pub resumed: u64,
    /// Shards in the order in which they were finished.
    pub shards: Vec<ShardDone>,
    /// Lines of the log that say nothing that is known.
    pub unreadable_lines: u64,
}

/// A shard that was finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardDone {
    /// Its file.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// When, in seconds from the beginning of the conversion.
    pub seconds: f64,
}

/// A line of the log.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Begun {
        threads: u64,
    },
    Shard(ShardDone),
    Finished(Finished),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Finished {
    content_root: String,
    seconds: f64,
    photos_per_second: f64,
    source_bytes: u64,
    written_bytes: u64,
    peak_memory_bytes: Option<u64>,
    resumed: u64,
}

impl Throughput {
    /// Reads the log of the conversion that gave `content_root`; the last one, where there were several. `None`
    /// where there is no log, or none of that conversion in it.
    ///
    /// # Errors
    /// When the log is there and cannot be read.
    pub fn read(log: &Path, content_root: &str) -> io::Result<Option<Throughput>> {
        let file = match File::open(log) {
            Ok(file) => file,
            // Or there cannot be one, by the dataset's long name.
            Err(error) if matches!(error.kind(), NotFound | InvalidFilename) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut found = None;
        let (mut threads, mut shards, mut unreadable) = (0, Vec::new(), 0);
        for line in BufReader::new(file.take(MAX_BYTES)).split(b'\n') {
            match serde_json::from_slice::<Event>(&line?) {
                Ok(Event::Begun { threads: begun }) => (threads, shards) = (begun, Vec::new()),
                Ok(Event::Shard(shard)) => shards.push(shard),
                Ok(Event::Finished(end)) if end.content_root == content_root => {
                    found = Some(Throughput {
                        threads,
                        seconds: end.seconds,
                        photos_per_second: end.photos_per_second,
                        source_bytes: end.source_bytes,
                        written_bytes: end.written_bytes,
                        peak_memory_bytes: end.peak_memory_bytes,
                        resumed: end.resumed,
                        shards: std::mem::take(&mut shards),
                        unreadable_lines: 0,
                    });
                }
                Ok(Event::Finished(_) | Event::Other) => {}
                Err(_) => unreadable += 1,
            }
        }
        Ok(found.map(|found| Throughput { unreadable_lines: unreadable, ..found }))
    }

    /// Photos a second while each shard was made: (from, to, photos a second), where time went by.
    pub fn rates(&self) -> Vec<(f64, f64, f64)> {
        let starts = std::iter::once(0.0).chain(self.shards.iter().map(|shard| shard.seconds));
        let rate = |(start, shard): (f64, &ShardDone)| {
            let took = shard.seconds - start;
            (took > 0.0).then(|| (start, shard.seconds, shard.rows as f64 / took))
        };
        starts.zip(&self.shards).filter_map(rate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_conversion_with_this_content_is_told_and_broken_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("out.log.jsonl");
        assert_eq!(Throughput::read(&log, "aa").unwrap(), None);
        let shard = |rows: u64, seconds: f64| {
            format!(
                r#"{{"event":"shard","file":"train/0.arrow","rows":{rows},"bytes":7,"seconds":{seconds},"unix_time":1.5}}"#
            )
        };
        let end = |root: &str| {
            format!(
                r#"{{"event":"finished","content_root":"{root}","seconds":4.0,"photos_per_second":25.0,"source_bytes":9,"written_bytes":8,"peak_memory_bytes":null,"resumed":0}}"#
            )
        };
        let begun = r#"{"event":"begun","threads":2,"recipe":{}}"#;
        let lines = [
            begun.to_owned(),
            shard(1, 1.0),
            end("old"),
            begun.to_owned(),
            shard(50, 2.0),
            r#"{"event":"forecast"}"#.to_owned(),
            "{broken".to_owned(),
            shard(50, 4.0),
            end("aa"),
            begun.to_owned(),
            shard(3, 9.0),
        ];
        std::fs::write(&log, lines.join("\n")).unwrap();
        let found = Throughput::read(&log, "aa").unwrap().unwrap();
        assert_eq!((found.shards.len(), found.threads, found.unreadable_lines), (2, 2, 1));
        assert_eq!(found.rates(), [(0.0, 2.0, 25.0), (2.0, 4.0, 25.0)]);
        assert_eq!(Throughput::read(&log, "bb").unwrap(), None);
    }
}
