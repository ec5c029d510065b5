//! BatchNorm into the convolution before it: w′ = w·γ/√(σ²+ε), b′ = β + (b−μ)·γ/√(σ²+ε), computed in
//! float64 and rounded once.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use crate::spec::{Activation, Conv, Layer, Linear, Residual, Spec};
use crate::{ModelError, Network};

/// A convolution's or linear layer's kernel and bias, with everything folded into them that is linear.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// `[outputs, inputs / groups, rows, columns]`, or `[outputs, inputs]`.
    pub(super) kernel: Vec<f32>,
    /// `[outputs]`
    pub(super) bias: Vec<f32>,
}

/// The convolution that a residual's body ends with, where the scale can be folded into it: nothing but the
/// sum follows it.
pub(super) fn scaled(residual: &Residual) -> Option<&Conv> {
    match residual.body.last() {
        Some(Layer::Conv(conv)) if conv.activation == Activation::None => Some(conv),
        _ => None,
    }
}

/// The weights of every layer that has some, by its name.
pub(super) fn fold(
    spec: &Spec,
    tensors: &HashMap<String, Tensor>,
) -> Result<HashMap<String, Weights>, ModelError> {
    let source = Source { network: spec.network, tensors };
    let mut scales = HashMap::new();
    let mut layers = Vec::new();
    for layer in spec.backbone.iter().chain(&spec.head) {
        layer.each(&mut |layer| match layer {
            Layer::Residual(residual) => {
                if let Some(conv) = scaled(residual) {
                    scales.insert(conv.name.as_str(), f64::from(residual.scale));
                }
            }
            Layer::Conv(_) | Layer::Linear(_) => layers.push(layer),
            _ => {}
        });
    }
    let mut folded = HashMap::new();
    for layer in layers {
        match layer {
            Layer::Conv(conv) => {
                let scale = scales.get(conv.name.as_str()).copied().unwrap_or(1.0);
                folded.insert(conv.name.clone(), source.conv(conv, scale)?);
            }
            Layer::Linear(linear) => {
                folded.insert(linear.name.clone(), source.linear(linear)?);
            }
            _ => {}
        }
    }
    Ok(folded)
}

struct Source<'a> {
    network: Network,
    tensors: &'a HashMap<String, Tensor>,
}

impl Source<'_> {
    fn numbers(
        &self,
        name: &str,
        ending: &str,
        expected: &[usize],
    ) -> Result<Vec<f32>, ModelError> {
        let (network, key) = (self.network.name(), format!("{name}.{ending}"));
        let expected = expected.to_vec();
        let Some(tensor) = self.tensors.get(&key) else {
            return Err(ModelError::MissingKey { network, key, expected });
        };
        if tensor.dims() != expected {
            return Err(ModelError::Shape {
                network,
                key,
                expected,
                found: tensor.dims().to_vec(),
            });
        }
        let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        Ok(tensor.flatten_all()?.to_vec1()?)
    }

    fn conv(&self, conv: &Conv, scale: f64) -> Result<Weights, ModelError> {
        let mut kernel = self.numbers(&conv.name, "weight", &conv.kernel_shape())?;
        let shape = [conv.outputs];
        let mut bias = vec![0f64; conv.outputs];
        if conv.bias {
            let numbers = self.numbers(&conv.name, "bias", &shape)?;
            bias = numbers.into_iter().map(f64::from).collect();
        }
        let mut factors = vec![1f64; conv.outputs];
        if let Some(norm) = &conv.batch_norm {
            let of = |ending| self.numbers(&norm.name, ending, &shape);
            let (weight, shift) = (of("weight")?, of("bias")?);
            let (mean, variance) = (of("running_mean")?, of("running_var")?);
            for output in 0..conv.outputs {
                let at = |numbers: &[f32]| f64::from(numbers[output]);
                factors[output] = at(&weight) / (at(&variance) + norm.eps).sqrt();
                bias[output] = at(&shift) + (bias[output] - at(&mean)) * factors[output];
            }
        }
        let numbers = (kernel.len() / conv.outputs.max(1)).max(1);
        for (kernel, factor) in kernel.chunks_mut(numbers).zip(&factors) {
            for number in kernel {
                *number = (f64::from(*number) * factor * scale) as f32;
            }
        }
        let bias = bias.into_iter().map(|number| (number * scale) as f32).collect();
        Ok(Weights { kernel, bias })
    }

    fn linear(&self, linear: &Linear) -> Result<Weights, ModelError> {
        Ok(Weights {
            kernel: self.numbers(&linear.name, "weight", &[linear.outputs, linear.inputs])?,
            bias: self.numbers(&linear.name, "bias", &[linear.outputs])?,
        })
    }
}
