//! Promises: what the machine lacks (memory, threads, open files) ends a conversion with a sentence, is never held against a
//! photo, and once it is there the same command goes on to the same bytes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Sides of the large photos in pixels: decoding one takes 108 MB.
const SIDE: u16 = 6000;

/// A progressive JPEG whose header says that it is so large. Its data end early, which is no fault.
fn large_photo() -> Vec<u8> {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode/progressive-420.jpg");
    let mut bytes = fs::read(fixture).unwrap();
    let frame = bytes.windows(2).position(|two| two == [0xFF, 0xC2]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&SIDE.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&SIDE.to_be_bytes());
    bytes
}

fn dump(folder: &Path) {
    for number in 0..6 {
        let class = ["cat", "dog"][number % 2];
        let path = folder.join(format!("photos/{class}/{number}.jpg"));
        let bytes =
            if number % 3 == 2 { large_photo() } else { common::photo(number as u32, 80, 60) };
        common::write(&path, &bytes);
    }
}

/// Runs `tcolz convert` under limits of the shell.
fn convert(folder: &Path, limits: &str, threads: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_tcolz")).arg("convert");
    command.args([folder.join("photos"), folder.join("out")]);
    command.args(["--size", "32", "--threads", threads, "--max-bad", "100%"]);
    command.output().unwrap()
}

/// Whether the program came to its first line; before that, the system and Rust's runtime say what they lack.
fn is_started(ended: &Output) -> bool {
    let said = String::from_utf8_lossy(&ended.stderr);
    let before = ["error while loading shared libraries", "initialization or cleanup bug"];
    !(before.iter().any(|words| said.contains(words))
        || said.is_empty() && ended.status.code().is_none())
}

#[test]
fn a_program_that_gets_no_memory_from_its_first_line_on_says_so() {
    let version = |kilobytes: u32| {
        let line = format!("ulimit -v {kilobytes}; exec \"$0\" --version");
        let mut command = Command::new("sh");
        command
            .args(["-c", &line])
            .arg(env!("CARGO_BIN_EXE_tcolz"))
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap()
    };
    let (mut few, mut enough) = (1_000, 4_000_000);
    while enough - few > 4 {
        let between = (few + enough) / 2;
        *if version(between).status.success() { &mut enough } else { &mut few } = between;
    }
    let mut said_so = 0;
    for kilobytes in (enough.saturating_sub(300)..enough - 4).step_by(4) {
        let ended = version(kilobytes);
        if is_started(&ended) && !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.code() == Some(1), "{kilobytes} kB: {said}");
            assert!(said.contains("error: out of memory"), "{kilobytes} kB: {said}");
            said_so += 1;
        }
    }
    assert!(said_so > 0, "no shortage below {enough} kB");
}

#[test]
fn too_little_memory_is_no_photos_fault_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    let out = folder.path().join("out");
    assert!(convert(folder.path(), "", "2").status.success());
    let expected = common::tree(&out);
    let mut short = 0;
    for megabytes in (40..60).step_by(3).chain((100..=500).step_by(40)) {
        for threads in ["1", "2", "64"] {
            let _ = fs::remove_dir_all(&out);
            let limits = format!("ulimit -v {}; ", megabytes * 1000);
            let ended = convert(folder.path(), &limits, threads);
            let said = String::from_utf8_lossy(&ended.stderr);
            let case = format!("{megabytes} MB, {threads} threads: {said}");
            if ended.status.success() {
                assert!(common::tree(&out) == expected, "{case}");
                continue;
            }
            short += 1;
            if is_started(&ended) {
                // Where several threads run out at once, the C library may end them first.
                let code = ended.status.code();
                assert!(code == Some(1) || said.contains("Fatal glibc error"), "{case}");
                assert!(
                    ["memory", "threads could be started", "Ctrl-C cannot be watched for"]
                        .iter()
                        .any(|word| said.contains(word)),
                    "{case}"
                );
            }
            assert!(convert(folder.path(), "", "2").status.success(), "resumed after {case}");
            assert!(common::tree(&out) == expected, "resumed after {case}");
        }
    }
    assert!(short > 3, "{short} shortages");
}

#[test]
fn too_few_open_files_are_said_and_the_source_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path());
    for files in 4..50 {
        let ended = convert(folder.path(), &format!("ulimit -n {files}; "), "2");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{files}: {said}");
        assert!(!is_started(&ended) || said.contains("ulimit -n"), "{files}: {said}");
    }
    assert!(convert(folder.path(), "ulimit -n 64; ", "2").status.success());
}
