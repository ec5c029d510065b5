//! Files that are cut, lengthened, exchanged, missing or edited: each is named, and none is read as if it were right.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};

use tcolz_format::dataset::{DATASET_FILE, DatasetMeta, LedgerRow, LedgerWriter};
use tcolz_format::dataset::{Dataset, DatasetError, verify};
use tcolz_format::sample::Status;
use tcolz_pixels::recipe::Codec;

/// A dataset of nine small photos, 8 pixels a side; `first` is the number of the first photo.
fn dataset(codec: Codec, first: u32) -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for number in 0..9 {
        // Ids and lengths of names do not depend on `first`, only pixels do.
        let path =
            photos.join(format!("{}/cat/{number}.png", ["train", "val"][number as usize / 5]));
        common::write(&path, &common::photo(first + number, 40, 30));
    }
    let mut options = common::options(&photos, &folder.path().join("out"), &[8]);
    options.recipe.codec = codec;
    let dataset = common::converted(&options).dataset;
    (folder, dataset)
}

fn faults(dataset: &Dataset) -> Vec<String> {
    let report = verify(dataset.root(), &|_| ()).unwrap();
    report.faults.iter().map(|fault| format!("{}: {}", fault.file, fault.what)).collect()
}

fn shard(dataset: &Dataset, split: &str) -> PathBuf {
    dataset.root().join(format!("{split}/00000.arrow"))
}

fn every_fault_names(dataset: &Dataset, file: &str) {
    let faults = faults(dataset);
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault.starts_with(file)), "{faults:?}");
}

/// Reading each stored sample gives the truth or an error.
fn no_sample_is_wrong(dataset: &Dataset, truth: &[Vec<u8>]) -> usize {
    let mut errors = 0;
    for (row, truth) in dataset.ledger().unwrap().iter().zip(truth) {
        match dataset.read_tensor(row, 0) {
            Ok(found) => assert!(found == *truth, "{} has other pixels", row.sample_id),
            Err(_) => errors += 1,
        }
    }
    errors
}

fn pixels(dataset: &Dataset) -> Vec<Vec<u8>> {
    let rows = dataset.ledger().unwrap();
    rows.iter().map(|row| dataset.read_tensor(row, 0).unwrap()).collect()
}

#[test]
fn a_shard_cut_short_or_lengthened_is_named_and_nothing_of_it_is_read() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let truth = pixels(&dataset);
    let path = shard(&dataset, "train");
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 8, whole.len() / 3, whole.len() / 2, whole.len() - 10, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        every_fault_names(&dataset, "train/00000.arrow");
        assert_eq!(no_sample_is_wrong(&dataset, &truth), 5);
    }
    for extra in [&b"\0"[..], b"ARROW1", &whole] {
        fs::write(&path, [&whole, extra].concat()).unwrap();
        every_fault_names(&dataset, "train/00000.arrow");
        assert_eq!(no_sample_is_wrong(&dataset, &truth), 5);
    }
}

#[test]
fn a_ledger_or_dataset_json_cut_short_or_lengthened_is_named() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    for (name, refused) in [(DATASET_FILE, true), ("ledger.parquet", false)] {
        let path = dataset.root().join(name);
        let whole = fs::read(&path).unwrap();
        let cut = |length: usize| whole[..length].to_vec();
        let longer = [&whole[..], b"\n"].concat();
        for bytes in [cut(0), cut(1), cut(whole.len() / 2), cut(whole.len() - 1), longer] {
            fs::write(&path, bytes).unwrap();
            let error = Dataset::open(dataset.root()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            if !refused {
                every_fault_names(&dataset, name);
            }
        }
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_missing_file_is_named() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    fs::remove_file(shard(&dataset, "val")).unwrap();
    every_fault_names(&dataset, "val/00000.arrow");
    let error = dataset.open_shard("val", 0).unwrap_err().to_string();
    assert!(error.contains("val/00000.arrow"), "{error}");
    fs::remove_file(dataset.root().join("ledger.parquet")).unwrap();
    let error = Dataset::open(dataset.root()).unwrap_err().to_string();
    assert!(error.contains("ledger.parquet"), "{error}");
    fs::remove_file(dataset.root().join(DATASET_FILE)).unwrap();
    assert!(matches!(Dataset::open(dataset.root()), Err(DatasetError::NotADataset { .. })));
}

#[test]
fn two_exchanged_shards_are_both_named() {
    for codec in [Codec::Zstd, Codec::Raw] {
        let (_folder, dataset) = dataset(codec, 0);
        let truth = pixels(&dataset);
        let (one, two) = (shard(&dataset, "train"), shard(&dataset, "val"));
        let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
        fs::write(&one, second).unwrap();
        fs::write(&two, first).unwrap();
        let faults = faults(&dataset);
        for file in ["train/00000.arrow", "val/00000.arrow"] {
            assert!(faults.iter().any(|fault| fault.starts_with(file)), "{faults:?}");
        }
        assert_eq!(no_sample_is_wrong(&dataset, &truth), 9);
    }
}

#[test]
fn a_shard_of_another_dataset_is_named_and_its_pixels_do_not_come_back() {
    // Raw shards of the same ids have the same length: nothing but the pixels tells them apart.
    let (_one, dataset) = dataset(Codec::Raw, 0);
    let (_two, other) = self::dataset(Codec::Raw, 100);
    let truth = pixels(&dataset);
    let path = shard(&dataset, "train");
    let foreign = fs::read(shard(&other, "train")).unwrap();
    assert_eq!(foreign.len(), fs::read(&path).unwrap().len());
    fs::write(&path, foreign).unwrap();
    every_fault_names(&dataset, "train/00000.arrow");
    let rows = verify(dataset.root(), &|_| ()).unwrap().faults;
    assert_eq!(rows.iter().filter(|fault| fault.row.is_some()).count(), 5);
    assert_eq!(no_sample_is_wrong(&dataset, &truth), 5);
}

/// The error of opening a dataset whose dataset.json was changed and given a right checksum.
fn edited(dataset: &Dataset, edit: impl FnOnce(&mut DatasetMeta)) -> DatasetError {
    let mut meta = dataset.meta().clone();
    edit(&mut meta);
    let path = Path::new("out").join(DATASET_FILE);
    DatasetMeta::from_bytes(&meta.to_bytes(), &path).expect_err("an edited dataset.json")
}

#[test]
fn counts_that_do_not_agree_are_refused() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let edits: [&dyn Fn(&mut DatasetMeta); 8] = [
        &|meta| meta.counts.listed += 1,
        &|meta| meta.counts.stored += 1,
        &|meta| meta.counts.missing = u64::MAX,
        &|meta| meta.splits[0].rows -= 1,
        &|meta| meta.splits[0].shards[0].rows += 1,
        &|meta| meta.ledger.rows += 1,
        &|meta| drop(meta.splits.pop()),
        &|meta| meta.columns[0].shape = [3, 9, 9],
    ];
    for (number, edit) in edits.iter().enumerate() {
        let error = edited(&dataset, edit);
        assert!(matches!(error, DatasetError::Structure { .. }), "edit {number}: {error}");
        assert!(error.to_string().contains(DATASET_FILE), "edit {number}: {error}");
    }
}

#[test]
fn paths_and_split_names_that_leave_the_dataset_are_refused() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let bad =
        ["../x", "train/../../x", "/etc/passwd", "..\\x", "C:\\x", "", "train//x", "./x", "a\0b"];
    for path in bad {
        for edit in [
            &(|meta: &mut DatasetMeta| path.clone_into(&mut meta.splits[1].shards[0].file))
                as &dyn Fn(&mut DatasetMeta),
            &|meta| path.clone_into(&mut meta.ledger.file),
            &|meta| path.clone_into(&mut meta.splits[1].name),
        ] {
            let error = edited(&dataset, edit);
            assert!(matches!(error, DatasetError::Structure { .. }), "{path}: {error}");
        }
    }
    let error = edited(&dataset, |meta| meta.splits[1].name = meta.splits[0].name.clone());
    assert!(error.to_string().contains("train"), "{error}");
}

#[test]
fn lengths_that_no_disk_holds_are_refused() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let error = edited(&dataset, |meta| {
        meta.splits[0].shards[0].bytes = u64::MAX;
        meta.splits[1].shards[0].bytes = 2;
    });
    assert!(matches!(error, DatasetError::Structure { .. }), "{error}");
}

#[test]
fn a_ledger_that_contradicts_itself_is_refused() {
    let (folder, dataset) = dataset(Codec::Zstd, 0);
    let sound = dataset.ledger().unwrap();
    let edits: [&dyn Fn(&mut LedgerRow); 4] = [
        &|row| row.status = Status::Missing,
        &|row| row.place = None,
        &|row| row.tensors.clear(),
        &|row| (row.status, row.place) = (Status::Quarantined, None),
    ];
    for (number, edit) in edits.iter().enumerate() {
        // The checksums of ledger and dataset.json are right: only the rows are not.
        let path = folder.path().join("out/ledger.parquet");
        let mut rows = sound.clone();
        edit(&mut rows[2]);
        let mut writer = LedgerWriter::create(&path, &dataset.meta().columns).unwrap();
        rows.into_iter().for_each(|row| writer.push(row).unwrap());
        let mut meta = dataset.meta().clone();
        meta.ledger = writer.finish().unwrap();
        fs::write(dataset.root().join(DATASET_FILE), meta.to_bytes()).unwrap();
        let edited = Dataset::open(dataset.root()).unwrap();
        let error = edited.ledger().unwrap_err().to_string();
        assert!(error.contains("ledger row 2"), "edit {number}: {error}");
        every_fault_names(&edited, "ledger.parquet");
    }
}

#[test]
fn one_file_in_two_places_is_refused() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let error = edited(&dataset, |meta| {
        meta.splits[1].shards[0].file = meta.splits[0].shards[0].file.clone();
    });
    assert!(error.to_string().contains("train/00000.arrow"), "{error}");
}

#[test]
fn an_unknown_version_or_critical_feature_is_refused_by_its_name() {
    let (_folder, dataset) = dataset(Codec::Zstd, 0);
    let error = edited(&dataset, |meta| meta.format_version = 2);
    assert!(matches!(error, DatasetError::Version { expected: 1, found: 2, .. }), "{error}");
    let error = edited(&dataset, |meta| meta.critical_features.push("delta-frames".to_owned()));
    assert!(error.to_string().contains("`delta-frames`"), "{error}");
    // A newer version may know keys that this one does not: the version is what is told.
    let mut text = String::from_utf8(dataset.meta().to_bytes()).unwrap();
    text = text.replacen("\"format_version\": 1", "\"format_version\": 7,\n  \"new\": []", 1);
    let body = &text[..text.rfind("\"checksum\"").unwrap()];
    let text = format!("{body}\"checksum\": \"{}\"\n}}\n", blake3::hash(body.as_bytes()));
    let error = DatasetMeta::from_bytes(text.as_bytes(), Path::new(DATASET_FILE)).unwrap_err();
    assert!(matches!(error, DatasetError::Version { found: 7, .. }), "{error}");
    let error = edited(&dataset, |meta| meta.format = "zloct".to_owned());
    assert!(error.to_string().contains("not a tcolz dataset"), "{error}");
}
