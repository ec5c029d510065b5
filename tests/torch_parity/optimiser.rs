//! SGD, schedules and the loss against `torch.optim` and `torch.nn.functional`.

use candle_core::{Device, Tensor, Var};
use serde::Deserialize;
use tcolz_nn::spec::{Parameter, Role};
use tcolz_train::loss::{LossOptions, cross_entropy};
use tcolz_train::schedule::Schedule;
use tcolz_train::sgd::{Decay, Sgd, SgdOptions};

#[derive(Deserialize)]
struct Golden {
    sgd: Vec<SgdRun>,
    schedules: Schedules,
    losses: Vec<Loss>,
}

#[derive(Deserialize)]
struct SgdRun {
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
    steps: Vec<SgdStep>,
}

#[derive(Deserialize)]
struct SgdStep {
    parameter: Vec<f32>,
    momentum: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct Schedules {
    steps_per_epoch: u64,
    epochs: u32,
    base: f64,
    cases: Vec<ScheduleCase>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    text: String,
    rates: Vec<f64>,
    momenta: Vec<f64>,
}

#[derive(Deserialize)]
struct Loss {
    label_smoothing: f64,
    class_weights: Option<Vec<f64>>,
    scale: f64,
    labels: Vec<u32>,
    loss: f32,
    gradient: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../fixtures/optimiser/optimiser.json")).unwrap()
}

/// `numbers` of make.py.
fn numbers(seed: u64, count: u64) -> Vec<f32> {
    let mixed = (0..count).map(|i| ((seed * 1000 + i + 1) * 2_654_435_761) & 0xFFFF_FFFF);
    mixed.map(|mixed| ((mixed >> 8) as f32 - 8_388_608.0) / 8_388_608.0).collect()
}

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-6 * expected.abs().max(0.1),
            "{what}: {found} {expected}"
        );
    }
}

#[test]
fn steps_are_those_of_torch_optim_sgd() {
    for run in golden().sgd {
        let (momentum, weight_decay, nesterov) = (run.momentum, run.weight_decay, run.nesterov);
        let options = SgdOptions { momentum, weight_decay, nesterov, decay: Decay::All };
        let (key, shape) = ("p".to_owned(), vec![8]);
        let parameter = Parameter { key, shape, role: Role::Bias, in_head: true, last: true };
        let variable = Var::from_vec(numbers(0, 8), 8, &Device::Cpu).unwrap();
        let mut sgd = Sgd::new([(&parameter, &variable)].into_iter(), options);
        for (step, expected) in run.steps.iter().enumerate() {
            let gradient = Tensor::from_vec(numbers(step as u64 + 1, 8), 8, &Device::Cpu).unwrap();
            let loss = (variable.as_tensor() * gradient).unwrap().sum_all().unwrap();
            sgd.accumulate(loss.backward().unwrap(), 1.0).unwrap();
            sgd.step(0.1 / (1.0 + step as f64)).unwrap();
            let what = format!("{options:?}, step {step}");
            assert_near(&variable.to_vec1().unwrap(), &expected.parameter, &what);
            let state = sgd.state().unwrap();
            let velocity = state.get("p").map(|tensor| tensor.to_vec1::<f32>().unwrap());
            assert_eq!(velocity.is_some(), expected.momentum.is_some());
            if let (Some(found), Some(expected)) = (velocity, &expected.momentum) {
                assert_near(&found, expected, &what);
            }
        }
    }
}

#[test]
fn rates_and_momenta_are_those_of_torchs_schedulers() {
    let Schedules { steps_per_epoch, epochs, base, cases } = golden().schedules;
    assert!(cases.len() > 8);
    for case in cases {
        let schedule: Schedule = case.text.parse().unwrap();
        assert_eq!(case.rates.len() as u64, steps_per_epoch * u64::from(epochs));
        for (step, (rate, momentum)) in (0..).zip(case.rates.iter().zip(&case.momenta)) {
            let what = format!("{}, step {step}", case.text);
            let found = schedule.learning_rate(step, steps_per_epoch, epochs, base);
            assert!((found - rate).abs() <= 1e-12 + 1e-9 * rate, "{what}: {found} {rate}");
            let found = schedule.momentum(step, steps_per_epoch, epochs, 0.9);
            assert!((found - momentum).abs() <= 1e-9, "{what}: {found} {momentum}");
        }
    }
}

#[test]
fn the_loss_and_its_gradient_are_those_of_torchs_cross_entropy() {
    for case in golden().losses {
        let options = LossOptions {
            label_smoothing: case.label_smoothing,
            class_weights: case.class_weights,
        };
        let logits = Tensor::from_vec(numbers(9, 20), (5, 4), &Device::Cpu).unwrap();
        let logits = Var::from_tensor(&(logits * case.scale).unwrap()).unwrap();
        let labels = Tensor::new(case.labels, &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &labels, &options).unwrap();
        let what = format!("{options:?}, scale {}", case.scale);
        assert_near(&[loss.to_scalar().unwrap()], &[case.loss], &what);
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&logits).unwrap().flatten_all().unwrap();
        assert_near(&gradient.to_vec1().unwrap(), &case.gradient, &what);
    }
}
