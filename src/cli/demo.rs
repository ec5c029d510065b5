//! `tcolz demo`: every stage on made-up photos.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use tcolz::{ConvertOptions, convert, demo};

use super::Ending;
use super::args::{DemoArgs, InspectArgs, VerifyArgs};
use super::output::{count, print};
use super::progress::ConvertProgress;
use super::{inspect, verify};

/// Marks a folder that an earlier demo made, and that this one may replace.
const MARK: &str = "made-by-tcolz-demo";

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Ending> {
    let (photos, dataset) = (args.out.join("photos"), args.out.join("dataset"));
    make_room(&args.out)?;
    print(&format!("1. {} made-up photos\n", count(u64::from(args.photos))))?;
    demo::make_dump(&photos, args.photos)?;
    print(&format!("   {}\n\n", photos.display()))?;

    print(&format!("2. tcolz convert {} {}\n", photos.display(), dataset.display()))?;
    let mut progress = ConvertProgress::new(false);
    let options = ConvertOptions::new(&photos, &dataset);
    let summary = convert(&options, &AtomicBool::new(false), &mut progress)?;
    progress.clear();
    let counts = summary.dataset.meta().counts;
    print(&format!(
        "   {} stored, {} quarantined on purpose, in {:.1} s\n\n",
        count(counts.stored),
        count(counts.quarantined),
        summary.seconds
    ))?;

    print(&format!("3. tcolz verify {}\n", dataset.display()))?;
    let verify_args = VerifyArgs { dataset: dataset.clone(), source: None, json: false };
    let Ending::Done = verify::run(&verify_args)? else {
        bail!("the demo's dataset is damaged: this is a defect of tcolz, or of the disk");
    };

    print(&format!("\n4. tcolz inspect {}\n", dataset.display()))?;
    inspect::run(&InspectArgs { dataset: dataset.clone(), json: false })?;

    let stored = summary.dataset.ledger()?.into_iter().find(|row| row.place.is_some());
    let sample = stored.context("the demo stored nothing")?.sample_id;
    let dataset = dataset.display();
    print(&format!(
        "\nnow try:\n  tcolz show {dataset} {sample} --png sample.png\n  tcolz convert YOUR-PHOTOS OUT\n"
    ))?;
    Ok(Ending::Done)
}

fn make_room(out: &Path) -> anyhow::Result<()> {
    let shown = || out.display().to_string();
    if out.join(MARK).exists() {
        fs::remove_dir_all(out).with_context(shown)?;
    } else if out.exists() && fs::read_dir(out).with_context(shown)?.next().is_some() {
        bail!(
            "{}: expected a new folder or an earlier demo, found other files; name another folder",
            shown()
        );
    }
    fs::create_dir_all(out).with_context(shown)?;
    fs::write(out.join(MARK), b"").with_context(shown)
}
