//! MobileNet V1: a strided convolution, then thirteen depthwise and pointwise pairs. Keys after Keras's
//! layers: `conv1`, `conv_dw_1`, `conv_pw_1`, …
//!
//! The head is that of the pipeline that tcolz replaces: a 1 × 1 convolution to 256 and a dense layer of 128
//! over the mean of each channel, then the logits. It calls the network "MobileNetV2".

use super::super::spec::{Activation, Layer};
use super::layers::{conv_norm, linear, strided};
use crate::network::Properties;

/// Channels and stride of each pair.
const PAIRS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

pub(super) fn layers(properties: &Properties, classes: usize) -> (Vec<Layer>, Vec<Layer>) {
    let conv = |name: String, channels, kernel, stride| {
        let names = (name.clone(), format!("{name}_bn"));
        let mut conv = conv_norm(names, channels, kernel, properties.eps, Activation::Relu6);
        conv.stride = stride;
        if stride == 2 {
            conv.padding = strided(properties.padding);
        }
        conv
    };
    let mut backbone = vec![Layer::Conv(conv("conv1".to_owned(), [3, 32], 3, 2))];
    let mut inputs = 32;
    for ((outputs, stride), number) in PAIRS.into_iter().zip(1..) {
        let mut depthwise = conv(format!("conv_dw_{number}"), [inputs; 2], 3, stride);
        depthwise.depthwise = true;
        backbone.push(Layer::Conv(depthwise));
        backbone.push(Layer::Conv(conv(format!("conv_pw_{number}"), [inputs, outputs], 1, 1)));
        inputs = outputs;
    }
    backbone.push(Layer::GlobalAveragePool);
    let head = vec![
        linear("head.conv", inputs, 256, Activation::Relu),
        linear("head.dense", 256, 128, Activation::Relu),
        linear("head.last", 128, classes, Activation::None),
    ];
    (backbone, head)
}
