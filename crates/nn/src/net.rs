//! A network whose parameters can be trained: a walk over its [`Spec`] with Candle's variables.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use candle_core::{DType, Device, Tensor, Var};

use super::ops::{self, After, Convolution, MaskKey, Norm, Stage};
use super::spec::{Conv, Layer, Parameter, Sides, windows};
use super::{ModelError, Precision, Spec, WordError};

/// Share of a batch's mean and variance in the stored ones, as PyTorch's `momentum`.
pub const NORM_MOMENTUM: f64 = 0.1;

/// Which mean and variance BatchNorm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchNormMode {
    /// Those of the batch; the stored ones move towards them.
    Batch,
    /// The stored ones.
    Stored,
}

impl FromStr for BatchNormMode {
    type Err = WordError;

    fn from_str(word: &str) -> Result<BatchNormMode, WordError> {
        match word {
            "batch" => Ok(BatchNormMode::Batch),
            "stored" => Ok(BatchNormMode::Stored),
            _ => Err(WordError::new("batch or stored", word)),
        }
    }
}

/// How a network is passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Which mean and variance BatchNorm takes.
    pub batch_norm: BatchNormMode,
    /// Seed and step that dropout's masks are drawn from; `None`: nothing is dropped.
    pub dropout: Option<(u64, u64)>,
    /// What comes out has gradients of the parameters it went through, and keeps in memory what they need.
    pub gradients: bool,
}

impl Pass {
    /// As in inference: stored mean and variance, nothing dropped, nothing kept for gradients.
    pub const INFER: Pass =
        Pass { batch_norm: BatchNormMode::Stored, dropout: None, gradients: false };
}

/// A network with its parameters.
#[derive(Debug)]
pub struct Net {
    spec: Spec,
    parameters: Vec<Parameter>,
    variables: BTreeMap<String, Var>,
    /// The variables' own memory, without gradient.
    constants: BTreeMap<String, Tensor>,
    device: Device,
    precision: Precision,
}

impl Net {
    /// A network of weights, which must hold each parameter in its shape; what else they hold is ignored.
    ///
    /// # Errors
    /// [`ModelError::MissingKey`], [`ModelError::Shape`]; when the device's memory is full.
    pub fn new(
        spec: Spec,
        weights: &HashMap<String, Tensor>,
        device: &Device,
    ) -> Result<Net, ModelError> {
        let network = spec.network.name();
        let parameters = spec.parameters();
        let mut variables = BTreeMap::new();
        for parameter in &parameters {
            let (key, expected) = (parameter.key.clone(), parameter.shape.clone());
            let tensor = weights.get(&key).ok_or_else(|| ModelError::MissingKey {
                network,
                key: key.clone(),
                expected: expected.clone(),
            })?;
            if tensor.dims() != expected {
                let found = tensor.dims().to_vec();
                return Err(ModelError::Shape { network, key, expected, found });
            }
            let tensor = tensor.to_dtype(DType::F32)?.to_device(device)?;
            // A copy: the optimiser changes a variable in place.
            variables.insert(key, Var::from_tensor(&tensor.copy()?)?);
        }
        let constant =
            |(key, variable): (&String, &Var)| (key.clone(), variable.as_detached_tensor());
        let constants = variables.iter().map(constant).collect();
        Ok(Net {
            spec,
            parameters,
            variables,
            constants,
            device: device.clone(),
            precision: Precision::F32,
        })
    }

    /// The same network, its convolutions and matrix products in a precision. Parameters stay float32.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Net {
        Net { precision, ..self }
    }

    /// What it computes.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Where it lies.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its parameters, in the order of the forward pass.
    pub fn parameters(&self) -> impl Iterator<Item = (&Parameter, &Var)> {
        self.parameters.iter().map(|parameter| (parameter, &self.variables[&parameter.key]))
    }

    /// A copy of every parameter by its key, f32 on the CPU, which later steps do not change.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>, ModelError> {
        let copy = |(key, tensor): (&String, &Tensor)| {
            Ok((key.clone(), tensor.to_device(&Device::Cpu)?.copy()?))
        };
        self.constants.iter().map(copy).collect()
    }

    /// Images `[n, 3, H, W]` → logits `[n, classes]`.
    ///
    /// # Errors
    /// When the images do not fit, or the device's memory is full; so below.
    pub fn forward(&self, images: &Tensor, pass: Pass) -> Result<Tensor, ModelError> {
        self.logits(&self.features(images, pass)?, pass)
    }

    /// Images `[n, 3, H, W]` → features `[n, features]`.
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn features(&self, images: &Tensor, pass: Pass) -> Result<Tensor, ModelError> {
        let (_, _, height, width) = images.dims4()?;
        self.spec.check_input([height, width])?;
        Ok(self.layers(&self.spec.backbone, images, pass)?)
    }

    /// Features `[n, features]` → logits `[n, classes]`.
    ///
    /// # Errors
    /// As [`Net::forward`].
    pub fn logits(&self, features: &Tensor, pass: Pass) -> Result<Tensor, ModelError> {
        Ok(self.layers(&self.spec.head, features, pass)?)
    }

    fn layers(&self, layers: &[Layer], x: &Tensor, pass: Pass) -> candle_core::Result<Tensor> {
        let (mut x, mut rest) = (x.clone(), layers);
        while let Some(layer) = rest.first() {
            let is_convolution = |layer: &&Layer| matches!(layer, Layer::Conv(_));
            let run = rest.iter().take_while(is_convolution).count();
            x = if run > 0 {
                self.convolutions(&rest[..run], &x, pass)
            } else {
                self.layer(layer, &x, pass)
            }?;
            rest = &rest[run.max(1)..];
        }
        Ok(x)
    }

    fn layer(&self, layer: &Layer, x: &Tensor, pass: Pass) -> candle_core::Result<Tensor> {
        let image = || x.dims4().map(|(_, _, height, width)| [height, width]);
        match layer {
            Layer::Conv(_) => self.convolutions(std::slice::from_ref(layer), x, pass),
            Layer::Linear(linear) => {
                let (weight, bias) =
                    (self.of(&linear.name, "weight", pass), self.of(&linear.name, "bias", pass));
                ops::linear(x, weight, bias, linear.activation, self.precision)
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
            Layer::Dropout { number, probability } => match pass.dropout {
                Some((seed, step)) => {
                    ops::dropout(x, *probability, MaskKey { seed, step, layer: *number })
                }
                None => Ok(x.clone()),
            },
            Layer::Residual(residual) => {
                let body = self.layers(&residual.body, x, pass)?;
                ops::residual(x, &body, residual.scale, residual.activation)
            }
            Layer::Branches(branches) => {
                let branches = branches.iter().map(|branch| self.layers(branch, x, pass));
                Tensor::cat(&branches.collect::<candle_core::Result<Vec<_>>>()?, 1)
            }
        }
    }

    /// Convolutions that follow each other, as one operation.
    fn convolutions(
        &self,
        layers: &[Layer],
        x: &Tensor,
        pass: Pass,
    ) -> candle_core::Result<Tensor> {
        let (n, _, height, width) = x.dims4()?;
        let mut image = [height, width];
        let (mut stages, mut norms) = (Vec::new(), Vec::new());
        for layer in layers {
            let Layer::Conv(conv) = layer else {
                candle_core::bail!("expected convolutions, found {layer:?}");
            };
            let sides = conv.padding.sides(image, conv.kernel, conv.stride);
            stages.push(self.stage(conv, sides, pass));
            // Where no window fits the operation says so.
            image = windows(image, conv.kernel, conv.stride, sides).unwrap_or([0, 0]);
            norms.push((conv.batch_norm.as_ref(), n * image[0] * image[1]));
        }
        let ops::Chained { output, moments } = ops::chain(x, &stages, self.precision)?;
        for (moments, (norm, count)) in moments.into_iter().zip(norms) {
            let (Some(moments), Some(norm)) = (moments, norm) else { continue };
            // The stored variance is that of samples: divided by one less.
            let count = count as f64;
            let unbiased = (&moments.variance * (count / (count - 1.0).max(1.0)))?;
            self.move_towards(&norm.name, "running_mean", &moments.mean)?;
            self.move_towards(&norm.name, "running_var", &unbiased)?;
        }
        Ok(output)
    }

    fn stage<'a>(&'a self, conv: &Conv, sides: Sides, pass: Pass) -> Stage<'a> {
        let convolution = Convolution {
            kernel: self.of(&conv.name, "weight", pass),
            stride: conv.stride,
            sides,
            depthwise: conv.depthwise,
        };
        let after = match &conv.batch_norm {
            None if conv.bias => After::Bias(self.of(&conv.name, "bias", pass)),
            None => After::Nothing,
            Some(batch_norm) => {
                let of = |ending| self.of(&batch_norm.name, ending, pass);
                let norm = Norm {
                    weight: of("weight"),
                    bias: of("bias"),
                    mean: of("running_mean"),
                    variance: of("running_var"),
                    eps: batch_norm.eps,
                };
                match pass.batch_norm {
                    BatchNormMode::Stored => After::Stored(norm),
                    BatchNormMode::Batch => After::Batch(norm),
                }
            }
        };
        Stage { convolution: Some(convolution), after, activation: conv.activation }
    }

    fn move_towards(&self, name: &str, ending: &str, found: &Tensor) -> candle_core::Result<()> {
        let variable = &self.variables[&format!("{name}.{ending}")];
        let kept = (variable.as_tensor() * (1.0 - NORM_MOMENTUM))?;
        variable.set(&(kept + (found * NORM_MOMENTUM)?)?.detach())
    }

    /// A parameter; [`Net::new`] put all of the spec's there.
    fn of(&self, name: &str, ending: &str, pass: Pass) -> &Tensor {
        let key = format!("{name}.{ending}");
        if pass.gradients { self.variables[&key].as_tensor() } else { &self.constants[&key] }
    }
}

/// Whether an optimiser changes a parameter when only the head, or all, is fine-tuned.
pub fn is_tuned(parameter: &Parameter, head_only: bool) -> bool {
    parameter.role.is_trained() && (parameter.in_head || !head_only)
}

#[cfg(test)]
mod tests;
