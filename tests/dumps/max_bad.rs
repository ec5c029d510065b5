//! Promise: `--max-bad` is looked at once everything good is stored; it changes the exit code and no byte.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tcolz_convert::ConvertError;
use tcolz_format::dataset::{Dataset, verify};

/// A dump of one list: so many good photos, and so many that are missing.
fn dump_with(folder: &Path, good: usize, missing: usize) -> PathBuf {
    let dump = folder.join(format!("dump-{missing}"));
    let mut list = String::new();
    for number in 0..good {
        let name = dump.join(format!("data/{number}.png"));
        fs::create_dir_all(dump.join("data")).unwrap();
        fs::write(name, common::photo(1, 9, 9)).unwrap();
        list += &format!("data/{number}.png 1\n");
    }
    // The bad ones come first and last: the good ones between them are stored all the same.
    let gone = |number: usize| format!("data/{}-{number}.png 0\n", ["!", "~"][number % 2]);
    list.extend((0..missing).map(gone));
    common::write(&dump.join("b-t4sa_train.txt"), list.as_bytes());
    dump
}

#[test]
fn more_bad_inputs_than_max_bad_are_exit_code_3_once_everything_good_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    // At 29 % of 100 and 0.7 % of 1000 the product of the shares is no whole number in binary.
    for (listed, bad, at, below) in [
        (40, 2, "5%", "4.99%"),
        (100, 29, "29", "28.9"),
        (100, 57, "57%", "56%"),
        (1000, 7, "0.7%", "0.69%"),
        (10, 10, "100%", "99.9%"),
    ] {
        let dump = dump_with(folder.path(), listed - bad, bad);
        let code = |out: &str, max_bad: &str| {
            let mut command = common::tcolz();
            command.arg("convert").arg(&dump).arg(folder.path().join(format!("{out}-{bad}")));
            let output = command.args(["--size", "8", "--max-bad", max_bad]).output().unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (status, said) = code("at", at);
        assert_eq!(status, Some(0), "{bad} of {listed} at {at}: {said}");
        let (status, said) = code("below", below);
        assert_eq!(status, Some(3), "{bad} of {listed} at {below}: {said}");
        assert!(said.contains(&format!("{bad} of ")) && said.contains("--max-bad"), "{said}");
        assert!(said.contains("everything good is stored"), "{said}");
        let out = |name: &str| folder.path().join(format!("{name}-{bad}"));
        let dataset = Dataset::open(out("below")).unwrap();
        assert_eq!(dataset.meta().counts.stored, (listed - bad) as u64);
        assert_eq!(verify(dataset.root(), &|_| ()).unwrap().faults, []);
        assert!(
            common::tree(&out("below")) == common::tree(&out("at")),
            "the limit changes no byte"
        );
        // Of a dataset that is finished it says the same.
        assert_eq!(code("below", below).0, Some(3));
        assert_eq!(code("below", at).0, Some(0));
    }
}

#[test]
fn bad_inputs_of_the_runs_before_count_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let dump = dump_with(folder.path(), 6, 4);
    let out = folder.path().join("out");
    // The missing ones come first; a request to stop is heard after the first of them.
    let options = common::options(&dump, &out, &[8]);
    let error = tcolz_convert::convert(&options, &AtomicBool::new(true), &mut ()).unwrap_err();
    assert!(matches!(error, ConvertError::Interrupted { done: 1, .. }), "{error}");
    for (max_bad, code) in [("39%", 3), ("40%", 0)] {
        let mut command = common::tcolz();
        command.arg("convert").arg(&dump).arg(&out).args(["--size", "8", "--max-bad", max_bad]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{max_bad}: {said}");
    }
}
