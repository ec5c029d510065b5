//! A training step of eight images at 224: forward with the batch's statistics, cross entropy, gradients, SGD.
//! One iteration is one step. The section `models` of benches/RESULTS.md has steps of 8 beside PyTorch.

use candle_core::{Device, Tensor};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tcolz_nn::init::initial_weights;
use tcolz_nn::{BatchNormMode, Net, Network, Pass};
use tcolz_train::loss::{LossOptions, cross_entropy};

const IMAGES: usize = 8;
const CLASSES: usize = 3;
const RATE: f64 = 1e-3;

#[divan::bench(args = ["mobilenet-v2", "mobilenet-v1", "vgg19"], sample_count = 5)]
fn training_step(bencher: Bencher<'_, '_>, name: &str) {
    let network = Network::parse(name).expect("a network's name");
    let spec = network.spec(&network.properties(), CLASSES);
    let weights = initial_weights(&spec, 1).expect("weights");
    let net = Net::new(spec, &weights, &Device::Cpu).expect("a network of all its weights");
    let size = network.usual_size() as usize;
    let pixel = |at: usize| (at * 37 % 255) as f32 / 127.5 - 1.0;
    let pixels: Vec<f32> = (0..IMAGES * 3 * size * size).map(pixel).collect();
    let images = Tensor::from_vec(pixels, (IMAGES, 3, size, size), &Device::Cpu).expect("images");
    let labels: Vec<u32> = (0..IMAGES as u32).map(|image| image % CLASSES as u32).collect();
    let labels = Tensor::new(labels, &Device::Cpu).expect("labels");
    let pass = Pass { batch_norm: BatchNormMode::Batch, dropout: Some((1, 0)), gradients: true };
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        let logits = net.forward(&images, pass).expect("a forward pass");
        let loss = cross_entropy(&logits, &labels, &LossOptions::default()).expect("a loss");
        let gradients = loss.backward().expect("gradients");
        for (_, variable) in net.parameters() {
            if let Some(gradient) = gradients.get(variable) {
                let step = (gradient * RATE).and_then(|step| variable.as_tensor() - step);
                variable.set(&step.expect("a step")).expect("a step");
            }
        }
        black_box(loss);
    });
}
