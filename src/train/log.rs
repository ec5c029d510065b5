//! What a run writes down as it goes.
//!
//! | file | a row for | same numbers after a kill |
//! | --- | --- | --- |
//! | `log.csv` | each epoch | yes |
//! | `steps.csv` | each step | yes |
//! | `times.csv` | each epoch: how long it took | no: time is no part of a result |
//!
//! Rows behind the last checkpoint are written again by whoever goes on from it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Result, TrainError};
use crate::durable::{self, DurableFile};

/// Name of the file with a row for each epoch.
pub const LOG_FILE: &str = "log.csv";
/// Name of the file with a row for each step.
pub const STEPS_FILE: &str = "steps.csv";
/// Name of the file that says how long each epoch took.
pub const TIMES_FILE: &str = "times.csv";

const LOG_HEADER: &str = "epoch,step,learning_rate,train_loss,train_accuracy,train_samples,validation_loss,\
                          validation_accuracy,validation_samples,best";
const STEPS_HEADER: &str = "step,epoch,learning_rate,loss,accuracy";
const TIMES_HEADER: &str = "epoch,seconds,photos_per_second,waiting_share";

/// An epoch of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Steps done in the run.
    pub step: u64,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss while it was trained, with label smoothing and class weights where asked for.
    pub train_loss: f64,
    /// Share of right answers while it was trained.
    pub train_accuracy: f64,
    /// Samples that were trained on.
    pub train_samples: u64,
    /// What it reached on other samples; `None` without validation.
    pub validation: Option<Validated>,
    /// It is the best one so far; without validation the last one is.
    pub best: bool,
}

/// What an epoch reached on samples that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of right answers, from 0 to 1.
    pub accuracy: f64,
    /// How many samples.
    pub samples: u64,
}

impl EpochRow {
    fn line(&self) -> String {
        let EpochRow { epoch, step, learning_rate, train_loss, train_accuracy, .. } = self;
        let validation = self.validation.map_or_else(
            || ",,".to_owned(),
            |found| format!("{:.8},{:.6},{}", found.loss, found.accuracy, found.samples),
        );
        format!(
            "{epoch},{step},{learning_rate:e},{train_loss:.8},{train_accuracy:.6},{},{validation},{}\n",
            self.train_samples,
            u8::from(self.best)
        )
    }
}

/// Writes `log.csv`, whole or not at all.
pub(super) fn write_log(folder: &Path, rows: &[EpochRow]) -> Result<()> {
    let mut text = format!("{LOG_HEADER}\n");
    rows.iter().for_each(|row| text.push_str(&row.line()));
    let path = folder.join(LOG_FILE);
    durable::write(&path, text.as_bytes()).map_err(TrainError::io(&path))
}

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

/// A CSV file whose first column numbers its rows from 1, ascending, and that is appended to.
#[derive(Debug)]
pub(super) struct Rows {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Rows {
    /// `steps.csv` of a run that goes on behind step `done`.
    pub(super) fn steps(folder: &Path, done: u64) -> Result<Rows> {
        Rows::open(&folder.join(STEPS_FILE), STEPS_HEADER, done)
    }

    /// `times.csv` of a run that goes on behind epoch `done`.
    pub(super) fn times(folder: &Path, done: u64) -> Result<Rows> {
        Rows::open(&folder.join(TIMES_FILE), TIMES_HEADER, done)
    }

    /// Keeps the rows up to number `done`, and opens the file for those behind.
    fn open(path: &Path, header: &str, done: u64) -> Result<Rows> {
        let io = |error| TrainError::Io { path: path.to_owned(), source: error };
        let mut kept = DurableFile::create(path).map_err(io)?;
        writeln!(kept, "{header}").map_err(io)?;
        if done > 0
            && let Ok(file) = File::open(path)
        {
            for line in BufReader::new(file).lines().skip(1) {
                let line = line.map_err(io)?;
                let number = line.split(',').next().and_then(|number| number.parse::<u64>().ok());
                match number {
                    Some(number) if number <= done => writeln!(kept, "{line}").map_err(io)?,
                    _ => break,
                }
            }
        }
        kept.commit().map_err(io)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        Ok(Rows { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(super) fn step(&mut self, row: &StepRow) -> Result<()> {
        let StepRow { step, epoch, learning_rate, loss, accuracy } = row;
        self.line(format_args!("{step},{epoch},{learning_rate:e},{loss:.8},{accuracy:.6}"))
    }

    pub(super) fn time(&mut self, epoch: u32, seconds: f64, rate: f64, waiting: f64) -> Result<()> {
        self.line(format_args!("{epoch},{seconds:.3},{rate:.1},{waiting:.4}"))
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        writeln!(self.file, "{line}").map_err(TrainError::io(&self.path))
    }

    /// Everything so far is on the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.file.flush().map_err(TrainError::io(&self.path))?;
        self.file.get_ref().sync_data().map_err(TrainError::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_behind_the_checkpoint_are_dropped_and_half_a_row_too() {
        let folder = tempfile::tempdir().unwrap();
        let row = |step| StepRow { step, epoch: 1, learning_rate: 0.01, loss: 0.5, accuracy: 0.25 };
        let mut rows = Rows::steps(folder.path(), 0).unwrap();
        (1..=4).for_each(|step| rows.step(&row(step)).unwrap());
        rows.sync().unwrap();
        drop(rows);
        let path = folder.path().join(STEPS_FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, whole.clone() + "5,1,1e-").unwrap();
        let mut rows = Rows::steps(folder.path(), 3).unwrap();
        rows.step(&row(4)).unwrap();
        rows.sync().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        drop(Rows::steps(folder.path(), 0).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{STEPS_HEADER}\n"));
    }

    #[test]
    fn an_epoch_is_a_row_as_its_header_says() {
        let row = EpochRow {
            epoch: 2,
            step: 20,
            learning_rate: 1e-3,
            train_loss: 0.5,
            train_accuracy: 0.75,
            train_samples: 99,
            validation: Some(Validated { loss: 0.25, accuracy: 0.5, samples: 8 }),
            best: true,
        };
        assert_eq!(row.line(), "2,20,1e-3,0.50000000,0.750000,99,0.25000000,0.500000,8,1\n");
        let columns = LOG_HEADER.split(',').count();
        let without = EpochRow { validation: None, ..row };
        for row in [row, without] {
            assert_eq!(row.line().split(',').count(), columns);
        }
    }
}
