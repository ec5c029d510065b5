//! Promises of the ledger's scanner: every row once, in the ledger's order, by column as by row; the first
//! complaint is told; what was not asked for is not there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::ledger;

use std::fs;
use std::path::Path;

use ledger::{Made, noise};
use tcolz_format::dataset::{DATASET_FILE, LedgerValue};
use tcolz_format::dataset::{Dataset, DatasetError, LedgerError};

/// More than two row groups, each of several batches.
const ROWS: u64 = 140_000;

fn made(out: &Path, rows: u64) -> Dataset {
    let sample = |number: u64| Made {
        split: usize::from(number >= rows / 2),
        label: (number % 4 != 3).then_some((number % 4) as u16),
        planes: (number % 1000 != 999).then(|| noise(number, 2)),
        source: number,
    };
    let classes = ["a", "b", "c"].map(str::to_owned);
    ledger::write(out, 2, &["train", "val"], &classes, (0..rows).map(sample))
}

#[test]
fn rows_come_in_the_ledgers_order_and_columns_say_what_rows_say() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = made(&folder.path().join("out"), ROWS);
    let names = ["sample_id", "line", "label", "source_blake3", "progressive", "text_pos"];
    let batches = dataset.scan_ledger(&names, |batch| {
        let (id, line, label) = (batch.text("sample_id")?, batch.u32("line")?, batch.u16("label")?);
        let (hash, text_pos) = (batch.hash("source_blake3")?, batch.f32("text_pos")?);
        let (any_label, any_flag) = (batch.value("label")?, batch.value("progressive")?);
        let first = batch.first_row();
        let of = |row: usize| {
            let word = match any_flag(row) {
                Some(LedgerValue::Word(word)) => Some(word == "true"),
                _ => None,
            };
            assert_eq!(any_label(row), label(row).map(|label| LedgerValue::Integer(label.into())));
            let id = id(row).map(str::to_owned);
            (first + row as u64, id, line(row), label(row), hash(row), word, text_pos(row))
        };
        Ok((0..batch.rows()).map(of).collect::<Vec<_>>())
    });
    let found = batches.unwrap();
    assert!(found.len() > 10, "several batches");
    let found: Vec<_> = found.into_iter().flatten().collect();
    let rows = dataset.ledger().unwrap();
    assert_eq!(found.len(), rows.len());
    for (index, (found, row)) in found.into_iter().zip(rows).enumerate() {
        let expected = (
            index as u64,
            Some(row.sample_id),
            Some(row.line),
            row.label,
            row.source.map(|(_, hash)| hash),
            row.photo.map(|photo| photo.progressive),
            row.text_scores.map(|[_, _, positive]| positive),
        );
        assert_eq!(found, expected);
    }
}

#[test]
fn of_several_complaints_the_first_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = made(&folder.path().join("out"), ROWS);
    let error = dataset.scan_ledger(&["line"], |batch| match batch.first_row() {
        first if first >= 10_000 => Err(LedgerError::of_row(first, "wrong")),
        _ => Ok(()),
    });
    match error {
        Err(DatasetError::Structure { reason, .. }) => {
            assert_eq!(reason, "ledger row 16384: wrong")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_of_another_type_or_not_asked_for_are_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = made(&folder.path().join("out"), 10);
    let said = |names: &[&str], name: &str| {
        let read = dataset.scan_ledger(names, |batch| batch.text(name).map(drop));
        read.map(drop).unwrap_err().to_string()
    };
    assert!(said(&["line"], "line").contains("line: not text"));
    assert!(said(&["line"], "sample_id").contains("no column sample_id"));
}

#[test]
fn a_ledger_with_other_rows_than_dataset_json_says_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut meta = made(&out, 10).meta().clone();
    meta.ledger.rows = 11;
    (meta.counts.listed, meta.counts.missing) = (11, 1);
    fs::write(out.join(DATASET_FILE), meta.to_bytes()).unwrap();
    let scanned = Dataset::open(&out).unwrap().scan_ledger(&["line"], |_| Ok(()));
    let error = scanned.unwrap_err().to_string();
    assert!(error.contains("10 rows, but dataset.json says 11"), "{error}");
}
