//! Promises of memory that is lent to Candle: recycled it is filled again and again; whoever still holds a tensor of it
//! gets an error, and neither numbers of a later batch nor a panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::{DType, Device, Storage, Tensor, WithDType};
use tcolz_format::dataset::Dataset;
use tcolz_loader::{DatasetExt, Element, Loader, RankState, TensorBatch, Transfer};
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::{bf16, f16};

const WORKERS: usize = 2;
/// Two more than the workers fill: one that is used, one that is ready.
const BUFFERS: usize = WORKERS + 2;

fn dataset() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

fn loader<T: Element>(dataset: &Dataset) -> Loader<T> {
    dataset.loader("train").shuffle(3).batch_size(4).workers(WORKERS).build_as().unwrap()
}

fn first(dataset: &Dataset) -> TensorBatch {
    loader::<f32>(dataset).tensors(0, &Device::Cpu).next().unwrap().unwrap()
}

fn numbers<T: WithDType>(tensor: &Tensor) -> Vec<T> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Where a tensor's storage begins.
fn address<T: WithDType>(tensor: &Tensor) -> usize {
    let (storage, _) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { panic!("a tensor of the CPU") };
    T::cpu_storage_as_slice(storage).unwrap().as_ptr() as usize
}

fn filled_again<T: Element + WithDType>(dataset: &Dataset) {
    let loader = loader::<T>(dataset);
    let mut addresses = BTreeSet::new();
    for number in 0..3 {
        let expected: Vec<Vec<T>> =
            loader.epoch(number).map(|batch| batch.unwrap().images().to_vec()).collect();
        assert_eq!(expected.len(), 8);
        let mut epoch = loader.tensors(number, &Device::Cpu);
        let mut found = Vec::new();
        for batch in epoch.by_ref() {
            let batch = batch.unwrap();
            assert_eq!(batch.sample_ids.len(), batch.images.dims()[0]);
            found.push(numbers::<T>(&batch.images));
            addresses.insert(address::<T>(&batch.images));
            batch.recycle();
        }
        assert!(found == expected, "{} of epoch {number}", T::NAME);
        loader.check_receipts(&RankState::merge(&[epoch.state()]).unwrap()).unwrap();
    }
    assert!(addresses.len() <= BUFFERS, "{}: {addresses:?}", T::NAME);
}

#[test]
fn recycled_memory_is_filled_again_with_the_batches_bit_for_bit_in_every_element_type() {
    let (_folder, dataset) = dataset();
    filled_again::<f32>(&dataset);
    filled_again::<f16>(&dataset);
    filled_again::<bf16>(&dataset);
    filled_again::<u8>(&dataset);
}

#[test]
fn recycled_dropped_and_kept_batches_may_follow_each_other_as_they_like() {
    let (_folder, dataset) = dataset();
    let loader = loader::<f32>(&dataset);
    let expected: Vec<Vec<f32>> =
        loader.epoch(0).map(|batch| batch.unwrap().images().to_vec()).collect();
    let mut kept = Vec::new();
    for (number, batch) in loader.tensors(0, &Device::Cpu).enumerate() {
        let batch = batch.unwrap();
        assert!(numbers::<f32>(&batch.images) == expected[number]);
        match number % 4 {
            0 => batch.recycle(),
            1 => drop(batch),
            2 => kept.push((number, batch.images)),
            _ => kept.push((number, batch.images.clone())),
        }
    }
    for (number, images) in kept {
        assert!(numbers::<f32>(&images) == expected[number], "{number} is nobody else's");
    }
}

/// What may be asked of a tensor `[4, 3, 24, 24]` of floats.
fn questions(asked: &Tensor, sound: &Tensor) -> Vec<(&'static str, candle_core::Result<Tensor>)> {
    let kernel = Tensor::ones((2, 3, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let indices = Tensor::new(&[1u32, 0], &Device::Cpu).unwrap();
    let matrix = Tensor::ones((4, 3, 24, 5), DType::F32, &Device::Cpu).unwrap();
    let mask = Tensor::zeros((4, 3, 24, 24), DType::U8, &Device::Cpu).unwrap();
    let gathered = Tensor::zeros((4, 3, 24, 1), DType::U32, &Device::Cpu).unwrap();
    let index = |name, ask: &dyn Fn() -> candle_core::Result<Tensor>| {
        let answer = catch_unwind(AssertUnwindSafe(ask));
        (name, answer.unwrap_or_else(|_| panic!("{name} panicked")))
    };
    vec![
        index("to_vec1", &|| {
            let numbers = asked.flatten_all()?.to_vec1::<f32>()?;
            Tensor::from_vec(numbers, sound.dims(), &Device::Cpu)
        }),
        index("a number", &|| {
            Tensor::new(
                asked.narrow(3, 0, 1)?.flatten_all()?.get(0)?.to_scalar::<f32>()?,
                &Device::Cpu,
            )
        }),
        index("add", &|| asked.add(asked)),
        index("add to another", &|| sound.add(asked)),
        index("affine", &|| asked.affine(2.0, 1.0)),
        index("relu", &|| asked.relu()),
        index("exp", &|| asked.exp()),
        index("powf", &|| asked.powf(2.0)),
        index("eq", &|| asked.eq(sound)),
        index("sum_all", &|| asked.sum_all()),
        index("mean", &|| asked.mean((2, 3))),
        index("max", &|| asked.max(3)),
        index("argmax", &|| asked.argmax(3)),
        index("matmul", &|| asked.matmul(&matrix)),
        index("matmul from the left", &|| sound.matmul(asked)),
        index("conv2d", &|| asked.conv2d(&kernel, 1, 1, 1, 1)),
        index("avg_pool2d", &|| asked.avg_pool2d(2)),
        index("max_pool2d", &|| asked.max_pool2d(2)),
        index("upsample", &|| asked.upsample_nearest2d(48, 48)),
        index("index_select", &|| asked.index_select(&indices, 0)),
        index("gather", &|| asked.gather(&gathered, 3)),
        index("where", &|| mask.where_cond(asked, sound)),
        index("narrow, contiguous", &|| asked.narrow(1, 1, 2)?.contiguous()),
        index("transpose, contiguous", &|| asked.transpose(2, 3)?.contiguous()),
        index("broadcast", &|| asked.broadcast_mul(&sound.narrow(0, 0, 1)?)),
        index("cat", &|| Tensor::cat(&[asked, asked], 0)),
        index("cat with another", &|| Tensor::cat(&[sound, asked], 1)),
        index("stack", &|| Tensor::stack(&[asked, sound], 0)),
        index("to_dtype", &|| asked.to_dtype(DType::F64)),
        index("copy, sum", &|| asked.copy()?.sum_all()),
        index("gradient", &|| {
            let variable = candle_core::Var::from_tensor(&sound.affine(2.0, 0.0)?)?;
            let loss = variable.mul(asked)?.sum_all()?;
            Ok(loss.backward()?.get(&variable).unwrap().clone())
        }),
    ]
}

#[test]
fn whoever_still_holds_recycled_images_gets_an_error_and_neither_numbers_nor_a_panic() {
    let (_folder, dataset) = dataset();
    let batch = first(&dataset);
    let sound = batch.images.affine(1.0, 0.0).unwrap();
    let held = batch.images.clone();
    let view = batch.images.narrow(0, 1, 2).unwrap();
    for (name, answer) in questions(&held, &sound) {
        answer.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    batch.recycle();
    for (name, answer) in questions(&held, &sound) {
        assert!(answer.is_err(), "{name}");
    }
    let error = view.flatten_all().unwrap().to_vec1::<f32>().unwrap_err().to_string();
    assert!(error.contains("F4"), "{error}");
    let shown = catch_unwind(AssertUnwindSafe(|| format!("{held:?}")));
    assert!(shown.is_ok_and(|shown| shown.contains("[dims 4, 3, 24, 24; f32]")));
}

#[test]
fn images_that_were_replaced_are_dropped_and_leave_others_alone() {
    let (_folder, dataset) = dataset();
    let mut batch = first(&dataset);
    let images = batch.images.clone();
    let expected = numbers::<f32>(&images);
    batch.images = images.affine(2.0, 0.0).unwrap();
    let (doubled, held) = (numbers::<f32>(&batch.images), batch.images.clone());
    batch.recycle();
    assert!(numbers::<f32>(&held) == doubled && numbers::<f32>(&images) == expected);
    // Of another dtype, without a number, or one number everywhere.
    for replace in [
        |images: &Tensor| images.to_dtype(DType::U8),
        |images: &Tensor| images.narrow(0, 0, 0),
        |_: &Tensor| Tensor::zeros(1, DType::F32, &Device::Cpu)?.broadcast_as((4, 3, 24, 24)),
    ] {
        let mut batch = first(&dataset);
        batch.images = replace(&batch.images).unwrap();
        batch.recycle();
    }
}

#[test]
fn a_batch_may_be_recycled_when_its_epoch_and_its_loader_are_gone_and_from_another_thread() {
    let (_folder, dataset) = dataset();
    first(&dataset).recycle();
    let loader = loader::<f32>(&dataset);
    for way in [Transfer::Elements, Transfer::Pixels] {
        let epoch = loader.tensors_by(&loader.begin(0), &Device::Cpu, way).unwrap();
        let all: Vec<TensorBatch> = epoch.map(Result::unwrap).collect();
        std::thread::spawn(|| all.into_iter().for_each(TensorBatch::recycle)).join().unwrap();
    }
    let empty = dataset.loader("train").batch_size(4).rank(6, 7).build().unwrap();
    let last = empty.tensors(0, &Device::Cpu).nth(1).unwrap().unwrap();
    assert_eq!(last.images.dims(), [0, 3, 24, 24]);
    last.recycle();
}
