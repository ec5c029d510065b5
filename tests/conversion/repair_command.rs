//! What `tcolz repair` says, what it refuses, and what it leaves in the log.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

/// A dump of nine photos beside its dataset, `photos` and `out` in one folder.
struct Setup(tempfile::TempDir);

impl Setup {
    fn new() -> Setup {
        let setup = Setup(tempfile::tempdir().unwrap());
        common::small_dump(&setup.photos());
        common::converted(&common::options(&setup.photos(), &setup.out(), &[16]));
        setup
    }

    fn photos(&self) -> PathBuf {
        self.0.path().join("photos")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn run(&self, command: &str, more: &[&str]) -> Output {
        common::tcolz()
            .current_dir(self.0.path())
            .args([command, "out"])
            .args(more)
            .output()
            .unwrap()
    }

    fn repair(&self, more: &[&str]) -> Output {
        self.run("repair", &[&["--source", "photos"], more].concat())
    }

    /// Flips a bit of the id of the second sample in `val`.
    fn damage(&self) {
        let path = self.out().join("val/00000.arrow");
        let mut bytes = fs::read(&path).unwrap();
        let id = b"val/cat/photo-8.png";
        let at = bytes.windows(id.len()).position(|window| window == id).unwrap();
        bytes[at] ^= 0x80;
        fs::write(&path, bytes).unwrap();
    }
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, told: &str) {
    let said = [&*output.stdout, &*output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(told), "expected `{told}` in: {said}");
}

#[test]
fn verify_names_the_repair_and_the_repair_says_what_it_did() {
    let setup = Setup::new();
    let sound = common::tree(&setup.out());
    setup.damage();
    assert_ends(&setup.run("verify", &[]), 1, "next: tcolz repair out --source SRC\n");
    let verified = setup.run("verify", &["--source", "photos"]);
    assert_ends(&verified, 1, "next: tcolz repair out --source photos\n");
    let repaired = setup.repair(&["--threads", "2"]);
    let told = "val/00000.arrow: 1 sample made again from its source, 2 copied; \
                same bytes as written at first\nout: 1 shard repaired";
    assert_ends(&repaired, 0, told);
    assert_ends(&repaired, 0, "next: tcolz verify out\n");
    assert!(common::tree(&setup.out()) == sound);
    assert_ends(&setup.run("verify", &[]), 0, "all is well");
    assert_ends(&setup.repair(&[]), 0, "nothing to repair: 9 samples in 2 shards");

    let log = fs::read_to_string(setup.0.path().join("out.log.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["event"] == "repaired").unwrap();
    assert_eq!((&line["file"], &line["made_again"]), (&"val/00000.arrow".into(), &1.into()));
    assert_eq!(lines[lines.len() - 1]["event"], "repair finished", "nothing was repaired since");
}

#[test]
fn the_report_for_scripts_holds_what_the_text_says() {
    let setup = Setup::new();
    let json = |output: &Output| -> serde_json::Value {
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    setup.damage();
    assert_eq!(json(&setup.run("verify", &["--json"]))["repairable"], true);
    let photo = setup.photos().join("val/cat/photo-8.png");
    let original = fs::read(&photo).unwrap();
    fs::write(&photo, b"another photo").unwrap();
    let output = setup.repair(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!((&report["ok"], &report["shards"]), (&false.into(), &2.into()));
    let row = &report["unrepaired"][0];
    assert_eq!((&row["row"], &row["sample_id"]), (&1.into(), &"val/cat/photo-8.png".into()));
    let expected = blake3::hash(&original).to_string();
    assert!(row["expected"].as_str().unwrap().contains(&expected), "{row}");
    let found = blake3::hash(b"another photo").to_string();
    assert!(row["found"].as_str().unwrap().contains(&found), "{row}");
    fs::write(&photo, original).unwrap();
    let report = json(&setup.repair(&["--json"]));
    assert_eq!((&report["ok"], &report["repaired"][0]["same_bytes"]), (&true.into(), &true.into()));
}

#[test]
fn a_sample_that_cannot_be_made_again_gives_1_and_says_what_to_do() {
    let setup = Setup::new();
    setup.damage();
    fs::remove_file(setup.photos().join("val/cat/photo-8.png")).unwrap();
    let before = common::tree(&setup.out());
    let output = setup.repair(&[]);
    let told = "val/00000.arrow, row 1, sample `val/cat/photo-8.png`: source val/cat/photo-8.png: expected";
    assert_ends(&output, 1, told);
    assert_ends(&output, 1, "0 shards repaired, 1 shard left as found (val/00000.arrow)");
    assert_ends(&output, 1, "next: put the source files back as they were");
    assert!(common::tree(&setup.out()) == before, "nothing is overwritten");
}

/// A tar of the folder holds the same photos under other paths, which reads like photos that are gone.
#[test]
fn another_source_is_said_to_be_one_with_what_to_give_instead() {
    let setup = Setup::new();
    setup.damage();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all("photos", setup.photos()).unwrap();
    fs::write(setup.0.path().join("photos.tar"), tar.into_inner().unwrap()).unwrap();
    let before = common::tree(&setup.out());
    let run =
        |source: &str, more: &[&str]| setup.run("repair", &[&["--source", source], more].concat());
    let output = run("photos.tar", &[]);
    let told = "photos.tar: another source? It has none of the 9 photos that were looked for";
    assert_ends(&output, 1, told);
    assert_ends(&output, 1, "they lie in photos/ in it: unpack it, and give that folder");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("entity"), "{output:?}");
    assert_ends(&run(".", &[]), 1, "give ./photos");
    assert_ends(&run("photos/val", &[]), 1, "give the folder above it");
    let json = run("photos.tar", &["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["another_source"].as_str().unwrap().starts_with("another source?"), "{json}");
    assert!(common::tree(&setup.out()) == before);
    assert_ends(&run("photos", &[]), 0, "1 shard repaired");
}

#[test]
fn a_damaged_ledger_or_dataset_json_is_told_and_nothing_is_changed() {
    let setup = Setup::new();
    let sound = common::tree(&setup.out());
    setup.damage();
    for name in ["ledger.parquet", "dataset.json"] {
        let path = setup.out().join(name);
        let whole = &sound[name];
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            Some(bytes)
        };
        let cut = Some(whole[..whole.len() / 2].to_vec());
        for damaged in [flipped(whole.len() / 2), flipped(whole.len() - 9), cut, None] {
            match &damaged {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let before = common::tree(&setup.out());
            let output = setup.repair(&[]);
            assert_ends(&output, 1, name);
            assert_ends(&output, 1, "again into a new folder, with the options of the first time");
            assert_ends(&output, 1, "tcolz convert photos out-new");
            assert!(common::tree(&setup.out()) == before);
            let verified = setup.run("verify", &[]);
            assert!(!String::from_utf8_lossy(&verified.stdout).contains("tcolz repair"));
            fs::write(&path, whole).unwrap();
        }
    }
    assert_ends(&setup.repair(&[]), 0, "1 shard repaired");
    assert!(common::tree(&setup.out()) == sound);
}

#[test]
fn what_is_no_dataset_or_no_source_is_refused_and_stays_as_it_is() {
    let setup = Setup::new();
    setup.damage();
    let before = common::tree(setup.0.path());
    let run = |dataset: &str, source: &str| {
        let mut command = common::tcolz();
        command.current_dir(setup.0.path()).args(["repair", dataset, "--source", source]);
        command.output().unwrap()
    };
    assert_ends(&run("nowhere", "photos"), 1, "not a dataset");
    assert_ends(&run("photos", "photos"), 1, "not a dataset");
    assert_ends(&run("out", "nowhere"), 1, "No such file");
    assert_ends(&run("out", "out/dataset.json"), 1, "expected a folder of photos");
    assert_ends(&common::tcolz().args(["repair", "out"]).output().unwrap(), 2, "--source <SRC>");
    assert!(common::tree(setup.0.path()) == before);
    common::write(&setup.0.path().join("half/unfinished/plan.json"), b"{}");
    assert_ends(&run("half", "photos"), 1, "conversion not finished");
}

#[test]
fn a_second_tcolz_on_the_same_dataset_is_refused() {
    let setup = Setup::new();
    let sound = common::tree(&setup.out());
    setup.damage();
    let lock = fs::File::open(setup.out()).unwrap();
    lock.try_lock().unwrap();
    let before = common::tree(&setup.out());
    assert_ends(&setup.repair(&[]), 1, "another tcolz is writing here");
    assert!(common::tree(&setup.out()) == before);
    lock.unlock().unwrap();
    assert_ends(&setup.repair(&[]), 0, "1 shard repaired");
    assert!(common::tree(&setup.out()) == sound);
}

#[test]
fn files_that_are_not_the_datasets_stay_and_those_of_a_killed_repair_go() {
    let setup = Setup::new();
    let mut expected = common::tree(&setup.out());
    setup.damage();
    for (name, bytes) in [("val/notes.txt", &b"mine"[..]), ("other/.tcolz-unfinished-x", b"theirs")]
    {
        common::write(&setup.out().join(name), bytes);
        expected.insert(name.to_owned(), bytes.to_vec());
    }
    for name in [".tcolz-unfinished-a", "val/.tcolz-unfinished-b"] {
        common::write(&setup.out().join(name), b"half");
    }
    assert_ends(&setup.repair(&[]), 0, "1 shard repaired");
    assert!(common::tree(&setup.out()) == expected);
}
