//! Promise: 100,000 tiny photos, 300,000 missing ones, or one of 200 megapixels — a conversion
//! needs bounded memory, and loses nothing.
//!
//! Memory is the process's own (RssAnon), which the kernel cannot take back; looked at every 2 ms.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tcolz_format::dataset::{Dataset, verify};
use tcolz_format::sample::Status;

const MEGABYTE: u64 = 1_000_000;
/// Tiny photos, in train and in val; the latter are exactly as many as a conversion keeps in memory.
const TRAIN: usize = 83_616;
const VAL: usize = 16_384;
/// A file may have so many names on every file system.
const LINKS: usize = 30_000;

/// Runs a command to its end; also the most memory it had, in bytes.
fn peak_of(command: &mut Command) -> (Output, u64) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        // A process that has ended has no memory, and one that was waited for has no file.
        while let Some(now) = anonymous_bytes(&status) {
            peak = peak.max(now);
            sleep(Duration::from_millis(2));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    (output, watcher.join().unwrap())
}

fn anonymous_bytes(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

fn convert(source: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = common::tcolz();
    command.arg("convert").arg(source).arg(out).args(["--size", "8", "--threads", "2"]);
    command.args(more);
    command
}

/// The dataset in `out`, sound, with [listed, stored, quarantined, missing, duplicate].
fn sound(out: &Path, counts: [u64; 5]) -> Dataset {
    let dataset = Dataset::open(out).unwrap();
    let found = dataset.meta().counts;
    let found = [found.listed, found.stored, found.quarantined, found.missing, found.duplicate];
    assert_eq!(found, counts);
    assert_eq!(verify(out, &|_| ()).unwrap().faults, []);
    dataset
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The names of `count` links, from `first` on, to a tiny photo; its lists as B-T4SA has them.
fn link_tiny_photos(folder: &Path, names: impl Iterator<Item = PathBuf>) {
    let tiny = fs::read(common::tiny_and_bad(folder).0).unwrap();
    let mut original = PathBuf::new();
    for (number, name) in names.enumerate() {
        if number % LINKS == 0 {
            original = folder.join(format!("original-{number}.jpg"));
            fs::write(&original, &tiny).unwrap();
        }
        fs::hard_link(&original, name).unwrap();
    }
}

#[test]
fn a_hundred_thousand_tiny_photos_are_stored_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for split in ["train", "val"] {
        for class in 0..10 {
            fs::create_dir_all(photos.join(format!("{split}/{class}"))).unwrap();
        }
    }
    let name = |number: usize| {
        let split = if number < TRAIN { "train" } else { "val" };
        photos.join(format!("{split}/{}/{number:06}.jpg", number % 10))
    };
    link_tiny_photos(folder.path(), (0..TRAIN + VAL).map(name));
    let all = (TRAIN + VAL) as u64;

    let out = folder.path().join("out");
    let (output, peak) = peak_of(&mut convert(&photos, &out, &[]));
    succeeded(&output);
    let dataset = sound(&out, [all, all, 0, 0, 0]);
    assert_eq!(dataset.split("train").unwrap().rows, TRAIN as u64);
    println!("100,000 tiny photos: {peak} bytes");
    assert!(peak < 100 * MEGABYTE, "{peak} bytes");

    // The same by lists, in which every tenth line comes twice.
    for (split, numbers) in [("train", 0..TRAIN), ("val", TRAIN..TRAIN + VAL)] {
        let mut list =
            BufWriter::new(File::create(photos.join(format!("b-t4sa_{split}.txt"))).unwrap());
        for number in numbers {
            for _ in 0..if number % 10 == 0 { 2 } else { 1 } {
                writeln!(list, "{split}/{}/{number:06}.jpg 1", number % 10).unwrap();
            }
        }
        list.flush().unwrap();
    }
    let listed = folder.path().join("listed");
    let (output, peak) = peak_of(&mut convert(&photos, &listed, &["--shard-mb", "1"]));
    succeeded(&output);
    let tenth = (0..TRAIN + VAL).filter(|number| number % 10 == 0).count() as u64;
    sound(&listed, [all + tenth, all, 0, 0, tenth]);
    println!("the same by lists: {peak} bytes");
    assert!(peak < 100 * MEGABYTE, "{peak} bytes");
}

#[test]
fn rows_that_were_written_down_before_their_shard_was_complete_do_not_count_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    fs::create_dir_all(photos.join("one")).unwrap();
    let name = |number: usize| photos.join(format!("one/{number:06}.jpg"));
    link_tiny_photos(folder.path(), (0..2 * VAL + 5).map(name));
    let (expected, out) = (folder.path().join("expected"), folder.path().join("out"));
    succeeded(&convert(&photos, &expected, &[]).output().unwrap());
    // All of it is one shard: nothing is complete before the end.
    let mut child = convert(&photos, &out, &[]).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !out.join("unfinished/000000.json").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the conversion goes on");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("dataset.json").exists(), "the kill came in time");
    let output = convert(&photos, &out, &["--json"]).output().unwrap();
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"resumed\":0"));
    assert!(common::tree(&out) == common::tree(&expected));
}

#[test]
fn hundreds_of_thousands_of_missing_photos_after_a_good_one_need_no_more_memory_than_without_it() {
    const MISSING: u64 = 300_000;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    common::write(&dump.join("data/0.png"), &common::photo(1, 10, 10));
    let peak = |with_good: bool| {
        let mut list = BufWriter::new(File::create(dump.join("b-t4sa_train.txt")).unwrap());
        if with_good {
            writeln!(list, "data/0.png 1").unwrap();
        }
        for number in 0..MISSING {
            writeln!(list, "data/784760/7847609431{number:08}-1.jpg 2").unwrap();
        }
        list.flush().unwrap();
        let out = folder.path().join(format!("out-{with_good}"));
        let (output, peak) =
            peak_of(&mut convert(&dump, &out, &["--max-bad", "100%", "--layout", "b-t4sa"]));
        succeeded(&output);
        let good = u64::from(with_good);
        sound(&out, [MISSING + good, good, 0, MISSING, 0]);
        peak
    };
    let (without, with) = (peak(false), peak(true));
    println!("300,000 missing: {without} bytes; after a good one: {with} bytes");
    assert!(with < without + 30 * MEGABYTE, "{with} bytes, {without} without the good one");
}

/// Sides of a photo of 200 megapixels.
const WIDE: u16 = 20_000;
const HIGH: u16 = 10_000;

/// A baseline JPEG, 4:2:0: a few rows of blocks with restart markers between them, over and over.
fn large_jpeg() -> Vec<u8> {
    const ROWS: u16 = 4 * 16;
    let mut rgb = Vec::new();
    for y in 0..u32::from(ROWS) {
        rgb.extend(
            (0..u32::from(WIDE)).flat_map(|x| [(x / 79) as u8, (x ^ y) as u8, (y * 4) as u8]),
        );
    }
    let mut few = Vec::new();
    let mut encoder = Encoder::new(&mut few, 75);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_restart_interval(WIDE / 16);
    encoder.encode(&rgb, WIDE, ROWS, ColorType::Rgb).unwrap();

    let marker = |code: u8| few.windows(2).position(|pair| pair == [0xFF, code]).unwrap();
    let (frame, scan) = (marker(0xC0), marker(0xDA));
    let data = scan + 2 + usize::from(u16::from_be_bytes([few[scan + 2], few[scan + 3]]));
    let mut large = few[..data].to_vec();
    large[frame + 5..frame + 7].copy_from_slice(&HIGH.to_be_bytes());
    // In the data a marker's first byte is followed by a zero, so that the markers can be told.
    let mut rows = vec![Vec::new()];
    let mut bytes = few[data..few.len() - 2].iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == 0xFF && bytes.next_if(|next| (0xD0..=0xD7).contains(next)).is_some() {
            rows.push(Vec::new());
        } else {
            rows.last_mut().unwrap().push(byte);
        }
    }
    assert_eq!(rows.len(), usize::from(ROWS / 16));
    for number in 0..usize::from(HIGH / 16) {
        if number > 0 {
            large.extend([0xFF, 0xD0 + ((number - 1) % 8) as u8]);
        }
        large.extend_from_slice(&rows[number % rows.len()]);
    }
    large.extend([0xFF, 0xD9]);
    large
}

/// A PNG that is not interlaced, row by row into its file.
fn large_png(file: &Path) {
    let mut encoder =
        png::Encoder::new(BufWriter::new(File::create(file).unwrap()), WIDE.into(), HIGH.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    let row: Vec<u8> = (0..u32::from(WIDE)).flat_map(|x| [(x / 79) as u8, 90, x as u8]).collect();
    for _ in 0..HIGH {
        rows.write_all(&row).unwrap();
    }
    rows.finish().unwrap();
}

#[test]
fn photos_of_200_megapixels_are_quarantined_or_stored_as_asked_for_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    common::write(&photos.join("one/0.png"), &common::photo(1, 30, 20));
    common::write(&photos.join("one/large.jpg"), &large_jpeg());
    large_png(&photos.join("one/large.png"));
    let sizes = ["large.jpg", "large.png"]
        .map(|name| photos.join("one").join(name).metadata().unwrap().len());

    let refused = folder.path().join("refused");
    let (output, peak) = peak_of(&mut convert(&photos, &refused, &[]));
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let dataset = sound(&refused, [3, 1, 2, 0, 0]);
    for name in ["large.jpg", "large.png"] {
        let row = &dataset.find(name).unwrap()[0];
        assert_eq!(row.status, Status::Quarantined);
        let reason = row.reason.as_deref().unwrap();
        assert!(reason.starts_with("too-many-pixels: "), "{reason}");
        for word in ["40000000", "20000×10000 = 200000000", "max_pixels"] {
            assert!(reason.contains(word), "{reason}");
        }
    }
    println!("refused: {peak} bytes; the files have {sizes:?}");
    assert!(peak < sizes[0] + sizes[1] + 20 * MEGABYTE, "{peak} bytes; the files have {sizes:?}");

    let stored = folder.path().join("stored");
    let more = ["--max-pixels", "250000000", "--size", "224"];
    let (output, peak) = peak_of(&mut convert(&photos, &stored, &more));
    succeeded(&output);
    let dataset = sound(&stored, [3, 3, 0, 0, 0]);
    for name in ["large.jpg", "large.png"] {
        let row = &dataset.find(name).unwrap()[0];
        let photo = row.photo.unwrap();
        assert_eq!((photo.width, photo.height), (WIDE.into(), HIGH.into()));
        assert!((photo.recovered_share - 1.0).abs() < f32::EPSILON, "{}", photo.recovered_share);
        // Light grows from left to right in the red of both, and in nothing else of the PNG.
        let tensor = dataset.read_tensor(row, 1).unwrap();
        let (left, right) = (tensor[112 * 224 + 2], tensor[112 * 224 + 221]);
        assert!(left < 20 && right > 235, "{name}: {left} … {right}");
    }
    println!("stored: {peak} bytes");
    // 600 MB of pixels each.
    assert!(peak < sizes[0] + sizes[1] + 60 * MEGABYTE, "{peak} bytes; the files have {sizes:?}");
}
