//! Child processes on a given number of cores: their time and their memory.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often the child's memory is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A child that has ended.
pub(crate) struct Ended {
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// Of all its threads, in user and system mode; in steps of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// Highest anonymous memory seen (`RssAnon`), in bytes.
    pub(crate) peak_anonymous_bytes: u64,
    /// What it printed.
    pub(crate) stdout: String,
    /// Its exit code.
    pub(crate) code: Option<i32>,
}

/// Runs `program` on the first `cores` cores and waits for it. With as many threads as cores, one
/// core means one core for everybody: a converter's reading and writing threads get no second one.
pub(crate) fn run(
    program: &OsStr,
    arguments: &[OsString],
    cores: usize,
    environment: &[(&str, &str)],
) -> Ended {
    let all = thread::available_parallelism().map_or(1, usize::from);
    let mut command = if cores < all {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(format!("0-{}", cores - 1)).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let cpu_before = cpu_seconds_of_children();
    let begun = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{} (or taskset): {error}", program.display()));
    let mut stdout = child.stdout.take().expect("piped above");
    let status = format!("/proc/{}/status", child.id());
    thread::scope(|scope| {
        let reader = scope.spawn(move || std::io::read_to_string(&mut stdout).unwrap_or_default());
        let watcher = scope.spawn(move || watch(&status));
        let code = child.wait().expect("the child was started").code();
        let seconds = begun.elapsed().as_secs_f64();
        let stdout = reader.join().expect("reading cannot panic");
        let peak_anonymous_bytes = watcher.join().expect("watching cannot panic");
        let cpu_seconds = cpu_seconds_of_children() - cpu_before;
        Ended { seconds, cpu_seconds, peak_anonymous_bytes, stdout, code }
    })
}

/// CPU time of all children that have been waited for (`cutime` and `cstime` of `/proc/self/stat`).
fn cpu_seconds_of_children() -> f64 {
    /// Ticks a second, whatever the machine (`USER_HZ`).
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may contain spaces; after it comes field 3, and these are 16 and 17.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(13).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

/// Looks at a process until it is gone.
fn watch(status: &str) -> u64 {
    let mut peak = 0;
    while let Ok(text) = fs::read_to_string(status) {
        // A process that has ended and was not waited for has no such line.
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("RssAnon:")) else { break };
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        peak = peak.max(kib * 1024);
        thread::sleep(POLL);
    }
    peak
}

/// `tcolz convert dump out …` as a child process: the release binary of this very build.
pub(crate) fn convert(dump: &Path, out: &Path, threads: usize, options: &[&str]) -> Ended {
    let mut arguments: Vec<OsString> =
        vec!["convert".into(), dump.into(), out.into(), "--json".into()];
    arguments.extend(["--threads".into(), threads.to_string().into()]);
    arguments.extend(options.iter().map(Into::into));
    let ended = run(OsStr::new(env!("CARGO_BIN_EXE_tcolz")), &arguments, threads, &[]);
    // 3: finished with too many bad inputs, as in a dump with odd files.
    assert!(matches!(ended.code, Some(0 | 3)), "tcolz convert ended with {:?}", ended.code);
    ended
}
