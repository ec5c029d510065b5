//! What inspect says is what the pixels are: numpy counts and adds up the same numbers, and odd datasets
//! give a sensible screen.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::ledger;
use crate::shared;

use std::path::Path;
use std::process::Command;

use ledger::{Made, noise};
use serde_json::Value;
use tcolz_format::dataset::LedgerRow;
use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_inspect::{Statistics, inspect, inspect_selected};
use tcolz_loader::select::{Percent, Place, Select, Selection};
use tcolz_pixels::recipe::Codec;

/// What the command prints.
fn output(dataset: &Path, more: &[&str]) -> String {
    let output = common::tcolz().arg("inspect").arg(dataset).args(more).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

fn as_json(dataset: &Path) -> Value {
    serde_json::from_str(&output(dataset, &["--json"])).unwrap()
}

fn numpy_agrees(dataset: &Path) {
    let Some(python) = shared::python() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("inspect.json");
    std::fs::write(&said, output(dataset, &["--json"])).unwrap();
    let output = Command::new(python)
        .arg(root.join("tests/python/inspect_equals_numpy.py"))
        .args([dataset, &said, &root.join("schemas")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn numpy_adds_up_the_same_numbers_from_the_pixels_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    numpy_agrees(common::demo(folder.path(), &[33, 224]).root());
}

#[test]
fn numpy_adds_up_the_same_numbers_from_the_pixels_of_ttd() {
    let Some(ttd) = shared::ttd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut options = common::options(&ttd, &folder.path().join("out"), &[224]);
    // The same pixels, which numpy need not decompress.
    options.recipe.codec = Codec::Raw;
    numpy_agrees(common::converted(&options).dataset.root());
}

#[test]
fn statistics_of_ledger_rows_are_those_of_the_whole_and_parts_add_up_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    let whole = inspect(&dataset).unwrap().statistics;
    let rows = dataset.ledger().unwrap();
    assert_eq!(Statistics::of_rows(&dataset, &rows).unwrap(), whole);
    assert_eq!(Statistics::of_rows(&dataset, rows.iter().rev()).unwrap(), whole);
    let of_split = |name: &str| {
        let rows = rows.iter().filter(|row| &*row.split == name);
        Statistics::of_rows(&dataset, rows).unwrap()
    };
    for (index, split) in whole.splits.iter().enumerate() {
        let part = of_split(&split.name);
        assert_eq!(part.counts, split.counts);
        assert_eq!(part.splits[index], *split);
        assert_eq!(part.tensors[0].channels, split.channels[0]);
    }
    let sums = whole.splits.iter().map(|split| split.channels[0].sum[1]).sum::<u64>();
    assert_eq!(whole.tensors[0].channels.sum[1], sums);
}

#[test]
fn statistics_of_a_selection_are_those_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[16]);
    let rows = dataset.ledger().unwrap();
    let condition = Some("width > 400 and format = jpeg".to_owned());
    let selections = ["train", "test"].map(|split| {
        let percent = Some(Percent::parse("60").unwrap());
        let select = Select { condition: condition.clone(), percent, ..Select::split(split) };
        Selection::of(&dataset, &select).unwrap()
    });
    let found = inspect_selected(&dataset, &selections).unwrap();
    let selected = |row: &&LedgerRow| {
        let own = selections.iter().find(|selection| *selection.split() == *row.split);
        own.zip(row.place)
            .is_some_and(|(own, (shard, row))| own.places().contains(&Place { shard, row }))
    };
    let expected = Statistics::of_rows(&dataset, rows.iter().filter(selected)).unwrap();
    assert_eq!(found.statistics, expected);
    let number = selections.iter().map(Selection::len).sum::<usize>() as u64;
    assert!(number > 0 && found.statistics.counts.stored == number);
    assert_eq!(found.selected.unwrap()[1].split, "test");

    let screen = output(dataset.root(), &["--where", "width > 400 and format = jpeg"]);
    assert!(
        screen.contains("selected train") && screen.contains("meet the conditions"),
        "{screen}"
    );
    assert!(screen.contains("selected val"), "every split: {screen}");
    let mut command = common::tcolz();
    command.arg("inspect").arg(dataset.root()).args(["--where", "width > 1e9"]);
    let error = command.output().unwrap();
    assert_eq!(error.status.code(), Some(1));
    let error = String::from_utf8_lossy(&error.stderr).into_owned();
    assert!(error.contains("no sample is left"), "{error}");
}

fn classes(number: usize) -> Vec<String> {
    (0..number).map(|class| format!("class-{class:03}")).collect()
}

fn made(number: u64, split: usize, label: Option<u16>) -> Made {
    Made { split, label, planes: Some(noise(number, 4)), source: number }
}

#[test]
fn a_thousand_classes_are_told_by_their_extremes_and_listed_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let samples = (0..3001).map(|number| made(number, 0, Some((number % 1000) as u16)));
    ledger::write(&out, 4, &["train"], &classes(1000), samples);
    let screen = output(&out, &[]);
    assert!(screen.contains("3,001 samples in 1 split, 1,000 classes"), "{screen}");
    assert!(screen.contains("class-001 3") && screen.contains("class-000 4"), "{screen}");
    assert!(screen.contains("1.33 times as many samples"), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() < 120), "{screen}");
    let json = as_json(&out);
    assert_eq!(json["class_statistics"].as_array().unwrap().len(), 1000);
    assert_eq!(json["splits"][0]["by_class"][0], 4);
    numpy_agrees(&out);
}

#[test]
fn one_sample_of_one_class_is_its_own_mean() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let planes = [vec![10; 16], vec![20; 16], vec![30; 16]].concat();
    let sample = Made { split: 0, label: Some(0), planes: Some(planes), source: 1 };
    ledger::write(&out, 4, &["all"], &classes(1), std::iter::once(sample));
    let screen = output(&out, &[]);
    assert!(screen.contains("1 sample in 1 split, 1 class"), "{screen}");
    assert!(screen.contains("10.0000, 20.0000, 30.0000"), "{screen}");
    assert!(screen.contains("300 wide, 200 high") && !screen.contains("balance"), "{screen}");
    assert_eq!(as_json(&out)["tensors"][0]["std"], serde_json::json!([0.0, 0.0, 0.0]));
}

#[test]
fn empty_splits_and_empty_datasets_have_no_mean_and_no_share_of_anything() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("empty-split");
    let samples = (0..4).map(|number| made(number, 0, Some((number % 2) as u16)));
    ledger::write(&out, 4, &["train", "val"], &classes(3), samples);
    let screen = output(&out, &[]);
    assert!(screen.contains("1 of 3 classes has no sample"), "{screen}");
    let json = as_json(&out);
    assert!(json["splits"][1]["channels"][0]["mean"].is_null(), "{json}");
    numpy_agrees(&out);

    let out = folder.path().join("nothing-stored");
    let bad = |source| Made { split: 0, label: None, planes: None, source };
    ledger::write(&out, 4, &["train"], &[], (0..3).map(bad));
    let screen = output(&out, &[]);
    assert!(screen.contains("0 samples") && screen.contains("corrupt 3"), "{screen}");
    assert!(screen.contains("of no pixels") && !screen.contains("NaN"), "{screen}");
    assert!(as_json(&out)["tensors"][0]["mean"].is_null());
}

#[test]
fn a_dataset_without_bad_inputs_says_nothing_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    common::small_dump(&folder.path().join("photos"));
    common::converted(&common::options(&folder.path().join("photos"), &out, &[16]));
    let screen = output(&out, &[]);
    assert!(screen.contains("9 listed = 9 stored + 0 quarantined"), "{screen}");
    assert!(!screen.contains("not stored") && !screen.contains("recovered"), "{screen}");
    assert!(screen.contains("3 (50.0 %)"), "{screen}");
}

#[test]
fn half_a_million_rows_are_added_up_by_column_as_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    // TCOLZ_KEEP keeps the dataset, so that the release build can be measured on it.
    let out = std::env::var_os("TCOLZ_KEEP").map_or(folder.path().join("out"), Into::into);
    let sample = |number: u64| {
        let (split, label) = (usize::from(number >= 368_586), Some((number % 3) as u16));
        let split = split + usize::from(number >= 419_586);
        let planes = (number % 1000 != 999).then(|| noise(number, 4));
        Made { split, label, planes, source: number }
    };
    let splits = ["train", "val", "test"];
    let dataset = ledger::write(&out, 4, &splits, &classes(3), (0..470_586).map(sample));
    let found = inspect(&dataset).unwrap().statistics;
    assert_eq!((found.counts.listed, found.counts.quarantined), (470_586, 470));
    assert_eq!(found.splits[0].counts.listed, 368_586);
    let rows = dataset.ledger().unwrap();
    assert_eq!(Statistics::of_rows(&dataset, &rows).unwrap(), found);
}

#[test]
fn an_edited_ledger_with_sums_of_no_picture_is_refused_by_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let dataset =
        ledger::write(&out, 4, &["train"], &classes(2), (0..5).map(|n| made(n, 0, Some(1))));
    let mut rows = dataset.ledger().unwrap();
    rows[3].tensors[0].sums.sum_of_squares[2] = u64::MAX;
    let mut writer = tcolz_format::dataset::LedgerWriter::create(
        &out.join("ledger.parquet"),
        &dataset.meta().columns,
    )
    .unwrap();
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    let mut meta = dataset.meta().clone();
    meta.ledger = writer.finish().unwrap();
    std::fs::write(out.join("dataset.json"), meta.to_bytes()).unwrap();
    let error = inspect(&Dataset::open(&out).unwrap()).unwrap_err();
    assert!(matches!(error, DatasetError::Structure { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains("ledger row 3") && error.contains("image_4"), "{error}");
}
