//! Weights to begin with: pure functions of (seed, key), the same bits on every machine.
//!
//! | parameter | drawn from | source |
//! | --- | --- | --- |
//! | kernel of a convolution | normal, variance 2 / (outputs · rows · columns), of a depthwise one 2 / (rows · columns) | He et al. 2015, by outputs, as torchvision's VGG and MobileNetV2; outputs of a group as timm and TensorFlow |
//! | matrix inside the head | uniform, variance 2 / inputs | He et al. 2015, by inputs: a ReLU follows |
//! | matrix that gives the logits | normal, deviation 0.01 | torchvision: every class begins about as likely |
//! | bias; BatchNorm | 0; weight 1, bias 0, mean 0, variance 1 | torchvision |
//!
//! Logarithm and cosine differ between mathematical libraries, so that a normal number here is a sum of four
//! uniform ones (Irwin and Hall): mean, variance and symmetry are those asked for, and nothing lies beyond
//! 3.47 deviations. One 64-bit number gives the four, 16 bits each; their sum is exact, and what follows
//! is one product in float64, rounded once to float32.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::spec::{Parameter, Role};
use super::{ModelError, Spec};
use tcolz_base::random::Random;

/// Name of the algorithm, which never changes; another one gets another name.
pub const ALGORITHM: &str = "initial-v1";

/// Deviation of the matrix that gives the logits.
const LAST_DEVIATION: f64 = 0.01;

/// Every parameter of a network, in its shape, f32, on the CPU: a pure function of (seed, key).
///
/// # Errors
/// When there is no memory.
pub fn initial_weights(spec: &Spec, seed: u64) -> Result<HashMap<String, Tensor>, ModelError> {
    let parameters = spec.parameters();
    let draw = |parameter: &Parameter| Ok((parameter.key.clone(), initial(parameter, seed)?));
    parameters.par_iter().map(draw).collect()
}

/// One parameter, as in [`initial_weights`].
///
/// # Errors
/// As [`initial_weights`].
pub fn initial(parameter: &Parameter, seed: u64) -> Result<Tensor, ModelError> {
    let count = parameter.elements();
    let mut random = Random::new(&format!("{ALGORITHM} {}", parameter.key), &[seed]);
    let values: Vec<f32> = match parameter.role {
        Role::Kernel => {
            let deviation = (2.0 / kernel_fan_out(&parameter.shape) as f64).sqrt();
            (0..count).map(|_| normal(&mut random, deviation)).collect()
        }
        Role::Matrix if parameter.last => {
            (0..count).map(|_| normal(&mut random, LAST_DEVIATION)).collect()
        }
        Role::Matrix => {
            // Uniform in ± bound has the variance bound² / 3.
            let bound = (6.0 / parameter.shape[1] as f64).sqrt();
            (0..count).map(|_| ((2.0 * random.unit() - 1.0) * bound) as f32).collect()
        }
        Role::NormWeight | Role::NormVariance => vec![1.0; count],
        Role::Bias | Role::NormBias | Role::NormMean => vec![0.0; count],
    };
    Ok(Tensor::from_vec(values, parameter.shape.as_slice(), &Device::Cpu)?)
}

/// Outputs that one input of a kernel `[outputs, inputs, rows, columns]` takes part in; of depthwise ones, whose
/// second side is 1, there is one channel.
fn kernel_fan_out(shape: &[usize]) -> usize {
    let window = shape[2] * shape[3];
    if shape[1] == 1 { window } else { shape[0] * window }
}

/// A number of about the normal distribution with mean 0.
fn normal(random: &mut Random, deviation: f64) -> f32 {
    // Variance of an integer that is uniform below 2¹⁶, four times.
    const VARIANCE: f64 = 4.0 * (65_536.0 * 65_536.0 - 1.0) / 12.0;
    const TWICE_MEAN: i64 = 4 * 65_535;
    let word = random.next_u64();
    let sum: u64 = (0..4).map(|part| (word >> (16 * part)) & 0xFFFF).sum();
    let centred = (2 * sum as i64 - TWICE_MEAN) as f64 / 2.0;
    (centred * (deviation / VARIANCE.sqrt())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    fn spec(network: Network) -> Spec {
        network.spec(&network.properties(), 3)
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn weights_are_a_pure_function_of_seed_and_key() {
        let spec = spec(Network::MobileNetV2);
        let (one, again) = (initial_weights(&spec, 7).unwrap(), initial_weights(&spec, 7).unwrap());
        let other = initial_weights(&spec, 8).unwrap();
        assert_eq!(one.len(), spec.parameters().len());
        for parameter in spec.parameters() {
            let key = &parameter.key;
            assert_eq!(one[key].dims(), parameter.shape);
            assert_eq!(values(&one[key]), values(&again[key]), "{key}");
            // Alone as among the others.
            assert_eq!(values(&one[key]), values(&initial(&parameter, 7).unwrap()), "{key}");
            let drawn = matches!(parameter.role, Role::Kernel | Role::Matrix);
            assert_eq!(values(&one[key]) != values(&other[key]), drawn, "{key}");
        }
    }

    #[test]
    fn the_first_weights_never_change() {
        // Written down when the algorithm was; a change asks for another name.
        let spec = spec(Network::MobileNetV1);
        let weights = initial_weights(&spec, 1).unwrap();
        let bits = |key: &str| {
            values(&weights[key])[..3].iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(
            [bits("conv1.weight"), bits("head.conv.weight"), bits("head.last.weight")],
            GOLDEN
        );
    }

    const GOLDEN: [[u32; 3]; 3] = [
        [3_186_344_715, 1_038_162_556, 1_016_247_163],
        [984_023_027, 3_165_192_694, 3_168_300_475],
        [3_153_610_724, 3_108_799_811, 3_156_533_745],
    ];

    #[test]
    fn mean_and_variance_are_those_of_he() {
        for network in Network::ALL {
            for parameter in spec(network).parameters() {
                let expected = match parameter.role {
                    Role::Kernel => 2.0 / kernel_fan_out(&parameter.shape) as f64,
                    Role::Matrix if parameter.last => LAST_DEVIATION * LAST_DEVIATION,
                    Role::Matrix => 2.0 / parameter.shape[1] as f64,
                    _ => continue,
                };
                let count = parameter.elements() as f64;
                // Fewer tell too little; more take too long here.
                if !(4e3..1e7).contains(&count) {
                    continue;
                }
                let values = values(&initial(&parameter, 3).unwrap());
                let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
                    values.iter().map(|&value| of(f64::from(value))).sum()
                };
                let (mean, variance) = (sum(&|v| v) / count, sum(&|v| v * v) / count);
                let key = &parameter.key;
                assert!(mean.abs() < 5.0 * (expected / count).sqrt(), "{key}: mean {mean}");
                let tolerance = 5.0 * (2.0 / count).sqrt();
                assert!(
                    (variance / expected - 1.0).abs() < tolerance,
                    "{key}: {variance} {expected}"
                );
            }
        }
    }

    #[test]
    fn normal_numbers_are_spread_as_normal_ones() {
        let mut random = Random::new("test", &[]);
        let count = 200_000;
        let mut within = [0.0; 3];
        for _ in 0..count {
            let value = normal(&mut random, 1.0).abs();
            for (deviations, within) in (1..).zip(&mut within) {
                *within += if value < deviations as f32 { 1.0 / f64::from(count) } else { 0.0 };
            }
        }
        // The normal distribution's own shares; a sum of four comes within 0.02 of them.
        for (share, normal) in within.into_iter().zip([0.6827, 0.9545, 0.9973]) {
            assert!((share - normal).abs() < 0.02, "{within:?}");
        }
    }
}
