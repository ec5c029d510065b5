//! VGG19: sixteen 3 × 3 convolutions in five groups, three linear layers. Keys as in torchvision.

use super::super::spec::{Activation, Conv, Layer, Padding, Pool};
use super::layers::linear;

/// Channels of the convolutions of each group; a pool follows each group.
const GROUPS: [&[usize]; 5] = [&[64; 2], &[128; 2], &[256; 4], &[512; 4], &[512; 4]];
/// Rows and columns that the linear layers were trained on; those of 224 × 224 pixels after five pools.
const GRID: usize = 7;
const HIDDEN: usize = 4096;
const DROPOUT: f32 = 0.5;

pub(super) fn layers(classes: usize) -> (Vec<Layer>, Vec<Layer>) {
    let (mut backbone, mut number, mut inputs) = (Vec::new(), 0, 3);
    for group in GROUPS {
        for &outputs in group {
            backbone.push(Layer::Conv(Conv {
                name: format!("features.{number}"),
                inputs,
                outputs,
                kernel: [3, 3],
                stride: 1,
                padding: Padding::Symmetric([1, 1]),
                depthwise: false,
                bias: true,
                batch_norm: None,
                activation: Activation::Relu,
            }));
            inputs = outputs;
            number += 2; // torchvision counts the activation, too
        }
        backbone.push(Layer::MaxPool(Pool { kernel: 2, stride: 2, padding: Padding::NONE }));
        number += 1;
    }
    backbone.push(Layer::AdaptiveAveragePool { side: GRID });
    backbone.push(Layer::Flatten);
    let dropout = |number| Layer::Dropout { number, probability: DROPOUT };
    let head = vec![
        dropout(0),
        linear("classifier.0", inputs * GRID * GRID, HIDDEN, Activation::Relu),
        dropout(1),
        linear("classifier.3", HIDDEN, HIDDEN, Activation::Relu),
        linear("classifier.6", HIDDEN, classes, Activation::None),
    ];
    (backbone, head)
}
