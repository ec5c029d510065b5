//! Sentiments of the tweets' texts against the labels of their photos.

use serde::Serialize;

/// Scores are added up in millionths, so that the order of rows changes nothing.
const PARTS: f64 = 1e6;

/// Text scores of stored samples, by class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextScores {
    /// One for each class of the dataset; the last for samples without a label.
    pub by_class: Vec<ClassScores>,
}

/// Text scores of the samples of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// Name of the class; `None` for samples without a label.
    pub class: Option<String>,
    /// Samples with scores.
    pub samples: u64,
    /// Mean scores: negative, neutral, positive, each sample's rounded to millionths; `None` of no samples.
    pub mean: Option<[f64; 3]>,
    /// Samples whose highest score is the negative, the neutral, the positive one; of equals the first.
    pub highest: [u64; 3],
}

/// Scores of a class in the making.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ScoreSums {
    pub(super) samples: u64,
    /// In millionths.
    parts: [u64; 3],
    highest: [u64; 3],
}

impl ScoreSums {
    pub(super) fn add(&mut self, scores: [f32; 3]) {
        self.samples += 1;
        // Scores are probabilities; whatever else a ledger holds must not overflow the sums.
        let parts = scores.map(|score| (f64::from(score).clamp(0.0, 1.0) * PARTS).round() as u64);
        self.parts.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        let first_highest =
            (1..3).fold(0, |best, index| if scores[index] > scores[best] { index } else { best });
        self.highest[first_highest] += 1;
    }

    pub(super) fn merge(&mut self, other: &ScoreSums) {
        self.samples += other.samples;
        self.parts.iter_mut().zip(other.parts).for_each(|(sum, part)| *sum += part);
        self.highest.iter_mut().zip(other.highest).for_each(|(sum, number)| *sum += number);
    }

    pub(super) fn finish(&self, class: Option<String>) -> ClassScores {
        let mean = |parts: u64| parts as f64 / PARTS / self.samples as f64;
        ClassScores {
            class,
            samples: self.samples,
            mean: (self.samples > 0).then(|| self.parts.map(mean)),
            highest: self.highest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_highest_scores_do_not_depend_on_the_order() {
        let scores = [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8], [f32::NAN, 7.0, -1.0]];
        let (mut forward, mut halves) = (ScoreSums::default(), [ScoreSums::default(); 2]);
        scores.iter().for_each(|&scores| forward.add(scores));
        scores.iter().rev().enumerate().for_each(|(index, &scores)| halves[index % 2].add(scores));
        let [mut all, other] = halves;
        all.merge(&other);
        let found = forward.finish(None);
        assert_eq!(all.finish(None), found);
        assert_eq!(found.highest.iter().sum::<u64>(), 4);
        assert_eq!(found.highest[2], 1);
        assert_eq!(found.mean, Some([0.7 / 4.0, 0.5, 1.3 / 4.0]));
        assert_eq!(ScoreSums::default().finish(None).mean, None);
    }
}
