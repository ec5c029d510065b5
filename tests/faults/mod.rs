//! Accidents on order: a library (`faults.c`) that the command loads before libc, a small dump to convert
//! meanwhile, and what a disk still holds after the power has gone.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

pub(crate) mod power;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tcolz_format::dataset::{Dataset, DatasetError, verify};
use tempfile::TempDir;

use crate::common;

/// Signal of a kill.
const SIGKILL: i32 = 9;

/// Errors of Linux: what a disk says that is broken, or full.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

/// When a kill comes: before or after the sync it is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Before,
    After,
}

/// What goes wrong, once, in a process that is otherwise left alone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault<'a> {
    Nothing,
    /// The kill that no process can answer, at the n-th sync (from 1).
    Kill(usize, Moment),
    /// The n-th sync fails with this error of the operating system.
    Sync(usize, i32),
    /// The disk has room for so many bytes more.
    Disk(u64),
    /// The n-th read (from 1) of a file whose path ends in this fails, with this error.
    Read(usize, i32, &'a str),
}

/// A dump, and the library that makes accidents.
///
/// ```text
/// photos/          the dump
/// NAME/out/        a dataset: all that lies in NAME is what the accident can reach
/// NAME.trace       the syncs of the last command on it
/// ```
pub(crate) struct Scene {
    folder: TempDir,
    library: PathBuf,
}

/// Inputs of the scene's dump.
pub(crate) const LISTED: u64 = 153;

/// Compiles the library into a folder. `None`, after saying so, where there is no C compiler; on CI that is
/// a failure.
pub(crate) fn library(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("faults.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/faults.c");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    match compiler.arg(&library).arg(source).arg("-ldl").output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output.stderr)),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "no C compiler, on CI: {error}");
            println!("skipped: no C compiler: {error}");
            return None;
        }
    }
    Some(library)
}

impl Scene {
    /// `None`, after saying so, where there is no C compiler; on CI that is a failure.
    pub(crate) fn new() -> Option<Scene> {
        // Canonical, as the paths are that a descriptor gives.
        let folder = tempfile::tempdir_in(std::env::temp_dir().canonicalize().unwrap()).unwrap();
        let library = library(folder.path())?;
        make_dump(folder.path());
        Some(Scene { folder, library })
    }

    pub(crate) fn photos(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    /// The folder that an accident can reach, with nothing in it.
    pub(crate) fn disk(&self, name: &str) -> PathBuf {
        let disk = self.folder.path().join(name);
        fs::create_dir(&disk).unwrap();
        disk
    }

    /// `tcolz convert photos/ DISK/out`, with this accident on the way.
    pub(crate) fn command(&self, disk: &Path, fault: Fault<'_>) -> Command {
        let mut command = self.convert(&self.photos(), &disk.join("out"));
        let trace = trace_of(disk);
        let _ = fs::remove_file(&trace);
        command.env("LD_PRELOAD", &self.library).env("FAULT_TRACE", trace);
        command.env("FAULT_ROOT", disk);
        match fault {
            Fault::Nothing => {}
            Fault::Kill(sync, moment) => {
                let moment = format!("{moment:?}").to_lowercase();
                command.env("FAULT_KILL", format!("{sync},{moment}"));
            }
            Fault::Sync(sync, errno) => {
                command.env("FAULT_SYNC", format!("{sync},{errno}"));
            }
            Fault::Disk(bytes) => {
                command.env("FAULT_DISK", bytes.to_string());
            }
            Fault::Read(read, errno, end) => {
                command.env("FAULT_READ", format!("{read},{errno},{end}"));
                command.env("FAULT_ROOT", self.folder.path());
            }
        }
        command
    }

    /// The same conversion into another place, without any library.
    pub(crate) fn convert(&self, photos: &Path, out: &Path) -> Command {
        let mut command = common::tcolz();
        command.arg("convert").arg(photos).arg(out).args(["--size", "32", "--codec", "raw"]);
        command.args(["--shard-mb", "0.1", "--max-bad", "10%", "--threads", "2", "--json"]);
        command
    }

    /// Runs the conversion to its end.
    pub(crate) fn run(&self, disk: &Path, fault: Fault<'_>) -> Ended {
        Ended(self.command(disk, fault).output().unwrap())
    }

    /// The bytes of an undisturbed conversion, and its syncs, in order.
    pub(crate) fn undisturbed(&self) -> (Tree, Vec<power::Sync>) {
        let disk = self.disk("undisturbed");
        self.run(&disk, Fault::Nothing).succeeded();
        let syncs = power::trace(&trace_of(&disk));
        let tree = common::tree(&disk.join("out"));
        let shards = tree.keys().filter(|name| name.ends_with(".arrow")).count();
        assert!(shards >= 6, "{shards} shards");
        // Two syncs a file: were the library not loaded, there would be none.
        assert!(syncs.len() >= 2 * (tree.len() + 2 * shards), "{} syncs are seen", syncs.len());
        (tree, syncs)
    }
}

/// A folder's files: path → bytes.
pub(crate) type Tree = std::collections::BTreeMap<String, Vec<u8>>;

/// The trace of the last command on this disk.
pub(crate) fn trace_of(disk: &Path) -> PathBuf {
    disk.with_extension("trace")
}

/// A tiny photo under many names, in two splits and two classes; some are cut off, one is empty, two missing.
fn make_dump(folder: &Path) {
    let (good, bad) = common::tiny_and_bad(folder);
    for number in 0..150 {
        let class = ["cat", "dog"][number % 2];
        let split = if number < 110 { "train" } else { "val" };
        let link = folder.join(format!("photos/{split}/{class}/{number:03}.jpg"));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::hard_link(if number % 41 == 40 { &bad } else { &good }, link).unwrap();
    }
    common::write(&folder.join("photos/train/cat/empty.jpg"), b"");
    for name in ["train/cat/0-gone.jpg", "val/dog/z-gone.jpg"] {
        std::os::unix::fs::symlink("nowhere", folder.join("photos").join(name)).unwrap();
    }
}

/// How a command ended.
pub(crate) struct Ended(pub(crate) Output);

impl Ended {
    /// Exit code 0; the fields of its last event.
    pub(crate) fn succeeded(&self) -> Value {
        assert_eq!(self.0.status.code(), Some(0), "{:?}: {}", self.0.status, self.said());
        let last = text(&self.0.stdout).lines().last().unwrap_or_default().to_owned();
        let event: Value = serde_json::from_str(&last).unwrap();
        assert_eq!(event["event"], "finished", "{last}");
        assert_eq!(event["counts"]["listed"], LISTED);
        event
    }

    /// Exit code 1; what it said.
    pub(crate) fn failed(&self) -> String {
        assert_eq!(self.0.status.code(), Some(1), "{:?}: {}", self.0.status, self.said());
        self.said()
    }

    pub(crate) fn was_killed(&self) {
        assert_eq!(self.0.status.signal(), Some(SIGKILL), "{:?}: {}", self.0.status, self.said());
    }

    pub(crate) fn said(&self) -> String {
        text(&self.0.stderr)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Inputs that a journal in OUT covers: what a resume need not do again.
pub(crate) fn covered(out: &Path) -> u64 {
    let parts = fs::read_dir(out.join("unfinished")).into_iter().flatten().flatten();
    let parts = parts.map(|part| part.path()).filter(|path| {
        path.extension().is_some_and(|end| end == "json") && !path.ends_with("plan.json")
    });
    let rows = |path: PathBuf| {
        let part: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        part["ledger"]["rows"].as_u64().unwrap()
    };
    parts.map(rows).sum()
}

/// Names of unfinished files in OUT.
pub(crate) fn leftovers(out: &Path) -> Vec<String> {
    let files = common::tree(out).into_keys();
    files.filter(|name| name.contains(tcolz_base::durable::TEMPORARY_PREFIX)).collect()
}

/// OUT is either a sound dataset, or says that it is none.
pub(crate) fn is_dataset(out: &Path, expected: &Tree) -> bool {
    match Dataset::open(out) {
        Ok(_) => {
            assert_eq!(verify(out, &|_| ()).unwrap().faults, []);
            let found = common::tree(out);
            assert!(expected.iter().all(|(name, bytes)| found.get(name) == Some(bytes)));
            true
        }
        Err(DatasetError::Unfinished { .. } | DatasetError::NotADataset { .. }) => false,
        Err(error) => panic!("neither a dataset nor an unfinished one: {error}"),
    }
}

/// The same command again: it goes on from all that was complete, to the same bytes.
pub(crate) fn resume(scene: &Scene, disk: &Path, expected: &Tree, what: &str) {
    let out = disk.join("out");
    let (covered, dataset) = (covered(&out), is_dataset(&out, expected));
    let event = scene.run(disk, Fault::Nothing).succeeded();
    let resumed = if dataset { 0 } else { covered };
    assert_eq!(event["resumed"], resumed, "{what}: what was complete is kept");
    assert!(common::tree(&out) == *expected, "{what}: {:?}", common::tree(&out).keys());
    fs::remove_dir_all(disk).unwrap();
}
