//! Reads a whole dataset through the memory map: is everything as the ledger says, and how fast was it?

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use tcolz_format::dataset::{Dataset, DatasetError, LedgerRow};
use tcolz_format::sample::Status;
use tcolz_format::shard::{ShardReader, TensorDecoder};
use tcolz_pixels::ChannelSums;
use tcolz_pixels::recipe::Dtype;

/// Reading goes on for at least so long: a few hundred samples are read before a clock has ticked well.
const LEAST: Duration = Duration::from_secs(1);

/// What reading a dataset gave.
#[derive(Debug, Clone, Serialize)]
pub struct ReadBack {
    /// Samples in the shards.
    pub samples: u64,
    /// Bytes of all their tensors, uncompressed.
    pub raw_bytes: u64,
    /// Times that everything was read for the clock, on one thread, after a first time for the checks.
    pub passes: u32,
    /// Seconds that those passes took.
    pub seconds: f64,
    /// Colour of each class, where tensors are pixels.
    pub classes: Vec<ClassColour>,
    /// Everything that is not as the ledger says, as sentences.
    pub wrong: Vec<String>,
}

/// The mean colour of a class.
#[derive(Debug, Clone, Serialize)]
pub struct ClassColour {
    /// Name of the class.
    pub class: String,
    /// Samples of it.
    pub samples: u64,
    /// Red, green and blue, 0 to 255, over all its pixels as stored; NaN without samples.
    pub mean: [f64; 3],
}

impl ReadBack {
    /// Samples read a second, every stored size of each.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 * f64::from(self.passes) / self.seconds.max(1e-9)
    }

    /// Uncompressed bytes read a second.
    pub fn bytes_per_second(&self) -> f64 {
        self.raw_bytes as f64 * f64::from(self.passes) / self.seconds.max(1e-9)
    }
}

/// Reads every stored tensor of a dataset and compares it with the ledger, then reads them all again for
/// the clock.
///
/// # Errors
/// When dataset.json, the ledger or a shard as a whole cannot be used. A row that cannot be read is no
/// error: see [`ReadBack::wrong`].
pub fn read_back(dataset: &Dataset) -> Result<ReadBack, DatasetError> {
    let meta = dataset.meta();
    let ledger = dataset.ledger()?;
    let stored = ledger.iter().filter(|row| row.status == Status::Stored);
    let mut places: HashMap<(&str, (u32, u32)), &LedgerRow> =
        stored.filter_map(|row| Some(((&*row.split, row.place?), row))).collect();
    let mut reading = Reading::new(dataset);
    let mut shards = Vec::new();
    for split in &meta.splits {
        for (shard, number) in dataset.shards(&split.name)?.zip(0..) {
            let shard = shard?;
            for row in 0..shard.rows() {
                match places.remove(&(split.name.as_str(), (number, row))) {
                    Some(entry) => reading.check(&shard, row, entry),
                    None => reading.wrong.push(format!(
                        "{}, row {row}: expected a row of the ledger, found none",
                        shard.path().display()
                    )),
                }
                reading.samples += 1;
            }
            shards.push(shard);
        }
    }
    for row in places.into_values() {
        reading.wrong.push(format!("sample `{}`: no shard holds it", row.sample_id));
    }
    reading.wrong.sort();
    let (passes, seconds) = if reading.wrong.is_empty() { reading.time(&shards) } else { (0, 0.0) };
    Ok(reading.report(dataset, passes, seconds))
}

/// Buffers of a reader, and what it has seen.
struct Reading {
    columns: Vec<(TensorDecoder, Vec<u8>)>,
    pixels: bool,
    samples: u64,
    by_class: Vec<(u64, ChannelSums)>,
    wrong: Vec<String>,
}

impl Reading {
    fn new(dataset: &Dataset) -> Reading {
        let meta = dataset.meta();
        let columns = meta.columns.iter();
        Reading {
            columns: columns.map(|c| (TensorDecoder::new(c), vec![0; c.raw_bytes()])).collect(),
            pixels: meta.recipe.dtype == Dtype::U8,
            samples: 0,
            by_class: vec![(0, ChannelSums::default()); meta.classes.len()],
            wrong: Vec::new(),
        }
    }

    /// Reads one row and holds it against the ledger's.
    fn check(&mut self, shard: &ShardReader, row: u32, entry: &LedgerRow) {
        for (index, (decoder, tensor)) in self.columns.iter_mut().enumerate() {
            if let Err(error) = shard.read(row, index, decoder, tensor) {
                self.wrong.push(error.to_string());
                continue;
            }
            let named = shard.sample_id(row) == entry.sample_id && shard.label(row) == entry.label;
            let hash = entry.tensors.get(index).map(|facts| facts.blake3);
            if !named || hash != Some(*blake3::hash(tensor).as_bytes()) {
                let (path, id) = (shard.path().display(), &entry.sample_id);
                self.wrong.push(format!(
                    "{path}, row {row}: expected sample `{id}` as the ledger describes it, found other data"
                ));
            }
            let class = entry.label.and_then(|label| self.by_class.get_mut(usize::from(label)));
            if let (0, true, Some((samples, sums))) = (index, self.pixels, class) {
                *samples += 1;
                sums.merge(&ChannelSums::of_planes(tensor));
            }
        }
    }

    /// Reads everything again and again: how often, and in how many seconds.
    fn time(&mut self, shards: &[ShardReader]) -> (u32, f64) {
        let begun = Instant::now();
        let mut passes = 0;
        while passes == 0 || begun.elapsed() < LEAST {
            for shard in shards {
                for row in 0..shard.rows() {
                    for (index, (decoder, tensor)) in self.columns.iter_mut().enumerate() {
                        if let Err(error) = shard.read(row, index, decoder, tensor) {
                            self.wrong.push(error.to_string());
                        }
                    }
                }
            }
            passes += 1;
        }
        (passes, begun.elapsed().as_secs_f64())
    }

    fn report(self, dataset: &Dataset, passes: u32, seconds: f64) -> ReadBack {
        let meta = dataset.meta();
        let sample_bytes: usize = meta.columns.iter().map(|column| column.raw_bytes()).sum();
        let pixels = meta.columns.first().map_or(0, |column| u64::from(column.size()).pow(2));
        let classes = meta.classes.iter().zip(&self.by_class).map(|(class, (samples, sums))| {
            let (class, samples) = (class.clone(), *samples);
            ClassColour { class, samples, mean: sums.mean(samples * pixels) }
        });
        ReadBack {
            samples: self.samples,
            raw_bytes: self.samples * sample_bytes as u64,
            passes,
            seconds,
            classes: if self.pixels { classes.collect() } else { Vec::new() },
            wrong: self.wrong,
        }
    }
}
