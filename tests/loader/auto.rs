//! Promises of what a loader chooses by itself: it says what it took and why, the batches do not depend on it,
//! and an epoch goes on in its own order on a machine that would have taken another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, Epoch, LoaderBuilder, Order, RankState, State, Storage};
use tcolz_pixels::recipe::{Codec, Dtype};

const FLASH: Storage =
    Storage { rotating: Some(false), remote: None, bytes: 10, available: Some(10) };
const TURNS: Storage = Storage { rotating: Some(true), ..FLASH };

fn dataset() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

fn auto(dataset: &Dataset, storage: Storage) -> LoaderBuilder {
    dataset.loader("train").order(Order::Auto, 7).batch_size(4).workers(2).storage(storage)
}

fn ids(epoch: &mut Epoch) -> Vec<String> {
    epoch
        .flat_map(|batch| batch.unwrap().sample_ids().iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn merged(epoch: &Epoch) -> State {
    RankState::merge(&[epoch.state()]).unwrap()
}

#[test]
fn a_loader_says_what_it_took_and_reads_the_order_that_it_says() {
    let (_folder, dataset) = dataset();
    for (storage, order, access) in
        [(FLASH, Order::Shuffle, Access::Map), (TURNS, Order::Windowed, Access::Read)]
    {
        let loader = auto(&dataset, storage).build().unwrap();
        let choices = loader.choices();
        assert_eq!((choices.order, choices.access, choices.why), (order, access, Some(storage)));
        assert!(choices.to_string().starts_with(order.name()), "{choices}");
        let asked = dataset.loader("train").order(order, 7).batch_size(4).build().unwrap();
        let mut epoch = loader.epoch(1);
        assert_eq!(epoch.state().state.order, order.name());
        assert_eq!(ids(&mut epoch), ids(&mut asked.epoch(1)));
        // A state of `auto` is one of the order that it took.
        asked.check_receipts(&merged(&epoch)).unwrap();
    }
    let looked_up = dataset.loader("train").order(Order::Auto, 7).build().unwrap();
    let why = looked_up.choices().why.unwrap();
    let shards = &dataset.split("train").unwrap().shards;
    let stored: u64 = shards.iter().map(|shard| shard.bytes).sum();
    assert!(why.bytes <= stored && why.bytes > stored / 2, "{why:?} of {stored}");
    assert!(cfg!(not(target_os = "linux")) || why.available.is_some());
}

#[test]
fn an_epoch_goes_on_in_its_own_order_where_another_would_be_taken() {
    let (_folder, dataset) = dataset();
    for (here, there) in [(FLASH, TURNS), (TURNS, FLASH)] {
        let (first, second) = (auto(&dataset, here), auto(&dataset, there));
        let (first, second) = (first.build().unwrap(), second.build().unwrap());
        assert_ne!(first.choices().order, second.choices().order);
        let expected = ids(&mut first.epoch(3));
        assert_ne!(expected, ids(&mut second.epoch(3)));
        let mut epoch = first.epoch(3);
        let mut had: Vec<String> = Vec::new();
        for _ in 0..3 {
            had.extend(epoch.next().unwrap().unwrap().sample_ids().iter().map(str::to_owned));
        }
        let state = merged(&epoch);
        let mut rest = second.resume(&state).unwrap();
        had.extend(ids(&mut rest));
        assert_eq!(had, expected);
        let state = merged(&rest);
        assert_eq!(state.order, first.choices().order.name(), "the state keeps it");
        second.check_receipts(&state).unwrap();
        // Asked for by its name, the order stays what it is.
        let strict = dataset.loader("train").order(second.choices().order, 7).build().unwrap();
        let error = strict.resume(&state).unwrap_err().to_string();
        assert!(error.contains("its order is"), "{error}");
    }
}

#[test]
fn an_epoch_that_reads_ahead_ends_when_it_is_dropped_and_names_what_it_cannot_read() {
    let (_folder, dataset) = dataset();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let loader = auto(&dataset, TURNS).batch_size(1).build().unwrap();
        for stop in [0, 1, 7] {
            let mut epoch = loader.epoch(0);
            (0..stop).for_each(|_| drop(epoch.next().unwrap().unwrap()));
        }
        let shard = dataset.root().join(&dataset.split("train").unwrap().shards[1].file);
        std::fs::OpenOptions::new().write(true).open(shard).unwrap().set_len(2000).unwrap();
        let error = loader.epoch(0).find_map(Result::err).map(|error| error.to_string());
        sender.send(error).unwrap();
    });
    let error = receiver.recv_timeout(std::time::Duration::from_secs(60)).expect("it ends");
    let error = error.expect("an error");
    assert!(error.contains("train/00001.arrow") && error.contains("2000 bytes"), "{error}");
}

#[test]
fn windows_that_are_read_ahead_give_the_batches_of_the_map_from_every_step_and_for_every_rank() {
    let (_folder, dataset) = dataset();
    let loader = |access, rank, world| {
        let loader = dataset.loader("train").order(Order::Windowed, 7).access(access);
        loader.batch_size(3).workers(2).rank(rank, world).build().unwrap()
    };
    for world in [1, 2] {
        for rank in 0..world {
            let (mapped, read) =
                (loader(Access::Map, rank, world), loader(Access::Read, rank, world));
            let steps = mapped.epoch(0).stripes().steps();
            for stop in 0..=steps {
                let mut epoch = mapped.epoch(0);
                let taken = (0..stop).map(|_| epoch.next().unwrap().unwrap().len()).sum::<usize>();
                let position = epoch.state().state.position;
                let state = State { position, ..mapped.epoch(0).state().state };
                let rest = ids(&mut read.resume(&state).unwrap());
                assert_eq!(rest, ids(&mut mapped.epoch(0))[taken..], "rank {rank} after {stop}");
            }
            // What is read: its own samples, each within what was read ahead.
            let reads = read.reads(0).unwrap();
            let own = ids(&mut read.epoch(0)).len();
            assert_eq!(reads.iter().map(|window| window.samples.len()).sum::<usize>(), own);
            for window in &reads {
                assert!(!window.forward.is_empty() && window.forward.is_sorted());
            }
            let mapped = mapped.reads(0).unwrap();
            assert!(mapped.iter().all(|window| window.forward.is_empty()));
            let samples = |reads: &[tcolz_loader::forward::WindowReads]| {
                reads.iter().flat_map(|window| window.samples.clone()).collect::<Vec<_>>()
            };
            assert_eq!(samples(&reads), samples(&mapped));
        }
    }
}
