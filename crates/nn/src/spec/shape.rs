//! Shapes from layer to layer: padding, windows, what comes out.

use super::{Layer, Spec};
use crate::ModelError;

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
}

/// The shape behind several layers.
///
/// # Errors
/// As [`Layer::output`].
pub fn output(layers: &[Layer], input: Shape) -> Result<Shape, String> {
    layers.iter().try_fold(input, |shape, layer| layer.output(shape))
}

impl Spec {
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
}
