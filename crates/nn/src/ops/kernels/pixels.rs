//! Activations, BatchNorm and sums over numbers that lie side by side: the pixels of one channel.

use super::vectorised;
use crate::spec::Activation;

/// Lanes that sums are split into. Part of what a result is: each lane sums every 16th number, then the lanes
/// are added one after the other.
const LANES: usize = 16;

/// `activation(x · scale + shift)`, the numbers of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine {
    /// What is multiplied by.
    pub(crate) scale: f32,
    /// What is added.
    pub(crate) shift: f32,
    /// What follows.
    pub(crate) activation: Activation,
}

impl Affine {
    /// From, and up to: where the activation is the identity, and what it keeps its values to.
    pub(super) fn bounds(self) -> (f32, f32) {
        match self.activation {
            Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Relu => (0.0, f32::INFINITY),
            Activation::Relu6 => (0.0, 6.0),
        }
    }

    #[inline(always)]
    pub(super) fn of(self, x: f32, (low, high): (f32, f32)) -> f32 {
        let y = x * self.scale + self.shift;
        // Written so that what is not a number stays so, and as two instructions.
        let y = if y < low { low } else { y };
        if y > high { high } else { y }
    }

    /// `output = activation(input · scale + shift)`.
    pub(crate) fn apply(self, input: &[f32], output: &mut [f32]) {
        let bounds = self.bounds();
        vectorised(
            #[inline(always)]
            || {
                for (output, &input) in output.iter_mut().zip(input) {
                    *output = self.of(input, bounds);
                }
            },
        );
    }

    /// The same in place.
    pub(crate) fn apply_in_place(self, numbers: &mut [f32]) {
        let bounds = self.bounds();
        vectorised(
            #[inline(always)]
            || {
                for number in numbers {
                    *number = self.of(*number, bounds);
                }
            },
        );
    }

    /// `gradient = input · scale + shift` strictly inside of the bounds ? `gradient` : 0. Gives the sum of what
    /// is left, and the sum of its products with `input − centre`.
    pub(crate) fn mask(self, input: &[f32], centre: f32, gradient: &mut [f32]) -> [f64; 2] {
        let (low, high) = self.bounds();
        vectorised(
            #[inline(always)]
            || {
                let mut sums = [[0f32; LANES]; 2];
                let (gradients, gradients_rest) = gradient.as_chunks_mut::<LANES>();
                let (inputs, inputs_rest) = input.as_chunks::<LANES>();
                for (gradients, inputs) in gradients.iter_mut().zip(inputs) {
                    for lane in 0..LANES {
                        let x = inputs[lane];
                        let y = x * self.scale + self.shift;
                        let g = if y > low && y < high { gradients[lane] } else { 0.0 };
                        gradients[lane] = g;
                        sums[0][lane] += g;
                        sums[1][lane] += g * (x - centre);
                    }
                }
                for (lane, (gradient, &x)) in gradients_rest.iter_mut().zip(inputs_rest).enumerate()
                {
                    let y = x * self.scale + self.shift;
                    *gradient = if y > low && y < high { *gradient } else { 0.0 };
                    sums[0][lane] += *gradient;
                    sums[1][lane] += *gradient * (x - centre);
                }
                sums.map(|lanes| total(&lanes))
            },
        )
    }
}

#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f64 {
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

#[inline(always)]
fn sum_of(numbers: &[f32], of: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = [0f32; LANES];
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &number) in lanes.iter_mut().zip(chunk) {
            *lane += of(number);
        }
    }
    for (lane, &number) in lanes.iter_mut().zip(rest) {
        *lane += of(number);
    }
    total(&lanes)
}

/// Sum of products.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            let mut lanes = [0f32; LANES];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for (a, b) in a.iter().zip(b) {
                for lane in 0..LANES {
                    lanes[lane] += a[lane] * b[lane];
                }
            }
            for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
                *lane += a * b;
            }
            total(&lanes)
        },
    )
}

/// How many numbers, their mean, and the sum of the squares of their distances from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Of numbers that lie side by side: in two passes, as a difference of two large sums would lose digits.
    pub(crate) fn of(numbers: &[f32]) -> Moments {
        vectorised(
            #[inline(always)]
            || {
                let count = numbers.len() as f64;
                let mean = sum_of(numbers, |number| number) / count.max(1.0);
                let centre = mean as f32;
                let squares = sum_of(numbers, |number| (number - centre) * (number - centre));
                // About the rounded mean: its distance from the mean is taken off again.
                let off = mean - f64::from(centre);
                Moments { count, mean, squares: (squares - count * off * off).max(0.0) }
            },
        )
    }

    /// Of both together (Chan, Golub and LeVeque 1979).
    pub(crate) fn with(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let delta = other.mean - self.mean;
        Moments {
            count,
            mean: self.mean + delta * other.count / count,
            squares: self.squares
                + other.squares
                + delta * delta * self.count * other.count / count,
        }
    }

    /// The mean.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance, divided by the count.
    pub(crate) fn variance(&self) -> f64 {
        self.squares / self.count.max(1.0)
    }
}

/// `gradient = gradient · factors[0] + (input − centre) · factors[1] + factors[2]`.
pub(crate) fn combine(input: &[f32], centre: f32, factors: [f32; 3], gradient: &mut [f32]) {
    let [of_gradient, of_input, constant] = factors;
    vectorised(
        #[inline(always)]
        || {
            for (gradient, &input) in gradient.iter_mut().zip(input) {
                *gradient = *gradient * of_gradient + (input - centre) * of_input + constant;
            }
        },
    );
}

/// `target += source`.
pub(crate) fn add(target: &mut [f32], source: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (target, source) in target.iter_mut().zip(source) {
                *target += source;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_parts_are_those_of_the_whole_far_from_zero_too() {
        let numbers: Vec<f32> = (0..1000).map(|i| 1000.0 + (i * 37 % 101) as f32 / 101.0).collect();
        let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / 1000.0;
        let variance = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 1000.0;
        let parts = [0..1, 1..18, 18..500, 500..500, 500..1000];
        let joined = parts.into_iter().map(|part| Moments::of(&numbers[part]));
        for moments in [Moments::of(&numbers), joined.fold(Moments::default(), Moments::with)] {
            assert!((moments.mean() - mean).abs() < 1e-5, "{moments:?} {mean}");
            assert!((moments.variance() - variance).abs() < 1e-5, "{moments:?} {variance}");
        }
        assert_eq!(Moments::of(&[]).variance(), 0.0);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let mut numbers = [f32::NAN, -1.0, 7.0];
            Affine { scale: 1.0, shift: 0.0, activation }.apply_in_place(&mut numbers);
            assert!(numbers[0].is_nan());
            assert_eq!(numbers[1..], [activation.of(-1.0), activation.of(7.0)]);
        }
    }
}
