//! Layers that several networks are made of.

use crate::network::PaddingStyle;
use crate::spec::{Activation, BatchNorm, Conv, Layer, Linear, Padding};

/// A convolution without bias, with BatchNorm: what all but VGG19 are made of.
pub(super) fn conv_norm(
    names: (String, String),
    [inputs, outputs]: [usize; 2],
    kernel: usize,
    eps: f64,
    activation: Activation,
) -> Conv {
    let (name, norm) = names;
    let padding = Padding::Symmetric([kernel / 2; 2]);
    Conv {
        name,
        inputs,
        outputs,
        kernel: [kernel; 2],
        stride: 1,
        padding,
        depthwise: false,
        bias: false,
        batch_norm: Some(BatchNorm { name: norm, eps }),
        activation,
    }
}

/// The padding of a 3 × 3 window of stride 2.
pub(super) fn strided(style: PaddingStyle) -> Padding {
    match style {
        PaddingStyle::Symmetric => Padding::Symmetric([1, 1]),
        PaddingStyle::TfSame => Padding::Same,
        PaddingStyle::RightBottom => Padding::RightBottom,
    }
}

/// A linear layer.
pub(super) fn linear(name: &str, inputs: usize, outputs: usize, activation: Activation) -> Layer {
    Layer::Linear(Linear { name: name.to_owned(), inputs, outputs, activation })
}
