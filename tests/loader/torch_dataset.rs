//! Promises of `examples/torch_dataset.py`: what it reads without tcolz is what tcolz reads, bit for bit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::shared;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

use shared::python;
use tcolz_convert::{ConvertOptions, convert};
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Batch, Element};
use tcolz_pixels::f16;
use tcolz_pixels::recipe::Recipe;
use tcolz_pixels::recipe::{Codec, Dtype};

fn converted(folder: &Path, recipe: Recipe) -> Dataset {
    let (photos, out) = (folder.join("photos"), folder.join("out"));
    tcolz_demo::make_dump(&photos, 24).unwrap();
    let options = {
        let mut options = ConvertOptions::new(&photos, &out);
        options.recipe = recipe;
        options
    };
    convert(&options, &AtomicBool::new(false), &mut ()).unwrap();
    Dataset::open(&out).unwrap()
}

fn script(python: &Path, arguments: &[&Path]) -> Output {
    let mut command = Command::new(python);
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap()
}

/// BLAKE3 over the samples of a split, as `tests/python/torch_dataset.py` makes it.
fn hash<T: Element, const N: usize>(
    dataset: &Dataset,
    (split, size, view): (&str, u32, &str),
    bytes: impl Fn(T) -> [u8; N],
) -> String {
    let mut hasher = blake3::Hasher::new();
    let loader = dataset.loader(split).size(size);
    // Pixels have no view; the loader of u8 gives them under any.
    let loader = if view == "u8" { loader } else { loader.view(view) };
    for batch in loader.build_as::<T>().unwrap().epoch(0) {
        let batch: Batch<T> = batch.unwrap();
        let images = batch.images().chunks_exact(batch.images().len() / batch.len());
        for ((id, label), image) in batch.sample_ids().iter().zip(batch.labels()).zip(images) {
            let label = label.map_or(-1, i64::from);
            hasher.update(id.as_bytes()).update(&[0]).update(&label.to_le_bytes());
            hasher.update(&image.iter().flat_map(|&number| bytes(number)).collect::<Vec<u8>>());
        }
    }
    hasher.finalize().to_hex().to_string()
}

fn reads_the_same(recipe: Recipe) {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let dtype = recipe.dtype;
    let dataset = converted(folder.path(), recipe);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let test = root.join("tests/python/torch_dataset.py");
    let output = script(&python, &[&test, &root.join("examples"), dataset.root()]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut compared = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [split, size, view, found] = words[..] else { panic!("{line}") };
        let what = (split, size.parse().unwrap(), view);
        let expected = match (dtype, view) {
            (_, "u8") => hash(&dataset, what, u8::to_le_bytes),
            (Dtype::F16, _) => hash(&dataset, what, f16::to_le_bytes),
            _ => hash(&dataset, what, f32::to_le_bytes),
        };
        assert_eq!(found, expected, "{split} {size} {view}");
        compared += 1;
    }
    let views = if dtype == Dtype::U8 { dataset.meta().views.len() + 1 } else { 1 };
    assert_eq!(compared, dataset.meta().splits.len() * dataset.meta().columns.len() * views);
}

#[test]
fn batches_of_compressed_pixels_are_those_of_tcolz_in_every_view_and_size() {
    reads_the_same(Recipe { sizes: vec![1, 5, 33, 224], ..Recipe::default() });
}

#[test]
fn batches_of_raw_pixels_are_those_of_tcolz() {
    reads_the_same(Recipe { sizes: vec![64], codec: Codec::Raw, ..Recipe::default() });
}

#[test]
fn batches_of_baked_views_are_those_of_tcolz() {
    for (dtype, codec) in [(Dtype::F32, Codec::Zstd), (Dtype::F16, Codec::Raw)] {
        reads_the_same(Recipe { sizes: vec![48], dtype, codec, ..Recipe::default() });
    }
}

#[test]
fn it_measures_itself_and_a_damaged_row_is_an_error_with_shard_row_and_sample() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let dataset = converted(folder.path(), Recipe { sizes: vec![32], ..Recipe::default() });
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/torch_dataset.py");
    let bench = || {
        let options =
            ["--bench", "--batch", "4", "--workers", "0", "--epochs", "2", "--seconds", "0"];
        let mut arguments = vec![&*example, dataset.root()];
        arguments.extend(options.map(Path::new));
        script(&python, &arguments)
    };
    let output = bench();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(figures["photos_per_second"].as_f64().unwrap() > 0.0);
    assert_eq!(figures["epochs"].as_array().unwrap().len(), 2);
    assert!(figures["photos"].as_u64().unwrap() >= 8);

    let reader = dataset.open_shard("train", 0).unwrap();
    let (stored, id) = (reader.stored(3, 0).unwrap().to_vec(), reader.sample_id(3).to_owned());
    let path = reader.path().to_owned();
    drop(reader);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(stored.len()).position(|window| window == stored).unwrap();
    bytes[at + stored.len() / 2] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = bench();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        error.contains(&format!("train/00000.arrow, row 3: sample {id} is damaged")),
        "{error}"
    );
}
