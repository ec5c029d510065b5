//! Tables of the page: the numbers behind its charts.

use crate::{ChannelStatistics, Histogram, Inspection, TextScores};

use super::elements::{Cell, Table};
use super::numbers::{Format, Numbers};
use super::throughput::{ShardDone, Throughput};

/// Rows of a table at most; JSON has all.
const MAX_ROWS: usize = 1000;

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Cuts a table that is too long and says so.
fn cut(mut table: Table) -> Table {
    if table.rows.len() > MAX_ROWS {
        table.rest = format!("{} more rows are in the JSON form.", table.rows.len() - MAX_ROWS);
        table.rows.truncate(MAX_ROWS);
    }
    table
}

/// What became of the inputs of each split.
pub(super) fn splits(found: &Inspection, numbers: &Numbers) -> Table {
    let selected = found.selected.is_some();
    let fields = ["listed", "stored", "quarantined", "missing", "duplicate"];
    let row = |index: usize, name: &str| {
        let mut cells: Vec<Cell> = vec![name.into()];
        if selected {
            let at = format!("/inspection/splits/{index}/samples");
            cells.push(numbers.get(at, Format::Count).into());
        } else {
            cells.extend(fields.map(|field| {
                let at = format!("/inspection/splits/{index}/counts/{field}");
                numbers.get(at, Format::Count).into()
            }));
        }
        for (field, format) in [("shards", Format::Count), ("bytes", Format::Bytes)] {
            cells.push(numbers.get(format!("/inspection/storage/{index}/{field}"), format).into());
        }
        cells
    };
    let splits = found.statistics.splits.iter().enumerate();
    let mut head = vec!["split".to_owned()];
    head.extend(if selected { words(&["selected"]) } else { words(&fields) });
    head.extend(words(&["shards", "on disk"]));
    let rows = splits.map(|(index, split)| row(index, &split.name)).collect();
    Table { name: "Inputs and storage".to_owned(), head, rows, open: true, ..Table::default() }
}

/// Samples of each class in each split.
pub(super) fn classes(found: &Inspection, numbers: &Numbers) -> Table {
    let splits = &found.statistics.splits;
    let mut head = vec!["class".to_owned()];
    head.extend(splits.iter().map(|split| split.name.clone()));
    head.push("all".to_owned());
    let row = |(class, name): (usize, &String)| {
        let mut cells: Vec<Cell> = vec![name.clone().into()];
        cells.extend((0..splits.len()).map(|split| {
            let at = format!("/inspection/splits/{split}/by_class/{class}");
            Cell::from(numbers.get(at, Format::Count))
        }));
        let at = format!("/inspection/class_statistics/{class}/samples");
        cells.push(numbers.get(at, Format::Count).into());
        cells
    };
    let mut rows: Vec<Vec<Cell>> =
        found.classes.iter().enumerate().take(MAX_ROWS + 1).map(row).collect();
    if splits.iter().any(|split| split.unlabelled > 0) {
        let mut cells: Vec<Cell> = vec!["without a label".into()];
        cells.extend((0..splits.len()).map(|split| {
            let at = format!("/inspection/splits/{split}/unlabelled");
            Cell::from(numbers.get(at, Format::Count))
        }));
        cells.push("".into());
        rows.insert(0, cells);
    }
    cut(Table { name: "Samples by class and split".to_owned(), head, rows, ..Table::default() })
}

/// The bins of a histogram.
pub(super) fn histogram(
    field: &str,
    x: &str,
    y: &str,
    found: &Histogram,
    edge: fn(f64) -> String,
    numbers: &Numbers,
) -> Table {
    let row = |bin: usize| -> Vec<Cell> {
        let at = format!("/inspection/histograms/{field}/counts/{bin}");
        let range = format!("{} to {}", edge(found.edges[bin]), edge(found.edges[bin + 1]));
        vec![range.into(), numbers.get(at, Format::Count).into()]
    };
    let filled = (0..found.counts.len()).filter(|&bin| found.counts[bin] > 0);
    Table {
        name: "Numbers".to_owned(),
        head: vec![format!("{x}, from … to below …"), y.to_owned()],
        rows: filled.map(row).collect(),
        ..Table::default()
    }
}

/// Counts by word, the largest first.
pub(super) fn members(name: &str, head: [&str; 2], at: &str, numbers: &Numbers) -> Table {
    let row =
        |(word, at): (String, String)| vec![word.into(), numbers.get(at, Format::Count).into()];
    let rows = numbers.members(at).into_iter().map(row).collect();
    cut(Table { name: name.to_owned(), head: words(&head), rows, ..Table::default() })
}

/// Quartiles of what the ledger says of the source photos.
pub(super) fn source(found: &Inspection, numbers: &Numbers) -> Table {
    let row = |(name, field, format): (&str, &str, Format)| {
        let at = |part: &str| format!("/inspection/source/{field}/{part}");
        let mut cells: Vec<Cell> =
            vec![name.into(), numbers.get(at("count"), Format::Count).into()];
        for part in ["smallest", "quartiles/0", "quartiles/1", "quartiles/2", "largest"] {
            cells.push(numbers.get(at(part), format).into());
        }
        cells
    };
    let rows = [
        ("width (pixels)", "width", Format::Count),
        ("height (pixels)", "height", Format::Count),
        ("file size", "bytes", Format::Bytes),
        ("JPEG quality", "jpeg_quality", Format::Count),
    ];
    let jpegs = found.statistics.source.jpeg_quality.count > 0;
    let known = rows.into_iter().filter(|(_, field, _)| *field != "jpeg_quality" || jpegs);
    Table {
        name: "Smallest, quartiles, largest".to_owned(),
        head: words(&["", "photos", "smallest", "¼", "median", "¾", "largest"]),
        rows: known.map(row).collect(),
        open: true,
        ..Table::default()
    }
}

/// Channel means and deviations with the sums that they follow from.
pub(super) fn channels(found: &Inspection, numbers: &Numbers) -> Vec<Table> {
    let statistics = &found.statistics;
    let rgb = ["red", "green", "blue"];
    let row = |name: String, at: String, fields: &[(&str, Format)]| {
        let mut cells: Vec<Cell> = vec![name.into()];
        for (field, format) in fields {
            cells.extend((0..3).map(|channel| {
                Cell::from(numbers.get(format!("{at}/{field}/{channel}"), *format))
            }));
        }
        cells
    };
    let places = || {
        let mut places = Vec::new();
        for (size, tensor) in statistics.tensors.iter().enumerate() {
            places.push((tensor.column.clone(), format!("/inspection/tensors/{size}")));
            for (index, split) in statistics.splits.iter().enumerate() {
                let at = format!("/inspection/splits/{index}/channels/{size}");
                places.push((format!("{}, {}", tensor.column, split.name), at));
            }
        }
        places
    };
    let head = |columns: &[&str]| {
        let mut head = vec![String::new()];
        head.extend(columns.iter().flat_map(|of| rgb.map(|channel| format!("{of} {channel}"))));
        head
    };
    let means = [("mean", Format::Fixed(4)), ("std", Format::Fixed(4))];
    let sums = [("sum", Format::Count), ("sum_of_squares", Format::Count)];
    let rows = |fields: &[(&str, Format)]| -> Vec<Vec<Cell>> {
        places().into_iter().map(|(name, at)| row(name, at, fields)).collect()
    };
    let size = statistics.tensors.len().saturating_sub(1);
    let seen = |channels: &[ChannelStatistics]| channels.get(size).is_some_and(|c| c.pixels > 0);
    let of_class = statistics
        .class_statistics
        .iter()
        .enumerate()
        .filter(|(_, class)| seen(&class.channels))
        .map(|(index, class)| {
            let at = format!("/inspection/class_statistics/{index}/channels/{size}");
            row(class.name.clone(), at, &means)
        });
    let table = |name: &str, head, rows, open| Table {
        name: name.to_owned(),
        head,
        rows,
        open,
        ..Table::default()
    };
    vec![
        table("Mean and standard deviation, in levels", head(&["mean", "std"]), rows(&means), true),
        table("The same by class, largest size", head(&["mean", "std"]), of_class.collect(), false),
        table("Sums that they follow from", head(&["Σ", "Σ²"]), rows(&sums), false),
    ]
    .into_iter()
    .map(cut)
    .collect()
}

/// Mean scores, and which score is the highest, by class.
pub(super) fn text_scores(scores: &TextScores, numbers: &Numbers) -> Table {
    let row =
        |(index, class): (usize, &crate::ClassScores)| {
            let at = |field: &str| format!("/inspection/text_scores/by_class/{index}/{field}");
            let name = class.class.clone().unwrap_or_else(|| "without a label".to_owned());
            let mut cells: Vec<Cell> = vec![name.into()];
            cells.push(numbers.get(at("samples"), Format::Count).into());
            cells.extend((0..3).map(|score| {
                Cell::from(numbers.get(at(&format!("mean/{score}")), Format::Fixed(3)))
            }));
            cells.extend((0..3).map(|score| {
                Cell::from(numbers.get(at(&format!("highest/{score}")), Format::Count))
            }));
            cells
        };
    let known = scores.by_class.iter().enumerate().filter(|(_, class)| class.samples > 0);
    cut(Table {
        name: "Mean scores, and samples by their highest score".to_owned(),
        head: words(&[
            "label",
            "samples",
            "negative",
            "neutral",
            "positive",
            "highest: negative",
            "neutral",
            "positive",
        ]),
        rows: known.map(row).collect(),
        ..Table::default()
    })
}

/// Shards in the order in which they were finished.
pub(super) fn shards(found: &Throughput, numbers: &Numbers) -> Table {
    let row = |(index, shard): (usize, &ShardDone)| -> Vec<Cell> {
        let at = |field: &str| format!("/throughput/shards/{index}/{field}");
        vec![
            shard.file.clone().into(),
            numbers.get(at("rows"), Format::Count).into(),
            numbers.get(at("bytes"), Format::Bytes).into(),
            numbers.get(at("seconds"), Format::Fixed(1)).into(),
        ]
    };
    cut(Table {
        name: "Shards".to_owned(),
        head: words(&["shard", "samples", "size", "finished at (s)"]),
        rows: found.shards.iter().enumerate().map(row).collect(),
        ..Table::default()
    })
}
