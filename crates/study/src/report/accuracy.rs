//! How good the models are: on each benchmark, class by class, and whether their probabilities mean what they say.

use super::entries::{ACCURACY, Accuracy, Entry, LEVELS, Measure, Scope, slug};
use super::piece::{Text, Traced};
use super::show;
use super::table::{Column, Row, Table};
use crate::published::{Benchmark, PUBLISHED, Published};
use crate::results::{Document, Results};

/// Accuracy of each model on each benchmark; of models that saw all of the data beside published figures.
pub(super) fn accuracies(results: &Results, scope: &Scope<'_>, chosen: Option<&str>) -> Table {
    let measures = Measure::all(results);
    let mut columns = ["model", "fine-tuned", "measured by"].map(Column::words).to_vec();
    columns.push(Column::number("seeds", ""));
    columns.extend(measures.iter().map(|of| Column::numbers(of.title(), "", &ACCURACY)));
    let mut rows: Vec<Row> = Vec::new();
    for entry in &scope.entries {
        let found: Vec<Option<Accuracy>> =
            measures.iter().map(|measure| entry.accuracy(measure)).collect();
        let seeds = found.iter().flatten().map(|accuracy| &accuracy.seeds);
        let seeds = seeds.max_by(|a, b| a.value.total_cmp(&b.value)).cloned();
        let mut cells: Vec<Text> =
            vec![entry.name.into(), entry.finetune.into(), "this study".into()];
        let text = Text::number(seeds.clone(), show::whole);
        let all = entry.runs.len();
        let some = seeds.is_some_and(|seeds| seeds.value < all as f64);
        cells.push(if some { text.and(format!(" of {all}")) } else { text });
        cells.extend(
            found.iter().map(|accuracy| accuracy.as_ref().map_or_else(Text::dash, Accuracy::text)),
        );
        rows.push(Row { strong: chosen == Some(entry.name), ..Row::of(cells) });
    }
    let mut note = Text::from(
        "Share of samples predicted right, with its 95 % interval (Wilson). Of several seeds: mean ± sample standard \
         deviation, and the means of the intervals' ends: all seeds are tested on the same samples. ",
    );
    if scope.percent.is_none() {
        let published = PUBLISHED.iter().filter_map(|theirs| published_row(theirs, &measures));
        let before = rows.len();
        rows.extend(published);
        if rows.len() > before {
            note = note.and("† Published by others and typed in, not measured here: the last part of this report says by whom.");
        }
    }
    Table {
        name: format!("accuracy{}", scope.ending()),
        title: format!("Accuracy on each benchmark{}", scope.words()),
        note,
        columns,
        rows,
        open: true,
    }
}

/// What others published of these measures.
pub(super) fn published(theirs: &Published, measure: &Measure<'_>) -> Option<Traced> {
    let value = match (measure.of.published?, measure.agreement) {
        (Benchmark::BT4saTest, None) => theirs.b_t4sa_test,
        (Benchmark::Ttd, Some(level)) => {
            theirs.ttd[LEVELS.iter().position(|&known| known == level)?]
        }
        _ => None,
    }?;
    Some(Traced::published(value, theirs.source))
}

fn published_row(theirs: &Published, measures: &[Measure<'_>]) -> Option<Row> {
    let figures: Vec<Option<Traced>> =
        measures.iter().map(|measure| published(theirs, measure)).collect();
    if figures.iter().all(Option::is_none) {
        return None;
    }
    let (model, tuned) = match theirs.model.rsplit_once(' ') {
        Some((model, tuned)) if tuned.starts_with("FT-") => (model, tuned),
        _ => (theirs.model, ""),
    };
    let mut cells: Vec<Text> =
        vec![format!("{model} †").into(), tuned.into(), theirs.short_source().into(), "".into()];
    cells.extend(figures.into_iter().map(|figure| match figure {
        Some(figure) => Text::default().with(figure, show::share).and(" †"),
        None => Text::from(""),
    }));
    Some(Row { published: true, ..Row::of(cells) })
}

/// What the models were evaluated on: how many samples counted, and what answering always the same would score.
pub(super) fn benchmarks(results: &Results) -> Table {
    let mut rows = Vec::new();
    for measure in Measure::all(results) {
        let documents: Vec<&Document> = results
            .models
            .iter()
            .filter_map(|run| run.evaluations.get(measure.benchmark)?.as_ref())
            .collect();
        let samples = documents.iter().filter_map(|of| measure.number(of, "accuracy/of"));
        let samples: Vec<Traced> = samples.collect();
        let same = samples.windows(2).all(|both| both[0].value == both[1].value);
        let first = samples.first().cloned();
        let text = Text::number(first, show::whole);
        let majority = documents.iter().find_map(|of| measure.number(of, "majority"));
        rows.push(Row::of(vec![
            measure.title().into(),
            if same { text } else { text.and(" (not the same for all models!)") },
            Text::number(majority, show::share),
            match measure.of.published {
                Some(Benchmark::BT4saTest) => "test split of B-T4SA".into(),
                Some(Benchmark::Ttd) => "TTD".into(),
                None => Text::dash(),
            },
        ]));
    }
    Table {
        name: "benchmarks".to_owned(),
        title: "Benchmarks".to_owned(),
        note: "Each sample is counted once. Of TTD the models' output neutral is dropped and the larger of negative and \
               positive counts; ≥5, ≥4 and ≥3 are samples that at least so many annotators agree on."
            .into(),
        columns: vec![
            Column::words("benchmark"),
            Column::number("samples counted", ""),
            Column::number("always the largest class", ""),
            Column::words("published figures are of"),
        ],
        rows,
        open: true,
    }
}

/// Mean ± sd over seeds of a field of the scores; slots 0 and 1.
fn over_seeds(entry: &Entry<'_>, measure: &Measure<'_>, field: &str) -> Text {
    let documents = entry.evaluations(measure.benchmark);
    let values: Vec<Traced> =
        documents.iter().filter_map(|document| measure.number(document, field)).collect();
    spread(&values, show::share)
}

/// Mean ± sd; slots 0 and 1.
pub(super) fn spread(values: &[Traced], show: fn(f64) -> String) -> Text {
    let Some(mean) = Traced::mean(values) else { return Text::dash() };
    let text = Text::default().in_slot(0, mean, show);
    match Traced::sample_sd(values) {
        Some(sd) => text.and(" ± ").in_slot(1, sd, show),
        None => text,
    }
}

/// Over all classes: F1, losses, calibration.
pub(super) fn scores(results: &Results, scope: &Scope<'_>) -> Table {
    let fields = [
        ("macro precision", "macro_mean/precision"),
        ("macro recall", "macro_mean/recall"),
        ("macro F1", "macro_mean/f1"),
        ("log loss (nats)", "log_loss"),
        ("Brier score", "brier"),
        ("calibration error", "calibration/expected_error"),
        ("largest calibration error", "calibration/largest_error"),
    ];
    let mut columns = ["model", "benchmark"].map(Column::words).to_vec();
    let column = |(title, _): &(&str, &str)| Column::numbers(*title, "", &["", "sd over seeds"]);
    columns.extend(fields.iter().map(column));
    let mut rows = Vec::new();
    for measure in Measure::all(results) {
        // Not every model is evaluated on every benchmark.
        let evaluated = |entry: &&Entry<'_>| !entry.evaluations(measure.benchmark).is_empty();
        for entry in scope.entries.iter().filter(evaluated) {
            let mut cells: Vec<Text> = vec![entry.name.into(), measure.title().into()];
            cells.extend(fields.iter().map(|(_, field)| over_seeds(entry, &measure, field)));
            rows.push(Row::of(cells));
        }
    }
    Table {
        name: format!("scores{}", scope.ending()),
        title: format!("Means over classes, losses and calibration{}", scope.words()),
        note: "Macro: each class counts the same. Calibration error: by how much the probability of the predicted class \
               differs from the share that is right, on average over bins and at most; 0 is best. Of several seeds: mean ± \
               sample standard deviation."
            .into(),
        columns,
        rows,
        open: false,
    }
}

/// Precision, recall and F1 of each class; a table for each benchmark.
pub(super) fn classes(results: &Results, scope: &Scope<'_>) -> Vec<Table> {
    results.benchmarks.iter().enumerate().map(|(place, of)| {
        let measures = Measure::of(place, of);
        let mut columns = vec![Column::words("model")];
        if of.ttd {
            columns.push(Column::words("agreement"));
        }
        columns.push(Column::words("class"));
        columns.push(Column::number("samples", ""));
        let fields = ["precision", "recall", "F1"];
        columns.extend(fields.map(|title| Column::numbers(title, "", &["", "sd over seeds"])));
        let mut rows = Vec::new();
        for entry in &scope.entries {
            for measure in &measures {
                rows.extend(class_rows(entry, measure));
            }
        }
        Table {
            name: format!("classes-{}{}", slug(&of.name), scope.ending()),
            title: format!("Classes of {}{}", of.name, scope.words()),
            note: "Precision: of what is called so, the share that is. Recall: of what is so, the share that is called so. \
                   F1: their harmonic mean."
                .into(),
            columns,
            rows,
            open: false,
        }
    }).collect()
}

fn class_rows(entry: &Entry<'_>, measure: &Measure<'_>) -> Vec<Row> {
    let documents = entry.evaluations(measure.benchmark);
    let Some(first) = documents.first() else { return Vec::new() };
    let Some(scores) = measure.scores(first) else { return Vec::new() };
    let classes = first.json.pointer(&format!("{scores}/classes")).and_then(|v| v.as_array());
    let classes = classes.map_or(0, Vec::len);
    (0..classes)
        .map(|class| {
            let name = first.text(&format!("{scores}/classes/{class}/class")).unwrap_or("?");
            let field = |field: &str| format!("classes/{class}/{field}");
            let mut cells: Vec<Text> = vec![entry.name.into()];
            cells.extend(measure.agreement.map(|level| Text::from(format!("≥{level}"))));
            cells.push(name.into());
            cells.push(Text::number(measure.number(first, &field("support")), show::whole));
            let scores = ["precision", "recall", "f1"];
            cells.extend(scores.map(|score| over_seeds(entry, measure, &field(score))));
            Row::of(cells)
        })
        .collect()
}
