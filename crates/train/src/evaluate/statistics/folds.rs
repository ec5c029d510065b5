//! Several measurements of the same thing: folds of a cross-validation, seeds.

use std::fmt;

use serde::Serialize;

/// Values with their mean and sample standard deviation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Folds {
    /// The values, in their order.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// The root of the squared distances from the mean divided by one less than their number; `None` of one value.
    pub sample_sd: Option<f64>,
}

impl Folds {
    /// Of values, `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Folds> {
        let values: Vec<f64> = values.into_iter().collect();
        let number = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / number;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sample_sd = (values.len() > 1).then(|| (squares / (number - 1.0)).sqrt());
        Some(Folds { values, mean, sample_sd })
    }
}

impl fmt::Display for Folds {
    /// `0.871 ± 0.017 (0.881 0.847 0.881 0.858 0.886)`, with the precision that is asked for, else three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(3);
        write!(f, "{:.decimals$}", self.mean)?;
        let Some(sd) = self.sample_sd else { return Ok(()) };
        let values: Vec<String> =
            self.values.iter().map(|value| format!("{value:.decimals$}")).collect();
        write!(f, " ± {sd:.decimals$} ({})", values.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_have_a_mean_and_with_two_of_them_a_sample_standard_deviation() {
        let folds = Folds::of([0.881, 0.847, 0.881, 0.858, 0.886]).unwrap();
        assert_eq!(folds.to_string(), "0.871 ± 0.017 (0.881 0.847 0.881 0.858 0.886)");
        assert_eq!(format!("{:.1}", Folds::of([2.0, 4.0]).unwrap()), "3.0 ± 1.4 (2.0 4.0)");
        assert_eq!(Folds::of([0.5]).unwrap().to_string(), "0.500");
        assert_eq!(Folds::of([]), None);
    }
}
