//! What a model said of each sample.

use serde::Serialize;

use super::protocol::TTD_LEVELS;
use super::statistics::{Predicted, Scores, largest};

/// Predictions of samples, in the order in which they were read: that of storage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Predictions {
    /// Names of the classes that are scored.
    pub classes: Vec<String>,
    /// Sample ids.
    pub sample_ids: Vec<String>,
    /// The right class of each, an index into `classes`.
    pub labels: Vec<u16>,
    /// `[samples, classes]`: softmax in float32.
    pub probabilities: Vec<f32>,
    /// How many annotators agreed on each; where it is scored by.
    pub agreement: Option<Vec<u8>>,
}

/// A sample that was taken for something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    /// Its id.
    pub sample_id: String,
    /// What it is.
    pub label: String,
    /// What it was taken for.
    pub prediction: String,
    /// With which probability.
    pub probability: f32,
    /// The probability of what it is.
    pub label_probability: f32,
}

/// Scores of the samples that at least so many annotators agreed on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    /// At least so many of five annotators agreed.
    pub agreement: u8,
    /// Scores of these samples.
    pub scores: Scores,
}

impl Predictions {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True of none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The probabilities of a sample.
    ///
    /// # Panics
    /// When there are not so many samples.
    pub fn row(&self, sample: usize) -> &[f32] {
        &self.probabilities[sample * self.classes.len()..][..self.classes.len()]
    }

    /// The predicted class of each sample: of equal probabilities the first class.
    pub fn predicted(&self) -> Vec<u16> {
        (0..self.len()).map(|sample| largest(self.row(sample))).collect()
    }

    /// Their scores.
    pub fn scores(&self) -> Scores {
        let (classes, labels) = (self.classes.len(), &*self.labels);
        Scores::of(&self.classes, Predicted { classes, labels, probabilities: &self.probabilities })
    }

    /// Scores by agreement, the strictest level first; levels without samples are left out. `None` where agreement is not
    /// known.
    pub fn levels(&self) -> Option<Vec<Level>> {
        let agreement = self.agreement.as_ref()?;
        let of = |level: u8| {
            let taken = (0..self.len()).filter(|&sample| agreement[sample] >= level);
            let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
            for sample in taken {
                labels.push(self.labels[sample]);
                probabilities.extend_from_slice(self.row(sample));
            }
            let classes = self.classes.len();
            let predicted = Predicted { classes, labels: &labels, probabilities: &probabilities };
            (!labels.is_empty())
                .then(|| Level { agreement: level, scores: Scores::of(&self.classes, predicted) })
        };
        Some(TTD_LEVELS.into_iter().filter_map(of).collect())
    }

    /// The worst mistakes, at most so many: those whose label had the least probability, of equal ones the first.
    pub fn mistakes(&self, most: usize) -> Vec<Mistake> {
        let wrong = |&sample: &usize| largest(self.row(sample)) != self.labels[sample];
        let right_probability = |sample: usize| self.row(sample)[usize::from(self.labels[sample])];
        let mut samples: Vec<usize> = (0..self.len()).filter(wrong).collect();
        samples.sort_by(|&a, &b| right_probability(a).total_cmp(&right_probability(b)));
        let name = |class: u16| self.classes[usize::from(class)].clone();
        let mistake = |sample: usize| {
            let prediction = largest(self.row(sample));
            Mistake {
                sample_id: self.sample_ids[sample].clone(),
                label: name(self.labels[sample]),
                prediction: name(prediction),
                probability: self.row(sample)[usize::from(prediction)],
                label_probability: right_probability(sample),
            }
        };
        samples.into_iter().take(most).map(mistake).collect()
    }
}
