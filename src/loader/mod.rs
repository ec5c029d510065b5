//! From a dataset to a training loop: which samples are read.
//!
//! ```text
//! Select ─▶ Selection
//! ```

mod error;
pub mod select;

pub use error::LoaderError;
pub use select::{Percent, Select, Selection};
