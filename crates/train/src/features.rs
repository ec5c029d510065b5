//! Features of the samples of a run: made before the first step, read in every epoch.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::cache::{self, Cache};
use super::error::{Result, TrainError};
use super::learner::{Inputs, Learner};
use super::observer::TrainObserver;
use super::options::{CacheChoice, Finetune};
use super::setup::Setup;
use tcolz_base::durable;
use tcolz_format::dataset::Receipt;
use tcolz_loader::select::Place;
use tcolz_loader::{LastBatch, Loader, State, Stripes};

/// Batches that wait beside the one that is read.
const WAITING: usize = 2;

/// The features of what one loader reads.
#[derive(Debug, Clone)]
pub(super) struct Features {
    /// One for each split: several splits that are read as one share the features that each has alone.
    caches: Arc<[Cache]>,
    /// Of each sample of the selection the place of its cache, and its row there.
    rows: Arc<[(u16, u64)]>,
    labels: Arc<[u32]>,
    /// Of each sample; a row of a cache counts only if it was written for this sample.
    receipts: Arc<[Receipt]>,
}

/// What a run had of features of a frozen backbone: which it computed, and which were in the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureUse {
    /// What decides them, in sixteen letters: runs with the same key share them. Empty where none are kept.
    pub key: String,
    /// Samples whose features the run needs; 0 where none are kept.
    pub samples: u64,
    /// Of these, those whose features this run computed. The others were found: another run had computed them.
    pub made: u64,
}

/// A batch of features.
#[derive(Debug)]
pub(super) struct FeatureBatch {
    /// `[n, features]`, row-major.
    pub(super) values: Vec<f32>,
    pub(super) labels: Vec<u32>,
    receipt: Receipt,
}

/// What came of making features.
pub(super) enum Made {
    /// The features of each loader.
    Kept(Vec<Features>, FeatureUse),
    /// What keeps them from being kept, as a sentence.
    NotKept(String),
    /// [`TrainError::InterruptedFeatures`], and what was made until then.
    Stopped(TrainError, FeatureUse),
}

/// Computes what is not there yet of the features that the loaders' samples have, unless more than `most` are missing.
///
/// # Errors
/// Whatever is wrong with samples, network or disk. A full disk is none: the features are not kept then.
pub(super) fn make(
    setup: &Setup,
    folder: PathBuf,
    loaders: &[&Loader],
    most: u64,
    learner: &Learner,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> Result<Made> {
    let features = setup.spec.features();
    let all: u64 = loaders.iter().map(|loader| loader.selection().len() as u64).sum();
    let bytes = all * cache::row_bytes(features) as u64;
    let sets = loaders.iter().map(|loader| Features::of(setup, &folder, loader, features));
    let sets = match sets.collect::<Result<Vec<Features>>>() {
        Err(TrainError::Io { path, source }) if !setup.dataset.root().starts_with(&path) => {
            return Ok(Made::NotKept(format!("{}: {source}", path.display())));
        }
        sets => sets?,
    };
    let missing = sets.iter().map(Features::missing).collect::<Result<Vec<Vec<bool>>>>()?;
    let lacking: u64 = missing.iter().flatten().map(|&missing| u64::from(missing)).sum();
    if lacking > most {
        return Ok(Made::NotKept(format!("{lacking} of {all} are missing")));
    }
    let needed = lacking * cache::row_bytes(features) as u64;
    if let Some(reason) = lacks_room(&folder, needed, durable::free_bytes(&folder).ok()) {
        return Ok(Made::NotKept(reason));
    }
    let key = sets.first().map_or(String::new(), |set| set.caches[0].key());
    let used = FeatureUse { key, samples: all, made: lacking };
    let file = sets.first().map_or(folder, |set| set.caches[0].path().to_owned());
    observer.features_begun(&file, bytes, all - lacking, all);
    let mut done = all - lacking;
    for ((set, loader), missing) in sets.iter().zip(loaders).zip(&missing) {
        let fill = Fill { set, loader, missing, setup };
        match fill.run(learner, stop, &mut done, all, observer) {
            Err(TrainError::Io { path, source })
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                return Ok(Made::NotKept(format!("{}: {source}", path.display())));
            }
            Err(stopped @ TrainError::InterruptedFeatures { done, .. }) => {
                let made = done - (all - lacking);
                return Ok(Made::Stopped(stopped, FeatureUse { made, ..used }));
            }
            filled => filled?,
        }
    }
    Ok(Made::Kept(sets, used))
}

/// What a disk lacks for features of so many bytes, as a sentence; `None` where they fit, or nobody knows.
fn lacks_room(folder: &std::path::Path, needed: u64, free: Option<u64>) -> Option<String> {
    let free = free.filter(|&free| needed > free)?;
    Some(format!(
        "{} has {} MB of room and {} MB of features are to come",
        folder.display(),
        free / 1_000_000,
        needed / 1_000_000
    ))
}

/// Where the features of a setup are kept; `None`: nowhere, by choice, or because a sample has others in every epoch.
pub(super) fn folder(setup: &Setup, run: &std::path::Path) -> Option<PathBuf> {
    if setup.options.finetune == Finetune::All || !setup.options.augment.is_nothing() {
        return None;
    }
    match &setup.options.cache {
        CacheChoice::Off => None,
        CacheChoice::Run => Some(run.to_owned()),
        CacheChoice::Folder(folder) => Some(folder.clone()),
    }
}

impl Features {
    fn of(
        setup: &Setup,
        folder: &std::path::Path,
        loader: &Loader,
        features: usize,
    ) -> Result<Features> {
        let selection = loader.selection();
        let parts = selection.parts();
        let open = |split: &str| {
            let key = cache::key(setup, split)?;
            Cache::open(folder, key, &setup.dataset, split, features)
        };
        let caches = parts.names().map(open).collect::<Result<Vec<Cache>>>()?;
        let row = |place: &Place| {
            let (part, shard) = parts.part(place.shard);
            (part as u16, caches[part].row(Place { shard, ..*place }))
        };
        let rows = selection.places().iter().map(row).collect();
        let labels = selection.labels().iter().map(|&label| u32::from(label)).collect();
        let ids = selection.sample_ids(&setup.dataset)?;
        let receipts = ids.iter().map(|id| Receipt::of(id)).collect();
        Ok(Features { caches: caches.into(), rows, labels, receipts })
    }

    /// For each sample, whether its features must be made.
    fn missing(&self) -> Result<Vec<bool>> {
        let (mut scratch, mut values) = (Vec::new(), Vec::new());
        let missing = self.rows.iter().zip(&*self.receipts).map(|(&(cache, row), &sample)| {
            values.clear();
            let cache = &self.caches[usize::from(cache)];
            let there = cache.read(row, sample, &mut scratch, &mut values);
            Ok(!there.map_err(TrainError::io(cache.path()))?)
        });
        missing.collect()
    }

    /// The rest of an epoch, behind `state`, in an order of indices.
    pub(super) fn epoch(
        &self,
        order: Vec<u32>,
        state: State,
        batch_size: usize,
        last: LastBatch,
    ) -> Result<FeatureEpoch> {
        let stripes = Stripes {
            start: state.position,
            total: order.len() as u64,
            world: 1,
            batch_size: batch_size as u32,
            last,
        };
        let (sender, read) = sync_channel(WAITING);
        let set = self.clone();
        let thread = Builder::new()
            .name("tcolz-features".to_owned())
            .spawn(move || set.read_ahead(&order, stripes, &sender))
            .map_err(TrainError::io(self.caches[0].path()))?;
        Ok(FeatureEpoch { read: Some(read), thread: Some(thread), stripes, state, step: 0 })
    }

    fn read_ahead(
        &self,
        order: &[u32],
        stripes: Stripes,
        sender: &SyncSender<Result<FeatureBatch>>,
    ) {
        for step in 0..stripes.steps() {
            let positions = stripes.batch(0, step);
            let batch = self.batch(&order[positions.start as usize..positions.end as usize]);
            let last = batch.is_err();
            if sender.send(batch).is_err() || last {
                return;
            }
        }
    }

    fn batch(&self, samples: &[u32]) -> Result<FeatureBatch> {
        let mut batch = FeatureBatch {
            values: Vec::with_capacity(samples.len() * self.caches[0].features()),
            labels: Vec::with_capacity(samples.len()),
            receipt: Receipt::default(),
        };
        let mut scratch = Vec::new();
        for &sample in samples {
            let sample = sample as usize;
            let (cache, row) = self.rows[sample];
            let cache = &self.caches[usize::from(cache)];
            let path = cache.path();
            let receipt = self.receipts[sample];
            let read = cache.read(row, receipt, &mut scratch, &mut batch.values);
            if !read.map_err(TrainError::io(path))? {
                return Err(TrainError::DamagedFeatures { path: path.to_owned(), row });
            }
            batch.labels.push(self.labels[sample]);
            batch.receipt += receipt;
        }
        Ok(batch)
    }
}

/// The batches of the rest of an epoch, read ahead by a thread.
#[derive(Debug)]
pub(super) struct FeatureEpoch {
    read: Option<Receiver<Result<FeatureBatch>>>,
    thread: Option<JoinHandle<()>>,
    stripes: Stripes,
    state: State,
    step: u64,
}

impl FeatureEpoch {
    /// Where the epoch stands: behind the last batch that [`Iterator::next`] gave.
    pub(super) fn state(&self) -> State {
        self.state.clone()
    }
}

impl Iterator for FeatureEpoch {
    type Item = Result<FeatureBatch>;

    fn next(&mut self) -> Option<Result<FeatureBatch>> {
        if self.step >= self.stripes.steps() {
            return None;
        }
        let batch = self.read.as_ref()?.recv().ok()?;
        match &batch {
            Ok(batch) => {
                self.step += 1;
                self.state.position = self.stripes.position_after(self.step);
                self.state.delivered += batch.receipt;
            }
            Err(_) => self.read = None,
        }
        Some(batch)
    }
}

impl Drop for FeatureEpoch {
    fn drop(&mut self) {
        // The thread may wait for room: without a receiver it ends.
        self.read = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Making the features of one loader's samples.
struct Fill<'a> {
    set: &'a Features,
    loader: &'a Loader,
    missing: &'a [bool],
    setup: &'a Setup,
}

impl Fill<'_> {
    fn run(
        &self,
        learner: &Learner,
        stop: &AtomicBool,
        done: &mut u64,
        all: u64,
        observer: &mut dyn TrainObserver,
    ) -> Result<()> {
        let Some(first) = self.missing.iter().position(|&missing| missing) else { return Ok(()) };
        let state = State { position: first as u64, ..self.loader.begin(0) };
        let epoch = self.loader.resume_tensors(&state, &self.setup.device)?;
        let mut position = first;
        for batch in epoch {
            let batch = batch?;
            let samples = batch.images.dim(0)?;
            let wanted: Vec<u32> = (0..samples)
                .filter(|&at| self.missing[position + at])
                .map(|at| at as u32)
                .collect();
            if !wanted.is_empty() {
                let chosen = Tensor::from_slice(&wanted, wanted.len(), batch.images.device())?;
                let images = if wanted.len() == samples {
                    batch.images.clone()
                } else {
                    batch.images.index_select(&chosen, 0)?
                };
                let features = learner.features(&Inputs::Images(images))?.to_vec2::<f32>()?;
                for (&at, values) in wanted.iter().zip(&features) {
                    let (cache, row) = self.set.rows[position + at as usize];
                    let cache = &self.set.caches[usize::from(cache)];
                    let sample = batch.sample_ids.get(at as usize).expect("an id for each sample");
                    let sample = Receipt::of(sample);
                    cache.write(row, sample, values).map_err(TrainError::io(cache.path()))?;
                }
                *done += wanted.len() as u64;
                observer.features(*done, all);
            }
            position += samples;
            batch.recycle();
            if stop.load(Ordering::Relaxed) && *done < all {
                return Err(TrainError::InterruptedFeatures { done: *done, all });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_do_not_fit_on_the_disk_are_told_with_both_sizes() {
        let folder = std::path::Path::new("runs/x");
        // VGG19 on the training split of B-T4SA.
        let needed = 368_586 * cache::row_bytes(25_088) as u64;
        let reason = lacks_room(folder, needed, Some(20_000_000_000)).unwrap();
        assert!(reason.contains("runs/x has 20000 MB") && reason.contains("36994 MB"), "{reason}");
        assert_eq!(lacks_room(folder, needed, Some(needed)), None);
        assert_eq!(lacks_room(folder, needed, None), None);
    }
}
