//! What a machine gets out of a dataset: stored bytes alone, with decompression, as whole batches.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::element::Element;
use super::select::Place;
use super::{Loader, LoaderError};
use tcolz_base::usage::disk_read_bytes;
use tcolz_format::shard::{ShardError, TensorDecoder};

/// Samples that a thread takes at once where no batches are made.
const CHUNK: usize = 64;

/// How far a sample is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its stored bytes are had and their hash is tested, as before every use.
    Storage,
    /// And its tensor is made of them, as stored, in memory that stays in the caches.
    Decompression,
    /// And the view is applied in a batch, which the consumer takes: all that training sees.
    Batches,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Samples taken.
    pub photos: u64,
    /// In this time.
    pub seconds: f64,
    /// What came out of the stage, in bytes: stored bytes, tensors as stored, tensors of batches.
    pub bytes: u64,
    /// What the process had to read from the disk, read ahead included; `None` where the system does not
    /// say. Far less than is stored where the page cache had it.
    pub disk_bytes: Option<u64>,
}

impl Rate {
    /// Samples a second.
    pub fn photos_per_second(&self) -> f64 {
        self.photos as f64 / self.seconds.max(1e-9)
    }

    /// What came out of the stage, in bytes a second.
    pub fn bytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.seconds.max(1e-9)
    }
}

impl<T: Element> Loader<T> {
    /// Reads epoch after epoch for about `time` by as many threads as the loader has workers, and says how
    /// much it was. With no time, exactly one epoch is read. Ends early when `stop` becomes true.
    ///
    /// # Errors
    /// As an [`super::Epoch`], from the first sample that cannot be had.
    pub fn measure(
        &self,
        stage: Stage,
        time: Option<Duration>,
        stop: &AtomicBool,
    ) -> Result<Rate, LoaderError> {
        let before = disk_read_bytes();
        let begun = Instant::now();
        let over =
            || stop.load(Ordering::Relaxed) || time.is_some_and(|time| begun.elapsed() >= time);
        let (mut photos, mut bytes) = (0, 0);
        for epoch in 0u32.. {
            let (more_photos, more_bytes) = match stage {
                Stage::Batches => self.measure_batches(epoch, &over)?,
                _ => self.measure_samples(epoch, stage, &over)?,
            };
            (photos, bytes) = (photos + more_photos, bytes + more_bytes);
            if time.is_none() || over() {
                break;
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let disk_bytes = before.zip(disk_read_bytes()).map(|(before, after)| after - before);
        Ok(Rate { photos, seconds, bytes, disk_bytes })
    }

    fn measure_batches(
        &self,
        number: u32,
        over: &dyn Fn() -> bool,
    ) -> Result<(u64, u64), LoaderError> {
        let (mut photos, mut bytes) = (0, 0);
        let mut epoch = self.epoch(number);
        while !over() {
            let Some(batch) = epoch.next().transpose()? else { break };
            photos += batch.len() as u64;
            bytes += size_of_val(batch.images()) as u64;
        }
        Ok((photos, bytes))
    }

    /// The samples of an epoch without batches, by threads of their own.
    fn measure_samples(
        &self,
        number: u32,
        stage: Stage,
        over: &(dyn Fn() -> bool + Sync),
    ) -> Result<(u64, u64), LoaderError> {
        let order = self.epoch_order(number);
        let chunks: Vec<&[u32]> = order.chunks(CHUNK).collect();
        let places = |chunk: usize| {
            let indices = chunks.get(chunk).copied().unwrap_or_default();
            indices.iter().map(|&index| self.selection.places()[index as usize])
        };
        let next = AtomicUsize::new(0);
        let (photos, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let failure = Mutex::new(None);
        let work = || -> Result<(), LoaderError> {
            let mut taker = Taker::new(self, stage);
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if chunk >= chunks.len() || over() {
                    return Ok(());
                }
                for place in places(chunk + self.workers) {
                    self.shards.will_need(place, self.column)?;
                }
                for place in places(chunk) {
                    bytes.fetch_add(taker.take(self, place)?, Ordering::Relaxed);
                    photos.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    if let Err(error) = work() {
                        next.store(chunks.len(), Ordering::Relaxed);
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        failure.get_or_insert(error);
                    }
                });
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok((photos.into_inner(), bytes.into_inner())),
        }
    }
}

/// Takes single samples as far as a stage goes.
struct Taker {
    stored: Vec<u8>,
    tensor: Vec<u8>,
    decoder: Option<TensorDecoder>,
}

impl Taker {
    fn new<T: Element>(loader: &Loader<T>, stage: Stage) -> Taker {
        let column = &loader.shards.dataset().meta().columns[loader.column];
        let decoder = (stage == Stage::Decompression).then(|| TensorDecoder::new(column));
        Taker { stored: Vec::new(), tensor: vec![0; column.raw_bytes()], decoder }
    }

    /// Bytes that came out.
    fn take<T: Element>(&mut self, loader: &Loader<T>, place: Place) -> Result<u64, LoaderError> {
        loader.shards.get(place.shard)?.check_length()?;
        let row = loader.shards.row(place, loader.column)?;
        let stored = row.stored(&mut self.stored)?;
        let Some(decoder) = &mut self.decoder else { return Ok(stored.len() as u64) };
        decoder.decode(stored, &mut self.tensor).map_err(|source| ShardError::Undecodable {
            path: row.path().to_owned(),
            row: row.number(),
            sample_id: row.sample_id().to_owned(),
            column: loader.shards.dataset().meta().columns[loader.column].name.clone(),
            source,
        })?;
        Ok(self.tensor.len() as u64)
    }
}
