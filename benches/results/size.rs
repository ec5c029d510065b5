//! Section `size`: shards against raw u8, and against other lossless ways on the same tensors.

use std::fs;
use std::path::Path;

use crate::child;
use crate::convert::sizes;
use crate::report::{Goal, Table, count};
use crate::settings::Settings;
use crate::tensors::{interleaved, png, some_tensors, zstd};

/// Tensors that the other ways are tried on; the shards are those of the whole dump.
const TENSORS: usize = 300;
const SIDE: u32 = 224;

pub(crate) fn section(settings: &Settings) -> String {
    let mut verdicts = Table::new(["dump", "photos", "goal", "shards, all of them", "verdict"]);
    let mut ways = Table::new([
        "the same tensors, times smaller than raw u8",
        "tensors",
        "tcolz frames",
        "PNG, default",
        "zstd 3 of planes",
        "zstd 3 of interleaved pixels",
        "zstd 19 of interleaved pixels",
    ]);
    let given = if settings.made_up { "made up" } else { "the dump given" };
    let mut dumps = vec![(given, settings.dump.as_path(), Goal::AtLeast(2.6, 2.8))];
    if let Some(ttd) = &settings.ttd {
        dumps.push(("TTD", ttd, Goal::AtLeast(2.5, 2.7)));
    }
    for (name, dump, goal) in dumps {
        eprintln!("{name}");
        let out = settings.work.path().join("converted");
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        child::convert(dump, &out, threads, &[]);
        let (stored, raw) = sizes(&out);
        let ratio = raw as f64 / stored as f64;
        let photos = raw / u64::from(3 * SIDE * SIDE);
        let verdict = goal.verdict(ratio).to_owned();
        let cells =
            [name.to_owned(), count(photos), goal.words("×"), format!("{ratio:.3}×"), verdict];
        verdicts.row(cells);
        ways.row(other_ways(name, &out));
        fs::remove_dir_all(&out).expect("a dataset of this run");
    }
    format!(
        "## Size\n\nDefault recipe at 224 × 224, exact decode. First table: whole shard files, ids, labels, hashes and \
         Arrow's own bytes included.\n\n{}\n{}",
        verdicts.text(),
        ways.text()
    )
}

fn other_ways(name: &str, dataset: &Path) -> [String; 7] {
    let tensors = some_tensors(dataset, TENSORS);
    let mut bytes = [0; 5];
    for (tensor, frame) in &tensors {
        let rgb = interleaved(tensor);
        let lengths = [
            frame.len(),
            png(&rgb, SIDE).len(),
            zstd(tensor, 3).len(),
            zstd(&rgb, 3).len(),
            zstd(&rgb, 19).len(),
        ];
        for (sum, length) in bytes.iter_mut().zip(lengths) {
            *sum += length;
        }
    }
    let raw: usize = tensors.iter().map(|(tensor, _)| tensor.len()).sum();
    let [frames, png, planes, rgb, rgb_19] =
        bytes.map(|bytes| format!("{:.3}×", raw as f64 / bytes as f64));
    [name.to_owned(), count(tensors.len() as u64), frames, png, planes, rgb, rgb_19]
}
