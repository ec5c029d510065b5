//! Promise: what is not stored can be listed with its reasons, by the words that people use.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::shared;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tcolz_format::dataset::LedgerRow;
use tcolz_format::sample::Status;
use tcolz_inspect::bad_inputs;
use tcolz_loader::LoaderError;
use tcolz_loader::select::{Select, Selection};

fn inspect(dataset: &Path, more: &[&str]) -> (i32, String, String) {
    let output = common::tcolz().arg("inspect").arg(dataset).args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn json(dataset: &Path, more: &[&str]) -> Value {
    let (code, out, error) = inspect(dataset, &[more, &["--json"]].concat());
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_input_that_is_not_stored_is_listed_with_status_reason_and_detail() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    let ledger = dataset.ledger().unwrap();
    let bad: Vec<&LedgerRow> = ledger.iter().filter(|row| row.status != Status::Stored).collect();
    let (code, screen, error) = inspect(dataset.root(), &["--list-bad"]);
    assert_eq!(code, 0, "{error}");
    let mut lines = screen.lines();
    let title = lines.next().unwrap();
    assert!(
        title.contains(&format!(": {} inputs not stored, of {} listed", bad.len(), ledger.len())),
        "{title}"
    );
    let head = lines.next().unwrap();
    let columns =
        ["split", "id", "status", "reason", "detail"].map(|name| head.find(name).unwrap());
    assert!(columns.is_sorted(), "{head}");
    for (line, row) in lines.zip(&bad) {
        let cell = |index: usize| line[columns[index]..].trim_start();
        assert!(cell(0).starts_with(&*row.split), "{line}");
        assert!(cell(1).starts_with(&row.sample_id), "{line}");
        assert!(cell(2).starts_with(row.status.as_str()), "aligned: {line}");
        assert!(cell(3).starts_with(row.reason_code().unwrap()), "{line}");
        assert!(row.reason.as_ref().unwrap().ends_with(cell(4)), "{line}");
    }
    assert_eq!(screen.lines().count(), bad.len() + 2);

    let all = json(dataset.root(), &["--list-bad"]);
    let inputs = all["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), bad.len());
    for (input, row) in inputs.iter().zip(&bad) {
        assert_eq!(input["sample_id"], row.sample_id.as_str());
        let reason =
            format!("{}: {}", input["reason"].as_str().unwrap(), input["detail"].as_str().unwrap());
        assert_eq!(Some(reason), row.reason);
        assert_eq!(
            (input["list"].as_str(), input["line"].as_u64()),
            (Some(&*row.list), Some(row.line.into()))
        );
    }
    follows_its_schema(&all, folder.path());
}

fn follows_its_schema(said: &Value, folder: &Path) {
    let Some(python) = shared::python() else { return };
    let path = folder.join("bad.json");
    std::fs::write(&path, said.to_string()).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/bad-inputs.schema.json");
    let program = "import json, sys, jsonschema; said, schema = (json.load(open(path)) for path in sys.argv[1:]); jsonschema.Draft202012Validator.check_schema(schema); jsonschema.validate(said, schema); assert said['inputs']";
    let checked = Command::new(python).args(["-c", program]).args([&path, &schema]).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn conditions_choose_among_them_by_status_reason_split_and_class() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    let ledger = dataset.ledger().unwrap();
    let expected = |test: &dyn Fn(&LedgerRow) -> bool| {
        let bad = ledger.iter().filter(|row| row.status != Status::Stored && test(row));
        bad.map(|row| row.sample_id.clone()).collect::<Vec<_>>()
    };
    let ids = |found: &Value| {
        let inputs = found["inputs"].as_array().unwrap().iter();
        inputs.map(|input| input["sample_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let quarantined = |row: &LedgerRow| row.status == Status::Quarantined;
    let found = json(dataset.root(), &["--where", "status = quarantined"]);
    assert_eq!(ids(&found), expected(&quarantined));
    assert_eq!(found["condition"], "status = quarantined");
    let found = json(dataset.root(), &["--list-bad", "--where", "reason = corrupt"]);
    assert_eq!(ids(&found), expected(&|row| row.reason_code() == Some("corrupt")));
    assert!(!ids(&found).is_empty());
    let found = json(dataset.root(), &["--list-bad", "--split", "train+val"]);
    assert_eq!(ids(&found), expected(&|row| *row.split != *"test"));
    let (class, name) = (1, &dataset.meta().classes[1]);
    let found = json(dataset.root(), &["--list-bad", "--where", &format!("label = {name}")]);
    assert_eq!(ids(&found), expected(&|row| row.label == Some(class)));
    let (code, screen, _) = inspect(dataset.root(), &["--list-bad", "--where", "width = 1"]);
    assert!(code == 0 && screen.contains("all of those where width = 1 are stored"), "{screen}");
    let (code, _, error) = inspect(dataset.root(), &["--list-bad", "--split", "none"]);
    assert!(code == 1 && error.contains("none"), "{error}");
    let (code, _, error) = inspect(dataset.root(), &["--list-bad", "--percent", "5"]);
    assert_eq!(code, 2, "{error}");
}

#[test]
fn a_dataset_without_bad_inputs_says_so() {
    let folder = tempfile::tempdir().unwrap();
    common::small_dump(&folder.path().join("photos"));
    let options = common::options(&folder.path().join("photos"), &folder.path().join("out"), &[16]);
    common::converted(&options);
    let (code, screen, _) = inspect(&options.out, &["--list-bad"]);
    assert!(code == 0 && screen.contains("9 listed inputs, every one is stored"), "{screen}");
}

#[test]
fn what_is_not_stored_cannot_be_read_and_the_error_says_what_lists_it() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    for text in ["status = quarantined", "width > 3 and status != stored"] {
        let select = Select { condition: Some(text.to_owned()), ..Select::split("train") };
        let error = Selection::of(&dataset, &select).unwrap_err();
        assert!(matches!(error, LoaderError::NotStored { .. }), "{error}");
        let (said, next) = (error.to_string(), format!("condition: '{text}')`"));
        assert!(
            said.contains("nothing is stored")
                && said.contains("`bad_inputs(")
                && said.contains(&next),
            "{said}"
        );
    }
    let mut bench = common::tcolz();
    bench.arg("bench").arg(dataset.root()).args(["--where", "status = missing"]);
    let output = bench.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("tcolz inspect"), "{said}");
    let (code, _, said) = inspect(dataset.root(), &["--where", "status = broken"]);
    assert!(code == 1 && said.contains("there are: stored, quarantined"), "{said}");
    assert!(bad_inputs(&dataset, None, Some("label = nothing")).is_err());
}

#[test]
fn classes_are_named_in_conditions_and_one_that_is_not_there_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    let classes = &dataset.meta().classes;
    let counts = |condition: &str| {
        let select = Select { condition: Some(condition.to_owned()), ..Select::split("train") };
        Selection::of(&dataset, &select).unwrap().places().to_vec()
    };
    for (label, class) in classes.iter().enumerate() {
        assert_eq!(counts(&format!("label = {class}")), counts(&format!("label = {label}")));
        assert_eq!(counts(&format!("label != '{class}'")), counts(&format!("label != {label}")));
    }
    let wrong = format!("label = {}x", classes[0]);
    let (code, _, said) = inspect(dataset.root(), &["--where", &wrong]);
    assert!(code == 1 && said.contains(&format!("is `label = {}` meant?", classes[0])), "{said}");
    assert!(said.contains(&classes.join(", ")), "{said}");
}
