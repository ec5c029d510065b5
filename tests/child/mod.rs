//! The test program once more, as a child that may be killed, robbed or limited.
//!
//! A test file that uses this has one test that does the work of children (`CHILD`); in the test program itself it has no role and
//! does nothing.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::process::{Command, Output};

use serde_json::{Value, json};
use tcolz_format::dataset::Dataset;

/// What a child is to do, as JSON.
const ROLE: &str = "TCOLZ_TEST_ROLE";

/// This test program once more, as a child with a role: runs one test of it, `concat!(module_path!(), "::what_a_child_does")`.
pub(crate) fn child(test: &str, dataset: &Dataset, role: &str, more: &Value) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // `kills::loader` is how the test program calls itself; its tests are named without it.
    let test = test.split_once("::").map_or(test, |(_, test)| test);
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]);
    let mut told = json!({ "role": role, "dataset": dataset.root() });
    told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    command.env(ROLE, told.to_string()).env_remove("RUST_BACKTRACE");
    command
}

/// All that it printed.
pub(crate) fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Runs it to its end, which must be a good one; all that it printed.
pub(crate) fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{:?}: {}", output.status, said(&output));
    said(&output)
}

/// What this process is to do as a child; `None` in the test program itself.
pub(crate) fn role() -> Option<(Dataset, Value)> {
    let told: Value = serde_json::from_str(std::env::var_os(ROLE)?.to_str().unwrap()).unwrap();
    Some((Dataset::open(told["dataset"].as_str().unwrap()).unwrap(), told))
}
