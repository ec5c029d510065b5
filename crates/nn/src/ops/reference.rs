//! The plain versions: Candle's own operations only, whose gradients are right. They run on every device.

use candle_core::{DType, Result, Tensor};

use super::mask::{DROPOUT, MaskKey};
use super::stages::{After, Chained, ChannelMoments, Convolution, Norm, Normed, Stage};
use crate::precision::Precision;
use crate::spec::{Activation, Sides};
use tcolz_base::random::Random;

pub(super) fn padded(x: &Tensor, sides: Sides) -> Result<Tensor> {
    let x = if (sides.top, sides.bottom) == (0, 0) {
        x.clone()
    } else {
        x.pad_with_zeros(2, sides.top, sides.bottom)?
    };
    if (sides.left, sides.right) == (0, 0) {
        return Ok(x);
    }
    x.pad_with_zeros(3, sides.left, sides.right)
}

/// As [`super::chain`], one function after the other.
pub(super) fn chain(x: &Tensor, stages: &[Stage<'_>], precision: Precision) -> Result<Chained> {
    let (mut output, mut moments) = (x.clone(), Vec::new());
    for Stage { convolution, after, activation } in stages {
        if let Some(convolution) = convolution {
            output = if precision.is_float32() {
                convolve(&output, convolution)?
            } else {
                super::convolution::convolve(&output, convolution, precision)?
            };
        }
        let mut found = None;
        output = match *after {
            After::Nothing => activate(&output, *activation)?,
            After::Bias(tensor) => bias(&output, tensor, *activation)?,
            After::Stored(norm) => norm_stored(&output, norm, *activation)?,
            After::Batch(norm) => {
                let Normed { output, mean, variance } = norm_batch(&output, norm, *activation)?;
                found = Some(ChannelMoments { mean, variance });
                output
            }
        };
        moments.push(found);
    }
    Ok(Chained { output, moments })
}

pub(super) fn convolve(x: &Tensor, convolution: &Convolution<'_>) -> Result<Tensor> {
    let &Convolution { kernel, stride, sides, depthwise: by_channel } = convolution;
    let (_, _, rows, columns) = kernel.dims4()?;
    let is_pixel = [rows, columns, stride] == [1; 3] && sides == Sides::default();
    match by_channel {
        true => depthwise(x, kernel, stride, sides),
        false if is_pixel => pointwise(x, kernel),
        false => conv2d(x, kernel, stride, sides),
    }
}

pub(super) fn conv2d(x: &Tensor, kernel: &Tensor, stride: usize, sides: Sides) -> Result<Tensor> {
    let mut x = padded(x, sides)?;
    let windows = [kernel.dim(2)?, kernel.dim(3)?];
    let size = places(&x, windows, stride)?;
    // Candle's gradient fails where as many rows as columns are not left over: what no window meets is cut off.
    for (dimension, (places, window)) in [2, 3].into_iter().zip(size.into_iter().zip(windows)) {
        let met = (places - 1) * stride + window;
        if met < x.dim(dimension)? {
            x = x.narrow(dimension, 0, met)?;
        }
    }
    x.contiguous()?.conv2d(kernel, 0, stride, 1, 1)
}

/// Every `stride`-th row and column of `x` from (row, column) on, `height` × `width` of them.
fn shifted(
    x: &Tensor,
    [row, column]: [usize; 2],
    stride: usize,
    [height, width]: [usize; 2],
) -> Result<Tensor> {
    let mut x = x.clone();
    for (dimension, first, count) in [(2, row, height), (3, column, width)] {
        if stride == 1 {
            x = x.narrow(dimension, first, count)?;
        } else {
            let index: Vec<u32> = (0..count).map(|i| (first + i * stride) as u32).collect();
            x = x.index_select(&Tensor::new(index, x.device())?, dimension)?;
        }
    }
    x.contiguous()
}

fn places(x: &Tensor, kernel: [usize; 2], stride: usize) -> Result<[usize; 2]> {
    let (_, _, height, width) = x.dims4()?;
    let of = |size: usize, kernel: usize| size.checked_sub(kernel).map(|room| room / stride + 1);
    match (of(height, kernel[0]), of(width, kernel[1])) {
        (Some(height), Some(width)) => Ok([height, width]),
        _ => candle_core::bail!("a window of {kernel:?} does not fit into {height} × {width}"),
    }
}

pub(super) fn depthwise(
    x: &Tensor,
    kernel: &Tensor,
    stride: usize,
    sides: Sides,
) -> Result<Tensor> {
    let (channels, _, rows, columns) = kernel.dims4()?;
    let x = padded(x, sides)?;
    let size = places(&x, [rows, columns], stride)?;
    let mut sum: Option<Tensor> = None;
    for row in 0..rows {
        for column in 0..columns {
            let weight = kernel.narrow(2, row, 1)?.narrow(3, column, 1)?;
            let weight = weight.reshape((1, channels, 1, 1))?;
            let part = shifted(&x, [row, column], stride, size)?.broadcast_mul(&weight)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
    }
    sum.ok_or_else(|| candle_core::Error::Msg("an empty kernel".to_owned()))
}

pub(super) fn pointwise(x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    let (n, inputs, height, width) = x.dims4()?;
    let outputs = kernel.dim(0)?;
    let kernel = kernel.reshape((1, outputs, inputs))?.broadcast_as((n, outputs, inputs))?;
    let x = x.reshape((n, inputs, height * width))?;
    kernel.contiguous()?.matmul(&x)?.reshape((n, outputs, height, width))
}

fn channels(tensor: &Tensor) -> Result<Tensor> {
    tensor.reshape((1, (), 1, 1))
}

pub(super) fn bias(x: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    activate(&x.broadcast_add(&channels(bias)?)?, activation)
}

pub(super) fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
    precision: Precision,
) -> Result<Tensor> {
    activate(&product(x, weight, precision)?.broadcast_add(bias)?, activation)
}

/// `x · weightᵀ`, multiplied in a precision.
pub(super) fn product(x: &Tensor, weight: &Tensor, precision: Precision) -> Result<Tensor> {
    let dtype = precision.dtype();
    x.to_dtype(dtype)?.matmul(&weight.to_dtype(dtype)?.t()?)?.to_dtype(DType::F32)
}

fn normed(x: &Tensor, mean: &Tensor, variance: &Tensor, norm: Norm<'_>) -> Result<Tensor> {
    let deviation = (variance + norm.eps)?.sqrt()?;
    let x = x.broadcast_sub(&channels(mean)?)?.broadcast_div(&channels(&deviation)?)?;
    x.broadcast_mul(&channels(norm.weight)?)?.broadcast_add(&channels(norm.bias)?)
}

pub(super) fn norm_stored(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Tensor> {
    let (mean, variance) = (norm.mean.detach(), norm.variance.detach());
    activate(&normed(x, &mean, &variance, norm)?, activation)
}

pub(super) fn norm_batch(x: &Tensor, norm: Norm<'_>, activation: Activation) -> Result<Normed> {
    let rows = x.transpose(0, 1)?.flatten_from(1)?;
    let mean = rows.mean(1)?;
    let variance = rows.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let output = activate(&normed(x, &mean, &variance, norm)?, activation)?;
    Ok(Normed { output, mean: mean.detach(), variance: variance.detach() })
}

pub(super) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    // A comparison has no gradient: the mask is a constant.
    let mask = |mask: Tensor| mask.to_dtype(x.dtype());
    match activation {
        Activation::None => Ok(x.clone()),
        Activation::Relu => x * mask(x.gt(0f64)?)?,
        Activation::Relu6 => {
            let inside = (mask(x.gt(0f64)?)? * mask(x.lt(6f64)?)?)?;
            (x * inside)? + (mask(x.ge(6f64)?)? * 6.0)?
        }
    }
}

pub(super) fn residual(
    x: &Tensor,
    body: &Tensor,
    scale: f32,
    activation: Activation,
) -> Result<Tensor> {
    activate(&(x + (body * f64::from(scale))?)?, activation)
}

pub(super) fn max_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    // Outside of the image lies less than anything: what is there is taken only where nothing else is.
    let lowest = f64::from(f32::MIN);
    let x = if sides == Sides::default() {
        x.clone()
    } else {
        let inside = padded(&x.ones_like()?, sides)?;
        let outside = ((inside - 1.0)? * -lowest)?;
        (padded(x, sides)? + outside)?
    };
    let size = places(&x, [kernel; 2], stride)?;
    let mut best: Option<Tensor> = None;
    for row in 0..kernel {
        for column in 0..kernel {
            let next = shifted(&x, [row, column], stride, size)?;
            best = Some(match best {
                Some(best) => next.gt(&best)?.where_cond(&next, &best)?,
                None => next,
            });
        }
    }
    best.ok_or_else(|| candle_core::Error::Msg("an empty window".to_owned()))
}

pub(super) fn average_pool(
    x: &Tensor,
    kernel: usize,
    stride: usize,
    sides: Sides,
) -> Result<Tensor> {
    let inside = padded(&x.narrow(0, 0, 1)?.narrow(1, 0, 1)?.ones_like()?, sides)?;
    let x = padded(x, sides)?;
    let size = places(&x, [kernel; 2], stride)?;
    let sum = |x: &Tensor| {
        let mut sum: Option<Tensor> = None;
        for row in 0..kernel {
            for column in 0..kernel {
                let part = shifted(x, [row, column], stride, size)?;
                sum = Some(match sum {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
        }
        sum.ok_or_else(|| candle_core::Error::Msg("an empty window".to_owned()))
    };
    sum(&x)?.broadcast_div(&sum(&inside)?)
}

pub(super) fn adaptive_average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if (height, width) == (side, side) {
        return Ok(x.clone());
    }
    // As a matrix product from both sides: row i holds 1 / (cells' width) where cell i lies.
    let matrix = |size: usize| -> Result<Tensor> {
        let mut cells = vec![0f32; side * size];
        for cell in 0..side {
            let (first, end) = (cell * size / side, ((cell + 1) * size).div_ceil(side));
            cells[cell * size..][first..end].fill(1.0 / (end - first) as f32);
        }
        Tensor::from_vec(cells, (side, size), x.device())?.to_dtype(x.dtype())
    };
    let columns = x.broadcast_matmul(&matrix(width)?.t()?)?;
    matrix(height)?.broadcast_matmul(&columns)
}

pub(super) fn dropout(x: &Tensor, probability: f32, key: MaskKey) -> Result<Tensor> {
    if probability <= 0.0 {
        return Ok(x.clone());
    }
    let mut random = Random::new(DROPOUT, &[key.seed, key.step, key.layer.into()]);
    let kept = 1.0 / (1.0 - probability);
    let mask: Vec<f32> = (0..x.elem_count())
        .map(|_| if random.unit() < f64::from(probability) { 0.0 } else { kept })
        .collect();
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(DType::F32)?;
    x * mask
}
