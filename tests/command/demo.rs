//! Promises of the demo: its dump is B-T4SA's shape, a network can learn its classes, and every oddity in it
//! ends in the ledger as it must.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use tcolz_convert::ConvertOptions;
use tcolz_convert::dump::tweet_id;
use tcolz_convert::dump::{Dump, Layout};
use tcolz_demo::{DemoDump, Oddity, compare, make_dump, read_back};
use tcolz_format::dataset::{Counts, LedgerRow};
use tcolz_format::dataset::{Dataset, verify};
use tcolz_format::sample::Status;
use tcolz_inspect::inspect;
use tcolz_photo::{DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;
use tcolz_pixels::photo_info::SourceFormat;
use tcolz_pixels::recipe::Codec;

/// Ordinary photos of the dump that most of these tests look at.
const PHOTOS: u32 = 150;

/// A demo's dump and its conversion to tensors of 64 × 64, in a folder that stays until the tests end.
static DEMO: LazyLock<(tempfile::TempDir, DemoDump, Dataset)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let dump = make_dump(&folder.path().join("dump"), PHOTOS).unwrap();
    let options = common::options(&dump.root, &folder.path().join("dataset"), &[64]);
    let dataset = common::converted(&options).dataset;
    (folder, dump, dataset)
});

#[test]
fn every_oddity_ends_as_the_inventory_says_and_every_line_is_counted() {
    let (_, dump, dataset) = &*DEMO;
    let rows = dataset.ledger().unwrap();
    let findings = compare(dump, &rows);
    assert!(findings.as_expected(), "{findings:#?}");
    assert_eq!(findings.ordinary, u64::from(PHOTOS));
    let found: Vec<Oddity> = findings.oddities.iter().map(|found| found.line.oddity).collect();
    assert_eq!(found, Oddity::ALL);

    let mut expected = Counts::default();
    (0..PHOTOS).for_each(|_| expected.add(Status::Stored));
    Oddity::ALL.iter().for_each(|oddity| expected.add(oddity.expected().status));
    assert_eq!(dataset.meta().counts, expected);
    assert_eq!(expected.listed, dump.listed() as u64);
    assert_eq!(verify(dataset.root(), &|_| ()).unwrap().faults, []);
}

/// The ledger's row of an oddity.
fn row_of<'a>(dump: &DemoDump, rows: &'a mut [LedgerRow], oddity: Oddity) -> &'a mut LedgerRow {
    let line = dump.odd_line(oddity);
    rows.iter_mut().find(|row| line.is_of(row)).unwrap()
}

#[test]
fn an_oddity_that_ends_otherwise_is_reported() {
    let (_, dump, dataset) = &*DEMO;
    let rows = dataset.ledger().unwrap();
    let reported = |oddity: Oddity, change: &dyn Fn(&mut LedgerRow)| {
        let mut rows = rows.clone();
        change(row_of(dump, &mut rows, oddity));
        let findings = compare(dump, &rows);
        let odd = findings.oddities.iter().filter(|finding| finding.differs.is_some());
        let odd: Vec<Oddity> = odd.map(|finding| finding.line.oddity).collect();
        assert!(!findings.as_expected() && odd == [oddity], "{oddity:?}: {findings:#?}");
    };
    for oddity in Oddity::ALL {
        let other = if oddity == Oddity::Missing { Status::Stored } else { Status::Missing };
        reported(oddity, &|row| row.status = other);
        reported(oddity, &|row| row.reason = Some("otherwise: in the test".to_owned()));
        reported(oddity, &|row| row.line += 1_000);
    }
    let photo = |oddity, change: &dyn Fn(&mut tcolz_pixels::photo_info::PhotoInfo)| {
        reported(oddity, &|row| change(row.photo.as_mut().unwrap()));
    };
    photo(Oddity::PngBytes, &|photo| photo.format = SourceFormat::Jpeg);
    photo(Oddity::Progressive, &|photo| photo.progressive = false);
    photo(Oddity::Tiny, &|photo| photo.width = 5);
    photo(Oddity::Truncated, &|photo| photo.recovered_share = 1.0);
    photo(Oddity::Cmyk, &|photo| photo.recovered_share = 0.5);
    reported(Oddity::Leakage, &|row| row.tensors[0].blake3[0] ^= 1);

    // An ordinary photo that is lost, or was never there.
    let mut changed = rows.clone();
    let ordinary = changed.iter_mut().find(|row| dump.photos.contains(&row.sample_id)).unwrap();
    ordinary.status = Status::Quarantined;
    let findings = compare(dump, &changed);
    assert_eq!(findings.ordinary, u64::from(PHOTOS) - 1);
    assert!(findings.astray[0].contains(&dump.photos[0]), "{:?}", findings.astray);
    assert!(!compare(dump, &rows[1..]).as_expected());
}

#[test]
fn two_demos_are_equal_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let root = folder.path().join(name);
        let dump = pool.install(|| make_dump(&root, 12).unwrap());
        (common::tree(&root), dump.oddities, dump.photos)
    };
    let expected = made("one", 1);
    assert!(made("four", 4) == expected);
    // Lists, scores, and the files of all but four oddities: three second lines, one missing file.
    assert_eq!(expected.0.len(), 3 + 1 + 12 + Oddity::ALL.len() - 4);
}

#[test]
fn the_dump_is_recognised_as_b_t4sa_and_every_photo_names_its_tweet() {
    let (_, demo, _) = &*DEMO;
    let dump = Dump::open(&demo.root, None).unwrap();
    assert_eq!(dump.reading.layout, Layout::BT4sa);
    assert_eq!((dump.lists.as_slice(), dump.inputs.len()), (&demo.lists[..], demo.listed()));
    assert_eq!(dump.classes, tcolz_demo::CLASSES);
    let text = fs::read_to_string(demo.root.join(&demo.text_sentiment)).unwrap();
    for sample_id in demo.photos.iter().chain(demo.oddities.iter().map(|line| &line.sample_id)) {
        let id = tweet_id(Layout::BT4sa, sample_id).unwrap();
        let folder = &id.to_string()[..5];
        assert!(id > 1 << 53 && sample_id.starts_with(&format!("data/{folder}/{id}-")));
        assert!(text.contains(&format!("\n{id}\t")), "{sample_id} has scores");
    }
}

#[test]
fn the_photos_compress_like_photographs() {
    let folder = tempfile::tempdir().unwrap();
    let (_, dump, _) = &*DEMO;
    let options = ConvertOptions::new(&dump.root, folder.path().join("out"));
    let ratio = inspect(&common::converted(&options).dataset).unwrap().ratio;
    // 2.78 for the 1,269 tweet photos of TTD.
    assert!((2.6..3.0).contains(&ratio), "{ratio:.2} times smaller than the plain tensors");
}

/// The mean colour of each quarter of a tensor `[3, 64, 64]`.
fn coarse_colours(planes: &[u8]) -> Vec<f64> {
    let mut sums = vec![0.0; 12];
    for (index, &value) in planes.iter().enumerate() {
        let (channel, y, x) = (index / 4096, index / 64 % 64, index % 64);
        sums[channel * 4 + y / 32 * 2 + x / 32] += f64::from(value) / 1024.0;
    }
    sums
}

#[test]
fn the_nearest_class_in_coarse_colours_is_nearly_always_the_right_one() {
    let (_, _, dataset) = &*DEMO;
    let (mut train, mut held_out) = ([const { Vec::new() }; 3], Vec::new());
    for row in dataset.ledger().unwrap().iter().filter(|row| row.status == Status::Stored) {
        let colours = coarse_colours(&dataset.read_tensor(row, 0).unwrap());
        let class = usize::from(row.label.unwrap());
        match &*row.split {
            "train" => train[class].push(colours),
            _ => held_out.push((class, colours)),
        }
    }
    let means = train.map(|photos| {
        let mean = |index| photos.iter().map(|c: &Vec<f64>| c[index]).sum::<f64>();
        (0..12).map(|index| mean(index) / photos.len() as f64).collect::<Vec<f64>>()
    });
    let nearest = |colours: &[f64]| {
        let distance = |class: &usize| -> f64 {
            means[*class].iter().zip(colours).map(|(a, b)| (a - b).powi(2)).sum()
        };
        (0..3).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
    };
    let right = held_out.iter().filter(|(class, colours)| nearest(colours) == *class).count();
    let accuracy = right as f64 / held_out.len() as f64;
    assert!(held_out.len() >= 30 && accuracy > 0.9, "{right} of {}", held_out.len());
}

#[test]
fn reading_back_counts_every_sample_and_names_the_one_that_is_damaged() {
    let (_, dump, dataset) = &*DEMO;
    let read = read_back(dataset).unwrap();
    let stored = dataset.meta().counts.stored;
    assert_eq!((read.samples, read.wrong.as_slice()), (stored, &[][..]));
    assert_eq!(read.raw_bytes, stored * 3 * 64 * 64);
    assert!(read.passes > 0 && read.samples_per_second() > 0.0);
    let inspected = inspect(dataset).unwrap().statistics.tensors[0].channels.mean.unwrap();
    for (channel, expected) in inspected.into_iter().enumerate() {
        let of_class = |class: &tcolz_demo::ClassColour| class.mean[channel] * class.samples as f64;
        let mean = read.classes.iter().map(of_class).sum::<f64>() / stored as f64;
        assert!((mean - expected).abs() < 1e-6, "{mean} by reading, {expected} by the ledger");
    }

    let folder = tempfile::tempdir().unwrap();
    let mut options = common::options(&dump.root, &folder.path().join("raw"), &[16]);
    options.recipe.codec = Codec::Raw;
    let dataset = common::converted(&options).dataset;
    let rows = dataset.ledger().unwrap();
    let row = rows.iter().find(|row| row.place == Some((0, 5))).unwrap();
    let tensor = dataset.read_tensor(row, 0).unwrap();
    let path = dataset.root().join(format!("{}/00000.arrow", row.split));
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(tensor.len()).position(|window| window == tensor).unwrap();
    bytes[at + 100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let wrong = read_back(&dataset).unwrap().wrong;
    assert!(wrong.len() == 1 && wrong[0].contains(&row.sample_id), "{wrong:?}");
}

fn demo(out: &Path, more: &[&str]) -> Output {
    common::tcolz().arg("demo").arg(out).args(["--photos", "12"]).args(more).output().unwrap()
}

#[test]
fn the_command_says_where_to_look_and_everything_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let output = demo(&out, &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("PASS").count(), Oddity::ALL.len() + 1, "{said}");
    assert!(!said.contains("DIFFERS") && said.contains("all is as it must be"), "{said}");
    let (_, look) = said.split_once("look at:\n").unwrap();
    let paths: Vec<&str> = look.lines().map_while(|line| line.split_whitespace().next()).collect();
    assert!(paths.len() >= 12, "{look}");
    for path in paths {
        assert!(Path::new(path).exists(), "{path} is not there");
    }
    // The command that the demo shows ends well, too: nothing is left to do.
    let (_, convert) = said.split_once("2. tcolz ").unwrap();
    let words: Vec<&str> = convert.lines().next().unwrap().split(' ').collect();
    let again = common::tcolz().args(&words).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{words:?}");
}

#[test]
fn the_contact_sheets_show_stored_samples() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let output = demo(&out, &["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["ok"].as_bool(), report["photos"].as_u64()), (Some(true), Some(12)));
    assert_eq!(report["findings"]["oddities"].as_array().unwrap().len(), Oddity::ALL.len());
    let dataset = Dataset::open(out.join("dataset")).unwrap();
    let first = |label| {
        let rows = dataset.ledger().unwrap();
        let row = rows.into_iter().find(|row| row.label == Some(label) && row.place.is_some());
        dataset.read_tensor(&row.unwrap(), 1).unwrap()
    };
    let mut sheet = RgbImage::new();
    let png = fs::read(report["sheets"][0].as_str().unwrap()).unwrap();
    Decoder::new(DecodeLimits::default()).decode(&png, None, &mut sheet).unwrap();
    // Four photos of each class, gaps of 8 pixels around tiles of 224; the class above them, two lines below each.
    let (row, above) = (11 + 224 + 2 * 11 + 8, 8 + 11);
    assert_eq!((sheet.width, sheet.height), (4 * 232 + 8, 3 * row as u32 + 8));
    let is_written = |top: usize, left: usize, width: usize| {
        let lit = |y: usize, x: usize| sheet.pixels[(y * sheet.width as usize + x) * 3] > 100;
        (top..top + 8)
            .flat_map(|y| (left..left + width).map(move |x| (y, x)))
            .filter(|&(y, x)| lit(y, x))
            .count()
            > 20
    };
    for label in 0..3 {
        let planes = first(label);
        for (y, x) in [(0, 0), (17, 200), (223, 223)] {
            let at = ((usize::from(label) * row + above + y) * sheet.width as usize + 8 + x) * 3;
            let expected = [0, 1, 2].map(|channel| planes[channel * 224 * 224 + y * 224 + x]);
            assert_eq!(sheet.pixels[at..][..3], expected, "class {label}, pixel {x}, {y}");
        }
        let top = usize::from(label) * row + 8;
        assert!(is_written(top, 8, 64), "the name of class {label}");
        for tile in 0..4 {
            let (top, left) = (top + 11 + 224 + 3, 8 + tile * 232);
            assert!(is_written(top, left, 224) && is_written(top + 11, left, 64), "its caption");
        }
    }
}

#[test]
fn an_earlier_demo_is_replaced_and_other_files_are_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    assert_eq!(demo(&out, &[]).status.code(), Some(0));
    let mut expected = common::tree(&out);
    expected.retain(|name, _| name != "dataset.log.jsonl");
    common::write(&out.join("notes.txt"), b"mine");
    common::write(&out.join("dump/data/78400/stray.jpg"), b"of another demo");
    assert_eq!(demo(&out, &[]).status.code(), Some(0));
    let mut found = common::tree(&out);
    found.retain(|name, _| name != "dataset.log.jsonl");
    assert_eq!(found.remove("notes.txt").as_deref(), Some(&b"mine"[..]));
    assert!(found == expected);

    let thesis = folder.path().join("thesis");
    common::write(&thesis.join("thesis.tex"), b"years of work");
    let refused = demo(&thesis, &[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("expected a new folder or an earlier demo"), "{said}");
    assert_eq!(common::tree(&thesis).len(), 1);
}
