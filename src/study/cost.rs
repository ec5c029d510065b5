//! What inference costs on the CPU: the time of fifteen images and of one, load and size of the process.
//!
//! As in the pipeline that this project replaces: fifteen photos at once, seven runs, mean and standard deviation. The
//! network alone is timed, from pixels under its view to logits; decoding is the same for every model. Run in a process
//! that does nothing else, sizes are those of a service that holds the model.

use std::time::Instant;

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::StudyError;
use crate::dataset::Dataset;
use crate::evaluate::{Folds, check_recipe};
use crate::loader::Order;
use crate::model::{Folded, Model};
use crate::usage::{process_cpu_seconds, process_sizes_bytes};

/// Images that pass through at once.
const IMAGES: usize = 15;
/// Runs that are timed, behind one that is not.
const RUNS: usize = 7;
/// So long each kind of run is repeated at least while the load is measured.
const LEAST_SECONDS: f64 = 1.0;

/// What inference costs.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// The network.
    pub network: String,
    /// Where it was measured: always `cpu`.
    pub device: &'static str,
    /// Threads that computed.
    pub threads: usize,
    /// Name of the processor; empty where the system does not say.
    pub cpu: String,
    /// Numbers in all parameters.
    pub parameters: u64,
    /// Bytes of them as float32: what has to be deployed, without any optimiser.
    pub weights_bytes: u64,
    /// Seconds of fifteen images at once.
    pub images_15: Timed,
    /// Seconds of one image.
    pub image_1: Timed,
    /// CPU load while fifteen images are computed again and again; 100 is one core.
    pub cpu_percent: Option<f64>,
    /// Resident size of the process at the end, in bytes.
    pub resident_bytes: Option<u64>,
    /// Virtual size of the process at the end, in bytes.
    pub virtual_bytes: Option<u64>,
}

/// Runs of the same thing.
#[derive(Debug, Clone, Serialize)]
pub struct Timed {
    /// Images that passed through at once.
    pub images: usize,
    /// Seconds of each run, with their mean and sample standard deviation.
    #[serde(flatten)]
    pub seconds: Folds,
}

/// Measures a model with the first images of a split, on `threads` threads (else all cores).
///
/// # Errors
/// When the dataset is not what the model was trained for, a sample is damaged, or memory is full.
pub fn measure(
    model: &Model,
    dataset: &Dataset,
    split: &str,
    threads: Option<usize>,
) -> Result<Cost, StudyError> {
    check_recipe(&model.facts, dataset)?;
    let images = images(model, dataset, split)?;
    let spec = model.spec();
    let folded = Folded::new(&spec, &model.tensors, &Device::Cpu)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|error| StudyError::Io {
        path: "threads".into(),
        source: std::io::Error::other(error),
    })?;
    pool.install(|| {
        let images_15 = timed(&folded, &images)?;
        let one = images.narrow(0, 0, 1).and_then(|one| one.contiguous());
        let image_1 = timed(&folded, &one.map_err(crate::model::ModelError::from)?)?;
        let cpu_percent = load(&folded, &images)?;
        let (resident, addresses) = process_sizes_bytes().unzip();
        let parameters = spec.parameters();
        let parameters: u64 = parameters.iter().map(|p| p.elements() as u64).sum();
        Ok(Cost {
            network: model.facts.network.name().to_owned(),
            device: "cpu",
            threads: rayon::current_num_threads(),
            cpu: cpu_name(),
            parameters,
            weights_bytes: 4 * parameters,
            images_15,
            image_1,
            cpu_percent,
            resident_bytes: resident,
            virtual_bytes: addresses,
        })
    })
}

/// The first images of a split, `[15, 3, size, size]`; where there are fewer, they come again.
fn images(model: &Model, dataset: &Dataset, split: &str) -> Result<Tensor, StudyError> {
    let facts = &model.facts;
    let loader = dataset
        .loader(split)
        .order(Order::Sequential, 0)
        .size(facts.size)
        .view(&facts.view.name)
        .batch_size(IMAGES)
        .build()?;
    let batch = loader.tensors(0, &Device::Cpu).next();
    let Some(batch) = batch.transpose()? else {
        return Err(StudyError::File {
            path: dataset.root().to_owned(),
            reason: format!("split {split} holds no sample"),
        });
    };
    let there = batch.images.dim(0).map_err(crate::model::ModelError::from)?;
    let again = vec![&batch.images; IMAGES.div_ceil(there)];
    let images = Tensor::cat(&again, 0).and_then(|images| images.narrow(0, 0, IMAGES));
    Ok(images.and_then(|images| images.contiguous()).map_err(crate::model::ModelError::from)?)
}

/// Times [`RUNS`] runs, behind one that fills caches and buffers.
fn timed(folded: &Folded, images: &Tensor) -> Result<Timed, StudyError> {
    folded.logits(images)?;
    let mut values = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        folded.logits(images)?;
        values.push(begun.elapsed().as_secs_f64());
    }
    let images = images.dim(0).map_err(crate::model::ModelError::from)?;
    let seconds = Folds::of(values).unwrap_or(Folds { values: vec![], mean: 0.0, sample_sd: None });
    Ok(Timed { images, seconds })
}

/// CPU load while images pass through again and again.
fn load(folded: &Folded, images: &Tensor) -> Result<Option<f64>, StudyError> {
    let (begun, before) = (Instant::now(), process_cpu_seconds());
    while begun.elapsed().as_secs_f64() < LEAST_SECONDS {
        folded.logits(images)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let used = process_cpu_seconds().zip(before);
    Ok(used.map(|(after, before)| 100.0 * (after - before) / seconds))
}

/// What `/proc/cpuinfo` calls the processor.
fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("", |line| line.trim_start_matches([' ', '\t', ':'])).trim().to_owned()
}
