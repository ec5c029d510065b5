//! How good predictions are: all the numbers of one evaluation.

use serde::Serialize;

use super::calibration::{self, Calibration};
use super::confusion::{ClassScores, Confusion, MeanScores};
use super::predicted::{Predicted, largest};
use super::proportion::Proportion;

/// How good predictions are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Samples, each counted once.
    pub samples: u64,
    /// The share that is predicted right.
    pub accuracy: Proportion,
    /// The accuracy of always naming the largest class.
    pub majority: f64,
    /// Precision, recall and F1 of each class.
    pub classes: Vec<ClassScores>,
    /// Their means over classes, each class as heavy as the others.
    pub macro_mean: MeanScores,
    /// Their means over classes, each as heavy as it has samples.
    pub weighted_mean: MeanScores,
    /// Counts: a row for each label, a column for each prediction.
    pub confusion: Confusion,
    /// Mean of −ln of the label's probability; see [`calibration::log_loss`].
    pub log_loss: f64,
    /// Mean squared distance from the label; see [`calibration::brier`].
    pub brier: f64,
    /// Whether probabilities mean what they say.
    pub calibration: Calibration,
}

impl Scores {
    /// Scores predictions; `names` are those of the classes.
    ///
    /// # Panics
    /// When `names`, labels and probabilities do not fit together.
    pub fn of(names: &[String], predicted: Predicted<'_>) -> Scores {
        assert_eq!(names.len(), predicted.classes, "a name for each class");
        let samples = predicted.labels.len();
        assert_eq!(predicted.probabilities.len(), samples * predicted.classes, "whole rows");
        let mut confusion = Confusion::new(predicted.classes);
        for (label, row) in predicted.rows() {
            confusion.add(label, largest(row));
        }
        let classes = confusion.class_scores(names);
        let most = classes.iter().map(|class| class.support).max().unwrap_or(0);
        Scores {
            samples: samples as u64,
            accuracy: Proportion::of(confusion.right(), samples as u64),
            majority: most as f64 / samples.max(1) as f64,
            macro_mean: MeanScores::macro_mean(&classes),
            weighted_mean: MeanScores::weighted_mean(&classes),
            classes,
            confusion,
            log_loss: calibration::log_loss(predicted),
            brier: calibration::brier(predicted),
            calibration: Calibration::of(predicted, calibration::BINS),
        }
    }
}
