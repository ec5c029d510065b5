//! `log.csv`: a row for each epoch of a run, the same numbers after a kill.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Result, TrainError};
use super::files::LOG_FILE;
use tcolz_base::durable;

const LOG_HEADER: &str = "epoch,step,learning_rate,train_loss,train_accuracy,train_samples,validation_loss,\
                          validation_accuracy,validation_samples,best";

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

/// Writes `log.csv`, where it is not there as it should be; whether it was not.
pub(super) fn write_log(folder: &Path, rows: &[EpochRow]) -> Result<bool> {
    let mut text = format!("{LOG_HEADER}\n");
    rows.iter().for_each(|row| text.push_str(&row.line()));
    let path = folder.join(LOG_FILE);
    durable::write_changed(&path, text.as_bytes()).map_err(TrainError::io(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

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
