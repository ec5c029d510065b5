//! Promise: where the system limits a process's memory, a command is done or says what it needs; it never breaks off.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(target_os = "linux")]

use crate::training;

use std::process::Command;

use tcolz_format::dataset::Dataset;

/// `tcolz` with so many kB of address space.
fn limited(kilobytes: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -c 0; ulimit -v {kilobytes}; exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_tcolz")).args(arguments);
    let ended = command.output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn done_or_said(dataset: &Dataset, kilobytes: u64, out: &str) -> [bool; 2] {
    let root = dataset.root().to_str().unwrap();
    let train = [
        "train",
        root,
        "--model",
        "mobilenet-v2",
        "--finetune",
        "head",
        "--epochs",
        "1",
        "--device",
        "cpu",
        "--out",
        out,
        "--restart",
    ];
    let bench = ["bench", root, "--split", "train", "--seconds", "0.05"];
    [&train[..], &bench[..]].map(|arguments| {
        let (code, said) = limited(kilobytes, arguments);
        let command = arguments[0];
        assert!(matches!(code, Some(0 | 1)), "{command}, {kilobytes} kB: {code:?} {said}");
        assert!(!said.contains("panicked"), "{command}, {kilobytes} kB: {said}");
        code == Some(0)
    })
}

#[test]
fn a_command_with_little_address_space_is_done_or_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("run");
    let out = out.to_str().unwrap();
    assert_eq!(done_or_said(&dataset, 300_000, out), [false; 2]);
    assert_eq!(done_or_said(&dataset, 16_000_000, out), [true; 2]);
    let root = dataset.root().to_str().unwrap();
    let (_, said) = limited(300_000, &["bench", root, "--split", "train"]);
    assert!(said.contains("ulimit -v") && said.contains("--batch-size"), "{said}");
}

#[test]
#[ignore = "long"]
fn long_a_command_with_any_address_space_is_done_or_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let out = folder.path().join("run");
    for kilobytes in (120_000..2_000_000).step_by(40_000) {
        done_or_said(&dataset, kilobytes, out.to_str().unwrap());
    }
}
