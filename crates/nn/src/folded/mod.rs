//! Networks for inference: BatchNorm folded into the convolutions, bias, activation and residual sums fused with
//! them.
//!
//! ```text
//! Spec + tensors ── fold ─▶ kernels and biases ── pack ─▶ panels            (once)
//! layers + size  ── plan ─▶ steps, slots                                     (once a size)
//! photo ─▶ [block, row, column, 16 channels] ─ products, depthwise, pools ─▶ features ─▶ logits
//! ```
//!
//! On the CPU this is an engine of our own. Images lie in blocks of sixteen channels, so that a pixel's channels
//! are a vector and neighbours are a constant apart: convolutions of any kernel then are products of tiles without
//! copies of windows. Elsewhere Candle's operations take the folded weights.
//!
//! | module | what it does |
//! | --- | --- |
//! | `fold` | BatchNorm and scales into kernels and biases |
//! | `draft`, `plan`, `run` | layers → steps; memory for a size of images; carrying them out |
//! | `packed`, `product`, `depthwise`, `separable`, `pool` | the steps |
//! | `simd`, `lines` | vectors of each kind of CPU; memory that begins at cache lines |
//! | `cpu`, `device` | the two engines |

mod cpu;
mod depthwise;
mod device;
mod draft;
mod fold;
mod levels;
mod lines;
mod packed;
mod plan;
mod pool;
mod product;
mod run;
mod separable;
mod simd;
mod steps;
#[cfg(test)]
mod tests;
mod tile;

use std::collections::HashMap;

use candle_core::{DType, Device, Storage, Tensor};

use super::spec::{Shape, output};
use super::{ModelError, Spec};

/// A network that infers. Any number of threads may use one at once; results do not depend on how many, nor
/// on what else is in a batch.
#[derive(Debug)]
pub struct Folded {
    spec: Spec,
    device: Device,
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Cpu(cpu::Engine),
    Device(device::Tensors),
}

impl Folded {
    /// Folds weights, which must hold each parameter in its shape; what else they hold is ignored.
    ///
    /// # Errors
    /// [`ModelError::MissingKey`], [`ModelError::Shape`]; when the device's memory is full.
    pub fn new(
        spec: &Spec,
        tensors: &HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Folded, ModelError> {
        let weights = fold::fold(spec, tensors)?;
        let engine = if device.is_cpu() {
            let level = simd::Level::all().first().copied().unwrap_or(simd::Level::Plain);
            Engine::Cpu(cpu::Engine::new(spec, &weights, level))
        } else {
            Engine::Device(device::Tensors::new(spec, &weights, device)?)
        };
        Ok(Folded { spec: spec.clone(), device: device.clone(), engine })
    }

    /// What it computes.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Where it lies.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Images `[n, 3, H, W]` → features `[n, features]`.
    ///
    /// # Errors
    /// [`ModelError::Input`] where the images do not fit; when the device's memory is full; so below.
    pub fn features(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        let (n, channels, height, width) = images.dims4()?;
        let input =
            |reason| ModelError::Input { network: self.spec.network.name(), height, width, reason };
        if channels != 3 {
            return Err(input(format!("expected 3 channels, found {channels}")));
        }
        self.spec.check_input([height, width])?;
        match &self.engine {
            Engine::Device(tensors) => Ok(tensors.layers(&self.spec.backbone, images)?),
            Engine::Cpu(engine) => {
                let shape = Shape::Image([3, height, width]);
                let Shape::Features(features) =
                    output(&self.spec.backbone, shape).map_err(|error| input(error.to_string()))?
                else {
                    return Err(input("the backbone ends with an image, not features".to_owned()));
                };
                let numbers = with_numbers(images, |numbers| {
                    engine.features(numbers, [height, width], features)
                })?;
                Ok(Tensor::from_vec(numbers.map_err(input)?, (n, features), &self.device)?)
            }
        }
    }

    /// Images `[n, 3, H, W]` → logits `[n, classes]`.
    ///
    /// # Errors
    /// As [`Folded::features`].
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        self.head(&self.features(images)?)
    }

    /// Features `[n, features]` → logits `[n, classes]`.
    ///
    /// # Errors
    /// As [`Folded::features`].
    pub fn head(&self, features: &Tensor) -> Result<Tensor, ModelError> {
        let (n, found) = features.dims2()?;
        let failed = |reason: String| candle_core::Error::Msg(reason);
        let output = output(&self.spec.head, Shape::Features(found));
        let output = output.map_err(|error| failed(error.to_string()))?;
        match &self.engine {
            Engine::Device(tensors) => Ok(tensors.layers(&self.spec.head, features)?),
            Engine::Cpu(engine) => {
                let outputs = output.elements();
                let numbers =
                    with_numbers(features, |numbers| engine.head(numbers, found, outputs))?;
                Ok(Tensor::from_vec(numbers.map_err(failed)?, (n, outputs), &self.device)?)
            }
        }
    }
}

/// Calls a function with a tensor's numbers, row by row.
fn with_numbers<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> T) -> candle_core::Result<T> {
    let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        candle_core::bail!("a tensor of the CPU expected");
    };
    let numbers = storage.as_slice::<f32>()?;
    let start = layout.start_offset();
    Ok(work(&numbers[start..start + tensor.elem_count()]))
}
