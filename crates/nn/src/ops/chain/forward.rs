//! The output of a chain, and what its gradient needs.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

use super::super::kernels::buffer::Buffer;
use super::super::kernels::patches;
use super::super::kernels::pixels::{Affine, Moments};
use super::super::kernels::product::{Matrix, product};
use super::super::numbers::Numbers;
use super::super::stages::ChannelMoments;
use super::stage::{Follow, Plan, Windows};
use crate::spec::Activation;

/// Where the numbers of a stage lie that its gradient needs.
#[derive(Debug)]
pub(super) enum Held {
    /// They are the chain's input.
    Input,
    /// Here.
    Own(Buffer),
    /// They are the chain's output.
    Output,
}

/// What is kept of a stage: the numbers before BatchNorm, or behind bias and activation.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) held: Held,
    /// What each channel still has to go through; none behind bias and activation.
    pub(super) affine: Option<Vec<Affine>>,
    /// BatchNorm's mean and 1 / √(variance + eps).
    pub(super) norm: Option<Normalised>,
}

#[derive(Debug)]
pub(super) struct Normalised {
    pub(super) mean: Vec<f32>,
    pub(super) inverse: Vec<f32>,
    /// The variance, where it is the batch's.
    pub(super) variance: Option<Vec<f32>>,
}

/// What is kept of a chain.
#[derive(Debug)]
pub(super) struct Saved(pub(super) Vec<Done>);

impl Saved {
    /// Means and variances of the batch.
    pub(super) fn moments(&self, device: &Device) -> Result<Vec<Option<ChannelMoments>>> {
        let of = |done: &Done| {
            let norm = done.norm.as_ref()?;
            let variance = norm.variance.as_ref()?;
            let tensor = |numbers: &[f32]| Tensor::new(numbers, device);
            let both = tensor(&norm.mean).and_then(|mean| Ok((mean, tensor(variance)?)));
            Some(both.map(|(mean, variance)| ChannelMoments { mean, variance }))
        };
        self.0.iter().map(|done| of(done).transpose()).collect()
    }
}

/// Images that a stage reads: numbers, and what they go through on the way.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) affine: Option<&'a [Affine]>,
}

impl<'a> Source<'a> {
    /// What is read of the stage before, or of the chain's input.
    pub(super) fn of(done: Option<&'a Done>, input: &'a [f32]) -> Source<'a> {
        match done {
            None => Source { numbers: input, affine: None },
            Some(done) => Source {
                numbers: match &done.held {
                    Held::Own(numbers) => numbers,
                    Held::Input | Held::Output => input,
                },
                affine: done.affine.as_deref(),
            },
        }
    }

    /// One image of `size` numbers, of each channel the pixels from `first` on; `scratch` holds them where they
    /// go through something.
    pub(super) fn pixels<'b>(
        self,
        image: &'b [f32],
        pixels: usize,
        range: std::ops::Range<usize>,
        scratch: &'b mut [f32],
    ) -> Matrix<'b> {
        let channels = image.len() / pixels;
        let length = range.len();
        match self.affine {
            None => Matrix::with_pitch(&image[range.start..], channels, length, pixels),
            Some(affine) => {
                let planes = image.chunks_exact(pixels).zip(scratch.chunks_exact_mut(length));
                for ((plane, target), affine) in planes.zip(affine) {
                    affine.apply(&plane[range.clone()], target);
                }
                Matrix::new(scratch, channels, length)
            }
        }
    }

    /// One whole image.
    pub(super) fn image<'b>(
        self,
        image: &'b [f32],
        pixels: usize,
        scratch: &'b mut [f32],
    ) -> &'b [f32] {
        match self.affine {
            None => image,
            Some(affine) => {
                let planes = image.chunks_exact(pixels).zip(scratch.chunks_exact_mut(pixels));
                for ((plane, target), affine) in planes.zip(affine) {
                    affine.apply(plane, target);
                }
                scratch
            }
        }
    }

    /// Numbers of scratch that an image, or a part of it, takes.
    pub(super) fn scratch(self, numbers: usize) -> usize {
        if self.affine.is_some() { numbers } else { 0 }
    }
}

/// Runs the chain over `n` images.
pub(super) fn run(plans: &[Plan], n: usize, x: &[f32]) -> Result<(Vec<f32>, Saved)> {
    let mut saved: Vec<Done> = Vec::with_capacity(plans.len());
    let mut output = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let last = number + 1 == plans.len();
        let source = Source::of(saved.last(), x);
        let is_norm = matches!(plan.follow, Follow::Norm { .. });
        let size = n * plan.output_size();
        let mut moments = vec![Moments::default(); n * plan.outputs];
        let held = if matches!(plan.windows, Windows::None) && is_norm && number == 0 {
            let planes = x.par_chunks(plan.geometry.output_pixels()).zip(&mut moments);
            planes.for_each(|(plane, moments)| *moments = Moments::of(plane));
            Held::Input
        } else if last && !is_norm {
            output = vec![0.0; size];
            stage(plan, source, &mut output, &mut moments)?;
            Held::Output
        } else {
            let mut numbers = Buffer::new(size);
            stage(plan, source, &mut numbers, &mut moments)?;
            Held::Own(numbers)
        };
        let norm = normalised(plan, n, &moments)?;
        let affine = match (&norm, &plan.follow) {
            (Some(norm), Follow::Norm { weight, bias, .. }) => {
                let (weight, bias) = (Numbers::of(weight)?, Numbers::of(bias)?);
                let channels =
                    weight.iter().zip(bias.iter()).zip(norm.mean.iter().zip(&norm.inverse));
                let affine = channels.map(|((&weight, &bias), (&mean, &inverse))| Affine {
                    scale: weight * inverse,
                    shift: (f64::from(bias)
                        - f64::from(mean) * f64::from(weight) * f64::from(inverse))
                        as f32,
                    activation: plan.activation,
                });
                Some(affine.collect())
            }
            _ => None,
        };
        saved.push(Done { held, affine, norm });
    }
    if let (Some(plan), Some(done)) = (plans.last(), saved.last())
        && let Some(affine) = &done.affine
    {
        output = vec![0.0; n * plan.output_size()];
        let source = Source::of(Some(done), x);
        let pixels = plan.geometry.output_pixels();
        let planes = output.par_chunks_mut(pixels).zip(source.numbers.par_chunks(pixels));
        planes.enumerate().for_each(|(number, (output, input))| {
            affine[number % plan.outputs].apply(input, output);
        });
    }
    Ok((output, Saved(saved)))
}

/// BatchNorm's mean and scale.
fn normalised(plan: &Plan, n: usize, moments: &[Moments]) -> Result<Option<Normalised>> {
    let Follow::Norm { stored, eps, .. } = &plan.follow else { return Ok(None) };
    let inverse = |variance: f64| (1.0 / (variance + eps).sqrt()) as f32;
    if let Some([mean, variance]) = stored {
        let inverse = variance.iter().map(|&variance| inverse(variance.into())).collect();
        return Ok(Some(Normalised { mean: mean.clone(), inverse, variance: None }));
    }
    let channel = |channel: usize| {
        let images = (0..n).map(|image| moments[image * plan.outputs + channel]);
        images.fold(Moments::default(), Moments::with)
    };
    let of_batch: Vec<Moments> = (0..plan.outputs).map(channel).collect();
    Ok(Some(Normalised {
        mean: of_batch.iter().map(|moments| moments.mean() as f32).collect(),
        inverse: of_batch.iter().map(|moments| inverse(moments.variance())).collect(),
        variance: Some(of_batch.iter().map(|moments| moments.variance() as f32).collect()),
    }))
}

/// One stage, image by image: the convolution, then what is done while its output is in the cache.
fn stage(
    plan: &Plan,
    source: Source<'_>,
    output: &mut [f32],
    moments: &mut [Moments],
) -> Result<()> {
    let pixels = plan.geometry.output_pixels();
    let bias = match &plan.follow {
        Follow::Bias(bias) => Some(Numbers::of(bias)?),
        _ => None,
    };
    let affine: Option<Vec<Affine>> = match &plan.follow {
        Follow::Norm { .. } => None,
        Follow::Nothing if plan.activation == Activation::None => None,
        _ => {
            let shift = |channel: usize| bias.as_ref().map_or(0.0, |bias| bias[channel]);
            let activation = plan.activation;
            let of = |channel| Affine { scale: 1.0, shift: shift(channel), activation };
            Some((0..plan.outputs).map(of).collect())
        }
    };
    let of_batch = matches!(plan.follow, Follow::Norm { stored: None, .. });
    let kernel = plan.kernel.as_ref().map(Numbers::of).transpose()?;
    let kernel = kernel.as_deref().unwrap_or_default();
    let inputs = source.numbers.par_chunks(plan.input_size());
    let images = output.par_chunks_mut(plan.output_size()).zip(inputs);
    images.zip(moments.par_chunks_mut(plan.outputs)).for_each(|((output, input), moments)| {
        convolve(plan, source, kernel, input, output);
        for (channel, plane) in output.chunks_exact_mut(pixels).enumerate() {
            if let Some(affine) = &affine {
                affine[channel].apply_in_place(plane);
            }
            if of_batch {
                moments[channel] = Moments::of(plane);
            }
        }
    });
    Ok(())
}

/// One image.
fn convolve(plan: &Plan, source: Source<'_>, kernel: &[f32], input: &[f32], output: &mut [f32]) {
    let geometry = &plan.geometry;
    let (pixels, output_pixels) = (geometry.pixels(), geometry.output_pixels());
    match &plan.windows {
        Windows::None => {
            let mut scratch = Buffer::new(source.scratch(input.len()));
            output.copy_from_slice(source.image(input, pixels, &mut scratch));
        }
        Windows::Pointwise => {
            let piece = plan.piece_pixels();
            let mut scratch = Buffer::new(source.scratch(plan.inputs * piece));
            let kernel = Matrix::new(kernel, plan.outputs, plan.inputs);
            for first in (0..pixels).step_by(piece) {
                let range = first..(first + piece).min(pixels);
                let scratch = &mut scratch[..source.scratch(plan.inputs * range.len())];
                let matrix = source.pixels(input, pixels, range, scratch);
                product(&mut output[first..], pixels, false, kernel, matrix);
            }
        }
        Windows::Depthwise(spread) => {
            let mut wide = Buffer::new(spread.length());
            let mut lines = Buffer::new(spread.output_length());
            let planes = input.chunks_exact(pixels).zip(output.chunks_exact_mut(output_pixels));
            for (channel, (input, output)) in planes.enumerate() {
                let affine = source.affine.map(|affine| affine[channel]);
                spread.spread(input, affine, &mut wide);
                let kernel = &kernel[channel * geometry.taps()..][..geometry.taps()];
                spread.convolve(&wide, kernel, &mut lines);
                spread.narrow(&lines, output);
            }
        }
        Windows::Full => {
            let mut scratch = Buffer::new(source.scratch(input.len()));
            let input = source.image(input, pixels, &mut scratch);
            let (piece, width, depth) = (plan.piece_rows(), geometry.output[1], plan.depth());
            let mut columns = Buffer::new(depth * piece * width);
            let kernel = Matrix::new(kernel, plan.outputs, depth);
            for first in (0..geometry.output[0]).step_by(piece) {
                let rows = first..(first + piece).min(geometry.output[0]);
                let length = rows.len() * width;
                let columns = &mut columns[..depth * length];
                patches::gather(input, geometry, rows, columns);
                let columns = Matrix::new(columns, depth, length);
                product(&mut output[first * width..], output_pixels, false, kernel, columns);
            }
        }
    }
}
