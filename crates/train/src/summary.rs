//! A run from its options to its end.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use super::best;
use super::checkpoint::{self, Progress};
use super::curves;
use super::error::{Result, TrainError};
use super::features::{self, FeatureUse, Made};
use super::files::{BEST_FILE, CURVES_FILES, HOLDOUT_FILE, LOG_FILE, TRAINED_FILE};
use super::fit::Fit;
use super::learner::Learner;
use super::log::{EpochRow, write_log};
use super::observer::{Begun, TrainObserver};
use super::options::{Finetune, TrainOptions};
use super::resources::Sampler;
use super::rows::check_files;
use super::run::RunFolder;
use super::run_file::with_begun_rate;
use super::seen;
use super::setup::Setup;
use tcolz_base::door::{given, option};
use tcolz_device::device_name;
use tcolz_format::dataset::Unseen;
use tcolz_loader::{Loader, Order};
use tcolz_nn::BatchNormMode;
use tcolz_nn::net::is_tuned;

/// What a finished run came to.
#[derive(Debug, Clone, Serialize)]
pub struct TrainSummary {
    /// The run's folder.
    pub out: PathBuf,
    /// The model of the best epoch.
    pub model: PathBuf,
    /// Every epoch.
    pub rows: Vec<EpochRow>,
    /// The best epoch; without validation the last one.
    pub best: EpochRow,
    /// Why the run ended.
    pub ending: String,
    /// It had ended before; nothing was changed.
    pub finished_before: bool,
    /// Seconds that the run took, over all processes that worked on it.
    pub seconds: f64,
    /// Of these, those in which features of a frozen backbone were computed, or found to be there.
    pub feature_seconds: f64,
    /// Which of the two; `None`: the run was begun by a version that did not write it down.
    pub features: Option<FeatureUse>,
    /// Split and ids of what was held out: what the model can be evaluated on.
    pub holdout: Option<(String, PathBuf)>,
    /// What the model has not seen of each split of the dataset.
    pub unseen: Vec<Unseen>,
    /// Why it may have seen more than is known.
    pub seen_unknown: Option<String>,
}

/// Trains a network, or goes on with a run that was stopped. Prints nothing.
///
/// `stop`: once it is true, the step in hand is finished, a checkpoint written, and the run ends with
/// [`TrainError::Interrupted`].
///
/// # Errors
/// Whatever is wrong with options, dataset, weights, folder, device or disk; a loss that is no number any more.
pub fn train(
    options: &TrainOptions,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> std::result::Result<TrainSummary, TrainError> {
    on_threads(options, || run(options, stop, observer))
}

/// Runs `work` on a pool of the threads that are asked for.
pub(super) fn on_threads<T: Send>(
    options: &TrainOptions,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    // 0: as many as there are cores.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.unwrap_or(0))
        .thread_name(|number| format!("tcolz-compute-{number}"))
        .build();
    let failed = |error| {
        TrainError::Device(format!(
            "threads that compute: {error}; take fewer {}",
            option("threads")
        ))
    };
    pool.map_err(failed)?.install(work)
}

fn run(
    options: &TrainOptions,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> Result<TrainSummary> {
    let options = &with_begun_rate(options);
    let mut setup = Setup::of(options)?;
    let folder = RunFolder::take(&options.out)?;
    let mut found = if options.restart { None } else { checkpoint::load(&folder.checkpoint())? };
    let so_far = found.as_ref().map(|(progress, _)| progress);
    if !options.restart {
        setup.identity = folder.in_form_begun(setup.identity, so_far);
    }
    folder.begin(&setup.identity, options.restart, so_far, observer)?;
    let path = folder.path();
    if let Some((progress, _)) = &mut found
        && folder.had_fewer_epochs(&setup.identity, &progress.options)
    {
        (progress.options, progress.finished) = (setup.identity.hash(), None);
        let epochs = progress.epoch;
        observer.note(&format!(
            "the run was finished after {epochs} epochs, and goes on to {}; the learning rate goes on as in a run of so \
             many",
            options.epochs
        ));
    }
    if let Some((progress, _)) = &found
        && progress.options != setup.identity.hash()
    {
        let reason = "it belongs to other options than run.json".to_owned();
        return Err(TrainError::Damaged { path: folder.checkpoint(), reason });
    }
    if found.is_none() && !options.restart && path.join(BEST_FILE).exists() {
        observer.warning(&format!(
            "{} is gone, though there is a {BEST_FILE}: the training begins anew",
            folder.checkpoint().display()
        ));
    }
    let ended = found.as_ref().map(|(progress, _)| progress);
    let ended = ended.filter(|progress| progress.finished.is_some());
    let earlier = found.as_ref().and_then(|(progress, _)| progress.facts.seen.as_deref());
    if ended.is_none() || earlier.is_some() {
        seen::record(&mut setup, path, earlier, observer)?;
    }
    let fault = match &found {
        Some((progress, _)) => best::fault(&folder, progress)?,
        None => None,
    };
    // Whoever evaluates on what was held out reads its list.
    let select = setup.samples.train.select(path, TRAINED_FILE)?;
    let held = setup.samples.validation.as_ref();
    let held = held.map(|part| part.select(path, HOLDOUT_FILE)).transpose()?;
    if let Some(progress) = ended {
        if write_log(path, &progress.rows)? {
            let log = path.join(LOG_FILE);
            observer.warning(&format!("{}: not as it was written; made again", log.display()));
        }
        check_files(path, &progress.marks)?.iter().for_each(|fault| observer.warning(fault));
        if fault.is_none() {
            return summary(&setup, &folder, progress.clone(), true);
        }
    }
    let setup = setup;
    let order = found.as_ref().map_or(Order::Auto, |(progress, _)| order_of(progress));
    let train = setup.train_loader(&select, order)?;
    let validation = held.map(|select| setup.plain_loader(&select)).transpose()?;
    let mut learner = Learner::new(&setup)?;
    let mut progress = Progress::begin(setup.identity.hash(), setup.facts(), train.begin(0));
    if let Some((last, tensors)) = found {
        let damaged = |reason| TrainError::Damaged { path: folder.checkpoint(), reason };
        learner.restore(&tensors, last.loss_scale).map_err(damaged)?;
        progress = last;
        progress.facts.seen.clone_from(&setup.seen);
    }
    if let Some(fault) = fault {
        best::make_again(&setup, &folder, &learner, &mut progress, fault, observer)?;
        if progress.finished.is_some() {
            checkpoint::save(&folder.checkpoint(), &mut progress, &learner.tensors()?)?;
            return summary(&setup, &folder, progress, true);
        }
    }
    setup.samples.warnings.iter().for_each(|text| observer.warning(text));
    setup.notes.iter().for_each(|text| observer.note(text));
    observer.begun(&begun(&setup, &folder, &train, &progress));
    let (sampler, damaged) = Sampler::begin(path, &progress, &setup.device)?;
    damaged.iter().for_each(|fault| observer.warning(fault));
    let asked = Instant::now();
    let made = features_of(&setup, &folder, validation.as_ref(), &learner, stop, observer)?;
    let (features, used, stopped) = match made {
        Made::Kept(features, used) => (features, used, None),
        Made::NotKept(_) => (Vec::new(), FeatureUse::default(), None),
        Made::Stopped(stopped, used) => (Vec::new(), used, Some(stopped)),
    };
    // A run that goes on finds what it made before. What it did in a version that wrote nothing down nobody knows.
    progress.features = match progress.features.take() {
        Some(before) => Some(FeatureUse { made: before.made + used.made, ..used }),
        None => (progress.step == 0).then_some(used),
    };
    let seconds = asked.elapsed().as_secs_f64();
    (progress.seconds, progress.feature_seconds) =
        (progress.seconds + seconds, progress.feature_seconds + seconds);
    if let Some(stopped) = stopped {
        // Whoever goes on knows what was made and how long it took.
        sampler.mark(&mut progress);
        checkpoint::save(&folder.checkpoint(), &mut progress, &learner.tensors()?)?;
        return Err(stopped);
    }
    let fit = Fit {
        setup: &setup,
        folder: &folder,
        train: &train,
        validation: validation.as_ref(),
        features,
        learner,
        progress,
        sampler,
        stop,
        observer,
        warned: false,
    };
    let progress = fit.run().map_err(|error| folder.cause(error))?;
    summary(&setup, &folder, progress, false)
}

/// The order that a checkpoint was made in, whatever would be chosen here.
fn order_of(progress: &Progress) -> Order {
    let known = Order::ALL.into_iter().find(|order| order.name() == progress.loader.order);
    known.unwrap_or(Order::Auto)
}

/// Features of a frozen backbone, where they can be kept; why not has been said.
fn features_of(
    setup: &Setup,
    folder: &RunFolder,
    validation: Option<&Loader>,
    learner: &Learner,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> Result<Made> {
    let Some(cache) = features::folder(setup, folder.path()) else {
        if setup.options.finetune == Finetune::Head && !setup.options.augment.is_nothing() {
            observer.note(&format!(
                "with {} or {} a sample looks different in every epoch: its features are not kept",
                option("crop"),
                option("flip")
            ));
        }
        return Ok(Made::NotKept(String::new()));
    };
    // The features are those of the samples as they are stored, in any order.
    let plain = setup.plain_loader(&setup.samples.train.select(folder.path(), TRAINED_FILE)?)?;
    let loaders: Vec<&Loader> = std::iter::once(&plain).chain(validation).collect();
    let made = features::make(setup, cache, &loaders, u64::MAX, learner, stop, observer)?;
    if let Made::NotKept(reason) = &made {
        observer.warning(&format!(
            "features are not kept, and computed in every epoch: {reason}; {} names another place",
            given("cache", "DIR")
        ));
    }
    Ok(made)
}

fn begun(setup: &Setup, folder: &RunFolder, train: &Loader, progress: &Progress) -> Begun {
    let parameters = setup.spec.parameters();
    let head_only = setup.options.finetune == Finetune::Head;
    let count = |trained: bool| {
        let chosen = parameters.iter().filter(|p| !trained || is_tuned(p, head_only));
        chosen.map(|parameter| parameter.elements() as u64).sum()
    };
    let samples = &setup.samples;
    Begun {
        out: folder.path().to_owned(),
        network: setup.spec.network.name(),
        weights: setup.source.clone(),
        finetune: setup.options.finetune.as_str(),
        parameters: count(false),
        trained: count(true),
        classes: setup.dataset.meta().classes.clone(),
        class_samples: samples.class_samples.clone(),
        samples: samples.train.len() as u64,
        validation_samples: samples.validation.as_ref().map_or(0, |part| part.len() as u64),
        validation: samples.words.clone(),
        unlabelled: samples.unlabelled as u64,
        size: setup.size,
        view: setup.view.name.clone(),
        batch_norm: match setup.batch_norm {
            BatchNormMode::Batch => "batch",
            BatchNormMode::Stored => "stored",
        },
        reading: train.choices().to_string(),
        device: device_name(&setup.device),
        memory: setup.memory,
        epochs: setup.options.epochs,
        steps_per_epoch: Fit::steps_per_epoch(setup, train.epoch_order(0).len() as u64),
        resumed: progress.step,
    }
}

fn summary(
    setup: &Setup,
    folder: &RunFolder,
    progress: Progress,
    finished_before: bool,
) -> Result<TrainSummary> {
    let Some(best) = progress.best().copied() else {
        let reason = "it says that the run is finished, and holds no epoch".to_owned();
        return Err(TrainError::Damaged { path: folder.checkpoint(), reason });
    };
    if finished_before && !folder.path().join(CURVES_FILES[0]).exists() {
        curves::write(folder.path(), &setup.options, &progress.rows)?;
    }
    let seen = seen::photos(setup);
    let held = setup.samples.validation.as_ref().filter(|part| part.is_named_by_file());
    Ok(TrainSummary {
        out: folder.path().to_owned(),
        model: folder.path().join(BEST_FILE),
        best,
        ending: progress.finished.unwrap_or_default(),
        finished_before,
        seconds: progress.seconds,
        feature_seconds: progress.feature_seconds,
        features: progress.features,
        holdout: held.map(|part| (part.split().to_owned(), folder.path().join(HOLDOUT_FILE))),
        unseen: setup.dataset.unseen(&seen)?,
        seen_unknown: seen.unknown().map(str::to_owned),
        rows: progress.rows,
    })
}
