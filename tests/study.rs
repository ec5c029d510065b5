//! Promises of `tcolz study`: killed anywhere it goes on and ends with the same tables, a changed file keeps what stays
//! the same, a job that fails stops no other, and what makes no sense is refused with what to do.

#![cfg(all(feature = "train", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;
mod training;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tcolz::study::StudySpec;

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

/// Processes whose parent is `parent`.
fn children(parent: u32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_child = |entry: &fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)? == parent.to_string()).then_some(())?;
        entry.file_name().to_str()?.parse().ok()
    };
    processes.filter_map(|entry| is_child(&entry)).collect()
}

fn kill(pid: i32, signal: Signal) {
    // It may have ended by now.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// Waits for what must come.
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not come");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_study_killed_anywhere_ends_with_the_same_tables() {
    let folder = Folder::new(STUDY);
    let text = folder.ends("whole", &[], 0);
    let (done, all) = folder.done("whole");
    assert_eq!(done, all);
    assert!(text.contains(&format!("{all} of {all} done")), "{text}");
    let expected = folder.results("whole");
    assert!(expected.keys().any(|name| name.starts_with("tables/")), "{:?}", expected.keys());
    // Killed again and again, each time a little later: the study, or the job in hand and then the study.
    let mut kills = 0;
    loop {
        let before = folder.done("killed").0;
        let mut study = folder.command("killed");
        let mut study = study.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(30 * kills);
        wait_for("a job or its time", || {
            let ended = study.try_wait().unwrap().is_some();
            ended || Instant::now() > until || folder.done("killed").0 > before
        });
        if kills % 2 == 1 {
            children(study.id()).into_iter().for_each(|pid| kill(pid, Signal::KILL));
        }
        study.kill().unwrap();
        if study.wait().unwrap().code().is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills");
    // A job whose study was killed may still be ending.
    wait_for("the lock", || folder.command("killed").output().unwrap().status.code() == Some(0));
    let found = folder.results("killed");
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        assert!(&found[name] == bytes, "{name} differs: {} {}", text(&found[name]), text(bytes));
    }
}

#[test]
fn a_study_that_is_asked_to_stop_says_how_to_go_on_and_writes_the_report_of_what_is_there() {
    let folder = Folder::new(STUDY);
    let mut study = folder.command("out");
    let study = study.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("a job", || folder.done("out").0 > 0);
    kill(study.id() as i32, Signal::TERM);
    let output = study.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("the same command goes on"), "{}", said(&output));
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    assert!(report.contains("evaluate on test"), "what is not done is named: {report}");
    let (done, all) = folder.done("out");
    assert!(done > 0 && done < all);
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
    let folder =
        Folder::new(&study.replace("finetune = \"head\"", "finetune = \"head\"\nsize = 64"));
    let text = folder.ends("out", &[], 1);
    assert!(text.contains("train head on colours, seed 0"), "{text}");
    assert!(text.contains("64"), "{text}");
    let (done, all) = folder.done("out");
    assert_eq!(all - done, 3, "its training, its evaluation and its cost");
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    assert!(report.contains("failed"), "{report}");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let folder = Folder::new(STUDY);
    for (study, words) in [
        (STUDY.replace("\"dataset\"\n[training]", "\"nowhere\"\n[training]"), "tcolz convert SRC"),
        (
            STUDY.replace("model = \"head\"\nbenchmark", "model = \"hat\"\nbenchmark"),
            "expected one of small, head, found `hat`",
        ),
        (STUDY.replace("epochs = 1", "epoch = 1"), "unknown key `epoch`"),
        (
            STUDY.replace(
                "network = \"mobilenet-v1\"",
                "network = \"mobilenet-v1\"\nweights = \"none.pth\"",
            ),
            "none.pth",
        ),
        (
            STUDY.replace(
                "dataset = \"colours\"\n[[cross",
                "dataset = \"colours\"\nsplit = \"exam\"\n[[cross",
            ),
            "",
        ),
    ] {
        fs::write(folder.path("study.toml"), study).unwrap();
        if words.is_empty() {
            continue;
        }
        let text = folder.ends("out", &[], 1);
        assert!(text.contains(words), "{text} has no {words}");
    }
    fs::write(folder.path("study.toml"), STUDY).unwrap();
    let text = folder.ends("out", &["--job", "train-nothing"], 1);
    assert!(text.contains("no job `train-nothing`") && text.contains("--list"), "{text}");
}

#[test]
fn the_studies_of_the_repository_are_read() {
    for name in ["study-small.toml", "study-b-t4sa.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let spec = StudySpec::read(&path).unwrap();
        assert!(spec.models.len() >= 4, "{name}");
    }
}
