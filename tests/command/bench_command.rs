//! What `tcolz bench` measures: every sample of the selection, each stage, errors where they belong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::path::Path;
use std::process::Output;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use tcolz_loader::DatasetExt;
use tcolz_loader::Stage;
use tcolz_pixels::recipe::{Codec, Dtype};

fn bench(dataset: &Path, more: &[&str]) -> Output {
    let quick = ["bench".as_ref(), dataset.as_os_str()];
    common::tcolz()
        .args(quick)
        .args(["--seconds", "0.01", "--threads", "2"])
        .args(more)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

#[test]
fn every_stage_is_measured_with_one_thread_and_with_all() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let output = bench(dataset.root(), &["--json", "--dtype", "bf16", "--view", "torch"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["split"], "train");
    assert_eq!(found["samples"], dataset.split("train").unwrap().rows);
    assert_eq!((&found["view"], &found["dtype"]), (&"torch".into(), &"bf16".into()));
    let figures = found["figures"].as_array().unwrap();
    let seen: Vec<_> = figures
        .iter()
        .map(|figure| (figure["stage"].as_str().unwrap(), figure["threads"].as_u64().unwrap()))
        .collect();
    let stages = ["storage", "decompression", "batches"];
    let expected: Vec<_> = [1, 2].into_iter().flat_map(|n| stages.map(|s| (s, n))).collect();
    assert_eq!(seen[..6], expected);
    assert_eq!(seen[6..], [("storage", 2), ("batches", 2)], "cold");
    for figure in figures {
        assert!(figure["photos"].as_u64().unwrap() > 0, "{figure}");
        assert!(figure["photos_per_second"].as_f64().unwrap() > 0.0, "{figure}");
    }
    let limits = &found["limits"];
    assert_eq!(found["limit"], limits["stage"]);
    let scaling = (&limits["scaling"]["few"], &limits["scaling"]["many"]);
    assert_eq!(scaling, (&1.into(), &2.into()));
    // A cold figure is one epoch, and whole batches of two bytes an element.
    let batches = &figures[7];
    let column = &dataset.meta().columns[0];
    let bytes = dataset.split("train").unwrap().rows * column.raw_bytes() as u64 * 2;
    assert_eq!(batches["bytes"], bytes);
}

#[test]
fn an_epoch_is_measured_whole_and_a_stop_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let rows = dataset.split("train").unwrap().rows;
    let loader = dataset.loader("train").shuffle(1).batch_size(4).workers(3).build().unwrap();
    let (go, halt) = (AtomicBool::new(false), AtomicBool::new(true));
    let stored: u64 = dataset
        .ledger()
        .unwrap()
        .iter()
        .filter(|row| &*row.split == "train")
        .filter_map(|row| row.place)
        .map(|(shard, row)| {
            let reader = dataset.open_shard("train", shard).unwrap();
            reader.stored(row, 0).unwrap().len() as u64
        })
        .sum();
    let raw = rows * dataset.meta().columns[0].raw_bytes() as u64;
    for (stage, bytes) in
        [(Stage::Storage, stored), (Stage::Decompression, raw), (Stage::Batches, 4 * raw)]
    {
        let rate = loader.measure(stage, None, &go).unwrap();
        assert_eq!((rate.photos, rate.bytes), (rows, bytes), "{stage:?}");
        assert_eq!(loader.measure(stage, None, &halt).unwrap().photos, 0, "{stage:?}");
    }
}

#[test]
fn a_selection_is_measured_alone_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Raw, Dtype::U8);
    let output = bench(dataset.root(), &["--no-cold", "--json", "--where", "label = 0"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ledger = dataset.ledger().unwrap();
    let expected = ledger.iter().filter(|row| &*row.split == "train" && row.label == Some(0));
    assert_eq!(found["samples"], expected.count());
    assert_eq!(found["figures"].as_array().unwrap().len(), 6, "nothing cold");
    for (wrong, named) in [
        (["--where", "colour = 1"], "colour"),
        (["--split", "holdout"], "train"),
        (["--view", "sepia"], "caffe"),
    ] {
        let output = bench(dataset.root(), &wrong);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(named), "{}", said(&output));
    }
    assert_eq!(bench(dataset.root(), &["--percent", "101"]).status.code(), Some(2));
}

#[test]
fn a_limit_is_said_with_what_was_measured_and_no_other_advice() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Raw, Dtype::U8);
    let output = bench(dataset.root(), &["--no-cold", "--dtype", "u8"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let fact = |label: &str| text.lines().find(|line| line.trim_start().starts_with(label));
    assert!(fact("threads").unwrap().contains("2 threads give"), "{text}");
    assert!(fact("limit").unwrap().contains(" thread"), "{text}");
    // Nothing is decompressed, and nothing is smaller than u8.
    assert!(!text.contains("--codec") && !text.contains("--dtype"), "{text}");
    assert_eq!(fact("first epoch"), None, "{text}");
    assert!(text.contains("less than a second says little"), "{text}");
    let alone = ["--seconds", "0.01", "--threads", "1", "--no-cold"];
    let one = common::tcolz().arg("bench").arg(dataset.root()).args(alone).output().unwrap();
    let one = said(&one);
    assert!(one.contains("with 1 thread"), "{one}");
    assert!(!one.contains("threads give"), "nothing to compare: {one}");
}

#[test]
fn a_damaged_sample_ends_the_measurement_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let row = dataset.ledger().unwrap().into_iter().find(|row| &*row.split == "train").unwrap();
    let (shard, _) = row.place.unwrap();
    let path = dataset.root().join(format!("train/{shard:05}.arrow"));
    let mut bytes = std::fs::read(&path).unwrap();
    let id = row.sample_id.as_bytes();
    let at = bytes.windows(id.len()).position(|window| window == id).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = bench(dataset.root(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&format!("train/{shard:05}.arrow")), "{}", said(&output));
}
