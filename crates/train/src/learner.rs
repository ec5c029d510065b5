//! What is trained: the network, or its head behind a frozen backbone; and how a batch changes it.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::error::{Result, TrainError};
use super::loss::{LossOptions, cross_entropy};
use super::options::Finetune;
use super::setup::Setup;
use super::sgd::Sgd;
use tcolz_nn::net::is_tuned;
use tcolz_nn::{BatchNormMode, Folded, Net, Pass, Spec};

/// What a batch is made of.
#[derive(Debug)]
pub(super) enum Inputs {
    /// Images `[n, 3, H, W]`.
    Images(Tensor),
    /// Features `[n, features]` of the frozen backbone.
    Features(Tensor),
}

/// A network while it is trained.
#[derive(Debug)]
pub(super) struct Learner {
    /// All of the network, or its head alone.
    net: Net,
    /// The backbone, where it is not trained; a [`Folded`] gives a sample the same features in every batch.
    frozen: Option<Folded>,
    sgd: Sgd,
    loss: LossOptions,
    batch_norm: BatchNormMode,
    seed: u64,
}

/// Parameters and momentum by key.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    pub(super) parameters: HashMap<String, Tensor>,
    pub(super) momentum: HashMap<String, Tensor>,
}

/// What a batch came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learnt {
    /// Mean loss.
    pub(super) loss: f64,
    /// What the mean was divided by.
    pub(super) weight: f64,
    /// Right answers.
    pub(super) right: u64,
}

impl Learner {
    /// The network of a setup, as it begins.
    pub(super) fn new(setup: &Setup) -> Result<Learner> {
        let head_only = setup.options.finetune == Finetune::Head;
        let spec = &setup.spec;
        let (net, frozen) = if head_only {
            let head = Spec { backbone: Vec::new(), ..spec.clone() };
            let frozen = Folded::new(spec, &setup.weights, &setup.device)?;
            (Net::new(head, &setup.weights, &setup.device)?, Some(frozen))
        } else {
            (Net::new(spec.clone(), &setup.weights, &setup.device)?, None)
        };
        let trained = net.parameters().filter(|(parameter, _)| is_tuned(parameter, head_only));
        let sgd = Sgd::new(trained, setup.options.sgd);
        let (loss, seed) = (setup.loss.clone(), setup.options.seed);
        Ok(Learner { net, frozen, sgd, loss, batch_norm: setup.batch_norm, seed })
    }

    /// Takes the gradients of a batch in. `number`: which batch of the run, from 0; dropout's masks are drawn
    /// from it.
    ///
    /// # Errors
    /// When the device's memory is full. A loss that is no number is none: it is left to the caller, and its
    /// gradients are forgotten.
    pub(super) fn learn(&mut self, inputs: &Inputs, labels: &[u32], number: u64) -> Result<Learnt> {
        let dropout = Some((self.seed, number));
        let pass = Pass { batch_norm: self.batch_norm, dropout, gradients: true };
        let logits = match inputs {
            Inputs::Images(images) if self.frozen.is_none() => self.net.forward(images, pass)?,
            inputs => self.net.logits(&self.features(inputs)?, pass)?,
        };
        let targets = Tensor::from_slice(labels, labels.len(), self.net.device())?;
        let loss = cross_entropy(&logits, &targets, &self.loss)?;
        let right = right_answers(&logits, labels)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        let weight = self.loss.batch_weight(labels)?;
        if value.is_finite() {
            self.sgd.accumulate(loss.backward()?, weight)?;
        } else {
            self.sgd.discard();
        }
        Ok(Learnt { loss: value, weight, right })
    }

    /// A step along the gradients that were taken in.
    pub(super) fn step(&mut self, learning_rate: f64, momentum: f64) -> Result<()> {
        self.sgd.set_momentum(momentum);
        Ok(self.sgd.step(learning_rate)?)
    }

    /// The network as it is now, for inference.
    pub(super) fn inference(&self) -> Result<Inference<'_>> {
        if self.frozen.is_some() {
            return Ok(Inference::Head(self));
        }
        let folded = Folded::new(self.net.spec(), &self.parameters()?, self.net.device())?;
        Ok(Inference::Whole(Box::new(folded)))
    }

    /// Features of the frozen backbone, `[n, features]`, without gradient.
    pub(super) fn features(&self, inputs: &Inputs) -> Result<Tensor> {
        match (inputs, &self.frozen) {
            (Inputs::Features(features), _) => Ok(features.clone()),
            (Inputs::Images(images), Some(frozen)) => Ok(frozen.features(images)?),
            (Inputs::Images(_), None) => Err(TrainError::Options(
                "a backbone that is trained has no fixed features".to_owned(),
            )),
        }
    }

    /// Everything that changes, on the CPU.
    pub(super) fn tensors(&self) -> Result<Tensors> {
        let momentum = self.sgd.state()?.into_iter().collect();
        Ok(Tensors { parameters: self.parameters()?, momentum })
    }

    /// The parameters that may change, on the CPU.
    pub(super) fn parameters(&self) -> Result<HashMap<String, Tensor>> {
        let copy = |variable: &candle_core::Var| -> Result<Tensor> {
            // Not the variable's own memory, which later steps change.
            Ok(variable.as_tensor().to_device(&Device::Cpu)?.copy()?.detach())
        };
        let parameters = self.net.parameters();
        parameters
            .map(|(parameter, variable)| Ok((parameter.key.clone(), copy(variable)?)))
            .collect()
    }

    /// Puts [`Learner::tensors`] back; the sentence that says what does not fit.
    pub(super) fn restore(&mut self, tensors: &Tensors) -> std::result::Result<(), String> {
        for (parameter, variable) in self.net.parameters() {
            let key = &parameter.key;
            let found = tensors.parameters.get(key).ok_or_else(|| format!("it has no `{key}`"))?;
            let moved = found.to_device(self.net.device());
            moved
                .and_then(|found| variable.set(&found))
                .map_err(|error| format!("`{key}`: {error}"))?;
        }
        self.sgd.set_state(&tensors.momentum).map_err(|error| error.to_string())
    }
}

/// A network that is being trained, between two steps.
#[derive(Debug)]
pub(super) enum Inference<'a> {
    /// A head behind its frozen backbone.
    Head(&'a Learner),
    /// All of it, folded.
    Whole(Box<Folded>),
}

impl Inference<'_> {
    /// Logits `[n][classes]`.
    pub(super) fn logits(&self, inputs: &Inputs) -> Result<Vec<Vec<f32>>> {
        let logits = match (self, inputs) {
            (Inference::Head(learner), inputs) => {
                learner.net.logits(&learner.features(inputs)?, Pass::INFER)?
            }
            (Inference::Whole(folded), Inputs::Images(images)) => folded.logits(images)?,
            (Inference::Whole(folded), Inputs::Features(features)) => folded.head(features)?,
        };
        Ok(logits.to_vec2()?)
    }
}

/// How often the largest logit, the first of equals, is that of the label.
fn right_answers(logits: &Tensor, labels: &[u32]) -> Result<u64> {
    let logits: Vec<Vec<f32>> = logits.detach().to_vec2()?;
    let right = logits.iter().zip(labels).filter(|&(row, &label)| answer(row) == label as usize);
    Ok(right.count() as u64)
}

/// The class of the largest logit, the first of equals.
pub(super) fn answer(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = class;
        }
    }
    best
}

/// Cross-entropy of a sample in float64: −log of the probability of its label.
pub(super) fn sample_loss(logits: &[f32], label: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    sum.ln() - f64::from(logits[label] - largest)
}
