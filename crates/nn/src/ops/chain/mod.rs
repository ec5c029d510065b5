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

use candle_core::{CpuStorage, Result, Shape, Storage, Tensor};

use self::link::Gradients;
use self::stage::Plan;
use super::made::with_gradient;
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
    let backward = move |inputs: &[&Tensor], output: &Tensor, gradient: &Tensor| {
        let (x, link) = (inputs[0], inputs[1]);
        let (x_numbers, output, gradient) =
            (Numbers::of(x)?, Numbers::of(output)?, Numbers::of(gradient)?);
        let tensors = backward::Tensors { x: &x_numbers, output: &output, gradient: &gradient };
        // Images from a loader have no use for a gradient.
        let of_x = x.track_op();
        let found = backward::run(&plans, &saved, x.dim(0)?, &tensors, of_x)?;
        let of_x = found.x.map(|of_x| Tensor::from_vec(of_x, x.shape(), x.device())).transpose()?;
        gradients.set(found.parameters);
        Ok(vec![of_x, Some(link.zeros_like()?)])
    };
    let output = Storage::Cpu(CpuStorage::F32(output));
    let output = with_gradient("tcolz-chain", &[&x, &link], output, shape, Box::new(backward))?;
    Ok(Chained { output, moments })
}
