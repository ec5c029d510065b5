//! Datasets of format version 1, kept as files: every later tcolz reads them and finds in them what
//! `expected.json` says.
//!
//! Made by one command, only while the format has not been released; afterwards fixtures are added and
//! never changed:
//!
//! ```text
//! TCOLZ_MAKE_FIXTURES=1 cargo test --test format -- --ignored make_fixtures
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use arrow_ipc::reader::{FileReader, read_footer_length};
use arrow_ipc::root_as_footer;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use serde_json::{Value, json};
use tcolz_convert::ConvertOptions;
use tcolz_format::dataset::DATASET_FILE;
use tcolz_format::dataset::{Dataset, verify};
use tcolz_format::shard::TensorColumn;
use tcolz_format::shard::format::schema;
use tcolz_pixels::recipe::{Codec, Dtype};

/// What is kept: folder, codec, dtype, view.
const KEPT: [(&str, Codec, Dtype, &str); 4] = [
    ("zstd-u8", Codec::Zstd, Dtype::U8, "caffe"),
    ("raw-u8", Codec::Raw, Dtype::U8, "torch"),
    ("zstd-f32", Codec::Zstd, Dtype::F32, "tf"),
    ("raw-f16", Codec::Raw, Dtype::F16, "caffe"),
];
/// A size with only full tiles, and one with cut ones.
const SIZES: [u32; 2] = [8, 17];
/// All fixtures together.
const MOST_BYTES: usize = 200_000;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format_v1")
}

fn options(out: &Path, (_, codec, dtype, view): (&str, Codec, Dtype, &str)) -> ConvertOptions {
    let mut options = common::options(&fixtures().join("photos"), out, &SIZES);
    (options.recipe.codec, options.recipe.dtype) = (codec, dtype);
    view.clone_into(&mut options.recipe.view);
    options
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a reader gets from a dataset, as plain JSON.
fn described(dataset: &Dataset) -> Value {
    let rows = dataset.ledger().unwrap();
    let samples = rows.iter().map(|row| {
        let tensor = |column: usize| dataset.read_tensor(row, column).unwrap();
        let tensors = row.place.map(|place| {
            json!({
                "shard": place.0,
                "row": place.1,
                "image_8": hex(&tensor(0)),
                "image_17_blake3": blake3::hash(&tensor(1)).to_string(),
            })
        });
        json!({
            "split": *row.split,
            "sample_id": row.sample_id,
            "label": row.label,
            "status": row.status,
            "reason": row.reason,
            "tensors": tensors,
        })
    });
    json!({
        "content_root": dataset.meta().content_root,
        "classes": dataset.meta().classes,
        "samples": samples.collect::<Vec<_>>(),
    })
}

fn expected() -> Value {
    let path = fixtures().join("expected.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn datasets_of_version_1_are_sound_and_hold_what_was_written_down() {
    let expected = expected();
    for (name, ..) in KEPT {
        let root = fixtures().join(name);
        let report = verify(&root, &|_| ()).unwrap();
        assert_eq!((report.faults, report.notes), (vec![], vec![]), "{name}");
        assert_eq!((report.shards, report.samples), (3, 6), "{name}");
        let dataset = Dataset::open(&root).unwrap();
        assert_eq!(report.content_root.as_ref(), Some(&dataset.meta().content_root), "{name}");
        let found = described(&dataset);
        for (found, expected) in found["samples"]
            .as_array()
            .unwrap()
            .iter()
            .zip(expected[name]["samples"].as_array().unwrap())
        {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found, expected[name], "{name}");
    }
    assert_eq!(expected["zstd-u8"], expected["raw-u8"], "the codec changes nothing that is read");
}

#[test]
fn the_same_photos_make_the_same_content_and_with_the_same_versions_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let expected = expected();
    for kept in KEPT {
        let name = kept.0;
        let out = folder.path().join(name);
        let dataset = common::converted(&options(&out, kept)).dataset;
        assert_eq!(dataset.meta().content_root, expected[name]["content_root"], "{name}");
        let written = Dataset::open(fixtures().join(name)).unwrap();
        let versions = |dataset: &Dataset| {
            (dataset.meta().tcolz_version.clone(), dataset.meta().libraries.clone())
        };
        if versions(&dataset) != versions(&written) {
            println!("{name}: other versions, {:?}: bytes may differ", versions(&written));
            continue;
        }
        let (mut found, fixture) = (common::tree(&out), common::tree(&fixtures().join(name)));
        // The fixtures are older than the key `receipt` and the footer's count of rows: without them, dataset.json
        // and the shards are what they were, byte for byte.
        let mut meta = dataset.meta().clone();
        for split in &mut meta.splits {
            assert!(split.receipt.take().is_some(), "{name}: written today");
            for shard in &mut split.shards {
                let bytes = without_count(&found[&shard.file], &dataset.meta().columns, shard.rows);
                (shard.bytes, shard.blake3) =
                    (bytes.len() as u64, blake3::hash(&bytes).to_string());
                found.insert(shard.file.clone(), bytes);
            }
        }
        found.insert(DATASET_FILE.to_owned(), meta.to_bytes());
        assert!(found.keys().eq(fixture.keys()), "{name}: {:?}", found.keys());
        for (file, bytes) in &fixture {
            assert!(found[file] == *bytes, "{name}/{file} has other bytes than when it was made");
        }
    }
}

/// A shard of one record batch as it was written before its footer said how many rows that has, and what it holds.
fn without_count(shard: &[u8], columns: &[TensorColumn], rows: u64) -> Vec<u8> {
    let trailer = shard.len() - 10;
    let length = read_footer_length(shard[trailer..].try_into().unwrap()).unwrap();
    let footer = root_as_footer(&shard[trailer - length..trailer]).unwrap();
    let count = footer.custom_metadata().unwrap();
    let count: Vec<_> = count.iter().map(|pair| (pair.key(), pair.value())).collect();
    assert_eq!(count[0], (Some("tcolz.batch_rows"), Some(&*rows.to_string())));
    let [_, (Some("tcolz.content"), Some(content))] = count[..] else { panic!("{count:?}") };
    assert_eq!(content.len(), 32);
    let options = IpcWriteOptions::try_new(64, false, footer.version()).unwrap();
    let schema = schema(columns);
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in FileReader::try_new(Cursor::new(shard), None).unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn the_fixtures_are_small() {
    let bytes: usize = common::tree(&fixtures()).values().map(Vec::len).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}

#[test]
#[ignore = "writes into the repository"]
fn make_fixtures() {
    assert!(
        std::env::var_os("TCOLZ_MAKE_FIXTURES").is_some(),
        "this replaces the fixtures: set TCOLZ_MAKE_FIXTURES=1 to say that you mean it"
    );
    let photos = fixtures().join("photos");
    if !photos.exists() {
        for (number, path) in
            ["train/cat/1", "train/cat/2", "train/dog/1", "val/cat/3", "val/dog/2", "test/dog/3"]
                .into_iter()
                .enumerate()
        {
            let number = number as u32;
            let photo = common::photo(number, 15 + 9 * (number % 3), 20 + number);
            common::write(&photos.join(format!("{path}.png")), &photo);
        }
        common::write(&photos.join("val/dog/bad.jpg"), b"no photo\n");
    }
    let mut expected = serde_json::Map::new();
    for kept in KEPT {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let dataset = common::converted(&options(&out, kept)).dataset;
        expected.insert(kept.0.to_owned(), described(&dataset));
        let fixture = fixtures().join(kept.0);
        if fixture.exists() {
            fs::remove_dir_all(&fixture).unwrap();
        }
        common::copy_tree(&out, &fixture);
    }
    let text = format!("{:#}\n", Value::from(expected));
    common::write(&fixtures().join("expected.json"), text.as_bytes());
}
