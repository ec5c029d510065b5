//! Section `build`: how long the compiler works, from nothing and after a change.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use crate::child::{self, Ended};
use crate::report::{Goal, Table};
use crate::settings::Settings;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn section(settings: &Settings) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let folder = settings.work.path();
    let build = |target: &str, arguments: &[&str]| {
        let target = folder.join(target);
        cargo(&target, cores, arguments)
    };
    let whole = ["build", "--release", "--locked"];
    let manifest = format!("{ROOT}/tests/programs/Cargo.toml");
    let reads = ["build", "--release", "--locked", "-p", "user-read", "--manifest-path", &manifest];

    let mut table = Table::new(["what", "seconds", "CPU seconds", "goal", "verdict"]);
    let mut row = |what: &str, ended: &Ended, goal: Goal, unit: &str, value: f64| {
        let cells = [ended.seconds, ended.cpu_seconds].map(|seconds| format!("{seconds:.0}"));
        let [seconds, cpu] = cells;
        table.row([
            what.to_owned(),
            seconds,
            cpu,
            goal.words(unit),
            goal.verdict(value).to_owned(),
        ]);
    };
    let nothing = build("whole", &whole);
    let minutes = nothing.cpu_seconds / 60.0;
    row(
        "`cargo build --release`, from nothing",
        &nothing,
        Goal::AtMost(14.0, 14.0),
        " CPU minutes",
        minutes,
    );
    for (file, most) in [("crates/loader/src/epoch.rs", 60.0), ("crates/cli/src/lib.rs", 20.0)] {
        touch(&Path::new(ROOT).join(file));
        let ended = build("whole", &whole);
        let what = format!("the same, after a change of `{file}`");
        row(&what, &ended, Goal::AtMost(most, most), " s", ended.seconds);
    }
    let program = build("program", &reads);
    let minutes = program.cpu_seconds / 60.0;
    row(
        "a program that reads batches (`tests/programs/read`), from nothing",
        &program,
        Goal::AtMost(4.0, 4.0),
        " CPU minutes",
        minutes,
    );
    format!(
        "## Building\n\nRelease profile as users get it, {cores} cores, nothing to fetch; one run. A change is a file's date set anew: \
         its crate and all above it are compiled and linked again.\n\n{}",
        table.text()
    )
}

/// `cargo ARGUMENTS` into a target folder of its own.
fn cargo(target: &Path, cores: usize, arguments: &[&str]) -> Ended {
    let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
    let target = target.to_str().expect("a folder of this run, in UTF-8");
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ended = child::run(&program, &arguments, cores, &[("CARGO_TARGET_DIR", target)]);
    assert_eq!(ended.code, Some(0), "cargo {arguments:?} failed");
    ended
}

fn touch(path: &Path) {
    let file = File::options().append(true).open(path);
    let dated = file.and_then(|file| file.set_modified(SystemTime::now()));
    dated.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
