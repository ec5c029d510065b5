//! Promises of a run whose device is ahead of what is known of its steps, and of one that multiplies in float16. On a
//! GPU both are the same code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::training;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tcolz_format::dataset::Dataset;
use tcolz_nn::{BatchNormMode, Precision};
use tcolz_train::schedule::Schedule;
use tcolz_train::{
    CheckpointEvery, Finetune, StepReport, TrainError, TrainObserver, TrainOptions, train,
};
use training::{column, options, refused, result, trained};

fn run(dataset: &Dataset, out: &Path, fetch_every: Option<u32>) -> TrainOptions {
    let mut options = options(dataset, out, Finetune::All);
    options.fetch_every = fetch_every;
    options.learning_rate = Some(0.02);
    options.label_smoothing = 0.1;
    options.checkpoint_every = CheckpointEvery::Steps(4);
    options
}

/// The steps that are told, in their order; asks the run to stop with the last of them.
struct Steps<'a> {
    told: Vec<u64>,
    stop_at: u64,
    stop: &'a AtomicBool,
}

impl TrainObserver for Steps<'_> {
    fn step(&mut self, step: &StepReport) {
        self.told.push(step.run_step);
        self.stop.store(step.run_step >= self.stop_at, Ordering::SeqCst);
    }
}

#[test]
fn losses_that_are_fetched_later_are_those_of_a_run_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = |name: &str| folder.path().join(name);
    let stop = AtomicBool::new(false);
    let mut results = Vec::new();
    for every in [2, 3, 100] {
        let out = out(&format!("every-{every}"));
        let mut steps = Steps { told: Vec::new(), stop_at: u64::MAX, stop: &stop };
        train(&run(&dataset, &out, Some(every)), &stop, &mut steps).unwrap();
        assert_eq!(steps.told, (1..=12).collect::<Vec<u64>>(), "every step is told once");
        results.push(result(&out));
    }
    assert!(results[0] == results[1] && results[0] == results[2], "how often changes no bit");
    trained(&run(&dataset, &out("waits"), None));
    for name in ["train_loss", "train_accuracy", "validation_loss"] {
        let (later, waits) = (column(&out("every-3"), name), column(&out("waits"), name));
        for (later, waits) in later.iter().zip(&waits) {
            assert!((later - waits).abs() < 1e-3 * waits.abs(), "{name}: {later} {waits}");
        }
    }
}

#[test]
fn a_run_that_is_stopped_while_losses_wait_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let whole = folder.path().join("whole");
    trained(&run(&dataset, &whole, Some(3)));
    for stop_at in [1, 3, 5, 9] {
        let out = folder.path().join(format!("stopped-{stop_at}"));
        let stop = AtomicBool::new(false);
        let mut steps = Steps { told: Vec::new(), stop_at, stop: &stop };
        let stopped = train(&run(&dataset, &out, Some(3)), &stop, &mut steps).unwrap_err();
        assert!(matches!(stopped, TrainError::Interrupted { .. }), "{stopped}");
        trained(&run(&dataset, &out, Some(3)));
        assert!(result(&out) == result(&whole), "stopped at step {stop_at}");
    }
}

#[test]
fn a_loss_that_is_no_number_is_noticed_when_it_is_fetched_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut asked = run(&dataset, &out, Some(3));
    // The second epoch begins with step 5.
    asked.schedule = Schedule::Step { epochs: 1, factor: 1e38 };
    let error = refused(&asked).to_string();
    let step: u64 = error
        .split("step ")
        .nth(1)
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((6..=8).contains(&step), "within three steps: {error}");
    assert!(error.contains("the checkpoint behind step 4 is kept"), "{error}");
    let rows = fs::read_to_string(out.join("steps.csv")).unwrap();
    assert!(!rows.contains("NaN") && !rows.contains("inf"), "{rows}");
    assert!(refused(&asked).to_string().contains("behind step 4 is kept"), "and again, from there");
}

#[test]
fn training_in_float16_with_loss_scaling_learns_what_float32_does_and_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let half = |name: &str| {
        let mut options = run(&dataset, &folder.path().join(name), None);
        options.precision = Precision::F16;
        // Few pixels of one colour have channels without variance, by which gradients are divided.
        options.batch_norm = Some(BatchNormMode::Stored);
        options.learning_rate = Some(1e-3);
        options.epochs = 4;
        options
    };
    let mut single = half("single");
    single.precision = Precision::F32;
    trained(&single);
    let asked = half("half");
    trained(&asked);
    let (found, expected) = (column(&asked.out, "train_loss"), column(&single.out, "train_loss"));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 0.1 * expected, "{found} {expected}");
    }
    assert!(found[3] < 0.8 * found[0], "{found:?}");
    assert_ne!(found, expected, "nothing was rounded");
    let run_file = fs::read_to_string(asked.out.join("run.json")).unwrap();
    assert!(run_file.contains(r#""precision": "f16""#), "{run_file}");
    let checkpoint = fs::read(asked.out.join("last/checkpoint.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&checkpoint[8..]);
    assert!(header.contains("loss_scale"), "the factor goes on where it was");

    let (stop, stopped) = (AtomicBool::new(false), half("stopped"));
    let mut steps = Steps { told: Vec::new(), stop_at: 5, stop: &stop };
    assert!(matches!(train(&stopped, &stop, &mut steps), Err(TrainError::Interrupted { .. })));
    trained(&stopped);
    assert!(result(&stopped.out) == result(&asked.out));

    let mut other = half("half");
    other.precision = Precision::F32;
    assert!(refused(&other).to_string().contains("`precision`"));
}

#[test]
fn bfloat16_is_refused_on_the_cpu_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = run(&dataset, &folder.path().join("out"), None);
    asked.precision = Precision::Bf16;
    let error = refused(&asked).to_string();
    assert!(error.contains("`precision`") && error.contains("takes a GPU"), "{error}");
    assert!(!asked.out.exists());
}
