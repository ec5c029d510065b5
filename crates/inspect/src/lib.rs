//! What a dataset holds, told from dataset.json and the ledger: [`inspect()`] reads no pixel,
//! [`find_duplicates`] those of candidates, and sheets those that they show.
//!
//! ```text
//! ledger ─▶ facts ─▶ sums ─▶ Statistics      counts and exact channel sums, of everything or a selection
//! ledger ─▶ hashes ─▶ pixels of candidates ─▶ Duplicates
//! ```
//!
//! ```no_run
//! use tcolz_format::Dataset;
//! use tcolz_inspect::inspect;
//!
//! let inspection = inspect(&Dataset::open("photos.tcolz")?)?;
//! println!("{} shards, {:.2} times smaller", inspection.shards, inspection.ratio);
//! # Ok::<(), tcolz_format::DatasetError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod asked;
mod bad_inputs;
mod channels;
mod distribution;
mod duplicates;
mod facts;
mod grid;
mod histogram;
mod inspection;
mod mean_images;
mod pictures;
pub mod report;
mod sheets;
mod statistics;
mod sums;
mod text_scores;
mod totals;

pub use asked::Asked;
pub use bad_inputs::{BadInput, BadInputs, bad_inputs};
pub use channels::ChannelStatistics;
pub use distribution::Distribution;
pub use duplicates::{
    DuplicateGroup, Duplicates, GRID, Link, MAX_DIFFERENCE, MAX_DISTANCE, Member, NearSearch,
    Relation, find_duplicates,
};
pub use histogram::{Histogram, Histograms};
pub use inspection::{Inspection, Selected, SplitStorage, inspect, inspect_selected};
pub use mean_images::{MAX_MEAN_CLASSES, MEAN_BUDGET, MeanImage, MeanImages, mean_images};
pub use pictures::{ClassPick, Picture, pick_by_class, pictures};
pub use sheets::{SheetBy, duplicates_sheet, overview_sheet};
pub use statistics::{
    ClassStatistics, SourceStatistics, SplitStatistics, Statistics, TensorStatistics,
};
pub use text_scores::{ClassScores, TextScores};
