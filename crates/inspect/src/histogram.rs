//! Histograms of what the ledger says of stored samples. Edges are fixed, so that parts add up to the whole and
//! two datasets can be laid side by side.

use std::f64::consts::SQRT_2;

use serde::Serialize;

use tcolz_pixels::ChannelSums;

use super::facts::Facts;

/// How many numbers lie between edges.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// Ascending; bin `i` holds what is at least `edges[i]` and less than `edges[i + 1]`, the last bin also
    /// what is beyond. None of no numbers.
    pub edges: Vec<f64>,
    /// One fewer than edges.
    pub counts: Vec<u64>,
}

/// Histograms of stored samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Histograms {
    /// Width of the source in pixels; four bins to a doubling, as for height and bytes.
    pub width: Histogram,
    /// Height of the source in pixels.
    pub height: Histogram,
    /// Width over height of the source; eight bins to a doubling, of which one has 1 in its middle.
    pub aspect: Histogram,
    /// Length of the source file in bytes.
    pub bytes: Histogram,
    /// Quality of JPEGs, two levels to a bin.
    pub jpeg_quality: Histogram,
    /// Mean of all values of the largest stored tensor, in levels of 0 to 255.
    pub brightness: Histogram,
    /// Root of the mean of its three channel variances (RMS contrast), in levels.
    pub contrast: Histogram,
}

/// Where edges lie.
#[derive(Clone, Copy)]
enum Scale {
    /// `2^(k/4)` from 1 on.
    Doubling { doublings: i32 },
    /// `2^((k − ½)/8)`, from `2^-6` to `2^6`.
    Aspect,
    /// `first + k · step`.
    Linear { first: f64, step: f64, bins: u32 },
}

/// One scale for each histogram, in the order of their fields.
const SCALES: [Scale; 7] = [
    Scale::Doubling { doublings: 20 },
    Scale::Doubling { doublings: 20 },
    Scale::Aspect,
    Scale::Doubling { doublings: 34 },
    Scale::Linear { first: 1.0, step: 2.0, bins: 50 },
    Scale::Linear { first: 0.0, step: 8.0, bins: 32 },
    Scale::Linear { first: 0.0, step: 4.0, bins: 32 },
];

impl Scale {
    /// Built from powers of two and square roots, which are the same on every machine.
    fn edges(self) -> Vec<f64> {
        match self {
            Scale::Doubling { doublings } => {
                let within = [1.0, SQRT_2.sqrt(), SQRT_2, SQRT_2 * SQRT_2.sqrt()];
                let octave = |power| within.map(|part| part * 2f64.powi(power));
                let mut edges: Vec<f64> = (0..doublings).flat_map(octave).collect();
                edges.push(2f64.powi(doublings));
                edges
            }
            Scale::Aspect => {
                let eighth = SQRT_2.sqrt().sqrt();
                let mut edges = vec![2f64.powi(-6) / eighth.sqrt()];
                for power in -6..6 {
                    let mut edge = 2f64.powi(power) * eighth.sqrt();
                    for _ in 0..8 {
                        edges.push(edge);
                        edge *= eighth;
                    }
                }
                edges
            }
            Scale::Linear { first, step, bins } => {
                (0..=bins).map(|edge| first + f64::from(edge) * step).collect()
            }
        }
    }

    /// Whether empty bins at the ends tell nothing.
    fn is_open(self) -> bool {
        !matches!(self, Scale::Linear { .. })
    }
}

/// Histograms in the making.
pub(super) struct Bins {
    edges: [Vec<f64>; SCALES.len()],
    counts: [Vec<u64>; SCALES.len()],
}

impl Bins {
    pub(super) fn new() -> Bins {
        let edges = SCALES.map(Scale::edges);
        let counts = std::array::from_fn(|index| vec![0; edges[index].len() - 1]);
        Bins { edges, counts }
    }

    /// Adds a stored sample, whose largest tensor has `pixels` pixels.
    pub(super) fn add(&mut self, facts: &Facts<'_>, pixels: u64) {
        let sides = facts.photo.map(|photo| (f64::from(photo.width), f64::from(photo.height)));
        let quality = facts.photo.and_then(|photo| photo.jpeg_quality);
        let sums = facts.sums.last().copied().flatten();
        let values = [
            sides.map(|(width, _)| width),
            sides.map(|(_, height)| height),
            sides.map(|(width, height)| width / height),
            facts.source_bytes.map(|bytes| bytes as f64),
            quality.map(f64::from),
            sums.map(|sums| sums.sum.iter().sum::<u64>() as f64 / (3 * pixels) as f64),
            sums.map(|sums| contrast(&sums, pixels)),
        ];
        for ((value, edges), counts) in values.iter().zip(&self.edges).zip(&mut self.counts) {
            if let Some(value) = value {
                let above = edges.partition_point(|edge| edge <= value);
                let last = counts.len() - 1;
                counts[above.saturating_sub(1).min(last)] += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Bins) {
        for (counts, others) in self.counts.iter_mut().zip(&other.counts) {
            counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
        }
    }

    pub(super) fn finish(self) -> Histograms {
        let [width, height, aspect, bytes, jpeg_quality, brightness, contrast] =
            std::array::from_fn(|index| {
                histogram(SCALES[index], &self.edges[index], &self.counts[index])
            });
        Histograms { width, height, aspect, bytes, jpeg_quality, brightness, contrast }
    }
}

fn histogram(scale: Scale, edges: &[f64], counts: &[u64]) -> Histogram {
    let Some(first) = counts.iter().position(|&count| count > 0) else {
        return Histogram::default();
    };
    let last = counts.iter().rposition(|&count| count > 0).unwrap_or(first);
    let (first, last) = if scale.is_open() { (first, last) } else { (0, counts.len() - 1) };
    Histogram { edges: edges[first..=last + 1].to_vec(), counts: counts[first..=last].to_vec() }
}

/// √(Σ over channels (n·Σv² − (Σv)²) / 3) / n: exact below the root.
fn contrast(sums: &ChannelSums, pixels: u64) -> f64 {
    let channels = sums.sum.iter().zip(&sums.sum_of_squares);
    let spread: u128 = channels
        .map(|(&sum, &squares)| {
            (u128::from(pixels) * u128::from(squares)).saturating_sub(u128::from(sum).pow(2))
        })
        .sum();
    (spread as f64 / 3.0).sqrt() / pixels as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_ascend_and_hold_the_numbers_that_people_know() {
        for scale in SCALES {
            let edges = scale.edges();
            assert!(edges.is_sorted_by(|a, b| a < b));
        }
        let sides = SCALES[0].edges();
        assert!([1.0, 256.0, 1024.0, 1_048_576.0].iter().all(|edge| sides.contains(edge)));
        let aspects = SCALES[2].edges();
        let bin = |value: f64| aspects.partition_point(|&edge| edge <= value);
        assert_eq!(bin(0.97), bin(1.03), "squares, about");
        assert_eq!((bin(2.0) - bin(1.0), bin(1.0) - bin(0.5)), (8, 8));
        assert!((aspects[8 * 6] * aspects[8 * 6 + 1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn contrast_is_the_root_of_the_mean_variance() {
        let planes = [[0u8, 200], [100, 100], [50, 70]].concat();
        let expected = ((100f64.powi(2) + 0.0 + 10f64.powi(2)) / 3.0).sqrt();
        assert_eq!(contrast(&ChannelSums::of_planes(&planes), 2), expected);
    }

    #[test]
    fn open_ends_are_cut_and_closed_ones_are_kept() {
        let linear = Scale::Linear { first: 0.0, step: 1.0, bins: 3 };
        let found = histogram(linear, &linear.edges(), &[0, 2, 0]);
        assert_eq!((found.edges.len(), found.counts), (4, vec![0, 2, 0]));
        let doubling = Scale::Doubling { doublings: 1 };
        let found = histogram(doubling, &doubling.edges(), &[0, 1, 2, 0]);
        assert_eq!((found.edges.len(), found.counts), (3, vec![1, 2]));
        assert_eq!(histogram(doubling, &doubling.edges(), &[0; 4]), Histogram::default());
    }
}
