//! The tensors that a network needs: keys, shapes, what each is for.

use super::{Layer, Spec};

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

impl Spec {
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

    /// Numbers in the parameters that are chosen.
    pub fn count(&self, chosen: impl Fn(&Parameter) -> bool) -> u64 {
        let parameters = self.parameters();
        let chosen = parameters.iter().filter(|parameter| chosen(parameter));
        chosen.map(|parameter| parameter.elements() as u64).sum()
    }
}
