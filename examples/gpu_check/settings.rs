//! What was asked for, and what a section is told of it.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candle_core::Device;
use tcolz::Dataset;
use tcolz::train::DeviceChoice;

use super::dataset;

/// Seconds for everything, the start and the page included.
const SECONDS: u64 = 450;
/// Sides of the stored pictures: what losses are compared with, and what speed is measured with. No network takes less than 75.
const SIZES: [u32; 2] = [96, 224];
const SMALL_SIZES: [u32; 2] = [32, 64];
/// Photos that are made up.
const PHOTOS: u32 = 2000;
const SMALL_PHOTOS: u32 = 60;

/// The command line.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Little of everything: to see that this program works.
    pub(crate) small: bool,
    pub(crate) device: DeviceChoice,
    pub(crate) seconds: u64,
    /// Where the page is written.
    pub(crate) page: PathBuf,
    /// Python that may have PyTorch.
    pub(crate) python: OsString,
    only: Vec<String>,
    /// A section's own process: which, the folder of the dataset, and its seconds.
    section: Option<(String, PathBuf, u64)>,
}

/// Where a section works.
pub(crate) struct Place {
    pub(crate) small: bool,
    pub(crate) choice: DeviceChoice,
    pub(crate) device: Device,
    pub(crate) dataset: PathBuf,
    /// A folder of its own.
    pub(crate) folder: tempfile::TempDir,
    pub(crate) python: OsString,
    /// Side of the pictures that losses are compared with.
    pub(crate) small_size: u32,
    /// Side of the pictures that speed is measured with.
    pub(crate) size: u32,
    end: Instant,
}

impl Settings {
    pub(crate) fn of(words: impl Iterator<Item = String>) -> Result<Settings, Box<dyn Error>> {
        let mut settings = Settings {
            small: false,
            device: DeviceChoice::Auto,
            seconds: SECONDS,
            page: PathBuf::from("benches/GPU.md"),
            python: "python3".into(),
            only: Vec::new(),
            section: None,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--small" => settings.small = true,
                "--device" => settings.device = value()?.parse()?,
                "--seconds" => settings.seconds = value()?.parse()?,
                "--page" => settings.page = value()?.into(),
                "--python" => settings.python = value()?.into(),
                "--only" => settings.only = value()?.split(',').map(str::to_owned).collect(),
                "--section" => {
                    settings.section = Some((value()?, value()?.into(), value()?.parse()?));
                }
                _ => return Err(format!("{word} is not known").into()),
            }
        }
        Ok(settings)
    }

    /// The words for the process of a section.
    pub(crate) fn words(&self, section: &str, folder: &Path, seconds: u64) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--device".into(), self.device.to_string().into()];
        words.extend(["--python".into(), self.python.clone()]);
        words.extend(self.small.then(|| "--small".into()));
        words.extend(["--section".into(), section.into(), folder.into()]);
        words.push(seconds.to_string().into());
        words
    }

    pub(crate) fn wants(&self, section: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == section)
    }

    pub(crate) fn photos(&self) -> u32 {
        if self.small { SMALL_PHOTOS } else { PHOTOS }
    }

    pub(crate) fn sizes(&self) -> [u32; 2] {
        if self.small { SMALL_SIZES } else { SIZES }
    }

    /// The section that this process is for, with its device opened.
    pub(crate) fn place(&self) -> Result<Option<(String, Place)>, Box<dyn Error>> {
        let Some((name, folder, seconds)) = &self.section else { return Ok(None) };
        let end = Instant::now() + Duration::from_secs(*seconds);
        let place = Place {
            small: self.small,
            choice: self.device,
            device: tcolz_train::open_device(self.device)?,
            dataset: folder.join(dataset::NAME),
            folder: tempfile::tempdir()?,
            python: self.python.clone(),
            small_size: self.sizes()[0],
            size: self.sizes()[1],
            end,
        };
        Ok(Some((name.clone(), place)))
    }
}

impl Place {
    /// What is left of this section's time.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    pub(crate) fn open(&self) -> Result<Dataset, Box<dyn Error>> {
        Ok(Dataset::open(&self.dataset)?)
    }
}
