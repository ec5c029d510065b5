//! How much memory a run needs, before its first step.

use candle_core::Device;
use serde::Serialize;

use super::error::{Result, TrainError};
use super::options::{Finetune, TrainOptions};
use tcolz_base::storage::available_memory_bytes;
use tcolz_base::usage::{cores, short_of_address_space};
use tcolz_device::free_bytes;
use tcolz_format::dataset::Dataset;
use tcolz_nn::Spec;
use tcolz_nn::memory::{Kernels, StepPlan};

/// Bytes of a number.
const F32: u64 = 4;

/// Batches of the loader beside those its workers fill.
pub(super) const WAITING_BATCHES: usize = 2;

/// Memory of a run in bytes, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryEstimate {
    /// Parameters: those that the run began with, those that it has now, and those folded for inference.
    pub parameters: u64,
    /// Gradients and momentum of what is trained.
    pub optimiser: u64,
    /// What lies between the layers of a batch, kept for the way back, and while a layer is computed.
    pub activations: u64,
    /// Batches that wait to be used.
    pub batches: u64,
}

impl MemoryEstimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.parameters + self.optimiser + self.activations + self.batches
    }

    /// What a step of samples of `size` × `size` needs, with `waiting` batches beside it.
    pub(super) fn of(
        spec: &Spec,
        options: &TrainOptions,
        size: u32,
        device: &Device,
        waiting: usize,
    ) -> Result<MemoryEstimate> {
        let side = size as usize;
        let plan = StepPlan {
            batch: options.batch_size,
            image: [side; 2],
            head_only: options.finetune == Finetune::Head,
            momentum: options.sgd.momentum > 0.0,
            accumulates: options.accumulate > 1,
            kernels: Kernels::of(device, options.precision),
        };
        let mut step = spec.step_memory(&plan)?;
        if plan.head_only && plan.kernels == Kernels::Cpu {
            // A frozen backbone takes image by image, each thread one.
            let threads = options.threads.unwrap_or_else(cores).min(plan.batch);
            step.workspace = spec.step_memory(&StepPlan { batch: threads, ..plan })?.workspace;
        }
        Ok(MemoryEstimate {
            // The best model and the checkpoint are copies that come and go, one at a time.
            parameters: 3 * step.parameters,
            optimiser: step.gradients + step.momentum,
            activations: step.activations + step.workspace,
            batches: (waiting * options.batch_size * 3 * side * side) as u64 * F32,
        })
    }
}

/// Batches that lie in memory beside the step in hand.
pub(super) fn waiting_batches(options: &TrainOptions) -> usize {
    options.workers.unwrap_or_else(cores) + WAITING_BATCHES
}

/// Threads of a run beside those that compute and those that read: reading ahead, what the run uses, and the main one.
const OTHER_THREADS: usize = 4;

/// Tests that a run has the memory that it needs, before anything large is allocated.
///
/// # Errors
/// [`TrainError::Memory`], [`TrainError::AddressSpace`].
pub(super) fn check(
    spec: &Spec,
    options: &TrainOptions,
    dataset: &Dataset,
    size: u32,
    device: &Device,
) -> Result<()> {
    let waiting = waiting_batches(options);
    let needed = MemoryEstimate::of(spec, options, size, device, waiting)?.total();
    if let Some(limit) = options.memory_limit.or_else(|| available(device))
        && needed > limit
    {
        return Err(TrainError::Memory { needed, limit });
    }
    let mapped: u64 =
        dataset.split(&options.select.split)?.shards.iter().map(|shard| shard.bytes).sum();
    let threads = [options.threads, options.workers].map(|threads| threads.unwrap_or_else(cores));
    let threads = threads.iter().sum::<usize>() + OTHER_THREADS;
    match short_of_address_space(needed + mapped, threads) {
        Some((needed, left)) => Err(TrainError::AddressSpace { needed, left }),
        None => Ok(()),
    }
}

/// Memory that a run may take on a device; `None` where it does not say.
fn available(device: &Device) -> Option<u64> {
    if device.is_cpu() { available_memory_bytes() } else { free_bytes(device) }
}
