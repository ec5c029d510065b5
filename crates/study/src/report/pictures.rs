//! Pictures of a study, drawn from the same numbers as its tables.

use super::accuracy::published;
use super::entries::{Accuracy, Entry, Measure, Scope, slug};
use super::error::StudyReportError;
use super::piece::Traced;
use super::repeated::{measures, share_of_curve, shares};
use super::section::Picture;
use super::show;
use crate::published::PUBLISHED;
use crate::results::{Document, LearningCurve, Results};
use tcolz_charts::{
    Line, LinePoint, LinesChart, LinesPanel, ParetoChart, ParetoPoint, Row, RowMark, RowsChart,
    ThemedPicture,
};

type Result<T> = std::result::Result<T, StudyReportError>;

fn picture(name: String, alt: String, drawn: ThemedPicture) -> Picture {
    Picture { name, alt, drawn }
}

/// Accuracies on a benchmark, with intervals; of models that saw all of the data beside published figures.
pub(super) fn accuracies(
    results: &Results,
    scope: &Scope<'_>,
    place: usize,
) -> Result<Option<Picture>> {
    let of = &results.benchmarks[place];
    let measures = Measure::of(place, of);
    let mark = |accuracy: &Accuracy| RowMark {
        value: accuracy.value.value,
        interval: Some((accuracy.low.value, accuracy.high.value)),
        text: show::share(accuracy.value.value),
    };
    let mut rows: Vec<Row> = Vec::new();
    for entry in &scope.entries {
        let accuracy = |measure| entry.accuracy(measure).as_ref().map(mark);
        let marks: Vec<Option<RowMark>> = measures.iter().map(accuracy).collect();
        if marks.iter().any(Option::is_some) {
            rows.push(Row { name: entry.name.to_owned(), hollow: false, marks });
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    if scope.percent.is_none() {
        rows.extend(PUBLISHED.iter().filter_map(|theirs| {
            let mark = |figure: Traced| RowMark {
                value: figure.value,
                interval: None,
                text: show::share(figure.value),
            };
            let marks: Vec<Option<RowMark>> =
                measures.iter().map(|measure| published(theirs, measure).map(mark)).collect();
            let name = format!("{}, {} †", theirs.model, theirs.short_source());
            marks.iter().any(Option::is_some).then_some(Row { name, hollow: true, marks })
        }));
    }
    let documents: Vec<&Document> =
        scope.entries.iter().flat_map(|entry| entry.evaluations(place)).collect();
    let majority = |measure: &Measure<'_>| {
        documents.iter().find_map(|document| measure.number(document, "majority"))
    };
    let majorities: Vec<f64> =
        measures.iter().filter_map(majority).map(|majority| majority.value).collect();
    let title = format!("Accuracy on {}{}", of.name, scope.words());
    let chart = RowsChart {
        title: &title,
        subtitle: "",
        x_name: "accuracy (share of samples), bars: 95 % interval",
        bars: false,
        series: measures.iter().map(Measure::title).collect(),
        references: (majorities.len() == measures.len())
            .then_some(("always the largest class", majorities)),
        hollow: "† published by others",
        rows,
    };
    let name = format!("accuracy-{}{}", slug(&of.name), scope.ending());
    Ok(Some(picture(name, title.clone(), chart.picture()?)))
}

/// Accuracy against what a model costs: by inference and by training.
pub(super) fn pareto(
    scope: &Scope<'_>,
    measure: &Measure<'_>,
    chosen: Option<&str>,
) -> Result<Vec<Picture>> {
    let inference = |entry: &Entry<'_>| {
        let time = entry.time("image_1")?;
        let (low, high) = time.interval();
        Some((time.value.value * 1e3, Some((low * 1e3, high * 1e3))))
    };
    let trainings: Vec<&Document> = scope.entries.iter().flat_map(Entry::trainings).collect();
    let training = |entry: &Entry<'_>| entry.training_time(&trainings).map(|time| time.value.value);
    let longest = scope.entries.iter().filter_map(training).fold(0.0, f64::max);
    let (unit, seconds) = time_unit(longest);
    let training = |entry: &Entry<'_>| Some((training(entry)? / seconds, None));
    let inference = pareto_of(
        scope,
        measure,
        chosen,
        (
            "inference",
            "inference time of one image (ms), logarithmic, bars: 95 % interval".to_owned(),
            &inference,
        ),
    )?;
    let training = pareto_of(
        scope,
        measure,
        chosen,
        ("training", format!("time of training as the first run ({unit}), logarithmic"), &training),
    )?;
    Ok(inference.into_iter().chain(training).collect())
}

/// A unit that suits a time: its name, and how many seconds it has.
fn time_unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        ..300.0 => ("s", 1.0),
        300.0..18_000.0 => ("minutes", 60.0),
        _ => ("hours", 3600.0),
    }
}

/// What it is, the name of its axis, and of an entry the value with its interval.
type Cost<'a> = (&'a str, String, &'a dyn Fn(&Entry<'_>) -> Option<(f64, Option<(f64, f64)>)>);

fn pareto_of(
    scope: &Scope<'_>,
    measure: &Measure<'_>,
    chosen: Option<&str>,
    (what, cost_name, cost): Cost<'_>,
) -> Result<Option<Picture>> {
    let point = |entry: &Entry<'_>| {
        let accuracy = entry.accuracy(measure)?;
        let (cost, cost_interval) = cost(entry).filter(|(cost, _)| *cost > 0.0)?;
        Some(ParetoPoint {
            name: entry.name.to_owned(),
            cost,
            cost_interval,
            accuracy: accuracy.value.value,
            interval: Some((accuracy.low.value, accuracy.high.value)),
            bytes: entry.weights_bytes().map(|bytes| bytes.value),
            chosen: chosen == Some(entry.name),
        })
    };
    let points: Vec<ParetoPoint> = scope.entries.iter().filter_map(point).collect();
    if points.is_empty() {
        return Ok(None);
    }
    let benchmark = measure.title();
    let title = format!("Accuracy on {benchmark} against time of {what}{}", scope.words());
    let accuracy_name = format!("accuracy on {benchmark} (share), bars: 95 % interval");
    let chart = ParetoChart {
        title: &title,
        subtitle: "",
        cost_name: &cost_name,
        accuracy_name: &accuracy_name,
        points,
    };
    let name = format!("pareto-{what}{}", scope.ending());
    Ok(Some(picture(name, title.clone(), chart.picture()?)))
}

/// A bar for each entry: a time and its interval, which never reaches below 0.
fn bars(
    scope: &Scope<'_>,
    (name, title, x_name): (&str, &str, &str),
    value: impl Fn(&Entry<'_>) -> Option<(f64, Option<(f64, f64)>)>,
    text: impl Fn(f64) -> String,
) -> Result<Option<Picture>> {
    let row = |entry: &Entry<'_>| {
        let (value, interval) = value(entry)?;
        let interval = interval.map(|(low, high)| (low.max(0.0), high));
        let mark = RowMark { value, interval, text: text(value) };
        Some(Row { name: entry.name.to_owned(), hollow: false, marks: vec![Some(mark)] })
    };
    let rows: Vec<Row> = scope.entries.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let title = format!("{title}{}", scope.words());
    let chart = RowsChart {
        title: &title,
        subtitle: "",
        x_name,
        bars: true,
        series: vec![String::new()],
        references: None,
        hollow: "",
        rows,
    };
    let name = format!("{name}{}", scope.ending());
    Ok(Some(picture(name, title.clone(), chart.picture()?)))
}

/// Inference times as bars.
pub(super) fn inference(scope: &Scope<'_>) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (name, title, field) in [
        ("inference-one", "Inference of one image", "image_1"),
        ("inference-15", "Inference of 15 images at once", "images_15"),
    ] {
        let median = |entry: &Entry<'_>| entry.time(field).map(|time| time.value.value);
        let longest = scope.entries.iter().filter_map(median).fold(0.0, f64::max);
        let (unit, seconds) = if longest < 1.0 { ("ms", 1e-3) } else { ("s", 1.0) };
        let value = |entry: &Entry<'_>| {
            let time = entry.time(field)?;
            let (low, high) = time.interval();
            Some((time.value.value / seconds, Some((low / seconds, high / seconds))))
        };
        let digits = if seconds < 1.0 { 1 } else { 2 };
        let text = |value: f64| format!("{value:.digits$}");
        let x_name = format!("time ({unit}), median of the runs, bars: 95 % interval");
        pictures.extend(bars(scope, (name, title, &x_name), value, text)?);
    }
    Ok(pictures)
}

/// Time of training as bars.
pub(super) fn training(scope: &Scope<'_>) -> Result<Option<Picture>> {
    let trainings: Vec<&Document> = scope.entries.iter().flat_map(Entry::trainings).collect();
    let mean = |entry: &Entry<'_>| entry.training_time(&trainings).map(|time| time.value.value);
    let longest = scope.entries.iter().filter_map(mean).fold(0.0, f64::max);
    let (unit, seconds) = time_unit(longest);
    let x_name = format!("time as the first run ({unit}), mean ± sd over the seeds");
    let value = |entry: &Entry<'_>| {
        let time = entry.training_time(&trainings)?;
        let value = time.value.value / seconds;
        let sd = time.sd.map(|sd| sd.value / seconds);
        Some((value, sd.map(|sd| (value - sd, value + sd))))
    };
    let text = |value: f64| show::rate(value);
    bars(scope, ("training-time", "Time of training", &x_name), value, text)
}

/// Loss and accuracy epoch by epoch, of an entry's first seed that is done.
pub(super) fn epochs(scope: &Scope<'_>, entry: &Entry<'_>) -> Result<Option<Picture>> {
    let Some(train) = entry.runs.iter().find_map(|run| run.train.as_ref()) else { return Ok(None) };
    let rows = train.json.pointer("/rows").and_then(|rows| rows.as_array()).map_or(0, Vec::len);
    if rows == 0 {
        return Ok(None);
    }
    let line = |name: &str, field: &str| {
        let point = |row: usize| {
            let at = |field: &str| train.number(&format!("/rows/{row}/{field}"));
            Some(LinePoint { x: at("epoch")?, y: at(field)?, interval: None })
        };
        Line { name: name.to_owned(), points: (0..rows).filter_map(point).collect() }
    };
    // Without validation no epoch is better than another.
    let best = train.number("/best/validation/loss").and_then(|_| train.number("/best/epoch"));
    let best = best.map(|epoch| (epoch, format!("best epoch: {epoch}, by validation loss")));
    let panel = |y_name: &str, of: &str, from_zero: bool| LinesPanel {
        x_name: "epoch".to_owned(),
        y_name: y_name.to_owned(),
        lines: vec![
            line("training", &format!("train_{of}")),
            line("validation", &format!("validation/{of}")),
        ],
        from_zero,
        mark: best.clone(),
        ..LinesPanel::default()
    };
    let seed = train.number("/seed").map_or(String::new(), |seed| format!(", seed {seed}"));
    let title = format!("{}{}{seed}", entry.name, scope.words());
    let panels =
        vec![panel("loss (nats)", "loss", true), panel("accuracy (share)", "accuracy", false)];
    let chart = LinesChart { title: &title, subtitle: "", panels };
    let name = format!("epochs-{}{}", slug(entry.name), scope.ending());
    let alt = format!("Loss and accuracy by epoch: {title}");
    Ok(Some(picture(name, alt, chart.picture()?)))
}

/// Accuracy against the number of training samples: a picture for each benchmark's measure.
pub(super) fn learning_curves(results: &Results) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for curve in &results.learning_curves {
        if !names.contains(&curve.benchmark.as_str()) {
            names.push(&curve.benchmark);
        }
    }
    for benchmark in names {
        for measure in measures(results, benchmark) {
            let of: Vec<&LearningCurve> = results
                .learning_curves
                .iter()
                .filter(|curve| curve.benchmark == benchmark)
                .collect();
            pictures.extend(learning_curve(&measure, &of)?);
        }
    }
    Ok(pictures)
}

fn learning_curve(measure: &Measure<'_>, curves: &[&LearningCurve]) -> Result<Option<Picture>> {
    let line = |curve: &&LearningCurve| {
        let point = |(_, points): (&str, Vec<_>)| {
            let (samples, accuracy) = share_of_curve(&points, measure);
            let accuracy = accuracy?;
            let sd = accuracy.sd.as_ref().map(|sd| sd.value);
            let value = accuracy.value.value;
            let interval = sd.map(|sd| ((value - sd).max(0.0), (value + sd).min(1.0)));
            Some(LinePoint { x: samples?.value, y: value, interval })
        };
        let points = shares(curve).into_iter().filter_map(point).collect();
        Line { name: curve.model.clone(), points }
    };
    let lines: Vec<Line> = curves.iter().map(line).collect();
    if lines.iter().all(|line| line.points.is_empty()) {
        return Ok(None);
    }
    let title = format!("Accuracy on {} against the number of training samples", measure.title());
    let panel = LinesPanel {
        x_name: "training samples, logarithmic".to_owned(),
        y_name: "accuracy (share)".to_owned(),
        lines,
        logarithmic_x: true,
        ..LinesPanel::default()
    };
    let subtitle = "bars: ± sample standard deviation over the seeds";
    let chart = LinesChart { title: &title, subtitle, panels: vec![panel] };
    let name = format!("learning-curve-{}", slug(&measure.title()));
    let alt = format!("{title}; {subtitle}");
    Ok(Some(picture(name, alt, chart.picture()?)))
}
