//! Promises: a conversion trusts what lies in its folder only after it has looked. What was changed since it was finished
//! is made again, and the dataset has the bytes of an undisturbed conversion, or there is an error and no dataset.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tcolz_convert::{ConvertError, ConvertOptions, Observer, convert};
use tcolz_format::dataset::DATASET_FILE;
use tcolz_format::dataset::Dataset;
use tcolz_pixels::recipe::Codec;

/// Twelve photos in two splits, and conversions of them into shards of two photos each.
struct Work {
    folder: tempfile::TempDir,
    expected: BTreeMap<String, Vec<u8>>,
}

impl Work {
    fn new() -> Work {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..12 {
            let split = if number < 8 { "train" } else { "val" };
            let path = folder.path().join(format!("photos/{split}/cat/{number:02}.png"));
            common::write(&path, &common::photo(number, 120, 90));
        }
        let mut work = Work { folder, expected: BTreeMap::new() };
        common::converted(&work.options("expected"));
        work.expected = common::tree(&work.out("expected"));
        assert_eq!(work.expected.keys().filter(|name| name.ends_with(".arrow")).count(), 6);
        work
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self, out: &str) -> ConvertOptions {
        let mut options = common::options(&self.out("photos"), &self.out(out), &[112]);
        options.recipe.codec = Codec::Raw;
        options.shard_bytes = 100_000;
        options
    }

    /// A conversion that was stopped after four of its six shards.
    fn interrupted(&self, out: &str) -> PathBuf {
        let stop = AtomicBool::new(false);
        let mut after = After { shards: 4, act: || stop.store(true, Ordering::SeqCst) };
        let ended = convert(&self.options(out), &stop, &mut after);
        assert!(matches!(ended, Err(ConvertError::Interrupted { .. })), "{ended:?}");
        self.out(out)
    }

    /// Resumes and compares with the undisturbed conversion; what was said to be damaged.
    fn resumes(&self, out: &str) -> Vec<String> {
        let mut said = Said::default();
        convert(&self.options(out), &AtomicBool::new(false), &mut said).unwrap();
        assert!(common::tree(&self.out(out)) == self.expected, "after {:?}", said.0);
        said.0
    }
}

/// Does something once so many shards are complete.
struct After<F> {
    shards: usize,
    act: F,
}

impl<F: FnMut()> Observer for After<F> {
    fn shard(&mut self, _file: &str, _rows: u64) {
        self.shards = self.shards.wrapping_sub(1);
        if self.shards == 0 {
            (self.act)();
        }
    }
}

#[derive(Default)]
struct Said(Vec<String>);

impl Observer for Said {
    fn damaged(&mut self, what: &str) {
        self.0.push(what.to_owned());
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_bit_that_flipped_in_a_finished_part_is_found_when_the_conversion_is_resumed() {
    let work = Work::new();
    for file in [
        "train/00000.arrow",
        "train/00003.arrow",
        "unfinished/000001.json",
        "unfinished/000001.parquet",
    ] {
        let out = work.interrupted("out").join(file);
        flip(&out, fs::metadata(&out).unwrap().len() as usize / 2);
        let said = work.resumes("out");
        assert!(said.len() == 1 && said[0].contains(file), "{said:?}");
        fs::remove_dir_all(work.out("out")).unwrap();
    }
}

#[test]
fn some_byte_of_a_part_of_the_journal_may_be_wrong_without_harm() {
    wrong_bytes_of_the_journal_do_no_harm(29);
}

#[test]
#[ignore = "long"]
fn long_any_byte_of_a_part_of_the_journal_may_be_wrong_without_harm() {
    wrong_bytes_of_the_journal_do_no_harm(1);
}

fn wrong_bytes_of_the_journal_do_no_harm(step: usize) {
    let work = Work::new();
    let sound = work.out("sound");
    fs::rename(work.interrupted("out"), &sound).unwrap();
    let part = fs::read(sound.join("unfinished/000002.json")).unwrap();
    // The index of the split, digits of lengths and names, the checksum and its key among them.
    for at in (0..part.len()).step_by(step) {
        common::copy_tree(&sound, &work.out("out"));
        flip(&work.out("out/unfinished/000002.json"), at);
        assert_eq!(work.resumes("out").len(), 1, "byte {at}");
        fs::remove_dir_all(work.out("out")).unwrap();
    }
}

#[test]
fn finished_shards_that_vanished_before_the_conversion_is_resumed_are_made_again() {
    let work = Work::new();
    for gone in ["train/00001.arrow", "train", "unfinished/000000.parquet"] {
        let path = work.interrupted("out").join(gone);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        let said = work.resumes("out");
        assert!(said.len() == 1 && said[0].contains("there is no such file"), "{said:?}");
        fs::remove_dir_all(work.out("out")).unwrap();
    }
}

#[test]
fn finished_shards_that_vanish_or_shrink_during_the_conversion_leave_no_dataset() {
    let work = Work::new();
    for (gone, shrinks) in
        [("train/00001.arrow", false), ("train", false), ("train/00000.arrow", true)]
    {
        let path = work.out("out").join(gone);
        let act = || {
            let done = match shrinks {
                true => fs::write(&path, b"short"),
                false if path.is_dir() => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            done.unwrap();
        };
        let mut after = After { shards: 5, act };
        let error = convert(&work.options("out"), &AtomicBool::new(false), &mut after).unwrap_err();
        assert!(matches!(error, ConvertError::Changed { .. }), "{error}");
        assert!(error.to_string().contains("the same command makes it again"), "{error}");
        assert!(!work.out("out").join(DATASET_FILE).exists());
        assert_eq!(work.resumes("out").len(), 1);
        fs::remove_dir_all(work.out("out")).unwrap();
    }
}

#[test]
fn a_dataset_is_finished_already_only_if_all_its_files_are_there() {
    let work = Work::new();
    let path = work.out("expected/val/00001.arrow");
    let bytes = fs::read(&path).unwrap();
    let again = || {
        let ended = convert(&work.options("expected"), &AtomicBool::new(false), &mut ());
        ended.map(|_| ()).map_err(|error| error.to_string())
    };
    again().unwrap();
    fs::write(&path, &bytes[1..]).unwrap();
    let error = again().unwrap_err();
    assert!(error.contains("val/00001.arrow") && error.contains("`repair("), "{error}");
    fs::remove_file(&path).unwrap();
    let error = again().unwrap_err();
    assert!(error.contains("gone") && error.contains("`repair("), "{error}");
}

#[test]
fn a_folder_that_is_renamed_or_removed_under_a_conversion_ends_it_with_a_sentence() {
    let work = Work::new();
    for (renamed, made_anew) in [(true, false), (true, true), (false, true)] {
        let (out, moved) = (work.out("out"), work.out("moved"));
        let act = || {
            if renamed { fs::rename(&out, &moved) } else { fs::remove_dir_all(&out) }.unwrap();
            if made_anew {
                fs::create_dir(&out).unwrap();
            }
        };
        let mut after = After { shards: 2, act };
        let error = convert(&work.options("out"), &AtomicBool::new(false), &mut after).unwrap_err();
        assert!(matches!(error, ConvertError::OutGone { .. }), "{error}");
        if made_anew {
            // Somebody else may have taken the name.
            let shards = common::tree(&out).into_keys().filter(|name| name.ends_with(".arrow"));
            assert!(shards.count() <= 1 && !out.join(DATASET_FILE).exists());
            fs::remove_dir_all(&out).unwrap();
        }
        if renamed {
            fs::rename(&moved, &out).unwrap();
            work.resumes("out");
            assert!(Dataset::open(&out).is_ok());
            fs::remove_dir_all(&out).unwrap();
        }
    }
}
