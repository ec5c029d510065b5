//! Everything that a run is made of.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::error::Result;
use super::identity::Identity;
use super::loss::LossOptions;
use super::memory::{MemoryEstimate, WAITING_BATCHES};
use super::options::TrainOptions;
use super::samples::Samples;
use tcolz_base::usage::cores;
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{DEFAULT_BATCH_MEMORY_BYTES, LastBatch, Loader, LoaderBuilder, Order, Select};
use tcolz_nn::file::{MODEL_FORMAT, ModelFacts};
use tcolz_nn::{BatchNormMode, Precision, Spec};
use tcolz_pixels::View;

/// Steps that a GPU may be ahead of what is known of them.
const FETCH_EVERY_ON_GPU: u32 = 16;

/// A run, ready to begin.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) options: TrainOptions,
    pub(super) dataset: Dataset,
    pub(super) samples: Samples,
    /// By which method samples are held out, where they are.
    pub(super) holdout: &'static str,
    pub(super) spec: Spec,
    /// What the run begins with, every parameter, on the CPU.
    pub(super) weights: HashMap<String, Tensor>,
    /// Where they come from, in words.
    pub(super) source: String,
    pub(super) view: View,
    pub(super) size: u32,
    pub(super) loss: LossOptions,
    pub(super) batch_norm: BatchNormMode,
    pub(super) device: Device,
    pub(super) memory: MemoryEstimate,
    pub(super) identity: Identity,
    /// BLAKE3 of the run's file of the photos that its model has seen; none before the run is begun.
    pub(super) seen: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Setup {
    /// The loader of what is trained on; the order is the one a checkpoint was made in, else chosen here.
    pub(super) fn train_loader(&self, select: &Select, order: Order) -> Result<Loader> {
        let builder = self.loader(select).order(order, self.options.seed);
        Ok(builder.last_batch(self.last_batch()).augment(self.options.augment).build()?)
    }

    /// The loader of samples as they are stored, one after the other.
    pub(super) fn plain_loader(&self, select: &Select) -> Result<Loader> {
        Ok(self.loader(select).build()?)
    }

    fn loader(&self, select: &Select) -> LoaderBuilder {
        let batch_size = self.options.batch_size;
        let batch_bytes = batch_size * 3 * (self.size as usize).pow(2) * size_of::<f32>();
        self.dataset
            .loader(&select.split)
            .select(select.clone())
            .view(&self.view.name)
            .size(self.size)
            .batch_size(batch_size)
            .workers(self.options.workers.unwrap_or_else(cores))
            .batch_memory(DEFAULT_BATCH_MEMORY_BYTES.max(2 * WAITING_BATCHES * batch_bytes))
    }

    /// With statistics of the batch, a small last batch would spoil what is stored of them: it is left out,
    /// each time other samples of the shuffle.
    pub(super) fn last_batch(&self) -> LastBatch {
        let whole = self.samples.train.len() >= self.options.batch_size;
        if self.batch_norm == BatchNormMode::Batch && whole {
            LastBatch::Drop
        } else {
            LastBatch::Keep
        }
    }

    /// Steps after which losses are fetched from the device.
    pub(super) fn fetch_every(&self) -> usize {
        let options = &self.options;
        let weighted = self.loss.class_weights.is_some() && options.accumulate > 1;
        if options.precision == Precision::F16 || weighted {
            return 1;
        }
        let default = if self.device.is_cpu() { 1 } else { FETCH_EVERY_ON_GPU };
        options.fetch_every.unwrap_or(default) as usize
    }

    /// What a model of this run says of itself.
    pub(super) fn facts(&self) -> ModelFacts {
        let facts = facts(&self.options, &self.dataset, &self.spec, &self.view, self.size);
        ModelFacts { seen: self.seen.clone(), ..facts }
    }
}

/// What a model that is trained so says of itself.
pub(super) fn facts(
    options: &TrainOptions,
    dataset: &Dataset,
    spec: &Spec,
    view: &View,
    size: u32,
) -> ModelFacts {
    let meta = dataset.meta();
    ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network: spec.network,
        properties: spec.properties.clone(),
        view: view.clone(),
        classes: meta.classes.clone(),
        recipe: meta.recipe.clone(),
        size,
        finetune: Some(options.finetune.to_string()),
        percent: options.select.percent.map(|percent| percent.to_string()),
        content_root: Some(meta.content_root.clone()),
        seen: None,
        epochs: None,
        validation: None,
    }
}
