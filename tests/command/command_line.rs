//! What a script may rely on: exit codes, refusals, and what an interrupted conversion leaves behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::fs;
use std::path::Path;
use std::process::Output;

use tcolz_format::dataset::Dataset;

fn convert(source: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = common::tcolz();
    command.arg("convert").args([source, out]).args(["--size", "16"]).args(more);
    command.output().unwrap()
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, told: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(told), "expected `{told}` in: {said}");
}

#[test]
fn bad_inputs_above_max_bad_give_3_and_a_finished_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    common::write(&photos.join("train/cat/text.jpg"), b"no photo");
    assert_ends(&convert(&photos, &out, &[]), 3, "more than --max-bad 1%");
    assert_eq!(Dataset::open(&out).unwrap().meta().counts.stored, 9);
    // One of ten is exactly ten per cent, and that is not more.
    assert_ends(&convert(&photos, &folder.path().join("b"), &["--max-bad", "10%"]), 0, "");
    assert_ends(&convert(&photos, &folder.path().join("c"), &["--max-bad", "9.9"]), 3, "9.9%");
    // The finished dataset is as bad when it is asked for again.
    assert_ends(&convert(&photos, &out, &[]), 3, "more than --max-bad 1%");
}

#[test]
fn wrong_usage_gives_2() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    for wrong in [
        &["--size", "0"][..],
        &["--size", "4097"],
        &["--codec", "lzma"],
        &["--filter", "box"],
        &["--threads", "0"],
        &["--shard-mb", "0"],
        &["--max-bad", "101%"],
        &["--max-bad", "NaN"],
        &["--mean", "1,2"],
        &["--mean", "NaN,1,2"],
        &["--layout", "zip"],
        &["--frobnicate"],
    ] {
        assert_ends(&convert(&photos, &out, wrong), 2, wrong[0]);
        assert!(!out.exists(), "{wrong:?}");
    }
    assert_ends(&common::tcolz().output().unwrap(), 2, "Usage");
    assert_ends(&common::tcolz().arg("--version").output().unwrap(), 0, "");
}

#[test]
fn a_conversion_that_cannot_begin_gives_1_says_why_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    let nowhere = convert(&folder.path().join("nowhere"), &out, &[]);
    assert_ends(&nowhere, 1, "nowhere");
    let said = String::from_utf8_lossy(&nowhere.stderr);
    assert_eq!(said.matches("No such file").count(), 1, "the cause is said once: {said}");
    assert_ends(&convert(&photos.join("train/cat/photo-0.png"), &out, &[]), 1, "expected a folder");
    assert_ends(&convert(&photos, &out, &["--layout", "ttd"]), 1, "not a ttd dump");
    common::write(&folder.path().join("dataset/dataset.json"), b"{}");
    common::write(&folder.path().join("dataset/ledger.parquet"), b"");
    assert_ends(&convert(&folder.path().join("dataset"), &out, &[]), 1, "found a dataset; `tcolz");
    assert_ends(&convert(&photos, &out, &["--view", "vgg"]), 1, "there are: raw, caffe");
    assert_ends(&convert(&photos, &out, &["--view", "mean"]), 1, "--mean");
    assert!(!out.exists());
    assert!(!folder.path().join("out.log.jsonl").exists());
}

#[test]
fn folders_inside_each_other_are_refused_also_through_links() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    common::small_dump(&photos);
    let before = common::tree(folder.path());
    let told = "choose an OUT outside of SRC";
    assert_ends(&convert(&photos, &photos.join("out"), &[]), 1, told);
    assert_ends(&convert(&photos, &photos.join("train/../new/out"), &[]), 1, told);
    assert_ends(&convert(&photos, &photos, &[]), 1, told);
    assert_ends(&convert(&photos, folder.path(), &[]), 1, told);
    assert_eq!(common::tree(folder.path()), before);
    std::os::unix::fs::symlink(&photos, folder.path().join("link")).unwrap();
    assert_ends(&convert(&photos, &folder.path().join("link/out"), &[]), 1, told);
    assert!(!photos.join("out").exists() && !photos.join("new").exists());
}

#[test]
fn an_out_that_holds_something_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    common::write(&out.join("thesis.tex"), b"years of work");
    let before = common::tree(&out);
    assert_ends(&convert(&photos, &out, &[]), 1, "expected a new or empty folder");
    assert_ends(&convert(&photos, &out, &["--restart"]), 1, "expected a new or empty folder");
    assert_eq!(common::tree(&out), before);

    let other = folder.path().join("other");
    assert_ends(&convert(&photos, &other, &[]), 0, "");
    let before = common::tree(&other);
    assert_ends(&convert(&photos, &other, &["--codec", "raw"]), 1, "by another recipe");
    assert_ends(
        &convert(&photos, &other, &["--codec", "raw", "--restart"]),
        1,
        "by another recipe",
    );
    common::write(&photos.join("val/cat/new.png"), &common::photo(77, 20, 20));
    assert_ends(&convert(&photos, &other, &[]), 1, "from other lists");
    assert_eq!(common::tree(&other), before);
}

#[test]
fn an_out_whose_log_cannot_be_written_is_converted_repaired_and_shown_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    common::small_dump(&photos);
    common::write(&photos.join("extra/1.png"), &common::photo(1, 20, 20));
    // A name of which `NAME.log.jsonl` is too long, and one that is taken.
    let long = folder.path().join("o".repeat(250));
    let taken = folder.path().join("out");
    fs::create_dir(folder.path().join("out.log.jsonl")).unwrap();
    for (out, told) in [(&long, "File name too long"), (&taken, "not a regular file")] {
        let run = |words: &[&str]| {
            common::tcolz().args(words).arg(out).args(["--source"]).arg(&photos).output().unwrap()
        };
        let converted = convert(&photos, out, &[]);
        assert_ends(&converted, 0, told);
        let summary = String::from_utf8(converted.stdout).unwrap();
        assert!(summary.contains("named in `tcolz plan SRC --json`"), "{summary}");
        let shard = out.join("val/00000.arrow");
        let mut bytes = fs::read(&shard).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&shard, bytes).unwrap();
        assert_ends(&run(&["repair"]), 0, told);
        assert_ends(&run(&["verify"]), 0, "");
    }
    let page = folder.path().join("page.html");
    let inspect = |out| common::tcolz().args(["inspect", "--html"]).args([&page, out]).output();
    assert_ends(&inspect(&long).unwrap(), 0, "");
}

#[test]
fn a_restart_removes_only_what_a_conversion_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    common::write(&out.join("unfinished/plan.json"), b"{}");
    common::write(&out.join("train/00000.arrow"), b"half");
    common::write(&out.join("train/notes.txt"), b"mine");
    assert_ends(&convert(&photos, &out, &["--restart"]), 1, "out/train: expected a new or empty");
    assert_eq!(fs::read(out.join("train/notes.txt")).unwrap(), b"mine");
    fs::remove_file(out.join("train/notes.txt")).unwrap();
    assert_ends(&convert(&photos, &out, &["--restart"]), 0, "");
    assert_ends(&common::tcolz().arg("verify").arg(&out).output().unwrap(), 0, "");
}

#[test]
fn truncated_photos_are_kept_or_quarantined_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    let whole = tcolz_demo::photo(1, 2, (320, 240)).unwrap();
    common::write(&photos.join("train/cat/cut.jpg"), &whole[..whole.len() / 2]);
    let cut = |out: &Path| {
        let dataset = Dataset::open(out).unwrap();
        let rows = dataset.ledger().unwrap();
        let row = rows.into_iter().find(|row| row.path.ends_with("cut.jpg")).unwrap();
        (row.status, row.reason.unwrap(), dataset.meta().recipe.refuse_truncated)
    };
    assert_ends(&convert(&photos, &out, &[]), 0, "");
    let (status, reason, refused) = cut(&out);
    assert_eq!((status, refused), (tcolz_format::sample::Status::Stored, false));
    assert!(reason.starts_with("truncated: "), "{reason}");
    let json = fs::read_to_string(out.join("dataset.json")).unwrap();
    assert!(!json.contains("refuse_truncated"), "as older versions write and read it");

    let strict = folder.path().join("strict");
    assert_ends(&convert(&photos, &strict, &["--refuse-truncated", "--max-bad", "20%"]), 0, "");
    let (status, reason, refused) = cut(&strict);
    assert_eq!((status, refused), (tcolz_format::sample::Status::Quarantined, true));
    assert!(reason.starts_with("truncated: ") && reason.contains("% of its rows"), "{reason}");
    assert_ends(&convert(&photos, &strict, &["--max-bad", "20%"]), 1, "by another recipe");
}

#[test]
fn a_url_is_refused_by_name_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    common::small_dump(&folder.path().join("photos"));
    let run =
        |words: &[&str]| common::tcolz().current_dir(folder.path()).args(words).output().unwrap();
    let before = common::tree(folder.path());
    for words in [
        &["convert", "photos", "s3://bucket/out"][..],
        &["convert", "gs://bucket/photos", "out"],
        &["convert", "photos", "out", "--list", "train=https://host/list.txt"],
        &["convert", "photos", "out", "--text-scores", "az://container/scores.tsv"],
        &["plan", "photos", "s3://bucket/out"],
        &["demo", "s3://bucket/demo"],
        &["inspect", "s3://bucket/out"],
        &["verify", "out", "--source", "file:///photos"],
    ] {
        let url = words.iter().find(|word| word.contains("://")).unwrap();
        let output = run(words);
        assert_ends(&output, 2, url);
        assert_ends(&output, 2, "a URL, expected a path of this machine");
        assert_eq!(common::tree(folder.path()), before, "{words:?}");
    }
    // A folder may be called so.
    assert_ends(&run(&["convert", "photos", "./s3:/bucket", "--size", "16"]), 0, "");
    assert_ends(&run(&["verify", "./s3:/bucket"]), 0, "");
}

#[test]
fn a_second_tcolz_on_the_same_out_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    fs::create_dir(&out).unwrap();
    let lock = fs::File::open(&out).unwrap();
    lock.try_lock().unwrap();
    for more in [&[][..], &["--restart"]] {
        assert_ends(&convert(&photos, &out, more), 1, "another tcolz is writing here");
    }
    assert_eq!(common::tree(&out).len(), 0);
    lock.unlock().unwrap();
    assert_ends(&convert(&photos, &out, &[]), 0, "");
}

#[test]
fn verify_of_a_damaged_dataset_gives_1_and_names_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    common::small_dump(&photos);
    assert_ends(&convert(&photos, &out, &["--codec", "raw"]), 0, "");
    let verify = || common::tcolz().arg("verify").arg(&out).output().unwrap();
    assert_ends(&verify(), 0, "");
    let path = out.join("val/00000.arrow");
    let mut bytes = fs::read(&path).unwrap();
    let id = b"val/cat/photo-8.png";
    let at = bytes.windows(id.len()).position(|window| window == id).unwrap();
    bytes[at] ^= 0x80;
    fs::write(&path, bytes).unwrap();
    let damaged = verify();
    assert_ends(&damaged, 1, "");
    let said = String::from_utf8_lossy(&damaged.stdout);
    assert!(said.contains("val/00000.arrow, row 1, sample `val/cat/photo-8.png`"), "{said}");
}
