//! `tcolz verify` names what is wrong, and scripts can tell by its exit code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::Path;

use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::{DATASET_FILE, LEDGER_FILE, LedgerRow, LedgerWriter};
use tcolz_pixels::recipe::Codec;

/// A dataset of nine small photos in raw shards, whose lengths do not depend on the pixels.
fn dataset(folder: &Path, first: u32) -> Dataset {
    let photos = folder.join("photos");
    for number in 0..9 {
        let split = ["train", "val"][number as usize / 6];
        let path =
            photos.join(format!("{split}/{}/{number}.png", ["cat", "dog"][number as usize % 2]));
        common::write(&path, &common::photo(first + number, 40, 30));
    }
    let mut options = common::options(&photos, &folder.join("out"), &[8]);
    options.recipe.codec = Codec::Raw;
    common::converted(&options).dataset
}

/// Exit code and standard output of `tcolz verify`.
fn verified(dataset: &Dataset) -> (Option<i32>, String) {
    let output = common::tcolz().arg("verify").arg(dataset.root()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_sound_dataset_ends_with_0_and_its_content_root() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), 0);
    let (code, said) = verified(&dataset);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("all is well: 9 samples in 2 shards"), "{said}");
    assert!(said.contains(&dataset.meta().content_root), "{said}");
}

#[test]
fn a_shard_of_another_dataset_ends_with_1_and_is_named_with_its_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) =
        (dataset(&folder.path().join("a"), 0), dataset(&folder.path().join("b"), 50));
    fs::copy(other.root().join("val/00000.arrow"), one.root().join("val/00000.arrow")).unwrap();
    let (code, said) = verified(&one);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("val/00000.arrow, row 2, sample `val/dog/7.png`"), "{said}");
    assert!(!said.contains("train/00000.arrow"), "{said}");
}

#[test]
fn a_removed_shard_ends_with_1_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), 0);
    fs::remove_file(dataset.root().join("train/00000.arrow")).unwrap();
    let (code, said) = verified(&dataset);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("train/00000.arrow: ") && said.contains("1 fault"), "{said}");
}

/// Edits the row of `sample` in the ledger and gives ledger and dataset.json right checksums again.
fn edit(dataset: &Dataset, sample: &str, edit: impl Fn(&mut LedgerRow)) {
    let mut rows = dataset.ledger().unwrap();
    edit(rows.iter_mut().find(|row| row.sample_id == sample).unwrap());
    let path = dataset.root().join(LEDGER_FILE);
    let mut writer = LedgerWriter::create(&path, &dataset.meta().columns).unwrap();
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    let mut meta = dataset.meta().clone();
    meta.ledger = writer.finish().unwrap();
    fs::write(dataset.root().join(DATASET_FILE), meta.to_bytes()).unwrap();
}

#[test]
fn an_edited_ledger_row_is_named_although_every_checksum_was_made_right_again() {
    let edits: [&dyn Fn(&mut LedgerRow); 5] = [
        &|row| row.label = Some(1 - row.label.unwrap()),
        &|row| row.label = None,
        &|row| row.tensors[0].blake3[7] ^= 1,
        &|row| row.tensors[0].sums.sum[1] += 1,
        &|row| row.sample_id = "train/cat/of-another.png".to_owned(),
    ];
    for (number, change) in edits.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path(), 0);
        edit(&dataset, "train/cat/2.png", change);
        let (code, said) = verified(&dataset);
        assert_eq!(code, Some(1), "edit {number}: {said}");
        let id = if number == 4 { "train/cat/of-another.png" } else { "train/cat/2.png" };
        let expected = format!("train/00000.arrow, row 1, sample `{id}`");
        assert!(said.contains(&expected), "edit {number}: {said}");
    }
}

#[test]
fn a_ledger_edited_in_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), 0);
    let path = dataset.root().join(LEDGER_FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, said) = verified(&dataset);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ledger.parquet: damaged"), "{said}");
}

/// Not a fault for each photo that the wrong folder does not have.
#[test]
fn another_source_is_one_fault_with_what_to_give_instead() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), 0);
    let photos = folder.path().join("photos");
    let verified = |source: &Path| {
        let mut command = common::tcolz();
        command.arg("verify").arg(dataset.root()).args(["--json", "--source"]).arg(source);
        let output = command.output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let faults = json["faults"].as_array().unwrap().clone();
        (output.status.code(), faults.iter().map(|fault| fault["what"].to_string()).collect())
    };
    let says = |source: &Path, advice: &str| {
        let (code, faults): (_, Vec<String>) = verified(source);
        assert_eq!((code, faults.len()), (Some(1), 1), "{faults:?}");
        assert!(faults[0].contains("another source? It has none of the 9 photos"), "{faults:?}");
        assert!(faults[0].contains(advice), "{faults:?}");
    };
    says(folder.path(), &format!("give {}", photos.display()));
    says(&photos.join("train"), "give the folder above it");
    says(dataset.root(), "give the folder or the tar that the dataset was converted from");
    assert_eq!(verified(&photos), (Some(0), Vec::new()));
    // One that has most of them is the right one, with photos that are gone.
    fs::remove_file(photos.join("train/cat/0.png")).unwrap();
    let (code, faults) = verified(&photos);
    assert_eq!((code, faults.len()), (Some(1), 1));
    assert!(faults[0].contains("source cannot be read"), "{faults:?}");
}
