//! The parts of the page that show pictures, and what has none.

use crate::{BadInput, DuplicateGroup, Duplicates, MeanImage, Relation};
use tcolz_format::sample::Label;

use super::elements::{Cell, Gallery, Section, Table, Tile};
use super::gallery::{GROUP_PICTURES, MAX_CLASSES, MAX_GROUPS, MAX_REFUSED, Shown};
use super::numbers::{Format, Numbers};
use super::{Report, tables};
use tcolz_base::numbers::count;

pub(super) fn mean_images(report: &Report, numbers: &Numbers) -> Option<Section> {
    let means = report.mean_images.as_ref()?;
    let mut intro: Vec<Cell> = vec![
        "Each pixel is the mean over the samples of the class, added up exactly and rounded once. "
            .into(),
    ];
    let read = numbers.get("/mean_images/read", Format::Count);
    match &means.percent {
        Some(percent) => {
            intro.push(read.into());
            intro.push(" of ".into());
            intro.push(numbers.get("/mean_images/samples", Format::Count).into());
            intro.push(
                format!(" samples were read: {percent} % of every class, drawn by sample id.")
                    .into(),
            );
        }
        None => {
            intro.extend::<[Cell; 3]>(["All ".into(), read.into(), " samples were read.".into()])
        }
    }
    let classes = report.inspection.classes.len();
    if classes > means.classes.len() {
        intro.push(
            format!(
                " Of {} classes the {} largest are shown.",
                count(classes as u64),
                means.classes.len()
            )
            .into(),
        );
    }
    let tile = |(index, (class, source)): (usize, (&MeanImage, &String))| {
        let name = class.class.clone().unwrap_or_else(|| "without a label".to_owned());
        let samples = numbers.get(format!("/mean_images/classes/{index}/samples"), Format::Count);
        Tile {
            source: Some(source.clone()),
            alt: format!("Mean image of {name}"),
            words: vec![name.into(), " · ".into(), samples.into()],
        }
    };
    let tiles = means.classes.iter().zip(&report.galleries.means).enumerate().map(tile).collect();
    let gallery = Gallery { title: String::new(), note: Vec::new(), alarm: false, tiles };
    Some(Section {
        id: "means",
        title: "Mean images",
        intro,
        galleries: vec![gallery],
        ..Section::default()
    })
}

fn class_name(label: Label, classes: &[String]) -> String {
    match label {
        None => "without a label".to_owned(),
        Some(label) => {
            let name = classes.get(usize::from(label)).cloned();
            name.unwrap_or_else(|| format!("class {label}"))
        }
    }
}

pub(super) fn classes(report: &Report) -> Option<Section> {
    let shown = &report.galleries.classes;
    if shown.is_empty() {
        return None;
    }
    let names = &report.inspection.classes;
    let tile = |shown: &Shown, label: Label| {
        let class = class_name(label, names);
        Tile {
            source: shown.source.clone(),
            alt: format!("{} ({class}, {})", shown.sample_id, shown.split),
            words: vec![file_name(&shown.sample_id).into()],
        }
    };
    let gallery = |(label, samples, tiles): &(Label, u64, Vec<Shown>)| Gallery {
        title: class_name(*label, names),
        note: vec![format!("{} of {}", tiles.len(), count(*samples)).into()],
        alarm: false,
        tiles: tiles.iter().map(|shown| tile(shown, *label)).collect(),
    };
    let mut intro: Vec<Cell> =
        vec!["Samples as they are stored, spread evenly over each class.".into()];
    if names.len() > MAX_CLASSES {
        intro.push(
            format!(
                " Of {} classes the {} largest are shown.",
                count(names.len() as u64),
                shown.len()
            )
            .into(),
        );
    }
    Some(Section {
        id: "samples",
        title: "Contact sheets",
        intro,
        galleries: shown.iter().map(gallery).collect(),
        ..Section::default()
    })
}

/// The last part of a path, which tells more than its beginning.
fn file_name(sample_id: &str) -> String {
    sample_id.rsplit('/').next().unwrap_or(sample_id).to_owned()
}

pub(super) fn refused(report: &Report, numbers: &Numbers) -> Option<Section> {
    let (statistics, shown) = (&report.inspection.statistics, &report.galleries.refused);
    let mut all = Vec::new();
    for (name, at, members) in [
        ("Not stored, by reason", "/inspection/reasons", &statistics.reasons),
        ("Stored, with something to remark", "/inspection/remarks", &statistics.remarks),
    ] {
        if !members.is_empty() {
            all.push(Table {
                open: true,
                ..tables::members(name, ["reason", "inputs"], at, numbers)
            });
        }
    }
    if all.is_empty() {
        return None;
    }
    let tile = |refused: &BadInput| Tile {
        source: None,
        alt: String::new(),
        words: vec![
            format!("{} / {}", refused.split, refused.sample_id).into(),
            format!(" — {}: {}", refused.reason, refused.detail).into(),
        ],
    };
    let tiles: Vec<Tile> = shown.iter().map(tile).collect();
    let not_stored: u64 = statistics.reasons.values().sum();
    let note = match not_stored > MAX_REFUSED as u64 {
        true => format!("the first {MAX_REFUSED} in the ledger's order"),
        false => "all of them".to_owned(),
    };
    let gallery = Gallery {
        title: "Inputs that are not stored".to_owned(),
        note: vec![note.into()],
        alarm: false,
        tiles,
    };
    Some(Section {
        id: "quarantine",
        title: "Quarantine",
        intro: vec!["Bad inputs are recorded with a reason and have no picture.".into()],
        tables: all,
        galleries: if shown.is_empty() { Vec::new() } else { vec![gallery] },
        ..Section::default()
    })
}

pub(super) fn duplicates(report: &Report, numbers: &Numbers) -> Section {
    let found = &report.duplicates;
    let names = &report.inspection.classes;
    let mut intro: Vec<Cell> = vec![
        "Samples that are the same file, the same pixels, or nearly the same picture, among "
            .into(),
        numbers.get("/duplicates/samples", Format::Count).into(),
        " stored samples.".into(),
    ];
    match &found.near {
        Some(_) => intro.extend::<Vec<Cell>>(vec![
            " Near means: hashes at most ".into(),
            numbers.get("/duplicates/near/max_distance", Format::Count).into(),
            " bits apart and, on a grid of ".into(),
            numbers.get("/duplicates/near/grid", Format::Count).into(),
            " cells a side, a root mean square difference of at most ".into(),
            numbers.get("/duplicates/near/max_difference", Format::Plain).into(),
            " levels; the pixels of ".into(),
            numbers.get("/duplicates/near/compared", Format::Count).into(),
            " pairs were compared.".into(),
        ]),
        None => intro.push(" Near ones were not looked for: tensors are no pixels.".into()),
    }
    if found.near.is_some_and(|near| near.cut > 0) {
        intro.push(" Not complete: ".into());
        intro.push(numbers.get("/duplicates/near/cut", Format::Count).into());
        intro.push(
            " samples with very many others near by hash were compared with the most alike only."
                .into(),
        );
    }
    if found.groups.len() > MAX_GROUPS {
        let all = count(found.groups.len() as u64);
        intro.push(
            format!(" Of {all} groups the first {MAX_GROUPS} are shown, the worst first.").into(),
        );
    }
    let tile = |shown: &Shown| Tile {
        source: shown.source.clone(),
        alt: format!("{} ({}, {})", shown.sample_id, class_name(shown.label, names), shown.split),
        // What tells members apart comes first, in a line of its own.
        words: vec![
            format!("{} / {}\n", shown.split, class_name(shown.label, names)).into(),
            file_name(&shown.sample_id).into(),
        ],
    };
    let gallery = |(group, shown): (&DuplicateGroup, &Vec<Shown>)| {
        let rest = group.members.len().saturating_sub(GROUP_PICTURES);
        let note =
            if rest > 0 { format!("and {} more", count(rest as u64)) } else { String::new() };
        Gallery {
            title: group.describe(),
            note: vec![note.into()],
            alarm: group.across_splits || group.conflicting_labels,
            tiles: shown.iter().map(tile).collect(),
        }
    };
    Section {
        id: "duplicates",
        title: "Duplicates and leakage",
        intro,
        tables: vec![duplicate_counts(found)],
        galleries: found.groups.iter().zip(&report.galleries.groups).map(gallery).collect(),
        ..Section::default()
    }
}

/// Groups and samples by kind; counted from the groups that the JSON form lists.
fn duplicate_counts(found: &Duplicates) -> Table {
    type Condition = fn(&DuplicateGroup) -> bool;
    let kinds: [(&str, Condition); 5] = [
        ("same file", |group| group.relation == Relation::SameFile),
        ("same pixels, other files", |group| group.relation == Relation::SamePixels),
        ("nearly the same", |group| group.relation == Relation::Near),
        ("across splits: leakage", |group| group.across_splits),
        ("labels differ", |group| group.conflicting_labels),
    ];
    let row = |(name, condition): (&str, Condition)| {
        let (groups, samples) = found.count(condition);
        vec![name.into(), count(groups).into(), count(samples).into()]
    };
    Table {
        name: "Groups of duplicates".to_owned(),
        head: ["", "groups", "samples"].map(str::to_owned).to_vec(),
        rows: kinds.into_iter().map(row).collect(),
        open: true,
        ..Table::default()
    }
}
