//! Promise: weights that users bring are recognised, turned into ours or refused with a sentence; what they ask
//! for is known and never guessed without a word. `tests/fixtures/weights/make.py` made the fixtures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::shared;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::TensorView;
use tcolz_nn::file::{MODEL_FORMAT, Validation};
use tcolz_nn::init::initial_weights;
use tcolz_nn::weights::{FileFormat, Names};
use tcolz_nn::{Model, ModelFacts, Network, PaddingStyle, Weights};
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A safetensors file, as another program would write it.
fn write(path: &Path, tensors: &HashMap<String, Tensor>, metadata: &[(&str, &str)]) {
    let bytes: BTreeMap<&String, Vec<u8>> = tensors
        .iter()
        .map(|(key, tensor)| (key, numbers(tensor).iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes.iter().map(|(key, bytes)| {
        let shape = tensors[*key].dims().to_vec();
        (key, TensorView::new(safetensors::Dtype::F32, shape, bytes).unwrap())
    });
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    fs::write(path, safetensors::serialize(views, Some(metadata.collect())).unwrap()).unwrap();
}

/// MobileNetV2 with a thousand classes, as it is before training.
fn fresh() -> HashMap<String, Tensor> {
    let network = Network::MobileNetV2;
    initial_weights(&network.spec(&network.properties(), 1000), 7).unwrap()
}

fn fill(tensors: &mut HashMap<String, Tensor>, ending: &str, value: f64) {
    for (key, tensor) in tensors.iter_mut() {
        // Of a BatchNorm: the kernels of this network have no bias, and four sides.
        if key.ends_with(ending) && tensor.rank() == 1 && !key.starts_with("classifier") {
            *tensor = Tensor::full(value as f32, tensor.shape(), &Device::Cpu).unwrap();
        }
    }
}

fn model(classes: &[&str]) -> Model {
    let network = Network::MobileNetV1;
    let properties = network.properties();
    let spec = network.spec(&properties, classes.len());
    let facts = ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network,
        view: View::built_in(&properties.view).unwrap(),
        properties,
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
        recipe: Recipe { sizes: vec![96], ..Recipe::default() },
        size: 96,
        finetune: Some("all".to_owned()),
        percent: Some("10".to_owned()),
        content_root: Some("ab".repeat(32)),
        seen: None,
        epochs: Some(3),
        validation: Some(Validation { loss: 0.5, accuracy: 0.75, samples: 40 }),
    };
    Model { facts, tensors: initial_weights(&spec, 5).unwrap() }
}

fn tcolz_weights(arguments: &[&std::ffi::OsStr]) -> Output {
    common::tcolz().arg("weights").args(arguments).output().unwrap()
}

fn said(output: &Output, code: i32) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn every_tensor_of_a_file_with_our_names_comes_back_and_only_the_last_layer_is_drawn_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let tensors = fresh();
    write(&path, &tensors, &[("format", "pt")]);
    let weights = Weights::open(&path, Some(Network::MobileNetV2)).unwrap();
    assert_eq!(weights.source.format, FileFormat::Safetensors);
    assert_eq!((weights.source.names, weights.classes), (Names::Torchvision, Some(1000)));
    assert_eq!(weights.tensors.len(), tensors.len());
    for (key, tensor) in &tensors {
        assert_eq!(numbers(&weights.tensors[key]), numbers(tensor), "{key}");
    }
    for classes in [1000, 3] {
        let spec = weights.network.spec(&weights.properties, classes);
        let fitted = weights.fit(&spec, 11).unwrap();
        let drawn = initial_weights(&spec, 11).unwrap();
        assert_eq!(fitted.len(), spec.parameters().len());
        for parameter in spec.parameters() {
            let from = if parameter.last && classes == 3 { &drawn } else { &tensors };
            let (key, found) = (&parameter.key, &fitted[&parameter.key]);
            assert_eq!(found.dims(), parameter.shape, "{key}");
            assert_eq!(numbers(found), numbers(&from[key]), "{key}");
        }
    }
    let fit = weights.plan(3);
    assert_eq!(fit.dropped, ["classifier.1.weight", "classifier.1.bias"]);
    assert_eq!(fit.drawn, fit.dropped);
    // What the weights ask for belongs to them.
    let mut properties = weights.properties.clone();
    properties.padding = PaddingStyle::TfSame;
    let error = weights.fit(&weights.network.spec(&properties, 3), 1).unwrap_err().to_string();
    assert!(error.contains("Symmetric") && error.contains("TfSame"), "{error}");
    let other = Network::MobileNetV1.spec(&weights.properties, 3);
    let error = weights.fit(&other, 1).unwrap_err().to_string();
    assert!(error.contains("mobilenet-v1") && error.contains("mobilenet-v2"), "{error}");
}

#[test]
fn a_model_keeps_its_last_layer_for_its_own_classes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let model = model(&["negative", "neutral", "positive"]);
    model.save(&path).unwrap();
    let weights = Weights::open(&path, None).unwrap();
    assert_eq!((weights.source.names, weights.network), (Names::Tcolz, Network::MobileNetV1));
    assert_eq!(weights.facts.as_ref(), Some(&model.facts));
    assert!(weights.source.reasons.iter().all(|reason| reason.because == "the model says so"));
    let spec = model.spec();
    let kept = weights.fit_classes(&spec, &model.facts.classes, 9).unwrap();
    let turned: Vec<_> = model.facts.classes.iter().rev().cloned().collect();
    let drawn = weights.fit_classes(&spec, &turned, 9).unwrap();
    for parameter in spec.parameters() {
        let key = &parameter.key;
        assert_eq!(numbers(&kept[key]), numbers(&model.tensors[key]), "{key}");
        let is_weight = key.ends_with("weight");
        let same = numbers(&drawn[key]) == numbers(&model.tensors[key]);
        assert_eq!(same, !(parameter.last && is_weight), "{key}");
    }
    // The head is the model's: a part of it must not be missing.
    let mut tensors = model.tensors;
    tensors.remove("head.dense.weight").unwrap();
    tensors.remove("head.dense.bias").unwrap();
    let facts = serde_json::to_string(&model.facts).unwrap();
    write(&path, &tensors, &[("tcolz", &facts)]);
    let error = Weights::open(&path, None).unwrap_err().to_string();
    assert!(error.contains("`head.dense.weight`") && error.contains("[128, 256]"), "{error}");
    // In a file that is no model, it is drawn.
    write(&path, &tensors, &[]);
    let weights = Weights::open(&path, None).unwrap();
    assert_eq!(weights.source.missing, ["head.dense.weight", "head.dense.bias"]);
    assert_eq!(weights.fit(&spec, 9).unwrap()["head.dense.weight"].dims(), [128, 256]);
}

#[test]
fn what_a_file_says_of_itself_wins_and_what_it_cannot_mean_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let tensors = fresh();
    let open = |metadata: &[(&str, &str)]| {
        write(&path, &tensors, metadata);
        Weights::open(&path, None)
    };
    let weights = open(&[]).unwrap();
    assert_eq!(weights.properties, Network::MobileNetV2.properties());
    let because = |weights: &Weights| -> Vec<String> {
        let reasons = &weights.source.reasons;
        reasons.iter().map(|reason| format!("{} {}", reason.property, reason.because)).collect()
    };
    let reasons = because(&weights);
    assert_eq!(reasons.len(), 4);
    for (reason, property) in reasons.iter().zip(["padding", "eps", "view"]) {
        assert!(
            reason.starts_with(property) && reason.contains("not said by the file"),
            "{reason}"
        );
        assert!(reason.contains("torchvision"), "{reason}");
    }
    let weights = open(&[("padding", "tf_same"), ("bn_eps", "0.001"), ("view", "raw")]).unwrap();
    assert_eq!(weights.properties.padding, PaddingStyle::TfSame);
    assert_eq!((weights.properties.eps, &*weights.properties.view), (0.001, "raw"));
    assert!(because(&weights)[0].contains("metadata: `padding` is `tf_same`"));
    for (key, value, expected) in [
        ("padding", "valid", "symmetric, tf_same or right_bottom"),
        ("eps", "-1", "not negative"),
        ("eps", "nan", "not negative"),
        ("input", "grey", "raw, caffe, tf, torch, t4sa"),
        ("batch_norm_folded", "yes", "true or false"),
        ("batch_norm_folded", "true", "never trained"),
    ] {
        let error = open(&[(key, value)]).unwrap_err().to_string();
        assert!(error.contains(&format!("`{key}` = `{value}`")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn folded_batch_norm_is_recognised_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let folded = |tensors: &HashMap<String, Tensor>| {
        write(&path, tensors, &[]);
        Weights::open(&path, None).unwrap().properties.batch_norm_folded
    };
    let mut tensors = fresh();
    assert!(!folded(&tensors), "as it was drawn: biases are 0");
    fill(&mut tensors, "bias", 0.25);
    assert!(folded(&tensors), "variance 1");
    fill(&mut tensors, "running_var", 1.0 - 1e-5);
    assert!(folded(&tensors), "variance 1 − eps");
    fill(&mut tensors, "running_var", 1.0 + 1e-4);
    assert!(!folded(&tensors));
    fill(&mut tensors, "running_var", 1.0);
    let key = "features.9.conv.3.running_mean";
    let mut means = vec![0.0f32; 64];
    means[63] = 1e-7;
    tensors.insert(key.to_owned(), Tensor::from_vec(means, 64, &Device::Cpu).unwrap());
    assert!(!folded(&tensors), "one mean of one BatchNorm");
}

#[test]
fn the_published_weights_say_what_they_ask_for() {
    let Some(folder) = common::shared("weights") else { return };
    let path = folder.join("mobilenet_v2_imagenet.safetensors");
    let weights = Weights::open(&path, None).unwrap();
    assert_eq!((weights.network, weights.classes), (Network::MobileNetV2, Some(1000)));
    let properties = &weights.properties;
    assert_eq!(properties.padding, PaddingStyle::TfSame);
    assert_eq!((properties.eps, &*properties.view), (1e-5, "tf"));
    assert!(properties.batch_norm_folded);
    assert_eq!(weights.source.ignored.len(), 52);
    assert!(weights.source.missing.is_empty());
    let candle = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    for (key, tensor) in &weights.tensors {
        assert_eq!(numbers(tensor), numbers(&candle[key]), "{key}");
    }
    let error = Weights::open(&path, Some(Network::Vgg19)).unwrap_err().to_string();
    assert!(error.contains("expected weights of vgg19, found those of mobilenet-v2"), "{error}");
}

#[test]
fn a_network_that_is_cut_off_is_refused_with_the_key_that_it_lacks() {
    let torch = ["small-f32.pth", "small-legacy.pth", "small-nested.pth", "small-parallel.pth"];
    let keras =
        ["small-keras1.h5", "small-keras2.h5", "small-keras3.h5", "small-keras3.weights.h5"];
    let lacks = |name: &str, key: &str, shape: &str| {
        let error = Weights::open(&fixture(name), None).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(key) && error.contains(shape), "{error}");
    };
    for name in torch {
        lacks(name, "`features.1.conv.0.0.weight`, which mobilenet-v2 needs", "[32, 1, 3, 3]");
    }
    for name in keras {
        lacks(name, "`conv_pw_1.kernel`, which mobilenet-v1 needs", "[1, 1, 32, 64]");
    }
    lacks("small-keras3-nested.h5", "`conv_pw_1.kernel`", "[1, 1, 32, 64]");
    let error = Weights::open(&fixture("small-integers.pth"), None).unwrap_err().to_string();
    assert!(error.contains("`features.0.0.weight`: expected floating-point numbers"), "{error}");
}

#[test]
fn numbers_that_are_none_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let mut tensors = fresh();
    let mut values = numbers(&tensors["features.0.1.bias"]);
    values[5] = f32::NAN;
    tensors.insert("features.0.1.bias".to_owned(), Tensor::new(values, &Device::Cpu).unwrap());
    write(&path, &tensors, &[]);
    let error = Weights::open(&path, None).unwrap_err().to_string();
    assert!(error.contains("`features.0.1.bias`: number 5 is NaN"), "{error}");
    assert_eq!(tensors["features.0.1.bias"].dtype(), DType::F32);
}

/// Files of every format, cut off and with bytes changed: a network or a sentence, never a panic.
#[test]
fn any_bytes_are_weights_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let header = br#"{"__metadata__":{"tcolz":"{}"},"features.0.0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let small = [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 8]].concat();
    let names = [
        "small-f32.pth",
        "small-legacy.pth",
        "small-nested.pth",
        "small-keras1.h5",
        "small-keras2-f16-gzip.h5",
        "small-keras3.weights.h5",
    ];
    let mut files: Vec<Vec<u8>> =
        names.iter().map(|name| fs::read(fixture(name)).unwrap()).collect();
    files.push(small);
    for original in &files {
        for round in 0..60 {
            let mut bytes = original.clone();
            if round % 3 == 0 {
                bytes.truncate(random(bytes.len()));
            } else {
                // Headers and tables lie at the ends.
                let near = if round % 3 == 1 { bytes.len() } else { bytes.len().min(700) };
                for _ in 0..=random(4) {
                    let at = random(near);
                    bytes[at] = [0, 0xFF, 0x7F, random(256) as u8][random(4)];
                }
            }
            fs::write(&path, &bytes).unwrap();
            let opened = Weights::open(&path, None);
            assert!(opened.is_err(), "none of them is a whole network");
        }
    }
}

#[test]
fn the_command_says_what_a_file_is_and_what_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model(&["cat", "dog"]).save(&path).unwrap();
    let text = said(&tcolz_weights(&[path.as_os_str()]), 0);
    for part in [
        "weights of mobilenet-v1, and they fit",
        "a model that was trained here",
        "right_bottom (the model says so)",
        "cat, dog",
        "accuracy 0.7500, 40 samples",
        "head.last.weight, head.last.bias",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = tcolz_weights(&[path.as_os_str(), "--json".as_ref()]);
    let json: serde_json::Value = serde_json::from_str(&said(&output, 0)).unwrap();
    assert_eq!(json["network"], "mobilenet-v1");
    assert_eq!(json["properties"]["padding"], "right_bottom");
    assert_eq!(json["source"]["names"], "tcolz");
    assert_eq!((&json["classes"], &json["model"]["epochs"]), (&2.into(), &3.into()));
    assert_eq!(json["for_other_classes"]["dropped"][0], "head.last.weight");
    follows_its_schema(&json["model"], folder.path());

    let text = said(&tcolz_weights(&[path.as_os_str(), "--model".as_ref(), "vgg19".as_ref()]), 1);
    assert!(text.contains("expected weights of vgg19, found those of mobilenet-v1"), "{text}");
    let small = fixture("small-keras2.h5");
    let text = said(&tcolz_weights(&[small.as_os_str()]), 1);
    assert!(text.contains("`conv_pw_1.kernel`") && text.contains("[1, 1, 32, 64]"), "{text}");
    let text = said(&tcolz_weights(&[path.as_os_str(), "--model".as_ref(), "alexnet".as_ref()]), 2);
    assert!(text.contains("inception-resnet-v2"), "{text}");
}

fn follows_its_schema(facts: &serde_json::Value, folder: &Path) {
    let Some(python) = shared::python() else { return };
    let said = folder.join("facts.json");
    fs::write(&said, facts.to_string()).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/model.schema.json");
    let program = "import json, sys, jsonschema; said, schema = (json.load(open(path)) for path in sys.argv[1:]); jsonschema.Draft202012Validator.check_schema(schema); jsonschema.validate(said, schema)";
    let checked =
        Command::new(python).args(["-c", program]).args([&said, &schema]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
