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

mod parse;

use std::cmp::Ordering;

use crate::LoaderError;
use parse::Parser;
use tcolz_format::dataset::{LedgerBatch, LedgerError, LedgerType, LedgerValue, reason_code};
use tcolz_format::sample::Status;

/// Conditions that all must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Vec<Comparison>);

#[derive(Debug, Clone, PartialEq)]
struct Comparison {
    column: String,
    operator: Operator,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i128),
    /// A number with decimals, compared with whole ones.
    Fraction(f64),
    Real(f32),
    Word(String),
}

const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Operator {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Equal => ordering.is_eq(),
            Operator::NotEqual => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

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

impl Comparison {
    fn holds(&self, found: LedgerValue<'_>) -> bool {
        let ordering = match (found, &self.value) {
            (LedgerValue::Integer(found), Value::Integer(value)) => {
                Some(i128::from(found).cmp(value))
            }
            // A number with decimals lies below 2^52, where every whole number is a float64; larger
            // whole numbers are rounded and stay larger.
            (LedgerValue::Integer(found), Value::Fraction(value)) => {
                (found as f64).partial_cmp(value)
            }
            (LedgerValue::Real(found), Value::Real(value)) => found.partial_cmp(value),
            (LedgerValue::Word(found), Value::Word(value)) => {
                let by_code = self.column == "reason" && reason_code(found) == value;
                Some(if by_code { Ordering::Equal } else { found.cmp(value.as_str()) })
            }
            _ => None,
        };
        ordering.is_some_and(|ordering| self.operator.holds(ordering))
    }
}

#[cfg(test)]
mod tests;
