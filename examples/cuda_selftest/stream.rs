//! Many batches, one behind the other, each summed on the device: a copy that comes too early or too late changes a sum.

use std::collections::BTreeMap;
use std::error::Error;

use candle_core::{DType, Device, Tensor};
use tcolz::Dataset;
use tcolz::loader::{DatasetExt, Loader, TensorBatch, Transfer};

use super::compare::{Check, Computed};

/// Numbers of a photo are multiplied by 1 to this in turn, so that numbers that changed places change the sum. A photo's
/// numbers in the view `caffe` are multiples of 2⁻¹⁷ below 256: its sum is exact in float64, in whichever order.
const WEIGHTS: usize = 31;
/// Batches whose sums lie on the device before the host looks at them; in between it does not wait.
const UNREAD: usize = 48;
/// Epochs at most on the CPU, which has no streams.
const CPU_EPOCHS: u32 = 4;

/// What is asked of the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stress {
    /// Batches in all, at least an epoch of them.
    pub(crate) batches: usize,
    /// Samples of a batch.
    pub(crate) batch_size: usize,
    /// Rows and columns of a product that keeps the device busy now and then, so that batches wait for it.
    pub(crate) product: usize,
}

/// Of each sample: the sum of its numbers, and its label.
pub(crate) type Sums = BTreeMap<String, [f64; 2]>;
/// Sums and labels of a batch, `[n]` of f64 each, and whose they are.
pub(crate) type Summed = ([Tensor; 2], Vec<String>);

/// Batches that the device sums while the next ones come, by either way in turn; epochs are left in the middle, too.
/// Each sum must be the one that the host finds.
pub(crate) fn check(dataset: &Dataset, device: &str, stress: Stress) -> Check {
    let dataset = dataset.clone();
    let name = format!("{} batches, {device}", stress.batches);
    Check::new(name, 0.0, move |device| -> Computed {
        let labelled = dataset.loader("train").condition("label >= 0").shuffle(7);
        let loader = labelled.view("caffe").batch_size(stress.batch_size).build()?;
        let found = streamed(&loader, stress, device, &summed_by_the_host(&loader)?)?;
        let count = found.len();
        let found: Vec<f64> = found.into_values().flatten().collect();
        Ok(vec![Tensor::from_vec(found, (count, 2), &Device::Cpu)?])
    })
}

fn summed_by_the_host(loader: &Loader) -> Result<Sums, Box<dyn Error>> {
    let mut sums = Sums::new();
    for batch in loader.epoch(0) {
        let batch = batch?;
        let photos = batch.images().chunks_exact(batch.shape()[1..].iter().product());
        for ((id, label), photo) in batch.sample_ids().iter().zip(batch.labels()).zip(photos) {
            let weighted =
                photo.iter().zip(weights()).map(|(&number, weight)| f64::from(number) * weight);
            let label = label.map_or(f64::NAN, f64::from);
            sums.insert(id.to_owned(), [weighted.sum(), label]);
        }
    }
    Ok(sums)
}

fn weights() -> impl Iterator<Item = f64> {
    (1..=WEIGHTS).cycle().map(|weight| weight as f64)
}

fn streamed(
    loader: &Loader,
    stress: Stress,
    device: &Device,
    expected: &Sums,
) -> Result<Sums, Box<dyn Error>> {
    let work = Tensor::ones((stress.product, stress.product), DType::F32, device)?;
    let (mut found, mut unread) = (Sums::new(), Vec::new());
    let (mut epoch, mut seen) = (0, 0);
    while seen < stress.batches && !(device.is_cpu() && epoch == CPU_EPOCHS) {
        let way = if epoch % 2 == 0 { Transfer::Pixels } else { Transfer::Elements };
        // Every fifth epoch is left with batches on their way.
        let batches = if epoch % 5 == 4 { 2 } else { usize::MAX };
        for batch in loader.tensors_by(&loader.begin(epoch), device, way)?.take(batches) {
            let batch = batch?;
            if seen % 8 == 3 {
                work.matmul(&work)?;
            }
            let ids = batch.sample_ids.iter().map(str::to_owned).collect();
            unread.push((summed_by_the_device(&batch, device)?, ids));
            seen += 1;
            // Far behind the device for a while, then close to it.
            if unread.len() == UNREAD || seen % 64 < 16 {
                read(&mut unread, expected, &mut found, seen)?;
            }
        }
        epoch += 1;
    }
    read(&mut unread, expected, &mut found, seen)?;
    Ok(found)
}

fn summed_by_the_device(batch: &TensorBatch, device: &Device) -> candle_core::Result<[Tensor; 2]> {
    let photos = batch.images.flatten_from(1)?.to_dtype(DType::F64)?;
    let weights: Vec<f64> = weights().take(photos.dim(1)?).collect();
    let weights = Tensor::from_vec(weights, (1, photos.dim(1)?), device)?;
    Ok([photos.broadcast_mul(&weights)?.sum(1)?, batch.labels.to_dtype(DType::F64)?])
}

/// Waits for what the device has summed, and compares it.
pub(crate) fn read(
    unread: &mut Vec<Summed>,
    expected: &Sums,
    found: &mut Sums,
    seen: usize,
) -> Result<(), Box<dyn Error>> {
    let first = seen - unread.len();
    for (([sums, labels], ids), batch) in unread.drain(..).zip(first..) {
        let (sums, labels) = (sums.to_vec1::<f64>()?, labels.to_vec1::<f64>()?);
        if ids.len() != sums.len() || ids.len() != labels.len() {
            return Err(format!("batch {batch}: {} samples, {} sums", ids.len(), sums.len()).into());
        }
        for ((id, sum), label) in ids.into_iter().zip(sums).zip(labels) {
            let (sum, known) = ([sum, label], expected.get(&id));
            if known != Some(&sum) {
                let reason = format!("batch {batch}, {id}: expected {known:?}, found {sum:?}");
                return Err(reason.into());
            }
            found.insert(id, sum);
        }
    }
    Ok(())
}
