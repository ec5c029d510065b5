//! `tcolz predict`: what a model says of photos, by the recipe that it carries.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::Path;
use std::process::Output;

use candle_core::{Device, Tensor};
use serde_json::Value;
use tcolz_nn::file::MODEL_FORMAT;
use tcolz_nn::init::initial_weights;
use tcolz_nn::{Folded, Model, ModelFacts, Network};
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;
use tcolz_predict::Predictor;

const CLASSES: [&str; 4] = ["cat", "dog", "fox", "owl"];

fn model(recipe: &Recipe, size: u32) -> Model {
    let network = Network::MobileNetV2;
    let properties = network.properties();
    let facts = ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network,
        view: View::built_in(&properties.view).unwrap(),
        properties,
        classes: CLASSES.map(str::to_owned).to_vec(),
        recipe: recipe.clone(),
        size,
        finetune: None,
        percent: Some("1".to_owned()),
        content_root: None,
        seen: None,
        epochs: None,
        validation: None,
    };
    let mut tensors = initial_weights(&facts.spec(), 1).unwrap();
    // As first drawn, every class is about as likely.
    let last = "classifier.1.weight";
    tensors.insert(last.to_owned(), (&tensors[last] * 50.0).unwrap());
    Model { facts, tensors }
}

fn predict(arguments: &[&Path], more: &[&str]) -> Output {
    common::tcolz().arg("predict").args(arguments).args(more).output().unwrap()
}

/// Decoding and resizing of prediction are those of the conversion, view and network those of training.
#[test]
fn a_photo_gets_what_its_stored_tensor_gets() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    tcolz_demo::make_dump(&photos, 24).unwrap();
    for (name, recipe) in [
        ("plain", Recipe { sizes: vec![48], ..Recipe::default() }),
        (
            "scaled",
            Recipe {
                sizes: vec![32, 40],
                decode: tcolz_pixels::recipe::DecodeMode::Scaled,
                fit: tcolz_pixels::recipe::Fit::Pad,
                filter: tcolz_pixels::recipe::Filter::Lanczos3,
                ..Recipe::default()
            },
        ),
        (
            "half",
            Recipe {
                sizes: vec![32],
                dtype: tcolz_pixels::recipe::Dtype::F16,
                view: "torch".to_owned(),
                fit: tcolz_pixels::recipe::Fit::Crop,
                ..Recipe::default()
            },
        ),
    ] {
        let size = recipe.sizes[0];
        let mut options = common::options(&photos, &folder.path().join(name), &[size]);
        options.recipe = recipe;
        let dataset = common::converted(&options).dataset;
        // The dataset's own recipe: conversion may have completed it.
        let model = model(&dataset.meta().recipe, size);
        let predictor = Predictor::new(&model, &Device::Cpu).unwrap();
        let folded = Folded::new(&model.spec(), &model.tensors, &Device::Cpu).unwrap();
        let mut seen = 0;
        for row in dataset.ledger().unwrap() {
            if row.place.is_none() {
                continue;
            }
            let bytes = fs::read(photos.join(&row.path)).unwrap();
            let stored = dataset.read_tensor(&row, 0).unwrap();
            let side = size as usize;
            let mut input = vec![0f32; 3 * side * side];
            if dataset.meta().recipe.dtype == tcolz_pixels::recipe::Dtype::F16 {
                for (number, bytes) in input.iter_mut().zip(stored.chunks_exact(2)) {
                    *number = tcolz_pixels::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
                }
            } else {
                model.facts.view.apply(&stored, &mut input);
            }
            let input = Tensor::from_vec(input, (1, 3, side, side), &Device::Cpu).unwrap();
            let logits: Vec<f32> =
                folded.logits(&input).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let largest = logits.iter().fold(f32::MIN, |a, &b| a.max(b));
            let powers: Vec<f64> = logits.iter().map(|&x| f64::from(x - largest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let expected: Vec<f32> = powers.iter().map(|power| (power / sum) as f32).collect();
            let found = predictor.predict(&bytes).unwrap();
            assert_eq!(found.probabilities, expected, "{name}: {}", row.path);
            seen += 1;
        }
        assert!(seen > 20, "{name}: {seen} photos");
    }
}

#[test]
fn bad_images_are_named_with_the_reason_and_the_others_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    model(&Recipe { sizes: vec![32], ..Recipe::default() }, 32).save(&path("model")).unwrap();
    fs::write(path("a.png"), common::photo(1, 40, 30)).unwrap();
    fs::write(path("b.png"), common::photo(2, 50, 60)).unwrap();
    fs::write(path("page.jpg"), "<!DOCTYPE html>").unwrap();
    fs::create_dir(path("more")).unwrap();

    let good = predict(&[&path("model"), &path("a.png"), &path("b.png")], &[]);
    let text = String::from_utf8(good.stdout).unwrap();
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().next().unwrap().contains("a.png: "), "{text}");
    assert_eq!(text.matches(" %").count(), 6, "three classes each: {text}");

    let images = ["page.jpg", "a.png", "more", "gone.jpg", "b.png"].map(path);
    let mut arguments = vec![path("model")];
    arguments.extend(images);
    let arguments: Vec<&Path> = arguments.iter().map(|path| &**path).collect();
    let mixed = predict(&arguments, &[]);
    assert_eq!(mixed.status.code(), Some(1));
    assert_eq!(String::from_utf8(mixed.stdout).unwrap(), text, "the others are done");
    let errors = String::from_utf8(mixed.stderr).unwrap();
    for (name, reason) in [
        ("page.jpg", "found a file that begins with 3c 21 44"),
        ("more", "a folder, expected image files"),
        ("gone.jpg", "No such file"),
    ] {
        let line = errors.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains(reason), "{line}");
    }
    assert!(errors.contains("no prediction for 3 of 5 images"), "{errors}");

    let json = predict(&arguments, &["--json", "--top", "2", "--device", "cpu"]);
    assert_eq!(json.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["percent"], "1");
    let images = json["images"].as_array().unwrap();
    assert_eq!(images.len(), 5);
    assert!(images[2]["error"].as_str().unwrap().contains("a folder"));
    let best = &images[1]["predictions"];
    assert_eq!(best.as_array().unwrap().len(), 2);
    let class = best[0]["class"].as_str().unwrap();
    assert!(CLASSES.contains(&class) && text.contains(&format!("a.png: {class} ")), "{text}");
    assert!(best[0]["probability"].as_f64() > best[1]["probability"].as_f64());
}

/// As `tcolz serve` does, and `tcolz convert` stores it.
#[test]
fn a_truncated_photo_gets_its_label_with_a_note_and_none_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let recipe = Recipe { sizes: vec![32], ..Recipe::default() };
    model(&recipe, 32).save(&path("model")).unwrap();
    model(&Recipe { refuse_truncated: true, ..recipe }, 32).save(&path("strict")).unwrap();
    let whole = tcolz_demo::photo(1, 2, (320, 240)).unwrap();
    fs::write(path("whole.jpg"), &whole).unwrap();
    fs::write(path("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    let run = |model: &str, more: &[&str]| {
        let output = predict(&[&path(model), &path("whole.jpg"), &path("cut.jpg")], more);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, said, errors) = run("model", &[]);
    assert_eq!((code, said.lines().count(), &*errors), (Some(0), 2, ""), "{said}");
    assert!(said.lines().last().unwrap().ends_with(" % of its rows are there)"), "{said}");
    assert!(!said.lines().next().unwrap().contains("truncated"), "{said}");
    let (_, json, _) = run("model", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["images"][1]["notes"][0].as_str().unwrap().starts_with("truncated: "), "{json}");
    assert!(json["images"][1]["recovered_share"].as_f64().unwrap() < 1.0, "{json}");
    assert_eq!(json["images"][0]["notes"], Value::Array(vec![]));
    for (model, more) in [("model", &["--refuse-truncated"][..]), ("strict", &[])] {
        let (code, said, errors) = run(model, more);
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{model}: {said}");
        assert!(errors.contains("cut.jpg: expected a whole jpeg file"), "{errors}");
        assert!(errors.contains("% of its rows are there"), "{errors}");
    }
}

/// Case 18, and a decoder that panics (debug builds let one on request).
#[test]
fn a_photo_that_cannot_be_read_gets_a_sentence_without_flags_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let recipe = Recipe { sizes: vec![32], max_pixels: 2000, ..Recipe::default() };
    model(&recipe, 32).save(&path("model")).unwrap();
    fs::write(path("large.png"), common::photo(1, 50, 60)).unwrap();
    fs::write(path("small.png"), common::photo(2, 40, 30)).unwrap();
    let predict = |image: &str, panics: &str| {
        let output = common::tcolz()
            .arg("predict")
            .args([path("model"), path(image)])
            .env("TCOLZ_TEST_DECODER_PANICS", panics)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = predict("large.png", "");
    assert_eq!(code, Some(1));
    assert!(said.contains("at most 2000 pixels, found 50×60 = 3000: make it smaller"), "{said}");
    assert!(!said.contains("--"), "{said}");
    assert_eq!(predict("small.png", ""), (Some(0), String::new()));
    if cfg!(debug_assertions) {
        let (code, said) = predict("small.png", "png");
        assert_eq!(code, Some(1));
        assert!(said.contains("the png decoder stopped"), "{said}");
        assert!(!said.contains("panicked") && !said.contains("BACKTRACE"), "{said}");
    }
}

#[test]
fn what_is_no_model_and_no_device_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("a.png");
    fs::write(&photo, common::photo(1, 40, 30)).unwrap();
    let wrong = predict(&[&photo, &photo], &[]);
    assert_eq!(wrong.status.code(), Some(1));
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert!(error.contains("a.png") && error.lines().count() == 1, "{error}");
    assert_eq!(predict(&[&photo, &photo], &["--device", "gpu"]).status.code(), Some(2));
    assert_eq!(predict(&[&photo], &[]).status.code(), Some(2), "no image");
}
