//! A network as data: what is computed, from which parameters, with which shapes.
//!
//! Everything else is said by walking it: the forward pass, the keys of the weights, the memory of a
//! training step, the folded network for inference. Images are `[n, channels, height, width]`, row-major
//! float32; kernels `[outputs, inputs / groups, rows, columns]`.

mod padding;
mod parameter;
mod shape;

pub use padding::{Padding, Sides, windows};
pub use parameter::{Parameter, Role};
pub use shape::{Shape, ShapeError, output};

use super::network::{Network, Properties};

/// A network: a backbone that gives features, and a head that gives one logit a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Which one.
    pub network: Network,
    /// What its weights ask for.
    pub properties: Properties,
    /// Classes, as many as there are logits.
    pub classes: usize,
    /// Images `[n, 3, H, W]` → features `[n, features]`; frozen when only the head is fine-tuned.
    pub backbone: Vec<Layer>,
    /// Features → logits `[n, classes]`.
    pub head: Vec<Layer>,
}

/// One step of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution, with what follows it at once: bias or BatchNorm, activation.
    Conv(Conv),
    /// A matrix product over features, with its bias and activation.
    Linear(Linear),
    /// The largest of each window; padding is never the largest.
    MaxPool(Pool),
    /// The mean of each window, of what lies inside the image: padding is left out of the count.
    AveragePool(Pool),
    /// Means over a grid of `side` × `side` cells, as torch's `AdaptiveAvgPool2d`.
    AdaptiveAveragePool {
        /// Rows and columns that come out.
        side: usize,
    },
    /// `[n, c, h, w]` → `[n, c]`, the mean of each channel.
    GlobalAveragePool,
    /// `[n, c, h, w]` → `[n, c·h·w]`.
    Flatten,
    /// In training some of the numbers become 0 and the others larger.
    Dropout {
        /// Which dropout of the network, from 0: part of what its mask is drawn from.
        number: u32,
        /// The share that becomes 0.
        probability: f32,
    },
    /// `activation(x + scale · body(x))`.
    Residual(Residual),
    /// Several ways from the same input, joined channel by channel.
    Branches(Vec<Vec<Layer>>),
}

/// A convolution, with its bias or BatchNorm and its activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Its parameters are `name.weight` and `name.bias`.
    pub name: String,
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Rows and columns.
    pub kernel: [usize; 2],
    /// Step in both directions.
    pub stride: usize,
    /// What is put around the image.
    pub padding: Padding,
    /// Each channel by itself: inputs = outputs, kernel `[channels, 1, rows, columns]`.
    pub depthwise: bool,
    /// Has a bias.
    pub bias: bool,
    /// The BatchNorm that follows.
    pub batch_norm: Option<BatchNorm>,
    /// What follows that.
    pub activation: Activation,
}

/// `(x − mean) / √(variance + eps) · weight + bias`, channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// Its parameters are `name.weight`, `name.bias`, `name.running_mean` and `name.running_var`.
    pub name: String,
    /// What keeps the root from 0.
    pub eps: f64,
}

/// Features `[n, inputs]` → `[n, outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Its parameters are `name.weight`, `[outputs, inputs]`, and `name.bias`, `[outputs]`.
    pub name: String,
    /// Features that come in.
    pub inputs: usize,
    /// Features that go out.
    pub outputs: usize,
    /// What follows.
    pub activation: Activation,
}

/// Windows of a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Rows and columns of a window.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// What is put around the image.
    pub padding: Padding,
}

/// A way around its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// Keeps the shape.
    pub body: Vec<Layer>,
    /// What the body's output is multiplied by.
    pub scale: f32,
    /// What follows the sum.
    pub activation: Activation,
}

/// What is applied to each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
}

impl Activation {
    /// Its value.
    pub fn of(self, value: f32) -> f32 {
        match self {
            Activation::None => value,
            Activation::Relu => value.max(0.0),
            Activation::Relu6 => value.clamp(0.0, 6.0),
        }
    }
}

impl Conv {
    /// Shape of `name.weight`.
    pub fn kernel_shape(&self) -> [usize; 4] {
        let inputs = if self.depthwise { 1 } else { self.inputs };
        [self.outputs, inputs, self.kernel[0], self.kernel[1]]
    }
}

impl Layer {
    /// Calls `visit` for this layer and those inside it, in the order of the forward pass.
    pub fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Layer)) {
        visit(self);
        match self {
            Layer::Residual(residual) => residual.body.iter().for_each(|layer| layer.each(visit)),
            Layer::Branches(branches) => {
                branches.iter().flatten().for_each(|layer| layer.each(visit));
            }
            _ => {}
        }
    }
}

impl Spec {
    /// Features that the head takes.
    pub fn features(&self) -> usize {
        let takes = |layer: &Layer| match layer {
            Layer::Linear(linear) => Some(linear.inputs),
            _ => None,
        };
        self.head.iter().find_map(takes).unwrap_or(0)
    }
}
