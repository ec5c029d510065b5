//! The folded network on devices other than the CPU: operations of Candle.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor};

use super::fold::{self, Weights};
use crate::ops;
use crate::ops::{After, Convolution, Stage};
use crate::precision::Precision;
use crate::spec::{Activation, Layer, Spec};

/// Kernel and bias of each layer that has some, where the device has them.
#[derive(Debug)]
pub(super) struct Tensors(HashMap<String, (Tensor, Tensor)>);

impl Tensors {
    /// Puts weights onto a device.
    pub(super) fn new(
        spec: &Spec,
        weights: &HashMap<String, Weights>,
        device: &Device,
    ) -> Result<Tensors> {
        let mut shapes: HashMap<&str, Vec<usize>> = HashMap::new();
        for layer in spec.backbone.iter().chain(&spec.head) {
            layer.each(&mut |layer| {
                match layer {
                    Layer::Conv(conv) => shapes.insert(&conv.name, conv.kernel_shape().to_vec()),
                    Layer::Linear(linear) => {
                        shapes.insert(&linear.name, vec![linear.outputs, linear.inputs])
                    }
                    _ => None,
                };
            });
        }
        let mut tensors = HashMap::new();
        for (name, shape) in shapes {
            let weights = &weights[name];
            let kernel = Tensor::from_slice(&weights.kernel, shape, device)?;
            let bias = Tensor::from_slice(&weights.bias, weights.bias.len(), device)?;
            tensors.insert(name.to_owned(), (kernel, bias));
        }
        Ok(Tensors(tensors))
    }

    /// Passes through layers.
    pub(super) fn layers(&self, layers: &[Layer], x: &Tensor) -> Result<Tensor> {
        layers.iter().try_fold(x.clone(), |x, layer| self.layer(layer, &x))
    }

    fn layer(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let image = || x.dims4().map(|(_, _, height, width)| [height, width]);
        match layer {
            Layer::Conv(conv) => {
                let (kernel, bias) = &self.0[&conv.name];
                let sides = conv.padding.sides(image()?, conv.kernel, conv.stride);
                let (stride, depthwise) = (conv.stride, conv.depthwise);
                let convolution = Convolution { kernel, stride, sides, depthwise };
                let stage = Stage {
                    convolution: Some(convolution),
                    after: After::Bias(bias),
                    activation: conv.activation,
                };
                Ok(ops::chain(x, &[stage], Precision::F32)?.output)
            }
            Layer::Linear(linear) => {
                let (kernel, bias) = &self.0[&linear.name];
                ops::linear(x, kernel, bias, linear.activation, Precision::F32)
            }
            Layer::MaxPool(pool) => {
                let sides = pool.padding.sides(image()?, [pool.kernel; 2], pool.stride);
                ops::max_pool(x, pool.kernel, pool.stride, sides)
            }
            Layer::AveragePool(pool) => {
                let sides = pool.padding.sides(image()?, [pool.kernel; 2], pool.stride);
                ops::average_pool(x, pool.kernel, pool.stride, sides)
            }
            Layer::AdaptiveAveragePool { side } => ops::adaptive_average_pool(x, *side),
            Layer::GlobalAveragePool => ops::global_average_pool(x),
            Layer::Flatten => x.flatten_from(1),
            Layer::Dropout { .. } => Ok(x.clone()),
            Layer::Residual(residual) => {
                let body = self.layers(&residual.body, x)?;
                match (fold::scaled(residual), residual.activation) {
                    (Some(_), Activation::None) => x + body,
                    (Some(_), activation) => ops::activate(&(x + body)?, activation),
                    (None, activation) => ops::residual(x, &body, residual.scale, activation),
                }
            }
            Layer::Branches(branches) => {
                let branches = branches.iter().map(|branch| self.layers(branch, x));
                Tensor::cat(&branches.collect::<Result<Vec<_>>>()?, 1)
            }
        }
    }
}
