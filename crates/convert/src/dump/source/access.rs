//! What reading from a folder and from a tar have in common: places, limits, who watches, and errors of the machine.

use std::io;
use std::ops::ControlFlow;

/// Source files above this are not read: no photo of 40 million pixels comes near it.
pub const MAX_SOURCE_BYTES: u64 = 256_000_000;

/// Called while a dump is listed: for a tar, and where files are compared, with the bytes that were gone through and
/// all there are; for a folder with the files found so far and 0. `Break` gives up.
pub type Watch<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// Where a file lies on the disk, as far as the order of reading goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Inode number, or offset in the tar: files are read forward in this order.
    pub position: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// The error of a file that is longer than [`MAX_SOURCE_BYTES`].
pub(super) fn too_long(bytes: u64) -> io::Error {
    io::Error::other(format!("{bytes} bytes, more than the {MAX_SOURCE_BYTES} that are read"))
}

/// True for errors that say nothing of the photo: no memory or descriptors left, a mount that went away.
/// Quarantine is for good, so a photo must not get there because of them.
pub(crate) fn is_of_the_machine(error: &io::Error) -> bool {
    use io::ErrorKind::{
        HostUnreachable, NetworkDown, NetworkUnreachable, NotConnected, OutOfMemory,
        StaleNetworkFileHandle, TimedOut,
    };
    // ENFILE and EMFILE, which have no kind of their own.
    let no_descriptors = cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24));
    no_descriptors
        || matches!(
            error.kind(),
            OutOfMemory
                | TimedOut
                | NotConnected
                | StaleNetworkFileHandle
                | HostUnreachable
                | NetworkUnreachable
                | NetworkDown
        )
}
