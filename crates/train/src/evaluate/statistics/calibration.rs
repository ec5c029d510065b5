//! Whether probabilities mean what they say: of samples that a class is claimed for with 0.8, eight of ten are
//! of it.

use serde::Serialize;

use super::predicted::{Predicted, largest};

/// Bins of the reliability diagram, as Guo et al. (2017) took.
pub const BINS: usize = 15;

/// What a float32 probability is kept away from 0 and 1 by before its logarithm is taken: that type's epsilon,
/// as scikit-learn's `log_loss` does.
const EPSILON: f64 = f32::EPSILON as f64;

/// Mean of −ln of the label's probability, in float64, the probability kept within 2⁻²³ and 1 − 2⁻²³. 0 of no
/// samples.
pub fn log_loss(predicted: Predicted<'_>) -> f64 {
    let loss = |(label, row): (u16, &[f32])| {
        -f64::from(row[usize::from(label)]).clamp(EPSILON, 1.0 - EPSILON).ln()
    };
    predicted.rows().map(loss).sum::<f64>() / predicted.labels.len().max(1) as f64
}

/// The score of Brier (1950): mean over samples of the sum over classes of (probability − 1 or 0)², from 0 to 2;
/// for two classes twice what scikit-learn gives by itself. 0 of no samples.
pub fn brier(predicted: Predicted<'_>) -> f64 {
    let score = |(label, row): (u16, &[f32])| -> f64 {
        let off = |(class, probability): (usize, &f32)| {
            let right = if class == usize::from(label) { 1.0 } else { 0.0 };
            (f64::from(*probability) - right).powi(2)
        };
        row.iter().enumerate().map(off).sum()
    };
    predicted.rows().map(score).sum::<f64>() / predicted.labels.len().max(1) as f64
}

/// The reliability diagram of the predicted class's probability, and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Bins of equal width from 0 to 1.
    pub bins: Vec<Bin>,
    /// The expected calibration error: mean over samples of |accuracy − confidence| of their bin.
    pub expected_error: f64,
    /// The largest |accuracy − confidence| of a bin that holds samples.
    pub largest_error: f64,
}

/// Samples whose predicted class has a probability above `from` and at most `to`; of the first bin also 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower end, not in it.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// Samples in it.
    pub samples: u64,
    /// Mean probability of the predicted class; 0 of none.
    pub confidence: f64,
    /// The share that is predicted right; 0 of none.
    pub accuracy: f64,
}

impl Calibration {
    /// Of `bins` bins.
    ///
    /// # Panics
    /// When `bins` is 0.
    pub fn of(predicted: Predicted<'_>, bins: usize) -> Calibration {
        assert!(bins > 0, "a diagram has bins");
        let width = 1.0 / bins as f64;
        let mut sums = vec![(0u64, 0u64, 0.0f64); bins];
        for (label, row) in predicted.rows() {
            let prediction = largest(row);
            let confidence = f64::from(row[usize::from(prediction)]);
            // As NumPy's searchsorted among the inner edges: an edge belongs to the bin below it.
            let bin = (1..bins).take_while(|&edge| edge as f64 * width < confidence).count();
            let (samples, right, sum) = &mut sums[bin];
            *samples += 1;
            *right += u64::from(prediction == label);
            *sum += confidence;
        }
        let mean = |sum: f64, samples: u64| if samples == 0 { 0.0 } else { sum / samples as f64 };
        let bin = |(place, &(samples, right, sum)): (usize, &(u64, u64, f64))| Bin {
            from: place as f64 * width,
            to: if place + 1 == bins { 1.0 } else { (place + 1) as f64 * width },
            samples,
            confidence: mean(sum, samples),
            accuracy: mean(right as f64, samples),
        };
        let bins: Vec<Bin> = sums.iter().enumerate().map(bin).collect();
        let gap = |bin: &Bin| (bin.accuracy - bin.confidence).abs();
        let weighted: f64 = bins.iter().map(|bin| gap(bin) * bin.samples as f64).sum();
        Calibration {
            expected_error: mean(weighted, predicted.labels.len() as u64),
            largest_error: bins.iter().map(gap).fold(0.0, f64::max),
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_below_it_and_1_to_the_last() {
        let probabilities = [0.5, 0.5, 0.75, 0.25, 1.0, 0.0, 0.25, 0.75];
        let predicted =
            Predicted { classes: 2, labels: &[0, 0, 0, 1], probabilities: &probabilities };
        let found = Calibration::of(predicted, 4);
        let samples: Vec<u64> = found.bins.iter().map(|bin| bin.samples).collect();
        assert_eq!(samples, [0, 1, 2, 1]);
        assert_eq!((found.bins[2].confidence, found.bins[2].accuracy), (0.75, 1.0));
        assert_eq!(found.expected_error, (0.5 + 0.25 * 2.0) / 4.0);
        assert_eq!(found.largest_error, 0.5);
    }
}
