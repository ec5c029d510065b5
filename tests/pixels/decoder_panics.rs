//! A decoder that panics costs its file and nothing else: no word of it reaches the screen, and the log names the file.
//!
//! Debug builds let decoders panic on request (crates/photo/src/guard.rs); no file is known that does it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(debug_assertions)]

use crate::common;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;

/// A photo for each decoder that is not ours and written in Rust, and one for each other.
const PANICKING: [&str; 3] = ["rgb.png", "plain.gif", "lossy-75.webp"];
const OTHERS: [&str; 2] = ["baseline-420.jpg", "rgb.bmp"];

#[test]
fn a_panicking_decoder_costs_its_files_and_the_log_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode");
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    for name in PANICKING.iter().chain(&OTHERS) {
        let bytes = fs::read(fixtures.join(name)).unwrap();
        common::write(&photos.join("cat").join(name), &bytes);
    }
    let output = common::tcolz()
        .args(["convert", "--max-bad", "100%", "--size", "16"])
        .args([&photos, &out])
        .env("TCOLZ_TEST_DECODER_PANICS", "png,gif,webp")
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for word in ["panic", "RUST_BACKTRACE", "src/"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
    assert!(said.contains("decoder-failed"), "the summary counts them: {said}");

    let rows = Dataset::open(&out).unwrap().ledger().unwrap();
    let log = fs::read_to_string(folder.path().join("out.log.jsonl")).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in PANICKING {
        let row = rows.iter().find(|row| row.path.ends_with(name)).unwrap();
        assert_eq!((row.status, row.reason_code()), (Status::Quarantined, Some("decoder-failed")));
        assert!(!row.reason.as_ref().unwrap().contains("panic"), "{:?}", row.reason);
        let event = events.iter().find(|event| event["sample_id"] == row.sample_id).unwrap();
        let bytes = fs::read(fixtures.join(name)).unwrap();
        assert_eq!(event["event"], "decoder-failed");
        assert_eq!(event["blake3"], blake3::hash(&bytes).to_string());
        assert_eq!(event["bytes"], bytes.len());
    }
    assert_eq!(rows.iter().filter(|row| row.status == Status::Stored).count(), OTHERS.len());
}
