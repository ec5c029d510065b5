//! An entry of the study's file → options of a training, and everything that decides its result.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::StudyError;
use super::hashes::FileHashes;
use super::job::{FEATURES_FOLDER, Job, RUNS_FOLDER, Work};
use super::options::StudyOptions;
use super::spec::TrainingSpec;
use tcolz_format::dataset::Dataset;
use tcolz_loader::Select;
use tcolz_loader::augment::Augment;
use tcolz_nn::{BatchNormMode, Network};
use tcolz_train::{
    CacheChoice, ClassWeights, Finetune, TrainError, TrainOptions, Validation, default_run_name,
};

/// What a training is trained on.
#[derive(Debug, Clone)]
pub(super) struct Material<'a> {
    /// What it is, for people.
    pub(super) words: String,
    /// The dataset's name in the study.
    pub(super) name: &'a str,
    pub(super) dataset: &'a Dataset,
    pub(super) select: Select,
    pub(super) validation: Validation,
}

/// What people call a network.
pub(super) fn title(network: Network) -> &'static str {
    match network {
        Network::Vgg19 => "VGG19",
        Network::MobileNetV1 => "MobileNet V1",
        Network::MobileNetV2 => "MobileNetV2",
        Network::InceptionResNetV2 => "InceptionResNetV2",
    }
}

impl TrainingSpec {
    /// What is trained; without a word the head behind given weights, and all from random ones.
    pub(super) fn tuned(&self) -> Finetune {
        let default = if self.weights.is_some() { Finetune::Head } else { Finetune::All };
        self.finetune.unwrap_or(default)
    }

    /// Its name, or what follows from network and fine-tuning.
    pub(super) fn title(&self) -> String {
        let tuned = match self.tuned() {
            Finetune::Head => "FT-F",
            Finetune::All => "FT-A",
        };
        let network = self.network.map_or("", title);
        self.name.clone().unwrap_or_else(|| format!("{network} {tuned}"))
    }

    /// Its seeds.
    pub(super) fn every_seed(&self) -> Vec<u64> {
        self.seeds.clone().unwrap_or_else(|| vec![0])
    }

    /// The options of a training with one of its seeds; `out` is set by the job's id.
    fn options(
        &self,
        seed: u64,
        material: &Material<'_>,
        base: &Path,
        study: &StudyOptions,
        network: Network,
    ) -> TrainOptions {
        let mut options = TrainOptions::new(material.dataset.root(), network, PathBuf::new());
        options.finetune = self.tuned();
        if let Some(preset) = self.preset {
            preset.apply(&mut options);
        }
        options.weights = self.weights.as_ref().map(|weights| base.join(weights));
        options.weights_key.clone_from(&self.weights_key);
        options.view.clone_from(&self.view);
        options.select = material.select.clone();
        options.validation = material.validation.clone();
        options.size = self.size;
        options.epochs = self.epochs.unwrap_or(options.epochs);
        options.batch_size = self.batch_size.unwrap_or(options.batch_size);
        options.accumulate = self.accumulate.unwrap_or(options.accumulate);
        options.learning_rate = self.lr.or(options.learning_rate);
        options.sgd.momentum = self.momentum.unwrap_or(options.sgd.momentum);
        options.sgd.weight_decay = self.weight_decay.unwrap_or(options.sgd.weight_decay);
        options.schedule = self.schedule.unwrap_or(options.schedule);
        options.label_smoothing = self.label_smoothing.unwrap_or(options.label_smoothing);
        options.class_weights = self.class_weights.clone().unwrap_or(ClassWeights::Equal);
        options.batch_norm = self.batch_norm;
        options.augment =
            Augment { crop: self.crop.unwrap_or_default(), flip: self.flip.unwrap_or(0.0) };
        options.patience = self.patience.or(options.patience);
        options.seed = seed;
        options.device = study.device;
        options.threads = study.threads;
        options.memory_limit = study.memory_limit;
        // Backbones that are alike are computed once.
        options.cache = CacheChoice::Folder(study.out.join(FEATURES_FOLDER));
        options
    }

    /// The job of a training with one of its seeds.
    ///
    /// # Errors
    /// [`StudyError::Io`] when the weights or a list cannot be read.
    pub(super) fn job(
        &self,
        seed: u64,
        material: &Material<'_>,
        base: &Path,
        study: &StudyOptions,
        hashes: &mut FileHashes,
    ) -> Result<Job, StudyError> {
        let network = self.network.unwrap_or(Network::MobileNetV2);
        let mut options = self.options(seed, material, base, study, network);
        let definition = definition(&options, material, hashes)?;
        let words = format!("train {} on {}, seed {seed}", self.title(), material.words);
        let prefix = format!("train-{}-{}-s{seed}", network.name(), options.finetune);
        let id = Job::id(&prefix, &definition);
        options.out =
            study.out.join(RUNS_FOLDER).join(default_run_name(&id, options.select.percent));
        let dataset = material.name.to_owned();
        Ok(Job { id, words, work: Work::Train { options: Box::new(options), dataset }, definition })
    }
}

/// Everything that decides what a training comes to.
fn definition(
    options: &TrainOptions,
    material: &Material<'_>,
    hashes: &mut FileHashes,
) -> Result<Value, StudyError> {
    let weights = options.weights.as_deref().map(|path| hashes.of(path)).transpose();
    let weights = weights.map_err(|error| match error {
        StudyError::Io { path, source } => TrainError::Io { path, source }.into(),
        error => error,
    })?;
    let validation = match &options.validation {
        Validation::Auto => json!("auto"),
        Validation::Nothing => json!("nothing"),
        Validation::Holdout(share) => json!({ "holdout": share.to_string() }),
        Validation::Select { split, subset } => {
            let subset = subset.as_deref().map(|list| hashes.of(list)).transpose()?;
            json!({ "split": split, "subset": subset })
        }
    };
    let class_weights = options.class_weights.to_string();
    let batch_norm = options.batch_norm.map(|mode| match mode {
        BatchNormMode::Batch => "batch",
        BatchNormMode::Stored => "stored",
    });
    let sgd = &options.sgd;
    let mut definition = json!({
        "work": "train-v1",
        "samples": selection(&options.select, material.dataset, hashes)?,
        "validation": validation,
        "network": options.network.name(),
        "weights": weights,
        "view": options.view,
        "finetune": options.finetune.as_str(),
        "size": options.size,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "accumulate": options.accumulate,
        "learning_rate": options.base_rate(),
        "momentum": sgd.momentum,
        "weight_decay": sgd.weight_decay,
        "nesterov": sgd.nesterov,
        "decay": sgd.decay,
        "schedule": options.schedule,
        "label_smoothing": options.label_smoothing,
        "class_weights": class_weights,
        "batch_norm": batch_norm,
        "augment": options.augment.names(),
        "patience": options.patience,
        "seed": options.seed,
    });
    // Jobs that were done before there was this key have no word of it.
    if let Some(key) = &options.weights_key {
        definition["weights_key"] = json!(key);
    }
    Ok(definition)
}

/// Everything that decides which samples are taken.
pub(super) fn selection(
    select: &Select,
    dataset: &Dataset,
    hashes: &mut FileHashes,
) -> Result<Value, StudyError> {
    let Select { split, subset, condition, percent, percent_seed, .. } = select;
    let subset = subset.as_deref().map(|list| hashes.of(list)).transpose()?;
    Ok(json!({
        "content_root": dataset.meta().content_root,
        "split": split,
        "subset": subset,
        "where": condition,
        "percent": percent.map(|percent| percent.to_string()),
        "percent_seed": percent.map(|_| *percent_seed),
    }))
}
