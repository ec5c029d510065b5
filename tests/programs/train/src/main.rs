//! Trains a layer of candle-nn on the batches of a dataset: `user-train DATASET`.

use std::error::Error;

use candle_core::{DType, Device};
use candle_nn::{Module, Optimizer, SGD, VarBuilder, VarMap, linear, loss::cross_entropy};
use tcolz::Dataset;
use tcolz::loader::DatasetExt;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: user-train DATASET")?;
    let dataset = Dataset::open(path)?;
    let loader = dataset.loader("train").condition("label >= 0").view("tf").batch_size(8).shuffle(42);
    let loader = loader.build()?;
    let (variables, device) = (VarMap::new(), Device::Cpu);
    let layer = linear(3, dataset.meta().classes.len(), VarBuilder::from_varmap(&variables, DType::F32, &device))?;
    let mut optimiser = SGD::new(variables.all_vars(), 0.5)?;
    let (mut first, mut last) = (None, 0.0);
    for epoch in 0..40 {
        let (mut sum, mut batches) = (0.0, 0.0);
        for batch in loader.tensors(epoch, &device) {
            let batch = batch?; // images [n, 3, 32, 32] f32, labels [n] u32
            let colours = batch.images.mean((2, 3))?;
            let loss = cross_entropy(&layer.forward(&colours)?, &batch.labels)?;
            optimiser.backward_step(&loss)?;
            (sum, batches) = (sum + f64::from(loss.to_scalar::<f32>()?), batches + 1.0);
        }
        first.get_or_insert(sum / batches);
        last = sum / batches;
    }
    let first = first.unwrap_or_default();
    println!("loss {first:.3} at first, {last:.3} at last");
    if last < 0.8 * first { Ok(()) } else { Err("it learnt nothing".into()) }
}
