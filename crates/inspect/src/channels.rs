//! Channel means and standard deviations of a set of stored samples, from the ledger's integer sums.

use serde::Serialize;

use tcolz_format::shard::TensorColumn;
use tcolz_pixels::ChannelSums;

/// The pixels of some samples at one stored size: exact sums, and what follows from them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ChannelStatistics {
    /// Pixels: samples × side².
    pub pixels: u64,
    /// Σ value of red, green, blue, as seen, before any view.
    pub sum: [u64; 3],
    /// Σ value² of red, green, blue.
    pub sum_of_squares: [u64; 3],
    /// Means in levels of 0 to 255, `sum / pixels`; `None` of no pixels.
    pub mean: Option<[f64; 3]>,
    /// Population standard deviations (numpy's `std`), `√(n·Σv² − (Σv)²) / n`, exact below the root;
    /// `None` of no pixels.
    pub std: Option<[f64; 3]>,
}

impl ChannelStatistics {
    /// What follows from the sums over `pixels` pixels.
    pub(super) fn of(sums: &ChannelSums, pixels: u64) -> ChannelStatistics {
        ChannelStatistics {
            pixels,
            sum: sums.sum,
            sum_of_squares: sums.sum_of_squares,
            mean: (pixels > 0).then(|| sums.mean(pixels)),
            std: (pixels > 0).then(|| sums.std(pixels)),
        }
    }
}

/// Whether sums can be those of one tensor of this column. Sums that pass have a mean of at most 255 and a
/// real standard deviation, and so has whatever they add up to.
pub(super) fn possible(sums: &ChannelSums, column: &TensorColumn) -> bool {
    let pixels = u128::from(column.size()).pow(2);
    let channels = sums.sum.iter().zip(&sums.sum_of_squares);
    channels.map(|(&sum, &squares)| (u128::from(sum), u128::from(squares))).all(|(sum, squares)| {
        sum <= 255 * pixels && squares <= 255 * sum && sum * sum <= pixels * squares
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_pixels::recipe::{Codec, Dtype};

    #[test]
    fn sums_that_no_tensor_has_are_told_from_those_that_one_has() {
        let column = TensorColumn::new(2, Dtype::U8, Codec::Raw);
        let sums = |sum, squares| ChannelSums { sum: [sum; 3], sum_of_squares: [squares; 3] };
        assert!(possible(&ChannelSums::of_planes(&[255; 12]), &column));
        assert!(possible(&ChannelSums::of_planes(&[0, 1, 2, 255].repeat(3)), &column));
        for (sum, squares) in [(1021, 260_100), (10, 24), (10, 2551), (u64::MAX, u64::MAX)] {
            assert!(!possible(&sums(sum, squares), &column), "{sum}, {squares}");
        }
    }

    #[test]
    fn no_pixels_have_neither_mean_nor_deviation() {
        let none = ChannelStatistics::of(&ChannelSums::default(), 0);
        assert_eq!((none.mean, none.std), (None, None));
    }
}
