//! Reads an epoch of batches: `user-read DATASET`.

use std::error::Error;

use tcolz::Dataset;
use tcolz::loader::DatasetExt;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: user-read DATASET")?;
    let loader = Dataset::open(path)?.loader("train").view("caffe").batch_size(8).shuffle(42).build()?;
    let (mut samples, mut sum) = (0, 0.0);
    for batch in loader.epoch(0) {
        let batch = batch?; // images [n, 3, 32, 32] f32
        samples += batch.labels().len();
        sum += batch.images().iter().map(|&value| f64::from(value)).sum::<f64>();
    }
    println!("{samples} samples read, mean {:.3}", sum / (samples * 3 * 32 * 32) as f64);
    Ok(())
}
