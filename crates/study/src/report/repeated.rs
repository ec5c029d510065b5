//! What was trained again and again: on folds, on nested shares of the data, on a sample of all splits.

use super::accuracy::spread;
use super::entries::{ACCURACY, Accuracy, Measure};
use super::piece::{Text, Traced, refs};
use super::show;
use super::table::{Column, Row, Table};
use crate::results::{CrossValidated, CurvePoint, Document, LearningCurve, Results, UpperLimit};

/// A number of several documents.
fn all(documents: &[&Document], pointer: &str) -> Vec<Traced> {
    documents.iter().filter_map(|document| Traced::at(document, pointer)).collect()
}

/// `4 of 5`: how many evaluations are done.
fn done(values: &[Traced], of: usize) -> Text {
    if values.is_empty() {
        return Text::from(format!("0 of {of}"));
    }
    let number = Traced::made("count", values.len() as f64, &refs(values));
    let text = Text::default().with(number, show::whole);
    if values.len() < of { text.and(format!(" of {of}")) } else { text }
}

/// Mean ± sd over folds and seeds.
pub(super) fn cross_validations(results: &Results) -> Table {
    let row = |of: &CrossValidated| {
        let documents: Vec<&Document> =
            of.evaluations.iter().filter_map(|fold| fold.document.as_ref()).collect();
        let accuracies = all(&documents, "/scores/accuracy/value");
        Row::of(vec![
            of.name.as_str().into(),
            of.model.as_str().into(),
            of.folds.as_str().into(),
            done(&accuracies, of.evaluations.len()),
            Text::number(Traced::sum(&all(&documents, "/scores/accuracy/of")), show::whole),
            spread(&accuracies, show::share),
            spread(&all(&documents, "/scores/macro_mean/f1"), show::share),
            spread(&all(&documents, "/scores/majority"), show::share),
        ])
    };
    Table {
        name: "cross-validation".to_owned(),
        title: "Cross-validation".to_owned(),
        note: "Mean ± sample standard deviation over all folds of all seeds. Samples: tested in all folds of all seeds \
               together."
            .into(),
        columns: vec![
            Column::words("cross-validation"),
            Column::words("model"),
            Column::words("folds"),
            Column::number("evaluations", ""),
            Column::number("samples", ""),
            Column::numbers("accuracy", "", &["", "sd"]),
            Column::numbers("macro F1", "", &["", "sd"]),
            Column::numbers("always the largest class", "", &["", "sd"]),
        ],
        rows: results.cross_validations.iter().map(row).collect(),
        open: true,
    }
}

/// Each fold by itself.
pub(super) fn folds(results: &Results) -> Table {
    let mut rows = Vec::new();
    for of in &results.cross_validations {
        for fold in &of.evaluations {
            let at = |pointer: &str| Traced::at(fold.document.as_ref()?, pointer);
            let interval = at("/scores/accuracy/low").zip(at("/scores/accuracy/high"));
            let accuracy = Text::number(at("/scores/accuracy/value"), show::share);
            let accuracy = match interval {
                Some((low, high)) => accuracy
                    .and(" (")
                    .in_slot(1, low, show::share)
                    .and("–")
                    .in_slot(2, high, show::share)
                    .and(")"),
                None => accuracy,
            };
            rows.push(Row::of(vec![
                of.name.as_str().into(),
                of.model.as_str().into(),
                fold.seed.to_string().into(),
                fold.fold.to_string().into(),
                Text::number(at("/samples"), show::whole),
                accuracy,
                Text::number(at("/scores/macro_mean/f1"), show::share),
            ]));
        }
    }
    Table {
        name: "folds".to_owned(),
        title: "Each fold".to_owned(),
        columns: vec![
            Column::words("cross-validation"),
            Column::words("model"),
            Column::words("seed"),
            Column::words("fold"),
            Column::number("samples", ""),
            Column::numbers("accuracy", "", &["", "low", "high"]),
            Column::number("macro F1", ""),
        ],
        rows,
        ..Table::default()
    }
}

/// The points of a learning curve, those of a share together.
pub(super) fn shares(curve: &LearningCurve) -> Vec<(&str, Vec<&CurvePoint>)> {
    let mut shares: Vec<(&str, Vec<&CurvePoint>)> = Vec::new();
    for point in &curve.points {
        match shares.iter_mut().find(|(percent, _)| *percent == point.percent) {
            Some((_, points)) => points.push(point),
            None => shares.push((&point.percent, vec![point])),
        }
    }
    shares
}

/// Measures of the benchmark that a curve or a limit names.
pub(super) fn measures<'a>(results: &'a Results, name: &str) -> Vec<Measure<'a>> {
    let found = results.benchmarks.iter().position(|benchmark| benchmark.name == name);
    found.map_or(Vec::new(), |place| Measure::of(place, &results.benchmarks[place]))
}

/// A share of a learning curve: samples trained on, and accuracy over the seeds.
pub(super) fn share_of_curve(
    points: &[&CurvePoint],
    measure: &Measure<'_>,
) -> (Option<Traced>, Option<Accuracy>) {
    let trained: Vec<&Document> = points.iter().filter_map(|point| point.train.as_ref()).collect();
    let evaluated: Vec<&Document> =
        points.iter().filter_map(|point| point.evaluation.as_ref()).collect();
    (Traced::mean(&all(&trained, "/samples")), Accuracy::of(&evaluated, measure))
}

/// Accuracy against the number of samples; the shares are nested.
pub(super) fn learning_curves(results: &Results) -> Table {
    let mut rows = Vec::new();
    for curve in &results.learning_curves {
        for measure in measures(results, &curve.benchmark) {
            for (percent, points) in shares(curve) {
                let (samples, accuracy) = share_of_curve(&points, &measure);
                let seeds = accuracy.as_ref().map(|accuracy| accuracy.seeds.clone());
                rows.push(Row::of(vec![
                    curve.model.as_str().into(),
                    measure.title().into(),
                    format!("{percent} %").into(),
                    Text::number(samples, show::whole),
                    Text::number(seeds, show::whole),
                    accuracy.as_ref().map_or_else(Text::dash, Accuracy::text),
                ]));
            }
        }
    }
    Table {
        name: "learning-curves".to_owned(),
        title: "Accuracy against the number of training samples".to_owned(),
        note: "Each share of the training split holds the smaller ones. This table alone holds runs on parts of the data \
               beside runs on all of it: it is about them."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::words("benchmark"),
            Column::words("trained on"),
            Column::number("training samples", ""),
            Column::number("seeds", ""),
            Column::numbers("accuracy", "", &ACCURACY),
        ],
        rows,
        open: true,
    }
}

/// What the labels allow: trained on a sample of all splits and tested on the rest.
pub(super) fn upper_limits(results: &Results) -> Table {
    let row = |of: &UpperLimit, measure: Option<&Measure<'_>>| {
        // Both by the same measure: of TTD by the same agreement.
        let by = |document: &Option<Document>| Accuracy::of(&[document.as_ref()?], measure?);
        let compared = by(&of.compared);
        let accuracy = match measure {
            Some(_) => by(&of.evaluation),
            None => of.evaluation.as_ref().and_then(plain_accuracy),
        };
        let difference = accuracy.as_ref().zip(compared.as_ref());
        let difference = difference.map(|(a, b)| Traced::difference(&a.value, &b.value));
        let apart = accuracy.as_ref().zip(compared.as_ref()).map(|(limit, split)| {
            limit.low.value > split.high.value || limit.high.value < split.low.value
        });
        let apart = match apart {
            Some(true) => "intervals are apart",
            Some(false) => "intervals overlap",
            None => "–",
        };
        let samples = of.train.as_ref().and_then(|train| Traced::at(train, "/samples"));
        let benchmark = measure.map(Measure::title).or_else(|| of.benchmark.clone());
        Row::of(vec![
            of.model.as_str().into(),
            of.seed.to_string().into(),
            format!("{} %", of.tested_percent).into(),
            Text::number(samples, show::whole),
            accuracy.as_ref().map_or_else(Text::dash, Accuracy::text),
            benchmark.map_or_else(Text::dash, Text::from),
            compared.as_ref().map_or_else(Text::dash, Accuracy::text),
            Text::number(difference, show::signed),
            apart.into(),
        ])
    };
    let mut rows = Vec::new();
    for of in &results.upper_limits {
        let named = of.benchmark.as_deref().map_or(Vec::new(), |name| measures(results, name));
        match named.is_empty() {
            true => rows.push(row(of, None)),
            false => rows.extend(named.iter().map(|measure| row(of, Some(measure)))),
        }
    }
    Table {
        name: "upper-limits".to_owned(),
        title: "Upper limit on these labels".to_owned(),
        note: "Trained on a sample drawn from all splits together and tested on the rest, so that training and test are \
               alike in all but the photos. What is wrong here is wrong by the model or by the labels, not by the split. \
               Compared with the same model trained on the split as it is."
            .into(),
        columns: vec![
            Column::words("model"),
            Column::words("seed"),
            Column::words("tested on"),
            Column::number("training samples", ""),
            Column::numbers("accuracy, splits drawn anew", "", &ACCURACY),
            Column::words("compared with"),
            Column::numbers("accuracy, split as it is", "", &ACCURACY),
            Column::number("difference", ""),
            Column::words("95 % intervals"),
        ],
        rows,
        open: true,
    }
}

/// The accuracy over all samples of an evaluation.
fn plain_accuracy(document: &Document) -> Option<Accuracy> {
    let at = |field: &str| Traced::at(document, &format!("/scores/accuracy/{field}"));
    let value = at("value")?;
    let seeds = Traced::made("count", 1.0, &[&value]);
    Some(Accuracy {
        value,
        low: at("low")?,
        high: at("high")?,
        sd: None,
        samples: at("of")?,
        seeds,
    })
}
