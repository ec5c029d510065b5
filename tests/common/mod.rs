//! What several tests set up: small dumps, conversions, whole trees of bytes.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use tcolz_convert::{ConvertOptions, ConvertSummary, convert};
use tcolz_demo::Oddity;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::LedgerRow;
use tcolz_pixels::picture::encode_png;
use tcolz_pixels::recipe::Recipe;
use tcolz_pixels::recipe::{Codec, Dtype};

/// A small photograph-like PNG: soft light, an edge and some noise, all from `number`.
pub(crate) fn photo(number: u32, width: u32, height: u32) -> Vec<u8> {
    let mut noise = number.wrapping_mul(0x9E37_79B9) | 1;
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let edge = if (x + number) % width < y { 90 } else { 20 };
            // At most 157: with edge and grain no more than 255.
            let light = ((x * 100 / width + y * 60 / height) as u8).min(157);
            let grain = (noise >> 24) as u8 % 9;
            let tint = (number * 37 % 60) as u8;
            rgb.extend([light + edge + grain, light + tint + grain, edge + tint + grain]);
        }
    }
    encode_png(width, height, &rgb).unwrap()
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A dump of nine small photos: two splits, two classes.
pub(crate) fn small_dump(folder: &Path) {
    for number in 0..9 {
        let split = if number < 6 { "train" } else { "val" };
        let class = if number % 2 == 0 { "cat" } else { "dog" };
        let path = folder.join(format!("{split}/{class}/photo-{number}.png"));
        write(&path, &photo(number, 40 + number, 30));
    }
}

/// A JPEG of 4 × 5 pixels and a file that is no photo, below `folder`.
pub(crate) fn tiny_and_bad(folder: &Path) -> (PathBuf, PathBuf) {
    let demo = tcolz_demo::make_dump(&folder.join("demo"), 3).unwrap();
    let odd = |oddity| demo.root.join(&demo.odd_line(oddity).sample_id);
    (odd(Oddity::Tiny), odd(Oddity::WebPage))
}

/// Options with a small recipe and two threads.
pub(crate) fn options(source: &Path, out: &Path, sizes: &[u32]) -> ConvertOptions {
    let mut options = ConvertOptions::new(source, out);
    options.recipe = Recipe { sizes: sizes.to_vec(), ..Recipe::default() };
    options.threads = 2;
    options
}

/// Converts, and panics where the conversion ends early.
pub(crate) fn converted(options: &ConvertOptions) -> ConvertSummary {
    convert(options, &AtomicBool::new(false), &mut ()).unwrap()
}

/// Thirty small photos in `train`, of three classes (of 2, 8 and 20), three in `val`.
pub(crate) fn several_shards(folder: &Path, codec: Codec, dtype: Dtype) -> Dataset {
    let photos = folder.join("photos");
    for number in 0..33u32 {
        let class = if number < 2 {
            "a"
        } else if number < 10 {
            "b"
        } else {
            "c"
        };
        let split = if number < 30 { "train" } else { "val" };
        let path = photos.join(format!("{split}/{class}/{number:02}.png"));
        write(&path, &photo(number, 40 + number, 30));
    }
    let out = folder.join(format!("out-{codec}-{dtype}"));
    let mut options = options(&photos, &out, &[24, 112]);
    (options.recipe.codec, options.recipe.dtype) = (codec, dtype);
    options.shard_bytes = 100_000; // several shards, of a few samples each
    converted(&options);
    Dataset::open(&out).unwrap()
}

/// Changes a byte of the stored tensor of a row of the ledger.
pub(crate) fn damage(dataset: &Dataset, row: &LedgerRow) {
    let (shard, index) = row.place.unwrap();
    let reader = dataset.open_shard(&row.split, shard).unwrap();
    let stored = reader.stored(index, 0).unwrap().to_vec();
    let path = reader.path().to_owned();
    drop(reader);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(stored.len()).position(|window| window == stored).unwrap();
    bytes[at + stored.len() / 2] ^= 1;
    // As another program would: a new file in the old one's place.
    let changed = path.with_extension("changed");
    fs::write(&changed, bytes).unwrap();
    fs::rename(changed, path).unwrap();
}

/// The dataset of a made-up dump of 40 photos and its oddities, with text scores.
pub(crate) fn demo(folder: &Path, sizes: &[u32]) -> Dataset {
    let photos = folder.join("photos");
    tcolz_demo::make_dump(&photos, 40).unwrap();
    let mut options = options(&photos, &folder.join("out"), sizes);
    options.dump.text_scores = Some(photos.join("t4sa_text_sentiment.tsv"));
    converted(&options).dataset
}

/// Every file below `folder`: path with `/` → bytes.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Copies a dataset's folder.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    for (name, bytes) in tree(from) {
        write(&to.join(name), &bytes);
    }
}

/// The shards of a dataset, as paths below its folder.
pub(crate) fn shard_files(dataset: &Dataset) -> Vec<String> {
    let shards = dataset.meta().splits.iter().flat_map(|split| &split.shards);
    shards.map(|shard| shard.file.clone()).collect()
}

/// The command `tcolz`, without what the environment of the tests might say to it.
pub(crate) fn tcolz() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcolz"));
    command.env_remove("TCOLZ_SIMD").env_remove("JSIMD_FORCENONE");
    command
}

/// The folder of data that is not in the repository, or `None` after saying what is skipped.
///
/// Found by `TCOLZ_SHARED`, else `../shared`. On CI missing data is a failure.
pub(crate) fn shared(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TCOLZ_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(what);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{}: not there, on CI", path.display());
    println!("skipped: {} is not there", path.display());
    None
}
