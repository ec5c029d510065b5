//! Promises of `tcolz evaluate` about photos that the model has seen before: they are counted exactly, said before any
//! number, recognised in other datasets, and can be left out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::training;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tcolz_format::dataset::Dataset;
use tcolz_loader::Percent;
use tcolz_train::{Finetune, Validation};
use training::{options, trained};

fn evaluate(model: &Path, dataset: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcolz"));
    command.arg("evaluate").args([model, dataset]).args(more).output().unwrap()
}

fn screen(model: &Path, dataset: &Path, more: &[&str]) -> String {
    let output = evaluate(model, dataset, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(model: &Path, dataset: &Path, more: &[&str]) -> Value {
    serde_json::from_str(&screen(model, dataset, &[more, &["--json"]].concat())).unwrap()
}

/// A model of three quarters of the 18 training photos, validated on the other four.
fn model(dataset: &Dataset, folder: &Path) -> PathBuf {
    let mut asked = options(dataset, &folder.join("run"), Finetune::Head);
    asked.epochs = 1;
    asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
    trained(&asked).model
}

const LABELLED: [&str; 2] = ["--where", "label >= 0"];

#[test]
fn what_the_model_has_seen_is_counted_and_stands_before_any_number() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let (root, model) = (dataset.root(), model(&dataset, folder.path()));
    let held = fs::read_to_string(folder.path().join("run/holdout.txt")).unwrap().lines().count();
    assert!((3..6).contains(&held), "{held}");

    let text = screen(&model, root, &[&["--split", "train"][..], &LABELLED].concat());
    let said = format!("warning: the model was trained on {} of these 18 photos", 18 - held);
    assert_eq!(text.lines().nth(1).unwrap().find(&said), Some(0), "{text}");
    assert!(text.find("warning:").unwrap() < text.find("accuracy ").unwrap(), "{text}");
    assert!(text.contains("more: its accuracy here says little of new photos\n"), "{text}");
    let found = json(&model, root, &[&["--split", "train+val"][..], &LABELLED].concat());
    let expected = format!(r#"{{"trained":{},"validated":{held},"unknown":null}}"#, 18 - held);
    assert_eq!(found["seen"].to_string(), expected);

    let text = screen(&model, root, &["--split", "test"]);
    assert!(!text.contains("warning") && !text.contains("not known"), "{text}");
    let holdout = folder.path().join("run/holdout.txt");
    let text = screen(&model, root, &["--split", "train", "--subset", holdout.to_str().unwrap()]);
    assert!(
        text.contains(&format!("validated on all these {held} photos, which chose the epoch")),
        "{text}"
    );
}

#[test]
fn photos_are_recognised_in_another_dataset_under_other_names_and_splits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let model = model(&dataset, folder.path());
    // The same photos in class folders, without their names, and five copies under new ones.
    let photos = folder.path().join("again");
    let classes = ["red", "blue"];
    for row in dataset.ledger().unwrap() {
        let Some(label) = row.label else { continue };
        let bytes = fs::read(folder.path().join("photos").join(&row.path)).unwrap();
        let class = photos.join(classes[usize::from(label)]);
        common::write(&class.join(format!("x{}", row.path)), &bytes);
    }
    let out = folder.path().join("again.tcolz");
    common::converted(&common::options(&photos, &out, &[training::SIZE]));
    let found = json(&model, &out, &[]);
    assert_eq!(found["samples"], 28);
    let seen = |name: &str| found["seen"][name].as_u64().unwrap();
    assert_eq!(seen("trained") + seen("validated"), 18);

    let left = json(&model, &out, &["--unseen"]);
    assert_eq!((&left["samples"], &left["selection"]["unseen"]), (&10.into(), &true.into()));
    assert_eq!(left["seen"]["trained"], 0);
    let text = screen(&model, &out, &["--unseen"]);
    assert!(text.contains("unseen photos only: 10 samples"), "{text}");
}

#[test]
fn what_is_not_known_is_said_and_nothing_is_taken_for_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let (root, model) = (dataset.root(), model(&dataset, folder.path()));
    let record = folder.path().join("run/seen.parquet");
    let other = |change: &dyn Fn(), words: &str| {
        change();
        let text = screen(&model, root, &["--split", "test"]);
        assert!(text.lines().nth(1).unwrap().starts_with("note: "), "{text}");
        assert!(text.contains(words) && text.contains("this very dataset"), "{text}");
        let output = evaluate(&model, root, &["--split", "test", "--unseen"]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("--unseen: which photos") && error.contains(words), "{error}");
        let found = json(&model, root, &["--split", "test"]);
        assert!(found["seen"]["trained"].is_null(), "{found}");
    };
    other(&|| fs::write(&record, "another file").unwrap(), "BLAKE3");
    other(&|| fs::remove_file(&record).unwrap(), "does not lie beside it");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let (root, model) = (dataset.root(), model(&dataset, folder.path()));
    let file = folder.path().join("a-file");
    fs::write(&file, "x").unwrap();
    let out = file.join("report");
    let output = evaluate(&model, root, &["--split", "test", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "nothing was evaluated");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("a-file"), "{error}");

    // Nothing is written into a dataset; a foreign dataset.json makes none of the folder that it lies in.
    let inside = root.join("report");
    let output = evaluate(&model, root, &["--split", "test", "--out", inside.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("lies in the dataset") && !inside.exists(), "{error}");
    fs::write(folder.path().join("dataset.json"), "{}").unwrap();
    screen(&model, root, &["--split", "test", "--out", folder.path().join("ev").to_str().unwrap()]);
}

#[test]
fn swapped_arguments_are_recognised_and_a_dataset_is_never_proposed_as_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let (root, model) = (dataset.root(), model(&dataset, folder.path()));
    let refused = |model: &Path, dataset: &Path| {
        let output = evaluate(model, dataset, &[]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    for run in [model.parent().unwrap(), &model] {
        let error = refused(root, run);
        let command = format!("tcolz evaluate {} {}", run.display(), root.display());
        assert!(error.contains("is a dataset") && error.contains(&command), "{error}");
    }
    let photo = folder.path().join("photos/00.png");
    let error = refused(&photo, root);
    assert!(
        error.contains("found a picture") && error.contains("the model comes first"),
        "{error}"
    );
    let error = refused(root, root);
    assert!(error.contains("expected a model") && !error.contains("--out"), "{error}");
}
