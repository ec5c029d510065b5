//! Promise: kill a run at any moment, and the same command ends with the same weights, log rows and best model,
//! bit for bit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::child;
use crate::common;
use crate::training;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tcolz_format::dataset::Dataset;
use tcolz_train::{
    EpochReport, Finetune, StepReport, TrainError, TrainObserver, TrainOptions, train,
};

/// What a run does, in the order in which it tells.
#[derive(Default)]
struct Events {
    count: u64,
    steps: u64,
    /// The process dies with this one, without a word and without cleaning up.
    die_at: Option<u64>,
    /// The run is asked to stop with this one.
    stop_at: Option<(u64, Arc<AtomicBool>)>,
}

impl Events {
    fn another(&mut self) {
        self.count += 1;
        if self.die_at == Some(self.count) {
            std::process::abort();
        }
        if let Some((at, stop)) = &self.stop_at
            && *at == self.count
        {
            stop.store(true, Ordering::SeqCst);
        }
    }
}

impl TrainObserver for Events {
    fn features(&mut self, _done: u64, _all: u64) {
        self.another();
    }

    fn step(&mut self, _step: &StepReport) {
        self.steps += 1;
        self.another();
    }

    fn validating(&mut self, _done: u64, _all: u64) {
        self.another();
    }

    fn checkpoint(&mut self, _step: u64) {
        self.another();
    }

    fn epoch(&mut self, _epoch: &EpochReport) {
        self.another();
    }
}

/// The run of the tests: all layers with augmentation and accumulated batches, or the head behind kept features.
fn options(dataset: &Dataset, out: &Path, all: bool) -> TrainOptions {
    let finetune = if all { Finetune::All } else { Finetune::Head };
    let mut options = training::options(dataset, out, finetune);
    if all {
        options.epochs = 2;
        options.accumulate = 2;
        options.augment.flip = 0.5;
        options.checkpoint_every = tcolz_train::CheckpointEvery::Steps(2);
    }
    options
}

/// The test that does the work of children.
const CHILD: &str = concat!(module_path!(), "::what_a_trainee_does");

#[test]
fn what_a_trainee_does() {
    let Some((dataset, told)) = child::role() else { return };
    let out = Path::new(told["out"].as_str().unwrap()).to_owned();
    let options = options(&dataset, &out, told["all"].as_bool().unwrap());
    let mut events = Events { die_at: told["die_at"].as_u64(), ..Events::default() };
    train(&options, &AtomicBool::new(false), &mut events).unwrap();
    println!("events: {}", events.count);
}

/// Lets child after child die with a later event each, until one comes to its end.
fn killed_again_and_again(dataset: &Dataset, out: &Path, all: bool, from: u64, by: u64) -> u64 {
    let mut kills = 0;
    loop {
        let die_at = from + kills * by;
        let more = json!({ "out": out, "all": all, "die_at": die_at });
        let ended = child::child(CHILD, dataset, "train", &more).output().unwrap();
        if ended.status.success() {
            return kills;
        }
        let said = child::said(&ended);
        assert!(!said.contains("panicked"), "{said}");
        kills += 1;
        assert!(kills < 100, "the run goes on: {said}");
    }
}

#[test]
fn a_head_killed_at_every_event_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [expected, out] = ["expected", "out"].map(|name| folder.path().join(name));
    training::trained(&options(&dataset, &expected, false));
    // Features, steps, checkpoints, validation, epochs: each a little later than the last time.
    let kills = killed_again_and_again(&dataset, &out, false, 1, 1);
    assert!(kills >= 8, "{kills} kills");
    assert!(training::result(&out) == training::result(&expected), "after {kills} kills");
}

#[test]
fn all_layers_killed_between_checkpoints_end_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [expected, out] = ["expected", "out"].map(|name| folder.path().join(name));
    training::trained(&options(&dataset, &expected, true));
    let kills = killed_again_and_again(&dataset, &out, true, 2, 1);
    assert!(kills >= 2, "{kills} kills");
    assert!(training::result(&out) == training::result(&expected), "after {kills} kills");
}

#[test]
fn a_run_that_is_asked_to_stop_writes_a_checkpoint_and_goes_on_without_repeating_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [expected, out] = ["expected", "out"].map(|name| folder.path().join(name));
    training::trained(&options(&dataset, &expected, false));
    let mut steps = 0;
    let (mut stops, mut while_features) = (0, 0);
    for at in (1..).step_by(2) {
        let stop = Arc::new(AtomicBool::new(false));
        let mut events = Events { stop_at: Some((at, Arc::clone(&stop))), ..Events::default() };
        let ended = train(&options(&dataset, &out, false), &stop, &mut events);
        steps += events.steps;
        match ended {
            Err(TrainError::Interrupted { .. }) => stops += 1,
            Err(TrainError::InterruptedFeatures { .. }) => {
                (stops, while_features) = (stops + 1, while_features + 1);
            }
            ended => {
                let ended = ended.unwrap();
                assert!(!ended.finished_before);
                // Those of the stopped processes count, too.
                let features = ended.features.unwrap();
                assert_eq!((features.made, features.samples), (24, 24));
                assert!(while_features > 0 && ended.feature_seconds > 0.0);
                break;
            }
        }
    }
    assert!(stops >= 3, "{stops} stops");
    let all = fs::read_to_string(expected.join("steps.csv")).unwrap().lines().count() as u64 - 1;
    assert_eq!(steps, all, "each step once");
    assert!(training::result(&out) == training::result(&expected), "after {stops} stops");
}

#[test]
fn ctrl_c_ends_the_command_with_130_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut command: Command = common::tcolz();
    command.arg("train").arg(dataset.root()).arg("--out").arg(&out);
    command.args(["--model", "mobilenet-v2", "--finetune", "head", "--epochs", "100000"]);
    command.args(["--batch-size", "4", "--device", "cpu", "-j", "1", "--workers", "1"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = Instant::now();
    while !out.join("last/checkpoint.safetensors").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the run goes on");
        sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command goes on from there"), "{said}");
}
