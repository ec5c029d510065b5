//! Promise: names of members are taken as they were meant, and a name that cannot be is said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::tars;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tars::{Tar, listed, listed_of, note};
use tcolz_convert::dump::Dump;
use tcolz_convert::dump::DumpError;

/// Ids whose files can be read.
fn good(ids: &BTreeMap<String, Result<Vec<u8>, String>>) -> Vec<&str> {
    ids.iter().filter(|(_, read)| read.is_ok()).map(|(id, _)| id.as_str()).collect()
}

#[test]
fn absolute_names_are_taken_without_what_makes_them_absolute() {
    let mut tar = Tar::default();
    tar.file("/photos/cat/0.jpg", b"0");
    tar.file("/photos/cat/1.jpg", b"1");
    tar.link(b'1', "/photos/dog/hard.jpg", "/photos/cat/0.jpg");
    tar.link(b'2', "/photos/dog/soft.jpg", "/photos/cat/1.jpg");
    tar.file(r"C:\photos\cat\2.jpg", b"2");
    tar.file("d:/photos/cat/3.jpg", b"3");
    tar.file("photos/cat/4.jpg", b"4");
    tar.file("photos/cat/0.jpg", b"the same as /photos/cat/0.jpg");
    let (ids, notes) = listed_of(&tar.end());
    assert_eq!(
        good(&ids),
        [
            "photos/cat/0.jpg",
            "photos/cat/1.jpg",
            "photos/cat/2.jpg",
            "photos/cat/3.jpg",
            "photos/cat/4.jpg",
            "photos/dog/hard.jpg",
            "photos/dog/soft.jpg",
        ]
    );
    assert_eq!(ids["photos/cat/0.jpg"].as_ref().unwrap(), b"the same as /photos/cat/0.jpg");
    assert_eq!(ids["photos/dog/hard.jpg"].as_ref().unwrap(), b"0", "bound to the first");
    let absolute = note(&notes, "absolute names");
    assert!(absolute.ends_with("4, the first is `/photos/cat/0.jpg`"), "{absolute}");
    let windows = note(&notes, "names of Windows");
    assert!(windows.ends_with(r"2, the first is `C:\photos\cat\2.jpg`"), "{windows}");
    let same = note(&notes, "a later one has their name");
    assert!(same.ends_with("1, the first is `photos/cat/0.jpg`"), "{same}");
}

#[test]
fn names_that_step_up_are_taken_where_it_is_clear_what_they_mean() {
    let mut tar = Tar::default();
    tar.file("cat/0.jpg", b"0");
    tar.file("dog/../cat/1.jpg", b"1");
    tar.file("dog/../cat/1.jpg", b"1 again");
    tar.file("dog/../cat/0.jpg", b"no: another member");
    tar.file("owl/../cat/1.jpg", b"1 of owl");
    tar.link(b'2', "dog", "elsewhere");
    tar.file("owl/../cat/2.jpg", b"2");
    tar.file("ant/../cat/2.jpg", b"no: another member, too");
    tar.file("dog/../cat/3.jpg", b"no: through a link");
    tar.file("../cat/4.jpg", b"no: outside");
    tar.file("cat/../../cat/5.jpg", b"no: outside");
    tar.file("", b"no name");
    let (ids, notes) = listed_of(&tar.end());
    // Nothing is known of the folder that the link leads to.
    assert_eq!(good(&ids), ["cat/0.jpg", "cat/1.jpg", "cat/2.jpg"]);
    for (id, expected) in [("cat/0.jpg", "0"), ("cat/1.jpg", "1 of owl"), ("cat/2.jpg", "2")] {
        assert_eq!(ids[id].as_ref().unwrap(), expected.as_bytes());
    }
    let outside = note(&notes, "leads out of the tar");
    assert!(outside.ends_with("3, the first is `../cat/4.jpg`"), "{outside}");
    let stepping = note(&notes, "the `..` in their names");
    assert!(stepping.ends_with("5, the first is `dog/../cat/1.jpg`"), "{stepping}");
    note(&notes, "links to what is not in the tar: 1, the first is `dog -> elsewhere`");
}

#[test]
fn two_odd_names_stay_two_and_each_has_its_reason() {
    let mut tar = Tar::default();
    for name in [&b"cat/a\xFE.jpg"[..], b"cat/a\xFF.jpg", b"cat/a\x01.jpg", b"cat/a\x02.jpg"] {
        tar.member(b'0', name, name);
    }
    // What the others look like.
    tar.file("cat/a\u{FFFD}.jpg", b"good");
    tar.file("cat/b.jpg", b"b");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, tar.end()).unwrap();
    let (ids, _) = listed(&path);
    let count = |words: &str| {
        let says =
            |read: &Result<Vec<u8>, String>| read.as_ref().is_err_and(|why| why.contains(words));
        ids.iter().filter(|(id, read)| id == "cat/a\u{FFFD}.jpg" && says(read)).count()
    };
    assert_eq!((count("not UTF-8"), count("control character"), ids.len()), (2, 2, 6), "{ids:?}");
    assert!(ids.contains(&("cat/a\u{FFFD}.jpg".to_owned(), Ok(b"good".to_vec()))));
}

#[test]
fn a_link_to_a_folder_stands_for_it_at_every_depth_and_circles_are_ended() {
    let mut tar = Tar::default();
    tar.file("store/0.jpg", b"0");
    tar.file("store/deep/1.jpg", b"1");
    tar.link(b'2', "store/deep/more", "../../dog");
    tar.file("dog/2.jpg", b"2");
    tar.link(b'2', "dog/back", "../store");
    tar.link(b'2', "dog/self", ".");
    tar.link(b'2', "cat", "store");
    tar.link(b'2', "owl", "cat/deep/more/../store");
    tar.member(b'5', "empty/", b"");
    tar.link(b'2', "dog/empty", "../empty");
    tar.link(b'2', "dog/photo.jpg", "self/self/../dog/2.jpg");
    tar.link(b'2', "dog/out", "/mnt/photos");
    tar.link(b'2', "dog/a", "b");
    tar.link(b'2', "dog/b", "a");
    let (ids, notes) = listed_of(&tar.end());
    let below = |folder: &str, at: &str| {
        let names = ids.keys().filter_map(|id| id.strip_prefix(folder));
        names.filter(|rest| rest.starts_with(at)).map(str::to_owned).collect::<Vec<_>>()
    };
    let dog = ["2.jpg", "a", "b", "out", "photo.jpg"];
    let dog_at = |at: &str| dog.map(|name| format!("{at}{name}")).to_vec();
    let store: Vec<String> =
        [vec!["0.jpg".to_owned(), "deep/1.jpg".to_owned()], dog_at("deep/more/")].concat();
    assert_eq!(below("store/", ""), store);
    assert_eq!(below("cat/", ""), store);
    assert_eq!(below("owl/", ""), store);
    let in_dog =
        [dog_at("")[..3].to_vec(), below("dog/", "back/"), dog_at("")[3..].to_vec()].concat();
    assert_eq!(below("dog/", ""), in_dog);
    assert_eq!(below("dog/", "back/"), ["back/0.jpg", "back/deep/1.jpg"]);
    assert_eq!(ids["dog/back/deep/1.jpg"].as_ref().unwrap(), b"1");
    assert_eq!(ids["owl/deep/more/photo.jpg"].as_ref().unwrap(), b"2");
    let nothing = note(&notes, "links to what is not in the tar");
    assert!(nothing.ends_with("3, the first is `dog/a -> b`"), "{nothing}");
    note(&notes, "links back to a folder that holds them");
}

/// What a walk through the unpacked folder finds, links followed, as the system resolves them.
fn walked(
    root: &Path,
    folder: &Path,
    passed: &mut Vec<PathBuf>,
    found: &mut BTreeMap<String, Option<Vec<u8>>>,
) {
    passed.push(folder.canonicalize().unwrap());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        match path.canonicalize() {
            Ok(real) if real.is_dir() => {
                if !passed.contains(&real) {
                    walked(root, &path, passed, found);
                }
            }
            Ok(real) => drop(found.insert(name, Some(fs::read(real).unwrap()))),
            Err(_) => drop(found.insert(name, None)),
        }
    }
    passed.pop();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_tar_lists_what_its_unpacked_folder_lists_with_all_links_followed(
        files in prop::collection::btree_set("[ab](/[abc]){1,3}", 1..6),
        links in prop::collection::btree_map("[abcd](/[bcd]){0,2}", "(\\.\\./|[abcd]/|\\./){0,3}[abcd.]", 0..5),
    ) {
        // Names of photos, so that every folder that holds one is a class's.
        let photo = |path: &str| {
            let part = |part: &str| if part.starts_with('.') || part.is_empty() { part.to_owned() } else { format!("{part}.jpg") };
            path.split('/').map(part).collect::<Vec<_>>().join("/")
        };
        let files: BTreeSet<String> = files.iter().map(|name| photo(name)).collect();
        let links: BTreeMap<String, String> =
            links.iter().map(|(name, target)| (photo(name), photo(target))).collect();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("top/photos");
        fs::create_dir_all(&root).unwrap();
        let mut tar = Tar::default();
        let place = |name: &str| {
            let path = root.join(name);
            // Only real folders are made, and nothing is replaced.
            let mut above = root.clone();
            for part in Path::new(name).parent().unwrap() {
                above.push(part);
                match above.symlink_metadata() {
                    Ok(found) if !found.is_dir() => return None,
                    Ok(_) => {}
                    Err(_) => fs::create_dir(&above).unwrap(),
                }
            }
            path.symlink_metadata().is_err().then_some(path)
        };
        for name in &files {
            if let Some(path) = place(name) {
                fs::write(path, name).unwrap();
                tar.file(name, name.as_bytes());
            }
        }
        for (name, target) in &links {
            if let Some(path) = place(name) {
                symlink(target, path).unwrap();
                tar.link(b'2', name, target);
            }
        }
        // A link out of the folder leads to something there, and to nothing in the tar: not compared.
        let mut expected = BTreeMap::new();
        let mut leads_out = false;
        for name in links.keys() {
            let real = root.join(name).canonicalize();
            leads_out |= real.is_ok_and(|real| !real.starts_with(root.canonicalize().unwrap()));
        }
        prop_assume!(!leads_out);
        walked(&root, &root, &mut Vec::new(), &mut expected);
        // Folders that only links made are in the tar, too.
        for name in expected.keys().chain(links.keys()) {
            for above in Path::new(name).ancestors().skip(1).filter(|above| *above != Path::new("")) {
                if root.join(above).symlink_metadata().is_ok_and(|found| found.is_dir()) {
                    tar.member(b'5', format!("{}/", above.display()), b"");
                }
            }
        }
        let expected: BTreeMap<_, _> = expected.into_iter().filter(|(name, _)| name.contains('/')).collect();
        prop_assume!(!expected.is_empty());
        let path = folder.path().join("a.tar");
        fs::write(&path, tar.end()).unwrap();
        for source in [&path, &root] {
            let (ids, _) = listed(source);
            let ids: BTreeMap<_, _> = ids.into_iter().map(|(id, read)| (id, read.ok())).collect();
            prop_assert_eq!(&ids, &expected, "{}", source.display());
        }
    }
}

#[test]
fn what_is_no_tar_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Dump::open(&path, None).unwrap_err();
        assert!(matches!(error, DumpError::NotASource { .. }), "{error}");
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    let long = |magic: &[u8]| [magic, &[0xAB; 600]].concat();
    for (name, bytes, found, next) in [
        ("x.tar.gz", long(b"\x1F\x8B\x08"), "a file packed by gzip", "`gunzip x.tar.gz`"),
        ("x.tar", long(b"\x1F\x8B\x08"), "a file packed by gzip", "`gunzip <x.tar >x.tar.tar`"),
        ("x.tar.zst", long(b"\x28\xB5\x2F\xFD"), "zstd", "`zstd -d x.tar.zst`"),
        ("x.tar.xz", long(b"\xFD7zXZ\0"), "xz", "`unxz x.tar.xz`"),
        ("x.tbz2", long(b"BZh9"), "bzip2", "`bunzip2 x.tbz2`"),
        ("my x.zip", long(b"PK\x03\x04"), "zip", "unzip "),
        ("x.7z", long(b"7z\xBC\xAF\x27\x1C"), "7z", "`7z x x.7z -ox`"),
        ("x.rar", long(b"Rar!\x1A\x07"), "rar", "`unrar x x.rar x/`"),
        ("x.jpg", long(b"\xFF\xD8\xFF"), "one photo (jpeg)", "the folder that it is in"),
        ("x.heic", long(b"\0\0\0\x18ftypheic"), "one picture (HEIC)", "the folder that it is in"),
        ("x.parquet", long(b"PAR1"), "Parquet", "write the photos"),
        ("x.h5", long(b"\x89HDF\r\n\x1A\n"), "HDF5", "write the photos"),
        ("x.npy", long(b"\x93NUMPY"), "NumPy array", "write the photos"),
        (
            "data.mdb",
            long(&[&[0; 16][..], b"\xDE\xC0\xEF\xBE"].concat()),
            "LMDB",
            "write the photos",
        ),
        ("page.tar", long(b"<!DOCTYPE html>"), "web page", "a login"),
        ("empty.tar", vec![], "an empty file", "downloaded whole?"),
        ("zero.tar", vec![0; 4096], "zeros", "downloaded whole?"),
        ("list.txt", "photo.jpg é\n".repeat(99).into(), "text", "`lists`"),
        ("x.bin", long(b""), "begins with the bytes ab ab ab ab ab ab ab ab", ""),
    ] {
        let text = refused(name, &bytes);
        let [_, said] = text.split("found ").collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(said.contains(found) && said.contains(next), "{name}: {text}");
        assert!(!said.ends_with("; "), "{text}");
    }
    let zip = refused("my x.zip", &long(b"PK\x03\x04"));
    assert!(zip.contains("my x.zip' -d '") && zip.ends_with("my x'`"), "{zip}");
    // A tar whose first header is damaged is a tar.
    let mut tar = Tar::default();
    tar.file("cat/0.jpg", b"lost");
    tar.file("cat/1.jpg", b"kept");
    let mut bytes = tar.end();
    bytes[3] ^= 1;
    assert_eq!(good(&listed_of(&bytes).0), ["cat/1.jpg"]);
}
