//! Whole steps as CUDA computes them, on the CPU, against those of the CPU's kernels.

use candle_core::{Device, Tensor};

use super::*;
use crate::Network;
use crate::init::initial_weights;
use crate::ops::as_on_gpu;
use tcolz_base::random::Random;

fn images(n: usize, side: usize) -> Tensor {
    let mut random = Random::new("net-test", &[side as u64]);
    let numbers: Vec<f32> =
        (0..n * 3 * side * side).map(|_| (random.unit() * 4.0 - 2.0) as f32).collect();
    Tensor::from_vec(numbers, (n, 3, side, side), &Device::Cpu).unwrap()
}

/// Logits, gradients and parameters behind a step, by key.
fn step(network: Network, images: &Tensor, pass: Pass) -> BTreeMap<String, Vec<f32>> {
    let spec = network.spec(&network.properties(), 3);
    let weights = initial_weights(&spec, 7).unwrap();
    let net = Net::new(spec, &weights, &Device::Cpu).unwrap();
    let logits = net.forward(images, pass).unwrap();
    let gradients = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let mut found = BTreeMap::from([("logits".to_owned(), numbers(&logits))]);
    for (Parameter { key, role, .. }, variable) in net.parameters() {
        if let Some(gradient) = gradients.get(variable) {
            found.insert(format!("gradient of {key}"), numbers(gradient));
        } else if !role.is_trained() {
            found.insert(format!("{key} behind"), numbers(variable));
        }
    }
    found
}

/// The distance of two lists, in shares of the second one's length, or of the least one.
fn distance(a: &[f32], b: &[f32], least: f64) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f64| x * x;
    let off: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(a - b))).sum();
    let length: f64 = b.iter().map(|&b| square(b.into())).sum();
    off.sqrt() / length.sqrt().max(least)
}

#[test]
fn a_step_of_every_network_is_that_of_the_cpu_in_logits_gradients_and_stored_moments() {
    let batch = Pass { batch_norm: BatchNormMode::Batch, dropout: Some((1, 2)), gradients: true };
    let stored = Pass { batch_norm: BatchNormMode::Stored, ..batch };
    // VGG19's 140 million numbers of its head would be most of the test; its layers are those of the others.
    for (network, n, side, pass) in [
        (Network::MobileNetV1, 3, 64, batch),
        // By the statistics of a batch so small rounding alone moves its gradients by a twentieth.
        (Network::MobileNetV2, 2, 64, stored),
        (Network::InceptionResNetV2, 1, 75, stored),
    ] {
        let images = images(n, side);
        let expected = step(network, &images, pass);
        let found = as_on_gpu(|| step(network, &images, pass));
        assert!(expected.len() > 80 && found.keys().eq(expected.keys()), "{network}");
        for (key, expected) in &expected {
            // Behind a BatchNorm without activation means are 0 but for rounding.
            let least = if key.contains("running_mean") { 0.1 } else { 1e-4 };
            let off = distance(&found[key], expected, least);
            // Sums in another order move a few numbers over the bends of activations, in dozens of layers.
            assert!(off < 3e-2, "{network}, {key}: {off}");
        }
    }
}
