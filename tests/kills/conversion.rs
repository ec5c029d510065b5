//! Promise: kill a conversion at any moment, and the same command goes on where it was; the result is
//! byte for byte that of an undisturbed run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tcolz_convert::ConvertError;
use tcolz_format::dataset::{Dataset, DatasetError};

const KILLS: u64 = 100;
const LONG_KILLS: u64 = 900;

/// One photo under many names, and a few that are bad: enough work for a kill to arrive in the middle.
fn dump(folder: &Path) {
    let photos = folder.join("photos");
    let (good, bad) = common::tiny_and_bad(folder);
    for number in 0..240 {
        let class = ["cat", "dog"][number % 2];
        let split = if number < 180 { "train" } else { "val" };
        let link = photos.join(format!("{split}/{class}/{number:03}.jpg"));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::hard_link(if number % 41 == 40 { &bad } else { &good }, link).unwrap();
    }
}

fn command(folder: &Path, out: &Path) -> Command {
    let mut command = common::tcolz();
    command.arg("convert").arg(folder.join("photos")).arg(out);
    command.args([
        "--size",
        "64",
        "--codec",
        "raw",
        "--shard-mb",
        "0.1",
        "--max-bad",
        "10%",
        "--threads",
        "2",
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finished_shards(out: &Path) -> usize {
    let parts = fs::read_dir(out.join("unfinished"));
    let names = parts.into_iter().flatten().flatten().map(|entry| entry.path());
    names.filter(|path| path.extension().is_some_and(|end| end == "parquet")).count()
}

#[test]
fn a_hundred_kills_at_random_moments_change_no_byte() {
    kills_change_no_byte(KILLS);
}

#[test]
#[ignore = "long"]
fn long_nine_hundred_kills_change_no_byte() {
    kills_change_no_byte(LONG_KILLS);
}

fn kills_change_no_byte(all: u64) {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    let expected = folder.path().join("expected");
    let begun = Instant::now();
    assert!(command(folder.path(), &expected).status().unwrap().success());
    let undisturbed = begun.elapsed();
    let expected = common::tree(&expected);
    assert!(expected.keys().filter(|name| name.ends_with(".arrow")).count() >= 8, "many shards");

    let (mut kills, mut with_shards, mut in_resume) = (0, 0, 0);
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0.. {
        let out = folder.path().join(format!("out-{round}"));
        loop {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let resumes = finished_shards(&out) > 0;
            let mut child = command(folder.path(), &out).spawn().unwrap();
            sleep(undisturbed.mul_f64((random % 1000) as f64 / 1100.0));
            let ended = child.try_wait().unwrap();
            if ended.is_none() && kills < all {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                with_shards += u64::from(finished_shards(&out) > 0);
                in_resume += u64::from(resumes);
                continue;
            }
            let ended = child.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            break;
        }
        assert!(common::tree(&out) == expected, "after {kills} kills, round {round}");
        if kills >= all {
            break;
        }
    }
    assert!(with_shards >= all / 4, "{with_shards} of {kills} kills came after a whole shard");
    assert!(in_resume >= all / 10, "{in_resume} of {kills} kills came in a run that resumed");
    println!("{kills} kills: {with_shards} after a whole shard, {in_resume} in a run that resumed");
}

#[test]
fn what_a_kill_between_two_files_leaves_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    let expected = folder.path().join("expected");
    assert!(command(folder.path(), &expected).status().unwrap().success());
    let expected = common::tree(&expected);
    let journal = |out: &Path, name: &str| out.join("unfinished").join(name);
    // What lies on the disk after a kill: a shard without its part, a part without its last file,
    // a damaged part, a shard that lost its end, temporary files.
    let damages: [&dyn Fn(&Path); 5] = [
        &|out| fs::remove_file(journal(out, "000001.parquet")).unwrap(),
        &|out| fs::remove_file(journal(out, "000000.json")).unwrap(),
        &|out| fs::write(journal(out, "000001.parquet"), b"PAR1").unwrap(),
        &|out| fs::write(out.join("train/00000.arrow"), b"ARROW1").unwrap(),
        &|out| fs::write(out.join("train/.tcolz-unfinished-x"), b"half").unwrap(),
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let out = folder.path().join(format!("out-{index}"));
        let mut child = begin(folder.path(), &out, 2);
        child.kill().unwrap();
        child.wait().unwrap();
        damage(&out);
        assert!(command(folder.path(), &out).status().unwrap().success());
        assert!(common::tree(&out) == expected, "damage {index}");
    }
}

/// Starts a conversion and waits until `shards` of its shards are complete.
fn begin(folder: &Path, out: &Path, shards: usize) -> Child {
    let child = command(folder, out).spawn().unwrap();
    let begun = Instant::now();
    while finished_shards(out) < shards {
        assert!(begun.elapsed() < Duration::from_secs(60), "the conversion goes on");
        sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn ctrl_c_finishes_the_shard_in_hand_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    let expected = folder.path().join("expected");
    assert!(command(folder.path(), &expected).status().unwrap().success());
    for signal in ["-INT", "-TERM"] {
        let out = folder.path().join(format!("out{signal}"));
        let child = begin(folder.path(), &out, 1);
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(said.contains("the same command goes on from there"), "{said}");
        let error = Dataset::open(&out).unwrap_err();
        assert!(matches!(error, DatasetError::Unfinished { .. }), "{error}");
        let nothing_half = common::tree(&out);
        assert!(!nothing_half.keys().any(|name| name.contains(".tcolz-unfinished-")));
        assert!(command(folder.path(), &out).status().unwrap().success());
        assert!(common::tree(&out) == common::tree(&expected), "after {signal}");
    }
}

#[test]
fn another_plan_cannot_go_on_with_an_unfinished_conversion_and_restart_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    let out = folder.path().join("out");
    let mut child = begin(folder.path(), &out, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = |more: &[&str]| {
        let output = command(folder.path(), &out).args(more).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = said(&["--filter", "nearest"]);
    assert!(code == Some(1) && text.contains("begun with another recipe"), "{text}");
    let plan = out.join("unfinished/plan.json");
    let original = fs::read_to_string(&plan).unwrap();
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    fs::write(&plan, original.replace(&version, "\"0.0.9\"")).unwrap();
    let (code, text) = said(&[]);
    assert!(code == Some(1) && text.contains("begun by tcolz 0.0.9"), "{text}");
    fs::write(&plan, original).unwrap();
    fs::write(folder.path().join("photos/train/cat/new.jpg"), b"").unwrap();
    let (code, text) = said(&[]);
    assert!(code == Some(1) && text.contains("lists or files are not those"), "{text}");
    assert!(text.contains("--restart"), "{text}");
    let (code, text) = said(&["--restart"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_request_to_stop_is_heard_where_no_photo_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for number in 0..20 {
        common::write(&photos.join(format!("one/{number:02}.jpg")), b"no photo");
    }
    let converted = |out: &Path, stop: bool| {
        let options = common::options(&photos, out, &[16]);
        tcolz_convert::convert(&options, &AtomicBool::new(stop), &mut ()).map_err(Box::new)
    };
    let (out, expected) = (folder.path().join("out"), folder.path().join("expected"));
    converted(&expected, false).unwrap();
    let error = converted(&out, true).unwrap_err();
    assert!(matches!(*error, ConvertError::Interrupted { done: 1, listed: 20, .. }), "{error}");
    let summary = converted(&out, false).unwrap();
    assert_eq!((summary.resumed, summary.dataset.meta().counts.quarantined), (1, 20));
    assert!(common::tree(&out) == common::tree(&expected));
}
