//! Everything that a GPU must show, on one page: does it compute what the CPU computes, and how fast?
//!
//! ```text
//! scripts/gpu-check.sh                          on the first GPU, at most eight minutes, into benches/GPU.md
//! scripts/gpu-check.sh --small --device cpu     a minute on the CPU, to see that the program works
//! ```
//!
//! ```text
//! main ─ makes a dataset of made-up photos ─▶ a process for each section ─▶ the page
//! ```
//! A section is a process of its own: one that hangs is ended when its time is over, and one that spoils the device
//! leaves the next alone. The page is written again behind each. Exits with 1 when a section is off.

#[path = "../cuda_selftest/compare.rs"]
#[allow(dead_code, reason = "its rows are printed by the self-test alone")]
mod compare;
#[path = "../cuda_selftest/loading.rs"]
mod loading;
#[path = "../cuda_selftest/network.rs"]
mod network;
#[path = "../cuda_selftest/ops.rs"]
mod ops;
#[path = "../cuda_selftest/stream.rs"]
mod stream;

mod configurations;
mod dataset;
mod losses;
mod machine;
mod operations;
mod page;
mod precision;
mod process;
mod races;
mod resume;
mod settings;
mod timing;
mod torch;
mod training;
mod transfer;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use page::{Ended, Page, Section};
use settings::{Place, Settings};

/// Computes a section in the process that was begun for it.
type Work = fn(&Place) -> Result<Section, Box<dyn Error>>;

/// Name, heading, the seconds that it may take at most, what it does.
const SECTIONS: [(&str, &str, u64, Work); 8] = [
    ("machine", "Machine", 20, machine::section),
    ("operations", "Operation by operation against the CPU", 80, operations::section),
    ("races", "Batches across streams", 70, races::section),
    ("losses", "Training steps against the CPU", 100, losses::section),
    ("resume", "A run that is left and resumed", 40, resume::section),
    ("transfer", "From the host to the device", 30, transfer::section),
    ("configurations", "Six configurations", 180, configurations::section),
    ("precision", "Numbers of 16 bits", 20, precision::section),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::of(std::env::args().skip(1))?;
    if let Some((name, place)) = settings.place()? {
        let (_, _, _, work) =
            SECTIONS.iter().find(|(known, ..)| *known == name).ok_or("no such section")?;
        let section = work(&place)?;
        println!("{}", section.text.trim_end());
        return Ok(if section.is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    dataset::make(folder.path(), settings.photos(), settings.sizes())?;
    let mut page = Page::new(&settings, SECTIONS.map(|(name, heading, ..)| (name, heading)));
    for (name, _, seconds, _) in SECTIONS {
        let left = settings.seconds.saturating_sub(begun.elapsed().as_secs());
        let ended = match settings.wants(name) {
            false => Ended::NotAsked,
            true if left == 0 => Ended::NoTime,
            true => process::section(&settings, name, folder.path(), seconds.min(left))?,
        };
        eprintln!("{:>4} s  {name}: {}", begun.elapsed().as_secs(), ended.word());
        page.put(name, ended);
        page.write()?;
    }
    println!("{}", settings.page.display());
    Ok(if page.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
