//! Doing a job.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::StudyError;
use super::cost;
use super::job::{Job, RUNS_FOLDER, Work, write_json};
use super::labels::labels;
use super::plan::Plan;
use tcolz_device::device_name;
use tcolz_format::dataset::Dataset;
use tcolz_nn::Model;
use tcolz_nn::net::is_tuned;
use tcolz_train::evaluate::{EvaluateOptions, KnownSeen, evaluate, find_model, write_files};
use tcolz_train::{
    BEST_FILE, EpochRow, Finetune, TrainError, TrainObserver, TrainOptions, TrainSummary,
    open_device, seen_by, train,
};

/// How long a run that another process holds is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Watches a job.
pub trait JobObserver {
    /// So many samples of all are evaluated.
    fn evaluated(&mut self, _done: u64, _all: u64) {}

    /// What watches a training.
    fn as_train(&mut self) -> &mut dyn TrainObserver;
}

impl JobObserver for () {
    fn as_train(&mut self) -> &mut dyn TrainObserver {
        self
    }
}

/// Does a job, or what is left of it. A job that is done already is left as it is.
///
/// # Errors
/// [`StudyError::Needs`] when the job that it needs is not done; [`StudyError::Interrupted`] once `stop` is true;
/// whatever the job's own work refuses.
pub fn run_job(
    plan: &Plan,
    job: &Job,
    stop: &AtomicBool,
    observer: &mut dyn JobObserver,
) -> Result<(), StudyError> {
    let out = &plan.options.out;
    if job.is_done(out) {
        return Ok(());
    }
    if let Some(needed) = job.work.needs().map(|needed| &plan.jobs[needed])
        && !needed.is_done(out)
    {
        return Err(StudyError::Needs { id: job.id.clone(), needs: needed.id.clone() });
    }
    let document = job.folder(out).join(job.work.document());
    let begun = Instant::now();
    let mut seconds = None;
    match &job.work {
        Work::Train { options, dataset } => {
            let outcome = train_when_free(options, stop, observer)?;
            seconds = Some(outcome.seconds);
            let json = trained(plan, job, options, dataset, &outcome)?;
            write_json(&document, &json)?;
        }
        Work::Evaluate { train, dataset, select, protocol } => {
            let (file, model, seen) = model_of(plan, *train)?;
            let dataset = &plan.datasets[dataset];
            let options = {
                let mut options = EvaluateOptions::split(&select.split, seen);
                options.select = select.clone();
                options.protocol = *protocol;
                options.device = open_device(plan.options.device)?;
                options
            };
            let mut progress = |done, all| observer.evaluated(done, all);
            let mut found = evaluate(&model, dataset, &options, &mut progress)?;
            found.model.file = Some(file);
            write_files(&found, dataset, &job.folder(out))?;
        }
        Work::Cost { measured, threads } => {
            let quickest = quickest_reference(plan, *threads)?;
            let cost = cost::measure(*measured, *threads, quickest, stop)?;
            if let Some(warning) = cost.warning(&plan.options.call_to_measure_again()) {
                observer.as_train().warning(&warning);
            }
            let mut json = json!({ "format": "tcolz-study-cost-v2", "job": job.id });
            extend(&mut json, json!(cost));
            write_json(&document, &json)?;
        }
        Work::Labels { dataset: name } => {
            let found = labels(&plan.datasets[name])?;
            let mut json = json!({ "format": "tcolz-study-labels-v1", "job": job.id });
            extend(&mut json, json!(found));
            // The name in the study, not the folder of this machine.
            extend(&mut json, json!({ "dataset": name }));
            write_json(&document, &json)?;
        }
    }
    job.done(out, seconds.unwrap_or_else(|| begun.elapsed().as_secs_f64()))
}

/// The reference loop's quickest run beside the measurements that are done, on as many threads of the same processor.
fn quickest_reference(plan: &Plan, threads: usize) -> Result<Option<f64>, StudyError> {
    let cpu = cost::cpu_name();
    let mut quickest: Option<f64> = None;
    for job in plan.jobs.iter().filter(|job| matches!(job.work, Work::Cost { .. })) {
        let Some(found) = job.read(&plan.options.out)? else { continue };
        let same = found.number("/threads") == Some(threads as f64);
        if let Some(seconds) = found.number("/reference/quickest")
            && same
            && found.text("/cpu") == Some(&cpu)
        {
            quickest = Some(quickest.map_or(seconds, |known| known.min(seconds)));
        }
    }
    Ok(quickest)
}

/// Trains. A study that was killed may have left a training that is still ending: its run is waited for. A run that is
/// damaged begins anew.
fn train_when_free(
    options: &TrainOptions,
    stop: &AtomicBool,
    observer: &mut dyn JobObserver,
) -> Result<TrainSummary, StudyError> {
    let begun = Instant::now();
    let mut options = options.clone();
    loop {
        match train(&options, stop, observer.as_train()) {
            Err(TrainError::Locked { .. }) if begun.elapsed() < PATIENCE => {
                if stop.load(Ordering::Relaxed) {
                    return Err(StudyError::Interrupted);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error @ (TrainError::Damaged { .. } | TrainError::BestLost { .. }))
                if !options.restart =>
            {
                observer.as_train().warning(&format!("{error}; the training begins anew"));
                options.restart = true;
            }
            ended => return Ok(ended?),
        }
    }
}

/// The model of a training, with its file below the study's folder, and what it has seen.
fn model_of(plan: &Plan, train: usize) -> Result<(String, Model, KnownSeen), StudyError> {
    let Work::Train { options, .. } = &plan.jobs[train].work else {
        return Err(StudyError::NoJob { id: plan.jobs[train].id.clone() });
    };
    let (path, model) = find_model(&options.out, &options.dataset)?;
    let seen = seen_by(&path, &model.facts).map(Arc::new);
    Ok((model_file(&options.out), model, seen))
}

/// `runs/NAME/best.safetensors`.
fn model_file(run: &Path) -> String {
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    format!("{RUNS_FOLDER}/{name}/{BEST_FILE}")
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

/// What a training came to: `train.json`.
fn trained(
    plan: &Plan,
    job: &Job,
    options: &TrainOptions,
    name: &str,
    outcome: &TrainSummary,
) -> Result<Value, StudyError> {
    let dataset: &Dataset = &plan.datasets[name];
    let model = Model::open(&outcome.model)?;
    let parameters = model.spec().parameters();
    let head_only = options.finetune == Finetune::Head;
    let count = |tuned: bool| -> u64 {
        let counted = parameters.iter().filter(|p| !tuned || is_tuned(p, head_only));
        counted.map(|parameter| parameter.elements() as u64).sum()
    };
    let bytes = std::fs::metadata(&outcome.model).map_err(StudyError::io(&outcome.model))?.len();
    let run = outcome.out.file_name().unwrap_or_default().to_string_lossy();
    let weights = options.weights.as_ref().and_then(|file| file.file_name());
    let (times, resources) = super::resources::of(&outcome.out, outcome)?;
    let row = |row: &EpochRow| json!(row);
    let device = open_device(plan.options.device)?;
    Ok(json!({
        "format": "tcolz-study-train-v1",
        "job": job.id,
        "run": format!("{RUNS_FOLDER}/{run}"),
        "network": options.network.name(),
        "weights": weights.map(|name| name.to_string_lossy()),
        "finetune": options.finetune.as_str(),
        "percent": options.select.percent.map(|percent| percent.to_string()),
        "seed": options.seed,
        "dataset": name,
        "content_root": dataset.meta().content_root,
        "samples": outcome.best.train_samples,
        "validation_samples": outcome.best.validation.map_or(0, |found| found.samples),
        "parameters": count(false),
        "trained_parameters": count(true),
        "epochs": outcome.rows.len(),
        "ending": outcome.ending,
        "batch_size": options.batch_size,
        "learning_rate": options.base_rate(),
        "device": device_name(&device),
        "threads": plan.options.threads.unwrap_or_else(rayon::current_num_threads),
        "model": model_file(&outcome.out),
        "model_bytes": bytes,
        "weights_bytes": 4 * count(false),
        "best": row(&outcome.best),
        "rows": outcome.rows.iter().map(row).collect::<Vec<_>>(),
        "times": times,
        "resources": resources,
    }))
}
