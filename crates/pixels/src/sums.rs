//! Exact sums over pixels, from which mean and standard deviation follow without rounding on the
//! way: integers add up to the same total in any order and on any number of threads.

use super::kernels::wide;

/// Sum and sum of squares of the red, green and blue values of any number of pixels.
///
/// The two u64 hold 2.8 · 10¹⁴ pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelSums {
    /// Σ value, for red, green, blue.
    pub sum: [u64; 3],
    /// Σ value², for red, green, blue.
    pub sum_of_squares: [u64; 3],
}

/// Values summed in u32 before they go to u64: 65,536 · 255² < 2³².
const CHUNK: usize = 65_536;

impl ChannelSums {
    /// The sums over planes `[3, height, width]`.
    ///
    /// # Panics
    /// If the length is no multiple of 3.
    pub fn of_planes(planes: &[u8]) -> ChannelSums {
        wide(
            #[inline(always)]
            || ChannelSums::add_up(planes),
        )
    }

    #[inline(always)]
    fn add_up(planes: &[u8]) -> ChannelSums {
        assert!(planes.len().is_multiple_of(3), "planes are of three channels");
        let mut sums = ChannelSums::default();
        let plane = planes.len() / 3;
        for channel in 0..3 {
            for chunk in planes[channel * plane..][..plane].chunks(CHUNK) {
                // two loops: each becomes one SIMD reduction
                let sum: u32 = chunk.iter().map(|&value| u32::from(value)).sum();
                // a square fits u16, where CPUs multiply twice as many values at once
                let squares: u32 = chunk.iter().map(|&v| u32::from(u16::from(v).pow(2))).sum();
                sums.sum[channel] += u64::from(sum);
                sums.sum_of_squares[channel] += u64::from(squares);
            }
        }
        sums
    }

    /// Adds the sums of other pixels.
    pub fn merge(&mut self, other: &ChannelSums) {
        for channel in 0..3 {
            self.sum[channel] += other.sum[channel];
            self.sum_of_squares[channel] += other.sum_of_squares[channel];
        }
    }

    /// Mean of each channel over `pixels` pixels, in levels of 0 to 255; NaN for no pixels.
    pub fn mean(&self, pixels: u64) -> [f64; 3] {
        self.sum.map(|sum| sum as f64 / pixels as f64)
    }

    /// Population standard deviation of each channel over `pixels` pixels (numpy's `std`); NaN for
    /// no pixels.
    ///
    /// √(n·Σv² − (Σv)²) / n: the difference is exact in u128, where the usual E\[v²\] − E\[v\]² would
    /// cancel digits.
    ///
    /// # Panics
    /// If `pixels` is not the number of pixels summed and the difference is below 0.
    pub fn std(&self, pixels: u64) -> [f64; 3] {
        std::array::from_fn(|channel| {
            let of_squares = u128::from(pixels) * u128::from(self.sum_of_squares[channel]);
            let squared = u128::from(self.sum[channel]).pow(2);
            let spread = of_squares.checked_sub(squared);
            let spread = spread.expect("the sums are those of this number of pixels");
            (spread as f64).sqrt() / pixels as f64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_at_the_brightest_and_across_chunks() {
        let plane = CHUNK * 2 + 17;
        let sums = ChannelSums::of_planes(&vec![255; plane * 3]);
        assert_eq!(sums.sum, [plane as u64 * 255; 3]);
        assert_eq!(sums.sum_of_squares, [plane as u64 * 65_025; 3]);
        assert_eq!(sums.mean(plane as u64), [255.0; 3]);
        assert_eq!(sums.std(plane as u64), [0.0; 3]);
    }

    #[test]
    fn merged_parts_are_the_whole_in_any_order() {
        let planes: Vec<u8> = (0..3 * 1000u32).map(|i| (i * i / 7) as u8).collect();
        let part = |from: usize, to: usize| {
            let cut: Vec<u8> = planes.chunks(1000).flat_map(|p| &p[from..to]).copied().collect();
            ChannelSums::of_planes(&cut)
        };
        let (mut forward, mut backward) = (part(0, 300), part(300, 1000));
        forward.merge(&part(300, 1000));
        backward.merge(&part(0, 300));
        assert_eq!(forward, ChannelSums::of_planes(&planes));
        assert_eq!(forward, backward);
    }

    #[test]
    fn mean_and_std_of_two_values_are_what_anyone_would_say() {
        let sums = ChannelSums::of_planes(&[0, 2, 10, 10, 255, 253]);
        assert_eq!(sums.mean(2), [1.0, 10.0, 254.0]);
        assert_eq!(sums.std(2), [1.0, 0.0, 1.0]);
    }
}
