//! The sum around a residual's body.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernels::vectorised;
use super::numbers::Numbers;
use crate::spec::Activation;

/// Numbers of one thread's piece.
const PIECE: usize = 1 << 16;

struct Residual {
    scale: f32,
    activation: Activation,
}

pub(super) fn residual(
    x: &Tensor,
    body: &Tensor,
    scale: f32,
    activation: Activation,
) -> Result<Tensor> {
    if x.shape() != body.shape() {
        candle_core::bail!("a body of {:?} around {:?}", body.dims(), x.dims());
    }
    x.contiguous()?.apply_op2(&body.contiguous()?, Residual { scale, activation })
}

/// `f` of each pair of numbers.
fn each(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut output = vec![0f32; a.len()];
    let pieces = output.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE).zip(b.par_chunks(PIECE)));
    pieces.for_each(|(output, (a, b))| {
        vectorised(
            #[inline(always)]
            || {
                for (output, (&a, &b)) in output.iter_mut().zip(a.iter().zip(b)) {
                    *output = f(a, b);
                }
            },
        );
    });
    output
}

impl CustomOp2 for Residual {
    fn name(&self) -> &'static str {
        "tcolz-residual"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        body: &CpuStorage,
        body_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let numbers = |storage, layout| super::numbers::slice(storage, layout);
        let (x, body) = (numbers(x, x_layout)?, numbers(body, body_layout)?);
        let scale = self.scale;
        let output = match self.activation {
            Activation::None => each(x, body, |x, body| x + body * scale),
            activation => each(x, body, |x, body| activation.of(x + body * scale)),
        };
        Ok((CpuStorage::F32(output), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let of_x = match self.activation {
            Activation::None => gradient.clone(),
            activation => {
                let highest = if activation == Activation::Relu6 { 6.0 } else { f32::INFINITY };
                let whole = gradient.contiguous()?;
                let (gradient, numbers) = (Numbers::of(&whole)?, Numbers::of(output)?);
                let of_x = each(&gradient, &numbers, |gradient, output| {
                    if output > 0.0 && output < highest { gradient } else { 0.0 }
                });
                Tensor::from_vec(of_x, output.shape(), output.device())?
            }
        };
        let of_body =
            if self.scale == 1.0 { of_x.clone() } else { (&of_x * f64::from(self.scale))? };
        Ok((Some(of_x), Some(of_body)))
    }
}
