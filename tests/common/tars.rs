//! Tars made member by member, as archivers of all ages make them.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::path::Path;

use tar::{EntryType, Header};
use tcolz_convert::dump::{Dump, Layout};
use tcolz_convert::dump::{Input, Problem};

/// Bytes of a tar, and what lies where in it.
#[derive(Default)]
pub(crate) struct Tar {
    pub(crate) bytes: Vec<u8>,
    /// Name, where its own header ends, where its data end, and what they are.
    pub(crate) files: Vec<(String, usize, usize, Vec<u8>)>,
}

impl Tar {
    /// A header of GNU tar with this name, however odd.
    pub(crate) fn header(kind: u8, name: &[u8], bytes: u64) -> Header {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(0o644);
        header.set_size(bytes);
        header.set_cksum();
        header
    }

    pub(crate) fn push(&mut self, header: &Header, data: &[u8]) {
        self.bytes.extend(header.as_bytes());
        self.push_data(data);
    }

    /// Data, padded to whole blocks.
    pub(crate) fn push_data(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }

    pub(crate) fn member(&mut self, kind: u8, name: impl AsRef<[u8]>, data: &[u8]) {
        self.push(&Tar::header(kind, name.as_ref(), data.len() as u64), data);
    }

    /// A file that is expected to be read.
    pub(crate) fn file(&mut self, name: &str, data: &[u8]) {
        let begin = self.bytes.len() + 512;
        self.files.push((name.to_owned(), begin, begin + data.len(), data.to_vec()));
        self.member(b'0', name, data);
    }

    pub(crate) fn link(&mut self, kind: u8, name: &str, target: &str) {
        let mut header = Tar::header(kind, name.as_bytes(), 0);
        header.set_link_name_literal(target).unwrap();
        header.set_cksum();
        self.push(&header, b"");
    }

    /// A pax header for the next member.
    pub(crate) fn pax(&mut self, kind: u8, records: &[(&str, &str)]) {
        let mut text = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (rest..).find(|length| rest + length.to_string().len() == *length);
            text.extend(format!("{} {key}={value}\n", length.unwrap()).bytes());
        }
        self.member(kind, "./PaxHeaders/x", &text);
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

/// What a file holds, or why it cannot be read.
pub(crate) type Read = Result<Vec<u8>, String>;

/// What is listed of a tar, without members that later ones replace: paths with their contents, or why there are none; and the notes.
pub(crate) fn listed(path: &Path) -> (Vec<(String, Read)>, Vec<String>) {
    let dump = Dump::open(path, Some(Layout::Folder)).unwrap();
    let replaced = |input: &&Input| matches!(input.problem, Some(Problem::Duplicate { .. }));
    let inputs = dump.inputs.iter().filter(|input| !replaced(input)).map(|input| {
        let mut bytes = Vec::new();
        let read = match &input.problem {
            Some(problem) => Err(format!("{problem:?}")),
            None => dump.read(&input.sample_id, &mut bytes).map_err(|error| error.to_string()),
        };
        (dump.relative_path(&input.sample_id), read.map(|()| bytes))
    });
    let mut ids: Vec<_> = inputs.collect();
    ids.sort();
    // Small tars have one class; that is no note about the tar.
    let notes = dump.notes.into_iter().chain(dump.damage);
    let notes = notes.filter(|note| !note.contains("of the one class"));
    (ids, notes.collect())
}

/// Writes the tar and lists it.
pub(crate) fn listed_of(bytes: &[u8]) -> (BTreeMap<String, Read>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    std::fs::write(&path, bytes).unwrap();
    let (ids, notes) = listed(&path);
    let count = ids.len();
    let ids: BTreeMap<_, _> = ids.into_iter().collect();
    assert_eq!(ids.len(), count, "every id once");
    (ids, notes)
}

/// The one note that holds these words.
pub(crate) fn note<'a>(notes: &'a [String], words: &str) -> &'a str {
    let [note] = &notes.iter().filter(|note| note.contains(words)).collect::<Vec<_>>()[..] else {
        panic!("`{words}` in {notes:?}")
    };
    note
}
