//! The floor of a conversion: the same files, the same threads, and nothing but libjpeg-turbo.
//!
//! Run as a child process, as `tcolz convert` is: both pay for their start and for listing the dump.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use tcolz_convert::dump::Dump;

use crate::child::{self, Ended};
use crate::turbo::Turbo;

/// First argument of the child.
pub(crate) const WORD: &str = "floor";
/// Side of the tensors that the scaled decode is for.
const SIZE: u32 = 224;

/// Starts the child: every photo of `dump` decoded, in full or scaled.
pub(crate) fn start(dump: &Path, threads: usize, scaled: bool) -> Ended {
    let own = std::env::current_exe().expect("this program has a path");
    let how = if scaled { "scaled" } else { "full" };
    let arguments: [OsString; 4] =
        [WORD.into(), dump.into(), threads.to_string().into(), how.into()];
    let ended = child::run(OsStr::new(&own), &arguments, threads, &[]);
    assert_eq!(ended.code, Some(0), "the floor failed");
    ended
}

/// The child: `floor DUMP THREADS full|scaled`. Prints how many photos it decoded.
pub(crate) fn run(words: &[String]) {
    let [dump, threads, how] = words else { panic!("floor DUMP THREADS full|scaled") };
    let dump = Dump::open(Path::new(dump), None).expect("a dump");
    let threads: usize = threads.parse().expect("a number of threads");
    let at_least = (how == "scaled").then_some(SIZE);
    let (next, decoded) = (AtomicUsize::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (mut turbo, mut bytes) = (Turbo::new(), Vec::new());
                while let Some(input) = dump.inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let read = dump.read(&input.sample_id, &mut bytes).is_ok();
                    let photo = read && turbo.decode(&bytes, at_least);
                    decoded.fetch_add(u64::from(photo), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{}", decoded.into_inner());
}
