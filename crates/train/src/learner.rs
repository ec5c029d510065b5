//! What is trained: the network, or its head behind a frozen backbone; and how a batch changes it.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::error::{Result, TrainError};
use super::loss::{DeviceLoss, LossOptions, cross_entropy};
use super::loss_scale::LossScale;
use super::options::Finetune;
use super::outcome::{Learnt, Outcome};
use super::setup::Setup;
use super::sgd::Sgd;
use tcolz_nn::net::is_tuned;
use tcolz_nn::{BatchNormMode, Folded, Net, Pass, Precision, Spec};

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
    /// The loss where nobody waits for it; `None`: every step does.
    device_loss: Option<DeviceLoss>,
    /// In float16.
    scale: Option<LossScale>,
    /// A batch since the last step had gradients that overflowed.
    overflowed: bool,
}

/// Parameters and momentum by key.
#[derive(Debug, Default)]
pub(super) struct Tensors {
    pub(super) parameters: HashMap<String, Tensor>,
    pub(super) momentum: HashMap<String, Tensor>,
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
        let net = net.with_precision(setup.options.precision);
        let trained = net.parameters().filter(|(parameter, _)| is_tuned(parameter, head_only));
        let sgd = Sgd::new(trained, setup.options.sgd);
        let (loss, seed) = (setup.loss.clone(), setup.options.seed);
        let device_loss = match setup.fetch_every() {
            1 => None,
            _ => Some(DeviceLoss::new(&loss, spec.classes, &setup.device)?),
        };
        let scale = (setup.options.precision == Precision::F16).then(LossScale::default);
        let batch_norm = setup.batch_norm;
        let overflowed = false;
        Ok(Learner { net, frozen, sgd, loss, batch_norm, seed, device_loss, scale, overflowed })
    }

    /// Takes the gradients of a batch in. `labels`: `[n]` of u32. `number`: which batch of the run, from 0; dropout's
    /// masks are drawn from it.
    ///
    /// # Errors
    /// When the device's memory is full. A loss that is no number is none: it is left to the caller, and where it is
    /// known at once its gradients are forgotten.
    pub(super) fn learn(
        &mut self,
        inputs: &Inputs,
        labels: &Tensor,
        number: u64,
    ) -> Result<Outcome> {
        let dropout = Some((self.seed, number));
        let pass = Pass { batch_norm: self.batch_norm, dropout, gradients: true };
        let logits = match inputs {
            Inputs::Images(images) if self.frozen.is_none() => self.net.forward(images, pass)?,
            inputs => self.net.logits(&self.features(inputs)?, pass)?,
        };
        let samples = logits.dim(0)? as u64;
        if let Some(loss) = &self.device_loss {
            let found = loss.of(&logits, labels)?;
            // Without class weights the mean was divided by the samples; with them no batches are taken together.
            self.sgd.accumulate(found.loss.backward()?, samples as f64)?;
            return Ok(Outcome::Waiting { facts: found.facts, samples });
        }
        let loss = cross_entropy(&logits, labels, &self.loss)?;
        let labels: Vec<u32> = labels.to_vec1()?;
        let right = right_answers(&logits, &labels)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        let weight = self.loss.batch_weight(&labels)?;
        if value.is_finite() {
            self.take_in(&loss, weight)?;
        } else {
            self.sgd.discard();
        }
        Ok(Outcome::Known(Learnt { loss: value, weight, right, samples }))
    }

    /// The gradients of a loss, scaled on their way where the numbers are small.
    fn take_in(&mut self, loss: &Tensor, weight: f64) -> Result<()> {
        let Some(scale) = self.scale else {
            return Ok(self.sgd.accumulate(loss.backward()?, weight)?);
        };
        let gradients = (loss * scale.factor)?.backward()?;
        if self.sgd.is_finite(&gradients)? {
            return Ok(self.sgd.accumulate_scaled(gradients, weight, scale.factor)?);
        }
        self.overflowed = true;
        Ok(())
    }

    /// A step along the gradients that were taken in. One in float16 whose gradients overflowed changes nothing but the
    /// factor; false where that is at its end.
    pub(super) fn step(&mut self, learning_rate: f64, momentum: f64) -> Result<bool> {
        self.sgd.set_momentum(momentum);
        let overflowed = std::mem::take(&mut self.overflowed);
        if overflowed {
            self.sgd.discard();
        } else {
            self.sgd.step(learning_rate)?;
        }
        Ok(self.scale.as_mut().is_none_or(|scale| scale.stepped(!overflowed)))
    }

    /// The factor of losses in float16.
    pub(super) fn loss_scale(&self) -> Option<LossScale> {
        self.scale
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

    /// Puts [`Learner::tensors`] and [`Learner::loss_scale`] back; the sentence that says what does not fit.
    pub(super) fn restore(
        &mut self,
        tensors: &Tensors,
        scale: Option<LossScale>,
    ) -> std::result::Result<(), String> {
        self.scale = self.scale.and(scale.or(self.scale));
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
    /// Logits `[n, classes]`, without gradient.
    pub(super) fn logits(&self, inputs: &Inputs) -> Result<Tensor> {
        Ok(match (self, inputs) {
            (Inference::Head(learner), inputs) => {
                learner.net.logits(&learner.features(inputs)?, Pass::INFER)?
            }
            (Inference::Whole(folded), Inputs::Images(images)) => folded.logits(images)?,
            (Inference::Whole(folded), Inputs::Features(features)) => folded.head(features)?,
        })
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
