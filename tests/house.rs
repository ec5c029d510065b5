//! Promise: arrows between crates point down; each third-party crate has one home; who reads batches builds little.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The crates from the bottom to the top: each may use those before it.
const ORDER: [&str; 16] = [
    "base", "pixels", "format", "device", "loader", "photo", "convert", "charts", "inspect", "nn",
    "predict", "train", "study", "demo", "serve", "cli",
];

/// Arrows that would point down and are not wanted all the same: who, and what it must not need.
const APART: [(&str, &[&str]); 6] = [
    ("device", &["base", "pixels", "format"]),
    ("photo", &["base", "format", "loader"]),
    ("nn", &["format", "loader", "photo", "convert", "charts"]),
    ("predict", &["format", "loader", "convert", "charts"]),
    ("train", &["photo", "convert", "inspect"]),
    ("serve", &["loader", "convert", "charts", "inspect", "train"]),
];

/// Third-party crates that are no stage's own: values, errors, threads, hashes. All others have one home.
const SHARED: [&str; 9] = [
    "base64",
    "blake3",
    "libc",
    "rayon",
    "serde",
    "serde_json",
    "tempfile",
    "thiserror",
    "candle-core",
];

/// Homes of crates that are used in two places on purpose: each reads a format in one and writes it in the other, or
/// holds the same numbers.
const TWO_HOMES: [(&str, [&str; 2]); 9] = [
    ("askama", ["inspect", "study"]),
    ("csv", ["convert", "study"]),
    ("gif", ["photo", "pixels"]),
    ("half", ["nn", "pixels"]),
    ("image", ["photo", "pixels"]),
    ("jpeg-encoder", ["demo", "pixels"]),
    ("memmap2", ["format", "serve"]),
    ("png", ["photo", "pixels"]),
    ("safetensors", ["nn", "train"]),
];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Normal dependencies of each crate of ours: without those of tests and builds.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), of(package)))
        .collect()
}

#[test]
fn every_arrow_between_crates_points_down() {
    let all = dependencies();
    assert_eq!(all.len(), ORDER.len() + 1, "a crate has no place in ORDER: {:?}", all.keys());
    for (place, name) in ORDER.iter().enumerate() {
        let used = &all[&format!("tcolz-{name}")];
        for above in &ORDER[place..] {
            assert!(
                !used.contains(&format!("tcolz-{above}")),
                "{name} uses {above}, which stands above it"
            );
        }
    }
    for (name, unwanted) in APART {
        for other in unwanted {
            assert!(
                !all[&format!("tcolz-{name}")].contains(&format!("tcolz-{other}")),
                "{name} must not need {other}"
            );
        }
    }
}

#[test]
fn every_third_party_crate_has_one_home() {
    let mut homes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let all = dependencies();
    for (name, used) in &all {
        let ours = name.strip_prefix("tcolz-").unwrap_or("the facade");
        for other in used.iter().filter(|other| !other.starts_with("tcolz-")) {
            homes.entry(other.clone()).or_default().insert(ours);
        }
    }
    let two: BTreeMap<&str, BTreeSet<&str>> =
        TWO_HOMES.iter().map(|(name, homes)| (*name, homes.iter().copied().collect())).collect();
    for (name, found) in &homes {
        if SHARED.contains(&name.as_str()) {
            continue;
        }
        match two.get(name.as_str()) {
            Some(expected) => assert_eq!(found, expected, "{name}"),
            None => assert_eq!(found.len(), 1, "{name} lives in {found:?}"),
        }
    }
    for name in ["anyhow", "clap", "clap_complete", "ctrlc", "indicatif"] {
        assert_eq!(homes[name], BTreeSet::from(["cli"]), "{name}");
    }
}

/// Names of the packages that a program of these features builds, this one and those for the build included.
fn packages(features: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "-p",
        "tcolz",
        "--no-default-features",
        "--features",
        features,
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    tree.lines().filter_map(|line| line.split(" (").next()).map(str::to_owned).collect()
}

#[test]
fn a_program_that_reads_batches_builds_little() {
    let built = packages("loader");
    assert!(built.len() <= 100, "{} packages: {built:?}", built.len());
    let named: BTreeSet<&str> =
        built.iter().filter_map(|package| package.split(' ').next()).collect();
    for not in [
        "clap",
        "ctrlc",
        "indicatif",
        "anyhow",
        "plotters",
        "axum",
        "turbojpeg-sys",
        "image",
        "tokio",
    ] {
        assert!(!named.contains(not), "{not} is built for one who reads batches");
    }
    // Whatever compiles C does so for zstd's and BLAKE3's sake.
    let c: BTreeSet<&str> = named.iter().copied().filter(|name| name.ends_with("-sys")).collect();
    assert_eq!(c, BTreeSet::from(["linux-raw-sys", "zstd-sys"]));
    // The same for tensors of Candle on the CPU: no C of its own.
    let candle = packages("candle");
    assert!(
        !candle
            .iter()
            .any(|package| package.starts_with("turbojpeg") || package.starts_with("clap"))
    );
}
