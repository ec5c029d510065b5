//! Weights, images and directions from their names: `numbers` and `weight` of fixtures/networks/make.py.

use tcolz_nn::spec::{Parameter, Role};

fn fnv(text: &str) -> u32 {
    text.bytes()
        .fold(0x811C_9DC5, |value, byte| (value ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Uniform in -1 up to 1, exact in float32.
pub(crate) fn numbers(key: &str) -> impl Iterator<Item = f32> + use<> {
    let key = fnv(key);
    (0u32..).map(move |place| {
        let mut x = place.wrapping_mul(0x9E37_79B1) ^ key;
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        ((x >> 8) as f32 - 8_388_608.0) / 8_388_608.0
    })
}

/// A parameter's numbers; kernels and matrices have the variance `gain` / inputs, and what BatchNorm adds keeps
/// `offset` away from 0.
pub(crate) fn weight(parameter: &Parameter, gain: f64, offset: f32) -> Vec<f32> {
    let fan_in: usize = parameter.shape[1..].iter().product();
    let bound = (3.0 * gain / fan_in as f64).sqrt() as f32;
    let value = |x: f32| match parameter.role {
        Role::Kernel | Role::Matrix => x * bound,
        Role::NormVariance => x * 0.5 + 1.0,
        Role::NormWeight => x * 0.25 + 1.0,
        Role::NormBias => x * 0.25 + offset,
        Role::Bias | Role::NormMean => x * 0.125,
    };
    numbers(&parameter.key).take(parameter.elements()).map(value).collect()
}
