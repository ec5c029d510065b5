//! `tcolz inspect`.

mod bad;
mod duplicates;
mod screen;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tcolz_base::durable;
use tcolz_charts::sheet::{Sheet, SheetError, SheetFormat};
use tcolz_format::dataset::Dataset;
use tcolz_inspect::report::Report;
use tcolz_inspect::{
    bad_inputs, duplicates_sheet, find_duplicates, inspect, inspect_selected, overview_sheet,
};
use tcolz_loader::select::{Condition, Select};

use super::args::{InspectArgs, PagePath, PicturePath};
use super::ending::Ending;
use super::output::{count, plural, print, say};
use super::select_args::SelectArgs;

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    if lists_bad(args, &dataset)? {
        let SelectArgs { split, condition, .. } = &args.select;
        let found = bad_inputs(&dataset, split.as_deref(), condition.as_deref())?;
        let json = || anyhow::Ok(format!("{:#}\n", serde_json::to_value(&found)?));
        print(&if args.json { json()? } else { bad::text(&found) });
        return Ok(Ending::Done);
    }
    if args.duplicates {
        // The page has them, too: they are looked for once.
        let (report, own) = match &args.html {
            Some(_) => (Some(Report::of(&dataset, None)?), None),
            None => (None, Some(find_duplicates(&dataset)?)),
        };
        let found = report.as_ref().map(|report| &report.duplicates).or(own.as_ref());
        let found = found.context("no duplicates were looked for")?;
        if let Some((PagePath(path), report)) = args.html.as_ref().zip(report.as_ref()) {
            write(path, report.html()?.as_bytes())?;
        }
        print(&match (args.json, &report) {
            (true, Some(report)) => format!("{:#}\n", serde_json::to_value(report)?),
            (true, None) => format!("{:#}\n", serde_json::to_value(found)?),
            (false, _) => duplicates::text(found, &dataset),
        });
        if let Some(PicturePath(path)) = &args.sheet {
            write_sheet(path, "groups", |format| duplicates_sheet(&dataset, found, format))?;
        }
        return Ok(Ending::Done);
    }
    let selections = args.select.selections(&dataset)?;
    let selections = selections.as_deref();
    if let Some(PagePath(path)) = &args.html {
        let report = Report::of(&dataset, selections)?;
        write(path, report.html()?.as_bytes())?;
        let json = || anyhow::Ok(format!("{:#}\n", serde_json::to_value(&report)?));
        print(&if args.json { json()? } else { screen::text(&report.inspection) });
    } else {
        let found = match selections {
            Some(selections) => inspect_selected(&dataset, selections)?,
            None => inspect(&dataset)?,
        };
        let json = || anyhow::Ok(format!("{:#}\n", serde_json::to_value(&found)?));
        print(&if args.json { json()? } else { screen::text(&found) });
    }
    if let Some(PicturePath(path)) = &args.sheet {
        let by = args.sheet_by;
        write_sheet(path, "rows", |format| overview_sheet(&dataset, by, selections, format))?;
    }
    Ok(Ending::Done)
}

/// Whether inputs are listed of which nothing is stored: as asked for, or because the condition holds for no others.
fn lists_bad(args: &InspectArgs, dataset: &Dataset) -> anyhow::Result<bool> {
    let SelectArgs { subset, condition, percent, .. } = &args.select;
    if args.list_bad || subset.is_some() || percent.is_some() {
        return Ok(args.list_bad);
    }
    let select = Select { condition: condition.clone(), ..Select::default() };
    let condition = select.condition_of(dataset)?;
    let has_pictures = args.html.is_some() || args.sheet.is_some();
    Ok(!has_pictures && condition.as_ref().is_some_and(Condition::excludes_stored))
}

/// Writes the pages of a sheet: `sheet.png`, `sheet-2.png`, …
fn write_sheet(
    path: &Path,
    what: &str,
    make: impl FnOnce(SheetFormat) -> Result<Sheet, SheetError>,
) -> anyhow::Result<()> {
    let sheet = make(SheetFormat::of(path).unwrap_or_default())?;
    for (page, number) in sheet.pages.iter().zip(1..) {
        write(&page_path(path, number), page)?;
    }
    let next = page_path(path, sheet.pages.len() as u32 + 1);
    if sheet.pages.len() > 1 || next.exists() {
        let next = Some(next).filter(|next| next.exists());
        next.iter().for_each(|next| {
            say!("note: {} is no page of this sheet: it was there before", next.display());
        });
    }
    let (pages, all) = (sheet.pages.len() as u64, sheet.rows + sheet.left_out);
    if sheet.left_out > 0 {
        let shown = count(sheet.rows as u64);
        say!("{} show the first {shown} of {} {what}", plural(pages, "page"), count(all as u64));
    } else if pages > 1 {
        say!("{} show {} {what}", plural(pages, "page"), count(all as u64));
    }
    Ok(())
}

/// The file of a page: the first has the name that was given.
fn page_path(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = (part(path.file_stem()), part(path.extension()));
    path.with_file_name(format!("{stem}-{number}.{ending}"))
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    durable::write_output(path, bytes).with_context(|| path.display().to_string())?;
    say!("wrote {}", path.display());
    Ok(())
}
