//! Tests that the photos a dataset was made from are still the ones that were read.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use crate::dump::Source;

use tcolz_format::dataset::{Dataset, DatasetError, Fault, LedgerRow};

/// Photos that are looked for to tell whether a source is the right one.
const LOOKED_FOR: usize = 1000;

/// A source that has fewer than one of so many photos is another one.
const LEAST_SHARE: usize = 10;

/// Reads every source file that the ledger has a checksum of and compares; the faults name the
/// files that changed or vanished. A source that has next to none of them gives one fault that says so.
/// `progress` is called with the bytes of each file, from several threads.
///
/// # Errors
/// When the ledger cannot be read.
pub fn verify_source(
    dataset: &Dataset,
    source: &Source,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Fault>, DatasetError> {
    let rows = dataset.ledger()?;
    let path = source.path().display().to_string();
    if let Some(what) = another_source(&rows, source) {
        return Ok(vec![Fault::of_file(&path, what)]);
    }
    // What was wrong with it when it was converted is known, and harms nothing that is stored.
    let known = &dataset.meta().source_damage;
    let new = source.damage().iter().filter(|damage| !known.contains(damage));
    let new: Vec<Fault> = new.map(|damage| Fault::of_file(&path, damage.clone())).collect();
    let with_source: Vec<_> = rows.iter().filter_map(|row| Some((row, row.source?))).collect();
    let check = |buffer: &mut Vec<u8>,
                 &(row, (bytes, expected)): &(&LedgerRow, (u64, [u8; 32]))| {
        let result = source.read(&row.path, buffer);
        progress(bytes);
        let what = match result {
            Err(error) => format!("source cannot be read: {error}"),
            Ok(()) if *blake3::hash(buffer).as_bytes() != expected => {
                format!(
                    "source has changed: {} bytes now, {bytes} when it was converted",
                    buffer.len()
                )
            }
            Ok(()) => return None,
        };
        Some(Fault {
            file: row.path.clone(),
            row: None,
            sample_id: Some(row.sample_id.clone()),
            what,
        })
    };
    let mut faults: Vec<Fault> =
        with_source.par_iter().map_init(Vec::new, check).flatten().collect();
    faults.extend(new);
    faults.sort();
    Ok(faults)
}

/// What to say of a source that has next to none of the photos that the ledger lists, with what to give instead;
/// `None` for the right one.
pub(crate) fn another_source(rows: &[LedgerRow], source: &Source) -> Option<String> {
    let read: Vec<&str> =
        rows.iter().filter(|row| row.source.is_some()).map(|row| &*row.path).collect();
    let step = read.len().div_ceil(LOOKED_FOR).max(1);
    let looked_for: Vec<&str> = read.into_iter().step_by(step).collect();
    let there = |path: &str| source.place(path).is_some();
    let found = looked_for.iter().filter(|path| there(path)).count();
    let first = looked_for.iter().find(|path| !there(path))?;
    if found * LEAST_SHARE >= looked_for.len() {
        return None;
    }
    let is_in_its_folder = |path: &str| path.split_once('/').is_some_and(|(_, rest)| there(rest));
    let hint = match place_below(source, first) {
        Some(folder) if source.is_tar() => {
            format!("they lie in {folder}/ in it: unpack it, and give that folder")
        }
        Some(folder) => format!("give {}", source.path().join(folder).display()),
        None if looked_for.iter().any(|path| is_in_its_folder(path)) => {
            "give the folder above it".to_owned()
        }
        None => "give the folder or the tar that the dataset was converted from".to_owned(),
    };
    let found = if found == 0 { "none".to_owned() } else { format!("only {found}") };
    Some(format!(
        "another source? It has {found} of the {} photos that were looked for, such as {first}; {hint}",
        looked_for.len()
    ))
}

/// The folder of a source below which a photo lies, where it is the first in it or, in a tar, called as the tar is.
fn place_below(source: &Source, photo: &str) -> Option<String> {
    let path = source.path();
    let names: Vec<String> = match source.is_tar() {
        true => {
            path.file_stem().into_iter().map(|stem| stem.to_string_lossy().into_owned()).collect()
        }
        false => folders(path),
    };
    names.into_iter().find(|name| source.place(&format!("{name}/{photo}")).is_some())
}

fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
