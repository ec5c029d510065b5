//! What stands on the page, part by part.

use std::path::Path;

use crate::Inspection;
use tcolz_pixels::recipe::Dtype;

use tcolz_base::numbers::count;

use super::elements::{Cell, Section, Table};
use super::error::ReportError;
use super::numbers::{Format, Numbers};
use super::{Report, figures, histograms, pictured, tables};

type Result<T> = std::result::Result<T, ReportError>;

/// What the dataset is called: its folder; of a part of it, with what was asked for.
pub(super) fn name(report: &Report) -> String {
    let path = Path::new(&report.inspection.dataset);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| report.inspection.dataset.clone());
    match &report.inspection.asked {
        Some(asked) => format!("{name}: {asked}"),
        None => name,
    }
}

pub(super) fn subtitle(report: &Report, numbers: &Numbers) -> Vec<Cell> {
    let found = &report.inspection;
    let stored = numbers.get("/inspection/counts/stored", Format::Count);
    let mut cells: Vec<Cell> = vec![stored.into()];
    cells.push(match (found.selected.is_some(), found.statistics.counts.stored) {
        (true, 1) => " selected sample".into(),
        (true, _) => " selected samples".into(),
        (false, 1) => " sample".into(),
        (false, _) => " samples".into(),
    });
    let splits: Vec<&str> =
        found.statistics.splits.iter().map(|split| split.name.as_str()).collect();
    cells.push(format!(" · {} · ", splits.join(", ")).into());
    let tensors: Vec<&str> =
        found.statistics.tensors.iter().map(|tensor| tensor.tensor.as_str()).collect();
    cells.push(tensors.join(", ").into());
    cells
}

/// The first numbers that a person looks for.
pub(super) fn facts(report: &Report, numbers: &Numbers) -> Vec<(String, Cell)> {
    let get = |name: &str, at: &str, format| (name.to_owned(), Cell::from(numbers.get(at, format)));
    let found = &report.inspection;
    let mut facts = vec![get("samples", "/inspection/counts/stored", Format::Count)];
    facts.push(("classes".to_owned(), count(found.classes.len() as u64).into()));
    if found.selected.is_none() {
        facts.push(get("quarantined", "/inspection/counts/quarantined", Format::Count));
        facts.push(get("missing", "/inspection/counts/missing", Format::Count));
    }
    facts.push(get("on disk", "/inspection/stored_bytes", Format::Bytes));
    facts.push(get("size of the plain tensors / on disk", "/inspection/ratio", Format::Fixed(2)));
    let (across, _) = report.duplicates.count(|group| group.across_splits);
    let groups = match found.asked {
        Some(_) => "groups of duplicates across splits of the whole dataset",
        None => "groups of duplicates across splits",
    };
    facts.push((groups.to_owned(), count(across).into()));
    facts
}

/// Every part that has something to tell.
pub(super) fn all(report: &Report, numbers: &Numbers) -> Result<Vec<Section>> {
    let found = &report.inspection;
    let mut all = vec![splits(found, numbers)?];
    all.extend(photos(found, numbers)?);
    all.push(light(found, numbers)?);
    all.extend(pictured::mean_images(report, numbers));
    all.extend(text_scores(found, numbers)?);
    all.extend(pictured::classes(report));
    all.extend(pictured::refused(report, numbers));
    all.push(pictured::duplicates(report, numbers));
    all.extend(conversion(report, numbers)?);
    all.push(recipe(found, numbers));
    if let Some(asked) = &found.asked {
        all.iter_mut().for_each(|section| name_part(section, &asked.to_string()));
    }
    Ok(all)
}

/// Parts of the page that tell of the whole dataset, whatever was selected.
const OF_EVERYTHING: [&str; 3] = ["duplicates", "conversion", "recipe"];

/// Says over every picture what was asked for: pictures are cut out and shown alone.
fn name_part(section: &mut Section, asked: &str) {
    if OF_EVERYTHING.contains(&section.id) {
        section.intro.insert(0, "Of the whole dataset, whatever was selected. ".into());
        return;
    }
    for figure in &mut section.figures {
        figure.title = format!("{} · {asked}", figure.title);
        figure.alt = format!("{asked}: {}", figure.alt);
    }
    for gallery in &mut section.galleries {
        gallery.title = match gallery.title.is_empty() {
            true => asked.to_owned(),
            false => format!("{} · {asked}", gallery.title),
        };
    }
}

fn splits(found: &Inspection, numbers: &Numbers) -> Result<Section> {
    let figure = figures::balance(found, numbers)?;
    let mut all = vec![tables::splits(found, numbers)];
    if figure.is_none() {
        all.push(tables::classes(found, numbers));
    }
    let intro = match &found.selected {
        Some(_) => "Only what was selected is counted; size on disk is of everything.",
        None => {
            "Every line of every input list is counted: listed = stored + quarantined + missing + duplicate."
        }
    };
    let damage = found.source_damage.iter();
    let damage = damage.map(|damage| format!(" Damaged source: {damage}").into());
    Ok(Section {
        id: "splits",
        title: "Splits and classes",
        intro: std::iter::once(intro.into()).chain(damage).collect(),
        tables: all,
        figures: figure.into_iter().collect(),
        ..Section::default()
    })
}

fn photos(found: &Inspection, numbers: &Numbers) -> Result<Option<Section>> {
    let figures = histograms::photos(found, numbers)?;
    if figures.is_empty() {
        return Ok(None);
    }
    let mut all = vec![tables::source(found, numbers)];
    if !found.statistics.source.exif_orientation.is_empty() {
        let at = "/inspection/source/exif_orientation";
        let name = format!("EXIF orientation ({})", found.recipe.orient.in_words());
        all.push(tables::members(&name, ["orientation", "photos"], at, numbers));
    }
    Ok(Some(Section {
        id: "photos",
        title: "Source photos",
        intro: vec!["The files that are stored, as they were before any resizing.".into()],
        tables: all,
        figures,
        ..Section::default()
    }))
}

fn light(found: &Inspection, numbers: &Numbers) -> Result<Section> {
    Ok(Section {
        id: "light",
        title: "Light and colour",
        intro: vec![
            "Of the stored pixels as seen, before any view; exact, from the ledger's integer sums."
                .into(),
        ],
        tables: tables::channels(found, numbers),
        figures: histograms::light(found, numbers)?,
        ..Section::default()
    })
}

fn text_scores(found: &Inspection, numbers: &Numbers) -> Result<Option<Section>> {
    let Some(scores) = &found.statistics.text_scores else { return Ok(None) };
    let figure = figures::text_scores(scores, numbers)?;
    let alone = figure.is_none().then(|| tables::text_scores(scores, numbers));
    Ok(Some(Section {
        id: "text",
        title: "Text scores",
        intro: vec![
            numbers.get("/inspection/with_text_scores", Format::Count).into(),
            " samples come with the sentiment of their tweet's text.".into(),
        ],
        tables: alone.into_iter().collect(),
        figures: figure.into_iter().collect(),
        ..Section::default()
    }))
}

fn conversion(report: &Report, numbers: &Numbers) -> Result<Option<Section>> {
    let Some(found) = &report.throughput else { return Ok(None) };
    let row = |name: &str, field: &str, format| -> Vec<Cell> {
        vec![name.into(), numbers.get(format!("/throughput/{field}"), format).into()]
    };
    let mut rows = vec![
        row("seconds", "seconds", Format::Fixed(1)),
        row("photos a second", "photos_per_second", Format::Fixed(1)),
        row("threads", "threads", Format::Count),
        row("photos read", "source_bytes", Format::Bytes),
        row("written", "written_bytes", Format::Bytes),
        row("memory at most", "peak_memory_bytes", Format::Bytes),
    ];
    if found.resumed > 0 {
        rows.push(row("stored by an earlier, interrupted conversion", "resumed", Format::Count));
    }
    let head = ["", ""].map(str::to_owned).to_vec();
    let table = Table { name: "Conversion".to_owned(), head, rows, open: true, ..Table::default() };
    Ok(Some(Section {
        id: "conversion",
        title: "Conversion",
        intro: vec!["From the log beside the dataset, which is no part of it.".into()],
        tables: vec![table],
        figures: figures::throughput(found, numbers)?.into_iter().collect(),
        ..Section::default()
    }))
}

fn recipe(found: &Inspection, numbers: &Numbers) -> Section {
    let recipe = &found.recipe;
    let view = match recipe.dtype {
        Dtype::U8 => format!("pixels as seen; subtract by view: {}", found.views.join(", ")),
        dtype => format!("the view {} is baked in as {dtype}", recipe.view),
    };
    let codecs: Vec<String> = found
        .statistics
        .tensors
        .iter()
        .map(|tensor| format!("{}: {} as {}", tensor.column, tensor.tensor, tensor.codec))
        .collect();
    let row = |name: &str, words: String| -> Vec<Cell> { vec![name.into(), words.into()] };
    let rows = vec![
        row("tensors", codecs.join("; ")),
        row("resize", format!("{} {}, {} decode", recipe.fit, recipe.filter, recipe.decode)),
        row("views", view),
        vec!["ledger".into(), numbers.get("/inspection/ledger_bytes", Format::Bytes).into()],
        row("content root", found.content_root.clone()),
        row("made by", format!("tcolz {}", found.tcolz_version)),
    ];
    let head = ["", ""].map(str::to_owned).to_vec();
    let table = Table { name: "Recipe".to_owned(), head, rows, open: true, ..Table::default() };
    Section { id: "recipe", title: "Recipe", tables: vec![table], ..Section::default() }
}
