//! Promises: what a damaged source has lost is written into the dataset and into the exit code, and members of a tar that
//! have one name, or names that are hardly any, are listed and counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::tars;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tars::Tar;
use tcolz_convert::dump::Dump;
use tcolz_format::dataset::DATASET_FILE;
use tcolz_format::dataset::Dataset;

/// A tar of four photos of two classes.
fn whole(folder: &Path) -> (PathBuf, Tar) {
    let mut tar = Tar::default();
    for number in 0..4 {
        let class = ["cat", "dog"][number as usize % 2];
        tar.file(&format!("{class}/{number}.png"), &common::photo(number, 40, 30));
    }
    let path = folder.join("photos.tar");
    (path, tar)
}

fn ended(tar: &Tar) -> Vec<u8> {
    [&tar.bytes[..], &[0; 1024]].concat()
}

fn tcolz(words: &[&str], paths: &[&Path]) -> Output {
    let mut command = common::tcolz();
    command.arg(words[0]).args(paths).args(&words[1..]).output().unwrap()
}

fn convert(source: &Path, out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let words = [&["convert", "--size", "16", "--max-bad", "50%"], more].concat();
    let done = tcolz(&words, &[source, out]);
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn a_tar_that_was_cut_off_is_an_exit_code_and_stands_in_the_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let (path, tar) = whole(folder.path());
    let out = folder.path().join("out");
    let (_, _, end, _) = tar.files[3];
    fs::write(&path, &tar.bytes[..end - 100]).unwrap();

    let (code, said) = convert(&path, &out, &[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("cut off") && said.contains("--allow-damaged-source"), "{said}");
    let meta = Dataset::open(&out).unwrap().meta().clone();
    assert_eq!(meta.counts.stored, 3);
    let [damage] = &meta.source_damage[..] else { panic!("{:?}", meta.source_damage) };
    assert!(damage.contains("cut off"), "{damage}");
    assert!(fs::read_to_string(out.join(DATASET_FILE)).unwrap().contains("source_damage"));
    let log = fs::read_to_string(folder.path().join("out.log.jsonl")).unwrap();
    assert!(log.contains("cut off"), "{log}");

    // Finished already: still so, unless it is allowed.
    assert_eq!(convert(&path, &out, &[]).0, Some(4));
    assert_eq!(convert(&path, &out, &["--allow-damaged-source"]).0, Some(0));
    let inspected = String::from_utf8(tcolz(&["inspect"], &[&out]).stdout).unwrap();
    assert!(inspected.contains("damaged source") && inspected.contains("cut off"), "{inspected}");
    let json = tcolz(&["inspect", "--json"], &[&out]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["source_damage"][0], **damage);
    let page = folder.path().join("page.html");
    assert!(tcolz(&["inspect", "--html", page.to_str().unwrap()], &[&out]).status.success());
    assert!(fs::read_to_string(page).unwrap().contains("Damaged source: the tar is cut off"));
    let verified = String::from_utf8(tcolz(&["verify"], &[&out]).stdout).unwrap();
    assert!(verified.contains("all is well") && verified.contains("damaged source"), "{verified}");
}

#[test]
fn what_is_lost_of_a_source_is_not_part_of_the_content_root() {
    let folder = tempfile::tempdir().unwrap();
    let (path, tar) = whole(folder.path());
    let root = |bytes: &[u8], out: &str| {
        fs::write(&path, bytes).unwrap();
        let summary = common::converted(&common::options(&path, &folder.path().join(out), &[16]));
        (summary.dataset.meta().content_root.clone(), summary.dataset.meta().source_damage.len())
    };
    let (whole, none) = root(&ended(&tar), "whole");
    assert_eq!((whole, none), (root(&tar.bytes, "no-end").0, 0));
    assert_eq!(root(&tar.bytes, "no-end-again").1, 1);
}

#[test]
fn a_source_that_was_damaged_since_is_a_fault_of_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let (path, tar) = whole(folder.path());
    fs::write(&path, ended(&tar)).unwrap();
    let out = folder.path().join("out");
    assert_eq!(convert(&path, &out, &[]).0, Some(0));
    let verify = || tcolz(&["verify", "--source", path.to_str().unwrap()], &[&out]);
    assert!(verify().status.success());
    // No photo is touched.
    fs::write(&path, &tar.bytes).unwrap();
    let verified = verify();
    let said = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(said.contains("no end mark"), "{said}");
}

#[test]
fn members_of_one_name_are_listed_as_duplicates_and_the_last_one_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut tar) = whole(folder.path());
    let last = common::photo(9, 40, 30);
    tar.member(b'0', "cat/0.png", &common::photo(8, 40, 30));
    tar.member(b'0', "cat/0.png", &last);
    tar.member(b'0', "cat/../dog/7.png", &common::photo(7, 40, 30));
    tar.member(b'0', "cat/../dog/7.png", &common::photo(7, 40, 30));
    fs::write(&path, ended(&tar)).unwrap();
    let summary = common::converted(&common::options(&path, &folder.path().join("out"), &[16]));
    let counts = summary.dataset.meta().counts;
    assert_eq!((counts.listed, counts.stored, counts.duplicate), (8, 5, 3));
    let rows = summary.dataset.ledger().unwrap();
    let stored = rows.iter().find(|row| row.sample_id == "cat/0.png").unwrap();
    assert_eq!(stored.source.unwrap().1, *blake3::hash(&last).as_bytes());
    let log = fs::read_to_string(folder.path().join("out.log.jsonl")).unwrap();
    assert!(log.contains("a later one has their name: 3"), "{log}");
}

#[test]
fn members_whose_names_hold_control_characters_are_told_apart_and_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut tar) = whole(folder.path());
    for (number, name) in ["cat/a\nb.png", "cat/a\tb.png", "cat/a\x01b.png"].iter().enumerate() {
        tar.member(b'0', name, &common::photo(number as u32, 40, 30));
    }
    tar.member(b'0', ".hidden.png", b"not looked at");
    fs::write(&path, ended(&tar)).unwrap();
    let dump = Dump::open(&path, None).unwrap();
    assert_eq!((dump.skipped.entries, dump.skipped.hidden), (1, 1));
    assert!(dump.notes.iter().any(|note| note.contains(".hidden.png")), "{:?}", dump.notes);
    let summary = common::converted(&common::options(&path, &folder.path().join("out"), &[16]));
    let counts = summary.dataset.meta().counts;
    assert_eq!((counts.listed, counts.stored, counts.quarantined), (7, 4, 3));
    let rows = summary.dataset.ledger().unwrap();
    let bad = rows.iter().filter(|row| row.reason_code() == Some("unusable-name")).count();
    assert_eq!(bad, 3, "{:?}", summary.reasons);
}
