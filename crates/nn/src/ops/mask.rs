//! Dropout. The mask is not kept: it is drawn again for the gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernels::vectorised;
use super::numbers::slice;
use tcolz_base::random::Random;

/// Name of the algorithm that masks are drawn by: the number at place i, row by row, becomes 0 where the i-th
/// number of `Random::new("dropout-v1", [seed, step, layer])`, as [`Random::unit`], is below the probability.
pub(super) const DROPOUT: &str = "dropout-v1";

/// Numbers of one thread's piece.
const PIECE: usize = 1 << 15;

/// What a dropout's mask is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskKey {
    /// The run's seed.
    pub seed: u64,
    /// The step of the run.
    pub step: u64,
    /// The dropout of the network.
    pub layer: u32,
}

#[derive(Clone)]
pub(super) struct Dropout {
    pub(super) random: Random,
    /// Draws below this become 0.
    pub(super) limit: u64,
    /// What the others are multiplied by.
    pub(super) kept: f32,
}

pub(super) fn dropout(x: &Tensor, probability: f32, key: MaskKey) -> Result<Tensor> {
    if probability <= 0.0 {
        return Ok(x.clone());
    }
    x.contiguous()?.apply_op1(Dropout::new(probability, key))
}

impl Dropout {
    pub(super) fn new(probability: f32, key: MaskKey) -> Dropout {
        let random = Random::new(DROPOUT, &[key.seed, key.step, key.layer.into()]);
        // `unit` is a whole number of 53 bits, divided by 2⁵³: exact, as is this.
        let limit = (f64::from(probability) * (1u64 << 53) as f64).ceil() as u64;
        Dropout { random, limit, kept: 1.0 / (1.0 - probability) }
    }

    fn apply(&self, numbers: &[f32]) -> Vec<f32> {
        let mut output = vec![0f32; numbers.len()];
        let pieces = output.par_chunks_mut(PIECE).zip(numbers.par_chunks(PIECE)).enumerate();
        pieces.for_each(|(piece, (output, numbers))| {
            let first = (piece * PIECE) as u64;
            vectorised(
                #[inline(always)]
                || {
                    for ((output, number), place) in output.iter_mut().zip(numbers).zip(first..) {
                        let is_dropped = self.random.at(place) >> 11 < self.limit;
                        *output = number * if is_dropped { 0.0 } else { self.kept };
                    }
                },
            );
        });
        output
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "tcolz-dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.apply(slice(x, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        gradient.contiguous()?.apply_op1_no_bwd(self).map(Some)
    }
}
