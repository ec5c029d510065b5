//! Why a conversion stops.

use std::io;
use std::path::PathBuf;

use crate::dump::DumpError;
use tcolz_base::door::{call, switch};
use tcolz_format::dataset::DatasetError;
use tcolz_format::shard::ShardError;
use tcolz_format::shard::codec::CodecError;

/// A conversion that cannot begin or cannot go on. A bad photo never is one: it is quarantined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The dump cannot be listed.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// A shard cannot be written.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The ledger or dataset.json cannot be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The recipe contradicts itself.
    #[error("{0}")]
    Recipe(String),
    /// One of the two folders lies in the other.
    #[error("{inner} lies inside {outer}; choose an OUT outside of SRC", inner = inner.display(), outer = outer.display())]
    Nested {
        /// The inner folder.
        inner: PathBuf,
        /// The outer folder.
        outer: PathBuf,
    },
    /// The output folder holds something that is no unfinished conversion.
    #[error("{path}: expected a new or empty folder, found files that tcolz did not make", path = path.display())]
    NotEmpty {
        /// The output folder.
        path: PathBuf,
    },
    /// An unfinished conversion lies in the output folder, and this one cannot go on with it.
    #[error(
        "{path}: an unfinished conversion lies here, and {difference}; repeat the command it was begun \
         with, or add {} to discard it and begin anew",
        switch("restart", true),
        path = path.display()
    )]
    OtherPlan {
        /// The output folder.
        path: PathBuf,
        /// In what it differs.
        difference: String,
    },
    /// A finished dataset lies in the output folder, and it is another one.
    #[error(
        "{path}: a finished dataset lies here, made {difference}; choose another OUT or remove it first",
        path = path.display()
    )]
    Occupied {
        /// The output folder.
        path: PathBuf,
        /// In what it differs from what was asked for.
        difference: String,
    },
    /// The disk is too small.
    #[error(
        "{path}: the dataset will need {} to {}, the disk has {} free; make room, choose another OUT, or \
         begin all the same with {}: a full disk loses nothing",
        size(*needed), size(*most), size(*free), switch("check_space", false), path = path.display()
    )]
    NoRoom {
        /// The output folder.
        path: PathBuf,
        /// Bytes that are hardly enough.
        needed: u64,
        /// Bytes that are certainly enough.
        most: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Another process works on the output folder.
    #[error("{path}: another tcolz is writing here; wait for it to finish", path = path.display())]
    Locked {
        /// The output folder.
        path: PathBuf,
    },
    /// The output folder was removed or renamed while it was written to.
    #[error(
        "{path}: this folder was removed, renamed or exchanged while tcolz was writing into it; put it back, and the same \
         command goes on where it was, or begins anew",
        path = path.display()
    )]
    OutGone {
        /// The output folder.
        path: PathBuf,
    },
    /// A file that was finished is no longer as it was.
    #[error(
        "{path}: {}, expected {expected} bytes: something else changed it; {advice}",
        found.map_or("gone".to_owned(), |bytes| format!("{bytes} bytes")),
        path = path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its length in bytes when it was finished.
        expected: u64,
        /// Its length now; `None` where it is gone.
        found: Option<u64>,
        /// What to do, as a sentence.
        advice: String,
    },
    /// What a repair goes by is itself damaged.
    #[error(
        "{reason}; shards are repaired by dataset.json and the ledger, which cannot be repaired themselves: convert \
         again into a new folder, with the options of the first time: {}",
        call("convert", &[&source_path.display().to_string(), &new_out.display().to_string()], &[])
    )]
    BeyondRepair {
        /// File, and what is wrong with it.
        reason: String,
        /// The raw dump.
        source_path: PathBuf,
        /// A folder beside the dataset's, for the new conversion.
        new_out: PathBuf,
    },
    /// The codec refused a tensor: a defect of this program, never of the photo.
    #[error("sample `{sample_id}` could not be compressed: {source}")]
    Codec {
        /// The sample.
        sample_id: String,
        /// What the codec says.
        source: CodecError,
    },
    /// A photo could not be read for a reason that lies in the machine or the network.
    #[error(
        "sample `{sample_id}` could not be read: {source}; that is no fault of the photo: mend it, and \
         the same command goes on where it was"
    )]
    SourceAway {
        /// The sample.
        sample_id: String,
        /// What the system said.
        source: io::Error,
    },
    /// A photo could not be decoded for want of memory. That is a fault of the machine and not of the photo.
    #[error(
        "sample `{sample_id}` could not be decoded: not enough memory; that is no fault of the photo: give tcolz more \
         memory or fewer threads, and the same command goes on where it was"
    )]
    NoMemory {
        /// The sample.
        sample_id: String,
    },
    /// The system starts no more threads.
    #[error(
        "only {started} of {wanted} threads could be started: {source}; take fewer threads, or raise the limit"
    )]
    Threads {
        /// Threads that were started.
        started: usize,
        /// Threads that were asked for.
        wanted: usize,
        /// What the system said.
        source: io::Error,
    },
    /// This program failed on a sample.
    #[error("sample `{sample_id}` made tcolz fail (the lines above say where): please report it")]
    Defect {
        /// The sample.
        sample_id: String,
    },
    /// Stopped on request, after a complete shard.
    #[error(
        "interrupted: {done} of {listed} inputs are done and kept; the same command goes on from there ({path})",
        path = path.display()
    )]
    Interrupted {
        /// The output folder.
        path: PathBuf,
        /// Inputs that are done.
        done: u64,
        /// Inputs in all.
        listed: u64,
    },
}

/// Bytes in decimal units.
fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.1} GB", bytes / 1e9),
        1e6.. => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} kB", bytes / 1e3),
    }
}
