//! Raw dumps: which photos there are, what they are called, and how to get at their bytes.
//!
//! ```text
//! Source ─▶ Tree ─▶ Reading ─▶ lists ─▶ left out ─▶ splits, text scores ─▶ Dump
//! folder    every   layout     inputs   photos that
//! or tar    file    and why             are no input
//! ```
//!
//! A layout turns a [`Source`] into a [`Dump`]: one [`Input`] for each line of each list (or for each
//! file, where a dump has no lists), in the order in which they will be stored. Nothing is decoded
//! here, and nothing is left out without a word: a line that cannot be used carries its [`Problem`], and a
//! photo that is no input stands in [`Dump::unlisted`].

mod contents;
mod error;
mod input;
mod layout;
mod left_out;
mod list;
mod list_file;
mod listing;
mod litter;
mod names;
mod options;
mod outline;
mod resolve;
mod same_files;
mod source;
mod splits;
mod text_scores;
mod tree;

pub use contents::Dump;
pub use error::DumpError;
pub use input::{Input, Problem, tweet_id};
pub use layout::{Layout, NotUsed, Reading};
pub use list_file::{ListFile, ListFileError};
pub use options::DumpOptions;
pub(crate) use source::is_of_the_machine;
pub use source::{MAX_SOURCE_BYTES, Place, Source, Watch};
pub use tree::Skipped;
