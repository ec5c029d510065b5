//! A column, an operator and a value.

use std::cmp::Ordering;

use tcolz_format::dataset::{LedgerValue, reason_code};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) column: String,
    pub(super) operator: Operator,
    pub(super) value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i128),
    /// A number with decimals, compared with whole ones.
    Fraction(f64),
    Real(f32),
    Word(String),
}

pub(super) const OPERATORS: [(&str, Operator); 6] = [
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

impl Comparison {
    pub(super) fn holds(&self, found: LedgerValue<'_>) -> bool {
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
