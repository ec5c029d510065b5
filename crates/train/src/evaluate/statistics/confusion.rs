//! Which class was taken for which, and what follows from it.

use serde::Serialize;

/// Counts: a row for each label, a column for each prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Confusion {
    counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Of no samples.
    pub fn new(classes: usize) -> Confusion {
        Confusion { counts: vec![vec![0; classes]; classes] }
    }

    /// Counts a sample.
    ///
    /// # Panics
    /// When there are not so many classes.
    pub fn add(&mut self, label: u16, prediction: u16) {
        self.counts[usize::from(label)][usize::from(prediction)] += 1;
    }

    /// `[label][prediction]`
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// Samples that are predicted right.
    pub fn right(&self) -> u64 {
        self.counts.iter().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// Precision, recall and F1 of each class.
    ///
    /// # Panics
    /// When there are not as many names as classes.
    pub fn class_scores(&self, names: &[String]) -> Vec<ClassScores> {
        assert_eq!(names.len(), self.counts.len(), "a name for each class");
        let of = |(class, name): (usize, &String)| {
            let support: u64 = self.counts[class].iter().sum();
            let predicted: u64 = self.counts.iter().map(|row| row[class]).sum();
            let right = self.counts[class][class];
            ClassScores {
                class: name.clone(),
                support,
                predicted,
                right,
                precision: share(right, predicted),
                recall: share(right, support),
                f1: share(2 * right, support + predicted),
            }
        };
        names.iter().enumerate().map(of).collect()
    }
}

/// 0 of none, as scikit-learn's `zero_division=0`.
fn share(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

/// How well one class is told from the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// Its name.
    pub class: String,
    /// Samples that are of it.
    pub support: u64,
    /// Samples that are said to be.
    pub predicted: u64,
    /// Samples that are both.
    pub right: u64,
    /// `right / predicted`; 0 of a class that is never predicted.
    pub precision: f64,
    /// `right / support`; 0 of a class without samples.
    pub recall: f64,
    /// Harmonic mean of both, `2 · right / (support + predicted)`; 0 where both are 0.
    pub f1: f64,
}

/// Means over all classes, those without samples or predictions counted as 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanScores {
    /// Of the precisions.
    pub precision: f64,
    /// Of the recalls.
    pub recall: f64,
    /// Of the F1 scores.
    pub f1: f64,
}

impl MeanScores {
    /// Each class as heavy as the others.
    pub fn macro_mean(classes: &[ClassScores]) -> MeanScores {
        MeanScores::weighted_by(classes, |_| 1)
    }

    /// Each class as heavy as it has samples.
    pub fn weighted_mean(classes: &[ClassScores]) -> MeanScores {
        MeanScores::weighted_by(classes, |class| class.support)
    }

    fn weighted_by(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> u64) -> MeanScores {
        let all: u64 = classes.iter().map(&weight).sum();
        let mean = |score: &dyn Fn(&ClassScores) -> f64| {
            let sum: f64 = classes.iter().map(|class| score(class) * weight(class) as f64).sum();
            if all == 0 { 0.0 } else { sum / all as f64 }
        };
        MeanScores {
            precision: mean(&|class| class.precision),
            recall: mean(&|class| class.recall),
            f1: mean(&|class| class.f1),
        }
    }
}
