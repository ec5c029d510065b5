//! Where tests find what is not part of the project. What is missing is said, and with `CI=true` it is a
//! failure: a test that skips itself must not look like one that passed.

#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::env;
use std::path::{Path, PathBuf};

/// The Python of the interoperability tests, which `make test` sets up.
pub(crate) fn python() -> Option<PathBuf> {
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = env::var_os("TCOLZ_PYTHON").map_or(local, PathBuf::from);
    found(python, "the Python environment (made by `make test`)")
}

/// The Twitter Testing Dataset.
pub(crate) fn ttd() -> Option<PathBuf> {
    let shared = env::var_os("TCOLZ_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join(shared);
    found(shared.join("ttd"), "the Twitter Testing Dataset (in the folder TCOLZ_SHARED)")
}

fn found(path: PathBuf, what: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{what} is missing: {}",
        path.display()
    );
    println!("skipped: {what} is missing: {}", path.display());
    None
}
