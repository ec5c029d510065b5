//! What tests of training set up: a dataset of small photos whose classes differ, and quick runs on it.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tcolz_format::dataset::Dataset;
use tcolz_nn::Network;
use tcolz_pixels::picture::encode_png;
use tcolz_train::{
    CheckpointEvery, DeviceChoice, Finetune, TrainError, TrainOptions, TrainSummary, train,
};

use crate::common;

/// Side of the tensors.
pub(crate) const SIZE: u32 = 32;

/// A photo of one colour, more or less: red for class 0, blue for class 1.
fn photo(number: u32, class: u32) -> Vec<u8> {
    let mut noise = number.wrapping_mul(0x9E37_79B9) | 1;
    let mut rgb = Vec::new();
    for _ in 0..36 * 36 {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let grain = (noise >> 26) as u8;
        let strong = 140 + grain;
        rgb.extend(if class == 0 { [strong, grain, grain] } else { [grain, grain, strong] });
    }
    encode_png(36, 36, &rgb).unwrap()
}

/// Eighteen photos to train on (ten red, eight blue, and one without a class), six to validate on, four to test.
pub(crate) fn dataset(folder: &Path) -> Dataset {
    let photos = folder.join("photos");
    let mut table = "path,label,split\n".to_owned();
    for number in 0..29u32 {
        let (split, class) = match number {
            0..18 => ("train", u32::from(number >= 10)),
            18..24 => ("val", number % 2),
            24..28 => ("test", number % 2),
            _ => ("train", 0),
        };
        let label = if number == 28 { "" } else { ["red", "blue"][class as usize] };
        common::write(&photos.join(format!("{number:02}.png")), &photo(number, class));
        table.push_str(&format!("{number:02}.png,{label},{split}\n"));
    }
    common::write(&photos.join("labels.csv"), table.as_bytes());
    let out = folder.join("dataset");
    common::converted(&common::options(&photos, &out, &[SIZE]));
    Dataset::open(&out).unwrap()
}

/// A run of a few steps: five batches of four an epoch, the last of two.
pub(crate) fn options(dataset: &Dataset, out: &Path, finetune: Finetune) -> TrainOptions {
    let mut options = TrainOptions::new(dataset.root(), Network::MobileNetV2, out);
    options.finetune = finetune;
    options.epochs = 3;
    options.batch_size = 4;
    options.device = DeviceChoice::Cpu;
    options.threads = Some(2);
    options.workers = Some(1);
    options.checkpoint_every = CheckpointEvery::Steps(3);
    options
}

/// Trains to the end.
pub(crate) fn trained(options: &TrainOptions) -> TrainSummary {
    train(options, &AtomicBool::new(false), &mut ()).unwrap()
}

/// What a run is refused with.
pub(crate) fn refused(options: &TrainOptions) -> TrainError {
    train(options, &AtomicBool::new(false), &mut ()).unwrap_err()
}

/// The files of a run that are the same however often it was killed: model and logs as they are, of the checkpoint
/// the tensors.
pub(crate) fn result(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["best.safetensors", "log.csv", "steps.csv"] {
        files.insert(name.to_owned(), fs::read(run.join(name)).unwrap());
    }
    let checkpoint = fs::read(run.join("last/checkpoint.safetensors")).unwrap();
    let header = u64::from_le_bytes(checkpoint[..8].try_into().unwrap()) as usize;
    files.insert("last".to_owned(), checkpoint[8 + header..].to_vec());
    files
}

/// The numbers of a column of log.csv.
pub(crate) fn column(run: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(run.join("log.csv")).unwrap();
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}
