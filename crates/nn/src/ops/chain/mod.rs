//! Convolutions, each with its bias or BatchNorm and its activation, one after the other, as one operation.
//!
//! ```text
//! x ─ convolution ─▶ y₁ ─ norm, activation ┄▶ a₁ ─ convolution ─▶ y₂ ─ norm, activation ┄▶ a₂ … ─▶ output
//! ```
//!
//! What stands between its stages is never a tensor of Candle: y is kept for the gradient, and a, which follows
//! from y number by number, is made where it is read, a piece that fits into the cache at a time. So a training
//! step moves a third of the memory that one operation a function would move, and Candle adds no zeros to
//! gradients in between.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`stage`] | a stage with its shapes and parameters, tested |
//! | [`forward`] | the output, and what the gradient needs |
//! | [`backward`] | gradients of the input and of every parameter |
//! | [`link`] | more inputs than Candle's own operations may have |

mod backward;
mod forward;
mod link;
mod stage;

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use self::forward::Saved;
use self::link::Gradients;
use self::stage::Plan;
use super::numbers::Numbers;
use super::stages::{Chained, Stage};

/// The chain on the CPU, in float32.
pub(super) fn chain(x: &Tensor, stages: &[Stage<'_>]) -> Result<Chained> {
    let x = x.contiguous()?;
    let (n, channels, height, width) = x.dims4()?;
    let mut plans: Vec<Plan> = Vec::with_capacity(stages.len());
    for stage in stages {
        let shape = plans.last().map_or([channels, height, width], Plan::output);
        plans.push(Plan::new(stage, shape)?);
    }
    let [outputs, height, width] = plans.last().map_or([channels, height, width], Plan::output);
    let shape = Shape::from((n, outputs, height, width));
    if plans.iter().all(Plan::is_identity) {
        return Ok(Chained { output: x, moments: vec![None; stages.len()] });
    }
    let (output, saved) = forward::run(&plans, n, &Numbers::of(&x)?)?;
    let moments = saved.moments(x.device())?;
    let gradients = Gradients::default();
    let parameters: Vec<&Tensor> = plans.iter().flat_map(Plan::parameters).collect();
    let link = gradients.link(&parameters, x.device())?;
    let op = ChainOp { plans, saved, output: Mutex::new(Some((output, shape))), gradients };
    Ok(Chained { output: x.apply_op2(&link, op)?, moments })
}

struct ChainOp {
    plans: Vec<Plan>,
    saved: Saved,
    /// Computed before there was an operation; taken by its forward pass.
    output: Mutex<Option<(Vec<f32>, Shape)>>,
    gradients: Gradients,
}

impl CustomOp2 for ChainOp {
    fn name(&self) -> &'static str {
        "tcolz-chain"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let output = self.output.lock().ok().and_then(|mut output| output.take());
        match output {
            Some((output, shape)) => Ok((CpuStorage::F32(output), shape)),
            None => candle_core::bail!("a chain is run once"),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        link: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (x_numbers, output, gradient) =
            (Numbers::of(x)?, Numbers::of(output)?, Numbers::of(&gradient)?);
        let tensors = backward::Tensors { x: &x_numbers, output: &output, gradient: &gradient };
        // Images from a loader have no use for a gradient.
        let of_x = x.track_op();
        let found = backward::run(&self.plans, &self.saved, x.dim(0)?, &tensors, of_x)?;
        let of_x = found.x.map(|of_x| Tensor::from_vec(of_x, x.shape(), x.device())).transpose()?;
        self.gradients.set(found.parameters);
        Ok((of_x, Some(link.zeros_like()?)))
    }
}
