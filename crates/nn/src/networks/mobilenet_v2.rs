//! MobileNetV2: seventeen inverted residuals. Keys as in torchvision.

use super::super::spec::{Activation, Conv, Layer, Residual};
use super::layers::{conv_norm, linear, strided};
use crate::network::Properties;

/// Expansion, channels, blocks, stride of the first one: table 2 of the paper.
const GROUPS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];
const LAST: usize = 1280;

pub(super) fn layers(properties: &Properties, classes: usize) -> (Vec<Layer>, Vec<Layer>) {
    let eps = properties.eps;
    let mut first = conv_norm(
        ("features.0.0".into(), "features.0.1".into()),
        [3, 32],
        3,
        eps,
        Activation::Relu6,
    );
    (first.stride, first.padding) = (2, strided(properties.padding));
    let mut backbone = vec![Layer::Conv(first)];
    let (mut inputs, mut number) = (32, 1);
    for (expansion, outputs, blocks, stride) in GROUPS {
        for block in 0..blocks {
            let stride = if block == 0 { stride } else { 1 };
            let body = inverted(properties, number, [inputs, outputs], expansion, stride);
            if stride == 1 && inputs == outputs {
                let activation = Activation::None;
                backbone.push(Layer::Residual(Residual { body, scale: 1.0, activation }));
            } else {
                backbone.extend(body);
            }
            (inputs, number) = (outputs, number + 1);
        }
    }
    let names = (format!("features.{number}.0"), format!("features.{number}.1"));
    backbone.push(Layer::Conv(conv_norm(names, [inputs, LAST], 1, eps, Activation::Relu6)));
    backbone.push(Layer::GlobalAveragePool);
    (backbone, vec![linear("classifier.1", LAST, classes, Activation::None)])
}

/// Expand, depthwise, project.
fn inverted(
    properties: &Properties,
    number: usize,
    [inputs, outputs]: [usize; 2],
    expansion: usize,
    stride: usize,
) -> Vec<Layer> {
    let (hidden, eps) = (inputs * expansion, properties.eps);
    let mut step = 0;
    // torchvision puts a convolution with an activation into a group of its own.
    let mut grouped = |channels, kernel| -> Conv {
        let name = |part| format!("features.{number}.conv.{step}.{part}");
        let conv = conv_norm((name(0), name(1)), channels, kernel, eps, Activation::Relu6);
        step += 1;
        conv
    };
    let mut body = Vec::new();
    if expansion != 1 {
        body.push(Layer::Conv(grouped([inputs, hidden], 1)));
    }
    let mut depthwise = grouped([hidden; 2], 3);
    (depthwise.depthwise, depthwise.stride) = (true, stride);
    if stride == 2 {
        depthwise.padding = strided(properties.padding);
    }
    body.push(Layer::Conv(depthwise));
    let name = |part: usize| format!("features.{number}.conv.{part}");
    let names = (name(step), name(step + 1));
    body.push(Layer::Conv(conv_norm(names, [hidden, outputs], 1, eps, Activation::None)));
    body
}
