//! `tcolz inspect`.

mod duplicates;
mod screen;

use std::path::Path;

use anyhow::Context;
use tcolz::inspect::{duplicates_sheet, find_duplicates, inspect, overview_sheet};
use tcolz::{Dataset, durable};

use super::Ending;
use super::args::InspectArgs;
use super::output::print;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    if args.duplicates {
        let found = find_duplicates(&dataset)?;
        print(&match args.json {
            true => format!("{:#}\n", serde_json::to_value(&found)?),
            false => duplicates::text(&found, &dataset),
        })?;
        if let Some(path) = &args.sheet {
            write(path, &duplicates_sheet(&dataset, &found)?)?;
        }
        return Ok(Ending::Done);
    }
    let found = inspect(&dataset)?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&found)?))?;
    } else {
        print(&screen::text(&found))?;
    }
    if let Some(path) = &args.sheet {
        write(path, &overview_sheet(&dataset, args.sheet_by)?)?;
    }
    Ok(Ending::Done)
}

fn write(path: &Path, png: &[u8]) -> anyhow::Result<()> {
    durable::write(path, png).with_context(|| path.display().to_string())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
