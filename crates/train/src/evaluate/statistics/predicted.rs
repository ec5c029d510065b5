//! Predictions, row by row.

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
