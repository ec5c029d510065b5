//! Files that are appended to as a run goes.
//!
//! | file | a row for | same numbers after a kill |
//! | --- | --- | --- |
//! | `steps.csv` | each step | yes |
//! | `times.csv` | each epoch: how long it took | no: time is no part of a result |
//! | `resources.csv` | each second | no |
//!
//! Rows behind the last checkpoint are written again by whoever goes on from it. Those before it are tested against
//! the hash in the checkpoint.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Result, TrainError};
use super::files::{RESOURCES_FILE, STEPS_FILE, TIMES_FILE};
use tcolz_base::durable;

const STEPS_HEADER: &str = "step,epoch,learning_rate,loss,accuracy";
const TIMES_HEADER: &str = "epoch,seconds,photos_per_second,waiting_share";
/// CPU load: 100 is one core. Empty where the system or the device does not say.
const RESOURCES_HEADER: &str =
    "seconds,cpu_percent,resident_bytes,virtual_bytes,device_memory_bytes";

/// A step of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepRow {
    /// The step, from 1.
    pub(super) step: u64,
    /// Its epoch, from 1.
    pub(super) epoch: u32,
    pub(super) learning_rate: f64,
    pub(super) loss: f64,
    pub(super) accuracy: f64,
}

/// How far a file goes that a checkpoint counts on, and the BLAKE3 of so much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    bytes: u64,
    blake3: String,
}

/// Marks by the names of their files.
pub(super) type Marks = BTreeMap<String, Mark>;

/// A CSV file that is appended to.
#[derive(Debug)]
pub(super) struct Rows {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    hash: blake3::Hasher,
}

/// Tests the files of a finished run. The rows of a damaged one are dropped, and nothing else is written; returns what
/// was wrong.
pub(super) fn check_files(folder: &Path, marks: &Marks) -> Result<Vec<String>> {
    let headers = [
        (STEPS_FILE, STEPS_HEADER),
        (TIMES_FILE, TIMES_HEADER),
        (RESOURCES_FILE, RESOURCES_HEADER),
    ];
    let mut faults = Vec::new();
    for (name, header) in headers {
        // An earlier version marked none.
        let Some(mark) = marks.get(name) else { continue };
        let path = folder.join(name);
        if let Err(fault) = mark.check(&read(&path)?) {
            let text = format!("{header}\n");
            durable::write(&path, text.as_bytes()).map_err(TrainError::io(&path))?;
            faults.push(dropped(&path, &fault));
        }
    }
    Ok(faults)
}

/// A file's bytes; none where it is gone.
fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => text.map_err(TrainError::io(path)),
    }
}

fn dropped(path: &Path, fault: &str) -> String {
    format!("{}: {fault}: all its rows are dropped", path.display())
}

impl Rows {
    /// `steps.csv` of a run that goes on from a checkpoint with so many steps done, and what was wrong with it.
    pub(super) fn steps(folder: &Path, marks: &Marks, done: u64) -> Result<(Rows, Option<String>)> {
        let mark = marks.get(STEPS_FILE);
        Rows::open(&folder.join(STEPS_FILE), STEPS_HEADER, mark, done as f64)
    }

    /// `times.csv`, in the same way, with so many epochs done.
    pub(super) fn times(folder: &Path, marks: &Marks, done: u32) -> Result<(Rows, Option<String>)> {
        let mark = marks.get(TIMES_FILE);
        Rows::open(&folder.join(TIMES_FILE), TIMES_HEADER, mark, done.into())
    }

    /// `resources.csv`, in the same way, after so many seconds.
    pub(super) fn resources(
        folder: &Path,
        marks: &Marks,
        done: f64,
    ) -> Result<(Rows, Option<String>)> {
        let mark = marks.get(RESOURCES_FILE);
        Rows::open(&folder.join(RESOURCES_FILE), RESOURCES_HEADER, mark, done)
    }

    /// Keeps what is marked, and drops all rows where that is damaged. Without a mark, as earlier versions went on, keeps
    /// the rows whose first number is at most `done`.
    fn open(
        path: &Path,
        header: &str,
        mark: Option<&Mark>,
        done: f64,
    ) -> Result<(Rows, Option<String>)> {
        let io = |error| TrainError::Io { path: path.to_owned(), source: error };
        let text = read(path)?;
        let (kept, fault) = match mark {
            Some(mark) => match mark.check(&text) {
                Ok(kept) => (kept.to_owned(), None),
                Err(fault) => (format!("{header}\n").into_bytes(), Some(fault)),
            },
            None => (numbered(&text, header, done).into_bytes(), None),
        };
        if kept != text {
            durable::write(path, &kept).map_err(io)?;
        }
        let file = BufWriter::new(OpenOptions::new().append(true).open(path).map_err(io)?);
        let mut hash = blake3::Hasher::new();
        hash.update(&kept);
        let rows = Rows { path: path.to_owned(), file, bytes: kept.len() as u64, hash };
        Ok((rows, fault.map(|fault| dropped(path, &fault))))
    }

    pub(super) fn step(&mut self, row: &StepRow) -> Result<()> {
        let StepRow { step, epoch, learning_rate, loss, accuracy } = row;
        self.line(format_args!("{step},{epoch},{learning_rate:e},{loss:.8},{accuracy:.6}"))
    }

    pub(super) fn time(&mut self, epoch: u32, seconds: f64, rate: f64, waiting: f64) -> Result<()> {
        self.line(format_args!("{epoch},{seconds:.3},{rate:.1},{waiting:.4}"))
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes()).map_err(TrainError::io(&self.path))?;
        self.bytes += line.len() as u64;
        self.hash.update(line.as_bytes());
        Ok(())
    }

    /// Hands everything so far to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(TrainError::io(&self.path))
    }

    /// Everything so far is on the disk: how far that is.
    pub(super) fn mark(&mut self) -> Result<Mark> {
        self.flush()?;
        self.file.get_ref().sync_data().map_err(TrainError::io(&self.path))?;
        Ok(Mark { bytes: self.bytes, blake3: self.hash.finalize().to_string() })
    }
}

impl Mark {
    /// So much of a file as is marked, or what is wrong with it.
    fn check<'a>(&self, text: &'a [u8]) -> std::result::Result<&'a [u8], String> {
        let Mark { bytes, blake3: expected } = self;
        let marked = usize::try_from(*bytes).ok().and_then(|bytes| text.get(..bytes));
        let Some(marked) = marked else {
            return Err(format!("expected at least {bytes} bytes, found {}", text.len()));
        };
        let found = blake3::hash(marked).to_string();
        match found == *expected {
            true => Ok(marked),
            false => {
                Err(format!("its first {bytes} bytes have the BLAKE3 {found}, expected {expected}"))
            }
        }
    }
}

/// The header, and the whole rows whose first number is at most `done`; none where nothing is done.
fn numbered(text: &[u8], header: &str, done: f64) -> String {
    let text = String::from_utf8_lossy(text);
    let rows = text.split_inclusive('\n').skip(1).take_while(|row| {
        let number = row.split(',').next().and_then(|number| number.parse::<f64>().ok());
        done > 0.0 && row.ends_with('\n') && number.is_some_and(|number| number <= done)
    });
    format!("{header}\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_behind_the_checkpoint_are_dropped_and_half_a_row_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(STEPS_FILE);
        let row = |step| StepRow { step, epoch: 1, learning_rate: 0.01, loss: 0.5, accuracy: 0.25 };
        let open = |mark: Option<&Mark>, done| {
            let (rows, fault) = Rows::open(&path, STEPS_HEADER, mark, done).unwrap();
            assert_eq!(fault, None);
            rows
        };
        let mut rows = open(None, 0.0);
        (1..=3).for_each(|step| rows.step(&row(step)).unwrap());
        let mark = rows.mark().unwrap();
        rows.step(&row(4)).unwrap();
        rows.flush().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        // With the mark of a checkpoint, and by the numbers of the rows.
        for (mark, done) in [(Some(&mark), 0.0), (None, 3.0)] {
            fs::write(&path, whole.clone() + "5,1,1e-").unwrap();
            let mut rows = open(mark, done);
            rows.step(&row(4)).unwrap();
            rows.flush().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        }
        drop(open(None, 0.0));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{STEPS_HEADER}\n"));
    }

    #[test]
    fn rows_that_are_not_what_the_checkpoint_counts_on_are_dropped_with_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TIMES_FILE);
        let mut rows = Rows::open(&path, TIMES_HEADER, None, 0.0).unwrap().0;
        rows.time(1, 2.0, 3.0, 0.5).unwrap();
        let mark = rows.mark().unwrap();
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() - 3] ^= 1;
        for (damaged, words) in
            [(&flipped[..], "expected"), (&whole[..9], "found 9"), (b"", "found 0")]
        {
            fs::write(&path, damaged).unwrap();
            let (_, fault) = Rows::open(&path, TIMES_HEADER, Some(&mark), 0.0).unwrap();
            assert!(fault.as_ref().is_some_and(|fault| fault.contains(words)), "{fault:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{TIMES_HEADER}\n"));
        }
    }
}
