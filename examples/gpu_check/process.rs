//! Other processes, ended when their time is over.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::page::Ended;
use super::settings::Settings;

/// A section ends by itself before it is ended.
const GRACE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How a process ended, and what it printed.
pub(crate) struct Finished {
    /// `None`: it was ended.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) said: String,
    pub(crate) complained: String,
}

/// Runs a program for so long at most.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(command: &mut Command, time: Duration) -> io::Result<Finished> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let said = thread::spawn(move || read(out.as_mut()));
    let complained = thread::spawn(move || read(err.as_mut()));
    let end = Instant::now() + time;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() < end => thread::sleep(BETWEEN_LOOKS),
            None => {
                child.kill()?;
                child.wait()?;
                break None;
            }
        }
    };
    let (said, complained) =
        (said.join().unwrap_or_default(), complained.join().unwrap_or_default());
    Ok(Finished { status, said, complained })
}

/// Runs a section for so many seconds.
///
/// # Errors
/// When this program cannot be started again.
pub(crate) fn section(
    settings: &Settings,
    section: &str,
    folder: &Path,
    seconds: u64,
) -> io::Result<Ended> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(settings.words(section, folder, seconds));
    let finished = run(&mut command, Duration::from_secs(seconds) + GRACE)?;
    let Finished { status, said, complained } = finished;
    eprint!("{complained}");
    Ok(match status {
        Some(status) if status.success() => Ended::Sound(said),
        Some(_) if !said.trim().is_empty() => Ended::Off(said),
        Some(status) => Ended::Failed(format!("{status}: {}", first_line(&complained))),
        None => Ended::Failed(format!("ended after {seconds} s, its time")),
    })
}

fn read(pipe: Option<&mut impl Read>) -> String {
    let mut text = Vec::new();
    // What was said before a pipe broke is kept.
    let _ = pipe.map(|pipe| pipe.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// The line that says most: of a panic, its place comes first.
fn first_line(text: &str) -> &str {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.find(|line| !line.contains("panicked at")).unwrap_or("it said nothing")
}
