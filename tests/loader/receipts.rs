//! Promise: what a whole epoch must add up to stands in dataset.json, `verify` tests it, and datasets without it are
//! read as before.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;

use tcolz_format::dataset::{DATASET_FILE, DatasetMeta, Receipt};
use tcolz_format::dataset::{Dataset, verify};
use tcolz_format::sample::Status;
use tcolz_loader::DatasetExt;
use tcolz_loader::{LastBatch, Loader, LoaderError, Order, RankState, State};
use tcolz_pixels::recipe::{Codec, Dtype};

fn dataset() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

/// The dataset with another dataset.json, sound but for what is changed.
fn changed(dataset: &Dataset, change: impl Fn(&mut DatasetMeta)) -> Dataset {
    let mut meta = dataset.meta().clone();
    change(&mut meta);
    fs::write(dataset.root().join(DATASET_FILE), meta.to_bytes()).unwrap();
    Dataset::open(dataset.root()).unwrap()
}

/// The state at the end of an epoch, and its loader.
fn read(dataset: &Dataset, order: Order, last: LastBatch) -> (Loader, State) {
    let loader = dataset.loader("train").order(order, 1).batch_size(60).last_batch(last);
    let loader = loader.build().unwrap();
    let mut epoch = loader.epoch(0);
    assert!(epoch.by_ref().all(|batch| batch.is_ok()));
    let state = RankState::merge(&[epoch.state()]).unwrap();
    (loader, state)
}

#[test]
fn a_split_says_what_an_epoch_with_each_of_its_samples_once_adds_up_to() {
    let (_folder, dataset) = dataset();
    let rows = dataset.ledger().unwrap();
    for split in &dataset.meta().splits {
        let own = rows.iter().filter(|row| *row.split == *split.name);
        let mut sum = Receipt::default();
        own.filter(|row| row.status == Status::Stored)
            .for_each(|row| sum += Receipt::of(&row.sample_id));
        assert_eq!(split.receipt, Some(sum), "{}", split.name);
    }
    let train = dataset.split("train").unwrap().receipt.unwrap();
    for order in [Order::Sequential, Order::Shuffle, Order::Windowed] {
        let (loader, state) = read(&dataset, order, LastBatch::Keep);
        assert_eq!((state.delivered, loader.expected_receipt(&state).unwrap()), (train, train));
        // A batch of twice as many: the epoch's order once more.
        let (loader, state) = read(&dataset, order, LastBatch::Pad);
        assert_eq!((state.position, state.delivered), (60, train.times(2)));
        loader.check_receipts(&state).unwrap();
    }
    let (loader, state) = read(&dataset, Order::Balanced, LastBatch::Keep);
    assert_eq!(state.position, 60);
    assert_ne!(state.delivered, train.times(2), "some classes more often than others");
    loader.check_receipts(&state).unwrap();
}

#[test]
fn datasets_without_it_are_read_and_verified_as_before() {
    let (_folder, dataset) = dataset();
    let old = changed(&dataset, |meta| meta.splits.iter_mut().for_each(|s| s.receipt = None));
    assert!(!fs::read_to_string(old.root().join(DATASET_FILE)).unwrap().contains("receipt"));
    assert_eq!(verify(old.root(), &|_| ()).unwrap().faults, []);
    let (loader, state) = read(&old, Order::Shuffle, LastBatch::Keep);
    loader.check_receipts(&state).unwrap();
    assert_eq!(Some(state.delivered), dataset.split("train").unwrap().receipt);
}

#[test]
fn one_that_the_ledger_contradicts_is_found() {
    let (_folder, dataset) = dataset();
    let wrong = changed(&dataset, |meta| meta.splits[0].receipt = Some(Receipt::of("another")));
    let report = verify(wrong.root(), &|_| ()).unwrap();
    let faults: Vec<String> =
        report.faults.iter().map(|fault| format!("{}: {}", fault.file, fault.what)).collect();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("dataset.json: split train: the receipt is"), "{faults:?}");
    assert!(!report.repairable);
    let (loader, state) = read(&wrong, Order::Shuffle, LastBatch::Keep);
    assert!(matches!(loader.check_receipts(&state), Err(LoaderError::Receipts { .. })));
}
