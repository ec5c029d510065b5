//! Promise: a tar is read where it lies and is as good as the folder it was made from.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::result_large_err, reason = "errors of the library, as they are")]
#![cfg(unix)]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use tcolz_convert::dump::Dump;
use tcolz_convert::dump::{DumpError, Source};
use tcolz_convert::verify_source;
use tcolz_convert::{ConvertError, Observer, convert};
use tcolz_format::dataset::LedgerRow;
use tcolz_format::dataset::verify;
use tcolz_format::sample::Status;

/// A name that does not fit into the header of old tars.
const LONG: &str = "data/78476/a-name-that-is-much-longer-than-the-hundred-bytes-that-the-header-of-a-tar-has-room-for/784760943188189184-1.jpg";

/// Files of a small B-T4SA dump: two lists, one line missing, one bad photo.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut lists = [String::new(), String::new()];
    for number in 0..12u32 {
        let name = match number {
            3 => LONG.to_owned(),
            _ => format!(
                "data/{:05}/{:018}-1.jpg",
                78_000 + number % 3,
                784_760_000 + u64::from(number)
            ),
        };
        lists[(number % 2) as usize] += &format!("{name} {}\n", number % 3);
        match number {
            7 => {}
            8 => drop(files.insert(name, b"no photo".to_vec())),
            _ => drop(files.insert(name, common::photo(number, 30 + number, 25))),
        }
    }
    for (list, split) in lists.into_iter().zip(["train", "val"]) {
        files.insert(format!("b-t4sa_{split}.txt"), list.into_bytes());
    }
    files
}

fn write_folder(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        common::write(&folder.join(name), bytes);
    }
}

/// A tar of these files, in this order, as GNU tar writes it.
fn tar_of<'a>(files: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

fn content_root(source: &Path, out: &Path) -> String {
    let summary = common::converted(&common::options(source, out, &[16]));
    assert_eq!(verify(out, &|_| ()).unwrap().faults, []);
    summary.dataset.meta().content_root.clone()
}

fn rows(out: &Path) -> Vec<LedgerRow> {
    tcolz_format::dataset::Dataset::open(out).unwrap().ledger().unwrap()
}

#[test]
fn folder_and_tar_give_the_same_content_root_and_the_same_fates() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files = files();
    write_folder(&at("folder"), &files);
    let expected = content_root(&at("folder"), &at("from-folder"));
    let fates = |out: &Path| {
        let fate = |row: LedgerRow| {
            let code = row.reason_code().map(str::to_owned);
            (
                (row.split.to_string(), row.sample_id.clone()),
                (row.status, code, row.label, row.line),
            )
        };
        rows(out).into_iter().map(fate).collect::<BTreeMap<_, _>>()
    };

    // Backwards, so that member order is not path order.
    fs::write(at("backwards.tar"), tar_of(files.iter().rev())).unwrap();
    let top: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(name, bytes)| (format!("./b-t4sa_imgs/{name}"), bytes.clone()))
        .collect();
    fs::write(at("top.tar"), tar_of(&top)).unwrap();
    for format in ["gnu", "posix", "ustar"] {
        let mut command = std::process::Command::new("tar");
        command.args(["--format", format, "-C"]).arg(at("folder"));
        command.arg("-cf").arg(at(&format!("{format}.tar"))).arg(".");
        assert!(command.status().unwrap().success(), "tar --format {format}");
    }
    for name in ["backwards", "top", "gnu", "posix", "ustar"] {
        let (tar, out) = (at(&format!("{name}.tar")), at(&format!("from-{name}")));
        assert_eq!(content_root(&tar, &out), expected, "{name}");
        assert_eq!(fates(&out), fates(&at("from-folder")), "{name}");
        let dataset = tcolz_format::dataset::Dataset::open(&out).unwrap();
        let source = Source::open(&tar, &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert_eq!(verify_source(&dataset, &source, &|_| ()).unwrap(), [], "{name}");
    }

    // Within a split, rows stand in member order.
    let stored = |out: &Path| -> Vec<String> {
        let train = |row: &LedgerRow| row.place.is_some() && &*row.split == "train";
        rows(out).into_iter().filter(train).map(|row| row.sample_id).collect()
    };
    let forwards = stored(&at("from-folder"));
    let backwards: Vec<String> = forwards.iter().rev().cloned().collect();
    assert!(forwards.len() > 3);
    assert_eq!(stored(&at("from-backwards")), backwards);
}

#[test]
fn lists_may_lie_beside_the_tar_and_other_layouts_may_lie_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (lists, photos): (BTreeMap<_, _>, BTreeMap<_, _>) =
        files().into_iter().partition(|(name, _)| name.ends_with(".txt"));
    fs::create_dir(at("beside")).unwrap();
    fs::write(at("beside/photos.tar"), tar_of(&photos)).unwrap();
    write_folder(&at("beside"), &lists);
    write_folder(&at("folder"), &lists);
    write_folder(&at("folder"), &photos);
    let expected = content_root(&at("folder"), &at("a"));
    assert_eq!(content_root(&at("beside/photos.tar"), &at("b")), expected);
    // The lists' names in the ledger do not tell where they lay.
    assert!(rows(&at("b")).iter().all(|row| row.list.starts_with("b-t4sa_")));

    common::small_dump(&at("classes"));
    common::write(&at("classes/train/cat/.hidden"), b"");
    let mut command = std::process::Command::new("tar");
    command.arg("-C").arg(at("classes")).arg("-cf").arg(at("classes.tar")).arg("train").arg("val");
    assert!(command.status().unwrap().success());
    assert_eq!(content_root(&at("classes.tar"), &at("c")), content_root(&at("classes"), &at("d")));
}

#[test]
fn the_last_of_two_members_wins_and_links_stand_for_what_they_point_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let mut tar = tar::Builder::new(Vec::new());
    let add = |tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    let link = |tar: &mut tar::Builder<Vec<u8>>, kind, name: &str, target: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        tar.append_link(&mut header, name, target).unwrap();
    };
    add(&mut tar, "data/a.jpg", b"first");
    add(&mut tar, "data/b.jpg", b"b");
    add(&mut tar, "data/a.jpg", b"second");
    link(&mut tar, tar::EntryType::Link, "data/hard.jpg", "data/b.jpg");
    link(&mut tar, tar::EntryType::Symlink, "data/deep/soft.jpg", "../hard.jpg");
    link(&mut tar, tar::EntryType::Symlink, "data/nowhere.jpg", "none.jpg");
    link(&mut tar, tar::EntryType::Symlink, "data/out.jpg", "../../etc/passwd");
    link(&mut tar, tar::EntryType::Symlink, "data/circle.jpg", "circle.jpg");
    let mut bytes = tar.into_inner().unwrap();
    // Another tar at the end, as `cat a.tar b.tar` makes it.
    let mut second = tar::Builder::new(Vec::new());
    add(&mut second, "data/c.jpg", b"c");
    bytes.extend(second.into_inner().unwrap());
    fs::write(&path, bytes).unwrap();
    let source = Source::open(&path, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let read = |name: &str| {
        let mut bytes = Vec::new();
        source.read(name, &mut bytes).map(|()| String::from_utf8(bytes).unwrap())
    };
    assert_eq!(read("data/a.jpg").unwrap(), "second");
    for (name, expected) in
        [("data/hard.jpg", "b"), ("data/deep/soft.jpg", "b"), ("data/c.jpg", "c")]
    {
        assert_eq!(read(name).unwrap(), expected, "{name}");
    }
    for name in ["data/nowhere.jpg", "data/out.jpg", "data/circle.jpg", "data", "data/none", ""] {
        assert_eq!(read(name).unwrap_err().kind(), std::io::ErrorKind::NotFound, "{name}");
        assert_eq!(source.place(name), None, "{name}");
    }
}

#[test]
fn a_tar_that_was_cut_off_or_damaged_gives_what_is_good_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let files = files();
    // Lists first: a dump whose lists are cut off cannot be read at all.
    let lists = files.iter().filter(|(name, _)| name.ends_with(".txt"));
    let photos = files.iter().filter(|(name, _)| !name.ends_with(".txt"));
    let whole = tar_of(lists.chain(photos));
    let counted = |bytes: &[u8], out: &str| {
        fs::write(&path, bytes).unwrap();
        let dump = Dump::open(&path, None).unwrap();
        let summary = common::converted(&common::options(&path, &folder.path().join(out), &[8]));
        let counts = summary.dataset.meta().counts;
        assert_eq!(
            counts.listed,
            counts.stored + counts.quarantined + counts.missing + counts.duplicate
        );
        assert_eq!(summary.dataset.meta().source_damage, dump.damage);
        (dump.damage, counts, rows(&folder.path().join(out)))
    };
    let (notes, counts, _) = counted(&whole, "whole");
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!((counts.stored, counts.quarantined, counts.missing), (10, 1, 1));

    // Cut within the third last member of a photo.
    let dump = Dump::open(&path, None).unwrap();
    let mut places: Vec<_> =
        dump.inputs.iter().filter_map(|input| dump.place(&input.sample_id)).collect();
    places.sort();
    let cut = places[places.len() - 3];
    let (notes, counts, cut_rows) =
        counted(&whole[..(cut.position + cut.bytes / 2) as usize], "cut");
    assert!(notes.iter().any(|note| note.contains("cut off")), "{notes:?}");
    assert_eq!(counts.stored + counts.quarantined + counts.missing, 12);
    assert_eq!(counts.missing, 3, "{counts:?}");
    let says = |row: &LedgerRow| {
        row.reason.as_ref().is_some_and(|reason| reason.contains("tar ends within"))
    };
    assert!(cut_rows.iter().any(says));

    // Without its end mark: all is there, but who knows what else there was.
    let (notes, counts, _) = counted(&whole[..whole.len() - 1024], "no-end");
    assert!(notes.iter().any(|note| note.contains("no end mark")), "{notes:?}");
    assert_eq!(counts.stored, 10);

    // A header in the middle was overwritten: its member is lost, the others are not.
    let mut damaged = whole.clone();
    let header = (places[4].position - 512) as usize;
    damaged[header..header + 512].fill(0xA5);
    let (notes, counts, _) = counted(&damaged, "damaged");
    assert!(notes.iter().any(|note| note.contains("are no tar")), "{notes:?}");
    assert_eq!((counts.stored, counts.quarantined, counts.missing), (9, 1, 2));
}

#[test]
fn what_is_no_plain_tar_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Dump::open(&path, None).unwrap_err();
        assert!(matches!(error, DumpError::NotASource { .. }), "{error}");
        error.to_string()
    };
    let mut gzip = vec![0x1F, 0x8B, 8, 0];
    gzip.resize(2000, 7);
    assert!(refused("a.tar.gz", &gzip).contains("gunzip"));
    refused("empty.tar", b"");
    refused("photo.jpg", &common::photo(1, 40, 40));
    assert!(matches!(
        Dump::open(Path::new("/dev/null"), None).unwrap_err(),
        DumpError::NotASource { .. }
    ));
}

/// Stops at the first shard, and counts how often the tar was gone through.
struct StopsEarly {
    stop: Arc<AtomicBool>,
    listings: u32,
}

impl Observer for StopsEarly {
    fn listing(&mut self, _: u64, _: u64) {
        self.listings += 1;
    }

    fn shard(&mut self, _: &str, _: u64) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

#[test]
fn an_interrupted_conversion_of_a_tar_goes_on_without_listing_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("a.tar"), folder.path().join("out"));
    fs::write(&path, tar_of(&files())).unwrap();
    let expected = folder.path().join("expected");
    content_root(&path, &expected);
    let run = || {
        let stop = Arc::new(AtomicBool::new(false));
        let mut observer = StopsEarly { stop: Arc::clone(&stop), listings: 0 };
        let result = convert(&common::options(&path, &out, &[16]), &stop, &mut observer);
        (result, observer.listings)
    };
    let (stopped, listings) = run();
    assert!(matches!(stopped, Err(ConvertError::Interrupted { .. })), "{stopped:?}");
    assert!(listings > 0 && out.join("unfinished/tar-index").is_file());
    let (finished, listings) = run();
    assert_eq!((finished.unwrap().resumed > 0, listings), (true, 0));
    assert!(common::tree(&out) == common::tree(&expected));
}

/// Writes to the tar while it is converted.
struct WritesTo<'a>(&'a Path);

impl Observer for WritesTo<'_> {
    fn done(&mut self, counts: &tcolz_format::dataset::Counts, _: u64) {
        if counts.listed == 1 {
            let mut file = fs::OpenOptions::new().append(true).open(self.0).unwrap();
            file.write_all(&[0; 512]).unwrap();
        }
    }
}

#[test]
fn a_tar_that_is_written_to_meanwhile_stops_the_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("a.tar"), folder.path().join("out"));
    let files: BTreeMap<String, Vec<u8>> = (0..2000)
        .map(|number| (format!("cat/{number:04}.png"), common::photo(number % 5, 20, 20)))
        .collect();
    fs::write(&path, tar_of(&files)).unwrap();
    let options = common::options(&path, &out, &[8]);
    let error = convert(&options, &AtomicBool::new(false), &mut WritesTo(&path)).unwrap_err();
    assert!(matches!(error, ConvertError::Dump(DumpError::Gone { .. })), "{error}");
    assert!(error.to_string().contains("has been written to"), "{error}");
}

fn open_and_read_all(path: &Path) {
    let Ok(source) = Source::open(path, &mut |_, _| ControlFlow::Continue(())) else { return };
    let mut bytes = Vec::new();
    for (name, _) in files() {
        if source.read(&name, &mut bytes).is_ok() {
            assert_eq!(source.place(&name).unwrap().bytes, bytes.len() as u64);
        }
    }
    if let Ok(dump) = Dump::open(path, None) {
        for input in &dump.inputs {
            let _ = dump.read(&input.sample_id, &mut bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_damaged_tar_is_an_error_or_a_smaller_dump_and_never_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        headers_only in any::<bool>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = tar_of(&files());
        for (at, value) in changes {
            let mut at = at.index(bytes.len());
            if headers_only {
                // Headers hold the numbers; in photos, damage is the decoder's to find.
                at = at / 512 % 24 * 512 * 5 + at % 512;
            }
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        open_and_read_all(&path);
    }

    #[test]
    fn any_blocks_with_right_checksums_are_no_reason_to_panic(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 512), 1..12),
        kinds in prop::collection::vec(prop::sample::select(b"0127xgLKS5\0".to_vec()), 12),
        sizes in prop::collection::vec(prop_oneof![0u64..3000, Just(u64::MAX / 3), any::<u64>()], 12),
    ) {
        let mut bytes = Vec::new();
        for ((block, kind), size) in blocks.iter().zip(kinds).zip(sizes) {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..100].copy_from_slice(&block[..100]);
            header.set_entry_type(tar::EntryType::new(kind));
            header.set_size(size);
            header.set_cksum();
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(block);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        open_and_read_all(&path);
    }
}

#[test]
fn missing_members_are_missing_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, tar_of(&files())).unwrap();
    content_root(&path, &folder.path().join("out"));
    let missing = rows(&folder.path().join("out"));
    let missing: Vec<_> = missing.iter().filter(|row| row.status == Status::Missing).collect();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].sample_id.contains("784760007"), "{}", missing[0].sample_id);
}
