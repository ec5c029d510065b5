//! Promises of whatever the command prints or writes where it was told to: what cannot be printed ends no work, what others
//! wrote steers no terminal, and what is no file is not replaced by one.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod lost;
mod names;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A name that recolours a terminal, renames it, shows what follows backwards, and begins a line of its own.
const HOSTILE: &str = "a\u{1b}[31m\u{1b}]0;b\u{7}\u{9b}2J\u{202e}c\nerror: FORGED";

/// Twelve photos of two classes below a hostile name, listed in a table that holds worse, and their dataset.
///
/// ```text
/// HOSTILE/photos/   HOSTILE/data/   HOSTILE/subset.txt   HOSTILE/study.toml
/// ```
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { path: folder.path().join(HOSTILE), _folder: folder };
        let mut table = "path,label,split\n".to_owned();
        for number in 0..12u32 {
            let split = ["train", "train", "val"][number as usize % 3];
            let class = ["re\u{202e}d", "blue"][number as usize % 2];
            let name = format!("{number}\u{202e}gnp.png");
            common::write(&place.at("photos").join(&name), &common::photo(number, 40, 30));
            table.push_str(&format!("{name},{class},{split}\n"));
        }
        table.push_str("\u{1b}[31mgone.png,blue,train\n");
        common::write(&place.at("photos/labels.csv"), table.as_bytes());
        common::write(&place.at(HOSTILE), b"no photo");
        common::write(&place.at("subset.txt"), "\u{1b}[31mnowhere.png\u{9b}\n".as_bytes());
        common::converted(&common::options(&place.at("photos"), &place.at("data"), &[32]));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// `tcolz` with these words, `~` for the hostile folder and `^` for a hostile name.
    fn command(&self, words: &str) -> Command {
        let path = self.path.to_str().unwrap();
        let words = words.split(' ').map(|word| word.replace('~', path).replace('^', HOSTILE));
        let mut command = common::tcolz();
        command.args(words.collect::<Vec<_>>()).current_dir(self.path.parent().unwrap());
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// A small network, trained for an epoch.
    fn train(&self) -> Output {
        self.run(
            "train ~/data --model mobilenet-v1 --out ~/run --epochs 1 --batch-size 4 --lr 0.01",
        )
    }
}

/// Where nothing can be written to.
fn full() -> Stdio {
    fs::File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads any more.
fn broken() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

fn said(output: &Output) -> String {
    let both = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(both).unwrap()
}
