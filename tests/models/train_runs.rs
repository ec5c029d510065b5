//! Promises of a run: what it is refused with, what its folder holds, and that keeping features changes nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::training;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tcolz_base::durable::FolderLock;
use tcolz_format::dataset::{SeenAs, photo_key};
use tcolz_loader::Percent;
use tcolz_nn::BatchNormMode;
use tcolz_nn::file::Model;
use tcolz_train::schedule::Schedule;
use tcolz_train::{
    CacheChoice, Finetune, TrainError, TrainObserver, TrainOptions, Validation, find_learning_rate,
    seen_by, train,
};
use training::{options, refused, trained};

/// Keeps what it is told in words.
#[derive(Default)]
struct Told {
    words: Vec<String>,
    features: u64,
    unlabelled: u64,
}

impl TrainObserver for Told {
    fn note(&mut self, text: &str) {
        self.words.push(text.to_owned());
    }

    fn warning(&mut self, text: &str) {
        self.words.push(text.to_owned());
    }

    fn begun(&mut self, begun: &tcolz_train::Begun) {
        self.unlabelled = begun.unlabelled;
    }

    fn features_begun(&mut self, _file: &Path, _bytes: u64, there: u64, all: u64) {
        self.features = all - there;
    }
}

fn told(options: &tcolz_train::TrainOptions) -> Told {
    let mut told = Told::default();
    train(options, &AtomicBool::new(false), &mut told).unwrap();
    told
}

#[test]
fn a_run_learns_and_its_folder_holds_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("runs/all");
    let mut asked = options(&dataset, &out, Finetune::All);
    asked.epochs = 6;
    asked.learning_rate = Some(0.02);
    let summary = trained(&asked);
    assert_eq!((summary.rows.len(), summary.rows[0].train_samples), (6, 16), "whole batches");
    assert!(summary.rows[5].train_loss < summary.rows[0].train_loss, "{:?}", summary.rows);
    let best = training::column(&out, "validation_loss").into_iter().fold(f64::INFINITY, f64::min);
    assert!((summary.best.validation.unwrap().loss - best).abs() < 1e-7);
    let model = Model::open(&summary.model).unwrap();
    assert_eq!(model.facts.classes, dataset.meta().classes);
    assert_eq!((model.facts.size, model.facts.epochs), (training::SIZE, Some(summary.best.epoch)));
    assert_eq!(model.facts.validation.unwrap().samples, 6);
    assert_eq!(model.facts.percent, None);
    let files: BTreeSet<String> = common::tree(&out).into_keys().collect();
    let expected = [
        "best.safetensors",
        "curves.png",
        "curves.svg",
        "last/checkpoint.safetensors",
        "log.csv",
        "resources.csv",
        "run.json",
        "seen.parquet",
        "steps.csv",
        "times.csv",
    ];
    assert_eq!(files, expected.map(str::to_owned).into());
    // The best model begins a run of its own.
    let mut next = options(&dataset, &folder.path().join("runs/next"), Finetune::Head);
    next.weights = Some(summary.model.clone());
    next.epochs = 1;
    assert!(trained(&next).rows[0].train_loss < summary.rows[0].train_loss);
    next.view = Some("caffe".to_owned());
    next.out = folder.path().join("runs/view");
    let error = refused(&next).to_string();
    assert!(error.contains("`view: caffe`") && error.contains("the view torch"), "{error}");
    assert!(!next.out.exists(), "a run that cannot begin leaves no folder");
}

#[test]
fn a_finished_run_changes_nothing_and_other_options_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let asked = options(&dataset, &out, Finetune::Head);
    assert!(!trained(&asked).finished_before);
    let before = common::tree(&out);
    assert!(trained(&asked).finished_before);
    assert!(common::tree(&out) == before);
    let mut other = asked.clone();
    other.learning_rate = Some(0.5);
    let error = refused(&other).to_string();
    assert!(
        error.contains("`learning_rate` 0.001, not 0.5") && error.contains("`restart: true`"),
        "{error}"
    );
    let mut other = asked.clone();
    other.seed = 1;
    assert!(refused(&other).to_string().contains("`seed` 0, not 1"));
    let mut other = asked.clone();
    other.select.condition = Some("width > 1".to_owned());
    assert!(refused(&other).to_string().contains("`condition` nothing, not width > 1"));
    assert!(common::tree(&out) == before, "nothing was touched");
    other.restart = true;
    assert!(!trained(&other).finished_before);
    fs::write(out.join("thesis.tex"), "mine").unwrap();
    assert!(matches!(refused(&other), TrainError::NotARun { .. }));
}

#[test]
fn a_finished_run_does_not_take_the_checkpoint_of_another_run_as_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let [own, other] = ["own", "other"].map(|name| folder.path().join(name));
    let mut asked = options(&dataset, &other, Finetune::Head);
    asked.seed = 1;
    trained(&asked);
    let asked = options(&dataset, &own, Finetune::Head);
    trained(&asked);
    for file in ["last/checkpoint.safetensors", "best.safetensors", "log.csv", "steps.csv"] {
        fs::copy(other.join(file), own.join(file)).unwrap();
    }
    let error = refused(&asked).to_string();
    assert!(error.contains("belongs to other options than run.json"), "{error}");
}

/// Renames the run's folder behind the first checkpoint, and begins another run under its name.
struct Renames<'a> {
    other: Option<&'a TrainOptions>,
}

impl TrainObserver for Renames<'_> {
    fn checkpoint(&mut self, _step: u64) {
        if let Some(other) = self.other.take() {
            fs::rename(&other.out, other.out.with_file_name("moved")).unwrap();
            trained(other);
        }
    }
}

#[test]
fn a_run_whose_folder_was_renamed_ends_and_writes_nothing_into_the_run_that_took_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut other = options(&dataset, &out, Finetune::Head);
    other.seed = 1;
    let mut renames = Renames { other: Some(&other) };
    let asked = options(&dataset, &out, Finetune::Head);
    let error = train(&asked, &AtomicBool::new(false), &mut renames).unwrap_err();
    assert!(matches!(error, TrainError::FolderGone { .. }), "{error}");
    let theirs = common::tree(&out);
    assert!(trained(&other).finished_before, "the other run is as it was left");
    assert!(common::tree(&out) == theirs);
    // Put back, it goes on.
    fs::rename(&out, folder.path().join("other")).unwrap();
    fs::rename(folder.path().join("moved"), &out).unwrap();
    assert!(!trained(&asked).finished_before);
}

#[test]
fn a_finished_run_goes_on_to_more_epochs_as_if_they_had_been_asked_for_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let run = |name: &str, epochs| {
        let mut asked = options(&dataset, &folder.path().join(name), Finetune::Head);
        (asked.epochs, asked.schedule) = (epochs, Schedule::Constant);
        asked
    };
    trained(&run("grown", 2));
    let grown = trained(&run("grown", 4));
    let at_once = trained(&run("at-once", 4));
    assert!(!grown.finished_before);
    assert_eq!(grown.rows, at_once.rows);
    for file in ["best.safetensors", "log.csv", "steps.csv", "seen.parquet"] {
        let of = |name: &str| fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(of("grown") == of("at-once"), "{file}");
    }
    assert!(trained(&run("grown", 4)).finished_before);
    assert_eq!(trained(&run("grown", 5)).rows.len(), 5, "and again");
    let text = refused(&run("grown", 3)).to_string();
    assert!(text.contains("`epochs` 5, not 3"), "{text}");

    // Killed after run.json said more epochs, before a checkpoint did.
    trained(&run("killed", 2));
    let checkpoint = folder.path().join("killed/last/checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    trained(&run("killed", 4));
    fs::write(&checkpoint, before).unwrap();
    assert_eq!(trained(&run("killed", 4)).rows, at_once.rows);

    // Another option stands in the way, or patience ended it.
    let mut other = run("grown", 9);
    other.seed += 1;
    assert!(refused(&other).to_string().contains("`seed`"));
    let patient = |epochs| {
        let mut asked = run("patient", epochs);
        asked.validation = Validation::Holdout(Percent::parse("20").unwrap());
        (asked.patience, asked.learning_rate) = (Some(1), Some(1e-30));
        asked
    };
    assert_eq!(trained(&patient(8)).rows.len(), 2);
    let text = refused(&patient(9)).to_string();
    assert!(text.contains("ended after epoch 2") && text.contains("`patience`"), "{text}");
}

#[test]
fn a_run_records_exactly_which_photos_its_model_has_seen_those_of_its_weights_too() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = options(&dataset, &folder.path().join("head"), Finetune::Head);
    asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
    let head = trained(&asked);
    let seen = |model: &Path| {
        let facts = Model::open(model).unwrap().facts;
        let seen = seen_by(model, &facts).unwrap();
        let ledger = dataset.ledger().unwrap();
        let mut found = BTreeMap::new();
        for row in ledger.iter().filter(|row| row.place.is_some()) {
            let photo = photo_key(&row.source.unwrap().1);
            found.insert((row.split.to_string(), row.sample_id.clone()), seen.get(photo));
        }
        found
    };
    let ids = |file: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(head.out.join(file)).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let (trained_on, held) = (ids("trained.txt"), ids("holdout.txt"));
    for ((split, id), seen) in seen(&head.model) {
        let expected = match &*split {
            "train" if trained_on.contains(&id) => Some(SeenAs::Trained),
            "train" if held.contains(&id) => Some(SeenAs::Validated),
            _ => None,
        };
        assert_eq!(seen, expected, "{split}, {id}");
    }
    let unseen: Vec<u64> = head.unseen.iter().map(|split| split.unseen).collect();
    let samples: Vec<u64> = head.unseen.iter().map(|split| split.samples).collect();
    assert_eq!(unseen[0], 0);
    assert_eq!(unseen[1..], samples[1..]);

    // Trained further on other samples: what the head was trained on stays seen.
    let mut further = options(&dataset, &folder.path().join("further"), Finetune::Head);
    further.weights = Some(head.model.clone());
    (further.select.split, further.validation) = ("val".to_owned(), Validation::Nothing);
    let further = trained(&further);
    for ((split, id), seen) in seen(&further.model) {
        let expected = match &*split {
            "val" => Some(SeenAs::Trained),
            "train" if trained_on.contains(&id) => Some(SeenAs::Trained),
            "train" if held.contains(&id) => Some(SeenAs::Validated),
            _ => None,
        };
        assert_eq!(seen, expected, "{split}, {id}");
    }
    assert_eq!(further.seen_unknown, None);

    // A model whose record is gone: what it had seen is not known, and that is said.
    fs::remove_file(head.out.join("seen.parquet")).unwrap();
    let mut blind = options(&dataset, &folder.path().join("blind"), Finetune::Head);
    blind.weights = Some(head.model.clone());
    blind.validation = Validation::Nothing;
    let reason = trained(&blind).seen_unknown.unwrap();
    assert!(
        reason.contains("began with best.safetensors") && reason.contains("seen.parquet"),
        "{reason}"
    );
}

#[test]
fn few_validated_samples_and_a_loss_beyond_all_bounds_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = options(&dataset, &folder.path().join("out"), Finetune::Head);
    asked.validation = Validation::Auto;
    (asked.learning_rate, asked.schedule) = (Some(1e6), Schedule::Constant);
    let warnings = told(&asked).words.join("\n");
    assert!(warnings.contains("6 samples are validated on, too few"), "{warnings}");
    assert!(
        warnings.contains("has diverged") && warnings.contains("`learning_rate: 1e5`"),
        "{warnings}"
    );
    assert_eq!(warnings.matches("has diverged").count(), 1, "said once");
}

#[test]
fn features_that_are_kept_change_no_loss_and_are_shared_tested_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let run = |name: &str| folder.path().join(name);
    let mut asked = options(&dataset, &run("uncached"), Finetune::Head);
    asked.cache = CacheChoice::Off;
    assert_eq!(told(&asked).features, 0);
    asked.out = run("cached");
    asked.cache = CacheChoice::Folder(run("cache"));
    let first = told(&asked);
    assert_eq!((first.features, first.unlabelled), (24, 1));
    for name in ["train_loss", "validation_loss"] {
        let [plain, kept] = ["uncached", "cached"].map(|out| training::column(&run(out), name));
        assert!(plain.iter().zip(&kept).all(|(a, b)| (a - b).abs() < 1e-5), "{plain:?} {kept:?}");
    }
    let expected = training::result(&run("cached"));
    asked.out = run("again");
    assert_eq!(told(&asked).features, 0, "another run finds them");
    assert!(training::result(&asked.out) == expected);
    // A row that is not as it was written is made anew, and nothing else.
    let files = || common::tree(&run("cache"));
    let whole = files();
    let name = whole.keys().find(|name| name.contains("train")).unwrap().clone();
    let mut damaged = whole[&name].clone();
    damaged[4096 + 1000] ^= 1;
    fs::write(run("cache").join(&name), &damaged).unwrap();
    asked.out = run("damaged");
    assert_eq!(told(&asked).features, 1);
    assert!(training::result(&asked.out) == expected && files() == whole);
    // A file that is no such file is made anew.
    fs::write(run("cache").join(&name), b"something else").unwrap();
    asked.out = run("other");
    assert_eq!(told(&asked).features, 18);
    assert!(training::result(&asked.out) == expected && files() == whole);
    // Without a place they are computed in every epoch.
    fs::write(run("no-folder"), b"").unwrap();
    asked.cache = CacheChoice::Folder(run("no-folder"));
    asked.out = run("nowhere");
    assert!(told(&asked).words.iter().any(|text| text.contains("features are not kept")));
    asked.augment.flip = 0.5;
    asked.out = run("flipped");
    assert!(told(&asked).words.iter().any(|text| text.contains("looks different in every epoch")));
}

#[test]
fn a_holdout_is_a_part_of_every_class_and_nothing_of_it_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let held = |out: &str, seed| -> BTreeMap<&str, BTreeSet<String>> {
        let out = folder.path().join(out);
        let mut asked = options(&dataset, &out, Finetune::Head);
        asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
        (asked.seed, asked.epochs) = (seed, 1);
        let summary = trained(&asked);
        assert_eq!(summary.holdout, Some(("train".to_owned(), out.join("holdout.txt"))));
        assert_eq!(summary.best.validation.unwrap().samples, 5);
        let ids = |name: &str| -> BTreeSet<String> {
            fs::read_to_string(out.join(name)).unwrap().lines().map(str::to_owned).collect()
        };
        BTreeMap::from([("held", ids("holdout.txt")), ("trained", ids("trained.txt"))])
    };
    let first = held("first", 3);
    assert!(first["held"].is_disjoint(&first["trained"]));
    assert_eq!((first["held"].len(), first["trained"].len()), (5, 13));
    let red = first["held"].iter().filter(|id| id.as_str() < "10").count();
    assert_eq!(red, 3, "a quarter of ten, rounded up, and of eight");
    assert_eq!(held("same", 3), first);
    assert_ne!(held("other", 4), first);
}

#[test]
fn a_run_that_was_begun_before_equal_photos_were_held_out_together_goes_on_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = options(&dataset, &folder.path().join("run"), Finetune::Head);
    asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
    let new = trained(&asked);
    let file = new.out.join("run.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#""holdout_method": "holdout-v2""#), "{text}");
    // As an earlier version began it: no word of the method, and no hash.
    fs::remove_dir_all(&new.out).unwrap();
    fs::create_dir(&new.out).unwrap();
    let mut run: serde_json::Value = serde_json::from_str(&text).unwrap();
    run["options"].as_object_mut().unwrap().remove("holdout_method").unwrap();
    run.as_object_mut().unwrap().remove("blake3").unwrap();
    fs::write(&file, run.to_string()).unwrap();
    assert_eq!(trained(&asked).rows, new.rows, "no two photos are equal here");
    assert!(!fs::read_to_string(&file).unwrap().contains("holdout_method"));
    assert!(trained(&asked).finished_before);
}

#[test]
fn a_run_on_a_part_lies_where_it_was_asked_to_and_its_model_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = options(&dataset, &folder.path().join("small"), Finetune::Head);
    asked.select.percent = Some(Percent::parse("50").unwrap());
    asked.epochs = 1;
    let summary = trained(&asked);
    assert_eq!(summary.out, folder.path().join("small"));
    assert_eq!(summary.rows[0].train_samples, 9);
    assert_eq!(Model::open(&summary.model).unwrap().facts.percent.as_deref(), Some("50"));
}

#[test]
fn a_class_that_is_missing_is_an_error_in_training_and_a_warning_in_validation() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = options(&dataset, &folder.path().join("out"), Finetune::Head);
    asked.epochs = 1;
    asked.select.condition = Some("label = 0".to_owned());
    let error = refused(&asked);
    assert!(
        matches!(&error, TrainError::MissingClass { class, .. } if class == "red" || class == "blue")
    );
    asked.select.condition = None;
    let names = folder.path().join("names.txt");
    let rows = dataset.ledger().unwrap();
    let one = rows.iter().find(|row| &*row.split == "val" && row.label == Some(0)).unwrap();
    fs::write(&names, &one.sample_id).unwrap();
    asked.validation =
        Validation::Select { split: Some("val".to_owned()), subset: Some(names.clone()) };
    let missing = &dataset.meta().classes[1];
    let words = told(&asked).words;
    assert!(
        words.iter().any(|text| text.contains(&format!("no sample of class {missing}"))),
        "{words:?}"
    );
    // Nor may a sample be on both sides.
    let one = rows.iter().find(|row| &*row.split == "train" && row.label == Some(0)).unwrap();
    fs::write(&names, &one.sample_id).unwrap();
    asked.validation = Validation::Select { split: None, subset: Some(names) };
    asked.out = folder.path().join("both");
    let error = refused(&asked).to_string();
    assert!(
        error.contains(&one.sample_id) && error.contains("trained on and validated on"),
        "{error}"
    );
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut asked = options(&dataset, &out, Finetune::Head);
    asked.schedule = Schedule::Step { epochs: 1, factor: 1e38 };
    asked.learning_rate = Some(1.0);
    asked.validation = Validation::Auto;
    let error = refused(&asked);
    let text = error.to_string();
    assert!(matches!(error, TrainError::Diverged { .. }), "{text}");
    assert!(
        text.contains("1e38") && text.contains("`find_learning_rate`") && text.contains("is kept"),
        "{text}"
    );
    let model = Model::open(&out.join("best.safetensors")).unwrap();
    assert_eq!(model.facts.epochs, Some(1));
    assert!(matches!(refused(&asked), TrainError::Diverged { .. }), "and again, from there");
}

#[test]
fn a_damaged_checkpoint_a_second_process_and_impossible_options_get_a_clear_word() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut asked = options(&dataset, &out, Finetune::Head);
    asked.epochs = 1;
    trained(&asked);
    let lock = FolderLock::take(&out).unwrap().unwrap();
    let error = refused(&asked);
    assert!(matches!(error, TrainError::Locked { .. }), "{error}");
    drop(lock);
    let checkpoint = out.join("last/checkpoint.safetensors");
    let mut bytes = fs::read(&checkpoint).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&checkpoint, bytes).unwrap();
    let text = refused(&asked).to_string();
    assert!(text.contains("is damaged") && text.contains("`restart: true`"), "{text}");
    asked.restart = true;
    trained(&asked);

    asked.out = folder.path().join("other");
    asked.batch_norm = Some(BatchNormMode::Batch);
    let text = refused(&asked).to_string();
    assert!(text.contains("`batch_norm: batch`") && text.contains("frozen"), "{text}");
    asked.batch_norm = None;
    asked.memory_limit = Some(1_000_000);
    let text = refused(&asked).to_string();
    assert!(text.contains("1 MB may be used") && text.contains("`accumulate`"), "{text}");
    asked.memory_limit = None;
    asked.size = Some(48);
    let text = refused(&asked).to_string();
    assert!(text.contains("`size: 48`") && text.contains("tensors of 32"), "{text}");
    asked.size = None;
    asked.validation = Validation::Holdout(Percent::parse("1").unwrap());
    asked.patience = Some(1);
    (asked.learning_rate, asked.epochs) = (Some(1e-30), 9);
    assert_eq!(trained(&asked).rows.len(), 2, "nothing becomes better, and patience ends");
}

#[test]
fn the_learning_rate_finder_writes_what_it_tried_and_begins_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("out");
    let mut asked = options(&dataset, &out, Finetune::Head);
    asked.cache = CacheChoice::Off;
    let found = find_learning_rate(&asked, &AtomicBool::new(false), &mut ()).unwrap();
    assert!(found.tried.len() > 30, "{}", found.tried.len());
    let files: BTreeSet<String> = common::tree(&out).into_keys().collect();
    assert_eq!(files, ["lr-finder.csv", "lr-finder.png"].map(str::to_owned).into());
    let rows = fs::read_to_string(out.join("lr-finder.csv")).unwrap().lines().count();
    assert_eq!(rows, found.tried.len() + 1);
    trained(&asked);

    // With features that are kept it finds the same, and the run finds them.
    let mut kept = options(&dataset, &folder.path().join("kept"), Finetune::Head);
    kept.cache = CacheChoice::Run;
    let same = find_learning_rate(&kept, &AtomicBool::new(false), &mut ()).unwrap();
    assert_eq!(same.tried, found.tried);
    kept.validation = Validation::Nothing;
    assert_eq!(told(&kept).features, 0, "none is left to be made");
}
