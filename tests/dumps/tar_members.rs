//! Promise: every member of a tar is read, or said to be unreadable, whatever made, cut or damaged the tar.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(target_os = "linux")]

use crate::tars;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use tar::Header;
use tars::{Tar, listed, listed_of, note};
use tcolz_convert::dump::DumpOptions;
use tcolz_convert::dump::{Dump, Layout};

/// `pieces` pieces of data of some blocks each, holes between them, and an end of data where `ends`.
fn with_holes(pieces: u8, ends: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in 0..pieces {
        bytes.resize(bytes.len() + 512 * usize::from(1 + piece % 3), 0);
        bytes.resize(bytes.len() + 512 * usize::from(1 + piece % 2), piece + 1);
    }
    match ends {
        true => bytes.extend([9; 77]),
        false => bytes.resize(bytes.len() + 5_000, 0),
    }
    bytes
}

fn gnu_tar(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("tar");
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn files_with_holes_are_read_as_they_were_in_every_format_of_gnu_tar() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    let long =
        format!("cat/{}/long.jpg", "a-long-name-of-fifty-characters-and-many-more-here".repeat(3));
    let files = [
        ("cat/a-few.jpg", with_holes(3, false)),
        ("cat/b-many.jpg", with_holes(60, true)),
        ("cat/c-nothing.jpg", vec![0; 70_000]),
        ("cat/d-empty.jpg", Vec::new()),
        (&*long, with_holes(30, false)),
        ("dog/whole.jpg", vec![7; 3_000]),
    ];
    for (name, bytes) in &files {
        fs::create_dir_all(photos.join(name).parent().unwrap()).unwrap();
        fs::write(photos.join(name), bytes).unwrap();
    }
    let mut expected: Vec<_> =
        files.iter().map(|(name, bytes)| ((*name).to_owned(), Ok(bytes.clone()))).collect();
    expected.sort();
    for format in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let arguments =
            [&["-cf", "../a.tar", "--sparse", "--hole-detection=raw"], format, &["cat", "dog"]];
        gnu_tar(&photos, &arguments.concat());
        let (ids, notes) = listed(&folder.path().join("a.tar"));
        assert_eq!(notes, [""; 0], "{format:?}");
        assert!(
            ids == expected,
            "{format:?}: {:?}",
            ids.iter().map(|(id, _)| id).collect::<Vec<_>>()
        );
    }
}

/// The header of a sparse member in the old format of GNU tar.
fn old_sparse(name: &str, stored: u64, real: u64, pieces: &[(u64, u64)]) -> Header {
    let mut header = Tar::header(b'S', name.as_bytes(), stored);
    let gnu = header.as_gnu_mut().unwrap();
    for (field, (offset, length)) in gnu.sparse.iter_mut().zip(pieces) {
        field.set_offset(*offset);
        field.set_length(*length);
    }
    gnu.set_real_size(real);
    header.set_cksum();
    header
}

#[test]
fn a_map_that_cannot_be_is_an_error_of_its_member_alone() {
    let huge = 1u64 << 63;
    let mut tar = Tar::default();
    let data = [5; 1024];
    for (number, (real, pieces)) in [
        (4096, vec![(0, 512), (256, 512)]),   // overlap
        (4096, vec![(1024, 512), (0, 512)]),  // backwards
        (4096, vec![(3584, 1024)]),           // beyond the end
        (4096, vec![(0, 512)]),               // less than the data
        (4096, vec![(0, 512), (1024, 1024)]), // more than the data
        (4096, vec![(0, 100), (1024, 924)]),  // padded or not?
        (4096, vec![(huge, huge), (0, 1024)]),
        (huge, vec![(0, 1024)]),
        (u64::MAX, vec![(u64::MAX - 1023, 1024)]),
    ]
    .into_iter()
    .enumerate()
    {
        tar.push(&old_sparse(&format!("cat/old-{number}.jpg"), 1024, real, &pieces), &data);
    }
    for (number, (records, data)) in [
        (vec![("major", "1"), ("minor", "0"), ("realsize", "4096")], "1\n0\n9"),
        (vec![("major", "1"), ("minor", "0"), ("realsize", "4096")], "2000000\n0\n9\n"),
        (vec![("major", "1"), ("minor", "0"), ("realsize", "4096")], "18446744073709551616\n"),
        (vec![("major", "1"), ("minor", "0"), ("realsize", "4096")], "x\n"),
        (vec![("major", "1"), ("minor", "0"), ("realsize", "4096")], ""),
        (vec![("major", "1"), ("minor", "0")], "0\n"),
        (vec![("major", "7"), ("minor", "0"), ("realsize", "4096")], "0\n"),
        (vec![("size", "-1"), ("map", "0,1")], "x"),
        (vec![("size", "9"), ("map", "0")], "x"),
        (vec![("size", "9"), ("map", "0,99999999999999999999")], "x"),
        (vec![("size", "9"), ("numbytes", "1"), ("offset", "0")], "x"),
        (vec![("size", "9223372036854775808"), ("map", "0,1")], "x"),
    ]
    .into_iter()
    .enumerate()
    {
        let keys: Vec<String> =
            records.iter().map(|(key, _)| format!("GNU.sparse.{key}")).collect();
        let name = format!("cat/pax-{number:02}.jpg");
        let records = keys.iter().zip(&records).map(|(key, (_, value))| (&**key, *value));
        let records: Vec<_> = records.chain([("GNU.sparse.name", &*name)]).collect();
        tar.pax(b'x', &records);
        tar.member(b'0', "GNUSparseFile.1/x", data.as_bytes());
    }
    tar.file("dog/after.jpg", b"good");
    let (mut ids, notes) = listed_of(&tar.end());
    assert_eq!(notes, [""; 0]);
    assert_eq!(ids.remove("dog/after.jpg"), Some(Ok(b"good".to_vec())));
    assert_eq!(ids.len(), 21);
    for (id, read) in ids {
        let why = read.expect_err(&id);
        assert!(why.contains("map cannot be read") || why.contains("more than the"), "{id}: {why}");
    }
}

#[test]
fn a_length_that_cannot_be_costs_its_own_member_alone() {
    for huge in [1 << 20, 1 << 40, 1 << 63, u64::MAX] {
        for kind in *b"0SLxgM5Q" {
            let mut tar = Tar::default();
            tar.file("cat/1.jpg", b"one");
            tar.push(&Tar::header(kind, b"cat/2.jpg", huge), &[7; 2000]);
            tar.file("dog/3.jpg", b"three");
            let (ids, notes) = listed_of(&tar.end());
            let case = (char::from(kind), huge);
            assert_eq!(ids["cat/1.jpg"], Ok(b"one".to_vec()), "{case:?}");
            assert_eq!(ids["dog/3.jpg"], Ok(b"three".to_vec()), "{case:?}");
            assert!(!notes.is_empty(), "{case:?}");
            if b"0SMQ".contains(&kind) {
                assert!(ids["cat/2.jpg"].is_err(), "{case:?}");
            }
        }
    }
}

/// A tar of every way to begin a member: its own header alone, a long name of GNU tar, a pax header, the map
/// of a sparse file.
fn every_beginning() -> Tar {
    let mut tar = Tar::default();
    tar.file("cat/a.jpg", &[1; 700]);
    tar.file("cat/b.jpg", &[]);
    tar.file("cat/c.jpg", &[2; 1024]);
    let long = format!("cat/{}.jpg", "d".repeat(150));
    tar.member(b'L', "././@LongLink", format!("{long}\0").as_bytes());
    tar.file("cat/d", &[3; 90]);
    tar.files.last_mut().unwrap().0 = long;
    tar.pax(b'x', &[("path", "cat/ä.jpg"), ("mtime", "1.5")]);
    tar.file("cat/e", &[4; 600]);
    tar.files.last_mut().unwrap().0 = "cat/ä.jpg".to_owned();
    // Four pieces in the header and one behind it.
    let mut header = old_sparse(
        "cat/f.jpg",
        5 * 512,
        20 * 512,
        &[(0, 512), (2048, 512), (4096, 512), (6144, 512)],
    );
    header.as_gnu_mut().unwrap().set_is_extended(true);
    header.set_cksum();
    let mut extension = tar::GnuExtSparseHeader::new();
    extension.sparse_mut()[0].set_offset(8192);
    extension.sparse_mut()[0].set_length(512);
    let begin = tar.bytes.len() + 512;
    tar.push(&header, extension.as_bytes());
    tar.push_data(&[6; 5 * 512]);
    let mut real = vec![0; 20 * 512];
    (0..5).for_each(|piece| real[piece * 2048..][..512].fill(6));
    tar.files.push(("cat/f.jpg".to_owned(), begin, tar.bytes.len(), real));
    tar.file("dog/g.jpg", &[7; 10]);
    tar
}

#[test]
fn a_tar_that_was_cut_anywhere_gives_what_is_whole_and_says_so() {
    let tar = every_beginning();
    let (files, end) = (tar.files.clone(), tar.bytes.len());
    let whole = tar.end();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, &whole).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for cut in (0..=whole.len()).rev() {
        file.set_len(cut as u64).unwrap();
        let dump = Dump::open(&path, Some(Layout::Folder));
        let begun: Vec<_> = files.iter().filter(|(_, begin, ..)| *begin <= cut).collect();
        let dump = match dump {
            Ok(dump) => dump,
            Err(error) => {
                assert!(begun.is_empty(), "{cut}: {error}");
                continue;
            }
        };
        let ids: Vec<&str> = dump.inputs.iter().map(|input| &*input.sample_id).collect();
        let expected: Vec<&str> = begun.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(ids, expected, "cut at {cut}");
        let mut bytes = Vec::new();
        for (name, _, end, content) in begun {
            match dump.read(name, &mut bytes) {
                Ok(()) => assert!(*end <= cut && bytes == *content, "{name} cut at {cut}"),
                Err(error) => {
                    assert!(*end > cut && error.to_string().contains("ends within"), "{error}");
                }
            }
        }
        // One block of zeros is an end mark.
        let damage = &dump.damage;
        assert_eq!(damage.is_empty(), cut >= end + 512, "cut at {cut}: {damage:?}");
        let says = |words: &str| damage.iter().any(|damage| damage.contains(words));
        assert!(damage.is_empty() || says("downloaded whole?"), "cut at {cut}: {damage:?}");
    }
}

#[test]
fn several_tars_and_rubbish_in_one_file_give_all_their_members() {
    let tar = |name: &str| {
        let mut tar = Tar::default();
        tar.file(name, name.as_bytes());
        tar
    };
    let rubbish: Vec<u8> = (0..5000u32).map(|byte| (byte * 7 % 251) as u8 + 1).collect();
    for (between, count) in [
        (vec![], 0),
        (vec![0; 5 * 512], 0),
        (rubbish[..1024].to_vec(), 1),
        (rubbish[..777].to_vec(), 1),
        (rubbish.clone(), 1),
    ] {
        let bytes = [tar("cat/1.jpg").end(), between.clone(), tar("dog/2.jpg").end()].concat();
        let (ids, notes) = listed_of(&bytes);
        assert_eq!(ids.keys().collect::<Vec<_>>(), ["cat/1.jpg", "dog/2.jpg"], "{}", between.len());
        assert_eq!(notes.len(), count, "{notes:?}");
        if count > 0 {
            note(&notes, &format!("{} bytes from byte 2048 on are no tar", between.len()));
        }
    }
    // Data that are not filled up to a block, at the end or before another tar.
    let short = [tar("cat/1.jpg").bytes[..521].to_vec(), tar("dog/2.jpg").end()].concat();
    let (ids, notes) = listed_of(&short);
    assert_eq!(ids["cat/1.jpg"], Ok(b"cat/1.jpg".to_vec()));
    assert_eq!((ids.len(), notes.len()), (2, 0), "{notes:?}");
    let (ids, notes) = listed_of(&tar("cat/1.jpg").bytes[..521]);
    assert_eq!(ids["cat/1.jpg"], Ok(b"cat/1.jpg".to_vec()));
    note(&notes, "downloaded whole?");
    // Much rubbish is not much to read.
    let many: Vec<u8> = (0..100)
        .flat_map(|number| {
            [tar(&format!("cat/{number:02}.jpg")).bytes, rubbish[..600].to_vec()].concat()
        })
        .collect();
    let (ids, notes) = listed_of(&many);
    assert_eq!((ids.len(), notes.len()), (100, 4), "{notes:?}");
    note(&notes, "60000 bytes at 100 places");
    // Room that was kept for a download.
    let bytes = [tar("cat/1.jpg").end(), vec![0; 17 << 20]].concat();
    note(&listed_of(&bytes).1, "zeros follow the last member");
}

#[test]
fn what_archivers_leave_in_a_tar_costs_no_photo() {
    let mut tar = Tar::default();
    tar.member(b'V', "My photos", b"");
    tar.pax(b'g', &[("comment", "0123456789abcdef")]);
    tar.pax(b'g', &[("path", "cat/all-the-same.jpg")]);
    tar.member(b'D', "cat/", b"Y1.jpg\0\0");
    tar.file("cat/1.jpg", b"one");
    // A folder with the length of its entry on the disk, a link with the length of its target, as some write them.
    tar.push(&Tar::header(b'5', b"cat/deep", 4096), b"");
    tar.file("cat/deep/2.jpg", b"two");
    tar.push(&Tar::header(b'0', b"cat/old-folder/", 0), b"");
    tar.member(b'3', "cat/device.jpg", b"");
    tar.member(b'6', "cat/fifo.jpg", b"");
    tar.pax(b'X', &[("path", "cat/sun.jpg")]);
    tar.file("cat/x", b"sun");
    tar.member(b'Q', "cat/unknown.jpg", b"unknown");
    tar.member(b'A', "cat/1.jpg", b"user::rwx");
    tar.member(b'M', "cat/continued.jpg", b"the end of a photo");
    let mut hard = Tar::header(b'1', b"cat/hard.jpg", 4);
    hard.set_link_name_literal("cat/not-here.jpg").unwrap();
    hard.set_cksum();
    tar.push(&hard, b"hard");
    let mut damaged = Tar::header(b'x', b"x", 9);
    damaged.set_cksum();
    tar.push(&damaged, b"99 path=x");
    tar.member(b'0', "cat/unclear.jpg", b"unclear");
    // The seventh edition of Unix had no magic word, and no kinds but links.
    let mut old = Header::new_old();
    old.set_path("dog/v7.jpg").unwrap();
    old.set_size(2);
    old.set_cksum();
    tar.push(&old, b"v7");
    let (ids, notes) = listed_of(&tar.end());
    let good: Vec<(&str, &[u8])> = ids
        .iter()
        .filter_map(|(id, read)| read.as_ref().ok().map(|bytes| (id.as_str(), &bytes[..])))
        .collect();
    assert_eq!(
        good,
        [
            ("cat/1.jpg", &b"one"[..]),
            ("cat/deep/2.jpg", b"two"),
            ("cat/hard.jpg", b"hard"),
            ("cat/sun.jpg", b"sun"),
            ("cat/unknown.jpg", b"unknown"),
            ("dog/v7.jpg", b"v7"),
        ]
    );
    for (id, why) in [
        ("cat/device.jpg", "not a regular file"),
        ("cat/fifo.jpg", "not a regular file"),
        ("cat/continued.jpg", "another volume"),
        ("cat/unclear.jpg", "damaged"),
    ] {
        assert!(ids[id].as_ref().unwrap_err().contains(why), "{id}: {:?}", ids[id]);
    }
    assert_eq!(ids.len(), 10);
    assert!(note(&notes, "are no files").ends_with(
        "1 of kind `A` (access lists of Solaris), 1 of kind `D` (lists of folders by GNU tar)"
    ));
    note(&notes, "of an unknown kind, taken as files: 1, the first is `cat/unknown.jpg`");
    note(&notes, "begin in another volume of the tar, of which only the ends are here: 1");
    note(&notes, "a name or a length, not followed: 1");
    assert_eq!(notes.len(), 4, "{notes:?}");
}

#[test]
fn each_volume_of_a_tar_gives_what_is_whole_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("cat");
    fs::create_dir(&photos).unwrap();
    let photo = |number: u8| vec![number; 30_000];
    for number in 1..=3 {
        fs::write(photos.join(format!("{number}.jpg")), photo(number)).unwrap();
    }
    for format in ["gnu", "posix"] {
        let format = format!("--format={format}");
        gnu_tar(
            folder.path(),
            &["-c", "-M", "-L", "50", "-f", "1.tar", "-f", "2.tar", "-f", "3.tar", &format, "cat"],
        );
        let (first, notes) = listed(&folder.path().join("1.tar"));
        assert_eq!(first.iter().filter(|(_, read)| read.is_ok()).count(), 1, "{format} {first:?}");
        note(&notes, "downloaded whole?");
        let (second, notes) = listed(&folder.path().join("2.tar"));
        let continued = second.iter().find(|(_, read)| {
            read.as_ref().is_err_and(|why| why.contains("another volume of the tar"))
        });
        assert!(continued.unwrap().0.starts_with("cat/"), "{format}");
        note(&notes, "begin in another volume");
    }
}

#[test]
fn an_index_that_was_kept_lists_and_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept) = (folder.path().join("a.tar"), folder.path().join("kept"));
    let mut tar = every_beginning();
    tar.member(b'0', "cat/a\nb\\.jpg", b"odd");
    tar.member(b'0', b"cat/\xFF.jpg", b"odd");
    tar.member(b'0', "/cat/absolute.jpg", b"absolute");
    tar.link(b'2', "dog/cats", "../cat");
    tar.link(b'2', "dog/none", "none");
    tar.member(b'6', "dog/fifo", b"");
    tar.member(b'M', "dog/continued", b"end");
    fs::write(&path, tar.end()).unwrap();
    let options = {
        let mut options = DumpOptions::new(&path);
        options.layout = Some(Layout::Folder);
        options
    };
    let first = options.open(&mut |_, _| ControlFlow::Continue(())).unwrap();
    first.keep_index(&kept).unwrap();
    let again =
        options.open_indexed(Some(&kept), &mut |_, _| panic!("gone through again")).unwrap();
    assert_eq!((&again.inputs, &again.notes), (&first.inputs, &first.notes));
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for input in &first.inputs {
        let read = |dump: &Dump, bytes: &mut Vec<u8>| {
            dump.read(&input.sample_id, bytes).map_err(|error| error.to_string())
        };
        assert_eq!(read(&again, &mut bytes), read(&first, &mut expected), "{input:?}");
        assert_eq!(bytes, expected);
    }
    assert!(first.inputs.len() > 2 * every_beginning().files.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_damaged_in_an_odd_tar_what_is_read_is_right_or_named(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let tar = every_beginning();
        let mut bytes = tar.end();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        if let Ok(dump) = Dump::open(&path, Some(Layout::Folder)) {
            let mut bytes = Vec::new();
            for input in &dump.inputs {
                let _ = dump.read(&input.sample_id, &mut bytes);
            }
        }
    }
}
