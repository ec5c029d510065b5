//! Reads the samples of a dataset's first shard: pixels as seen, and the same through a view.
//!
//! `cargo run --release --example read_shard -- DATASET`

use tcolz::Dataset;
use tcolz::shard::TensorDecoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read_shard DATASET")?;
    let dataset = Dataset::open(path)?;
    let split = &dataset.meta().splits[0].name;
    let shard = dataset.open_shard(split, 0)?;

    let column = 0;
    let tensor = &shard.columns()[column];
    let mut decoder = TensorDecoder::new(tensor);
    let mut pixels = vec![0; tensor.raw_bytes()]; // [3, height, width] u8, red plane first

    let view = dataset.view("torch")?;
    let mut input = vec![0f32; tensor.elements()]; // [3, height, width] f32

    for row in 0..shard.rows().min(5) {
        shard.read(row, column, &mut decoder, &mut pixels)?;
        view.apply(&pixels, &mut input);
        let mean = input.iter().sum::<f32>() / input.len() as f32;
        println!(
            "{split} row {row}: {} label {:?}, first pixel {:?}, mean as `torch` sees it {mean:.3}",
            shard.sample_id(row),
            shard.label(row),
            [0, 1, 2].map(|plane| pixels[plane * pixels.len() / 3]),
        );
    }
    Ok(())
}
