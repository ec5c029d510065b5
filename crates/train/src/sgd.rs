//! Stochastic gradient descent with momentum, weight decay and Nesterov's variant, as `torch.optim.SGD`.
//!
//! On the CPU a step is one pass over each parameter, in place and in parallel; elsewhere it is Candle's own
//! operations, which the tests compare it with. Each number is computed by itself, so that its bits do not
//! depend on the threads.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Storage, Tensor, Var};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use tcolz_nn::ModelError;
use tcolz_nn::spec::{Parameter, Role};

/// How a step is made. The learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SgdOptions {
    /// Share of the last change that goes on.
    pub momentum: f64,
    /// Share of each parameter that is added to its gradient.
    pub weight_decay: f64,
    /// Looks ahead by one more momentum (Nesterov 1983, as Sutskever et al. 2013).
    pub nesterov: bool,
    /// The parameters that decay.
    pub decay: Decay,
}

impl Default for SgdOptions {
    fn default() -> SgdOptions {
        SgdOptions { momentum: 0.9, weight_decay: 0.0, nesterov: false, decay: Decay::All }
    }
}

/// The parameters that weight decay is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All that are trained, as in `torch.optim.SGD`.
    All,
    /// Kernels and matrices: no bias and nothing of a BatchNorm.
    Weights,
    /// Kernels of convolutions only, as in the replaced pipeline.
    Kernels,
}

impl Decay {
    /// Whether a parameter of this role decays.
    pub fn includes(self, role: Role) -> bool {
        match self {
            Decay::All => role.is_trained(),
            Decay::Weights => matches!(role, Role::Kernel | Role::Matrix),
            Decay::Kernels => role == Role::Kernel,
        }
    }
}

/// The optimiser: the parameters it changes, their momentum, and gradients that wait for a step.
#[derive(Debug)]
pub struct Sgd {
    options: SgdOptions,
    slots: Vec<Slot>,
    /// Of the gradients that wait.
    weight: f64,
}

#[derive(Debug)]
struct Slot {
    parameter: Parameter,
    variable: Var,
    velocity: Option<Velocity>,
    gradient: Option<Gradient>,
}

/// The running sum that momentum keeps.
#[derive(Debug)]
enum Velocity {
    Host(Vec<f32>),
    Device(Tensor),
}

/// The mean over the micro-batches so far.
#[derive(Debug)]
enum Gradient {
    /// As it came; others may use the same memory.
    Borrowed(Tensor),
    /// Ours.
    Host(Vec<f32>),
}

impl Sgd {
    /// An optimiser of these parameters, without momentum so far.
    pub fn new<'a>(
        parameters: impl Iterator<Item = (&'a Parameter, &'a Var)>,
        options: SgdOptions,
    ) -> Sgd {
        let slot = |(parameter, variable): (&Parameter, &Var)| Slot {
            parameter: parameter.clone(),
            variable: variable.clone(),
            velocity: None,
            gradient: None,
        };
        Sgd { options, slots: parameters.map(slot).collect(), weight: 0.0 }
    }

    /// What the steps are made with.
    pub fn options(&self) -> SgdOptions {
        self.options
    }

    /// Another momentum from the next step on, for schedules that move it.
    pub fn set_momentum(&mut self, momentum: f64) {
        self.options.momentum = momentum;
    }

    /// Takes the gradients of a micro-batch into the mean that the next step goes by. `weight`: its samples (or
    /// [`batch_weight`](super::loss::LossOptions::batch_weight)), as the loss was a mean over it.
    ///
    /// # Errors
    /// [`ModelError::NoGradient`] for a parameter that the loss does not depend on, before anything is changed;
    /// when memory is full.
    pub fn accumulate(&mut self, gradients: GradStore, weight: f64) -> Result<(), ModelError> {
        self.accumulate_scaled(gradients, weight, 1.0)
    }

    /// The same of gradients that are `scale` times too large.
    ///
    /// # Errors
    /// As [`Sgd::accumulate`].
    pub fn accumulate_scaled(
        &mut self,
        mut gradients: GradStore,
        weight: f64,
        scale: f64,
    ) -> Result<(), ModelError> {
        let lacks = |slot: &&Slot| gradients.get(slot.variable.as_tensor()).is_none();
        if let Some(slot) = self.slots.iter().find(lacks) {
            return Err(ModelError::NoGradient { key: slot.parameter.key.clone() });
        }
        self.weight += weight;
        let share = if self.weight > 0.0 { weight / self.weight } else { 1.0 };
        for slot in &mut self.slots {
            let Some(gradient) = gradients.remove(slot.variable.as_tensor()) else { continue };
            // A gradient is no part of a graph that should be kept.
            let mut gradient = gradient.detach().contiguous()?;
            if scale != 1.0 {
                gradient = (gradient / scale)?;
            }
            slot.gradient = Some(match slot.gradient.take() {
                None => Gradient::Borrowed(gradient),
                Some(mean) => mean.moved(&gradient, share)?,
            });
        }
        Ok(())
    }

    /// One step along the mean of the gradients taken in since the last one, which are forgotten.
    ///
    /// With g the gradient plus weight decay · p: v ← momentum · v + g; p ← p − rate · v, or with Nesterov
    /// p ← p − rate · (g + momentum · v).
    ///
    /// # Errors
    /// [`ModelError::NoGradient`] where none were taken in; when memory is full.
    pub fn step(&mut self, learning_rate: f64) -> Result<(), ModelError> {
        for slot in &mut self.slots {
            let gradient = slot
                .gradient
                .take()
                .ok_or_else(|| ModelError::NoGradient { key: slot.parameter.key.clone() })?;
            let decays = self.options.decay.includes(slot.parameter.role);
            let step = Step {
                rate: learning_rate,
                momentum: self.options.momentum,
                weight_decay: if decays { self.options.weight_decay } else { 0.0 },
                nesterov: self.options.nesterov,
            };
            step.apply(&slot.variable, &gradient, &mut slot.velocity)?;
        }
        self.weight = 0.0;
        Ok(())
    }

    /// Whether the gradients of what is changed hold finite numbers alone.
    ///
    /// # Errors
    /// When memory is full.
    pub fn is_finite(&self, gradients: &GradStore) -> Result<bool, ModelError> {
        let gradients = self.slots.iter().filter_map(|slot| gradients.get(&slot.variable));
        // A sum of finite numbers below the largest of float16 stays finite; what is none, makes it none.
        let sums = gradients.map(|gradient| gradient.detach().abs()?.sum_all());
        let sums = sums.collect::<candle_core::Result<Vec<_>>>()?;
        if sums.is_empty() {
            return Ok(true);
        }
        Ok(Tensor::stack(&sums, 0)?.to_vec1::<f32>()?.iter().all(|sum| sum.is_finite()))
    }

    /// Forgets the gradients that wait for a step.
    pub fn discard(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.gradient = None);
        self.weight = 0.0;
    }

    /// The momentum of each parameter by its key, f32 on the CPU, in the parameter's shape. Empty before the
    /// first step, and without momentum.
    ///
    /// # Errors
    /// When memory is full.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>, ModelError> {
        let mut state = BTreeMap::new();
        for slot in &self.slots {
            let shape = slot.parameter.shape.as_slice();
            let tensor = match &slot.velocity {
                None => continue,
                Some(Velocity::Host(values)) => Tensor::from_slice(values, shape, &Device::Cpu)?,
                Some(Velocity::Device(tensor)) => tensor.to_device(&Device::Cpu)?,
            };
            state.insert(slot.parameter.key.clone(), tensor);
        }
        Ok(state)
    }

    /// Puts a [`Sgd::state`] back, bit for bit; gradients that wait are forgotten. What else it holds is ignored.
    ///
    /// # Errors
    /// [`ModelError::State`] where it lacks some but not all of the parameters, or a shape differs; nothing has
    /// been changed then.
    pub fn set_state(&mut self, state: &HashMap<String, Tensor>) -> Result<(), ModelError> {
        let held = self.slots.iter().filter(|slot| state.contains_key(&slot.parameter.key)).count();
        let mut velocities = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let (key, expected) = (&slot.parameter.key, &slot.parameter.shape);
            let wrong =
                |found| ModelError::State { key: key.clone(), expected: expected.clone(), found };
            velocities.push(match state.get(key) {
                None if held == 0 => None,
                None => return Err(wrong(None)),
                Some(tensor) if tensor.dims() != expected.as_slice() => {
                    return Err(wrong(Some(tensor.dims().to_vec())));
                }
                Some(tensor) if slot.variable.device().is_cpu() => {
                    Some(Velocity::Host(tensor.flatten_all()?.to_vec1()?))
                }
                Some(tensor) => Some(Velocity::Device(tensor.to_device(slot.variable.device())?)),
            });
        }
        for (slot, velocity) in self.slots.iter_mut().zip(velocities) {
            slot.velocity = velocity;
        }
        self.discard();
        Ok(())
    }
}

impl Gradient {
    /// The mean moved by a share towards another gradient.
    fn moved(self, to: &Tensor, share: f64) -> candle_core::Result<Gradient> {
        if !to.device().is_cpu() {
            let Gradient::Borrowed(mean) = self else { unreachable!("no host memory there") };
            return Ok(Gradient::Borrowed(((mean * (1.0 - share))? + (to * share)?)?));
        }
        let mut mean = match self {
            Gradient::Borrowed(tensor) => tensor.flatten_all()?.to_vec1()?,
            Gradient::Host(values) => values,
        };
        let (kept, share) = ((1.0 - share) as f32, share as f32);
        with_values(to, |to| {
            mean.par_chunks_mut(CHUNK).zip(to.par_chunks(CHUNK)).for_each(|(mean, to)| {
                for (mean, to) in mean.iter_mut().zip(to) {
                    *mean = *mean * kept + to * share;
                }
            });
        })?;
        Ok(Gradient::Host(mean))
    }
}

/// Numbers that one thread changes at a time: 256 KiB of each of three, less than a core's cache.
const CHUNK: usize = 1 << 16;

/// Calls with the numbers of a tensor on the CPU, which is contiguous.
fn with_values<T>(tensor: &Tensor, call: impl FnOnce(&[f32]) -> T) -> candle_core::Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(values), Some((start, end))) => Ok(call(&values.as_slice()?[start..end])),
        _ => candle_core::bail!("expected a contiguous tensor on the CPU"),
    }
}

/// One parameter's step.
#[derive(Debug, Clone, Copy)]
struct Step {
    rate: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
}

impl Step {
    fn apply(
        self,
        variable: &Var,
        gradient: &Gradient,
        velocity: &mut Option<Velocity>,
    ) -> candle_core::Result<()> {
        if !variable.device().is_cpu() {
            let Gradient::Borrowed(gradient) = gradient else {
                unreachable!("no host memory there")
            };
            return self.apply_on_device(variable, gradient, velocity);
        }
        if self.momentum > 0.0 && velocity.is_none() {
            *velocity = Some(Velocity::Host(vec![0.0; variable.elem_count()]));
        }
        let mut none = Vec::new();
        let velocity = match velocity {
            Some(Velocity::Host(values)) if self.momentum > 0.0 => values,
            _ => &mut none,
        };
        let mut run = |gradient: &[f32]| {
            variable.inplace_op1(&InPlace {
                step: self,
                gradient,
                velocity: RefCell::new(velocity),
            })
        };
        match gradient {
            Gradient::Borrowed(tensor) => with_values(tensor, run)?,
            Gradient::Host(values) => run(values),
        }
    }

    /// By Candle's own operations.
    fn apply_on_device(
        self,
        variable: &Var,
        gradient: &Tensor,
        velocity: &mut Option<Velocity>,
    ) -> candle_core::Result<()> {
        let parameter = variable.as_detached_tensor();
        let mut change = gradient.clone();
        if self.weight_decay != 0.0 {
            change = (change + (&parameter * self.weight_decay)?)?;
        }
        if self.momentum > 0.0 {
            let next = match velocity.take() {
                Some(Velocity::Device(velocity)) => ((velocity * self.momentum)? + &change)?,
                _ => change.clone(),
            };
            change =
                if self.nesterov { (change + (&next * self.momentum)?)? } else { next.clone() };
            *velocity = Some(Velocity::Device(next));
        }
        variable.set(&(parameter - (change * self.rate)?)?)
    }
}

/// [`Step`] in one pass over a parameter, its gradient and its velocity (empty: no momentum).
struct InPlace<'a> {
    step: Step,
    gradient: &'a [f32],
    velocity: RefCell<&'a mut Vec<f32>>,
}

impl InplaceOp1 for InPlace<'_> {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            candle_core::bail!("sgd: expected a contiguous variable of f32");
        };
        let values = &mut values[start..end];
        let (rate, decay) = (self.step.rate as f32, self.step.weight_decay as f32);
        let (momentum, nesterov) = (self.step.momentum as f32, self.step.nesterov);
        let mut velocity = self.velocity.borrow_mut();
        let chunks = values.par_chunks_mut(CHUNK).zip(self.gradient.par_chunks(CHUNK));
        if velocity.is_empty() {
            chunks.for_each(|(values, gradient)| {
                for (value, gradient) in values.iter_mut().zip(gradient) {
                    *value -= rate * (gradient + decay * *value);
                }
            });
            return Ok(());
        }
        chunks.zip(velocity.par_chunks_mut(CHUNK)).for_each(|((values, gradient), velocity)| {
            for ((value, gradient), velocity) in values.iter_mut().zip(gradient).zip(velocity) {
                let gradient = gradient + decay * *value;
                *velocity = momentum * *velocity + gradient;
                let change = if nesterov { gradient + momentum * *velocity } else { *velocity };
                *value -= rate * change;
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than a chunk, and with a tail.
    const LENGTH: usize = CHUNK + 1001;

    fn parameter(key: &str, role: Role) -> Parameter {
        let shape = vec![LENGTH];
        Parameter { key: key.to_owned(), shape, role, in_head: true, last: false }
    }

    fn numbers(seed: u64) -> Vec<f32> {
        let mut random = tcolz_base::random::Random::new("sgd test", &[seed]);
        (0..LENGTH).map(|_| (random.unit() * 2.0 - 1.0) as f32).collect()
    }

    fn variable(seed: u64) -> Var {
        Var::from_vec(numbers(seed), LENGTH, &Device::Cpu).unwrap()
    }

    /// The gradient of Σ xᵢ · cᵢ is c.
    fn gradients(variables: &[Var], seed: u64) -> GradStore {
        let constant = Tensor::from_vec(numbers(seed), LENGTH, &Device::Cpu).unwrap();
        let sum = variables.iter().map(|variable| (variable.as_tensor() * &constant).unwrap());
        let sum = sum.reduce(|left, right| (left + right).unwrap()).unwrap();
        sum.sum_all().unwrap().backward().unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn bits(tensor: &Tensor) -> Vec<u32> {
        values(tensor).into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn in_place_steps_are_those_of_plain_operations() {
        for (momentum, weight_decay, nesterov) in
            [(0.0, 0.0, false), (0.0, 0.01, false), (0.9, 0.0, false), (0.9, 0.01, true)]
        {
            let step = Step { rate: 0.1, momentum, weight_decay, nesterov };
            let (fast, plain) = (variable(1), variable(1));
            let (mut fast_velocity, mut plain_velocity) = (None, None);
            for seed in 2..6 {
                let gradient = Tensor::from_vec(numbers(seed), LENGTH, &Device::Cpu).unwrap();
                let borrowed = Gradient::Borrowed(gradient.clone());
                step.apply(&fast, &borrowed, &mut fast_velocity).unwrap();
                step.apply_on_device(&plain, &gradient, &mut plain_velocity).unwrap();
            }
            for (fast, plain) in values(&fast).into_iter().zip(values(&plain)) {
                assert!((fast - plain).abs() < 1e-6, "{step:?}: {fast} {plain}");
            }
        }
    }

    #[test]
    fn accumulated_micro_batches_are_one_batch() {
        let keys = [parameter("a", Role::Kernel), parameter("b", Role::Bias)];
        let options = SgdOptions { weight_decay: 0.1, ..SgdOptions::default() };
        let run = |parts: &[(u64, f64)]| {
            let variables = [variable(1), variable(2)];
            let mut sgd = Sgd::new(keys.iter().zip(&variables), options);
            for &(seed, weight) in parts {
                sgd.accumulate(gradients(&variables, seed), weight).unwrap();
            }
            sgd.step(0.1).unwrap();
            variables.map(|variable| values(&variable))
        };
        // A mean with weights is the same with each part as often as its weight.
        let parts = run(&[(3, 2.0), (4, 1.0), (5, 3.0)]);
        let whole = run(&[(3, 1.0), (5, 1.0), (3, 1.0), (4, 1.0), (5, 1.0), (5, 1.0)]);
        for (parts, whole) in parts.iter().flatten().zip(whole.iter().flatten()) {
            assert!((parts - whole).abs() < 1e-6, "{parts} {whole}");
        }
        // Two parameters may have one gradient in one place: neither is changed through the other.
        assert_ne!(parts[0], parts[1]);
    }

    #[test]
    fn state_put_back_goes_on_with_the_same_bits() {
        let keys = [parameter("a", Role::Kernel), parameter("b", Role::NormWeight)];
        let options = SgdOptions { weight_decay: 0.1, nesterov: true, ..SgdOptions::default() };
        let variables = [variable(1), variable(2)];
        let mut sgd = Sgd::new(keys.iter().zip(&variables), options);
        assert!(sgd.state().unwrap().is_empty());
        for seed in 3..6 {
            sgd.accumulate(gradients(&variables, seed), 1.0).unwrap();
            sgd.step(0.1).unwrap();
        }
        let state: HashMap<_, _> = sgd.state().unwrap().into_iter().collect();
        let copies = variables.each_ref().map(|variable| {
            Var::from_tensor(&variable.as_detached_tensor().copy().unwrap()).unwrap()
        });
        let mut again = Sgd::new(keys.iter().zip(&copies), options);
        again.set_state(&state).unwrap();
        for (sgd, variables) in [(&mut sgd, &variables), (&mut again, &copies)] {
            sgd.accumulate(gradients(variables, 9), 1.0).unwrap();
            sgd.step(0.05).unwrap();
        }
        for (one, other) in variables.iter().zip(&copies) {
            assert_eq!(bits(one), bits(other));
        }
        let mut part = state.clone();
        part.remove("b");
        let error = again.set_state(&part).unwrap_err().to_string();
        assert!(error.contains("`b`"), "{error}");
        part.insert(
            "b".to_owned(),
            Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap(),
        );
        let error = again.set_state(&part).unwrap_err().to_string();
        assert!(error.contains(&format!("expected the shape [{LENGTH}], found [3]")), "{error}");
    }

    #[test]
    fn only_what_should_decay_does() {
        let roles = [Role::Kernel, Role::Matrix, Role::Bias, Role::NormWeight, Role::NormBias];
        let decaying = |decay: Decay| roles.map(|role| decay.includes(role));
        assert_eq!(decaying(Decay::All), [true; 5]);
        assert_eq!(decaying(Decay::Weights), [true, true, false, false, false]);
        assert_eq!(decaying(Decay::Kernels), [true, false, false, false, false]);
        let keys = [parameter("a", Role::Kernel), parameter("b", Role::Bias)];
        let variables = [variable(1), variable(1)];
        let options =
            SgdOptions { weight_decay: 0.5, decay: Decay::Kernels, ..SgdOptions::default() };
        let mut sgd = Sgd::new(keys.iter().zip(&variables), options);
        sgd.accumulate(gradients(&variables, 2), 1.0).unwrap();
        sgd.step(1.0).unwrap();
        let (start, gradient) = (numbers(1), numbers(2));
        for (place, (decayed, kept)) in
            values(&variables[0]).into_iter().zip(values(&variables[1])).enumerate()
        {
            let plain = start[place] - gradient[place];
            assert_eq!(kept, plain);
            assert!((decayed - (plain - 0.5 * start[place])).abs() < 1e-6);
        }
    }

    #[test]
    fn a_step_without_gradients_is_refused() {
        let keys = [parameter("a", Role::Kernel), parameter("b", Role::Bias)];
        let variables = [variable(1), variable(2)];
        let mut sgd = Sgd::new(keys.iter().zip(&variables), SgdOptions::default());
        assert!(sgd.step(0.1).unwrap_err().to_string().contains("`a`"));
        let only_one = gradients(&variables[..1], 3);
        assert!(sgd.accumulate(only_one, 1.0).unwrap_err().to_string().contains("`b`"));
    }
}
