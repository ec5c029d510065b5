//! A stage with its shapes and parameters.

use candle_core::{Result, Tensor};

use super::super::kernels::Geometry;
use super::super::kernels::depthwise::Spread;
use super::super::stages::{After, Stage};
use crate::spec::{Activation, Sides};

/// Numbers of a piece of a matrix that is made on the way: 1 MB, half of a usual second-level cache.
const PIECE: usize = 1 << 18;
/// Pixels of a piece of windows, at least, where an image has them: each piece reads the whole kernel, and reads and
/// writes all of its gradient, which are larger than the cache in the last layers of VGG19.
const LEAST_PIXELS: usize = 256;
/// Numbers that the partial gradients of one kernel may take up together: 8 MB.
const PARTIAL: usize = 1 << 21;
/// Groups of images that each have a partial gradient: at least, where there are as many images, and at most.
const GROUPS: (usize, usize) = (4, 16);

/// How windows are met.
#[derive(Debug)]
pub(super) enum Windows {
    /// No convolution.
    None,
    /// Windows of one pixel.
    Pointwise,
    /// Each channel by itself.
    Depthwise(Spread),
    /// Every other convolution.
    Full,
}

/// What follows the convolution.
#[derive(Debug)]
pub(super) enum Follow {
    Nothing,
    Bias(Tensor),
    /// BatchNorm; mean and variance where they are the stored ones.
    Norm {
        weight: Tensor,
        bias: Tensor,
        stored: Option<[Vec<f32>; 2]>,
        eps: f64,
    },
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) windows: Windows,
    pub(super) geometry: Geometry,
    pub(super) kernel: Option<Tensor>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) follow: Follow,
    pub(super) activation: Activation,
}

impl Plan {
    /// The stage for inputs of this shape: channels, height, width.
    pub(super) fn new(stage: &Stage<'_>, [inputs, height, width]: [usize; 3]) -> Result<Plan> {
        let image = [height, width];
        if inputs * height * width == 0 {
            candle_core::bail!("no images of {inputs} × {height} × {width} numbers");
        }
        let none = || Geometry {
            image,
            kernel: [1, 1],
            stride: 1,
            sides: Sides::default(),
            output: image,
        };
        let (windows, geometry, kernel, outputs) = match &stage.convolution {
            None => (Windows::None, none(), None, inputs),
            Some(convolution) => {
                let (outputs, takes, rows, columns) = convolution.kernel.dims4()?;
                let expected = if convolution.depthwise { 1 } else { inputs };
                if takes != expected || (convolution.depthwise && outputs != inputs) {
                    candle_core::bail!(
                        "a kernel of {:?} does not fit {inputs} channels{}",
                        convolution.kernel.dims(),
                        if convolution.depthwise { ", each by itself" } else { "" }
                    );
                }
                let (kernel, stride, sides) =
                    ([rows, columns], convolution.stride, convolution.sides);
                let geometry = Geometry::new(image, kernel, stride, sides);
                let Some(geometry) = geometry else {
                    candle_core::bail!(
                        "windows of {kernel:?} in steps of {stride} do not fit {image:?} with {sides:?}"
                    );
                };
                let windows = if convolution.depthwise {
                    Windows::Depthwise(Spread::new(geometry))
                } else if kernel == [1, 1] && stride == 1 && sides == Sides::default() {
                    Windows::Pointwise
                } else {
                    Windows::Full
                };
                (windows, geometry, Some(convolution.kernel.contiguous()?), outputs)
            }
        };
        if outputs == 0 {
            candle_core::bail!("a kernel that gives no channel");
        }
        let of_channels = |tensor: &Tensor| {
            if tensor.dims() == [outputs] {
                return tensor.contiguous();
            }
            candle_core::bail!(
                "expected a number for each of {outputs} channels, found {:?}",
                tensor.dims()
            )
        };
        let follow = match stage.after {
            After::Nothing => Follow::Nothing,
            After::Bias(bias) => Follow::Bias(of_channels(bias)?),
            After::Stored(norm) | After::Batch(norm) => {
                let stored = matches!(stage.after, After::Stored(_)).then(|| -> Result<_> {
                    let numbers = |tensor| of_channels(tensor)?.to_vec1::<f32>();
                    Ok([numbers(norm.mean)?, numbers(norm.variance)?])
                });
                let (weight, bias) = (of_channels(norm.weight)?, of_channels(norm.bias)?);
                Follow::Norm { weight, bias, stored: stored.transpose()?, eps: norm.eps }
            }
        };
        let activation = stage.activation;
        Ok(Plan { windows, geometry, kernel, inputs, outputs, follow, activation })
    }

    /// Channels, height and width of what comes out.
    pub(super) fn output(&self) -> [usize; 3] {
        [self.outputs, self.geometry.output[0], self.geometry.output[1]]
    }

    /// Numbers of one image that goes in.
    pub(super) fn input_size(&self) -> usize {
        self.inputs * self.geometry.pixels()
    }

    /// Numbers of one image that comes out.
    pub(super) fn output_size(&self) -> usize {
        self.outputs * self.geometry.output_pixels()
    }

    /// What comes out is what went in.
    pub(super) fn is_identity(&self) -> bool {
        matches!((&self.windows, &self.follow), (Windows::None, Follow::Nothing))
            && self.activation == Activation::None
    }

    /// Its parameters, in the order of their gradients.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        let (one, other) = match &self.follow {
            Follow::Nothing => (None, None),
            Follow::Bias(bias) => (Some(bias), None),
            Follow::Norm { weight, bias, .. } => (Some(weight), Some(bias)),
        };
        self.kernel.iter().chain(one).chain(other)
    }

    /// Columns of the matrix that one output pixel meets.
    pub(super) fn depth(&self) -> usize {
        self.inputs * self.geometry.taps()
    }

    /// Pixels whose inputs make a piece.
    pub(super) fn piece_pixels(&self) -> usize {
        // A multiple of every width of vector, so that pieces do not change how pixels fall into vectors.
        (PIECE / self.depth().max(1))
            .max(64)
            .next_multiple_of(64)
            .min(self.geometry.output_pixels())
    }

    /// Rows of the output whose windows make a piece.
    pub(super) fn piece_rows(&self) -> usize {
        let [height, width] = self.geometry.output;
        let rows = PIECE / (self.depth() * width).max(1);
        rows.max(LEAST_PIXELS / width.max(1)).clamp(1, height)
    }

    /// Images whose kernel gradients are summed one after the other; such sums are added afterwards. A function
    /// of shapes only, so that no thread changes a bit.
    pub(super) fn group(&self, n: usize) -> usize {
        let kernel = self.kernel.as_ref().map_or(1, Tensor::elem_count);
        let groups = (PARTIAL / kernel.max(1)).clamp(GROUPS.0, GROUPS.1);
        n.div_ceil(groups).max(1)
    }
}
