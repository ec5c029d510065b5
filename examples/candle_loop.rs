//! Trains a small network of candle-nn on the batches of a dataset, on the GPU where there is one:
//!
//! ```text
//! cargo run --release --example candle_loop -- DATASET [STEPS]
//! ```
//! After so many steps it stops; started again it goes on behind the last photo that it was trained on, without replay.
//! What it needs for that lies in the current folder: `candle_loop.json` and `candle_loop.safetensors`.

use std::error::Error;
use std::fs;

use candle_core::DType;
use candle_nn::loss::cross_entropy;
use candle_nn::{Activation, Conv2dConfig, Module, Optimizer, SGD, VarBuilder, VarMap};
use candle_nn::{conv2d, linear, seq};
use tcolz::Dataset;
use tcolz::loader::{DatasetExt, RankState};

const EPOCHS: u32 = 2;
const STATE: &str = "candle_loop.json";
const WEIGHTS: &str = "candle_loop.safetensors";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: candle_loop DATASET [STEPS]")?;
    let mut steps: usize = arguments.next().map_or(Ok(usize::MAX), |steps| steps.parse())?;
    let device = tcolz::nn::device::device("auto")?; // with one stream for all threads
    let dataset = Dataset::open(path)?;
    let loader = dataset.loader("train").condition("label >= 0").view("torch");
    let loader = loader.batch_size(8).shuffle(42).build()?;

    let mut variables = VarMap::new();
    let weights = VarBuilder::from_varmap(&variables, DType::F32, &device);
    let strided = Conv2dConfig { stride: 4, ..Conv2dConfig::default() };
    let network = seq()
        .add(conv2d(3, 16, 7, strided, weights.pp("first"))?)
        .add(Activation::Relu)
        .add(conv2d(16, 32, 3, strided, weights.pp("second"))?)
        .add(Activation::Relu)
        .add_fn(|features| features.mean((2, 3)))
        .add(linear(32, dataset.meta().classes.len(), weights.pp("head"))?);
    let mut optimiser = SGD::new(variables.all_vars(), 0.05)?;

    let mut state = loader.begin(0);
    if let Ok(saved) = fs::read(STATE) {
        state = serde_json::from_slice(&saved)?;
        variables.load(WEIGHTS)?;
        println!("goes on with epoch {} behind {} photos", state.epoch, state.position);
    }
    while state.epoch < EPOCHS && steps > 0 {
        let mut epoch = loader.resume_tensors(&state, &device)?;
        let (mut loss_sum, mut batches) = (0.0, 0.0);
        for batch in epoch.by_ref().take(steps) {
            let batch = batch?; // images [n, 3, 224, 224] f32 and labels [n] u32, on the device
            let loss = cross_entropy(&network.forward(&batch.images)?, &batch.labels)?;
            optimiser.backward_step(&loss)?;
            (loss_sum, batches) = (loss_sum + f64::from(loss.to_scalar::<f32>()?), batches + 1.0);
            steps -= 1;
            batch.recycle(); // the loader fills its memory again
        }
        let stripes = epoch.stripes();
        state = RankState::merge(&[epoch.state()])?;
        loader.check_receipts(&state)?; // each photo so far exactly once, by the ledger
        println!(
            "epoch {}: {} of {} photos, mean loss {:.3}",
            state.epoch,
            state.position,
            stripes.total,
            loss_sum / batches
        );
        if state.position >= stripes.total {
            state = loader.begin(state.epoch + 1);
        }
        variables.save(WEIGHTS)?;
        fs::write(STATE, serde_json::to_vec(&state)?)?;
    }
    Ok(())
}
