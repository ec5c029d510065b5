//! Devices: opened by name, their memory, and the way of batches to them.
//!
//! ```text
//! host   numbers ─▶ pinned memory
//!                        │ copy stream
//! device                 └──────▶ staging memory ─▶ tensor ─▶ what is computed of it
//!                                                   main stream
//! ```
//!
//! All that Candle has on a device of [`device()`] is allocated, computed and freed in one stream, the main one,
//! whichever thread asks for it. Copies from the host run beside it in a stream of their own, and [`Upload`] alone knows
//! of that: it puts the events between the two, so that a tensor it gives away is a tensor like any other.
//!
//! A device that somebody else opened may have a stream for each thread: Candle's `Device::new_cuda` makes such
//! devices. On these [`Upload`] waits for the device before it gives a tensor away.
//!
//! ```
//! use tcolz_device::{device, device_name};
//!
//! assert_eq!(device_name(&device("cpu")?), "cpu");
//! assert!(device("cuda").unwrap_err().to_string().contains("expected auto, cpu or cuda:N"));
//! # Ok::<(), tcolz_device::DeviceError>(())
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

#[cfg(feature = "cuda")]
mod cuda;
mod memory;
#[cfg(test)]
mod model;
mod open;
mod piece;
#[cfg(any(feature = "cuda", test))]
mod staged;
mod upload;

pub use memory::{free_bytes, used_bytes};
pub use open::{DeviceError, device, device_name, no_gpu};
pub use piece::{Piece, tensor};
pub use upload::Upload;
