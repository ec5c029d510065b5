//! A network as data: what is computed, from which parameters, with which shapes.
//!
//! Everything else is said by walking it: the forward pass, the keys of the weights, the memory of a
//! training step, the folded network for inference. Images are `[n, channels, height, width]`, row-major
//! float32; kernels `[outputs, inputs / groups, rows, columns]`.

use super::{ModelError, Network, Properties};

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

/// Rows and columns put around an image before its windows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// As many above as below, as many left as right.
    Symmetric([usize; 2]),
    /// TensorFlow's `SAME`: ⌈size / stride⌉ windows; of what that needs the smaller half above and left.
    Same,
    /// One row below and one column right, whatever the size.
    RightBottom,
}

/// Rows and columns around an image, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sides {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns left.
    pub left: usize,
    /// Columns right.
    pub right: usize,
}

impl Padding {
    /// No padding.
    pub const NONE: Padding = Padding::Symmetric([0, 0]);

    /// The sides for an image of this height and width.
    pub fn sides(self, image: [usize; 2], kernel: [usize; 2], stride: usize) -> Sides {
        match self {
            Padding::Symmetric([rows, columns]) => {
                Sides { top: rows, bottom: rows, left: columns, right: columns }
            }
            Padding::Same => {
                let of = |size: usize, kernel: usize| {
                    let all = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
                    (all / 2, all - all / 2)
                };
                let ((top, bottom), (left, right)) =
                    (of(image[0], kernel[0]), of(image[1], kernel[1]));
                Sides { top, bottom, left, right }
            }
            Padding::RightBottom => Sides { top: 0, bottom: 1, left: 0, right: 1 },
        }
    }
}

/// Height and width of what windows give; `None` where not one fits.
pub fn windows(
    image: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    sides: Sides,
) -> Option<[usize; 2]> {
    let of = |size: usize, kernel: usize| Some(size.checked_sub(kernel)? / stride + 1);
    let height = of(image[0] + sides.top + sides.bottom, kernel[0])?;
    Some([height, of(image[1] + sides.left + sides.right, kernel[1])?])
}

/// The shape of one sample between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Channels, height, width.
    Image([usize; 3]),
    /// Features.
    Features(usize),
}

impl Shape {
    /// Numbers of one sample.
    pub fn elements(self) -> usize {
        match self {
            Shape::Image(sides) => sides.iter().product(),
            Shape::Features(features) => features,
        }
    }
}

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A convolution's kernel.
    Kernel,
    /// A linear layer's matrix.
    Matrix,
    /// A bias of a convolution or linear layer.
    Bias,
    /// What a BatchNorm multiplies by.
    NormWeight,
    /// What a BatchNorm adds.
    NormBias,
    /// A BatchNorm's stored mean: not trained by gradients.
    NormMean,
    /// A BatchNorm's stored variance: not trained by gradients.
    NormVariance,
}

impl Role {
    /// Changed by the optimiser, not by what passes through.
    pub fn is_trained(self) -> bool {
        !matches!(self, Role::NormMean | Role::NormVariance)
    }
}

/// A tensor that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its key in files of weights.
    pub key: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
    /// In the head.
    pub in_head: bool,
    /// Of the layer that gives the logits: new for other classes.
    pub last: bool,
}

impl Parameter {
    /// Numbers in it.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
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
    /// The shape of what comes out; the reason where nothing can.
    ///
    /// # Errors
    /// A sentence: which layer expected what.
    pub fn output(&self, input: Shape) -> Result<Shape, String> {
        let image = |what: &str| match input {
            Shape::Image(image) => Ok(image),
            Shape::Features(found) => {
                Err(format!("{what} expected an image, found {found} features"))
            }
        };
        let fit = |what: &str,
                   [channels, height, width]: [usize; 3],
                   kernel,
                   stride,
                   padding: Padding| {
            let sides = padding.sides([height, width], kernel, stride);
            let [height, width] = windows([height, width], kernel, stride, sides).ok_or_else(|| {
                format!("nothing of {height} × {width} is left for {what} with a window of {kernel:?}")
            })?;
            Ok(Shape::Image([channels, height, width]))
        };
        match self {
            Layer::Conv(conv) => {
                let [channels, height, width] = image(&conv.name)?;
                if channels != conv.inputs {
                    return Err(format!(
                        "{} expected {} channels, found {channels}",
                        conv.name, conv.inputs
                    ));
                }
                let image = [conv.outputs, height, width];
                fit(&conv.name, image, conv.kernel, conv.stride, conv.padding)
            }
            Layer::MaxPool(pool) | Layer::AveragePool(pool) => {
                fit("a pool", image("a pool")?, [pool.kernel; 2], pool.stride, pool.padding)
            }
            Layer::AdaptiveAveragePool { side } => {
                let [channels, ..] = image("a pool")?;
                Ok(Shape::Image([channels, *side, *side]))
            }
            Layer::GlobalAveragePool => Ok(Shape::Features(image("a pool")?[0])),
            Layer::Flatten => Ok(Shape::Features(input.elements())),
            Layer::Dropout { .. } => Ok(input),
            Layer::Linear(linear) => match input {
                Shape::Features(found) if found == linear.inputs => {
                    Ok(Shape::Features(linear.outputs))
                }
                _ => Err(format!(
                    "{} expected {} features, found {}",
                    linear.name,
                    linear.inputs,
                    input.elements()
                )),
            },
            Layer::Residual(residual) => {
                let output = output(&residual.body, input)?;
                if output == input {
                    Ok(output)
                } else {
                    Err(format!("a residual changes {input:?} to {output:?}"))
                }
            }
            Layer::Branches(branches) => {
                let mut joined: Option<[usize; 3]> = None;
                for branch in branches {
                    let Shape::Image([channels, height, width]) = output(branch, input)? else {
                        return Err("a branch gives no image".to_owned());
                    };
                    joined = match joined {
                        None => Some([channels, height, width]),
                        Some([sum, h, w]) if [h, w] == [height, width] => {
                            Some([sum + channels, h, w])
                        }
                        Some(other) => {
                            return Err(format!("branches give {other:?} and {height} × {width}"));
                        }
                    };
                }
                joined.map(Shape::Image).ok_or_else(|| "there are no branches".to_owned())
            }
        }
    }

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

/// The shape behind several layers.
///
/// # Errors
/// As [`Layer::output`].
pub fn output(layers: &[Layer], input: Shape) -> Result<Shape, String> {
    layers.iter().try_fold(input, |shape, layer| layer.output(shape))
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

    /// Tests that images of this size can be taken.
    ///
    /// # Errors
    /// [`ModelError::Input`].
    pub fn check_input(&self, [height, width]: [usize; 2]) -> Result<(), ModelError> {
        let layers = self.backbone.iter().chain(&self.head);
        let mut shape = Shape::Image([3, height, width]);
        for layer in layers {
            shape = layer.output(shape).map_err(|reason| ModelError::Input {
                network: self.network.name(),
                height,
                width,
                reason,
            })?;
        }
        Ok(())
    }

    /// Every tensor that the network needs, in the order of the forward pass.
    pub fn parameters(&self) -> Vec<Parameter> {
        let last = self.head.iter().rev().find_map(|layer| match layer {
            Layer::Linear(linear) => Some(linear.name.as_str()),
            _ => None,
        });
        let mut parameters = Vec::new();
        for (layers, in_head) in [(&self.backbone, false), (&self.head, true)] {
            let mut add = |name: &str, ending: &str, shape: &[usize], role| {
                parameters.push(Parameter {
                    key: format!("{name}.{ending}"),
                    shape: shape.to_vec(),
                    role,
                    in_head,
                    last: Some(name) == last,
                });
            };
            let mut visit = |layer: &Layer| match layer {
                Layer::Conv(conv) => {
                    add(&conv.name, "weight", &conv.kernel_shape(), Role::Kernel);
                    if conv.bias {
                        add(&conv.name, "bias", &[conv.outputs], Role::Bias);
                    }
                    if let Some(norm) = &conv.batch_norm {
                        add(&norm.name, "weight", &[conv.outputs], Role::NormWeight);
                        add(&norm.name, "bias", &[conv.outputs], Role::NormBias);
                        add(&norm.name, "running_mean", &[conv.outputs], Role::NormMean);
                        add(&norm.name, "running_var", &[conv.outputs], Role::NormVariance);
                    }
                }
                Layer::Linear(linear) => {
                    add(&linear.name, "weight", &[linear.outputs, linear.inputs], Role::Matrix);
                    add(&linear.name, "bias", &[linear.outputs], Role::Bias);
                }
                _ => {}
            };
            layers.iter().for_each(|layer| layer.each(&mut visit));
        }
        parameters
    }
}
