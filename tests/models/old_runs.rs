//! Promise: a run that was begun when `run.json` called options by the flags of the command goes on as it was begun.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::training;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tcolz_format::dataset::Dataset;
use tcolz_loader::Percent;
use tcolz_loader::augment::Crop;
use tcolz_nn::file::Model;
use tcolz_train::schedule::Schedule;
use tcolz_train::{
    ClassWeights, Finetune, StepReport, TrainError, TrainObserver, TrainOptions, Validation, train,
};
use training::{refused, trained};

/// `run.json` of a run with [`options`] that such a version began, and what its checkpoint called them.
const RUN: &str = include_str!("../fixtures/runs/by-flags.json");

/// The options of that run.
fn options(dataset: &Dataset, out: &Path) -> TrainOptions {
    let mut options = training::options(dataset, out, Finetune::Head);
    options.epochs = 2;
    options.learning_rate = Some(0.01);
    options.schedule = Schedule::Constant;
    options.validation = Validation::Holdout(Percent::parse("25").unwrap());
    options.select.condition = Some("width > 1".to_owned());
    options.class_weights = ClassWeights::Balanced;
    (options.augment.crop, options.augment.flip) = (Crop::Random { side: None, padding: 4 }, 0.5);
    (options.patience, options.seed) = (Some(5), 7);
    options
}

fn run_file(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap()
}

/// The hash of its options in the checkpoint of a run.
fn hash_in_checkpoint(out: &Path) -> String {
    let file = fs::read(out.join("last/checkpoint.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let progress = header["__metadata__"]["tcolz-checkpoint"].as_str().unwrap();
    let progress: Value = serde_json::from_str(progress).unwrap();
    progress["options"].as_str().unwrap().to_owned()
}

/// Options of a new run, called as the fixture calls them: both have the same order.
fn called_by_flags(options: &Map<String, Value>) -> Map<String, Value> {
    let old: Value = serde_json::from_str(RUN).unwrap();
    let old = old["options"].as_object().unwrap();
    assert_eq!(old.len(), options.len());
    let named = old.keys().cloned().zip(options.values());
    named
        .map(|(flag, value)| match value.get("holdout") {
            Some(share) => (flag, format!("--holdout {}", share.as_str().unwrap()).into()),
            None => (flag, value.clone()),
        })
        .collect()
}

/// Begins a run as a version did that called options by flags. Gives its options.
fn begin_by_flags(options: &Map<String, Value>, out: &Path) -> Map<String, Value> {
    let mut run: Value = serde_json::from_str(RUN).unwrap();
    let options = called_by_flags(options);
    run["options"] = options.clone().into();
    // 0.1.0 wrote no hash.
    run.as_object_mut().unwrap().remove("blake3").unwrap();
    fs::create_dir_all(out).unwrap();
    fs::write(out.join("run.json"), run.to_string()).unwrap();
    options
}

/// Asks the run to stop with a step.
struct StopsAt<'a>(u64, &'a AtomicBool);

impl TrainObserver for StopsAt<'_> {
    fn step(&mut self, step: &StepReport) {
        self.1.fetch_or(step.step == self.0, Ordering::SeqCst);
    }
}

fn stopped(options: &TrainOptions, at: u64) {
    let stop = AtomicBool::new(false);
    let error = train(options, &stop, &mut StopsAt(at, &stop)).unwrap_err();
    assert!(matches!(error, TrainError::Interrupted { .. }), "{error}");
}

#[test]
fn a_run_that_calls_options_by_flags_goes_on_to_the_same_bits_with_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [new, old] = ["new", "old"].map(|name| options(&dataset, &folder.path().join(name)));
    trained(&new);
    let text = fs::read_to_string(new.out.join("run.json")).unwrap();
    assert!(!text.contains("--") && text.contains("tcolz-run-v2"), "{text}");

    let by_flags = begin_by_flags(run_file(&new.out)["options"].as_object().unwrap(), &old.out);
    let fixture: Value = serde_json::from_str(RUN).unwrap();
    for (flag, value) in &by_flags {
        // First weights are drawn with logarithms, whose last bits are the machine's.
        assert!(flag == "--weights" || *value == fixture["options"][flag], "{flag} {value}");
    }
    let hash = blake3::hash(Value::from(by_flags.clone()).to_string().as_bytes());
    let hash = &hash.to_hex()[..16];
    stopped(&old, 2);
    assert_eq!(hash_in_checkpoint(&old.out), hash);
    // Gone or damaged, it is made again in the words that the checkpoint is of.
    fs::remove_file(old.out.join("run.json")).unwrap();
    stopped(&old, 4);
    assert_eq!(run_file(&old.out)["options"], Value::from(by_flags.clone()));
    trained(&old);
    assert!(training::result(&old.out) == training::result(&new.out));
    assert_eq!(hash_in_checkpoint(&old.out), hash);
    assert_ne!(hash_in_checkpoint(&new.out), hash);
    let run = run_file(&old.out);
    assert_eq!(
        (&run["format"], &run["options"]),
        (&"tcolz-run-v1".into(), &Value::from(by_flags.clone()))
    );
    assert!(trained(&old).finished_before);
    let model = |of: &TrainOptions| Model::open(&of.out.join("best.safetensors")).unwrap();
    assert_eq!(model(&old).facts, model(&new).facts);
}

#[test]
fn what_differs_in_a_run_that_calls_options_by_flags_is_said_and_more_epochs_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [new, old] = ["new", "old"].map(|name| options(&dataset, &folder.path().join(name)));
    trained(&new);
    begin_by_flags(run_file(&new.out)["options"].as_object().unwrap(), &old.out);
    trained(&old);
    let said = |change: &dyn Fn(&mut TrainOptions)| {
        let mut other = old.clone();
        change(&mut other);
        refused(&other).to_string()
    };
    for (text, words) in [
        (said(&|run| run.learning_rate = Some(0.5)), "`learning_rate` 0.01, not 0.5"),
        (
            said(&|run| run.augment.flip = 0.0),
            "`crop` and `flip` crop-v1 stored 4, flip-v1 0.5, not crop-v1 stored 4:",
        ),
        (said(&|run| run.select.condition = None), "`condition` width > 1, not nothing"),
        (said(&|run| run.validation = Validation::Auto), "validation `holdout: 25`, not split val"),
    ] {
        assert!(text.contains(words), "{text}");
    }
    // It goes on in its own words, and begins anew in new ones.
    let grown = |of: &TrainOptions| {
        let mut options = of.clone();
        options.epochs = 3;
        options
    };
    assert_eq!(trained(&grown(&old)).rows, trained(&grown(&new)).rows);
    let run = run_file(&old.out);
    assert_eq!((&run["options"]["--epochs"], &run["earlier_epochs"][0]), (&3.into(), &2.into()));
    assert!(trained(&grown(&old)).finished_before);
    trained(&{
        let mut options = old.clone();
        options.restart = true;
        options
    });
    assert_eq!(
        run_file(&old.out)["options"],
        run_file(&{
            trained(&{
                let mut options = new.clone();
                options.restart = true;
                options
            });
            new.out
        })["options"]
    );
}
