//! Promise: whatever the lists hold, listed = stored + quarantined + missing + duplicate; every line is in
//! the ledger exactly once, with the status that a plain reading of the lists predicts.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tcolz_format::dataset::verify;
use tcolz_format::sample::Status;

const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Names that lists may give, and what becomes of a file of that name.
const FILES: [(&str, Status, Option<&str>); 11] = [
    ("data/1/1-1.jpg", Status::Stored, None),
    ("data/1/2-1.jpg", Status::Stored, None),
    ("data/2/my photo 3.jpg", Status::Stored, None),
    ("data/2/größe 4.png", Status::Stored, None),
    ("data/1/cut-off.jpg", Status::Quarantined, Some("corrupt")),
    ("data/1/empty.jpg", Status::Quarantined, Some("empty")),
    ("data/1/page.jpg", Status::Quarantined, Some("unknown-format")),
    ("data/1/folder.jpg", Status::Quarantined, Some("unreadable")),
    ("data/1/gone.jpg", Status::Missing, Some("missing")),
    ("data/1/1-1.jpg/below-a-file.jpg", Status::Missing, Some("missing")),
    ("nowhere/gone too.jpg", Status::Missing, Some("missing")),
];

/// Lines that are no UTF-8, or name a file by a character that no name should hold.
const NO_NAMES: [&[u8]; 5] =
    [b"data/\xFF.jpg 1", b"\xC3 0", b"a\0b.jpg 1", b"a\x1Bb.jpg 2", b"a\rb.jpg 1"];

/// Something that may stand on a line.
#[derive(Debug, Clone)]
enum Line {
    /// A file of `FILES`, spelled one way or the other, with a label.
    File { file: usize, spelling: u8, label: u8, gap: u8 },
    /// A file with a label that is none.
    Label(usize, &'static str),
    /// No blank in it.
    NoBlank(String),
    /// A path that leaves the dump.
    Leaves(&'static str),
    /// A name that the disk could not hold, of so many bytes.
    Long(usize),
    /// One of `NO_NAMES`.
    NoName(&'static [u8]),
    /// Nothing.
    Blank(&'static str),
}

fn line() -> impl Strategy<Value = Line> {
    let file = || 0..FILES.len();
    prop_oneof![
        8 => (file(), 0u8..4, 0u8..3, 0u8..3)
            .prop_map(|(file, spelling, label, gap)| Line::File { file, spelling, label, gap }),
        1 => (file(), prop::sample::select(&["3", "-1", "65536", "x", "0.5", "²"][..]))
            .prop_map(|(file, label)| Line::Label(file, label)),
        1 => "[a-z0-9./]{1,12}".prop_map(Line::NoBlank),
        1 => prop::sample::select(
            &["../1-1.jpg", "data/../../1-1.jpg", "/etc/hostname", "..", "data/1/.."][..]
        ).prop_map(Line::Leaves),
        1 => prop::sample::select(&[256usize, 5_000, 300_000][..]).prop_map(Line::Long),
        1 => prop::sample::select(&NO_NAMES[..]).prop_map(Line::NoName),
        2 => prop::sample::select(&["", " ", "\t", " \t "][..]).prop_map(Line::Blank),
    ]
}

impl Line {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Line::File { file, spelling, label, gap } => {
                let name = FILES[*file].0;
                let name = match spelling {
                    0 => name.to_owned(),
                    1 => format!("./{name}"),
                    2 => name.replacen('/', "//", 1),
                    _ => format!("  {name}"),
                };
                let gap = [" ", "\t", "   "][usize::from(*gap)];
                format!("{name}{gap}{label}").into_bytes()
            }
            Line::Label(file, label) => format!("{} {label}", FILES[*file].0).into_bytes(),
            Line::NoBlank(text) => text.clone().into_bytes(),
            Line::Leaves(path) => format!("{path} 1").into_bytes(),
            Line::Long(length) => format!("data/{} 1", "a".repeat(*length)).into_bytes(),
            Line::NoName(bytes) => bytes.to_vec(),
            Line::Blank(blank) => blank.as_bytes().to_vec(),
        }
    }

    /// Path and label of a line that has both: what a second one of them repeats.
    fn path(&self) -> Option<(String, u8)> {
        match self {
            Line::File { file, label, .. } => Some((FILES[*file].0.to_owned(), *label)),
            Line::Long(length) => Some((format!("data/{}", "a".repeat(*length)), 1)),
            _ => None,
        }
    }

    /// What the ledger must say of it, duplicates aside; `None` for a line that is no line.
    fn expected(&self) -> Option<Row<'static>> {
        use Status::Quarantined;
        Some(match self {
            Line::File { file, label, .. } => {
                (FILES[*file].1, FILES[*file].2, Some(u16::from(*label)))
            }
            Line::Label(..) => (Quarantined, Some("unknown-label"), None),
            Line::NoBlank(_) => (Quarantined, Some("bad-line"), None),
            Line::Leaves(_) => (Quarantined, Some("path-leaves-dump"), None),
            Line::Long(_) => (Quarantined, Some("unreadable"), Some(1)),
            Line::NoName(_) => (Quarantined, Some("unusable-name"), None),
            Line::Blank(_) => return None,
        })
    }
}

/// A list: its lines, and how its text is written.
#[derive(Debug, Clone)]
struct List {
    lines: Vec<Line>,
    crlf: bool,
    mark: bool,
    last_end: bool,
}

fn list() -> impl Strategy<Value = List> {
    (vec(line(), 0..14), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(lines, crlf, mark, last_end)| List { lines, crlf, mark, last_end })
}

impl List {
    fn bytes(&self) -> Vec<u8> {
        let end: &[u8] = if self.crlf { b"\r\n" } else { b"\n" };
        let lines: Vec<Vec<u8>> = self.lines.iter().map(Line::bytes).collect();
        let mut bytes = if self.mark { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
        bytes.extend(lines.join(end));
        if self.last_end {
            bytes.extend(end);
        }
        bytes
    }
}

/// What the ledger must say of a line: status, word of the reason, label.
type Row<'a> = (Status, Option<&'a str>, Option<u16>);

/// A plain reading of the lists: (list, line) → what becomes of it.
fn model(lists: &[Option<List>; 3]) -> BTreeMap<(String, u32), Row<'static>> {
    let mut rows = BTreeMap::new();
    for (list, split) in lists.iter().zip(SPLITS) {
        let mut first_labels: HashMap<String, u8> = HashMap::new();
        let lines = list.iter().flat_map(|list| &list.lines);
        for (line, number) in lines.zip(1..) {
            let Some(mut expected) = line.expected() else { continue };
            if let Some((path, label)) = line.path() {
                match first_labels.get(&path) {
                    None => {
                        first_labels.insert(path, label);
                    }
                    Some(&first) => {
                        let code = if first == label { "duplicate" } else { "label conflict" };
                        expected = (Status::Duplicate, Some(code), expected.2);
                    }
                }
            }
            rows.insert((list_name(split), number), expected);
        }
    }
    rows
}

fn list_name(split: &str) -> String {
    format!("b-t4sa_{split}.txt")
}

/// Lines with anything on them, counted in the bytes as they lie on the disk.
fn lines_in(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let anything = |line: &&[u8]| line.iter().any(|byte| !b" \t\r".contains(byte));
    text.split(|&byte| byte == b'\n').filter(anything).count() as u64
}

/// The files that all made-up lists name.
static PHOTOS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| common::write(&folder.path().join(name), bytes);
    let jpeg = fs::read(common::tiny_and_bad(folder.path()).0).unwrap();
    for (number, (name, status, _)) in (1..).zip(FILES) {
        if status == Status::Stored {
            put(name, &common::photo(number, 12 + number, 9));
        }
    }
    put("data/1/2-1.jpg", &jpeg);
    put("data/1/cut-off.jpg", &jpeg[..20]);
    put("data/1/empty.jpg", b"");
    put("data/1/page.jpg", b"<!DOCTYPE html>");
    fs::create_dir(folder.path().join("data/1/folder.jpg")).unwrap();
    folder
});

/// A dump of these lists, in a folder of its own.
fn dump(folder: &Path, lists: &[Option<List>; 3]) -> PathBuf {
    let dump = folder.join("dump");
    fs::create_dir(&dump).unwrap();
    std::os::unix::fs::symlink(PHOTOS.path().join("data"), dump.join("data")).unwrap();
    for (list, split) in lists.iter().zip(SPLITS) {
        if let Some(list) = list {
            fs::write(dump.join(list_name(split)), list.bytes()).unwrap();
        }
    }
    dump
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn every_line_of_any_lists_is_counted_once_and_as_what_it_is(
        lists in (list().prop_map(Some), prop::option::of(list()), prop::option::of(list())),
    ) {
        let lists = <[Option<List>; 3]>::from(lists);
        let folder = tempfile::tempdir().unwrap();
        let (dump, out) = (dump(folder.path(), &lists), folder.path().join("out"));
        let expected = model(&lists);
        let mut options = common::options(&dump, &out, &[8]);
        // Few lines may name less than half of the files.
        options.dump.layout = Some(tcolz_convert::dump::Layout::BT4sa);
        let stop = std::sync::atomic::AtomicBool::new(false);
        let result = tcolz_convert::convert(&options, &stop, &mut ());
        if expected.is_empty() {
            prop_assert!(result.is_err(), "lists without a line are no dump");
            prop_assert!(!out.exists());
            return Ok(());
        }
        let dataset = result.unwrap().dataset;
        let listed: u64 = SPLITS
            .iter()
            .map(|split| dump.join(list_name(split)))
            .filter(|file| file.exists())
            .map(|file| lines_in(&file))
            .sum();
        let rows = dataset.ledger().unwrap();
        let found: BTreeMap<(String, u32), Row<'_>> = rows
            .iter()
            .map(|row| ((row.list.to_string(), row.line), (row.status, row.reason_code(), row.label)))
            .collect();
        prop_assert_eq!(found.len(), rows.len(), "a line comes once");
        prop_assert_eq!(&found, &expected);
        let counts = dataset.meta().counts;
        let of = |status| expected.values().filter(|row| row.0 == status).count() as u64;
        let [stored, quarantined, missing, duplicate] = Status::ALL.map(of);
        prop_assert_eq!(
            [counts.listed, counts.stored, counts.quarantined, counts.missing, counts.duplicate],
            [listed, stored, quarantined, missing, duplicate]
        );
        prop_assert_eq!(listed, stored + quarantined + missing + duplicate);
        let report = verify(&out, &|_| ()).unwrap();
        prop_assert_eq!((report.faults, report.samples), (Vec::new(), stored));
    }
}
