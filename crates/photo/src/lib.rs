//! Bytes of a source file → rows of RGB.
//!
//! ```text
//! bytes ─ sniff ─┬ JPEG ─ jpeg ─ libjpeg (safe) ─ libjpeg_shim.c ─ libjpeg-turbo ─┐
//!                ├ PNG  ─ png ────────────────────────────────────── crate png ────┤
//!                ├ GIF  ─ gif ────────────────────────────────────── crate gif ────┼─► RowSink, strip by strip
//!                ├ WebP ─ webp ───────────────────────────────────── crate image ──┤
//!                └ BMP  ─ bmp ─────────────────────────────────────────────────────┘
//! ```
//!
//! Pixels are those of Pillow 11.3's `Image.open(…).convert("RGB")`, under `LOAD_TRUNCATED_IMAGES` for truncated JPEGs; what differs
//! is said in the module of each format. Alpha is dropped, EXIF orientation is applied on request only, colour profiles are ignored.
//! A file's format is told by its first bytes; its size is checked against the limit before anything is allocated for it.
//! Truncated files of other formats than JPEG are refused, unless every pixel is there.
//!
//! What surrounds compressed pixels (chunks, blocks, headers) is read here, as leniently as Pillow reads it; the crates see files that
//! hold one picture and break no rule. `tests/python/pillow_corpus.py` makes pictures of every kind, against which this is compared.
//!
//! ```no_run
//! use tcolz_photo::PhotoReader;
//! use tcolz_pixels::recipe::Recipe;
//!
//! let mut reader = PhotoReader::new(&Recipe::default());
//! let photo = reader.read(&std::fs::read("photo.jpg")?)?;
//! println!("{} × {}: {} bytes [3, 224, 224]", photo.width, photo.height, reader.planes(0).len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod bmp;
mod decoder;
mod error;
mod exif;
mod gif;
mod guard;
mod jpeg;
mod libjpeg;
mod limits;
mod photo;
mod png;
mod png_chunks;
mod quality;
mod rest;
mod sink;
mod webp;

pub use decoder::{Decoder, orientation, probe};
pub use error::DecodeError;
pub use jpeg::ScaleTo;
pub use libjpeg::libjpeg_turbo_version;
pub use limits::{DEFAULT_MAX_SCANS, DecodeLimits, MAX_SIDE, Probe};
pub use photo::PhotoReader;
