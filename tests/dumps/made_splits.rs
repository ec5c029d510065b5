//! Promise: `--make-splits` never puts one file into two splits, whatever it is called, and says what else is the
//! same in several.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tcolz_convert::{ConvertError, ConvertOptions, Observer, convert};
use tcolz_format::dataset::MakeSplits;
use tcolz_format::dataset::{Dataset, verify};

/// Sixty photos of two classes in a folder; every third one is a copy of the one before, of the other class now and then.
fn dump(photos: &Path) {
    for number in 0..60u32 {
        let class = if number % 10 < 6 { "cat" } else { "dog" };
        let path = photos.join(format!("{class}/{number:02}.png"));
        let original = if number % 3 == 2 { number - 1 } else { number };
        common::write(&path, &common::photo(original, 60 + original % 5, 50));
    }
}

fn tar_of(photos: &Path, tar: &Path) {
    let mut builder = tar::Builder::new(fs::File::create(tar).unwrap());
    // Neither in the order of the names nor of the lengths.
    let mut files: Vec<_> = common::tree(photos).into_iter().collect();
    files.sort_by_key(|(name, _)| name.chars().rev().collect::<String>());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, &name, &bytes[..]).unwrap();
    }
    builder.finish().unwrap();
}

fn options(source: &Path, out: &Path) -> ConvertOptions {
    let mut options = common::options(source, out, &[112]);
    options.dump.make_splits = MakeSplits::parse("60/20/20", 4).ok();
    options.shard_bytes = 200_000;
    options
}

/// For each photo, its split.
fn splits(dataset: &Dataset) -> BTreeMap<String, String> {
    let rows = dataset.ledger().unwrap().into_iter();
    rows.map(|row| (row.sample_id, row.split.to_string())).collect()
}

#[test]
fn copies_of_a_file_go_to_one_split_from_a_folder_and_from_a_tar() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dump(&at("photos"));
    tar_of(&at("photos"), &at("photos.tar"));
    let dataset = common::converted(&options(&at("photos"), &at("out"))).dataset;
    assert_eq!(verify(&at("out"), &|_| ()).unwrap().faults, []);
    let mut splits_of_file: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for row in dataset.ledger().unwrap() {
        splits_of_file.entry(row.source.unwrap().1).or_default().insert(row.split.to_string());
    }
    assert_eq!(splits_of_file.len(), 40);
    assert!(splits_of_file.values().all(|splits| splits.len() == 1), "{splits_of_file:?}");
    let mut counts: BTreeMap<_, [u32; 3]> = BTreeMap::new();
    for row in dataset.ledger().unwrap() {
        let split = ["train", "val", "test"].iter().position(|name| *name == &*row.split).unwrap();
        counts.entry(row.label).or_default()[split] += 1;
    }
    assert_eq!(counts[&Some(0)], [22, 7, 7], "as if no photo were a copy");
    assert_eq!(counts[&Some(1)], [14, 5, 5]);
    // Whatever the threads and wherever the files lie.
    let mut one_thread = options(&at("photos"), &at("one"));
    one_thread.threads = 1;
    common::converted(&one_thread);
    assert!(common::tree(&at("one")) == common::tree(&at("out")));
    let tar = common::converted(&options(&at("photos.tar"), &at("tar"))).dataset;
    assert_eq!(splits(&tar), splits(&dataset));
    assert_eq!(tar.meta().content_root, dataset.meta().content_root);
}

/// Stops after the first shard.
struct StopsEarly(Arc<AtomicBool>);

impl Observer for StopsEarly {
    fn shard(&mut self, _: &str, _: u64) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn an_interrupted_conversion_goes_on_with_the_same_splits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dump(&at("photos"));
    tar_of(&at("photos"), &at("photos.tar"));
    for source in ["photos", "photos.tar"] {
        let expected = at(&format!("expected-{source}"));
        common::converted(&options(&at(source), &expected));
        let options = options(&at(source), &at(&format!("out-{source}")));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = convert(&options, &stop, &mut StopsEarly(Arc::clone(&stop)));
        assert!(matches!(stopped, Err(ConvertError::Interrupted { .. })), "{stopped:?}");
        assert!(common::converted(&options).resumed > 0);
        assert!(common::tree(&options.out) == common::tree(&expected), "{source}");
    }
}

fn command(source: &Path, out: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = common::tcolz();
    command.arg("convert").arg(source).arg(out).args(["--size", "32"]);
    let output = command.args(["--make-splits", "60/20/20"]).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_old_method_can_be_asked_for_and_what_it_tears_apart_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    dump(&at("photos"));
    let (code, screen, said) = command(&at("photos"), &at("new"), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("identical files: 20 groups of 40 photos"), "{said}");
    assert!(said.contains("of them have several labels"), "{said}");
    assert!(
        !screen.contains("of the same file") || screen.contains(": 0 of the same file"),
        "{screen}"
    );
    let method = |out| Dataset::open(at(out)).unwrap().meta().made_splits.clone().unwrap().method;
    assert_eq!(method("new"), "stratified-blake3-v2");

    let v1 = ["--split-method", "stratified-blake3-v1"];
    let (code, screen, said) = command(&at("photos"), &at("old"), &v1);
    assert_eq!((code, method("old").as_str()), (0, "stratified-blake3-v1"), "{said}");
    assert!(!said.contains("identical files"), "{said}");
    assert!(
        screen.contains("across splits") && screen.contains("lie in several splits"),
        "{screen}"
    );
    assert!(screen.contains("tcolz inspect") && screen.contains("--duplicates"), "{screen}");
    let (code, _, said) = command(&at("photos"), &at("old"), &v1);
    assert_eq!(code, 0, "finished already: {said}");
    let (code, _, said) = command(&at("photos"), &at("old"), &[]);
    assert!(code == 1 && said.contains("--split-method stratified-blake3-v1"), "{said}");
    let (code, _, said) = command(&at("photos"), &at("x"), &["--split-method", "random"]);
    assert!(code == 2 && said.contains("stratified-blake3-v1"), "{said}");
    let mut options = options(&at("photos"), &at("x"));
    options.dump.make_splits.as_mut().unwrap().method = "random".to_owned();
    let error = convert(&options, &AtomicBool::new(false), &mut ()).unwrap_err().to_string();
    assert!(error.contains("no method `random`") && error.contains("-v2, "), "{error}");
}

#[test]
fn the_same_pixels_in_other_files_are_counted_where_they_lie_in_several_splits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for number in 0..30u32 {
        let mut bytes = common::photo(number / 2, 60, 50);
        // Behind the end of the picture: another file, the same pixels.
        bytes.extend(std::iter::repeat_n(0, number as usize));
        common::write(&at("photos").join(format!("cat/{number:02}.png")), &bytes);
    }
    let (code, json, said) = command(&at("photos"), &at("out"), &["--json"]);
    assert_eq!(code, 0, "{said}");
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let across = &last["across_splits"];
    let splits = splits(&Dataset::open(at("out")).unwrap());
    let torn = (0..15).filter(|pair| {
        let split = |number: u32| &splits[&format!("cat/{number:02}.png")];
        split(2 * pair) != split(2 * pair + 1)
    });
    let torn = torn.count();
    assert!(torn > 2, "{splits:?}");
    assert_eq!(across["groups"], torn, "{across}");
    assert_eq!((&across["same_file"], &across["same_pixels"]), (&0.into(), &torn.into()));
    // Where splits are not made here, nothing is said of them.
    let mut command = common::tcolz();
    let output = command.arg("convert").arg(at("photos")).arg(at("all")).arg("--json").output();
    let json = String::from_utf8(output.unwrap().stdout).unwrap();
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert!(last["across_splits"].is_null());
}
