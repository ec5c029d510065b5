//! Promise: a file that is a photo by its first bytes is listed, named as unlisted, or skipped by a stated rule;
//! and the same dump as a folder, as a tar, further down or with litter beside it is the same dump.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tcolz_convert::dump::{Dump, Layout};
use tcolz_convert::dump::{DumpError, DumpOptions, ListFile};

const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0 a photo";

/// Files by path.
type Files = BTreeMap<String, Vec<u8>>;

/// Where a photo may lie by its layout; the rest of a dump is odd.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Classes,
    Splits,
    SplitsInClasses,
    Table,
    TableOfEachSplit,
    TableInEachSplit,
    Ttd,
    BT4sa,
}

#[derive(Debug, Clone)]
struct Made {
    shape: Shape,
    /// Photos of the layout: class, split, name, whether a list has it.
    photos: Vec<(usize, usize, String, bool)>,
    /// Odd files beside them.
    odd: Vec<((String, bool), bool)>,
    /// Folders above.
    above: String,
}

const CLASSES: [&str; 3] = ["cat", "dog", "7"];
const SPLITS: [[&str; 2]; 4] =
    [["train", "test"], ["Training", "EVAL"], ["seg_train", "seg_test"], ["train2017", "dev2017"]];

fn made() -> impl Strategy<Value = Made> {
    let shape = prop::sample::select(vec![
        Shape::Classes,
        Shape::Splits,
        Shape::SplitsInClasses,
        Shape::Table,
        Shape::TableOfEachSplit,
        Shape::TableInEachSplit,
        Shape::Ttd,
        Shape::BT4sa,
    ]);
    let name = prop::sample::select(vec![
        "1.jpg",
        "2.JPG",
        "a b.png",
        "no-ending",
        "ü.jpeg",
        "5.webp",
        "6.odd",
        "deep/1.jpg",
    ]);
    let photo = (0..3usize, 0..2usize, name.prop_map(str::to_owned), prop::bool::weighted(0.8));
    let odd = prop::sample::select(vec![
        "__MACOSX/._1.jpg",
        "cat/.hidden.jpg",
        "@eaDir/1.jpg",
        ".cache/x.jpg",
        "loose.jpg",
        "loose-too",
        "extra/1.jpg",
        "extra/deep/2",
        "docs/readme.txt",
        "docs/LICENSE",
        "photo.txt",
        "notes.csv",
        "train/loose.jpg",
        "images/beside.jpg",
        "labels.csv.bak",
        "annotations.json",
        "cat/1.txt",
        "cat/1.json",
        "cat/tab\tin it.jpg",
        "new\nline/1.jpg",
    ]);
    // In the dump, or beside the folder that it lies in.
    let odd = (odd, any::<bool>()).prop_map(|(path, beside)| (path.to_owned(), beside));
    let odd = (odd, any::<bool>());
    let above = prop::sample::select(vec!["", "", "top/", "a/b/"]).prop_map(str::to_owned);
    (shape, prop::collection::vec(photo, 1..9), prop::collection::vec(odd, 0..5), above)
        .prop_map(|(shape, photos, odd, above)| Made { shape, photos, odd, above })
}

impl Made {
    /// The files of the dump; `odd` and `above` may be left out.
    fn files(&self, with_odd: bool, above: &str) -> Files {
        let mut files = Files::new();
        let mut lists: BTreeMap<String, String> = BTreeMap::new();
        let words = SPLITS[self.photos.len() % 4];
        for &(class, split, ref name, listed) in &self.photos {
            let (class_name, word) = (CLASSES[class], words[split]);
            let mut line = |list: String, header: &str, line: String| {
                let list = lists.entry(list).or_insert_with(|| header.to_owned());
                if listed {
                    list.push_str(&line);
                }
            };
            let path = match self.shape {
                Shape::Classes => format!("{class_name}/{name}"),
                Shape::Splits => format!("{word}/{class_name}/{name}"),
                Shape::SplitsInClasses => format!("{class_name}/{word}/{name}"),
                Shape::Table => {
                    let path = format!("pictures/{class_name}-{name}");
                    line("labels.csv".to_owned(), "path,label\n", format!("{path},{class_name}\n"));
                    path
                }
                Shape::TableOfEachSplit => {
                    let path = format!("{word}-{class_name}-{name}");
                    line(format!("{word}.csv"), "path,label\n", format!("{path},{class_name}\n"));
                    path
                }
                Shape::TableInEachSplit => {
                    let header = "file_name,label\n";
                    line(format!("{word}/metadata.csv"), header, format!("{name},{class_name}\n"));
                    format!("{word}/{name}")
                }
                Shape::Ttd => {
                    let name = format!("1_{class}_{name}");
                    let list = "ground_truth/twitter_three_agrees.txt".to_owned();
                    line(list, "", format!("{name} {}\n", class % 2));
                    format!("images/{name}")
                }
                Shape::BT4sa => {
                    let path = format!("data/{class}/{split}-{name}");
                    line(
                        format!("b-t4sa_{}.txt", ["train", "val"][split]),
                        "",
                        format!("{path} {class}\n"),
                    );
                    path
                }
            };
            files.insert(path, PHOTO.to_vec());
        }
        files.extend(lists.into_iter().map(|(list, text)| (list, text.into_bytes())));
        let mut files: Files =
            files.into_iter().map(|(path, bytes)| (format!("{above}{path}"), bytes)).collect();
        for ((path, beside), is_photo) in self.odd.iter().filter(|_| with_odd) {
            let bytes = if *is_photo { PHOTO } else { b"no photo" };
            let path = if *beside { path.clone() } else { format!("{above}{path}") };
            files.entry(path).or_insert_with(|| bytes.to_vec());
        }
        files
    }
}

fn write(folder: &Path, files: &Files) {
    files.iter().for_each(|(path, bytes)| common::write(&folder.join(path), bytes));
}

fn write_tar(path: &Path, files: &Files) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap();
}

/// Lists a dump; where recognition would lose too much, with the layout that it says.
fn open(source: &Path) -> Result<(Dump, bool), DumpError> {
    match Dump::open(source, None) {
        Err(DumpError::LeavesOut { reading, .. }) => {
            Dump::open(source, Some(reading.layout)).map(|dump| (dump, true))
        }
        other => other.map(|dump| (dump, false)),
    }
}

/// Skipped by a stated rule: a name that begins with a dot or is a system's own; or one that says that the file is
/// something else.
fn is_skipped(path: &str) -> bool {
    let systems = |part: &str| part.starts_with('.') || matches!(part, "__MACOSX" | "@eaDir");
    path.split('/').any(systems)
        || [".txt", ".csv", ".json"].iter().any(|ending| path.ends_with(ending))
        || path.ends_with("LICENSE")
}

/// Splits, classes, and of each input its split, id and label.
type Facts = (Vec<String>, Vec<String>, BTreeSet<(String, String, Option<u16>)>);

fn facts(dump: &Dump) -> Facts {
    let input = |input: &tcolz_convert::dump::Input| {
        (dump.splits[usize::from(input.split)].clone(), input.sample_id.to_string(), input.label)
    };
    (dump.splits.clone(), dump.classes.clone(), dump.inputs.iter().map(input).collect())
}

fn check(files: &Files, dump: &Dump) -> Result<(), TestCaseError> {
    // A name with a control character stands in the ledger and in notes with `\u{FFFD}` for it.
    let shown = |path: &str| path.replace(char::is_control, "\u{FFFD}");
    let inputs: BTreeSet<String> =
        dump.inputs.iter().map(|input| dump.relative_path(&input.sample_id)).collect();
    let unlisted: BTreeSet<&String> = dump.unlisted.iter().collect();
    prop_assert_eq!(unlisted.len(), dump.unlisted.len(), "named once");
    for (path, _) in files.iter().filter(|(_, bytes)| *bytes == PHOTO) {
        let path = &shown(path);
        let fates = [
            inputs.contains(path),
            unlisted.contains(path),
            !inputs.contains(path) && is_skipped(path),
        ];
        let count = fates.iter().filter(|fate| **fate).count();
        prop_assert_eq!(count, 1, "{} has the fates {:?}: {:?}", path, fates, dump.reading);
    }
    let files: BTreeSet<String> = files.keys().map(|path| shown(path)).collect();
    let there = dump.unlisted.iter().all(|path| files.contains(path));
    prop_assert!(there, "{:?}", dump.unlisted);
    let by_folder: u64 = dump.reading.not_used.iter().map(|not_used| not_used.photos).sum();
    prop_assert_eq!(by_folder, dump.unlisted.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_photo_is_listed_or_named_or_skipped_by_a_stated_rule(made in made(), by_hand in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let files = made.files(true, &made.above);
        let (unpacked, tar) = (folder.path().join("dump"), folder.path().join("dump.tar"));
        write(&unpacked, &files);
        write_tar(&tar, &files);
        let (as_folder, as_tar) = (open(&unpacked), open(&tar));
        match (as_folder, as_tar) {
            (Ok((dump, asked)), Ok((from_tar, tar_asked))) => {
                check(&files, &dump)?;
                check(&files, &from_tar)?;
                prop_assert_eq!(facts(&dump), facts(&from_tar));
                prop_assert_eq!((&dump.reading, &dump.unlisted, asked), (&from_tar.reading, &from_tar.unlisted, tar_asked));
            }
            // An error takes nothing, and is the same for both.
            (Err(one), Err(other)) => prop_assert_eq!(
                std::mem::discriminant(&one), std::mem::discriminant(&other), "{} {}", one, other
            ),
            (one, other) => prop_assert!(false, "{:?} {:?}", one.map(|_| ()), other.map(|_| ())),
        }
        // Lists named by hand leave out the rest, and name it.
        let list = files.keys().find(|path| path.ends_with("labels.csv") || path.ends_with("b-t4sa_train.txt"));
        if let Some(list) = list.filter(|_| by_hand) {
            let mut options = DumpOptions::new(&unpacked);
            options.lists.push(ListFile { split: None, path: unpacked.join(list) });
            if let Ok(dump) = options.open(&mut |_, _| std::ops::ControlFlow::Continue(())) {
                check(&files, &dump)?;
            }
        }
    }

    #[test]
    fn a_dump_is_the_same_further_down(made in made()) {
        // Photos alone, in no folder and in no list, are a class further down: that of their folder.
        prop_assume!(made.photos.iter().any(|(.., listed)| *listed));
        let folder = tempfile::tempdir().unwrap();
        let mut expected = None;
        for (number, above) in ["", "top/", "a/b/"].into_iter().enumerate() {
            let path = folder.path().join(number.to_string());
            write(&path, &made.files(false, above));
            let found = open(&path).map(|(dump, asked)| (facts(&dump), dump.reading.layout, asked)).map_err(|_| "refused");
            let expected = expected.get_or_insert_with(|| found.clone());
            prop_assert_eq!(&found, expected, "{}", above);
        }
    }
}

#[test]
fn folder_tar_a_folder_further_down_and_litter_beside_give_one_content_root() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut plain = Files::new();
    for number in 0..8u32 {
        let class = ["cat", "dog"][number as usize % 2];
        let split = ["train", "test"][number as usize / 4];
        plain.insert(
            format!("{split}/{class}/{number}.png"),
            common::photo(number, 24 + number, 20),
        );
    }
    let root = |source: &Path, out: &str| {
        let summary = common::converted(&common::options(source, &at(out), &[16]));
        summary.dataset.meta().content_root.clone()
    };
    write(&at("plain"), &plain);
    let expected = root(&at("plain"), "from-plain");
    let mut littered = plain.clone();
    for litter in [
        "__MACOSX/train/._cat",
        "train/cat/Thumbs.db",
        "train/@eaDir/0.png",
        "readme.md",
        ".DS_Store",
    ] {
        littered.insert(litter.to_owned(), common::photo(99, 20, 20));
    }
    let further = |files: &Files| {
        files
            .iter()
            .map(|(path, bytes)| (format!("my photos/set 1/{path}"), bytes.clone()))
            .collect::<Files>()
    };
    for (name, files) in
        [("littered", littered.clone()), ("further", further(&plain)), ("both", further(&littered))]
    {
        write(&at(name), &files);
        write_tar(&at(&format!("{name}.tar")), &files);
        assert_eq!(root(&at(name), &format!("from-{name}")), expected, "{name}");
        assert_eq!(
            root(&at(&format!("{name}.tar")), &format!("from-tar-{name}")),
            expected,
            "{name}.tar"
        );
    }
    assert_eq!(Dump::open(&at("both"), None).unwrap().reading.layout, Layout::Folder);
}
