//! The dump as files: its photos, its lists and the scores of its tweets.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::draw::{Picture, SplitMix64};
use super::encode::{Kind, encode};
use super::error::DemoError;
use super::oddity::Oddity;
use super::plan::{CLASSES, Plan, PlannedFile, PlannedLine, SPLITS};
use tcolz_format::dataset::LedgerRow;

/// The scores of the tweets' texts, beside the lists.
const TEXT_SENTIMENT: &str = "t4sa_text_sentiment.tsv";

/// A dump that [`make_dump`] wrote.
#[derive(Debug, Clone)]
pub struct DemoDump {
    /// Its folder.
    pub root: PathBuf,
    /// Names of the lists, one a split, below the folder.
    pub lists: [String; 3],
    /// The scores of the tweets' texts: `TWID`, `NEG`, `NEU`, `POS`, below the folder.
    pub text_sentiment: String,
    /// How many tweets the photos belong to.
    pub tweets: usize,
    /// Ordinary photos, as the lists name them, in path order.
    pub photos: Vec<String>,
    /// Every odd line, in the order of [`Oddity::ALL`].
    pub oddities: Vec<OddLine>,
}

/// An odd line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OddLine {
    /// What is odd.
    pub oddity: Oddity,
    /// The list, below the dump's folder.
    pub list: String,
    /// Its line, from 1.
    pub line: u32,
    /// The path that stands on the line.
    pub sample_id: String,
}

impl OddLine {
    /// Whether this is the line that a row of the ledger speaks of. Paths do not tell: some lines name a
    /// photo that others name, too.
    pub fn is_of(&self, row: &LedgerRow) -> bool {
        *row.list == self.list && row.line == self.line
    }
}

impl DemoDump {
    /// The line of an oddity.
    ///
    /// # Panics
    /// Never: the dump holds one line of each.
    pub fn odd_line(&self, oddity: Oddity) -> &OddLine {
        let line = self.oddities.iter().find(|line| line.oddity == oddity);
        line.expect("make_dump writes one line of every oddity")
    }

    /// Lines of the three lists: what a conversion must count as listed.
    pub fn listed(&self) -> usize {
        self.photos.len() + self.oddities.len()
    }
}

/// Writes a dump in the shape of B-T4SA into `folder`: lists for each split, `photos` ordinary photos
/// below `data/` (at least three, one of each class), one line of every [`Oddity`], and the scores of the
/// tweets' texts.
///
/// Two calls with the same number write the same bytes.
///
/// # Errors
/// When a folder or file cannot be written.
pub fn make_dump(folder: &Path, photos: u32) -> Result<DemoDump, DemoError> {
    let plan = Plan::new(photos.max(CLASSES.len() as u32));
    plan.files.par_iter().enumerate().try_for_each(|(number, file)| {
        let bytes = match file.oddity {
            None => Some(ordinary_photo(number as u64, file.class)?),
            Some(oddity) => oddity.file(file.class)?,
        };
        bytes.map_or(Ok(()), |bytes| write(&folder.join(&file.sample_id), &bytes))
    })?;
    let lists = SPLITS.map(|split| format!("b-t4sa_{split}.txt"));
    for (name, lines) in lists.iter().zip(&plan.lists) {
        let text = |line: &PlannedLine| format!("{} {}\n", line.sample_id, line.label);
        let text: String = lines.iter().map(text).collect();
        write(&folder.join(name), text.as_bytes())?;
    }
    write(&folder.join(TEXT_SENTIMENT), plan.text_sentiment().as_bytes())?;
    Ok(DemoDump {
        root: folder.to_owned(),
        oddities: odd_lines(&plan, &lists),
        lists,
        text_sentiment: TEXT_SENTIMENT.to_owned(),
        tweets: plan.tweets.len(),
        photos: ordinary(plan.files),
    })
}

fn ordinary(files: Vec<PlannedFile>) -> Vec<String> {
    let ordinary = files.into_iter().filter(|file| file.oddity.is_none());
    ordinary.map(|file| file.sample_id).collect()
}

fn odd_lines(plan: &Plan, lists: &[String; 3]) -> Vec<OddLine> {
    let mut oddities = Vec::new();
    for (list, lines) in lists.iter().zip(&plan.lists) {
        for (line, number) in lines.iter().zip(1..) {
            if let Some(oddity) = line.oddity {
                let (list, sample_id) = (list.clone(), line.sample_id.clone());
                oddities.push(OddLine { oddity, list, line: number, sample_id });
            }
        }
    }
    oddities.sort_by_key(|line| line.oddity);
    oddities
}

/// The file of an ordinary photo; half of them are progressive.
fn ordinary_photo(number: u64, class: usize) -> Result<Vec<u8>, DemoError> {
    let mut random = SplitMix64(number);
    let (width, height) = match random.below(4) {
        0 => (600, 450),
        1 => (480, 640),
        2 => (640, 640),
        _ => (680, 383),
    };
    let picture = Picture::draw(&mut random, class, width, height);
    encode(&picture, Kind::Jpeg { progressive: number.is_multiple_of(2) })
}

/// A JPEG of a picture of a class (its place in [`CLASSES`]) with these sides, drawn from its number alone.
///
/// # Errors
/// [`DemoError::Jpeg`], as for sides of 0 pixels.
///
/// # Panics
/// If there is no such class.
pub fn photo(number: u64, class: usize, (width, height): (u16, u16)) -> Result<Vec<u8>, DemoError> {
    let picture = Picture::draw(&mut SplitMix64(number), class, width, height);
    encode(&picture, Kind::Jpeg { progressive: false })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let written = match path.parent() {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    };
    written
        .and_then(|()| fs::write(path, bytes))
        .map_err(|source| DemoError::Io { path: path.to_owned(), source })
}
