//! Bias or BatchNorm and an activation.

use candle_core::{Result, Tensor};

use super::launch::{Launch, Parameters, Work, tensor};
use super::number;
use crate::ops::made::with_gradient;
use crate::ops::stages::{After, ChannelMoments, Norm};
use crate::spec::Activation;

/// Mean and variance that are taken, without gradient.
#[derive(Clone)]
struct Taken {
    mean: Tensor,
    variance: Tensor,
    /// Those of the batch, through which the gradient goes.
    of_batch: bool,
}

/// What follows images `[n, channels, height, width]`; what the batch's mean and variance were, where they are taken.
pub(super) fn follow(
    x: &Tensor,
    after: After<'_>,
    activation: Activation,
) -> Result<(Tensor, Option<ChannelMoments>)> {
    let (n, channels, height, width) = x.dims4()?;
    let parameters = Parameters {
        n: n as u32,
        channels: channels as u32,
        height: height as u32,
        width: width as u32,
        activation: number(activation),
        ..Parameters::default()
    };
    if matches!((&after, activation), (After::Nothing, Activation::None)) {
        return Ok((x.clone(), None));
    }
    let x = x.contiguous()?;
    let (weight, bias, taken, eps) = match after {
        After::Nothing => (None, None, None, 0.0),
        After::Bias(bias) => (None, Some(bias), None, 0.0),
        After::Stored(Norm { weight, bias, mean, variance, eps }) => {
            let taken = Taken { mean: mean.detach(), variance: variance.detach(), of_batch: false };
            (Some(weight), Some(bias), Some(taken), eps)
        }
        After::Batch(Norm { weight, bias, eps, .. }) => {
            let Batch { mean, variance } = moments(&x, parameters)?;
            (Some(weight), Some(bias), Some(Taken { mean, variance, of_batch: true }), eps)
        }
    };
    let of_channels = [weight, bias, taken.as_ref().map(|taken| &taken.mean)];
    for tensor in of_channels.iter().flatten() {
        if tensor.dims() != [channels] {
            candle_core::bail!("{:?} parameters for {channels} channels", tensor.dims());
        }
    }
    let of_batch = taken.as_ref().is_some_and(|taken| taken.of_batch);
    let parameters = Parameters { eps: eps as f32, batch: u32::from(of_batch), ..parameters };
    let weight = weight.map(Tensor::contiguous).transpose()?;
    let bias = bias.map(Tensor::contiguous).transpose()?;
    let (mean, variance) = taken.as_ref().map(|taken| (&taken.mean, &taken.variance)).unzip();
    let output = Launch {
        kernel: "follow",
        work: Work::Numbers,
        inputs: &[Some(&x), mean, variance, weight.as_ref(), bias.as_ref()],
        outputs: &[x.elem_count()],
        parameters,
    }
    .run()?
    .swap_remove(0);
    let inputs: Vec<&Tensor> = std::iter::once(&x).chain(&weight).chain(&bias).collect();
    let moments = taken
        .as_ref()
        .filter(|taken| taken.of_batch)
        .map(|taken| ChannelMoments { mean: taken.mean.clone(), variance: taken.variance.clone() });
    let shape = x.shape().clone();
    let backward = Back { taken, parameters };
    let backward = move |inputs: &[&Tensor], output: &Tensor, gradient: &Tensor| {
        backward.gradients(inputs, output, gradient)
    };
    let output = with_gradient("tcolz-follow", &inputs, output, shape, Box::new(backward))?;
    Ok((output, moments))
}

/// The gradient before an activation, from its output and the gradient behind it.
pub(super) fn masked(output: &Tensor, gradient: &Tensor, activation: Activation) -> Result<Tensor> {
    if activation == Activation::None {
        return Ok(gradient.clone());
    }
    let (output, gradient) = (output.contiguous()?, gradient.contiguous()?);
    // Which of the sides are channels makes no difference without moments.
    let (height, width, channels) = (1, 1, 1);
    let parameters = Parameters {
        height,
        width,
        channels,
        activation: number(activation),
        ..Parameters::default()
    };
    let inputs = [None, None, None, None, None, Some(&output), Some(&gradient)];
    let (outputs, shape) = ([output.elem_count()], output.shape().clone());
    let (kernel, work) = ("follow_back", Work::Numbers);
    Launch { kernel, work, inputs: &inputs, outputs: &outputs, parameters }.tensor(shape)
}

struct Batch {
    mean: Tensor,
    variance: Tensor,
}

/// Mean and biased variance of each channel, `[channels]` each.
fn moments(x: &Tensor, parameters: Parameters) -> Result<Batch> {
    let channels = parameters.channels as usize;
    let (kernel, work) = ("moments", Work::Channels);
    let (inputs, outputs) = ([Some(&x.detach())], [2 * channels]);
    let both = Launch { kernel, work, inputs: &inputs, outputs: &outputs, parameters }.run()?;
    let both = tensor(both.into_iter().next().ok_or_else(none)?, (2, channels));
    Ok(Batch { mean: both.get(0)?, variance: both.get(1)? })
}

fn none() -> candle_core::Error {
    candle_core::Error::Msg("a kernel has an output".to_owned())
}

/// The way back.
struct Back {
    taken: Option<Taken>,
    parameters: Parameters,
}

impl Back {
    /// Gradients of the input and, as far as they were inputs, of weight and bias.
    fn gradients(
        &self,
        inputs: &[&Tensor],
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<Vec<Option<Tensor>>> {
        let channels = self.parameters.channels as usize;
        let x = inputs[0];
        let (weight, bias) = match inputs {
            [_, weight, bias] => (Some(*weight), Some(*bias)),
            [_, bias] => (None, Some(*bias)),
            _ => (None, None),
        };
        let taken = self.taken.as_ref();
        let (mean, variance) = taken.map(|taken| (&taken.mean, &taken.variance)).unzip();
        let (numbers, parameters) = (x.elem_count(), self.parameters);
        let is_trained = weight.or(bias).is_some_and(Tensor::track_op);
        let of_batch = taken.is_some_and(|taken| taken.of_batch);
        let sums = if is_trained || of_batch {
            let inputs = [Some(x), mean, variance, None, None, Some(output), Some(gradient)];
            let (kernel, work, outputs) = ("follow_sums", Work::Channels, [2 * channels]);
            let launch = Launch { kernel, work, inputs: &inputs, outputs: &outputs, parameters };
            Some(launch.tensor((2, channels))?)
        } else {
            None
        };
        // Images from a loader have no use for a gradient.
        let of_x = if x.track_op() {
            let inputs =
                [Some(x), mean, variance, weight, sums.as_ref(), Some(output), Some(gradient)];
            let (kernel, work, outputs) = ("follow_back", Work::Numbers, [numbers]);
            let launch = Launch { kernel, work, inputs: &inputs, outputs: &outputs, parameters };
            Some(launch.tensor(x.shape())?)
        } else {
            None
        };
        let of = |row: usize| sums.as_ref().map(|sums| sums.get(row)).transpose();
        Ok(match (weight, bias) {
            (Some(_), Some(_)) => vec![of_x, of(1)?, of(0)?],
            (None, Some(_)) => vec![of_x, of(0)?],
            _ => vec![of_x],
        })
    }
}
