//! What every stage stands on: files that become visible whole or not at all, memory and CPU time, texts, numbers.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`durable`] | files that become visible whole or not at all, with their hashes; the lock of a folder |
//! | [`positioned`] | reading and writing at an offset of a file that others read, too |
//! | [`storage`] | which paths are URLs, what a file lies on, how much memory there is |
//! | [`usage`] | memory, CPU time and open files of this process |
//! | [`kept`] | large blocks that were freed, kept for the next of their length |
//! | [`out_of_memory`] | what is said where memory runs out |
//! | [`child`] | processes that end with this one |
//! | [`door`] | how options and calls are spelled: as flags, or as fields |
//! | [`text_file`] | texts in any encoding |
//! | [`visible`] | texts from outside, safe to show on a terminal |
//! | [`numbers`] | numbers as people read them |
//! | [`nearest`](mod@nearest) | the name that a mistyped one was meant to be |
//! | [`random`] | seeded random numbers that are the same on every machine |
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("document.json");
//! tcolz_base::durable::write(&path, b"{}")?; // whole, or not there
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! # Ok::<(), std::io::Error>(())
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

pub mod child;
pub mod door;
pub mod durable;
pub mod kept;
pub mod nearest;
pub mod numbers;
pub mod out_of_memory;
pub mod positioned;
pub mod random;
pub mod storage;
pub mod text_file;
pub mod usage;
pub mod visible;
