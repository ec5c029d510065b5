//! Shapes from layer to layer: what comes out.

use super::padding::{Padding, windows};
use super::{Layer, Spec};
use crate::ModelError;

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

/// Layers that do not take what comes before them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Features where an image is expected.
    #[error("{layer} expected an image, found {found} features")]
    NoImage {
        /// The layer.
        layer: String,
        /// Features before it.
        found: usize,
    },
    /// An image that is smaller than a layer's window.
    #[error("nothing of {height} × {width} is left for {layer} with a window of {window:?}")]
    NothingLeft {
        /// The layer.
        layer: String,
        /// Rows and columns of its window.
        window: [usize; 2],
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// An image with other channels than a layer takes.
    #[error("{layer} expected {expected} channels, found {found}")]
    Channels {
        /// The layer.
        layer: String,
        /// Channels that it takes.
        expected: usize,
        /// Channels before it.
        found: usize,
    },
    /// Other features than a layer takes.
    #[error("{layer} expected {expected} features, found {found}")]
    Features {
        /// The layer.
        layer: String,
        /// Features that it takes.
        expected: usize,
        /// Numbers before it.
        found: usize,
    },
    /// A residual whose body gives another shape than it takes, so that they cannot be added.
    #[error("a residual changes {input:?} to {output:?}")]
    Residual {
        /// What it takes.
        input: Shape,
        /// What its body gives.
        output: Shape,
    },
    /// A branch that ends with features.
    #[error("a branch gives no image")]
    Branch,
    /// Branches whose images cannot be joined.
    #[error("branches give {first:?} and {other:?}")]
    Branches {
        /// Height and width of the first branches.
        first: [usize; 2],
        /// Height and width of the one that differs.
        other: [usize; 2],
    },
    /// Branches without one.
    #[error("there are no branches")]
    NoBranches,
}

impl Layer {
    /// The shape of what comes out.
    ///
    /// # Errors
    /// [`ShapeError`]: which layer expected what.
    pub fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let image = |layer: &str| match input {
            Shape::Image(image) => Ok(image),
            Shape::Features(found) => Err(ShapeError::NoImage { layer: layer.to_owned(), found }),
        };
        let fit = |layer: &str,
                   [channels, height, width]: [usize; 3],
                   window,
                   stride,
                   padding: Padding| {
            let sides = padding.sides([height, width], window, stride);
            let left = windows([height, width], window, stride, sides);
            let [height, width] = left.ok_or_else(|| ShapeError::NothingLeft {
                layer: layer.to_owned(),
                window,
                height,
                width,
            })?;
            Ok(Shape::Image([channels, height, width]))
        };
        match self {
            Layer::Conv(conv) => {
                let [channels, height, width] = image(&conv.name)?;
                if channels != conv.inputs {
                    return Err(ShapeError::Channels {
                        layer: conv.name.clone(),
                        expected: conv.inputs,
                        found: channels,
                    });
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
                _ => Err(ShapeError::Features {
                    layer: linear.name.clone(),
                    expected: linear.inputs,
                    found: input.elements(),
                }),
            },
            Layer::Residual(residual) => {
                let output = output(&residual.body, input)?;
                if output == input {
                    Ok(output)
                } else {
                    Err(ShapeError::Residual { input, output })
                }
            }
            Layer::Branches(branches) => {
                let mut joined: Option<[usize; 3]> = None;
                for branch in branches {
                    let Shape::Image([channels, height, width]) = output(branch, input)? else {
                        return Err(ShapeError::Branch);
                    };
                    joined = match joined {
                        None => Some([channels, height, width]),
                        Some([sum, h, w]) if [h, w] == [height, width] => {
                            Some([sum + channels, h, w])
                        }
                        Some([_, h, w]) => {
                            let (first, other) = ([h, w], [height, width]);
                            return Err(ShapeError::Branches { first, other });
                        }
                    };
                }
                joined.map(Shape::Image).ok_or(ShapeError::NoBranches)
            }
        }
    }
}

/// The shape behind several layers.
///
/// # Errors
/// As [`Layer::output`].
pub fn output(layers: &[Layer], input: Shape) -> Result<Shape, ShapeError> {
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
            shape = layer.output(shape).map_err(|error| ModelError::Input {
                network: self.network.name(),
                height,
                width,
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }
}
