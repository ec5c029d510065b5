//! Promises to readers that are not ours: pyarrow, DuckDB, Pillow and the reference decoder, as they
//! come from PyPI. `make test` makes the Python environment and says where it is (`TCOLZ_PYTHON`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::shared;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use shared::{python, ttd};
use tcolz_convert::{ConvertOptions, convert};
use tcolz_pixels::recipe::Recipe;
use tcolz_pixels::recipe::{Codec, Dtype, Filter, Orient};

fn run(python: &Path, script: &str, arguments: &[&Path]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python)
        .arg(root.join("tests/python").join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}");
    assert!(output.status.success(), "{script}:\n{out}{err}");
}

fn converted(source: &Path, out: &Path, recipe: Recipe) {
    let options = {
        let mut options = ConvertOptions::new(source, out);
        options.recipe = recipe;
        options
    };
    convert(&options, &AtomicBool::new(false), &mut ()).unwrap();
}

fn others_can_read(recipe: Recipe) {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    tcolz_demo::make_dump(&photos, 24).unwrap();
    converted(&photos, &out, recipe);
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    run(&python, "interoperability.py", &[&out, &schemas]);
}

#[test]
fn pyarrow_duckdb_and_the_reference_decoder_read_compressed_shards() {
    others_can_read(Recipe { sizes: vec![1, 5, 33, 224], ..Recipe::default() });
}

#[test]
fn pyarrow_maps_raw_tensors_without_a_copy() {
    others_can_read(Recipe { sizes: vec![64], codec: Codec::Raw, ..Recipe::default() });
}

#[test]
fn others_read_baked_tensors_of_both_codecs() {
    let baked = |dtype, codec| Recipe { sizes: vec![64], dtype, codec, ..Recipe::default() };
    others_can_read(baked(Dtype::F32, Codec::Raw));
    others_can_read(baked(Dtype::F16, Codec::Raw));
    others_can_read(baked(Dtype::F32, Codec::Zstd));
    others_can_read(baked(Dtype::F16, Codec::Zstd));
}

/// Thousands of small pictures, most of them odd.
#[test]
fn whatever_pillow_reads_is_stored_with_pillows_pixels_turned_upright_or_not() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    run(&python, "pillow_corpus.py", &[&pictures]);
    for orient in [Orient::Stored, Orient::Exif] {
        let out = folder.path().join(orient.as_str());
        // Most sides are smaller, so that every pixel counts.
        let recipe =
            Recipe { orient, filter: Filter::Nearest, sizes: vec![64], ..Recipe::default() };
        converted(&pictures, &out, recipe);
        run(&python, "pillow_parity.py", &[&out, &pictures]);
    }
}

#[test]
fn every_photo_of_ttd_is_stored_and_equals_pillows_picture_bit_for_bit() {
    let (Some(python), Some(ttd)) = (python(), ttd()) else { return };
    for filter in [Filter::Bilinear, Filter::Nearest] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        converted(&ttd, &out, Recipe { filter, ..Recipe::default() });
        let meta = tcolz_format::dataset::Dataset::open(&out).unwrap().meta().clone();
        assert_eq!((meta.counts.listed, meta.counts.stored), (1269, 1269));
        run(&python, "pillow_parity.py", &[&out, &ttd]);
    }
}
