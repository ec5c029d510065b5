//! The resampling weights of Pillow 11.3, in its own fixed point.
//!
//! Formulas: `precompute_coeffs` and `normalize_coeffs_8bpc` in Pillow's
//! `src/libImaging/Resample.c`. All is f64 until the rounding to 22 fractional bits, with the
//! operations in Pillow's order, so that the integers are Pillow's.

use crate::recipe::Filter;

/// Fractional bits of a weight: 32 − 8 bits of a pixel − 2 bits for overshoot (Pillow's
/// `PRECISION_BITS`). A weighted sum of 8-bit pixels cannot overflow an i32.
pub(super) const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The source pixels that one target pixel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// First source pixel.
    pub(super) start: usize,
    /// One past the last source pixel.
    pub(super) end: usize,
    /// Where its `end − start` weights begin.
    taps: usize,
}

/// Weights for scaling one side from a number of pixels to another; starts and ends of the windows
/// ascend.
#[derive(Debug, Default)]
pub(super) struct Weights {
    made_for: Option<(Filter, u32, u32)>,
    windows: Vec<Window>,
    taps: Vec<i32>,
    exact: Vec<f64>,
}

impl Weights {
    /// Makes the weights that scale `input` pixels to `output` pixels. Does nothing where they are
    /// the ones made last.
    pub(super) fn prepare(&mut self, filter: Filter, input: u32, output: u32) {
        if self.made_for == Some((filter, input, output)) {
            return;
        }
        self.made_for = Some((filter, input, output));
        self.windows.clear();
        self.taps.clear();
        let (kernel, radius): (fn(f64) -> f64, f64) = match filter {
            Filter::Nearest => return self.pick(input, output),
            Filter::Bilinear => (triangle, 1.0),
            Filter::Bicubic => (cubic, 2.0),
            Filter::Lanczos3 => (lanczos3, 3.0),
        };
        let scale = f64::from(input) / f64::from(output);
        let filter_scale = scale.max(1.0);
        let support = radius * filter_scale;
        let step = 1.0 / filter_scale;
        for target in 0..output {
            let centre = (f64::from(target) + 0.5) * scale;
            // `as` truncates and saturates: below 0 becomes 0, as Pillow clamps it
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(input as usize);
            self.exact.clear();
            self.exact.extend((start..end).map(|x| kernel((x as f64 - centre + 0.5) * step)));
            let sum: f64 = self.exact.iter().fold(0.0, |sum, weight| sum + weight);
            self.windows.push(Window { start, end, taps: self.taps.len() });
            self.taps.extend(self.exact.iter().map(|weight| {
                let share = if sum != 0.0 { weight / sum } else { *weight };
                fixed_point(share)
            }));
        }
    }

    /// Nearest: a running position in f64, as Pillow's `ImagingScaleAffine` (`Geometry.c`) keeps
    /// it; its rounding errors add up, and are part of the result.
    fn pick(&mut self, input: u32, output: u32) {
        let step = f64::from(input) / f64::from(output);
        let mut position = step * 0.5;
        for _ in 0..output {
            let start = (position as usize).min(input as usize - 1);
            self.windows.push(Window { start, end: start + 1, taps: 0 });
            position += step;
        }
        self.taps.push(1 << PRECISION_BITS);
    }

    /// One window a target pixel.
    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The weights of a window, 22 fractional bits.
    pub(super) fn taps(&self, window: &Window) -> &[i32] {
        &self.taps[window.taps..][..window.end - window.start]
    }

    /// Source pixels in the widest window.
    pub(super) fn widest(&self) -> usize {
        self.windows.iter().map(|window| window.end - window.start).max().unwrap_or(0)
    }

    /// Bytes kept for later photos.
    pub(super) fn capacity_bytes(&self) -> usize {
        self.taps.capacity() * size_of::<i32>()
            + self.windows.capacity() * size_of::<Window>()
            + self.exact.capacity() * size_of::<f64>()
    }
}

/// Rounds half away from zero to 22 fractional bits.
fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION_BITS);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn triangle(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// sinc(x) · sinc(x/3), with both sines from one: sin 3a = 3·sin a − 4·sin³ a.
fn lanczos3(x: f64) -> f64 {
    if !(-3.0..3.0).contains(&x) {
        return 0.0;
    }
    if x == 0.0 {
        return 1.0;
    }
    let angle = x * (std::f64::consts::PI / 3.0);
    let sine = sine(angle);
    let sine_of_three = sine * (3.0 - 4.0 * sine * sine);
    sine_of_three * sine / (3.0 * angle * angle)
}

/// sin(angle) for |angle| ≤ π, good to 1e−15.
///
/// The system's `sin` is another function on another CPU and C library; this one is additions and
/// multiplications only, and so the same everywhere. After rounding to 22 bits it gives the weights
/// that the C library gives.
fn sine(angle: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, PI};
    let folded = if angle.abs() > FRAC_PI_2 { PI.copysign(angle) - angle } else { angle };
    let square = folded * folded;
    folded * SINE_SERIES.iter().rev().fold(0.0, |tail, term| term + tail * square)
}

/// (−1)ᵏ / (2k + 1)!, the Taylor series; the first term left out is below 1e−19 at π/2.
const SINE_SERIES: [f64; 12] = {
    let mut series = [1.0; 12];
    let mut k = 1;
    while k < series.len() {
        let order = (2 * k) as f64;
        series[k] = -series[k - 1] / (order * (order + 1.0));
        k += 1;
    }
    series
};

#[cfg(test)]
mod tests {
    use super::*;

    const CONVOLUTIONS: [Filter; 3] = [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3];

    #[test]
    fn own_sine_is_the_sine() {
        for i in -3141..=3141 {
            let angle = f64::from(i) / 1000.0;
            assert!((sine(angle) - angle.sin()).abs() < 1e-15, "{angle}");
        }
    }

    #[test]
    fn lanczos_is_the_product_of_two_sincs() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
        for i in -3000..3000 {
            let x = f64::from(i) / 1000.0;
            let expected = sinc(x * std::f64::consts::PI) * sinc(x / 3.0 * std::f64::consts::PI);
            assert!((lanczos3(x) - expected).abs() < 4e-15, "{x}");
        }
    }

    #[test]
    fn windows_ascend_and_lie_inside_and_weigh_one() {
        for filter in CONVOLUTIONS {
            for (input, output) in [(1, 1), (1, 224), (4000, 1), (5, 224), (1024, 224), (225, 224)]
            {
                let mut weights = Weights::default();
                weights.prepare(filter, input, output);
                assert_eq!(weights.windows().len(), output as usize);
                let mut last = (0, 0);
                for window in weights.windows() {
                    assert!(window.start >= last.0 && window.end >= last.1);
                    assert!(window.start < window.end && window.end <= input as usize);
                    last = (window.start, window.end);
                    let sum: i64 = weights.taps(window).iter().map(|&tap| i64::from(tap)).sum();
                    let off = (sum - (1 << PRECISION_BITS)).unsigned_abs() as usize;
                    assert!(off <= window.end - window.start, "{filter} {input} {output} {off}");
                }
            }
        }
    }

    #[test]
    fn an_unchanged_side_has_weights_that_change_nothing() {
        for filter in CONVOLUTIONS {
            let mut weights = Weights::default();
            weights.prepare(filter, 37, 37);
            for (x, window) in weights.windows().iter().enumerate() {
                for (tap, source) in weights.taps(window).iter().zip(window.start..) {
                    assert_eq!(*tap, if source == x { 1 << PRECISION_BITS } else { 0 });
                }
            }
        }
    }

    #[test]
    fn no_weighted_sum_overflows() {
        for filter in CONVOLUTIONS {
            for (input, output) in [(2, 3), (3, 224), (100, 99), (1024, 224), (40_000, 7)] {
                let mut weights = Weights::default();
                weights.prepare(filter, input, output);
                for window in weights.windows() {
                    let sum: i64 =
                        weights.taps(window).iter().map(|tap| i64::from(tap.abs())).sum();
                    assert!(sum * 255 + (1 << (PRECISION_BITS - 1)) < i64::from(i32::MAX));
                }
            }
        }
    }
}
