//! Parts of a file by their places, read ahead.

use std::fs::File;
use std::io;

use tcolz_base::positioned::read_exact_at;

/// A file, and the part of it that was read last. It has no cursor, so that threads may share the file.
pub(super) struct Window<'a> {
    file: &'a File,
    length: u64,
    /// Read at once.
    ahead: usize,
    begin: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    /// The first `length` bytes of a file, of which at least `ahead` are read at once.
    pub(super) fn new(file: &'a File, length: u64, ahead: usize) -> Window<'a> {
        Window { file, length, ahead, begin: 0, buffer: Vec::new() }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The `bytes` from `at` on, or as many of them as the file has.
    pub(super) fn get(&mut self, at: u64, bytes: usize) -> io::Result<&[u8]> {
        let at = at.min(self.length);
        let end = at.saturating_add(bytes as u64).min(self.length);
        if at < self.begin || end > self.begin + self.buffer.len() as u64 {
            let bytes = (self.length - at).min(bytes.max(self.ahead) as u64) as usize;
            self.buffer.resize(bytes, 0);
            // Nothing is held while this fails.
            self.begin = u64::MAX;
            read_exact_at(self.file, &mut self.buffer, at)?;
            self.begin = at;
        }
        Ok(&self.buffer[(at - self.begin) as usize..(end - self.begin) as usize])
    }
}
