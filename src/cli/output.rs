//! Numbers and tables as people read them, and a way to print that survives a closed pipe.

use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) use tcolz::report::{bytes, count};

/// Prints to standard output. A reader that went away (`tcolz inspect … | head`) is no error.
///
/// # Errors
/// When standard output cannot be written to for another reason.
pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
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

/// Rows of a label and what belongs to it, the labels in a column of their own.
#[derive(Default)]
pub(super) struct Facts(Vec<(String, String)>);

impl Facts {
    pub(super) fn add(&mut self, label: impl Into<String>, value: impl Into<String>) -> &mut Facts {
        self.0.push((label.into(), value.into()));
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
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [0.04, 9.96, 100.0, 6000.0].map(duration),
            ["0.0 s", "10 s", "1.7 min", "1.7 h"]
        );
        assert_eq!((classes(1), classes(2)), ("1 class".into(), "2 classes".into()));
        assert_eq!((plural(1, "photo"), plural(2, "photo")), ("1 photo".into(), "2 photos".into()));
    }
}
