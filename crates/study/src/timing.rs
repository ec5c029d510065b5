//! Times of the same work, run again and again: their median and how well it is known.

use serde::Serialize;

/// Name of the method, with its version: the median of the runs, and its 95 % interval by order statistics. The interval
/// assumes nothing of how times are distributed, its ends are runs (so never below 0), and a few slow runs move neither.
pub const TIMING_METHOD: &str = "median-v1";

/// What may lie outside the interval on either side.
const OUTSIDE: f64 = 0.025;

/// Runs of the same work, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// How many runs.
    pub runs: usize,
    /// The median.
    pub median: f64,
    /// Lower end of the median's 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// The quickest run.
    pub quickest: f64,
    /// A quarter of the runs were as quick as this or quicker (nearest rank).
    pub lower_quartile: f64,
    /// A quarter of the runs were as slow as this or slower (nearest rank).
    pub upper_quartile: f64,
    /// The slowest run.
    pub slowest: f64,
    /// Every run, in their order.
    pub values: Vec<f64>,
}

impl Timing {
    /// Of the seconds of each run; `None` of none.
    pub fn of(values: Vec<f64>) -> Option<Timing> {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (&quickest, &slowest) = (sorted.first()?, sorted.last()?);
        let runs = sorted.len();
        let outside = outside(runs);
        let quarter = runs.div_ceil(4);
        Some(Timing {
            runs,
            median: (sorted[(runs - 1) / 2] + sorted[runs / 2]) / 2.0,
            low: sorted[outside],
            high: sorted[runs - 1 - outside],
            quickest,
            lower_quartile: sorted[quarter - 1],
            upper_quartile: sorted[runs - quarter],
            slowest,
            values,
        })
    }

    /// Whether the interval is no wider than this share of the median.
    pub(super) fn is_narrow(&self, share: f64) -> bool {
        self.high - self.low <= share * self.median
    }
}

/// How many runs lie outside the interval on either side. Each run is below the true median with probability 1/2, so the
/// number below it is binomial; fewer than six runs have no such interval, and all of them lie in it.
fn outside(runs: usize) -> usize {
    let mut probability = 0.5f64.powi(runs as i32);
    let (mut sum, mut outside) = (probability, 0);
    loop {
        // Of `outside + 1` runs or fewer below.
        probability *= (runs - outside) as f64 / (outside + 1) as f64;
        sum += probability;
        if sum > OUTSIDE || outside + 1 > (runs - 1) / 2 {
            return outside;
        }
        outside += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_median_is_that_of_the_sign_test() {
        // How many runs lie outside on either side, from tables of the sign test.
        for (runs, expected) in
            [(1, 0), (2, 0), (5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (15, 3), (20, 5), (40, 13)]
        {
            assert_eq!(outside(runs), expected, "{runs} runs");
        }
        let found = Timing::of((1..=15).rev().map(f64::from).collect()).unwrap();
        assert_eq!((found.median, found.low, found.high), (8.0, 4.0, 12.0));
        assert_eq!((found.lower_quartile, found.upper_quartile), (4.0, 12.0));
        assert_eq!((found.quickest, found.slowest, found.runs), (1.0, 15.0, 15));
        assert_eq!(found.values[0], 15.0, "in their order");
        assert_eq!(Timing::of(vec![1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Timing::of(Vec::new()), None);
    }

    #[test]
    fn a_few_slow_runs_move_neither_the_median_nor_its_interval_and_nothing_falls_below_0() {
        let quiet: Vec<f64> = (0..15).map(|run| 6.4e-3 + 1e-5 * f64::from(run % 5)).collect();
        let mut disturbed = quiet.clone();
        (disturbed[3], disturbed[9]) = (0.9, 14e-3);
        let [quiet, disturbed] = [quiet, disturbed].map(|values| Timing::of(values).unwrap());
        assert!((disturbed.median / quiet.median - 1.0).abs() < 0.01, "{disturbed:?}");
        assert!(disturbed.high < 6.5e-3 && disturbed.low > 0.0, "{disturbed:?}");
        assert!(quiet.is_narrow(0.04) && disturbed.is_narrow(0.04));
        assert!(!Timing::of(vec![1.0, 2.0, 3.0]).unwrap().is_narrow(0.04));
    }
}
