//! Photos of a dump that are one file under several names.
//!
//! ```text
//! length ─ shared ─▶ first bytes ─ shared ─▶ whole file ─ same BLAKE3 ─▶ group
//! ```
//! Only files whose length occurs twice are opened, and of nearly all of these the first bytes are enough to tell
//! them apart. What is no picture is no duplicate: error pages and empty files, saved a thousand times, are refused
//! later and stand in nobody's way.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::ControlFlow;

use super::input::Input;
use super::source::is_of_the_machine;
use super::{DumpError, Source, Watch};
use tcolz_pixels::file_kind::FileKind;

/// Read of every file of a shared length: beyond the headers that photos of one camera have in common.
const BEGINNING_BYTES: u64 = 16 << 10;
/// Whoever watches is told after so many files.
const WATCHED: usize = 64;

/// A file that may be the same as another one.
struct File<'a> {
    bytes: u64,
    /// Of what has been read of it.
    hash: [u8; 32],
    /// Files are read forward in this order.
    position: u64,
    sample_id: &'a str,
}

/// The sample ids of usable inputs that share a file's bytes, each group sorted, in the order of their first ids.
///
/// # Errors
/// [`DumpError::Gone`]; [`DumpError::Unreadable`] where the machine is at fault and not the file;
/// [`DumpError::GivenUp`] when `watch` says so.
pub(super) fn same_files(
    source: &Source,
    prefix: &str,
    inputs: &[Input],
    watch: &mut Watch<'_>,
) -> Result<Vec<Vec<Box<str>>>, DumpError> {
    let usable = inputs.iter().filter(|input| input.problem.is_none());
    let mut ids: Vec<&str> = usable.map(|input| &*input.sample_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let file = |sample_id| {
        let place = source.place(&format!("{prefix}{sample_id}"))?;
        Some(File { bytes: place.bytes, hash: [0; 32], position: place.position, sample_id })
    };
    let mut files: Vec<File<'_>> =
        ids.into_iter().filter_map(file).filter(|file| file.bytes > 0).collect();
    keep_shared(&mut files);
    let mut reader = Reader { source, prefix, watch, done: 0, all: 0 };
    reader.read(&mut files, |file, relative, bytes| {
        *bytes = source.first_bytes(relative, file.bytes.min(BEGINNING_BYTES) as usize)?;
        let is_picture = FileKind::of(bytes).is_some_and(FileKind::is_picture);
        Ok(is_picture.then(|| *blake3::hash(bytes).as_bytes()))
    })?;
    keep_shared(&mut files);
    let (mut whole, mut files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.bytes <= BEGINNING_BYTES);
    reader.read(&mut files, |_, relative, bytes| {
        source.read(relative, bytes)?;
        Ok(Some(*blake3::hash(bytes).as_bytes()))
    })?;
    whole.append(&mut files);
    keep_shared(&mut whole);
    whole.sort_unstable_by_key(|file| (file.bytes, file.hash, file.sample_id));
    let same = |a: &File<'_>, b: &File<'_>| (a.bytes, a.hash) == (b.bytes, b.hash);
    let group = |files: &[File<'_>]| files.iter().map(|file| file.sample_id.into()).collect();
    let mut groups: Vec<Vec<Box<str>>> = whole.chunk_by(same).map(group).collect();
    groups.sort_unstable();
    Ok(groups)
}

/// What a person should know of these groups; `None` where there are none.
pub(super) fn identical(same: &[Vec<Box<str>>], inputs: &[Input]) -> Option<String> {
    let first = same.first()?;
    let group_of: HashMap<&str, usize> =
        (0..).zip(same).flat_map(|(group, ids)| ids.iter().map(move |id| (&**id, group))).collect();
    let mut labels = vec![BTreeSet::new(); same.len()];
    for input in inputs.iter().filter(|input| input.problem.is_none()) {
        if let Some(&group) = group_of.get(&*input.sample_id) {
            labels[group].insert(input.label);
        }
    }
    let mut text = format!(
        "identical files: {} of {} photos, the first is `{}` and `{}`; each group goes to one split",
        if same.len() == 1 { "1 group".to_owned() } else { format!("{} groups", same.len()) },
        group_of.len(),
        first[0],
        first[1]
    );
    match labels.iter().filter(|labels| labels.len() > 1).count() {
        0 => {}
        1 => text.push_str("; 1 of them has several labels"),
        several => text.push_str(&format!("; {several} of them have several labels")),
    }
    Some(text)
}

/// Keeps the files that agree with another one in length and hash, in the order in which they lie on the disk.
fn keep_shared(files: &mut Vec<File<'_>>) {
    files.sort_unstable_by_key(|file| (file.bytes, file.hash));
    let same = |a: &File<'_>, b: &File<'_>| (a.bytes, a.hash) == (b.bytes, b.hash);
    let shared = files.chunk_by(same).flat_map(|files| files.iter().map(|_| files.len() > 1));
    let mut shared = shared.collect::<Vec<bool>>().into_iter();
    files.retain(|_| shared.next().unwrap_or(false));
    files.sort_unstable_by_key(|file| (file.position, file.sample_id));
}

/// Reads files one by one and says how far it is.
struct Reader<'a, 'w> {
    source: &'a Source,
    prefix: &'a str,
    watch: &'a mut Watch<'w>,
    /// Bytes read, and all that are to be read.
    done: u64,
    all: u64,
}

impl Reader<'_, '_> {
    /// Gives every file the hash that `hash` makes of it; those without one, and those that cannot be read, go.
    fn read(
        &mut self,
        files: &mut Vec<File<'_>>,
        hash: impl Fn(&File<'_>, &str, &mut Vec<u8>) -> io::Result<Option<[u8; 32]>>,
    ) -> Result<(), DumpError> {
        self.all += files.iter().map(|file| file.bytes).sum::<u64>();
        let (mut number, mut error) = (0, None);
        let mut bytes = Vec::new();
        files.retain_mut(|file| {
            if error.is_some() {
                return false;
            }
            if number % WATCHED == 0 && (self.watch)(self.done, self.all) == ControlFlow::Break(())
            {
                error = Some(DumpError::GivenUp { path: self.source.path().to_owned() });
                return false;
            }
            number += 1;
            self.done += file.bytes;
            let relative = format!("{}{}", self.prefix, file.sample_id);
            match hash(file, &relative, &mut bytes) {
                Ok(Some(found)) => {
                    file.hash = found;
                    true
                }
                Ok(None) => false,
                Err(source) if is_of_the_machine(&source) => {
                    let path = self.source.path().join(relative);
                    error = Some(DumpError::Unreadable { path, source });
                    false
                }
                // A file that cannot be read is refused by the conversion, unless all of them have gone.
                Err(_) => {
                    error = self.source.check().err();
                    false
                }
            }
        });
        error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_same_by_all_their_bytes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let photo = |length: usize, last: u8| {
            let mut bytes = b"\xFF\xD8\xFF".to_vec();
            bytes.resize(length, 7);
            bytes.push(last);
            bytes
        };
        let long = BEGINNING_BYTES as usize * 2;
        let files: [(&str, Vec<u8>); 11] = [
            ("a.jpg", photo(long, 1)),
            ("b.jpg", photo(long, 2)),
            ("c.jpg", photo(long, 1)),
            ("d.jpg", photo(long + 1, 1)),
            ("e.jpg", photo(9, 1)),
            ("f.jpg", photo(9, 1)),
            ("g.jpg", photo(9, 3)),
            ("h.jpg", Vec::new()),
            ("i.jpg", Vec::new()),
            ("j.jpg", b"<html>not found</html>".to_vec()),
            ("k.jpg", b"<html>not found</html>".to_vec()),
        ];
        let mut list = String::from("missing.jpg 0\n");
        for (name, bytes) in &files {
            std::fs::write(at(name), bytes).unwrap();
            list += &format!("{name} 0\n{name} 0\n");
        }
        std::fs::write(at("b-t4sa_train.txt"), list).unwrap();
        let dump = super::super::Dump::open(folder.path(), None).unwrap();
        let mut calls = 0;
        let mut count = |done: u64, all: u64| {
            assert!(done <= all);
            calls += 1;
            ControlFlow::Continue(())
        };
        let found = same_files(&dump.source, &dump.prefix, &dump.inputs, &mut count).unwrap();
        let found: Vec<Vec<&str>> =
            found.iter().map(|group| group.iter().map(|id| &**id).collect()).collect();
        assert_eq!(found, [["a.jpg", "c.jpg"], ["e.jpg", "f.jpg"]]);
        assert!(calls >= 2);
        let mut stop = |_, _| ControlFlow::Break(());
        let stopped = same_files(&dump.source, &dump.prefix, &dump.inputs, &mut stop);
        assert!(matches!(stopped, Err(DumpError::GivenUp { .. })));
    }
}
