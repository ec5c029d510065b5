//! The same photos and the same recipe give the same bytes, whatever the threads, the SIMD level, the
//! order on disk and the runs before; other ways of storing give the same content root.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use tcolz_format::dataset::{Dataset, verify};
use tcolz_pixels::View;
use tcolz_pixels::recipe::{Dtype, Filter};

type Tree = BTreeMap<String, Vec<u8>>;

/// Made-up photos, odd ones among them, in a folder that stays until the tests end.
static DUMP: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    tcolz_demo::make_dump(&photos, 30).unwrap();
    (folder, photos)
});

/// What a conversion of it writes.
const FILES: [&str; 5] =
    ["dataset.json", "ledger.parquet", "test/00000.arrow", "train/00000.arrow", "val/00000.arrow"];

/// Converts with the command line and gives what it wrote. Bad photos are expected (exit code 3).
fn convert(source: &Path, out: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Tree {
    let mut command = common::tcolz();
    command.arg("convert").args([source, out]).args(arguments);
    let result = command.envs(environment.iter().copied()).output().unwrap();
    let errors = String::from_utf8_lossy(&result.stderr);
    assert_eq!(result.status.code(), Some(3), "{arguments:?}: {errors}");
    common::tree(out)
}

/// [`convert`] of the dump into a folder that is gone afterwards.
fn bytes(arguments: &[&str], environment: &[(&str, &str)]) -> Tree {
    let folder = tempfile::tempdir().unwrap();
    convert(&DUMP.1, &folder.path().join("out"), arguments, environment)
}

#[track_caller]
fn assert_same(found: &Tree, expected: &Tree) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in expected {
        assert!(found[name] == *bytes, "{name} has other bytes");
    }
}

fn content_root(tree: &Tree) -> String {
    let json: serde_json::Value = serde_json::from_slice(&tree["dataset.json"]).unwrap();
    json["content_root"].as_str().unwrap().to_owned()
}

#[test]
fn one_two_and_eight_threads_write_the_same_bytes() {
    let expected = bytes(&["--threads", "1", "--size", "64", "--size", "96"], &[]);
    assert_eq!(expected.keys().collect::<Vec<_>>(), FILES);
    for threads in ["2", "8"] {
        assert_same(
            &bytes(&["--threads", threads, "--size", "64", "--size", "96"], &[]),
            &expected,
        );
    }
}

#[test]
fn with_and_without_simd_the_bytes_are_the_same() {
    for arguments in [
        &["--size", "96"][..],
        &["--size", "64", "--decode", "scaled", "--filter", "bicubic", "--fit", "pad"],
        &["--size", "61", "--filter", "lanczos3", "--fit", "crop", "--dtype", "f16"],
        &["--size", "50", "--filter", "nearest", "--codec", "raw"],
    ] {
        let expected = bytes(arguments, &[]);
        assert_same(&bytes(arguments, &[("JSIMD_FORCENONE", "1")]), &expected);
        assert_same(&bytes(arguments, &[("TCOLZ_SIMD", "none")]), &expected);
    }
}

#[test]
fn the_order_of_files_on_disk_changes_no_byte() {
    let expected = bytes(&["--size", "64"], &[]);
    let folder = tempfile::tempdir().unwrap();
    let shuffled = folder.path().join("photos");
    // Written last to first: other inodes, another order in the folder.
    for (name, bytes) in common::tree(&DUMP.1).iter().rev() {
        common::write(&shuffled.join(name), bytes);
    }
    assert_same(&convert(&shuffled, &folder.path().join("out"), &["--size", "64"], &[]), &expected);
}

#[test]
fn shard_size_and_codec_change_bytes_but_not_the_content_root() {
    let expected = bytes(&["--size", "320"], &[]);
    let small = bytes(&["--size", "320", "--shard-mb", "1"], &[]);
    assert!(small.contains_key("train/00001.arrow"), "{:?}", small.keys());
    for (name, bytes) in small.iter().filter(|(name, _)| name.ends_with(".arrow")) {
        assert!(bytes.len() <= 1_000_000, "{name} has {} bytes", bytes.len());
    }
    let raw = bytes(&["--size", "320", "--codec", "raw"], &[]);
    for other in [&small, &raw] {
        assert_ne!(other["train/00000.arrow"], expected["train/00000.arrow"]);
        assert_eq!(content_root(other), content_root(&expected));
    }
}

/// Name, bytes and time of the last change of every file and folder.
fn state(out: &Path) -> (Tree, BTreeMap<PathBuf, SystemTime>) {
    let files = common::tree(out);
    let mut times = BTreeMap::new();
    for name in files.keys() {
        for path in out.join(name).ancestors().take_while(|path| path.starts_with(out)) {
            times.insert(path.to_owned(), fs::metadata(path).unwrap().modified().unwrap());
        }
    }
    (files, times)
}

#[test]
fn the_same_command_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    let run = || {
        common::tcolz()
            .arg("convert")
            .args([&photos, &out])
            .args(["--size", "16"])
            .output()
            .unwrap()
    };
    assert_eq!(run().status.code(), Some(0));
    let before = state(&out);
    let again = run();
    assert_eq!(again.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing was changed"));
    assert!(state(&out) == before);
}

#[test]
fn a_kill_between_the_last_two_steps_leaves_no_trace_after_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    common::converted(&common::options(&photos, &out, &[16]));
    let expected = common::tree(&out);
    // dataset.json has its name, the mark of the unfinished conversion is not yet removed.
    common::write(&out.join("unfinished/plan.json"), b"{}\n");
    assert!(!common::converted(&common::options(&photos, &out, &[16])).converted);
    assert_same(&common::tree(&out), &expected);
}

#[test]
fn nothing_inside_the_dataset_tells_the_time_the_place_or_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    for out in ["out", "slash/", "nested/deep/out"] {
        let out = folder.path().join(out);
        let files = convert(&DUMP.1, &out, &["--size", "32"], &[]);
        assert_eq!(files.keys().collect::<Vec<_>>(), FILES);
        let mut log = folder.path().join(out.strip_prefix(folder.path()).unwrap()).into_os_string();
        log = PathBuf::from(log).components().as_path().as_os_str().to_owned();
        log.push(".log.jsonl");
        let log = fs::read_to_string(&log).unwrap_or_else(|error| panic!("{log:?}: {error}"));
        assert!(log.contains("\"finished\"") && log.contains("seconds"));
        let place = folder.path().to_str().unwrap().as_bytes();
        for (name, bytes) in &files {
            assert!(!bytes.windows(place.len()).any(|window| window == place), "{name}");
        }
        let json = String::from_utf8_lossy(&files["dataset.json"]);
        assert!(!json.contains("threads") && !json.contains("seconds") && !json.contains("time"));
    }
}

/// The tensors of every stored sample, by id.
fn tensors(dtype: Dtype, codec: &str, view: &str) -> (Dataset, BTreeMap<String, Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = common::options(&DUMP.1, &folder.path().join("out"), &[40]);
    options.recipe.dtype = dtype;
    options.recipe.codec = tcolz_pixels::recipe::Codec::parse(codec).unwrap();
    options.recipe.filter = Filter::Bicubic;
    view.clone_into(&mut options.recipe.view);
    let dataset = common::converted(&options).dataset;
    assert_eq!(verify(dataset.root(), &|_| ()).unwrap().faults, []);
    let rows = dataset.ledger().unwrap();
    let stored = rows.iter().filter(|row| row.place.is_some());
    let tensors =
        stored.map(|row| (row.sample_id.clone(), dataset.read_tensor(row, 0).unwrap())).collect();
    (dataset, tensors)
}

#[test]
fn baked_tensors_are_the_view_of_the_u8_tensors_bit_for_bit() {
    let (dataset, pixels) = tensors(Dtype::U8, "zstd", "caffe");
    assert_eq!(pixels, tensors(Dtype::U8, "raw", "torch").1);
    for view in ["raw", "caffe", "tf", "torch", "t4sa"] {
        let known: &View = dataset.view(view).unwrap();
        for (dtype, codec) in [(Dtype::F32, "zstd"), (Dtype::F32, "raw"), (Dtype::F16, "zstd")] {
            let (_, baked) = tensors(dtype, codec, view);
            assert_eq!(baked.len(), pixels.len());
            for (id, pixels) in &pixels {
                let mut values = vec![0.0; pixels.len()];
                known.apply(pixels, &mut values);
                let expected: Vec<u8> = match dtype {
                    Dtype::F16 => values
                        .iter()
                        .flat_map(|&value| half::f16::from_f32(value).to_le_bytes())
                        .collect(),
                    _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                };
                assert!(baked[id] == expected, "{id}: {view}, {dtype}, {codec}");
            }
        }
    }
}
