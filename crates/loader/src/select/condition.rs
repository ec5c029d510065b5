//! Conditions on ledger columns, joined by `and`.
//!
//! ```text
//! condition  = comparison { "and" comparison }
//! comparison = column ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//! value      = number | word | 'words' | "words"
//! ```
//! Where the ledger has no value, no comparison holds, `!=` neither. Numbers are compared exactly;
//! columns of float32 with the value rounded to float32. A label is a number or the name of a class: a bare number is
//! always the number, whatever the classes are called. A reason is its code word or the whole sentence.

mod comparison;
mod parse;

use crate::LoaderError;
use comparison::Comparison;
use parse::Parser;
use tcolz_format::dataset::{LedgerBatch, LedgerError, LedgerType, LedgerValue};
use tcolz_format::sample::Status;

/// Conditions that all must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Vec<Comparison>);

impl Condition {
    /// Reads conditions on `columns`, as [`tcolz_format::dataset::Dataset::ledger_columns`] names them, of a dataset with these
    /// classes.
    ///
    /// # Errors
    /// [`LoaderError::Condition`] with the position and what was expected there.
    pub fn parse(
        text: &str,
        columns: &[(String, LedgerType)],
        classes: &[String],
    ) -> Result<Condition, LoaderError> {
        Ok(Condition(Parser::comparisons(text, columns, classes)?))
    }

    /// The columns it looks at, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.0.iter().map(|test| test.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// True for conditions that ask for a status other than `stored`: they hold for no sample that can be read.
    pub fn excludes_stored(&self) -> bool {
        let stored = LedgerValue::Word(Status::Stored.as_str());
        self.0.iter().any(|test| test.column == "status" && !test.holds(stored))
    }

    /// For each row of a batch, whether it holds.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn holds(&self, batch: &LedgerBatch<'_>) -> Result<Vec<bool>, LedgerError> {
        let mut holds = vec![true; batch.rows()];
        for test in &self.0 {
            let value = batch.value(&test.column)?;
            for (row, holds) in holds.iter_mut().enumerate() {
                *holds = *holds && value(row).is_some_and(|value| test.holds(value));
            }
        }
        Ok(holds)
    }
}

#[cfg(test)]
mod tests;
