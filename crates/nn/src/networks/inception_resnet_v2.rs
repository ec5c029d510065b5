//! InceptionResNetV2: a stem, 10 + 20 + 10 scaled residuals of branches with reductions between them. Keys as
//! in timm, whose weights come from TensorFlow's.

use super::super::spec::{Activation, BatchNorm, Conv, Layer, Padding, Pool, Residual};
use super::layers::linear;
use crate::network::Properties;

const FEATURES: usize = 1536;

/// Makes convolutions below one name.
struct Part<'a> {
    name: String,
    properties: &'a Properties,
}

impl Part<'_> {
    fn conv(
        &self,
        name: &str,
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        padding: [usize; 2],
    ) -> Layer {
        let name =
            if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) };
        Layer::Conv(Conv {
            inputs: channels[0],
            outputs: channels[1],
            kernel,
            stride,
            padding: Padding::Symmetric(padding),
            depthwise: false,
            bias: false,
            batch_norm: Some(BatchNorm { name: format!("{name}.bn"), eps: self.properties.eps }),
            name: format!("{name}.conv"),
            activation: Activation::Relu,
        })
    }

    /// Stride 1, the shape kept.
    fn same(&self, name: &str, channels: [usize; 2], kernel: [usize; 2]) -> Layer {
        self.conv(name, channels, kernel, 1, kernel.map(|side| side / 2))
    }

    fn pointwise(&self, name: &str, channels: [usize; 2]) -> Layer {
        self.same(name, channels, [1, 1])
    }

    /// Stride 2, without padding.
    fn halving(&self, name: &str, channels: [usize; 2]) -> Layer {
        self.conv(name, channels, [3, 3], 2, [0, 0])
    }

    /// `x + scale · conv2d(branches(x))`.
    fn residual(
        &self,
        branches: Vec<Vec<Layer>>,
        joined: usize,
        channels: usize,
        scale: f32,
        activation: Activation,
    ) -> Layer {
        let up = Layer::Conv(Conv {
            name: format!("{}.conv2d", self.name),
            inputs: joined,
            outputs: channels,
            kernel: [1, 1],
            stride: 1,
            padding: Padding::NONE,
            depthwise: false,
            bias: true,
            batch_norm: None,
            activation: Activation::None,
        });
        Layer::Residual(Residual { body: vec![Layer::Branches(branches), up], scale, activation })
    }
}

const SHRINK: Layer = Layer::MaxPool(Pool { kernel: 3, stride: 2, padding: Padding::NONE });

pub(super) fn layers(properties: &Properties, classes: usize) -> (Vec<Layer>, Vec<Layer>) {
    let part = |name: &str| Part { name: name.to_owned(), properties };
    let stem = part("");
    let mut backbone = vec![
        stem.halving("conv2d_1a", [3, 32]),
        stem.conv("conv2d_2a", [32, 32], [3, 3], 1, [0, 0]),
        stem.same("conv2d_2b", [32, 64], [3, 3]),
        SHRINK,
        stem.pointwise("conv2d_3b", [64, 80]),
        stem.conv("conv2d_4a", [80, 192], [3, 3], 1, [0, 0]),
        SHRINK,
        mixed_5b(&part("mixed_5b")),
    ];
    backbone.extend((0..10).map(|n| block35(&part(&format!("repeat.{n}")))));
    backbone.push(mixed_6a(&part("mixed_6a")));
    backbone.extend((0..20).map(|n| block17(&part(&format!("repeat_1.{n}")))));
    backbone.push(mixed_7a(&part("mixed_7a")));
    backbone
        .extend((0..9).map(|n| block8(&part(&format!("repeat_2.{n}")), 0.20, Activation::Relu)));
    backbone.push(block8(&part("block8"), 1.0, Activation::None));
    backbone.push(stem.pointwise("conv2d_7b", [2080, FEATURES]));
    backbone.push(Layer::GlobalAveragePool);
    (backbone, vec![linear("classif", FEATURES, classes, Activation::None)])
}

fn mixed_5b(part: &Part<'_>) -> Layer {
    let means = Pool { kernel: 3, stride: 1, padding: Padding::Symmetric([1, 1]) };
    Layer::Branches(vec![
        vec![part.pointwise("branch0", [192, 96])],
        vec![part.pointwise("branch1.0", [192, 48]), part.same("branch1.1", [48, 64], [5, 5])],
        vec![
            part.pointwise("branch2.0", [192, 64]),
            part.same("branch2.1", [64, 96], [3, 3]),
            part.same("branch2.2", [96, 96], [3, 3]),
        ],
        vec![Layer::AveragePool(means), part.pointwise("branch3.1", [192, 64])],
    ])
}

fn block35(part: &Part<'_>) -> Layer {
    let branches = vec![
        vec![part.pointwise("branch0", [320, 32])],
        vec![part.pointwise("branch1.0", [320, 32]), part.same("branch1.1", [32, 32], [3, 3])],
        vec![
            part.pointwise("branch2.0", [320, 32]),
            part.same("branch2.1", [32, 48], [3, 3]),
            part.same("branch2.2", [48, 64], [3, 3]),
        ],
    ];
    part.residual(branches, 128, 320, 0.17, Activation::Relu)
}

fn mixed_6a(part: &Part<'_>) -> Layer {
    Layer::Branches(vec![
        vec![part.halving("branch0", [320, 384])],
        vec![
            part.pointwise("branch1.0", [320, 256]),
            part.same("branch1.1", [256, 256], [3, 3]),
            part.halving("branch1.2", [256, 384]),
        ],
        vec![SHRINK],
    ])
}

fn block17(part: &Part<'_>) -> Layer {
    let branches = vec![
        vec![part.pointwise("branch0", [1088, 192])],
        vec![
            part.pointwise("branch1.0", [1088, 128]),
            part.same("branch1.1", [128, 160], [1, 7]),
            part.same("branch1.2", [160, 192], [7, 1]),
        ],
    ];
    part.residual(branches, 384, 1088, 0.10, Activation::Relu)
}

fn mixed_7a(part: &Part<'_>) -> Layer {
    Layer::Branches(vec![
        vec![part.pointwise("branch0.0", [1088, 256]), part.halving("branch0.1", [256, 384])],
        vec![part.pointwise("branch1.0", [1088, 256]), part.halving("branch1.1", [256, 288])],
        vec![
            part.pointwise("branch2.0", [1088, 256]),
            part.same("branch2.1", [256, 288], [3, 3]),
            part.halving("branch2.2", [288, 320]),
        ],
        vec![SHRINK],
    ])
}

fn block8(part: &Part<'_>, scale: f32, activation: Activation) -> Layer {
    let branches = vec![
        vec![part.pointwise("branch0", [2080, 192])],
        vec![
            part.pointwise("branch1.0", [2080, 192]),
            part.same("branch1.1", [192, 224], [1, 3]),
            part.same("branch1.2", [224, 256], [3, 1]),
        ],
    ];
    part.residual(branches, 448, 2080, scale, activation)
}
