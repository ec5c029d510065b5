//! From a dataset to a training loop: which samples, in which order, as which batches.
//!
//! ```text
//! Select ─▶ Selection ─ Order (seed, epoch) ─▶ [index] ─ Stripes (rank, world) ─▶ batches ─▶ State
//! ```

mod error;
pub mod order;
mod receipt;
pub mod select;
mod state;

pub use error::LoaderError;
pub use order::{LastBatch, Order, Stripes};
pub use receipt::Receipt;
pub use select::{Percent, Select, Selection};
pub use state::{Identity, RankState, State};
