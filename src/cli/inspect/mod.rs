//! `tcolz inspect`.

mod duplicates;
mod screen;

use std::path::Path;

use anyhow::Context;
use tcolz::inspect::{
    duplicates_sheet, find_duplicates, inspect, inspect_selected, overview_sheet,
};
use tcolz::report::Report;
use tcolz::{Dataset, durable};

use super::Ending;
use super::args::InspectArgs;
use super::output::print;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    if args.duplicates {
        // The page has them, too: they are looked for once.
        let (report, own) = match &args.html {
            Some(_) => (Some(Report::of(&dataset, None)?), None),
            None => (None, Some(find_duplicates(&dataset)?)),
        };
        let found = report.as_ref().map(|report| &report.duplicates).or(own.as_ref());
        let found = found.context("no duplicates were looked for")?;
        if let Some((path, report)) = args.html.as_ref().zip(report.as_ref()) {
            write(path, report.html()?.as_bytes())?;
        }
        print(&match (args.json, &report) {
            (true, Some(report)) => format!("{:#}\n", serde_json::to_value(report)?),
            (true, None) => format!("{:#}\n", serde_json::to_value(found)?),
            (false, _) => duplicates::text(found, &dataset),
        })?;
        if let Some(path) = &args.sheet {
            write(path, &duplicates_sheet(&dataset, found)?)?;
        }
        return Ok(Ending::Done);
    }
    let selections = args.select.selections(&dataset)?;
    let selections = selections.as_deref();
    if let Some(path) = &args.html {
        let report = Report::of(&dataset, selections)?;
        write(path, report.html()?.as_bytes())?;
        let json = || anyhow::Ok(format!("{:#}\n", serde_json::to_value(&report)?));
        print(&if args.json { json()? } else { screen::text(&report.inspection) })?;
    } else {
        let found = match selections {
            Some(selections) => inspect_selected(&dataset, selections)?,
            None => inspect(&dataset)?,
        };
        let json = || anyhow::Ok(format!("{:#}\n", serde_json::to_value(&found)?));
        print(&if args.json { json()? } else { screen::text(&found) })?;
    }
    if let Some(path) = &args.sheet {
        write(path, &overview_sheet(&dataset, args.sheet_by, selections)?)?;
    }
    Ok(Ending::Done)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    durable::write(path, bytes).with_context(|| path.display().to_string())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
