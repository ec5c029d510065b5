//! Pixels become tensors, and what the ledger keeps of them.
//!
//! ```text
//! strips of rows ──Resizer──► planes [3, size, size] u8 ──┬─ bake ────────► f16 or f32 bytes of a view
//!  (a RowSink)     (fit, filter)                          ├─ ChannelSums ─► mean, std
//!                                                         └─ dhash ───────► 64 bits for near-duplicates
//! ```
//!
//! ```
//! use tcolz_pixels::View;
//!
//! let caffe = View::built_in("caffe").unwrap(); // BGR, less a mean
//! let red_green_blue = [255, 0, 0]; // planes [3, 1, 1]
//! let mut numbers = [0.0; 3];
//! caffe.apply(&red_green_blue, &mut numbers);
//! assert_eq!(numbers, [-103.939, -116.779, 255.0 - 123.68]);
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod dhash;
pub mod file_kind;
mod fit;
mod kernels;
mod part;
pub mod photo_info;
#[cfg(feature = "encode")]
pub mod picture;
pub mod recipe;
mod resize;
mod rows;
mod square;
mod sums;
mod turn;
mod uncleared;
mod view;
mod weights;

use std::sync::LazyLock;

pub use dhash::dhash;
pub use fit::Placement;
pub use half::{bf16, f16};
pub use part::{Part, PlaneResizer, cut};
pub use resize::Resizer;
pub use rows::{RgbImage, RowSink};
pub use sums::ChannelSums;
pub use uncleared::{PlainNumber, uncleared};
pub use view::{BUILT_IN_VIEWS, Channels, Operation, View, bake};

/// Whether SIMD extensions of the CPU may be used: yes, unless the environment said
/// `TCOLZ_SIMD=none` when it was first asked. The results are the same.
pub fn simd_enabled() -> bool {
    static ENABLED: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("TCOLZ_SIMD").is_none_or(|value| value != "none"));
    *ENABLED
}
