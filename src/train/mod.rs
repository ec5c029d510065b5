//! Fine-tuning.

pub mod loss;
pub mod schedule;
pub mod sgd;
