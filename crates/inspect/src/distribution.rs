//! Whole numbers in five: smallest, quartiles, largest; and their sum.

use serde::Serialize;

/// How whole numbers are spread. Exact: every value is one of the numbers, none is interpolated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// How many numbers there are; with none, all other fields are 0.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The smallest.
    pub smallest: u64,
    /// The three quartiles by nearest rank (numpy's `inverted_cdf`): the smallest number that is at
    /// least as large as a quarter, a half, three quarters of all.
    pub quartiles: [u64; 3],
    /// The largest.
    pub largest: u64,
}

impl Distribution {
    /// The distribution of `numbers`, in any order.
    pub fn of(mut numbers: Vec<u64>) -> Distribution {
        numbers.sort_unstable();
        let (Some(&smallest), Some(&largest)) = (numbers.first(), numbers.last()) else {
            return Distribution::default();
        };
        let count = numbers.len();
        Distribution {
            count: count as u64,
            sum: numbers.iter().fold(0, |sum, &number| sum.saturating_add(number)),
            smallest,
            quartiles: [1, 2, 3].map(|quarters| numbers[(quarters * count).div_ceil(4) - 1]),
            largest,
        }
    }

    /// The arithmetic mean; `None` of no numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_numbers_of_the_list_by_nearest_rank() {
        let of = |numbers: &[u64]| Distribution::of(numbers.to_vec());
        assert_eq!(of(&[7]).quartiles, [7; 3]);
        assert_eq!(of(&[9, 1]).quartiles, [1, 1, 9]);
        assert_eq!(of(&[4, 3, 2, 1]).quartiles, [1, 2, 3]);
        assert_eq!(of(&[5, 4, 3, 2, 1]).quartiles, [2, 3, 4]);
        let five = of(&[30, 10, 20, 50, 40]);
        assert_eq!((five.smallest, five.largest, five.sum, five.count), (10, 50, 150, 5));
        assert_eq!(five.mean(), Some(30.0));
    }

    #[test]
    fn no_numbers_have_no_mean() {
        assert_eq!(Distribution::of(Vec::new()), Distribution::default());
        assert_eq!(Distribution::default().mean(), None);
    }
}
