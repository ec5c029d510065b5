//! What training and inference cost: time, processor, memory, disk.

use super::entries::{Entry, Scope};
use super::piece::{Text, Traced};
use super::show;
use super::table::{Column, Row, Table};
use super::times::{self, TIME};
use crate::results::{Document, ModelResults};

/// The trained models of a scope, seed by seed.
fn runs<'a>(scope: &'a Scope<'_>) -> impl Iterator<Item = (&'a Entry<'a>, &'a ModelResults)> {
    scope.entries.iter().flat_map(|entry| entry.runs.iter().map(move |&run| (entry, run)))
}

/// A number of a document that may be missing.
fn at(document: Option<&Document>, pointer: &str) -> Option<Traced> {
    Traced::at(document?, pointer)
}

fn words(document: Option<&Document>, pointer: &str) -> Text {
    document.and_then(|document| document.text(pointer)).map_or_else(Text::dash, Text::from)
}

/// Name of the model, and its seed.
fn named(entry: &Entry<'_>, run: &ModelResults) -> Vec<Text> {
    let seed = match &run.train {
        Some(train) => Text::number(Traced::at(train, "/seed"), |seed| format!("{seed}")),
        None => Text::from(run.seed.to_string()),
    };
    vec![entry.name.into(), seed]
}

/// How long training took. Whoever made features and whoever found them are compared by what both would take alone.
pub(super) fn training(scope: &Scope<'_>) -> Table {
    let trainings: Vec<&Document> = runs(scope).filter_map(|(_, run)| run.train.as_ref()).collect();
    let whole =
        |run: &ModelResults| times::as_first_run(run.train.as_ref()?, trainings.iter().copied());
    let all: Vec<Traced> = runs(scope).filter_map(|(_, run)| whole(run)).collect();
    let quickest = all.iter().min_by(|a, b| a.value.total_cmp(&b.value)).cloned();
    let row = |(entry, run): (&Entry<'_>, &ModelResults)| {
        let train = run.train.as_ref();
        let mut cells = named(entry, run);
        let relative = whole(run).zip(quickest.clone());
        let relative = relative.and_then(|(own, quickest)| Traced::ratio(&own, &quickest));
        cells.extend([
            Text::number(at(train, "/samples"), show::whole),
            Text::number(at(train, "/validation_samples"), show::whole),
            Text::number(at(train, "/epochs"), show::whole),
            Text::number(at(train, "/best/epoch"), show::whole),
            Text::number(at(train, "/times/seconds"), show::time),
            times::features_text(train),
            Text::number(train.and_then(times::alone), show::time),
            Text::number(whole(run), show::time),
            Text::number(relative, |value| format!("{value:.2} ×")),
            Text::number(at(train, "/times/epoch_seconds"), show::time),
            Text::number(at(train, "/times/photos_per_second"), show::rate),
            Text::number(at(train, "/times/waiting_share"), show::percent),
            words(train, "/device"),
            Text::number(at(train, "/threads"), show::whole),
            words(train, "/ending"),
        ]);
        Row::of(cells)
    };
    Table {
        name: format!("training{}", scope.ending()),
        title: format!("Time of training{}", scope.words()),
        note: "Wall time: as it went. Features of frozen layers are made once and then found by every run that shares them: \
               who made them, in what time, and what the training took without. As the first run: with the features \
               made, whoever made them; by this trainings are compared. An epoch and its photos per second are means over the \
               epochs. Waiting: the share of the epochs' time in which training waited for photos."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::number("seed", ""),
            Column::number("samples", ""),
            Column::number("validation samples", ""),
            Column::number("epochs", ""),
            Column::number("best epoch", ""),
            Column::number("wall time", "s"),
            Column::numbers("features", "s", &["made in"]),
            Column::number("without features", "s"),
            Column::number("as the first run", "s"),
            Column::number("relative to the quickest", ""),
            Column::number("an epoch", "s"),
            Column::number("photos/s", ""),
            Column::number("waiting", "share"),
            Column::words("device"),
            Column::number("threads", ""),
            Column::words("ending"),
        ],
        rows: runs(scope).map(row).collect(),
        open: true,
    }
}

/// What training took of the machine.
pub(super) fn resources(scope: &Scope<'_>) -> Table {
    let row = |(entry, run): (&Entry<'_>, &ModelResults)| {
        let train = run.train.as_ref();
        let of = |field: &str| at(train, &format!("/resources/{field}"));
        let mut cells = named(entry, run);
        cells.extend([
            Text::number(of("cpu_percent"), |value| format!("{value:.0} %")),
            Text::number(of("resident_bytes"), show::size),
            Text::number(of("virtual_bytes"), show::size),
            Text::number(of("device_memory_bytes"), show::size),
            Text::number(of("samples"), show::whole),
        ]);
        Row::of(cells)
    };
    Table {
        name: format!("training-resources{}", scope.ending()),
        title: format!("CPU load and memory in training{}", scope.words()),
        note: "CPU load: mean over the training, 100 % is one core. Resident: memory that is really held, at most; virtual: \
               addresses that are reserved, at most, mapped files included."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::number("seed", ""),
            Column::number("CPU load", "percent of a core"),
            Column::number("resident", "bytes"),
            Column::number("virtual", "bytes"),
            Column::number("device memory", "bytes"),
            Column::number("times looked", ""),
        ],
        rows: runs(scope).map(row).collect(),
        open: true,
    }
}

/// What inference on the CPU costs.
pub(super) fn inference(scope: &Scope<'_>, measurements: &[&Document]) -> Table {
    let row = |entry: &Entry<'_>| {
        let rate = entry.costs("/images_15/images").zip(entry.costs("/images_15/median"));
        let rate = rate.and_then(|(images, seconds)| Traced::ratio(&images, &seconds));
        Row::of(vec![
            entry.name.into(),
            times::text(entry.time("images_15")),
            times::text(entry.time("image_1")),
            Text::number(rate, show::rate),
            Text::number(entry.costs("/resident_bytes"), show::size),
            Text::number(entry.costs("/virtual_bytes"), show::size),
            Text::number(entry.costs("/cpu_percent"), |value| format!("{value:.0} %")),
            machine(entry, measurements),
            Text::number(entry.costs("/threads"), show::whole),
            words(entry.cost(), "/cpu"),
        ])
    };
    Table {
        name: format!("inference{}", scope.ending()),
        title: format!("Inference on the CPU{}", scope.words()),
        note: "Median of the runs and its 95 % interval (by order statistics), 15 images at once and one by itself. What \
               computes the same is measured once. Photos per second are those of 15 at once. CPU load (100 % is one core) \
               and memory of a process that did nothing else. Machine: how long a reference loop took beside the runs, as \
               a multiple of what it takes on a quiet machine; more than 1.25 is busy, and the times are not to be believed."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::numbers("15 images", "s", &TIME),
            Column::numbers("one image", "s", &TIME),
            Column::number("photos/s", ""),
            Column::number("resident", "bytes"),
            Column::number("virtual", "bytes"),
            Column::number("CPU load", "percent of a core"),
            Column::number("machine", "slowdown"),
            Column::number("threads", ""),
            Column::words("CPU"),
        ],
        rows: scope.entries.iter().map(row).collect(),
        open: true,
    }
}

/// `1.02 ×`, or that it was busy.
fn machine(entry: &Entry<'_>, measurements: &[&Document]) -> Text {
    let slowdown = entry.cost().and_then(|cost| times::slowdown(cost, measurements));
    let busy = slowdown.as_ref().is_some_and(times::is_busy);
    let text = Text::number(slowdown, |value| format!("{value:.2} ×"));
    if busy { text.and(", busy") } else { text }
}

/// How the runs behind the inference times spread.
pub(super) fn inference_runs(scope: &Scope<'_>) -> Table {
    let fields = [
        ("quickest", "quickest"),
        ("lower quartile", "lower_quartile"),
        ("median", "median"),
        ("upper quartile", "upper_quartile"),
        ("slowest", "slowest"),
    ];
    let mut rows = Vec::new();
    for entry in &scope.entries {
        for (images, of) in [("15 images", "images_15"), ("one image", "image_1")] {
            let at = |field: &str| entry.costs(&format!("/{of}/{field}"));
            if at("runs").is_none() {
                continue;
            }
            let mut cells: Vec<Text> = vec![entry.name.into(), images.into()];
            cells.push(Text::number(at("runs"), show::whole));
            cells.extend(fields.iter().map(|(_, field)| show::short_time(at(field))));
            rows.push(Row::of(cells));
        }
    }
    let mut columns = ["model", "images"].map(Column::words).to_vec();
    columns.push(Column::number("runs", ""));
    columns.extend(fields.iter().map(|(title, _)| Column::number(*title, "s")));
    Table {
        name: format!("inference-runs{}", scope.ending()),
        title: format!("Spread of the runs of inference{}", scope.words()),
        columns,
        rows,
        ..Table::default()
    }
}

/// How large the models are.
pub(super) fn sizes(scope: &Scope<'_>) -> Table {
    let row = |entry: &Entry<'_>| {
        let first = |pointer: &str| entry.trained(pointer).into_iter().next();
        let parameters = first("/parameters").or_else(|| entry.costs("/parameters"));
        Row::of(vec![
            entry.name.into(),
            entry.network.into(),
            Text::number(parameters, show::whole),
            Text::number(first("/trained_parameters"), show::whole),
            Text::number(entry.weights_bytes(), show::size),
            Text::number(first("/model_bytes"), show::size),
        ])
    };
    Table {
        name: format!("size{}", scope.ending()),
        title: format!("Size of the models{}", scope.words()),
        note: "Deployable weights: 4 bytes a parameter, without the optimiser's state. The file holds besides what it takes \
               to use it: classes, view, checksum. 1 MB = 10^6 bytes."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::words("network"),
            Column::number("parameters", ""),
            Column::number("of them trained", ""),
            Column::number("deployable weights", "bytes"),
            Column::number("file of the model", "bytes"),
        ],
        rows: scope.entries.iter().map(row).collect(),
        open: true,
    }
}
