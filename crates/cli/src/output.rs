//! The way to the screen, and numbers and tables as people read them.
//!
//! Everything that the command prints goes through here. Whatever becomes of it, the work goes on: `print` keeps the first
//! failure for the end of the command, `say!` forgets it. What could steer a terminal is shown, not sent (see
//! `docs/decisions/0006-what-the-command-prints.md`).

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use tcolz_base::usage::file_size_limit;
use tcolz_base::visible;
use tcolz_device::no_gpu;

pub(super) use tcolz_base::numbers::{bytes, count, rate, times_smaller};
pub(super) use tcolz_base::visible::one_line;

/// The first error of standard output.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints results to standard output. A reader that went away (`tcolz inspect … | head`) is no error.
pub(super) fn print(text: &str) {
    print_styled(&visible::text(text));
}

/// Prints text with colours of our own, and without any words from outside.
pub(super) fn print_styled(text: &str) {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => drop(LOST.set(error)),
        _ => {}
    }
}

/// A path as it can be shown on a line.
pub(super) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy()).into_owned()
}

/// Why some of what was printed is lost; `None` where nothing is.
pub(super) fn lost() -> Option<String> {
    let error = plain(&LOST.get()?.to_string());
    Some(format!("standard output: {error}; some of the output is lost"))
}

/// Prints a note, a warning or progress to standard error, as a line.
macro_rules! say {
    ($($words:tt)*) => { $crate::output::say_line(format_args!($($words)*)) };
}
pub(super) use say;

/// What `say!` does.
pub(super) fn say_line(words: fmt::Arguments<'_>) {
    print_to_stderr(&format!("{}\n", one_line(&words.to_string())));
}

/// Says why a device that was left open is the CPU, in a build that can use a GPU.
pub(super) fn say_no_gpu(device: impl fmt::Display) {
    if device.to_string() == "auto"
        && let Some(reason) = no_gpu()
    {
        say!("note: no GPU is used: {reason}");
    }
}

/// Prints to standard error: an error of several lines, or colours of our own.
pub(super) fn print_to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How large shards are beside the plain tensors, which have so many times their size.
pub(super) fn against_plain(ratio: f64) -> String {
    match times_smaller(ratio) {
        said if said.contains("times") => format!("{said} than the plain tensors"),
        said if said == "as large" => format!("{said} as the plain tensors"),
        said => said,
    }
}

/// Whether a rate or a share that was measured for so long says little: a thread that starts late or a page that is
/// not there yet weighs too much in it.
pub(super) fn says_little(seconds: f64) -> bool {
    seconds < 0.95
}

/// How many of something there are beside something else: `1.88 times as many photos as 1`, `as many photos as 1`,
/// `7 % fewer photos than 1`.
pub(super) fn times_as_many(times: f64, what: &str, others: &str) -> String {
    match times {
        _ if (times - 1.0).abs() < 0.005 => format!("as many {what} as {others}"),
        1.0.. => format!("{} times as many {what} as {others}", rate(times)),
        _ => format!("{:.0} % fewer {what} than {others}", 100.0 * (1.0 - times)),
    }
}

/// Seconds as people say them: `7.3 s`, `4.2 min`, `1.5 h`.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        ..9.95 => format!("{seconds:.1} s"),
        ..99.5 => format!("{seconds:.0} s"),
        ..5970.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// `1 class`, `2 classes`.
pub(super) fn classes(number: usize) -> String {
    if number == 1 { "1 class".to_owned() } else { format!("{} classes", count(number as u64)) }
}

/// `1 photo`, `2 photos`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// What the system says where it refuses, and what that means for whoever typed the command.
const SYSTEM: [(&str, &str); 14] = [
    ("No such file or directory (os error 2)", "No such file or folder: check the name"),
    (
        "Permission denied (os error 13)",
        "Permission denied: take another place, or change its permissions",
    ),
    ("File exists (os error 17)", "a file stands where a folder is expected: take another name"),
    ("Not a directory (os error 20)", "a file stands where a folder is expected: check the name"),
    ("Is a directory (os error 21)", "Is a directory: a file is expected"),
    ("No space left on device (os error 28)", "No space left on device: make room on that disk"),
    ("Read-only file system (os error 30)", "Read-only file system: take a place on another disk"),
    ("Address already in use (os error 98)", "Address already in use: take another port"),
    ("stream did not contain valid UTF-8", "it is no text in UTF-8"),
    // What the standard library says where it was not the system.
    ("entity not found", "No such file or folder: check the name"),
    ("entity already exists", "it is there already: take another name"),
    ("failed to fill whole buffer", "the file ends too early"),
    ("failed to write whole buffer", "not all could be written: is the disk full?"),
    ("unexpected end of file", "the file ends too early"),
];

/// What the system says of a file that would be larger than it may be.
const TOO_LARGE: &str = "File too large (os error 27)";

fn too_large(limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!(
            "File too large: the limit is {} a file (`ulimit -f unlimited` lifts it)",
            bytes(limit)
        ),
        None => "File too large: take a place on a disk that can hold larger ones".to_owned(),
    }
}

/// An error without what a system or a library calls things inside: its numbers, names of temporary files.
pub(super) fn plain(text: &str) -> String {
    let mut text = text.replace(TOO_LARGE, &too_large(file_size_limit()));
    for (said, meant) in SYSTEM {
        text = text.replace(said, meant);
    }
    // tempfile names the file that it could not make, not the one that was asked for.
    while let Some((before, behind)) = text.split_once(" at path \"") {
        let Some((_, behind)) = behind.split_once('"') else { break };
        text = format!("{before}{behind}");
    }
    while let Some((before, behind)) = text.split_once(" (os error ") {
        let Some((_, behind)) = behind.split_once(')') else { break };
        text = format!("{before}{behind}");
    }
    text
}

/// What libraries say of arguments, and what they mean.
const ARGUMENTS: [(&str, &str); 6] = [
    ("invalid digit found in string", "expected a whole number"),
    ("cannot parse integer from empty string", "expected a whole number, found nothing"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("invalid float literal", "expected a number, such as 0.01"),
    ("cannot parse float from empty string", "expected a number, found nothing"),
];

/// The same for what is wrong with arguments.
pub(super) fn plain_arguments(text: &str) -> String {
    ARGUMENTS.iter().fold(text.to_owned(), |text, (said, meant)| text.replace(said, meant))
}

/// Rows of a label and what belongs to it, the labels in a column of their own.
#[derive(Default)]
pub(super) struct Facts(Vec<(String, String)>);

impl Facts {
    pub(super) fn add(&mut self, label: impl AsRef<str>, value: impl AsRef<str>) -> &mut Facts {
        self.0.push((one_line(label.as_ref()).into_owned(), one_line(value.as_ref()).into_owned()));
        self
    }

    pub(super) fn text(&self) -> String {
        let width = self.0.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (label, value) in &self.0 {
            let _ = writeln!(text, "  {label:<width$}  {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_said_in_words_and_with_what_to_do() {
        for (code, says) in [
            (2, "check the name"),
            (13, "permissions"),
            (17, "another name"),
            (20, "check"),
            (21, "a file is expected"),
            (27, "larger ones"),
            (28, "make room"),
            (30, "another disk"),
            (98, "another port"),
        ] {
            let said = plain(&format!("x: {} behind", std::io::Error::from_raw_os_error(code)));
            assert!(
                said.contains(says) && said.starts_with("x: ") && said.ends_with(" behind"),
                "{said}"
            );
        }
        assert!(too_large(Some(16_384)).contains("16.4 kB"), "{}", too_large(Some(16_384)));
        let other = plain(&std::io::Error::from_raw_os_error(5).to_string());
        assert!(!other.contains("os error") && !other.is_empty(), "{other}");
        for (kind, says) in [
            (io::ErrorKind::NotFound, "check the name"),
            (io::ErrorKind::AlreadyExists, "another name"),
            (io::ErrorKind::UnexpectedEof, "ends too early"),
        ] {
            let said = plain(&io::Error::from(kind).to_string());
            assert!(said.contains(says) && !said.contains("entity"), "{said}");
        }
        let temporary =
            "x: No such file or directory (os error 2) at path \"/a/.tcolz-unfinished-1\"";
        assert_eq!(plain(temporary), "x: No such file or folder: check the name");
        assert_eq!(plain("(os error at path \""), "(os error at path \"");
        assert_eq!(
            plain_arguments("'a' for '-j': invalid digit found in string"),
            "'a' for '-j': expected a whole number"
        );
    }

    #[test]
    fn what_was_measured_for_less_than_a_second_says_little() {
        assert!(says_little(0.1) && !says_little(3.0) && !says_little(0.998));
    }

    #[test]
    fn ratios_are_said_as_people_say_them() {
        let said = [1.7, 1.0, 0.9999, 0.93, 12.34].map(|times| times_as_many(times, "photos", "1"));
        let expected = [
            "1.70 times as many photos as 1",
            "as many photos as 1",
            "as many photos as 1",
            "7 % fewer photos than 1",
            "12.3 times as many photos as 1",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [0.04, 9.96, 100.0, 6000.0].map(duration),
            ["0.0 s", "10 s", "1.7 min", "1.7 h"]
        );
        assert_eq!((classes(1), classes(2)), ("1 class".into(), "2 classes".into()));
        assert_eq!((plural(1, "photo"), plural(2, "photo")), ("1 photo".into(), "2 photos".into()));
    }
}
