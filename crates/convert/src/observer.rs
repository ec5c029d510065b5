//! What a conversion tells whoever watches it.

use super::forecast::Forecast;
use crate::dump::Dump;
use tcolz_format::dataset::Counts;

/// What a conversion tells whoever watches it. Called on the thread that called [`convert`](super::convert()).
pub trait Observer {
    /// The dump is being listed: for a tar, and where files are compared, bytes gone through and all there are; for a
    /// folder, files found so far and 0.
    fn listing(&mut self, done: u64, all: u64) {
        let _ = (done, all);
    }
    /// The dump has been listed, and the conversion begins.
    fn begun(&mut self, dump: &Dump) {
        let _ = dump;
    }
    /// What the conversion will take, before its first byte; and the bytes that are free in OUT.
    fn forecast(&mut self, forecast: &Forecast, free_bytes: Option<u64>) {
        let _ = (forecast, free_bytes);
    }
    /// What an interrupted conversion left is tested: bytes of its shards that were read, and all there are.
    fn checking(&mut self, done: u64, all: u64) {
        let _ = (done, all);
    }
    /// Something that an interrupted conversion had finished is not as it was written, and is made again with all that
    /// came after it.
    fn damaged(&mut self, what: &str) {
        let _ = what;
    }
    /// An unfinished conversion is resumed: so many inputs were done before.
    fn resumed(&mut self, done: u64) {
        let _ = done;
    }
    /// One more input is done: counts so far, and the bytes of its file.
    fn done(&mut self, counts: &Counts, source_bytes: u64) {
        let _ = (counts, source_bytes);
    }
    /// Something that does not stop the work, in a sentence.
    fn note(&mut self, text: &str) {
        let _ = text;
    }
    /// A shard is complete on disk.
    fn shard(&mut self, file: &str, rows: u64) {
        let _ = (file, rows);
    }
}

/// Watches nothing.
impl Observer for () {}
