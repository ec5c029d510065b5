//! The four networks against torchvision's, timm's and Keras's, from weights that a formula gives.

use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use serde::Deserialize;
use tcolz_nn::spec::Parameter;
use tcolz_nn::{BatchNormMode, Net, Network, PaddingStyle, Pass};
use tcolz_train::loss::{LossOptions, cross_entropy};

use crate::formula::{numbers, weight};

#[derive(Deserialize)]
struct Golden {
    images: [usize; 4],
    labels: Vec<u32>,
    modes: BTreeMap<String, Mode>,
    cases: Vec<Case>,
}

/// How weights and images are made.
#[derive(Deserialize)]
struct Mode {
    gain: f64,
    offset: f32,
    seed: u32,
}

#[derive(Deserialize)]
struct Case {
    padding: PaddingStyle,
    stored: Option<Found>,
    batch: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
    logits: Vec<Vec<f32>>,
    loss: f32,
    /// Norm, product with the direction, first and last, by sorted key.
    gradients: Option<Vec<[f64; 4]>>,
    /// Norm and first of the stored means and variances behind the step, by sorted key.
    running: Option<Vec<[f64; 2]>>,
}

const CLASSES: usize = 5;
const LOGITS: f64 = 1e-4;
const GRADIENTS: f64 = 1e-3;
/// Where a gradient is 0 but for rounding.
const ZERO: f64 = 2e-6;

fn check(network: Network, golden: &str) {
    let golden: Golden = serde_json::from_str(golden).unwrap();
    let [count, channels, height, width] = golden.images;
    let mut gradients_seen = 0;
    for case in &golden.cases {
        let modes = [("stored", &case.stored), ("batch", &case.batch)];
        for (name, found) in modes {
            let Some(found) = found else { continue };
            let mode = &golden.modes[name];
            let net = net(network, case.padding, mode);
            let images = numbers(&format!("images {}", mode.seed));
            let images = images.take(count * channels * height * width).collect::<Vec<f32>>();
            let images =
                Tensor::from_vec(images, (count, channels, height, width), &Device::Cpu).unwrap();
            let batch_norm =
                if name == "batch" { BatchNormMode::Batch } else { BatchNormMode::Stored };
            let gradients = found.gradients.is_some();
            let pass = Pass { batch_norm, dropout: None, gradients };
            let logits = net.forward(&images, pass).unwrap();
            let what = format!("{network}, {:?}, {name}", case.padding);
            check_logits(&logits, &found.logits, &what);
            let labels = Tensor::new(golden.labels.as_slice(), &Device::Cpu).unwrap();
            let loss = cross_entropy(&logits, &labels, &LossOptions::default()).unwrap();
            let value = loss.to_scalar::<f32>().unwrap();
            assert!(
                (value - found.loss).abs() < 1e-4 * found.loss,
                "{what}: {value} {}",
                found.loss
            );
            if let Some(running) = &found.running {
                check_running(&net, running, &what);
            }
            if let Some(expected) = &found.gradients {
                gradients_seen += 1;
                check_gradients(&net, &loss.backward().unwrap(), expected, &what);
            }
        }
    }
    assert_eq!(gradients_seen, golden.modes.len(), "{network}");
}

fn net(network: Network, padding: PaddingStyle, mode: &Mode) -> Net {
    let mut properties = network.properties();
    properties.padding = padding;
    let spec = network.spec(&properties, CLASSES);
    let made = |parameter: Parameter| {
        let values = weight(&parameter, mode.gain, mode.offset);
        (parameter.key, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap())
    };
    let weights: HashMap<_, _> = spec.parameters().into_iter().map(made).collect();
    Net::new(spec, &weights, &Device::Cpu).unwrap()
}

fn check_logits(found: &Tensor, expected: &[Vec<f32>], what: &str) {
    let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
    let expected: Vec<f32> = expected.concat();
    assert_eq!(found.len(), expected.len(), "{what}");
    let apart = norm(found.iter().zip(&expected).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    let relative = apart / norm(expected.iter().map(|&value| f64::from(value)));
    println!("{what}: logits {relative:.1e} apart");
    assert!(relative < LOGITS, "{what}: {relative:e}: {found:?} {expected:?}");
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn check_running(net: &Net, expected: &[[f64; 2]], what: &str) {
    let running = net.tensors().unwrap().into_iter().filter(|(key, _)| key.contains("running"));
    let running: BTreeMap<_, _> = running.collect();
    assert_eq!(running.len(), expected.len(), "{what}");
    for ((key, tensor), [length, first]) in running.iter().zip(expected) {
        let values = values(tensor);
        let found = [norm(values.iter().map(|&value| f64::from(value))), f64::from(values[0])];
        for (found, expected) in found.into_iter().zip([length, first]) {
            let apart = (found - expected).abs();
            assert!(apart <= 1e-4 * expected.abs() + 1e-6, "{what}: {key}: {found} {expected}");
        }
    }
}

fn check_gradients(net: &Net, gradients: &GradStore, expected: &[[f64; 4]], what: &str) {
    let trained = net.parameters().filter(|(parameter, _)| parameter.role.is_trained());
    let trained: BTreeMap<_, _> =
        trained.map(|(parameter, variable)| (&parameter.key, variable)).collect();
    assert_eq!(trained.len(), expected.len(), "{what}");
    let mut worst = (0.0, String::new());
    let mut apart = Vec::new();
    for ((key, variable), &[length, product, first, last]) in trained.iter().zip(expected) {
        let gradient = gradients.get(variable).unwrap_or_else(|| panic!("{what}: {key}"));
        let found = values(gradient);
        let direction = numbers(&format!("direction of {key}"));
        let mut sums = [0.0; 2];
        for (&value, direction) in found.iter().zip(direction) {
            sums[0] += f64::from(value) * f64::from(value);
            sums[1] += f64::from(value) * f64::from(direction);
        }
        let ends = [found[0], found[found.len() - 1]].map(f64::from);
        // One number is measured by the size that numbers of its gradient have.
        let usual = length / (found.len() as f64).sqrt();
        let pairs = [
            (sums[0].sqrt(), length, length),
            (sums[1], product, length),
            (ends[0], first, usual.max(first.abs())),
            (ends[1], last, usual.max(last.abs())),
        ];
        for (found, expected, size) in pairs {
            let relative = (found - expected).abs() / (size + ZERO / GRADIENTS);
            apart.push(relative);
            if relative > worst.0 {
                worst = (relative, format!("{key}: {found} {expected}, norm {length}"));
            }
        }
    }
    apart.sort_by(f64::total_cmp);
    let (relative, of) = worst;
    println!("{what}: gradients {:.1e} apart, at most {relative:.1e}", apart[apart.len() / 2]);
    assert!(relative < GRADIENTS, "{what}: {relative:e}: {of}");
}

#[test]
fn vgg19_is_torchvisions() {
    check(Network::Vgg19, include_str!("../fixtures/networks/vgg19.json"));
}

#[test]
fn mobilenet_v1_is_kerass() {
    check(Network::MobileNetV1, include_str!("../fixtures/networks/mobilenet-v1.json"));
}

#[test]
fn mobilenet_v2_is_torchvisions() {
    check(Network::MobileNetV2, include_str!("../fixtures/networks/mobilenet-v2.json"));
}

#[test]
fn inception_resnet_v2_is_timms() {
    check(
        Network::InceptionResNetV2,
        include_str!("../fixtures/networks/inception-resnet-v2.json"),
    );
}
