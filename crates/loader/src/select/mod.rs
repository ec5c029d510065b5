//! Which samples are read: a split, of it a subset, of that what meets conditions, of that a share.
//!
//! ```text
//! ledger ─ split ─ subset FILE ─ condition 'agreement >= 5', unseen ─ percent 10 ─▶ Selection
//! ```
//! The result is decided by the dataset and the four choices alone, and stands in the order of storage.

mod condition;
mod gathered;
mod percent;
mod scan;
mod selection;
mod subset;

pub use condition::Condition;
pub use percent::{PERCENT_METHOD, Percent, keep_together, percent_rank, take_percent};
pub use selection::{Place, Select, SelectCounts, Selection};
pub use subset::SubsetCounts;
