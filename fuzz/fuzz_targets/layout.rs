//! Any names and lists in a dump, in any folders: a layout is recognised or not, and every photo is listed, named as
//! unlisted, or skipped by a stated rule.

#![no_main]

mod dumps;
mod quiet;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dumps::{FOLDER, check, open};
use libfuzzer_sys::fuzz_target;
use tcolz_convert::dump::{DumpError, DumpOptions, Layout};

const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0";

/// Parts of paths; a byte stands for one.
const PARTS: [&str; 32] = [
    "train/", "Test/", "validation/", "cat/", "dog/", "7/", "10/", "images/", "data/", "photos/", "b-t4sa_imgs/",
    "ground_truth/", "folds/", "__MACOSX/", ".hidden/", "docs/", "1.jpg", "2.JPG", "a b.png", "no-ending",
    "readme.txt", "LICENSE", ".DS_Store", "labels.csv", "metadata.tsv", "Train.csv", "test.csv", "b-t4sa_train.txt",
    "twitter_three_agrees.txt", "list.txt", "more.zip", "x\u{301}.jpg",
];
/// What lists hold.
const TEXTS: [&str; 8] = [
    "path,label\ncat/1.jpg,a\n1.jpg,b\n",
    "id,breed,split\n1,3,train\n2,2000,dev\n",
    "file_name\n1.jpg\n",
    "1.jpg 0\ncat/1.jpg 1\n7/2.JPG 2\n",
    "path,label\n\"1.jpg,a\n2.JPG,b\n",
    "Name,ClassId\nstop,1\n",
    "sep=;\nimage;label\nimages\\1.jpg;0.0\n",
    "",
];

fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut path = String::new();
    for &byte in bytes {
        let part = PARTS[usize::from(byte & 31)];
        path.push_str(part);
        if !part.ends_with('/') {
            let is_text = [".csv", ".tsv", ".txt", ".zip"].iter().any(|ending| part.ends_with(ending));
            let text = TEXTS[usize::from(byte >> 5)].as_bytes();
            let file = if is_text { text } else if byte >= 224 { b"no photo" } else { PHOTO };
            files.insert(std::mem::take(&mut path), file.to_vec());
        }
    }
    files
}

/// A name that begins with a dot or is a system's own, or says that the file is no photo.
fn is_skipped(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
        || [".txt", ".csv", ".tsv", ".zip", "LICENSE"].iter().any(|ending| path.ends_with(ending))
}

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let files = files(&bytes[..bytes.len().min(200)]);
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, &bytes[..]).expect("a name that fits");
    }
    let path = FOLDER.join("a.tar");
    fs::write(&path, tar.into_inner().expect("memory")).expect("room for a small file");
    let mut options = DumpOptions::new(&path);
    options.layout = Layout::ALL.get(usize::from(kind % 16)).copied();
    let dump = match open(&options) {
        Err(DumpError::LeavesOut { reading, count, all, .. }) => {
            assert!(options.layout.is_none() && count * 2 > all);
            options.layout = Some(reading.layout);
            open(&options)
        }
        other => other,
    };
    let Ok(dump) = dump else { return };
    check(&dump);
    let inputs: BTreeSet<String> = dump.inputs.iter().map(|input| dump.relative_path(&input.sample_id)).collect();
    let unlisted: BTreeSet<&String> = dump.unlisted.iter().collect();
    for (path, _) in files.iter().filter(|(_, bytes)| *bytes == PHOTO) {
        let listed = inputs.contains(path);
        let fates = [listed, unlisted.contains(path), !listed && is_skipped(path)];
        assert_eq!(fates.iter().filter(|fate| **fate).count(), 1, "{path}: {fates:?}");
    }
});
