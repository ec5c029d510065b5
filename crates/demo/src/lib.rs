//! A made-up dump in the shape of B-T4SA: something to try everything on when there is no other.
//!
//! The pictures are drawn by arithmetic from their number alone, so two demos are equal. They
//! compress like photographs (soft light, texture, sensor noise), and the classes differ in colour and
//! shape. [`Oddity`] lists what is odd on purpose and what a conversion must make of it; [`compare`]
//! looks whether it did, [`read_back`] reads what was stored.
//!
//! ```no_run
//! let dump = tcolz_demo::make_dump("dump".as_ref(), 60)?;
//! println!("{} lines in its lists", dump.listed());
//! # Ok::<(), tcolz_demo::DemoError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod check;
mod draw;
mod dump;
mod encode;
mod error;
mod oddity;
mod plan;
mod read_back;

pub use check::{Finding, Findings, compare};
pub use dump::{DemoDump, OddLine, make_dump, photo};
pub use error::DemoError;
pub use oddity::{Expected, Oddity};
pub use plan::{CLASSES, SPLITS};
pub use read_back::{ClassColour, ReadBack, read_back};
