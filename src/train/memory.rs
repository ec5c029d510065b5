//! How much memory a run needs, before its first step.

use candle_core::Device;
use serde::Serialize;

use super::options::Finetune;
use crate::model::Spec;
use crate::model::spec::{Layer, Shape};
use crate::storage::available_memory_bytes;

/// Bytes of a number.
const F32: u64 = 4;

/// Memory of a run in bytes, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryEstimate {
    /// Parameters of the network, and those of the frozen one beside it.
    pub parameters: u64,
    /// Gradients and momentum of what is trained.
    pub optimiser: u64,
    /// What lies between the layers of a batch, kept for the way back.
    pub activations: u64,
    /// Batches that wait to be used.
    pub batches: u64,
}

impl MemoryEstimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.parameters + self.optimiser + self.activations + self.batches
    }

    /// What a step of `batch_size` samples of `size` × `size` needs, with `waiting` batches beside it.
    pub(super) fn of(
        spec: &Spec,
        finetune: Finetune,
        size: u32,
        batch_size: usize,
        waiting: usize,
    ) -> MemoryEstimate {
        let parameters = spec.parameters();
        let of = |trained: bool| -> u64 {
            let chosen = parameters.iter().filter(|parameter| {
                !trained
                    || (parameter.role.is_trained()
                        && (parameter.in_head || finetune == Finetune::All))
            });
            chosen.map(|parameter| parameter.elements() as u64 * F32).sum()
        };
        let image = Shape::Image([3, size as usize, size as usize]);
        let features = Shape::Features(spec.features());
        let backbone = elements(&spec.backbone, image);
        let head = elements(&spec.head, features);
        let batch = batch_size as u64 * F32;
        // On the way back there is a gradient for each output; a frozen backbone keeps two outputs at a time.
        let activations = match finetune {
            Finetune::All => 2 * (backbone.all + head.all) * batch,
            Finetune::Head => (2 * backbone.largest + 2 * head.all) * batch,
        };
        MemoryEstimate {
            parameters: of(false) + of(true),
            optimiser: 2 * of(true),
            activations,
            batches: image.elements() as u64 * batch * waiting as u64,
        }
    }
}

/// Numbers that layers give for a sample.
struct Elements {
    all: u64,
    largest: u64,
}

fn elements(layers: &[Layer], input: Shape) -> Elements {
    let mut found = Elements { all: 0, largest: input.elements() as u64 };
    let mut shape = input;
    for layer in layers {
        let inner = match layer {
            Layer::Residual(residual) => vec![&residual.body],
            Layer::Branches(branches) => branches.iter().collect(),
            _ => Vec::new(),
        };
        for layers in inner {
            let inner = elements(layers, shape);
            found.all += inner.all;
            found.largest = found.largest.max(inner.largest);
        }
        // Sizes that do not fit were refused before.
        let Ok(output) = layer.output(shape) else { break };
        shape = output;
        // A convolution and its BatchNorm with activation are two outputs.
        let outputs =
            if matches!(layer, Layer::Conv(conv) if conv.batch_norm.is_some()) { 2 } else { 1 };
        found.all += outputs * shape.elements() as u64;
        found.largest = found.largest.max(shape.elements() as u64);
    }
    found
}

/// Memory that a run may take on a device; `None` where it does not say.
pub(super) fn available(device: &Device) -> Option<u64> {
    if device.is_cpu() { available_memory_bytes() } else { super::device::free_bytes(device) }
}
