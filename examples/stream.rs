//! Streams shuffled batches out of a dataset and says how fast:
//!
//! ```text
//! cargo run --release --example stream -- b-t4sa.tcolz [workers] [epochs]
//! ```
//! Without a dataset it makes a small one first.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tcolz::loader::{DatasetExt, RankState};
use tcolz::{ConvertOptions, Dataset, convert};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = tempfile::tempdir()?;
    let path = match arguments.first() {
        Some(path) => PathBuf::from(path),
        None => {
            let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
            tcolz::demo::make_dump(&photos, 60)?;
            convert(&ConvertOptions::new(&photos, &out), &AtomicBool::new(false), &mut ())?;
            out
        }
    };
    let dataset = Dataset::open(&path)?;
    let mut builder = dataset.loader("train").view("caffe").batch_size(64).shuffle(42);
    if let Some(workers) = arguments.get(1) {
        builder = builder.workers(workers.parse()?);
    }
    let loader = builder.build()?;
    let epochs = arguments.get(2).map_or(Ok(3), |text| text.parse())?;
    for number in 0..epochs {
        let (start, mut photos, mut sum) = (Instant::now(), 0, 0.0f64);
        let mut epoch = loader.epoch(number);
        for batch in &mut epoch {
            let batch = batch?; // images [n, 3, 224, 224] f32, labels [n], sample ids
            photos += batch.labels().len();
            sum += f64::from(batch.images()[0]);
        }
        let seconds = start.elapsed().as_secs_f64();
        loader.check_receipts(&RankState::merge(&[epoch.state()])?)?;
        println!(
            "epoch {number}: {photos} photos by {} workers, {:.0} a second, each exactly once (sum {sum})",
            loader.workers(),
            photos as f64 / seconds
        );
    }
    Ok(())
}
