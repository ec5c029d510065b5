//! Real weights from real photos: features and classes as PyTorch found them, by the network that trains and by the
//! one that infers. Needs `weights/` beside the data that is not in the repository.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::Value;
use tcolz_nn::{Folded, Net, Pass, Spec, Weights};
use tcolz_photo::{DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;

const CLASSES: usize = 1000;

fn spec_and_tensors(path: &Path) -> (Spec, HashMap<String, Tensor>) {
    let weights = Weights::open(path, None).unwrap();
    let spec = weights.network.spec(&weights.properties, CLASSES);
    let tensors = weights.fit(&spec, 0).unwrap();
    let head = "classifier.1.weight";
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(
        values(&tensors[head]),
        values(&weights.tensors[head]),
        "the file's own head is kept"
    );
    (spec, tensors)
}

/// A lossless crop as `[1, 3, 224, 224]`, x/127.5 − 1.
fn input(path: &Path) -> Tensor {
    let mut image = RgbImage::default();
    let bytes = fs::read(path).unwrap();
    Decoder::new(DecodeLimits::default()).decode(&bytes, None, &mut image).unwrap();
    assert_eq!((image.width, image.height), (224, 224));
    let pixels: Vec<f32> =
        image.pixels.iter().map(|&pixel| f32::from(pixel) / 127.5 - 1.0).collect();
    let pixels = Tensor::from_vec(pixels, (1, 224, 224, 3), &Device::Cpu).unwrap();
    pixels.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()
}

fn check(expected: &Value, features: &[f32], logits: &[f32]) {
    let name = expected["image"].as_str().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let near = |what: &str, found: f64, expected: f64, tolerance: f64| {
        assert!((found - expected).abs() < tolerance, "{name}, {what}: {found}, not {expected}");
    };
    assert_eq!(features.len(), 1280);
    for (place, value) in expected["feature_first5"].as_array().unwrap().iter().enumerate() {
        near("a feature", features[place].into(), number(value), 1e-4);
    }
    let all = features.iter().map(|&feature| f64::from(feature));
    near("the mean", all.clone().sum::<f64>() / 1280.0, number(&expected["feature_mean"]), 1e-5);
    let length = all.map(|feature| feature * feature).sum::<f64>().sqrt();
    near("the length", length, number(&expected["feature_l2"]), 1e-3);
    let mut ranked: Vec<usize> = (0..CLASSES).collect();
    ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    for (class, expected) in ranked.into_iter().zip(expected["top3"].as_array().unwrap()) {
        assert_eq!(class as u64, expected["index"].as_u64().unwrap(), "{name}");
        near("a logit", logits[class].into(), number(&expected["logit"]), 2e-3);
    }
}

#[test]
fn real_weights_give_the_features_and_classes_that_pytorch_gives() {
    let Some(folder) = common::shared("weights") else { return };
    let parity = fs::read_to_string(folder.join("parity.json")).unwrap();
    let parity: Value = serde_json::from_str(&parity).unwrap();
    let images = parity["images"].as_array().unwrap();
    assert_eq!(images.len(), 3);
    let (spec, tensors) = spec_and_tensors(&folder.join(parity["weights"].as_str().unwrap()));
    let inputs =
        images.iter().map(|image| input(&folder.join(image["crop_png"].as_str().unwrap())));
    let inputs = Tensor::cat(&inputs.collect::<Vec<_>>(), 0).unwrap();

    let folded = Folded::new(&spec, &tensors, &Device::Cpu).unwrap();
    let features = folded.features(&inputs).unwrap();
    let logits = folded.head(&features).unwrap();
    let net = Net::new(spec, &tensors, &Device::Cpu).unwrap();
    let net_features = net.features(&inputs, Pass::INFER).unwrap();
    let net_logits = net.logits(&net_features, Pass::INFER).unwrap();
    for (features, logits) in [(features, logits), (net_features, net_logits)] {
        let features: Vec<Vec<f32>> = features.to_vec2().unwrap();
        let logits: Vec<Vec<f32>> = logits.to_vec2().unwrap();
        for (number, image) in images.iter().enumerate() {
            check(image, &features[number], &logits[number]);
        }
    }
}
