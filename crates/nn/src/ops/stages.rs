//! What stands in a chain, and what comes of it.

use candle_core::Tensor;

use crate::spec::{Activation, Sides};

/// A convolution.
#[derive(Debug, Clone, Copy)]
pub struct Convolution<'a> {
    /// `[outputs, inputs, rows, columns]`, or `[channels, 1, rows, columns]`.
    pub kernel: &'a Tensor,
    /// Step in both directions.
    pub stride: usize,
    /// What is put around the image.
    pub sides: Sides,
    /// Each channel by itself.
    pub depthwise: bool,
}

/// What follows a convolution at once.
#[derive(Debug, Clone, Copy)]
pub enum After<'a> {
    /// Nothing.
    Nothing,
    /// A bias, `[channels]`.
    Bias(&'a Tensor),
    /// BatchNorm by its stored mean and variance, which have no gradient.
    Stored(Norm<'a>),
    /// BatchNorm by the mean and variance of the batch, through which the gradient goes.
    Batch(Norm<'a>),
}

/// A convolution, or none, with what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The convolution.
    pub convolution: Option<Convolution<'a>>,
    /// Bias or BatchNorm.
    pub after: After<'a>,
    /// What follows that.
    pub activation: Activation,
}

/// What [`chain`](fn@super::chain) gives.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The output of the last stage.
    pub output: Tensor,
    /// For each stage what its BatchNorm found in the batch.
    pub moments: Vec<Option<ChannelMoments>>,
}

/// Mean and variance of the numbers of each channel in a batch, without gradient.
#[derive(Debug, Clone)]
pub struct ChannelMoments {
    /// `[channels]`
    pub mean: Tensor,
    /// Divided by the count (biased), `[channels]`.
    pub variance: Tensor,
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

/// What [`norm_batch`](super::norm_batch) found in a batch.
#[derive(Debug, Clone)]
pub struct Normed {
    /// The output.
    pub output: Tensor,
    /// The mean of each channel, `[channels]`, without gradient.
    pub mean: Tensor,
    /// The variance of each channel, divided by the count (biased), `[channels]`, without gradient.
    pub variance: Tensor,
}
