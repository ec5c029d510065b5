//! Promises of the loader when something goes wrong: an error that names the place or a clean end, never
//! a hang, and nothing is lost without a word.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::LedgerRow;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, Damaged, Loader, LoaderBuilder, Order, RankState};
use tcolz_pixels::recipe::{Codec, Dtype};

fn dataset() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

fn loader(dataset: &Dataset) -> LoaderBuilder {
    dataset.loader("train").shuffle(3).batch_size(4).workers(2)
}

/// What `work` gives; a panic when it takes longer than a minute.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(60)).expect("it ends, and does not panic")
}

fn third_of_train(dataset: &Dataset) -> LedgerRow {
    let rows = dataset.ledger().unwrap();
    rows.into_iter().filter(|row| &*row.split == "train").nth(2).unwrap()
}

#[test]
fn a_damaged_sample_ends_the_epoch_with_shard_row_and_sample() {
    let (_folder, dataset) = dataset();
    let row = third_of_train(&dataset);
    common::damage(&dataset, &row);
    let loader = loader(&dataset).build().unwrap();
    let position = loader.epoch_order(0).iter().position(|&index| index == 2).unwrap();
    let (batches, error, after) = in_time(move || {
        let mut epoch = loader.epoch(0);
        let sound = epoch.by_ref().take_while(Result::is_ok).count();
        let state = epoch.state().state;
        let mut again = loader.epoch(0);
        let error = again.find_map(Result::err).unwrap().to_string();
        assert_eq!(state.position, 4 * sound as u64, "what came before it was delivered");
        (sound, error, again.next().is_none())
    });
    assert_eq!(batches, position / 4);
    let (shard, index) = row.place.unwrap();
    for expected in
        [format!("train/{shard:05}.arrow"), format!("row {index} "), format!("`{}`", row.sample_id)]
    {
        assert!(error.contains(&expected), "{error}");
    }
    assert!(after, "nothing follows an error");
}

#[test]
fn damaged_samples_are_skipped_where_told_and_reported_and_the_receipts_hold() {
    for access in [Access::Map, Access::Read] {
        skip_one(access);
    }
}

fn skip_one(access: Access) {
    let (_folder, dataset) = dataset();
    let row = third_of_train(&dataset);
    let all = dataset.split("train").unwrap().rows as usize;
    common::damage(&dataset, &row);
    let loader = loader(&dataset).damaged(Damaged::Skip).access(access).build().unwrap();
    let mut epoch = loader.epoch(0);
    let (mut read, mut skipped) = (0, Vec::new());
    for batch in &mut epoch {
        let batch = batch.unwrap();
        read += batch.len();
        assert_eq!(batch.images().len(), batch.len() * 3 * 24 * 24);
        assert!(batch.sample_ids().iter().all(|id| id != row.sample_id));
        skipped.extend(batch.skipped().iter().map(|s| (s.sample_id.clone(), s.error.to_string())));
    }
    assert_eq!((read, skipped.len()), (all - 1, 1));
    assert_eq!(skipped[0].0, row.sample_id);
    assert!(skipped[0].1.contains("stored bytes are damaged"), "{}", skipped[0].1);
    let state = RankState::merge(&[epoch.state()]).unwrap();
    assert_eq!(state.position, all as u64);
    loader.check_receipts(&state).unwrap();
    assert_ne!(state.skipped, Default::default());
}

#[test]
fn a_shard_that_is_gone_or_cut_short_is_an_error_and_a_deleted_one_is_read_on() {
    let (_folder, dataset) = dataset();
    let files = common::shard_files(&dataset);
    let path = dataset.root().join(&files[0]);
    let bytes = fs::read(&path).unwrap();
    let first_error = |loader: Loader| {
        in_time(move || loader.epoch(0).find_map(Result::err).map(|error| error.to_string()))
    };

    fs::remove_file(&path).unwrap();
    let error = first_error(loader(&dataset).build().unwrap()).unwrap();
    assert!(error.contains(&files[0]), "{error}");

    fs::write(&path, &bytes).unwrap();
    for access in [Access::Map, Access::Read] {
        let opened = loader(&dataset).access(access).build().unwrap();
        assert!(opened.epoch(0).all(|batch| batch.is_ok()));
        fs::remove_file(&path).unwrap();
        assert!(opened.epoch(1).all(|batch| batch.is_ok()), "deleted, but open");

        fs::write(&path, &bytes).unwrap();
        let opened = loader(&dataset).access(access).build().unwrap();
        assert!(opened.epoch(0).all(|batch| batch.is_ok()));
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
        let error = first_error(opened).unwrap();
        let expected = format!("1000 bytes, but dataset.json says {}", bytes.len());
        assert!(error.contains(&files[0]) && error.contains(&expected), "{error}");
        if access == Access::Read {
            assert!(error.contains("row ") && error.contains("(sample `train/"), "{error}");
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_record_batch_that_is_damaged_before_it_is_first_read_is_an_error_that_names_the_shard() {
    for (order, damaged) in [(Order::Shuffle, Damaged::Fail), (Order::Windowed, Damaged::Skip)] {
        let (_folder, dataset) = dataset();
        let file = dataset.split("train").unwrap().shards[1].file.clone();
        let path = dataset.root().join(&file);
        let mut bytes = fs::read(&path).unwrap();
        // The mark of its one record batch: of the messages in the file the second one, behind the schema.
        let marks = (0..bytes.len()).step_by(64).filter(|&at| bytes[at..].starts_with(&[0xFF; 4]));
        let second = marks.take(2).last().unwrap();
        bytes[second] ^= 1;
        fs::write(&path, bytes).unwrap();
        let loader = dataset.loader("train").order(order, 3).access(Access::Read);
        let loader = loader.batch_size(4).damaged(damaged).build().unwrap();
        let error = in_time(move || loader.epoch(0).find_map(Result::err)).unwrap().to_string();
        assert!(error.contains(&file) && error.contains("without its mark"), "{error}");
    }
}

#[test]
fn a_consumer_that_keeps_every_batch_gets_them_all() {
    let (_folder, dataset) = dataset();
    let loader = loader(&dataset).batch_size(1).build().unwrap();
    let all = dataset.split("train").unwrap().rows as usize;
    let ids = in_time(move || {
        let batches: Vec<_> = loader.epoch(0).map(Result::unwrap).collect();
        let ids = batches.iter().flat_map(|batch| batch.sample_ids().iter().map(str::to_owned));
        ids.collect::<BTreeSet<_>>()
    });
    assert_eq!(ids.len(), all);
}

#[test]
fn buffers_go_round_and_none_is_made_after_the_first_ones() {
    let (_folder, dataset) = dataset();
    let loader = loader(&dataset).batch_size(1).build().unwrap();
    let mut places = BTreeSet::new();
    for number in 0..5 {
        for batch in loader.epoch(number) {
            places.insert(batch.unwrap().images().as_ptr() as usize);
        }
    }
    assert!(places.len() <= 4, "two workers, one batch ready, one in use: {}", places.len());
}

#[cfg(target_os = "linux")]
#[test]
fn dropping_an_epoch_in_the_middle_ends_and_joins_its_threads() {
    let threads = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("tcolz-drop"))).count()
    };
    let (_folder, dataset) = dataset();
    // Named by this test, so that those of its neighbours do not count.
    let loader = loader(&dataset).batch_size(1).thread_name("tcolz-drop").build().unwrap();
    for stop in [0, 1, 5] {
        let mut epoch = loader.epoch(stop);
        (0..stop).for_each(|_| drop(epoch.next().unwrap().unwrap()));
        let kept = epoch.next().unwrap().unwrap();
        assert!(threads() > 0, "its threads are there");
        drop(epoch);
        assert_eq!(threads(), 0, "and gone when it is");
        assert_eq!(kept.images().len(), 3 * 24 * 24, "a batch outlives its epoch");
    }
    let mut epoch = loader.epoch(9);
    assert_eq!(epoch.by_ref().count() as u64, dataset.split("train").unwrap().rows);
    assert_eq!(threads(), 0, "gone at the end, too");
}
