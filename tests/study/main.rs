//! Promises of `tcolz study`: killed anywhere it goes on and ends with the same tables, a changed file keeps what stays
//! the same, a job that fails stops no other, and what makes no sense is refused before the first job.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../training/mod.rs"]
mod training;

mod costs;
mod faults;
mod kills;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tcolz_study::StudySpec;

/// Two networks, one with two seeds, a share of the data, folds, an upper limit: every kind of job.
const STUDY: &str = r#"
title = "Colours"
[datasets]
colours.path = "dataset"
[training]
dataset = "colours"
where = "label >= 0"
epochs = 1
batch-size = 8
lr = 0.01
[[models]]
name = "small"
network = "mobilenet-v1"
seeds = [0, 1]
[[models]]
name = "head"
network = "mobilenet-v2"
finetune = "head"
[[benchmarks]]
name = "test"
dataset = "colours"
[[cross-validations]]
name = "folds"
dataset = "colours"
split = "train"
where = "label >= 0"
folds = 2
models = ["head"]
[[learning-curves]]
model = "head"
benchmark = "test"
percents = [50, 100]
[[upper-limits]]
model = "head"
test-percent = 25
benchmark = "test"
[labels]
datasets = ["colours"]
"#;

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new(study: &str) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        training::dataset(folder.path());
        fs::write(folder.path().join("study.toml"), study).unwrap();
        Folder { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, out: &str) -> Command {
        let mut command = common::tcolz();
        command.arg("study").arg(self.path("study.toml")).arg("--out").arg(self.path(out));
        command.args(["--device", "cpu", "--threads", "2"]);
        command
    }

    #[track_caller]
    fn ends(&self, out: &str, more: &[&str], code: i32) -> String {
        let output = self.command(out).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        said(&output)
    }

    /// How many jobs are done, of how many.
    fn done(&self, out: &str) -> (usize, usize) {
        let output = self.command(out).args(["--list", "--json"]).output().unwrap();
        let jobs: Value = serde_json::from_slice(&output.stdout).unwrap();
        let jobs = jobs.as_array().unwrap();
        (jobs.iter().filter(|job| job["done"] == true).count(), jobs.len())
    }

    /// What is the same however often a study was stopped: predictions, scores, learning, tables but for times.
    fn results(&self, out: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for (name, bytes) in common::tree(&self.path(out)) {
            let kept = name.ends_with("evaluation.json")
                || name.ends_with("predictions.parquet")
                || name.ends_with("labels.json")
                || name.ends_with("best.safetensors")
                || name.ends_with("log.csv")
                || (name.starts_with("tables/") && !is_of_times(&name))
                || name.starts_with("lists/");
            if kept {
                // The document names the folder that it was made in.
                let own = self.path(out).display().to_string();
                let text = String::from_utf8(bytes.clone()).map(|text| text.replace(&own, "OUT"));
                found.insert(name, text.map_or(bytes, String::into_bytes));
            }
        }
        found
    }
}

/// Tables of times, loads and sizes of processes, which no two runs share.
fn is_of_times(table: &str) -> bool {
    ["training", "inference", "choice"].iter().any(|word| table.contains(word))
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

#[test]
fn a_changed_file_keeps_what_stays_the_same_and_a_second_run_does_nothing() {
    let study = STUDY.split("[[cross-validations]]").next().unwrap();
    let folder = Folder::new(study);
    folder.ends("out", &[], 0);
    let before = common::tree(&folder.path("out"));
    folder.ends("out", &[], 0);
    assert_eq!(common::tree(&folder.path("out")), before, "the second time nothing changes");
    let (_, all) = folder.done("out");
    let renamed = study.replace("\"small\"", "\"tiny\"").replace("[0, 1]", "[0, 1, 2]");
    fs::write(folder.path("study.toml"), renamed).unwrap();
    assert_eq!(folder.done("out"), (all, all + 2), "a seed more: to be trained and evaluated");
    let text = folder.ends("out", &[], 0);
    assert!(text.contains(&format!("{0} of {0} done, {all} of them before", all + 2)), "{text}");
}

#[test]
fn a_job_that_fails_is_named_and_the_others_go_on() {
    let study = STUDY.split("[[cross-validations]]").next().unwrap();
    // So large a rate can only be known to be wrong once it was tried.
    let folder =
        Folder::new(&study.replace("finetune = \"head\"", "finetune = \"head\"\nlr = 1e30"));
    let text = folder.ends("out", &[], 1);
    assert!(text.contains("train head on colours, seed 0"), "{text}");
    assert!(text.contains("has diverged"), "{text}");
    let (done, all) = folder.done("out");
    assert_eq!(
        all - done,
        2,
        "its training and its evaluation; what it costs does not depend on them"
    );
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    assert!(report.contains("failed"), "{report}");
}

#[test]
fn the_studies_of_the_repository_are_read() {
    for name in ["study-small.toml", "study-b-t4sa.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let spec = StudySpec::read(&path).unwrap();
        assert!(spec.models.len() >= 4, "{name}");
    }
}

#[test]
fn a_document_a_list_or_a_model_that_is_damaged_is_made_again_with_a_word() {
    let folder = Folder::new(STUDY);
    folder.ends("out", &[], 0);
    let expected = folder.results("out");
    let find = |part: &str| {
        let files = common::tree(&folder.path("out")).into_keys();
        files.filter(|file| file.contains(part)).collect::<Vec<_>>()
    };
    let damage = |file: &String| {
        let path = folder.path("out").join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1 << (file.len() % 8);
        fs::write(path, bytes).unwrap();
    };
    // One file of each of several jobs.
    let documents = ["evaluation.json", "train.json", "cost.json", "labels.json"];
    let mut damaged = documents.map(|part| find(part).remove(0)).to_vec();
    damaged.extend(find("predictions.parquet").pop());
    damaged.iter().for_each(damage);
    let is_hit =
        |file: &String| damaged.iter().any(|hit| file.contains(hit.split('/').nth(1).unwrap()));
    let job = find("job.json").into_iter().find(|file| !is_hit(file)).unwrap();
    let path = folder.path("out").join(&job);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replacen("\"seconds\": ", "\"seconds\": 9", 1)).unwrap();
    damaged.push(job);
    find("lists/").iter().filter(|file| file.ends_with("test.txt")).for_each(damage);
    let said = folder.ends("out", &[], 0);
    for file in &damaged {
        assert!(said.contains(file), "{file}: {said}");
    }
    assert!(said.contains("is done again"), "{said}");
    assert!(folder.results("out") == expected);

    // A model that an open evaluation needs.
    let evaluation = find("evaluation.json").remove(0);
    let job = folder.path("out").join(&evaluation).with_file_name("job.json");
    fs::remove_file(job).unwrap();
    find("best.safetensors").iter().for_each(damage);
    let said = folder.ends("out", &[], 0);
    assert!(said.contains("damaged") && said.contains("is done again"), "{said}");
    assert!(folder.results("out").contains_key(&evaluation));
    assert!(folder.results("out")[&evaluation] == expected[&evaluation]);
}

#[test]
fn what_cannot_be_read_or_a_later_version_wrote_is_an_error_and_no_job_is_forgotten() {
    use std::os::unix::fs::symlink;
    let start = STUDY.split("[[models]]").next().unwrap();
    let folder = Folder::new(&format!(
        "{start}[[models]]\nname = \"head\"\nnetwork = \"mobilenet-v2\"\nfinetune = \"head\"\n\
         [[benchmarks]]\nname = \"test\"\ndataset = \"colours\"\n"
    ));
    folder.ends("out", &[], 0);
    let files = common::tree(&folder.path("out")).into_keys().collect::<Vec<_>>();
    let find = |part: &str| {
        let file = files.iter().find(|file| file.contains(part) && file.ends_with(".json"));
        folder.path("out").join(file.unwrap()).with_file_name("job.json")
    };
    let refused = |path: &Path, job: &Path, harm: &dyn Fn(&[u8])| {
        let (written, before) = (fs::read(path).unwrap(), fs::read(job).unwrap());
        fs::remove_file(path).unwrap();
        harm(&written);
        let said = folder.ends("out", &[], 1);
        assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
        assert!(!said.contains("is done again"), "{said}");
        assert!(path.symlink_metadata().is_ok(), "it was deleted");
        fs::remove_file(path).unwrap();
        fs::write(path, written).unwrap();
        assert!(fs::read(job).unwrap() == before);
    };
    let later = |path: &Path, written: &[u8], [from, to]: [&[u8]; 2]| {
        let at = written.windows(from.len()).position(|found| found == from).unwrap();
        fs::write(path, [&written[..at], to, &written[at + from.len()..]].concat()).unwrap();
    };
    let train = find("train.json");
    refused(&train, &train, &|_| symlink("job.json", &train).unwrap());
    refused(&train, &train, &|text| later(&train, text, [b"job-v2", b"job-v9"]));
    // A model that an open evaluation needs.
    fs::remove_file(find("evaluation.json")).unwrap();
    let model = files.iter().find(|file| file.ends_with("best.safetensors")).unwrap();
    let model = folder.path("out").join(model);
    refused(&model, &train, &|_| symlink("best.safetensors", &model).unwrap());
    refused(&model, &train, &|file| later(&model, file, [b"model-v1", b"model-v9"]));
    let said = folder.ends("out", &[], 0);
    assert!(!said.contains("is done again"), "{said}");
}
