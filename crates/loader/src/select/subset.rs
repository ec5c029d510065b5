//! The samples that the lines of a file name.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::LoaderError;
use tcolz_base::door::call;
use tcolz_base::text_file;

/// How many characters of a line are shown.
const MAX_SHOWN: usize = 80;

/// What a line may mean, the likeliest first: the line is a sample id; it is a list's `path label`;
/// either of them below a top folder, as `tar` puts one in front.
const READINGS: usize = 4;

/// Index of a line, and the reading by which it may mean a sample.
pub(super) type Meaning = (u32, u8);

/// Lines of a file, each with the sample ids that it may mean.
#[derive(Debug)]
pub(super) struct Subset {
    path: PathBuf,
    lines: Vec<Line>,
    /// Sample id → lines that may mean it.
    meanings: HashMap<Box<str>, Vec<Meaning>>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    shown: Box<str>,
    /// The likeliest reading that names a line of the ledger.
    best: u8,
    /// Rows of the ledger that are candidates, and by which reading.
    rows: Vec<(u32, u8)>,
}

/// What the lines of a subset's file came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubsetCounts {
    /// Lines that are not blank.
    pub lines: usize,
    /// Of these, lines that name what an earlier line has named.
    pub repeated: usize,
    /// Of these, lines that name only samples of another split, or what is not stored.
    pub elsewhere: usize,
}

impl Subset {
    /// Reads the file `path`: a sample id or a list line on each line, blank lines skipped.
    pub(super) fn read(path: &Path) -> Result<Subset, LoaderError> {
        let error = |source| LoaderError::SubsetFile { path: path.to_owned(), source };
        // Lines of old Macs end with CR alone.
        let text = text_file::read(path).map_err(error)?.replace("\r\n", "\n").replace('\r', "\n");
        let mut subset = Subset { path: path.to_owned(), lines: vec![], meanings: HashMap::new() };
        for (text, number) in text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty()) {
            let index = subset.lines.len() as u32;
            for (reading, id) in (0..).zip(readings(text)) {
                let meanings = id.map(|id| subset.meanings.entry(id.into()).or_default());
                if let Some(meanings) = meanings {
                    meanings.push((index, reading));
                }
            }
            let shown = text.trim().chars().take(MAX_SHOWN).collect::<String>().into();
            subset.lines.push(Line { number, shown, best: u8::MAX, rows: Vec::new() });
        }
        if subset.lines.is_empty() {
            let reason = format!(
                "names no sample: expected a sample id on each line, as {} names them",
                call("find", &["DATASET", "ID"], &[])
            );
            return Err(error(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        Ok(subset)
    }

    /// The lines that may mean a sample.
    pub(super) fn meanings(&self, sample_id: &str) -> &[Meaning] {
        self.meanings.get(sample_id).map_or(&[], Vec::as_slice)
    }

    /// Tells of a line of the ledger that means a sample; `row` is its place among the split's stored
    /// samples, `None` for what is in another split or not stored.
    pub(super) fn see(&mut self, (line, reading): Meaning, row: Option<u32>) {
        let line = &mut self.lines[line as usize];
        line.best = line.best.min(reading);
        line.rows.extend(row.map(|row| (row, reading)));
    }

    /// For each of `rows` stored samples, whether a line names it.
    ///
    /// # Errors
    /// [`LoaderError::SubsetLine`] when a line names nothing at all.
    pub(super) fn finish(self, rows: usize) -> Result<(Vec<bool>, SubsetCounts), LoaderError> {
        let mut unknown = self.lines.iter().filter(|line| line.best == u8::MAX);
        if let Some(first) = unknown.next() {
            return Err(LoaderError::SubsetLine {
                path: self.path,
                line: first.number,
                found: first.shown.to_string(),
                unknown: 1 + unknown.count(),
            });
        }
        let mut named = vec![false; rows];
        let mut counts = SubsetCounts { lines: self.lines.len(), ..SubsetCounts::default() };
        for line in &self.lines {
            let mut rows = line.rows.iter().filter(|(_, reading)| *reading == line.best).peekable();
            counts.elsewhere += usize::from(rows.peek().is_none());
            for &(row, _) in rows {
                counts.repeated += usize::from(named[row as usize]);
                named[row as usize] = true;
            }
        }
        Ok((named, counts))
    }
}

/// The sample ids that a line may mean, the likeliest first; none twice.
fn readings(line: &str) -> [Option<String>; READINGS] {
    let whole = line.trim();
    let path = whole.rsplit_once([' ', '\t']).map(|(path, _)| path.trim_end());
    let whole = normal(whole);
    let path = path.map(normal);
    let below = |id: &String| id.split_once('/').map(|(_, below)| below.to_owned());
    let (inner, inner_path) = (below(&whole), path.as_ref().and_then(below));
    [Some(whole), path, inner, inner_path]
}

/// As sample ids are written: no `./`, no empty part.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_line_means_an_id_before_it_means_a_list_line_or_something_below_a_folder() {
        let means = |line: &str| readings(line).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(means("./data//1.jpg 2\r"), ["data/1.jpg 2", "data/1.jpg", "1.jpg 2", "1.jpg"]);
        assert_eq!(means("1.jpg"), ["1.jpg"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subset.txt");
        fs::write(&path, "top/a.jpg 1\n\na.jpg\n").unwrap();
        let named = |ids: &[&str]| {
            let mut subset = Subset::read(&path).unwrap();
            for (id, row) in ids.iter().zip(0..) {
                for meaning in subset.meanings(id).to_vec() {
                    subset.see(meaning, Some(row));
                }
            }
            subset.finish(ids.len())
        };
        let (both, counts) = named(&["a.jpg", "top/a.jpg"]).unwrap();
        assert_eq!((both, counts.repeated), (vec![true, true], 0), "each line its own sample");
        let (one, counts) = named(&["a.jpg"]).unwrap();
        assert_eq!((one, counts.repeated, counts.lines), (vec![true], 1, 2));
        let error = named(&["b.jpg"]).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("(2 such lines)"), "{error}");
    }
}
