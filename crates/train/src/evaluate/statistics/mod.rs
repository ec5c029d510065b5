//! Numbers that follow from predictions alone: no tensors, no files.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`proportion`] | a share with its 95 % interval |
//! | [`confusion`] | which class was taken for which; precision, recall, F1 |
//! | [`calibration`] | whether probabilities mean what they say; log loss, Brier score |
//! | [`folds`] | mean and standard deviation over folds or seeds |

pub mod calibration;
pub mod confusion;
pub mod folds;
pub mod proportion;

use serde::Serialize;

pub use calibration::{Bin, Calibration};
pub use confusion::{ClassScores, Confusion, MeanScores};
pub use folds::Folds;
pub use proportion::Proportion;

/// Predictions of one class of several for each sample, and what is right.
#[derive(Debug, Clone, Copy)]
pub struct Predicted<'a> {
    /// Number of classes; at least one.
    pub classes: usize,
    /// The right class of each sample.
    pub labels: &'a [u16],
    /// `[samples, classes]`, each row a distribution.
    pub probabilities: &'a [f32],
}

impl<'a> Predicted<'a> {
    /// The distribution of each sample, with its label.
    pub fn rows(self) -> impl Iterator<Item = (u16, &'a [f32])> {
        self.labels.iter().copied().zip(self.probabilities.chunks_exact(self.classes))
    }
}

/// The class of the largest probability; of equal ones the first, as NumPy's `argmax`.
pub fn largest(probabilities: &[f32]) -> u16 {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best as u16
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_probabilities_the_first_class_is_taken() {
        assert_eq!(largest(&[0.25, 0.375, 0.375]), 1);
        assert_eq!(largest(&[0.5, 0.5]), 0);
        assert_eq!(largest(&[1.0]), 0);
    }
}
