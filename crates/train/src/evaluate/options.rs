//! How a model is evaluated.

use candle_core::Device;

use super::protocol::Protocol;
use super::seen::KnownSeen;
use tcolz_loader::Select;

/// Samples that go through the network at once, unless told otherwise.
pub const DEFAULT_BATCH_SIZE: usize = 32;

/// How a model is evaluated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EvaluateOptions {
    /// The samples.
    pub select: Select,
    /// What is scored.
    pub protocol: Protocol,
    /// What the model has seen ([`crate::seen_by`]): counted among the samples.
    pub seen: KnownSeen,
    /// Samples that go through the network at once; no number depends on it.
    pub batch_size: usize,
    /// Threads that read batches; `None`: as many as there are cores. No number depends on it.
    pub workers: Option<usize>,
    /// Where the network runs.
    pub device: Device,
}

impl EvaluateOptions {
    /// All samples of a split, on the CPU, by a model that has seen `seen`.
    pub fn split(name: &str, seen: KnownSeen) -> EvaluateOptions {
        EvaluateOptions {
            select: Select::split(name),
            protocol: Protocol::Plain,
            seen,
            batch_size: DEFAULT_BATCH_SIZE,
            workers: None,
            device: Device::Cpu,
        }
    }
}
