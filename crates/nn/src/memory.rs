//! The memory of a training step, from the network as data, before anything is computed.
//!
//! What gradients need is kept from the forward pass until the way back has passed it. On the CPU that is the
//! output of each convolution before its BatchNorm and the output of each chain of them ([`ops`](super::ops)); on
//! CUDA the output of each convolution and of what follows it; elsewhere every one of Candle's own operations keeps
//! its output. Beside that a convolution takes room while it is computed: cuDNN a bounded workspace, Candle's the
//! windows of all images at a time, as a matrix.

use candle_core::Device;

use super::ops::convolution::WORKSPACE as WORKSPACE_BYTES;
use super::spec::{Conv, Layer, Shape, ShapeError, output};
use super::{ModelError, Precision, Spec};

/// How a step is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepPlan {
    /// Images at a time: the micro-batch.
    pub batch: usize,
    /// Their height and width.
    pub image: [usize; 2],
    /// The backbone is frozen.
    pub head_only: bool,
    /// The optimiser keeps momentum.
    pub momentum: bool,
    /// Gradients of several micro-batches are taken together.
    pub accumulates: bool,
    /// Who computes it.
    pub kernels: Kernels,
}

/// Who computes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// The CPU's kernels, in float32.
    Cpu,
    /// Those of CUDA.
    Cuda {
        /// Convolutions by cuDNN; otherwise by Candle's own operations.
        cudnn: bool,
        /// Convolutions in numbers of two bytes, which are kept beside those of four.
        half: bool,
    },
    /// Candle's own operations.
    Candle,
}

impl Kernels {
    /// Those of this build on a device.
    pub fn of(device: &Device, precision: Precision) -> Kernels {
        let half = !precision.is_float32();
        if cfg!(feature = "cuda") && device.is_cuda() {
            Kernels::Cuda { cudnn: cfg!(feature = "cudnn"), half }
        } else if device.is_cpu() && !half {
            Kernels::Cpu
        } else {
            Kernels::Candle
        }
    }

    fn is_cpu(self) -> bool {
        self == Kernels::Cpu
    }

    /// Tensors of a convolution's output size that are kept of it, and of what follows it.
    fn kept(self, has_norm: bool, is_last: bool) -> u64 {
        match (self, has_norm) {
            // The last of a chain gives its output, too.
            (Kernels::Cpu, true) => 1 + u64::from(is_last),
            (Kernels::Cpu, false) => 1,
            // In numbers of two bytes also input and output in these.
            (Kernels::Cuda { cudnn: true, half }, _) => 2 + u64::from(half),
            // The padded input, too.
            (Kernels::Cuda { cudnn: false, .. }, _) => 3,
            (Kernels::Candle, true) => PLAIN_NORM,
            (Kernels::Candle, false) => PLAIN_BIAS,
        }
    }

    /// Numbers of one sample that a convolution takes while it is computed.
    fn windows(self, conv: &Conv, output: u64) -> u64 {
        match self {
            Kernels::Cpu | Kernels::Cuda { cudnn: true, .. } => 0,
            // Depthwise is a sum of shifted images; the rest is a matrix of all windows.
            _ if conv.depthwise => output,
            _ => {
                let [outputs, inputs, rows, columns] = conv.kernel_shape();
                output / outputs as u64 * (inputs * rows * columns) as u64
            }
        }
    }

    /// Bytes that are taken whatever the batch.
    fn workspace(self) -> u64 {
        match self {
            Kernels::Cuda { cudnn: true, .. } => WORKSPACE_BYTES,
            _ => 0,
        }
    }
}

/// Bytes that a step takes, by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepMemory {
    /// Parameters, frozen ones too.
    pub parameters: u64,
    /// Gradients of what is trained, and their mean over micro-batches.
    pub gradients: u64,
    /// The optimiser's momentum.
    pub momentum: u64,
    /// What the forward pass keeps for the gradients.
    pub activations: u64,
    /// What a layer takes while it is computed, forward and back.
    pub workspace: u64,
}

impl StepMemory {
    /// All of it: the most that is held at a time.
    pub fn total(&self) -> u64 {
        self.parameters + self.gradients + self.momentum + self.activations + self.workspace
    }
}

/// Bytes of a float32.
const FLOAT: u64 = 4;
/// Tensors of the size of the largest layer's output that live at a time on the way back: gradients of its
/// output, of its inside and of its input, and one that is being summed.
const WORKSPACE: u64 = 4;
/// Outputs that Candle's own operations keep of a convolution with BatchNorm and activation: convolution, padded
/// input, difference, quotient, product, sum, mask and masked.
const PLAIN_NORM: u64 = 8;
/// The same with a bias: convolution, padded input, sum, mask and masked.
const PLAIN_BIAS: u64 = 5;

/// Numbers kept of one sample by some layers.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// Together.
    all: u64,
    /// The largest output of a layer.
    largest: u64,
    /// By the largest chain, which keeps them until it is done even where no gradient is asked for.
    chain: u64,
    /// The most that a convolution takes while it is computed.
    windows: u64,
}

impl Spec {
    /// What a training step takes, an estimate for the kernels of the CPU: what a test sees is 0.6 to 1.15 times as much.
    ///
    /// # Errors
    /// [`ModelError::Input`]: the images do not fit.
    pub fn step_memory(&self, plan: &StepPlan) -> Result<StepMemory, ModelError> {
        self.check_input(plan.image)?;
        let [height, width] = plan.image;
        let image = Shape::Image([3, height, width]);
        let failed = |error: ShapeError| ModelError::Input {
            network: self.network.name(),
            height,
            width,
            reason: error.to_string(),
        };
        let backbone = kept(&self.backbone, image, plan.kernels).map_err(failed)?;
        let features = output(&self.backbone, image).map_err(failed)?;
        let head = kept(&self.head, features, plan.kernels).map_err(failed)?;
        let trained = FLOAT * self.count(|p| p.role.is_trained() && (p.in_head || !plan.head_only));
        let largest = backbone.largest.max(head.largest).max(image.elements() as u64);
        let (mut all, mut workspace) = (image.elements() as u64 + head.all, WORKSPACE * largest);
        if plan.head_only {
            all += features.elements() as u64;
            workspace = backbone.chain + 2 * largest;
        } else {
            all += backbone.all;
        }
        workspace += backbone.windows.max(head.windows);
        let batch = FLOAT * plan.batch as u64;
        Ok(StepMemory {
            parameters: FLOAT * self.count(|_| true),
            gradients: trained * if plan.accumulates { 2 } else { 1 },
            momentum: if plan.momentum { trained } else { 0 },
            activations: all * batch,
            workspace: workspace * batch + plan.kernels.workspace(),
        })
    }
}

fn kept(layers: &[Layer], mut shape: Shape, kernels: Kernels) -> Result<Kept, ShapeError> {
    let mut sum = Kept::default();
    let mut chain = 0;
    for (place, layer) in layers.iter().enumerate() {
        let input = shape;
        shape = layer.output(input)?;
        let elements = shape.elements() as u64;
        sum.largest = sum.largest.max(elements);
        let goes_on = matches!(layers.get(place + 1), Some(Layer::Conv(_)));
        let own = match layer {
            Layer::Conv(conv) => {
                let outputs = kernels.kept(conv.batch_norm.is_some(), !goes_on);
                sum.windows = sum.windows.max(kernels.windows(conv, elements));
                chain += outputs * elements;
                outputs * elements
            }
            Layer::Residual(residual) => {
                let body = kept(&residual.body, input, kernels)?;
                sum.join(body);
                body.all + elements * if kernels == Kernels::Candle { 3 } else { 1 }
            }
            Layer::Branches(branches) => {
                let mut all = elements;
                for branch in branches {
                    let branch = kept(branch, input, kernels)?;
                    sum.join(branch);
                    all += branch.all;
                }
                all
            }
            Layer::Flatten => 0,
            Layer::AdaptiveAveragePool { .. } if input == shape => 0,
            Layer::MaxPool(pool) | Layer::AveragePool(pool) if kernels == Kernels::Candle => {
                (pool.kernel * pool.kernel) as u64 * 3 * elements
            }
            // The places of the largest numbers, too.
            Layer::MaxPool(_) if !kernels.is_cpu() => 2 * elements,
            _ => elements,
        };
        if !matches!(layer, Layer::Conv(_)) {
            chain = 0;
        }
        sum.chain = sum.chain.max(chain);
        sum.all += own;
    }
    Ok(sum)
}

impl Kept {
    /// The largest of another part, whose sum is taken elsewhere.
    fn join(&mut self, inside: Kept) {
        self.largest = self.largest.max(inside.largest);
        self.chain = self.chain.max(inside.chain);
        self.windows = self.windows.max(inside.windows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    const PLAN: StepPlan = StepPlan {
        batch: 8,
        image: [224, 224],
        head_only: false,
        momentum: true,
        accumulates: false,
        kernels: Kernels::Cpu,
    };

    fn memory(network: Network, plan: StepPlan) -> StepMemory {
        network.spec(&network.properties(), 3).step_memory(&plan).unwrap()
    }

    #[test]
    fn activations_go_with_the_batch_and_parameters_do_not() {
        for network in Network::ALL {
            let (one, two) =
                (memory(network, PLAN), memory(network, StepPlan { batch: 16, ..PLAN }));
            assert_eq!(two.activations, 2 * one.activations, "{network}");
            assert_eq!(two.workspace, 2 * one.workspace, "{network}");
            assert_eq!(two.parameters, one.parameters, "{network}");
            let plain = memory(network, StepPlan { kernels: Kernels::Candle, ..PLAN });
            assert!(plain.activations > 2 * one.activations, "{network}");
        }
    }

    #[test]
    fn a_frozen_backbone_has_neither_gradients_nor_activations() {
        let head = memory(Network::MobileNetV2, StepPlan { head_only: true, ..PLAN });
        assert_eq!(head.gradients, 4 * (1280 + 1) * 3);
        assert_eq!(head.momentum, head.gradients);
        // Images, features, logits.
        assert_eq!(head.activations, 8 * 4 * (3 * 224 * 224 + 1280 + 3));
        let all = memory(Network::MobileNetV2, PLAN);
        assert_eq!(head.parameters, all.parameters);
        assert!(head.total() < all.total() / 2);
    }

    #[test]
    fn vggs_memory_is_what_its_layers_say() {
        let vgg = memory(Network::Vgg19, StepPlan { batch: 1, ..PLAN });
        // Sixteen convolutions and five pools, by hand from its table.
        let groups: [(u64, u64, u64); 5] =
            [(2, 64, 224), (2, 128, 112), (4, 256, 56), (4, 512, 28), (4, 512, 14)];
        let convolutions: u64 =
            groups.iter().map(|(n, channels, side)| n * channels * side * side).sum();
        let pools: u64 = groups.iter().map(|(_, channels, side)| channels * side * side / 4).sum();
        // Image, two dropouts, three linear layers.
        let rest = 3 * 224 * 224 + 25_088 + 4096 + 4096 + 4096 + 3;
        assert_eq!(vgg.activations, 4 * (convolutions + pools + rest));
    }

    #[test]
    fn without_cudnn_the_windows_of_a_batch_are_counted_and_with_it_a_bounded_workspace() {
        let step = |cudnn, batch| {
            let kernels = Kernels::Cuda { cudnn, half: false };
            memory(Network::Vgg19, StepPlan { batch, kernels, ..PLAN })
        };
        // The second convolution's: 64 inputs, 3 × 3 windows, 224 × 224 places, 64 images, float32.
        let windows = 64 * 9 * 224 * 224 * 64 * 4;
        let plain = step(false, 64).workspace;
        assert!(plain > windows && plain < windows + (8 << 30), "{plain}");
        let (one, many) = (step(true, 1), step(true, 64));
        assert!(many.total() < 20 << 30, "what an H200 has seven times: {}", many.total());
        assert_eq!(many.workspace - WORKSPACE_BYTES, 64 * (one.workspace - WORKSPACE_BYTES));
        assert!(step(false, 64).total() > many.total() + windows / 10 * 9);
    }

    #[test]
    fn images_that_do_not_fit_are_told_before() {
        let spec = Network::InceptionResNetV2.spec(&Network::InceptionResNetV2.properties(), 3);
        let error =
            spec.step_memory(&StepPlan { image: [64, 64], ..PLAN }).unwrap_err().to_string();
        assert!(error.contains("cannot take images of 64 × 64"), "{error}");
    }
}
