//! The memory that a training step was said to take is what it takes, measured in a process of its own.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use tcolz_base::usage::anonymous_bytes;
use tcolz_nn::init::initial_weights;
use tcolz_nn::memory::{Kernels, StepPlan};
use tcolz_nn::net::is_tuned;
use tcolz_nn::{BatchNormMode, Net, Network, Pass};
use tcolz_train::loss::{LossOptions, cross_entropy};
use tcolz_train::sgd::{Sgd, SgdOptions};

/// Which case the child measures.
const CASE: &str = "TCOLZ_TEST_MEMORY_CASE";

fn cases() -> Vec<(Network, StepPlan)> {
    let plan = |batch, image, head_only| StepPlan {
        batch,
        image: [image; 2],
        head_only,
        momentum: true,
        accumulates: false,
        kernels: Kernels::Cpu,
    };
    vec![
        (Network::MobileNetV2, plan(16, 128, false)),
        (Network::MobileNetV1, plan(16, 128, false)),
        (Network::InceptionResNetV2, plan(4, 139, false)),
        (Network::MobileNetV2, plan(16, 128, true)),
    ]
}

#[test]
fn a_steps_memory_is_what_was_said_before() {
    let Some(_) = anonymous_bytes() else { return };
    for (number, (network, plan)) in cases().into_iter().enumerate() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["memory::child", "--exact", "--ignored", "--nocapture"])
            .env(CASE, number.to_string())
            .env("RAYON_NUM_THREADS", "2")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{text}");
        let found = text.lines().find_map(|line| line.split_once("measured ")).unwrap().1;
        let found: f64 = found.trim().parse().unwrap();
        let said = network.spec(&network.properties(), 3).step_memory(&plan).unwrap();
        let ratio = found / said.total() as f64;
        println!("{network} {plan:?}: {said:?}, found {found}, {ratio:.2} of what was said");
        assert!(
            (0.6..1.15).contains(&ratio),
            "{network} {plan:?}: {said:?}, found {found}: {ratio:.2}"
        );
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    let (network, plan) = cases()[case.parse::<usize>().unwrap()];
    let spec = network.spec(&network.properties(), 3);
    let before = anonymous_bytes().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let watch = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let mut most = 0;
            while !stop.load(Ordering::Relaxed) {
                most = most.max(anonymous_bytes().unwrap());
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        }
    });
    let net = Net::new(spec.clone(), &initial_weights(&spec, 1).unwrap(), &Device::Cpu).unwrap();
    let trained = net.parameters().filter(|(parameter, _)| is_tuned(parameter, plan.head_only));
    let mut sgd = Sgd::new(trained, SgdOptions::default());
    let [height, width] = plan.image;
    let labels = Tensor::zeros(plan.batch, DType::U32, &Device::Cpu).unwrap();
    for _ in 0..2 {
        let shape = (plan.batch, 3, height, width);
        let images = Tensor::rand(-1f32, 1f32, shape, &Device::Cpu).unwrap();
        let train =
            Pass { batch_norm: BatchNormMode::Batch, dropout: Some((1, 1)), gradients: true };
        let features = if plan.head_only { Pass::INFER } else { train };
        let logits = net.logits(&net.features(&images, features).unwrap(), train).unwrap();
        let loss = cross_entropy(&logits, &labels, &LossOptions::default()).unwrap();
        sgd.accumulate(loss.backward().unwrap(), plan.batch as f64).unwrap();
        sgd.step(0.01).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    println!("\nmeasured {}", watch.join().unwrap() - before);
}
