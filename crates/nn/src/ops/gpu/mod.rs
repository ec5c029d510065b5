//! The operations on a GPU: convolutions by cuDNN, matrix products by cuBLAS, and what stands between them by
//! kernels of our own (kernels.cu). Nothing here waits for the device, and nothing goes to it but numbers that a
//! kernel is given by value.
//!
//! Tests run all of this on the CPU, the kernels compiled as C++ and convolutions by their plain loops, beside the
//! CPU's own kernels and PyTorch. What only a GPU can show is that cuDNN, cuBLAS and NVIDIA's compiler keep to it.

mod follow;
mod launch;
mod pool;

use candle_core::{Result, Tensor};

use self::launch::{Launch, Parameters, Work};
use super::convolution;
use super::made::with_gradient;
use super::mask::Dropout;
use super::stages::{After, Chained, Stage};
use super::{MaskKey, reference};
use crate::precision::Precision;
use crate::spec::Activation;

pub(super) use self::pool::{adaptive_average_pool, average_pool, max_pool};

/// Name of an activation in the kernels.
fn number(activation: Activation) -> u32 {
    match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::Relu6 => 2,
    }
}

pub(super) fn chain(x: &Tensor, stages: &[Stage<'_>], precision: Precision) -> Result<Chained> {
    let (mut output, mut moments) = (x.contiguous()?, Vec::new());
    for stage in stages {
        if let Some(convolution) = &stage.convolution {
            output = if convolution::is_here(x.device()) {
                convolution::convolve(&output, convolution, precision)?
            } else {
                reference::convolve(&output, convolution)?
            };
        }
        let (followed, found) = follow::follow(&output, stage.after, stage.activation)?;
        output = followed;
        moments.push(found);
    }
    Ok(Chained { output, moments })
}

pub(super) fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor> {
    let product = reference::product(x, weight, precision)?;
    let (samples, outputs) = product.dims2()?;
    let image = product.contiguous()?.reshape((samples, outputs, 1, 1))?;
    let (output, _) = follow::follow(&image, After::Bias(bias), activation)?;
    output.reshape((samples, outputs))
}

pub(super) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let image = x.contiguous()?.reshape((1, 1, 1, ()))?;
    let (output, _) = follow::follow(&image, After::Nothing, activation)?;
    output.reshape(x.shape())
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
    let (x, body) = (x.contiguous()?, body.contiguous()?);
    let parameters = Parameters { scale, activation: number(activation), ..Parameters::default() };
    let mut outputs = Launch {
        kernel: "residual",
        work: Work::Numbers,
        inputs: &[Some(&x), Some(&body)],
        outputs: &[x.elem_count()],
        parameters,
    }
    .run()?;
    let shape = x.shape().clone();
    with_gradient(
        "tcolz-residual",
        &[&x, &body],
        outputs.swap_remove(0),
        shape,
        Box::new(move |_, output, gradient| {
            let of_x = follow::masked(output, gradient, activation)?;
            let of_body = if scale == 1.0 { of_x.clone() } else { (&of_x * f64::from(scale))? };
            Ok(vec![Some(of_x), Some(of_body)])
        }),
    )
}

pub(super) fn dropout(x: &Tensor, probability: f32, key: MaskKey) -> Result<Tensor> {
    if probability <= 0.0 {
        return Ok(x.clone());
    }
    let Dropout { random, limit, kept } = Dropout::new(probability, key);
    let parameters = Parameters { key: random.key(), limit, scale: kept, ..Parameters::default() };
    let masked = move |x: &Tensor| {
        let (inputs, outputs) = ([Some(x)], [x.elem_count()]);
        let (kernel, work) = ("dropout", Work::Numbers);
        Launch { kernel, work, inputs: &inputs, outputs: &outputs, parameters }.run()
    };
    let x = x.contiguous()?;
    let shape = x.shape().clone();
    let backward = move |inputs: &[&Tensor], _: &Tensor, gradient: &Tensor| {
        let output = masked(gradient)?.swap_remove(0);
        Ok(vec![Some(launch::tensor(output, inputs[0].shape()))])
    };
    with_gradient("tcolz-dropout", &[&x], masked(&x)?.swap_remove(0), shape, Box::new(backward))
}
