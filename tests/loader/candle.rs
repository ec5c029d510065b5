//! Promises of the bridge to Candle: the tensors are the batches bit for bit, whichever way they take to
//! the device; what the consumer has not had is not counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor, WithDType};
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{
    Augment, Crop, Damaged, Element, LastBatch, Loader, LoaderBuilder, LoaderError, RankState,
    TensorBatch, TensorEpoch, Transfer,
};
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::{BUILT_IN_VIEWS, bf16, f16};

const WAYS: [Transfer; 2] = [Transfer::Elements, Transfer::Pixels];

fn dataset(codec: Codec, dtype: Dtype) -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), codec, dtype);
    (folder, dataset)
}

fn loader(dataset: &Dataset) -> LoaderBuilder {
    dataset.loader("train").shuffle(3).batch_size(4).workers(2)
}

fn by<T: Element + WithDType>(loader: &Loader<T>, epoch: u32, way: Transfer) -> TensorEpoch {
    loader.tensors_by(&loader.begin(epoch), &Device::Cpu, way).unwrap()
}

/// Sample ids, labels, bytes of the images.
type Contents = (Vec<String>, Vec<u32>, Vec<u8>);

fn bytes<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn contents(batch: &TensorBatch) -> Contents {
    let flat = batch.images.flatten_all().unwrap();
    let images = match batch.images.dtype() {
        DType::U8 => flat.to_vec1::<u8>().unwrap(),
        DType::F16 => bytes(&flat.to_vec1::<f16>().unwrap(), f16::to_le_bytes),
        DType::BF16 => bytes(&flat.to_vec1::<bf16>().unwrap(), bf16::to_le_bytes),
        _ => bytes(&flat.to_vec1::<f32>().unwrap(), f32::to_le_bytes),
    };
    let ids = batch.sample_ids.iter().map(str::to_owned).collect();
    (ids, batch.labels.to_vec1().unwrap(), images)
}

fn all(epoch: &mut TensorEpoch) -> Vec<Contents> {
    // Kept while the epoch goes on: no later batch may write into an earlier tensor's memory.
    let batches: Vec<TensorBatch> = epoch.map(Result::unwrap).collect();
    batches.iter().map(contents).collect()
}

/// The same from the batches themselves.
fn expected<T: Element, const N: usize>(
    loader: &Loader<T>,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Vec<Contents> {
    let of = |batch: tcolz_loader::Batch<T>| {
        let ids = batch.sample_ids().iter().map(str::to_owned).collect();
        let labels = batch.labels().iter().map(|label| u32::from(label.unwrap())).collect();
        (ids, labels, bytes(batch.images(), &to_bytes))
    };
    loader.epoch(1).map(|batch| of(batch.unwrap())).collect()
}

fn equal<T: Element + WithDType, const N: usize>(
    builder: LoaderBuilder,
    to_bytes: impl Fn(T) -> [u8; N],
) {
    let loader = builder.build_as::<T>().unwrap();
    let expected = expected(&loader, to_bytes);
    assert_eq!(expected.len(), 8);
    for way in WAYS {
        let mut epoch = by(&loader, 1, way);
        let found = all(&mut epoch);
        assert!(found == expected, "{} by {way:?}", T::NAME);
        loader.check_receipts(&RankState::merge(&[epoch.state()]).unwrap()).unwrap();
    }
    assert!(all(&mut loader.tensors(1, &Device::Cpu)) == expected, "as it chooses itself");
}

#[test]
fn tensors_are_the_batches_bit_for_bit_in_every_view_and_element_type_by_either_way() {
    for codec in [Codec::Zstd, Codec::Raw] {
        let (_folder, dataset) = dataset(codec, Dtype::U8);
        for view in BUILT_IN_VIEWS {
            let loader = || loader(&dataset).view(view);
            equal(loader(), f32::to_le_bytes);
            equal(loader(), f16::to_le_bytes);
            equal(loader(), bf16::to_le_bytes);
        }
        equal(loader(&dataset).size(112), f32::to_le_bytes);
        equal(loader(&dataset), u8::to_le_bytes);
    }
}

#[test]
fn augmented_tensors_are_the_augmented_batches_by_either_way() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let resized = Crop::Resized { side: Some(20), scale: [0.3, 1.0], ratio: [0.75, 1.25] };
    for crop in [Crop::Random { side: None, padding: 3 }, resized] {
        let loader = || loader(&dataset).view("torch").augment(Augment { crop, flip: 0.5 });
        equal(loader(), f32::to_le_bytes);
        equal(loader(), f16::to_le_bytes);
    }
}

#[test]
fn a_batch_becomes_tensors_of_its_shape_by_a_copy_or_by_its_own_memory() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let loader = loader(&dataset).build().unwrap();
    for batch in loader.epoch(0) {
        let batch = batch.unwrap();
        let n = batch.len();
        let (images, labels) = batch.to_tensors(&Device::Cpu).unwrap();
        assert_eq!((images.dims(), images.dtype()), (&[n, 3, 24, 24][..], DType::F32));
        assert_eq!((labels.dims(), labels.dtype()), (&[n][..], DType::U32));
        assert!(images.is_contiguous());
        let copied = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(copied, batch.images(), "the batch keeps its own");
        let whole = batch.into_tensors(&Device::Cpu).unwrap();
        assert_eq!(whole.images.dims(), [n, 3, 24, 24]);
        assert!(whole.images.is_contiguous());
        let handed = whole.images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(handed, copied);
        assert_eq!(whole.sample_ids.len(), n);
    }
}

#[test]
fn an_epoch_goes_on_from_every_step_and_counts_what_was_taken_and_no_more() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let whole = loader(&dataset).build().unwrap();
    let complete = all(&mut whole.tensors(1, &Device::Cpu));
    for (way, other) in [(WAYS[0], WAYS[1]), (WAYS[1], WAYS[0])] {
        for stop in 0..=complete.len() {
            let mut epoch = by(&whole, 1, way);
            let mut had: Vec<Contents> =
                epoch.by_ref().take(stop).map(|batch| contents(&batch.unwrap())).collect();
            let state = RankState::merge(&[epoch.state()]).unwrap();
            let samples: usize = had.iter().map(|(ids, ..)| ids.len()).sum();
            assert_eq!(state.position, samples as u64);
            drop(epoch);
            whole.check_receipts(&state).unwrap();
            let mut rest = whole.tensors_by(&state, &Device::Cpu, other).unwrap();
            had.extend(all(&mut rest));
            assert!(had == complete, "{way:?}, stopped after {stop}");
            whole.check_receipts(&RankState::merge(&[rest.state()]).unwrap()).unwrap();
        }
    }
    let state = whole.begin(1);
    assert!(all(&mut whole.resume_tensors(&state, &Device::Cpu).unwrap()) == complete);
    let foreign = loader(&dataset).shuffle(4).build().unwrap();
    let error = foreign.resume_tensors(&state, &Device::Cpu).unwrap_err();
    assert!(matches!(error, LoaderError::OtherState { what: "seed", .. }), "{error}");
}

/// Threads of this process whose names begin so.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let comm = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(comm).filter(|comm| comm.starts_with(name)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn an_epoch_that_is_dropped_early_leaves_no_thread_behind() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    for (way, name, least) in [(WAYS[0], "drop-e", 1), (WAYS[1], "drop-p", 2)] {
        // 30 batches and 4 buffers: the threads wait for room when it is dropped.
        let loader = loader(&dataset).batch_size(1).thread_name(name).build().unwrap();
        for taken in [0, 1, 5] {
            let mut epoch = by(&loader, 0, way);
            epoch.by_ref().take(taken).for_each(|batch| drop(batch.unwrap()));
            // A thread gives itself its name.
            let begun = Instant::now();
            while threads(name) < least {
                assert!(begun.elapsed() < Duration::from_secs(60), "{way:?}: they have their name");
            }
            drop(epoch);
            assert_eq!(threads(name), 0, "{way:?}, after {taken}");
        }
    }
}

/// Changes a byte of the stored tensor of a sample.
fn damage(dataset: &Dataset, id: &str) {
    let rows = dataset.ledger().unwrap();
    common::damage(dataset, rows.iter().find(|row| row.sample_id == id).unwrap());
}

#[test]
fn a_damaged_sample_reaches_the_consumer_as_the_first_error_or_as_skipped() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let sound = loader(&dataset).build().unwrap();
    let complete = all(&mut sound.tensors(0, &Device::Cpu));
    let (ids, ..) = &complete[5];
    damage(&dataset, &ids[2]);
    for way in WAYS {
        let fails = loader(&dataset).build().unwrap();
        let mut epoch = by(&fails, 0, way);
        let had: Vec<Contents> =
            (0..5).map(|_| contents(&epoch.next().unwrap().unwrap())).collect();
        assert!(had == complete[..5], "what is before it is delivered");
        let error = epoch.next().unwrap().unwrap_err().to_string();
        assert!(error.contains(&ids[2]), "{error}");
        assert!(epoch.next().is_none(), "and nothing after it");
        assert_eq!(epoch.state().state.position, 20);

        let skips = loader(&dataset).damaged(Damaged::Skip).build().unwrap();
        let mut epoch = by(&skips, 0, way);
        let mut skipped = Vec::new();
        for batch in epoch.by_ref() {
            let batch = batch.unwrap();
            assert_eq!(batch.images.dims()[0], batch.sample_ids.len());
            skipped.extend(batch.skipped.iter().map(|skipped| skipped.sample_id.clone()));
        }
        assert_eq!(skipped, [ids[2].clone()]);
        skips.check_receipts(&RankState::merge(&[epoch.state()]).unwrap()).unwrap();
    }
}

#[test]
fn a_sample_without_a_label_is_an_error_that_names_it_and_its_picture_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for number in 0..4u32 {
        let photo = common::photo(number, 40, 30);
        common::write(&photos.join(format!("{number}.png")), &photo);
    }
    let listed =
        "path,label,split\n0.png,cat,train\n1.png,dog,train\n2.png,,train\n3.png,cat,train\n";
    common::write(&photos.join("labels.csv"), listed.as_bytes());
    common::converted(&common::options(&photos, &folder.path().join("out"), &[24]));
    let dataset = Dataset::open(folder.path().join("out")).unwrap();
    let split = dataset.meta().splits[0].name.clone();
    let loader = dataset.loader(&split).batch_size(2);
    for way in WAYS {
        let loader = loader.clone().build().unwrap();
        let mut epoch = by(&loader, 0, way);
        assert_eq!(epoch.next().unwrap().unwrap().labels.to_vec1::<u32>().unwrap(), [0, 1]);
        let error = epoch.next().unwrap().unwrap_err();
        assert!(matches!(&error, LoaderError::NoLabel { sample_id } if sample_id == "2.png"));
        assert!(error.to_string().contains("label >= 0"), "{error}");
        assert!(epoch.next().is_none());
        assert_eq!(epoch.state().state.position, 2, "what was not delivered is not counted");
    }
    let labelled = loader.clone().condition("label >= 0").build().unwrap();
    assert_eq!(
        labelled
            .tensors(0, &Device::Cpu)
            .map(|batch| batch.unwrap().sample_ids.len())
            .sum::<usize>(),
        3
    );
    let batch = loader.build().unwrap().epoch(0).nth(1).unwrap().unwrap();
    assert_eq!(batch.images_to(&Device::Cpu).unwrap().dims(), [2, 3, 24, 24]);
}

#[test]
fn numbers_of_a_view_are_taken_as_they_are_and_pixels_cannot_be_had_of_them() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::F16);
    let loader = loader(&dataset).build().unwrap();
    let expected = expected(&loader, f32::to_le_bytes);
    assert!(all(&mut loader.tensors(1, &Device::Cpu)) == expected);
    let error = loader.tensors_by(&loader.begin(1), &Device::Cpu, Transfer::Pixels).unwrap_err();
    assert!(error.to_string().contains("convert with `dtype: u8`"), "{error}");
}

#[test]
fn a_rank_without_a_share_of_the_last_stripe_gets_tensors_of_no_samples() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    for way in WAYS {
        // 30 samples in stripes of 7 × 4: of the last one, two are rank 0's.
        let last = loader(&dataset).rank(6, 7).last_batch(LastBatch::Keep).build().unwrap();
        let batches: Vec<TensorBatch> = by(&last, 0, way).map(Result::unwrap).collect();
        assert_eq!(batches.len(), 2);
        let empty = &batches[1];
        assert_eq!((empty.images.dims(), empty.images.dtype()), (&[0, 3, 24, 24][..], DType::F32));
        assert_eq!(empty.labels.dims(), [0]);
        let sum: f32 = Tensor::sum_all(&empty.images).unwrap().to_scalar().unwrap();
        assert!(sum.abs() < f32::EPSILON);
    }
}
