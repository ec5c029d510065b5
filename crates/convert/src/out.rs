//! The output folder: who may write there, and what may already lie in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dump::Dump;
use tcolz_base::door::{call, option};
use tcolz_base::durable;
use tcolz_format::dataset::{
    DATASET_FILE, Dataset, DatasetMeta, JOURNAL_FOLDER, LEDGER_FILE, LedgerRow,
};

use super::error::ConvertError;
use super::journal::{Journal, is_shard};
use super::options::ConvertOptions;

/// An output folder that this process alone may write to, as long as it is held.
#[derive(Debug)]
pub(super) struct OutFolder {
    /// Held as long as this process may write.
    lock: Lock,
}

/// What lies in an output folder.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing yet, or an unfinished conversion: this process may write.
    Mine(OutFolder),
    /// The very dataset that was asked for.
    Finished(Box<Dataset>),
}

impl OutFolder {
    /// Takes hold of the output folder of a conversion, making it if need be.
    ///
    /// # Errors
    /// [`ConvertError::Nested`], [`ConvertError::Locked`], [`ConvertError::NotEmpty`],
    /// [`ConvertError::Occupied`].
    pub(super) fn take(options: &ConvertOptions, dump: &Dump) -> Result<Found, ConvertError> {
        let out = &options.out;
        let io_error = |source| ConvertError::Io { path: out.clone(), source };
        refuse_nesting(dump.source.path(), out)?;
        durable::create_folder(out).map_err(io_error)?;
        // Once more, now that links in the path can be followed.
        refuse_nesting(dump.source.path(), out)?;
        let lock = Lock::take(out)?;
        if out.join(DATASET_FILE).try_exists().map_err(io_error)? {
            let found = finished(options, dump)?;
            // The journal is still there after a kill between the last two steps.
            Journal::remove(out)?;
            return Ok(found);
        }
        if Journal::exists(out) {
            if options.restart {
                empty(out)?;
            }
        } else if fs::read_dir(out).map_err(io_error)?.next().is_some() {
            return Err(ConvertError::NotEmpty { path: out.clone() });
        }
        Ok(Found::Mine(OutFolder { lock }))
    }

    /// Removes the journal: dataset.json is there.
    pub(super) fn finish(&self) -> Result<(), ConvertError> {
        Journal::remove(&self.lock.path)
    }

    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }
}

/// The lock that whoever writes into a dataset's folder holds.
#[derive(Debug)]
pub(super) struct Lock {
    held: durable::FolderLock,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of the folder `out`.
    ///
    /// # Errors
    /// [`ConvertError::Locked`] when another process holds it; [`ConvertError::Io`].
    pub(super) fn take(out: &Path) -> Result<Lock, ConvertError> {
        let io_error = |source| ConvertError::Io { path: out.to_owned(), source };
        let held = durable::FolderLock::take(out).map_err(io_error)?;
        let held = held.ok_or_else(|| ConvertError::Locked { path: out.to_owned() })?;
        Ok(Lock { held, path: out.to_owned() })
    }

    /// Tests that the folder still has its name: else what is written goes elsewhere, where another process may write.
    ///
    /// # Errors
    /// [`ConvertError::OutGone`].
    pub(super) fn check(&self) -> Result<(), ConvertError> {
        match self.held.still_named(&self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(ConvertError::OutGone { path: self.path.clone() }),
            Err(source) => Err(ConvertError::Io { path: self.path.clone(), source }),
        }
    }

    /// What a failure comes from: the folder, where it is gone, and not the file in it that could not be written.
    pub(super) fn cause(&self, error: ConvertError) -> ConvertError {
        match self.check() {
            Err(gone @ ConvertError::OutGone { .. }) => gone,
            _ => error,
        }
    }
}

/// A finished dataset: fine when it is what was asked for, made from the same lists.
fn finished(options: &ConvertOptions, dump: &Dump) -> Result<Found, ConvertError> {
    let out = &options.out;
    let dataset = Dataset::open(out)?;
    let occupied = |difference: &str| {
        let (path, difference) = (out.to_owned(), difference.to_owned());
        Err(ConvertError::Occupied { path, difference })
    };
    if dataset.meta().recipe != options.recipe {
        return occupied("by another recipe");
    }
    if dataset.meta().made_splits != dump.made_splits {
        return occupied(&match &dataset.meta().made_splits {
            Some(made) => format!("with {made}"),
            None => format!("without {}", option("make_splits")),
        });
    }
    let rows = dataset.ledger()?;
    let same = |row: &LedgerRow, input: &crate::dump::Input| {
        row.sample_id == *input.sample_id
            && row.line == input.line
            && row.label == input.label
            && *row.list == dump.lists[usize::from(input.list)]
            && *row.split == dump.splits[usize::from(input.split)]
    };
    let equal = rows.len() == dump.inputs.len()
        && rows.iter().zip(&dump.inputs).all(|(row, input)| same(row, input));
    if !equal || dataset.meta().classes != dump.classes {
        return occupied("from other lists");
    }
    let source = dump.source.path().display().to_string();
    check_lengths(dataset.meta(), out, &|| {
        let again = call("repair", &[&out.display().to_string()], &[("source", &source)]);
        format!("{again} writes it again")
    })?;
    Ok(Found::Finished(Box::new(dataset)))
}

/// Tests that every shard that dataset.json names is there, with its length.
///
/// # Errors
/// [`ConvertError::Changed`], with `advice`.
pub(super) fn check_lengths(
    meta: &DatasetMeta,
    out: &Path,
    advice: &dyn Fn() -> String,
) -> Result<(), ConvertError> {
    for (_, _, shard) in meta.numbered_shards() {
        let path = out.join(&shard.file);
        let found = match path.metadata() {
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(ConvertError::Io { path, source }),
        };
        if found != Some(shard.bytes) {
            let (expected, advice) = (shard.bytes, advice());
            return Err(ConvertError::Changed { path, expected, found, advice });
        }
    }
    Ok(())
}

/// Removes what an unfinished conversion wrote, and nothing else: a folder with other files in it stops it.
fn empty(out: &Path) -> Result<(), ConvertError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| ConvertError::Io { path, source }
    };
    for entry in fs::read_dir(out).map_err(at(out))? {
        let path = entry.map_err(at(out))?.path();
        // The journal goes last: as long as it is there, the folder says that it is unfinished.
        if path.is_dir() && !path.ends_with(JOURNAL_FOLDER) {
            for shard in fs::read_dir(&path).map_err(at(&path))? {
                let shard = shard.map_err(at(&path))?.path();
                if is_shard(&shard) {
                    fs::remove_file(&shard).map_err(at(&shard))?;
                }
            }
            durable::remove_leftovers(&path).map_err(at(&path))?;
            if fs::read_dir(&path).map_err(at(&path))?.next().is_some() {
                return Err(ConvertError::NotEmpty { path });
            }
            fs::remove_dir(&path).map_err(at(&path))?;
        }
    }
    durable::remove_leftovers(out).map_err(at(out))?;
    let ledger = out.join(LEDGER_FILE);
    remove_if_there(&ledger).map_err(at(&ledger))?;
    Journal::remove(out)
}

fn remove_if_there(file: &Path) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn refuse_nesting(source: &Path, out: &Path) -> Result<(), ConvertError> {
    let source = canonical(source);
    let out = canonical(out);
    for (inner, outer) in [(&out, &source), (&source, &out)] {
        if inner.starts_with(outer) {
            return Err(ConvertError::Nested { inner: inner.clone(), outer: outer.clone() });
        }
    }
    Ok(())
}

/// The path with links followed, as far as it exists.
fn canonical(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return match absolute.strip_prefix(ancestor) {
                Ok(rest) if rest.as_os_str().is_empty() => real,
                Ok(rest) => real.join(rest),
                Err(_) => real,
            };
        }
    }
    absolute
}
