//! Promises of the batches: bit for bit what is stored, whatever the workers, the ranks and the moment
//! of a kill; each sample exactly as often as the order says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};

use tcolz_format::dataset::Dataset;
use tcolz_format::sample::{Label, Status};
use tcolz_loader::DatasetExt;
use tcolz_loader::{
    Access, Batch, Element, Epoch, LastBatch, Loader, LoaderBuilder, LoaderError, Order, Percent,
    RankState, State,
};
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::{View, bf16, f16};

fn zstd() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    assert!(dataset.split("train").unwrap().shards.len() > 2, "several shards");
    (folder, dataset)
}

/// Sample id, label, bytes of the tensor.
type Sample<T> = (String, Label, Vec<T>);

fn samples<T: Element>(batch: &Batch<T>) -> Vec<Sample<T>> {
    let [n, channels, height, width] = batch.shape();
    assert_eq!((n, batch.labels().len(), batch.sample_ids().len()), (batch.len(), n, n));
    let images = batch.images().chunks_exact(channels * height * width);
    let samples = images.zip(batch.labels()).zip(batch.sample_ids().iter());
    samples.map(|((image, &label), id)| (id.to_owned(), label, image.to_vec())).collect()
}

fn read<T: Element>(epoch: &mut Epoch<T>) -> Vec<Sample<T>> {
    epoch.flat_map(|batch| samples(&batch.unwrap())).collect()
}

fn merged<T: Element>(epoch: &Epoch<T>) -> State {
    RankState::merge(&[epoch.state()]).unwrap()
}

/// The tensors of `train` as `Dataset::read_tensor` gives them, in the order of storage.
fn stored(dataset: &Dataset, column: usize) -> Vec<Sample<u8>> {
    let rows = dataset.ledger().unwrap();
    let rows = rows.iter().filter(|row| row.status == Status::Stored && &*row.split == "train");
    rows.map(|row| (row.sample_id.clone(), row.label, dataset.read_tensor(row, column).unwrap()))
        .collect()
}

#[test]
fn batches_are_the_operations_of_the_view_bit_for_bit_in_every_element_type() {
    let folder = tempfile::tempdir().unwrap();
    for codec in [Codec::Zstd, Codec::Raw] {
        let dataset = common::several_shards(folder.path(), codec, Dtype::U8);
        for (view, size, column) in [("caffe", 24, 0), ("torch", 112, 1), ("raw", 24, 0)] {
            let loader = || dataset.loader("train").view(view).size(size).batch_size(7);
            let plain: Vec<Sample<f32>> = stored(&dataset, column)
                .into_iter()
                .map(|(id, label, pixels)| {
                    let mut out = vec![0.0; pixels.len()];
                    View::built_in(view).unwrap().apply(&pixels, &mut out);
                    (id, label, out)
                })
                .collect();
            let f32s = read(&mut loader().build().unwrap().epoch(0));
            assert_eq!(f32s, plain, "{codec} {view}");
            let f16s = read(&mut loader().build_as::<f16>().unwrap().epoch(0));
            let bf16s = read(&mut loader().build_as::<bf16>().unwrap().epoch(0));
            for ((half, brain), (_, _, plain)) in f16s.iter().zip(&bf16s).zip(&plain) {
                assert!(half.2.iter().zip(plain).all(|(h, &p)| *h == f16::from_f32(p)));
                assert!(brain.2.iter().zip(plain).all(|(b, &p)| *b == bf16::from_f32(p)));
            }
            let u8s = loader().access(Access::Read).build_as::<u8>();
            let u8s = read(&mut u8s.unwrap().epoch(0));
            assert_eq!(u8s, stored(&dataset, column), "pixels as stored, without a view");
        }
    }
}

#[test]
fn tensors_with_a_view_baked_in_are_given_as_they_are_and_with_no_other_view() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let expected = read(&mut pixels.loader("train").view("caffe").build().unwrap().epoch(0));
    for (codec, dtype) in
        [(Codec::Zstd, Dtype::F32), (Codec::Raw, Dtype::F32), (Codec::Zstd, Dtype::F16)]
    {
        let baked = common::several_shards(folder.path(), codec, dtype);
        let found = read(&mut baked.loader("train").build().unwrap().epoch(0));
        for ((id, label, found), expected) in found.iter().zip(&expected) {
            assert_eq!((id, label), (&expected.0, &expected.1));
            let round = |value: f32| {
                if dtype == Dtype::F16 { f16::from_f32(value).to_f32() } else { value }
            };
            assert!(found.iter().zip(&expected.2).all(|(f, &e)| f.to_bits() == round(e).to_bits()));
        }
        let error = baked.loader("train").view("torch").build().unwrap_err().to_string();
        assert!(error.contains("of the view caffe") && error.contains("`dtype: u8`"), "{error}");
        let error = baked.loader("train").build_as::<u8>().unwrap_err().to_string();
        assert!(error.contains("no pixels"), "{error}");
    }
}

#[test]
fn the_same_batches_for_any_number_of_workers_either_access_and_little_memory() {
    let (_folder, dataset) = zstd();
    let loader = |workers| dataset.loader("train").shuffle(5).batch_size(4).workers(workers);
    let one = loader(1).build().unwrap();
    let batches = |loader: &Loader, epoch| -> Vec<Vec<Sample<f32>>> {
        loader.epoch(epoch).map(|batch| samples(&batch.unwrap())).collect()
    };
    let expected = batches(&one, 3);
    assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 4, 4, 2]);
    assert_ne!(expected, batches(&one, 4), "another epoch, another order");
    for workers in [2, 7] {
        for access in [Access::Map, Access::Read] {
            let loader = loader(workers).access(access).build().unwrap();
            assert_eq!(batches(&loader, 3), expected, "{workers} workers, {access:?}");
        }
    }
    let batch_bytes = 4 * 3 * 24 * 24 * 4;
    let tight = loader(7).batch_memory(2 * batch_bytes).build().unwrap();
    assert_eq!((tight.workers(), batches(&tight, 3)), (1, expected));
    let error = loader(1).batch_memory(2 * batch_bytes - 1).build().unwrap_err().to_string();
    assert!(error.contains("batch size: expected at most 3: 2 batches of 0.007 MB"), "{error}");
}

#[test]
fn an_epoch_goes_on_from_every_step_with_any_batch_size_and_number_of_workers() {
    let (_folder, dataset) = zstd();
    for order in Order::ALL {
        let loader = |batch| dataset.loader("train").order(order, 9).batch_size(batch);
        let whole = loader(4).build().unwrap();
        let mut epoch = whole.epoch(2);
        let expected = read(&mut epoch);
        whole.check_receipts(&merged(&epoch)).unwrap();
        for stop in 0..=whole.epoch(2).stripes().steps() {
            let mut first = whole.epoch(2);
            let mut had: Vec<_> = Vec::new();
            (0..stop).for_each(|_| had.extend(samples(&first.next().unwrap().unwrap())));
            let state = merged(&first);
            drop(first);
            whole.check_receipts(&state).unwrap();
            let state: State =
                serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            let other = loader(3 + stop as usize).workers(2).build().unwrap();
            let mut rest = other.resume(&state).unwrap();
            had.extend(read(&mut rest));
            assert_eq!(had, expected, "{order}, stopped after {stop}");
            other.check_receipts(&merged(&rest)).unwrap();
            assert_eq!(merged(&rest), merged(&epoch), "receipts do not depend on the kill");
        }
    }
}

#[test]
fn ranks_share_an_epoch_also_when_their_number_changes_in_the_middle() {
    let (_folder, dataset) = zstd();
    for order in Order::ALL {
        for last in [LastBatch::Keep, LastBatch::Drop, LastBatch::Pad] {
            let rank = |rank, world, batch| {
                let loader = dataset.loader("train").order(order, 1).last_batch(last);
                loader.batch_size(batch).rank(rank, world).workers(2).build().unwrap()
            };
            // Three ranks take two steps, two ranks the rest.
            let mut epochs: Vec<Epoch> = (0..3).map(|r| rank(r, 3, 2).epoch(0)).collect();
            let mut had: Vec<String> = Vec::new();
            let mut step = |epoch: &mut Epoch| {
                let batch = epoch.next().unwrap().unwrap();
                had.extend(batch.sample_ids().iter().map(str::to_owned));
            };
            for _ in 0..2 {
                epochs.iter_mut().for_each(&mut step);
            }
            let states: Vec<RankState> = epochs.iter().map(Epoch::state).collect();
            let state = RankState::merge(&states).unwrap();
            assert_eq!(state.position, 12);
            epochs[1].next();
            let uneven: Vec<RankState> = epochs.iter().map(Epoch::state).collect();
            let error = RankState::merge(&uneven).unwrap_err().to_string();
            assert!(error.contains("rank 0 stands at position 12, rank 1 at 18"), "{error}");

            let loaders = [rank(0, 2, 4), rank(1, 2, 4)];
            let mut rest: Vec<Epoch> = loaders.iter().map(|l| l.resume(&state).unwrap()).collect();
            let stripes = rest[0].stripes();
            for _ in 0..stripes.steps() {
                rest.iter_mut().for_each(&mut step);
            }
            assert!(rest.iter_mut().all(|epoch| epoch.next().is_none()));
            let states: Vec<RankState> = rest.iter().map(Epoch::state).collect();
            let state = RankState::merge(&states).unwrap();
            loaders[0].check_receipts(&state).unwrap();
            let order_ids: Vec<String> = {
                let all = stored(&dataset, 0);
                let order = loaders[0].epoch_order(0);
                order.iter().map(|&index| all[index as usize].0.clone()).collect()
            };
            let total = order_ids.len() as u64;
            assert_eq!(state.position, total - stripes.dropped() + stripes.padded());
            let mut expected: Vec<String> =
                order_ids.iter().cycle().take(state.position as usize).cloned().collect();
            expected.sort();
            had.sort();
            assert_eq!(had, expected, "{order} {last:?}");
            let tampered = State { delivered: state.skipped, ..state };
            assert!(matches!(
                loaders[0].check_receipts(&tampered),
                Err(LoaderError::Receipts { .. })
            ));
        }
    }
}

#[test]
fn a_selection_is_read_and_a_state_of_another_one_is_refused() {
    let (folder, dataset) = zstd();
    let subset = folder.path().join("subset.txt");
    let all = stored(&dataset, 0);
    let lines: Vec<&str> = all.iter().skip(4).map(|(id, ..)| id.as_str()).collect();
    common::write(&subset, lines.join("\n").as_bytes());
    let loader = |percent: &str| -> LoaderBuilder {
        let percent = Percent::parse(percent).unwrap();
        dataset.loader("train").subset(&subset).condition("width >= 48").percent(percent, 3)
    };
    let half = loader("50").build().unwrap();
    let mut epoch = half.epoch(0);
    let found: BTreeSet<String> = read(&mut epoch).into_iter().map(|(id, ..)| id).collect();
    // Widths are 40 + number: photos 8 to 29 are left, of which 2 and 20 in two classes.
    assert_eq!(found.len(), 11);
    assert!(found.iter().all(|id| lines.contains(&id.as_str())));
    half.check_receipts(&merged(&epoch)).unwrap();
    let other = loader("60").build().unwrap();
    let error = other.resume(&merged(&epoch)).unwrap_err().to_string();
    assert!(error.contains("its hash of the options is"), "{error}");
    let error = half.resume(&half.epoch(0).state().state).map(drop);
    assert!(error.is_ok(), "a state of its own is gone on from");
}

#[test]
fn a_balanced_epoch_holds_every_class_equally_often_and_needs_labels() {
    let (_folder, dataset) = zstd();
    let loader = dataset.loader("train").order(Order::Balanced, 4).build().unwrap();
    let mut epoch = loader.epoch(0);
    let mut classes: BTreeMap<Label, usize> = BTreeMap::new();
    read(&mut epoch).iter().for_each(|(_, label, _)| *classes.entry(*label).or_default() += 1);
    assert_eq!(
        classes.into_iter().collect::<Vec<_>>(),
        [(Some(0), 20), (Some(1), 20), (Some(2), 20)]
    );
    loader.check_receipts(&merged(&epoch)).unwrap();
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let (_folder, dataset) = zstd();
    let refused = |builder: LoaderBuilder| builder.build().unwrap_err().to_string();
    let train = || dataset.loader("train");
    for (builder, expected) in [
        (train().batch_size(0), "batch size: expected 1 to"),
        (train().workers(0), "workers: expected 1 to 4096, found 0"),
        (train().rank(2, 2), "rank: expected a number below that of the ranks, found 2 of 2"),
        (train().size(224), "size: expected one of 24, 112, found 224"),
        (train().view("cafe"), "no view `cafe`; there are: raw, caffe"),
        (dataset.loader("tran"), "no split `tran`; there are: train, val"),
        (train().condition("width > 9000"), "0 meet the conditions"),
    ] {
        let error = refused(builder);
        assert!(error.contains(expected), "{error}");
    }
}
