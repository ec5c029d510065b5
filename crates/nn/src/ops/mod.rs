//! What Candle 0.11 has not, has wrong or has slowly, as functions of tensors, each with its gradient.
//!
//! Images are `[n, channels, height, width]`, float32. On the CPU and on CUDA these are kernels of our own
//! (`Candle`'s `CustomOp`s); elsewhere, and in tests beside the kernels, they are [`mod@reference`]: Candle's own
//! operations only.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`chain`](fn@chain) | convolutions with bias or BatchNorm and activation, alone or one after the other |
//! | `stages` | what stands in a chain, and what comes of it |
//! | `linear` | matrix products over features |
//! | `residual` | the sum around a residual's body |
//! | `pool` | the largest, or the mean, of windows |
//! | `mask` | dropout |
//! | `kernels` | loops over slices, without Candle |
//! | `convolution` | convolutions in every precision: by cuDNN, and by plain loops |
//! | `gpu` | all of this on CUDA |

mod chain;
pub(crate) mod convolution;
#[cfg(any(feature = "cuda", test))]
mod gpu;
pub(crate) mod kernels;
mod linear;
mod made;
mod mask;
mod numbers;
mod pool;
pub mod reference;
mod residual;
mod stages;

use candle_core::{Result, Tensor};

pub use self::mask::MaskKey;
#[cfg(test)]
pub(crate) use self::numbers::as_on_gpu;
use self::numbers::{is_cuda, is_ours};
pub use self::stages::{After, Chained, ChannelMoments, Convolution, Norm, Normed, Stage};
use super::precision::Precision;
use super::spec::{Activation, Sides};

/// `f(arguments)` where the tensor lies: by the CPU's kernels, by those of CUDA, or by Candle's operations.
macro_rules! by_place {
    ($x:expr, $cpu:path, $name:ident ($($argument:expr),*)) => {{
        #[cfg(any(feature = "cuda", test))]
        if is_cuda($x) {
            return gpu::$name($($argument),*);
        }
        if is_ours($x) { $cpu($($argument),*) } else { reference::$name($($argument),*) }
    }};
}

/// Stages one after the other. What stands between them is not kept whole, so that this is faster and takes less
/// memory than one function after the other, of which it is the sum.
///
/// # Errors
/// When the shapes do not fit, or the device's memory is full; so below.
pub fn chain(x: &Tensor, stages: &[Stage<'_>], precision: Precision) -> Result<Chained> {
    #[cfg(any(feature = "cuda", test))]
    if is_cuda(x) {
        return gpu::chain(x, stages, precision);
    }
    if is_ours(x) && precision.is_float32() {
        chain::chain(x, stages)
    } else {
        reference::chain(x, stages, precision)
    }
}

fn convolve(x: &Tensor, convolution: Convolution<'_>) -> Result<Tensor> {
    let (after, activation) = (After::Nothing, Activation::None);
    let stage = Stage { convolution: Some(convolution), after, activation };
    Ok(chain(x, &[stage], Precision::F32)?.output)
}

/// Convolution of `x` with `kernel`, `[outputs, inputs, rows, columns]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn conv2d(x: &Tensor, kernel: &Tensor, stride: usize, sides: Sides) -> Result<Tensor> {
    convolve(x, Convolution { kernel, stride, sides, depthwise: false })
}

/// Convolution of each channel by itself; kernel `[channels, 1, rows, columns]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn depthwise(x: &Tensor, kernel: &Tensor, stride: usize, sides: Sides) -> Result<Tensor> {
    convolve(x, Convolution { kernel, stride, sides, depthwise: true })
}

/// Convolution with windows of one pixel, a matrix product: kernel `[outputs, inputs, 1, 1]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn pointwise(x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    conv2d(x, kernel, 1, Sides::default())
}

fn follow(x: &Tensor, after: After<'_>, activation: Activation) -> Result<Tensor> {
    let stage = Stage { convolution: None, after, activation };
    Ok(chain(x, &[stage], Precision::F32)?.output)
}

/// `activation(x + bias)`, the bias `[channels]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn bias(x: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    follow(x, After::Bias(bias), activation)
}

/// `activation(x · weightᵀ + bias)` for features `[n, inputs]`, weight `[outputs, inputs]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor> {
    #[cfg(any(feature = "cuda", test))]
    if is_cuda(x) {
        return gpu::linear(x, weight, bias, activation, precision);
    }
    if is_ours(x) && precision.is_float32() {
        linear::linear(x, weight, bias, activation)
    } else {
        reference::linear(x, weight, bias, activation, precision)
    }
}

/// `activation((x − mean) / √(variance + eps) · weight + bias)` with the stored mean and variance, which have no
/// gradient.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn norm_stored(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Tensor> {
    follow(x, After::Stored(norm), activation)
}

/// [`norm_stored`] with the mean and variance of this batch, through which the gradient goes.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn norm_batch(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Normed> {
    let stage = Stage { convolution: None, after: After::Batch(norm), activation };
    let Chained { output, mut moments } = chain(x, &[stage], Precision::F32)?;
    match moments.pop().flatten() {
        Some(ChannelMoments { mean, variance }) => Ok(Normed { output, mean, variance }),
        None => candle_core::bail!("a batch has a mean and a variance"),
    }
}

/// An activation. The gradient is 0 at 0 and at 6, as in PyTorch.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    #[cfg(any(feature = "cuda", test))]
    if is_cuda(x) {
        return gpu::activate(x, activation);
    }
    if !is_ours(x) {
        return reference::activate(x, activation);
    }
    // Which of the sides are channels makes no difference.
    let images = x.dims().first().copied().unwrap_or(1).max(1);
    let flat = x.reshape((images, 1, 1, ()))?;
    follow(&flat, After::Nothing, activation)?.reshape(x.shape())
}

/// `activation(x + scale · body)`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn residual(x: &Tensor, body: &Tensor, scale: f32, activation: Activation) -> Result<Tensor> {
    by_place!(x, residual::residual, residual(x, body, scale, activation))
}

/// The largest of each window; its gradient goes to the first of equals, row by row.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn max_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    by_place!(x, pool::max_pool, max_pool(x, kernel, stride, sides))
}

/// The mean of what of each window lies inside the image.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn average_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    by_place!(x, pool::average_pool, average_pool(x, kernel, stride, sides))
}

/// Means over `side` × `side` cells: cell i is from ⌊i·size/side⌋ up to ⌈(i+1)·size/side⌉.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn adaptive_average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    by_place!(x, pool::adaptive_average_pool, adaptive_average_pool(x, side))
}

/// The mean of each channel: `[n, c, h, w]` → `[n, c]`.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    if is_ours(x) || is_cuda(x) {
        adaptive_average_pool(x, 1)?.flatten_from(1)
    } else {
        x.flatten_from(2)?.mean(2)
    }
}

/// Makes each number 0 with `probability`, and divides the others by what is left: the mask is a pure
/// function of the key and the place in the tensor, the same on every device.
///
/// # Errors
/// As [`chain`](fn@chain).
pub fn dropout(x: &Tensor, probability: f32, key: MaskKey) -> Result<Tensor> {
    by_place!(x, mask::dropout, dropout(x, probability, key))
}

#[cfg(test)]
mod tests;
