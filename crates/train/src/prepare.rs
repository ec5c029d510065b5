//! A run's setup from its options: everything is found and tested before the first step.

use super::error::{Result, TrainError};
use super::identity::Identity;
use super::loss::LossOptions;
use super::memory::{MemoryEstimate, waiting_batches};
use super::options::{ClassWeights, Finetune, TrainOptions};
use super::run_file::holdout_of;
use super::samples::Samples;
use super::setup::Setup;
use super::{device, memory, weights};
use tcolz_base::door::{given, option};
use tcolz_format::dataset::Dataset;
use tcolz_nn::{BatchNormMode, Network, Properties, Spec};
use tcolz_pixels::View;

impl Setup {
    /// Finds everything.
    ///
    /// # Errors
    /// Whatever is wrong with the options, the dataset or the weights; [`TrainError::Memory`].
    pub(super) fn of(options: &TrainOptions) -> Result<Setup> {
        if let Some(fault) = options.fault() {
            return Err(fault);
        }
        let dataset = Dataset::open(&options.dataset)?;
        let classes = dataset.meta().classes.len();
        let mut notes = Vec::new();
        let device = device::open(options.device)?;
        notes.extend(device::check_precision(&device, options.precision)?);
        let usual = options.network.spec(&weights::usual_properties(options), classes);
        // What is wrong with the size is told with the weights' own properties.
        if let Ok(size) = size(options, &dataset, &usual, &mut Vec::new()) {
            memory::check(&usual, options, &dataset, size, &device)?;
        }
        let initial = weights::open(options, &dataset.meta().classes)?;
        notes.extend(initial.notes);
        let view = view(&dataset, &initial.spec.properties)?;
        let size = size(options, &dataset, &initial.spec, &mut notes)?;
        let batch_norm = batch_norm(options, &initial.spec)?;
        check_class_weights(&options.class_weights, &dataset.meta().classes)?;
        let holdout = holdout_of(options);
        let samples = Samples::of(&dataset, options, holdout)?;
        let loss = LossOptions {
            label_smoothing: options.label_smoothing,
            class_weights: class_weights(&options.class_weights, &samples.class_samples),
        };
        loss.check(classes)?;
        let memory =
            MemoryEstimate::of(&initial.spec, options, size, &device, waiting_batches(options))?;
        let mut setup = Setup {
            options: options.clone(),
            dataset,
            samples,
            holdout,
            spec: initial.spec,
            weights: initial.tensors,
            source: initial.source,
            view,
            size,
            loss,
            batch_norm,
            device,
            memory,
            identity: Identity::default(),
            seen: None,
            notes,
        };
        setup.identity = Identity::of(&setup)?;
        Ok(setup)
    }
}

/// The view of the weights, with the values that the dataset has for it.
pub(super) fn view(dataset: &Dataset, properties: &Properties) -> Result<View> {
    let view = dataset.view(&properties.view)?.clone();
    match View::built_in(&view.name) {
        Some(known) if known != view => Err(TrainError::Options(format!(
            "the dataset's view `{}` is not the one that the weights were made with: {view:?}, expected {known:?}",
            view.name
        ))),
        _ => Ok(view),
    }
}

/// Side of the tensors where nobody asks for one: the network's usual one where it is stored, else the first that is.
pub fn default_size(network: Network, dataset: &Dataset) -> u32 {
    let usual = network.usual_size();
    let mut stored = dataset.meta().columns.iter().map(|column| column.size());
    match stored.clone().any(|size| size == usual) {
        true => usual,
        false => stored.next().unwrap_or(usual),
    }
}

pub(super) fn size(
    options: &TrainOptions,
    dataset: &Dataset,
    spec: &Spec,
    notes: &mut Vec<String>,
) -> Result<u32> {
    let stored: Vec<u32> = dataset.meta().columns.iter().map(|column| column.size()).collect();
    let usual = spec.network.usual_size();
    let words = || stored.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let size = match options.size {
        Some(size) if stored.contains(&size) => size,
        Some(size) => {
            let reason = format!(
                "{} holds tensors of {}; convert it with {}",
                dataset.root().display(),
                words(),
                given("sizes", size)
            );
            return Err(TrainError::bad_value("size", size, reason));
        }
        None => {
            let size = default_size(spec.network, dataset);
            if size != usual {
                notes.push(format!(
                    "{} is trained at {size} × {size}, which the dataset holds, not at its usual {usual} × {usual}",
                    spec.network
                ));
            }
            size
        }
    };
    spec.check_input([size as usize; 2]).map_err(|error| {
        TrainError::Options(format!(
            "{error}: take a larger {} of those that {} holds ({}), or convert it with {}",
            option("size"),
            dataset.root().display(),
            words(),
            given("sizes", usual)
        ))
    })?;
    Ok(size)
}

/// Stored statistics for a frozen backbone and for weights whose BatchNorm is folded.
pub(super) fn batch_norm(options: &TrainOptions, spec: &Spec) -> Result<BatchNormMode> {
    let refused = |reason: &str| {
        let reason = format!("{reason}; take {}", given("batch_norm", "stored"));
        Err(TrainError::bad_value("batch_norm", "batch", reason))
    };
    match (options.batch_norm, options.finetune) {
        (Some(BatchNormMode::Batch), Finetune::Head) => {
            refused("the backbone is frozen, its mean and variance too")
        }
        (Some(BatchNormMode::Batch), _) if spec.properties.batch_norm_folded => refused(
            "BatchNorm is folded into the convolutions of these weights, which the statistics of a batch would destroy",
        ),
        (Some(mode), _) => Ok(mode),
        (None, Finetune::All) if !spec.properties.batch_norm_folded => Ok(BatchNormMode::Batch),
        (None, _) => Ok(BatchNormMode::Stored),
    }
}

/// Tests that there is a weight for each class.
pub(super) fn check_class_weights(asked: &ClassWeights, classes: &[String]) -> Result<()> {
    match asked {
        ClassWeights::List(weights) if weights.len() != classes.len() => {
            let (found, expected) = (weights.len(), classes.len());
            let reason = format!(
                "expected a number for each of {expected} classes ({}), found {found}; or take {}",
                classes.join(", "),
                given("class_weights", "balanced")
            );
            Err(TrainError::bad("class_weights", reason))
        }
        _ => Ok(()),
    }
}

/// A factor for each class.
pub(super) fn class_weights(asked: &ClassWeights, samples: &[u64]) -> Option<Vec<f64>> {
    match asked {
        ClassWeights::Equal => None,
        ClassWeights::List(weights) => Some(weights.clone()),
        ClassWeights::Balanced => {
            let all: u64 = samples.iter().sum();
            let classes = samples.len() as f64;
            Some(samples.iter().map(|&own| all as f64 / (classes * own as f64)).collect())
        }
    }
}
