//! What is known of the labels: how far the texts agree with them, and how often they are wrong.

use super::piece::{Text, Traced};
use super::show;
use super::table::{Column, Row, Table};
use crate::results::{Document, Named, Results};

/// What CSV calls the numbers of a share.
const SHARE: [&str; 5] = ["", "low", "high", "count", "of"];

fn documents(results: &Results) -> impl Iterator<Item = (&Named, &Document)> {
    results.labels.iter().filter_map(|named| Some((named, named.document.as_ref()?)))
}

/// Entries of a list in a document.
fn length(document: &Document, pointer: &str) -> usize {
    document.json.pointer(pointer).and_then(|list| list.as_array()).map_or(0, Vec::len)
}

/// `0.912 (0.905–0.918)`, as far as it is known; its numbers are [`SHARE`].
fn share(document: &Document, pointer: &str) -> Text {
    let at = |field: &str| Traced::at(document, &format!("{pointer}/{field}"));
    let Some(value) = at("value") else { return Text::dash() };
    let text = Text::default().in_slot(0, value, show::share);
    let text = match at("low").zip(at("high")) {
        Some((low, high)) => text
            .and(" (")
            .in_slot(1, low, show::share)
            .and("–")
            .in_slot(2, high, show::share)
            .and(")"),
        None => text,
    };
    text.hidden(3, at("count")).hidden(4, at("of"))
}

/// Whether the largest of the texts' scores is the label.
pub(super) fn text_agreement(results: &Results) -> Table {
    let row = |(named, document): (&Named, &Document)| {
        let at = |pointer: &str| Traced::at(document, pointer);
        Row::of(vec![
            named.name.as_str().into(),
            Text::number(at("/samples"), show::whole),
            Text::number(at("/text/samples"), show::whole),
            Text::number(at("/text/agreeing/count"), show::whole),
            share(document, "/text/agreeing"),
        ])
    };
    let known = documents(results)
        .filter(|(_, document)| document.json.pointer("/text").is_some_and(|text| !text.is_null()));
    Table {
        name: "text-agreement".to_owned(),
        title: "Text scores and labels".to_owned(),
        note: "Of the samples that have scores of their text: the share whose highest score is that of their label, with \
               its 95 % interval."
            .into(),
        columns: vec![
            Column::words("dataset"),
            Column::number("samples", ""),
            Column::number("with text scores", ""),
            Column::number("agreeing", ""),
            Column::numbers("share agreeing", "", &SHARE),
        ],
        rows: known.map(row).collect(),
        open: true,
    }
}

/// Which score is the highest, class by class.
pub(super) fn text_classes(results: &Results) -> Table {
    let mut rows = Vec::new();
    for (named, document) in documents(results) {
        for class in 0..length(document, "/text/by_class") {
            let at = |field: &str| format!("/text/by_class/{class}/{field}");
            let number = |field: &str| Traced::at(document, &at(field));
            let name = document.text(&at("class")).unwrap_or("without a label");
            let mut cells: Vec<Text> = vec![
                named.name.as_str().into(),
                name.into(),
                Text::number(number("samples"), show::whole),
            ];
            cells.extend(
                (0..3).map(|score| Text::number(number(&format!("highest/{score}")), show::whole)),
            );
            cells.extend(
                (0..3).map(|score| Text::number(number(&format!("mean/{score}")), show::share)),
            );
            rows.push(Row::of(cells));
        }
    }
    let scores = ["negative", "neutral", "positive"];
    let mut columns = ["dataset", "label"].map(Column::words).to_vec();
    columns.push(Column::number("samples", ""));
    columns.extend(scores.map(|score| Column::number(format!("highest: {score}"), "")));
    columns.extend(scores.map(|score| Column::number(format!("mean {score}"), "")));
    Table {
        name: "text-classes".to_owned(),
        title: "Labels against the highest text score".to_owned(),
        note: "Samples of each label by the highest of their text's scores, and the means of the scores.".into(),
        columns,
        rows,
        open: true,
    }
}

/// What a relation of duplicates is called.
fn relation(word: &str) -> &str {
    match word {
        "same-file" => "same file",
        "same-pixels" => "same pixels",
        "near" => "the same or nearly the same picture",
        other => other,
    }
}

/// How often labels are wrong, told from pictures that are there twice.
pub(super) fn label_noise(results: &Results) -> Table {
    let mut rows = Vec::new();
    for (named, document) in documents(results) {
        for place in 0..length(document, "/duplicates") {
            let at = |field: &str| format!("/duplicates/{place}/{field}");
            rows.push(Row::of(vec![
                named.name.as_str().into(),
                document.text(&at("relation")).map_or("?", relation).into(),
                Text::number(Traced::at(document, &at("pairs")), show::whole),
                share(document, &at("different_labels")),
                share(document, &at("wrong_labels")),
                share(document, &at("best_accuracy")),
            ]));
        }
    }
    Table {
        name: "label-noise".to_owned(),
        title: "Label noise, told from duplicates".to_owned(),
        note: "Pairs of pictures that show the same and yet have different labels: at least one of the two labels is wrong. \
               No sample is in two pairs of a line, and each line counts what the one above it does and more. From the share of such pairs follows the share of labels that are wrong, if wrong labels fall on all classes \
               alike and independently of each other; and from that the best accuracy that can be measured: a model that is \
               always right is counted as wrong wherever the label is. Without pairs nothing is known."
            .into(),
        columns: vec![
            Column::words("dataset"),
            Column::words("pairs of"),
            Column::number("pairs", ""),
            Column::numbers("different labels", "share", &SHARE),
            Column::numbers("wrong labels, estimated", "share", &["", "low", "high"]),
            Column::numbers("best accuracy that can be measured", "", &["", "low", "high"]),
        ],
        rows,
        open: true,
    }
}
