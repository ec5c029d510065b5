//! The memory of a training step, from the network as data, before anything is computed.
//!
//! What gradients need is kept from the forward pass until the way back has passed it. On the CPU that is the
//! output of each convolution before its BatchNorm and the output of each chain of them
//! ([`ops`](super::ops)); elsewhere every one of Candle's own operations keeps its output.

use super::spec::{Layer, Shape, ShapeError, output};
use super::{ModelError, Spec};

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
    /// By the CPU's kernels; otherwise by Candle's own operations.
    pub fused: bool,
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
        let backbone = kept(&self.backbone, image, plan.fused).map_err(failed)?;
        let features = output(&self.backbone, image).map_err(failed)?;
        let head = kept(&self.head, features, plan.fused).map_err(failed)?;
        let trained = FLOAT * self.count(|p| p.role.is_trained() && (p.in_head || !plan.head_only));
        let largest = backbone.largest.max(head.largest).max(image.elements() as u64);
        let (mut all, mut workspace) = (image.elements() as u64 + head.all, WORKSPACE * largest);
        if plan.head_only {
            all += features.elements() as u64;
            workspace = backbone.chain + 2 * largest;
        } else {
            all += backbone.all;
        }
        let batch = FLOAT * plan.batch as u64;
        Ok(StepMemory {
            parameters: FLOAT * self.count(|_| true),
            gradients: trained * if plan.accumulates { 2 } else { 1 },
            momentum: if plan.momentum { trained } else { 0 },
            activations: all * batch,
            workspace: workspace * batch,
        })
    }
}

fn kept(layers: &[Layer], mut shape: Shape, fused: bool) -> Result<Kept, ShapeError> {
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
                let outputs = match (&conv.batch_norm, fused) {
                    // The last of a chain gives its output, too.
                    (Some(_), true) => 1 + u64::from(!goes_on),
                    (None, true) => 1,
                    (Some(_), false) => PLAIN_NORM,
                    (None, false) => PLAIN_BIAS,
                };
                chain += outputs * elements;
                outputs * elements
            }
            Layer::Residual(residual) => {
                let body = kept(&residual.body, input, fused)?;
                sum.join(body);
                body.all + elements * if fused { 1 } else { 3 }
            }
            Layer::Branches(branches) => {
                let mut all = elements;
                for branch in branches {
                    let branch = kept(branch, input, fused)?;
                    sum.join(branch);
                    all += branch.all;
                }
                all
            }
            Layer::Flatten => 0,
            Layer::AdaptiveAveragePool { .. } if input == shape => 0,
            Layer::MaxPool(pool) | Layer::AveragePool(pool) if !fused => {
                (pool.kernel * pool.kernel) as u64 * 3 * elements
            }
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
        fused: true,
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
            let plain = memory(network, StepPlan { fused: false, ..PLAN });
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
    fn images_that_do_not_fit_are_told_before() {
        let spec = Network::InceptionResNetV2.spec(&Network::InceptionResNetV2.properties(), 3);
        let error =
            spec.step_memory(&StepPlan { image: [64, 64], ..PLAN }).unwrap_err().to_string();
        assert!(error.contains("cannot take images of 64 × 64"), "{error}");
    }
}
