//! What to measure with: paths and numbers from the environment.

use std::env;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Made-up photos where no dump is given.
const MADE_UP: u32 = 1200;

/// The environment's settings.
pub(crate) struct Settings {
    /// Raw dump to convert.
    pub(crate) dump: PathBuf,
    /// Whether the photos are made up.
    pub(crate) made_up: bool,
    /// The Twitter testing dataset.
    pub(crate) ttd: Option<PathBuf>,
    /// Rounds of the sections `convert`, `read`, `plan`, `slow`, `cold`, `models`, `serve` and `before`.
    pub(crate) rounds: usize,
    /// The peers' Python and their script.
    pub(crate) peers: Option<(PathBuf, PathBuf)>,
    /// Checkout of an earlier version.
    pub(crate) before: Option<PathBuf>,
    /// The page to write.
    pub(crate) results: PathBuf,
    /// Folder of this run's own, on the disk where datasets are written; removed at the end.
    pub(crate) work: TempDir,
}

impl Settings {
    pub(crate) fn from_environment() -> Settings {
        let path = |name: &str| {
            let path = PathBuf::from(env::var_os(name).filter(|value| !value.is_empty())?);
            assert!(path.exists(), "{name}: {} is not there", path.display());
            Some(path)
        };
        let out = path("TCOLZ_BENCH_OUT").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
        let work = tempfile::Builder::new().prefix("bench-").tempdir_in(out);
        let work = work.expect("a folder to write to");
        let given = path("TCOLZ_BENCH_DUMP");
        let made_up = given.is_none();
        let dump = given.unwrap_or_else(|| {
            let folder = work.path().join("made-up");
            tcolz_demo::make_dump(&folder, MADE_UP).expect("made-up photos");
            folder
        });
        let script = |shared: PathBuf| shared.join("bench/peers_convert.py");
        let peers = path("TCOLZ_BENCH_VENV")
            .map(|venv| venv.join("bin/python"))
            .zip(path("TCOLZ_SHARED").map(script));
        let rounds = env::var("TCOLZ_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
        let results = env::var_os("TCOLZ_BENCH_RESULTS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md"),
            PathBuf::from,
        );
        let (ttd, before) = (path("TCOLZ_BENCH_TTD"), path("TCOLZ_BENCH_BEFORE"));
        let rounds = rounds.unwrap_or(3).max(1);
        Settings { dump, made_up, ttd, rounds, peers, before, results, work }
    }

    /// What the photos are, in words.
    pub(crate) fn photos(&self) -> &'static str {
        if self.made_up { "made-up photos of `tcolz demo`" } else { "photos" }
    }

    /// The command that repeats a section, without anybody's paths.
    pub(crate) fn command(&self, section: &str) -> String {
        let mut command = String::from("make bench");
        if !self.made_up && section != "build" {
            command.push_str(" DUMP=folder");
        }
        if ["size", "plan"].contains(&section) && self.ttd.is_some() {
            command.push_str(" TTD=folder");
        }
        if ["convert", "read", "models", "serve"].contains(&section) && self.peers.is_some() {
            command.push_str(" PEERS=folder");
        }
        if section == "before" {
            command.push_str(" BEFORE=folder");
        }
        format!("{command} SECTIONS={section}")
    }
}
