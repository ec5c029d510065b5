//! The page: its sections as they come, and tables.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::settings::Settings;

/// What a section found.
pub(crate) struct Section {
    /// Markdown, without the heading.
    pub(crate) text: String,
    /// Everything is as it must be.
    pub(crate) is_sound: bool,
}

/// How the process of a section ended.
pub(crate) enum Ended {
    Sound(String),
    /// Its text says what is off.
    Off(String),
    Failed(String),
    NoTime,
    NotAsked,
}

impl Ended {
    pub(crate) fn word(&self) -> &str {
        match self {
            Ended::Sound(_) => "sound",
            Ended::Off(_) => "OFF",
            Ended::Failed(_) => "FAILED",
            Ended::NoTime => "not run: no time was left",
            Ended::NotAsked => "not asked for",
        }
    }
}

/// All sections, with what is known of each so far.
pub(crate) struct Page {
    path: PathBuf,
    head: String,
    sections: Vec<(&'static str, &'static str, Option<Ended>)>,
}

impl Page {
    pub(crate) fn new<const N: usize>(
        settings: &Settings,
        sections: [(&'static str, &'static str); N],
    ) -> Page {
        let small = if settings.small {
            "\nA small run: it shows that the program works, and nothing about speed.\n"
        } else {
            ""
        };
        let head = format!(
            "# What a GPU shows\n\nWritten by `scripts/gpu-check.sh` (`examples/gpu_check`), never by hand. Photos are made up, weights \
             are random.\n{small}"
        );
        let sections = sections.map(|(name, heading)| (name, heading, None));
        Page { path: settings.page.clone(), head, sections: sections.into() }
    }

    pub(crate) fn put(&mut self, name: &str, ended: Ended) {
        if let Some(section) = self.sections.iter_mut().find(|(known, ..)| *known == name) {
            section.2 = Some(ended);
        }
    }

    /// Every section that was asked for ran and is sound.
    pub(crate) fn is_sound(&self) -> bool {
        self.sections
            .iter()
            .all(|(.., ended)| matches!(ended, Some(Ended::Sound(_) | Ended::NotAsked)))
    }

    /// Writes all that there is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self) -> io::Result<()> {
        let mut page = self.head.clone();
        for (_, heading, ended) in &self.sections {
            let (mark, text) = match ended {
                Some(Ended::Sound(text)) => ("", text.trim()),
                Some(Ended::Off(text)) => (": OFF", text.trim()),
                Some(Ended::Failed(reason)) => (": FAILED", reason.as_str()),
                Some(ended) => ("", ended.word()),
                None => ("", "not run yet"),
            };
            let _ = write!(page, "\n## {heading}{mark}\n\n{text}\n");
        }
        std::fs::write(&self.path, page)
    }
}

/// A Markdown table.
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Table {
        Table(format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N)))
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let _ = writeln!(self.0, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}
