//! A share of samples, and where the true share lies.

use serde::Serialize;

/// The quantile of the normal distribution that leaves 2.5 % above it.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its 95 % interval after Wilson (1927), without continuity correction: it stays within 0 and 1
/// and holds for few samples and for shares near 0 and 1, where the usual ± does not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Proportion {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// `count / of`; 0 of none.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Proportion {
    /// `count` of `of` samples. Of none nothing is known: the interval is 0 to 1.
    pub fn of(count: u64, of: u64) -> Proportion {
        if of == 0 {
            return Proportion { count, of, value: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, value) = (of as f64, count as f64 / of as f64);
        let square = Z * Z;
        let middle = (value + square / (2.0 * n)) / (1.0 + square / n);
        let half =
            Z / (1.0 + square / n) * (value * (1.0 - value) / n + square / (4.0 * n * n)).sqrt();
        // At the ends the formula's limit is the end itself; rounding must not step over it.
        let low = if count == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if count == of { 1.0 } else { (middle + half).min(1.0) };
        Proportion { count, of, value, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_share_stays_within_0_and_1_and_narrows_with_samples() {
        for of in 1..200u64 {
            for count in 0..=of {
                let found = Proportion::of(count, of);
                assert!(0.0 <= found.low && found.low <= found.value, "{found:?}");
                assert!(found.value <= found.high && found.high <= 1.0, "{found:?}");
            }
        }
        let width = |found: Proportion| found.high - found.low;
        assert!(width(Proportion::of(900, 1000)) < width(Proportion::of(90, 100)));
        let nothing = Proportion::of(0, 0);
        assert_eq!((nothing.value, nothing.low, nothing.high), (0.0, 0.0, 1.0));
    }
}
