//! What the loader brings to a device.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::{DType, Tensor, WithDType};
use tcolz::loader::{
    DatasetExt, DeviceView, Element, LoaderBuilder, RankState, TensorBatch, Transfer,
};
use tcolz::pixels::{View, bf16, f16};
use tcolz::{ConvertOptions, Dataset, Recipe, convert};

use super::compare::{Check, Computed};

/// A dataset of made-up photos.
pub(crate) fn dataset(folder: &Path, photos: u32, size: u32) -> Result<Dataset, Box<dyn Error>> {
    let (dump, out) = (folder.join("photos"), folder.join("out"));
    tcolz::demo::make_dump(&dump, photos)?;
    let mut options = ConvertOptions::new(&dump, &out);
    options.recipe = Recipe { sizes: vec![size], ..Recipe::default() };
    convert(&options, &AtomicBool::new(false), &mut ())?;
    Ok(Dataset::open(&out)?)
}

fn loader(dataset: &Dataset) -> LoaderBuilder {
    dataset.loader("train").condition("label >= 0").shuffle(7).batch_size(8)
}

/// All ways in which pictures come to a device; each must give the same bits.
pub(crate) fn checks(dataset: &Dataset) -> Vec<Check> {
    let mut views = View::all_built_in();
    views.push(View::mean([120.5, 110.25, 99.9]));
    let mut checks = Vec::new();
    for view in views {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (name, view) =
                (format!("view {} on the device, {dtype:?}", view.name), view.clone());
            checks.push(Check::new(name, 0.0, move |device| {
                let pixels: Vec<u8> = (0..4 * 3 * 256).map(|i| (i * 37 + i / 256) as u8).collect();
                let pixels = Tensor::from_vec(pixels, (4, 3, 16, 16), device)?;
                Ok(vec![DeviceView::new(&view, dtype, device)?.apply(&pixels)?])
            }));
        }
    }
    checks.extend([batches::<u8>(dataset), batches::<f16>(dataset)]);
    checks.extend([batches::<bf16>(dataset), batches::<f32>(dataset)]);
    checks.extend([adaptor::<f32>(dataset), adaptor::<f16>(dataset), adaptor::<bf16>(dataset)]);
    checks
}

/// `Batch::to_tensors`.
fn batches<T: Element + WithDType>(dataset: &Dataset) -> Check {
    let dataset = dataset.clone();
    Check::new(format!("batches of {}", T::NAME), 0.0, move |device| -> Computed {
        let mut tensors = Vec::new();
        for batch in loader(&dataset).view("torch").build_as::<T>()?.epoch(0) {
            let (images, labels) = batch?.to_tensors(device)?;
            tensors.extend([images, labels]);
        }
        Ok(tensors)
    })
}

/// The adaptor that is ahead: as the device would have it against elements on the reference; left in the
/// middle and gone on with; receipts tested.
fn adaptor<T: Element + WithDType>(dataset: &Dataset) -> Check {
    let dataset = dataset.clone();
    let name = format!("an epoch ahead, left and resumed, {}", T::NAME);
    Check::new(name, 0.0, move |device| -> Computed {
        let loader = loader(&dataset).view("caffe").build_as::<T>()?;
        let mut tensors = Vec::new();
        let mut keep = |batch: TensorBatch| tensors.extend([batch.images, batch.labels]);
        let mut begun = loader.tensors_by(&loader.begin(1), device, Transfer::of(device))?;
        for batch in begun.by_ref().take(2) {
            keep(batch?);
        }
        let state = RankState::merge(&[begun.state()])?;
        drop(begun);
        let mut rest = loader.resume_tensors(&state, device)?;
        for batch in &mut rest {
            keep(batch?);
        }
        loader.check_receipts(&RankState::merge(&[rest.state()])?)?;
        Ok(tensors)
    })
}
