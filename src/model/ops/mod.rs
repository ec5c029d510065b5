//! What Candle 0.11 has not, has wrong or has slowly, as functions of tensors, each with its gradient.
//!
//! Images are `[n, channels, height, width]`, float32. On the CPU these are kernels of our own
//! (`Candle`'s `CustomOp`s); elsewhere, and in tests beside the kernels, they are [`reference`]: Candle's own
//! operations only.

mod kernels;
pub mod reference;

use candle_core::{Result, Tensor};

use super::spec::{Activation, Sides};

/// Convolution of `x` with `kernel`, `[outputs, inputs, rows, columns]`.
///
/// # Errors
/// When the shapes do not fit, or the device's memory is full; so below.
pub fn conv2d(x: &Tensor, kernel: &Tensor, stride: usize, sides: Sides) -> Result<Tensor> {
    reference::conv2d(x, kernel, stride, sides)
}

/// Convolution of each channel by itself; kernel `[channels, 1, rows, columns]`.
///
/// # Errors
/// As [`conv2d`].
pub fn depthwise(x: &Tensor, kernel: &Tensor, stride: usize, sides: Sides) -> Result<Tensor> {
    reference::depthwise(x, kernel, stride, sides)
}

/// Convolution with windows of one pixel, a matrix product: kernel `[outputs, inputs, 1, 1]`.
///
/// # Errors
/// As [`conv2d`].
pub fn pointwise(x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    reference::pointwise(x, kernel)
}

/// `activation(x + bias)`, the bias `[channels]`.
///
/// # Errors
/// As [`conv2d`].
pub fn bias(x: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    reference::bias(x, bias, activation)
}

/// `activation(x · weightᵀ + bias)` for features `[n, inputs]`, weight `[outputs, inputs]`.
///
/// # Errors
/// As [`conv2d`].
pub fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    reference::linear(x, weight, bias, activation)
}

/// BatchNorm's four tensors, `[channels]` each.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// What is multiplied by.
    pub weight: &'a Tensor,
    /// What is added.
    pub bias: &'a Tensor,
    /// The stored mean.
    pub mean: &'a Tensor,
    /// The stored variance.
    pub variance: &'a Tensor,
    /// What keeps the root from 0.
    pub eps: f64,
}

/// `activation((x − mean) / √(variance + eps) · weight + bias)` with the stored mean and variance, which have no
/// gradient.
///
/// # Errors
/// As [`conv2d`].
pub fn norm_stored(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Tensor> {
    reference::norm_stored(x, norm, activation)
}

/// What [`norm_batch`] found in a batch.
#[derive(Debug, Clone)]
pub struct Normed {
    /// The output.
    pub output: Tensor,
    /// The mean of each channel, `[channels]`, without gradient.
    pub mean: Tensor,
    /// The variance of each channel, divided by the count (biased), `[channels]`, without gradient.
    pub variance: Tensor,
}

/// [`norm_stored`] with the mean and variance of this batch, through which the gradient goes.
///
/// # Errors
/// As [`conv2d`].
pub fn norm_batch(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Normed> {
    reference::norm_batch(x, norm, activation)
}

/// An activation. The gradient is 0 at 0 and at 6, as in PyTorch.
///
/// # Errors
/// As [`conv2d`].
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    reference::activate(x, activation)
}

/// `activation(x + scale · body)`.
///
/// # Errors
/// As [`conv2d`].
pub fn residual(x: &Tensor, body: &Tensor, scale: f32, activation: Activation) -> Result<Tensor> {
    reference::residual(x, body, scale, activation)
}

/// The largest of each window; its gradient goes to the first of equals, row by row.
///
/// # Errors
/// As [`conv2d`].
pub fn max_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    reference::max_pool(x, kernel, stride, sides)
}

/// The mean of what of each window lies inside the image.
///
/// # Errors
/// As [`conv2d`].
pub fn average_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    reference::average_pool(x, kernel, stride, sides)
}

/// Means over `side` × `side` cells: cell i is from ⌊i·size/side⌋ up to ⌈(i+1)·size/side⌉.
///
/// # Errors
/// As [`conv2d`].
pub fn adaptive_average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    reference::adaptive_average_pool(x, side)
}

/// The mean of each channel: `[n, c, h, w]` → `[n, c]`.
///
/// # Errors
/// As [`conv2d`].
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    x.flatten_from(2)?.mean(2)
}

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

/// Makes each number 0 with `probability`, and divides the others by what is left: the mask is a pure
/// function of the key and the place in the tensor, the same on every device.
///
/// # Errors
/// As [`conv2d`].
pub fn dropout(x: &Tensor, probability: f32, key: MaskKey) -> Result<Tensor> {
    reference::dropout(x, probability, key)
}
