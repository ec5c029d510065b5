//! Promise: what is damaged is made again from its source and is byte for byte what it was; what is sound
//! is not touched, and nothing is stored that is not proven.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use tcolz_convert::{RepairOptions, RepairReport, repair};
use tcolz_format::dataset::{Dataset, verify};
use tcolz_pixels::recipe::{Codec, Dtype};

type Tree = BTreeMap<String, Vec<u8>>;

/// A dump of eighteen photos in three splits, its dataset, and the dataset's bytes.
struct Setup {
    _folder: tempfile::TempDir,
    photos: PathBuf,
    out: PathBuf,
    sound: Tree,
}

impl Setup {
    fn new(codec: Codec, dtype: Dtype) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
        for number in 0..18 {
            let split = ["train", "val", "test"][number as usize % 3];
            let class = ["cat", "dog"][number as usize / 3 % 2];
            let path = photos.join(format!("{split}/{class}/photo-{number}.png"));
            common::write(&path, &common::photo(number, 70 + number, 60));
        }
        let mut options = common::options(&photos, &out, &[24, 64]);
        (options.recipe.codec, options.recipe.dtype) = (codec, dtype);
        common::converted(&options);
        let sound = common::tree(&out);
        Setup { _folder: folder, photos, out, sound }
    }

    fn repair(&self) -> RepairReport {
        let options = RepairOptions::new(&self.out, &self.photos);
        repair(&options, &AtomicBool::new(false), &()).unwrap()
    }

    fn shard(&self, split: &str) -> PathBuf {
        self.out.join(format!("{split}/00000.arrow"))
    }

    fn change(&self, split: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.sound[&format!("{split}/00000.arrow")].clone();
        change(&mut bytes);
        fs::write(self.shard(split), bytes).unwrap();
    }

    /// Where the stored bytes of a row and a column lie in the shard's file.
    fn place_of_row(&self, split: &str, row: u32, column: usize) -> usize {
        let reader = Dataset::open(&self.out).unwrap().open_shard(split, 0).unwrap();
        let stored = reader.stored(row, column).unwrap();
        let bytes = &self.sound[&format!("{split}/00000.arrow")];
        bytes.windows(stored.len()).position(|window| window == stored).unwrap()
    }

    fn restore(&self) {
        for (name, bytes) in &self.sound {
            common::write(&self.out.join(name), bytes);
        }
    }
}

/// Inode and time of the last change of a file: any writing or replacing changes them.
fn identity(path: &Path) -> (u64, i64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

/// A way to damage the shard of `val`, and how many of its six rows cannot be copied afterwards.
type Damage = (&'static str, RangeInclusive<u64>, Box<dyn Fn(&Setup)>);

fn damages() -> Vec<Damage> {
    let in_a_frame = |setup: &Setup| {
        let at = setup.place_of_row("val", 4, 1) + 9;
        setup.change("val", |bytes| bytes[at] ^= 0x10);
    };
    let in_an_id = |setup: &Setup| {
        let id = b"val/cat/photo-13.png";
        let in_id = |bytes: &[u8]| bytes.windows(id.len()).position(|window| window == id).unwrap();
        setup.change("val", |bytes| {
            let at = in_id(bytes);
            bytes[at] ^= 0x80;
        });
    };
    let page = |setup: &Setup| {
        let at = setup.place_of_row("val", 2, 1);
        setup.change("val", |bytes| bytes[at..at + 4096].fill(0));
    };
    vec![
        ("a flipped bit in a frame", 1..=1, Box::new(in_a_frame)),
        ("a flipped bit in an id", 1..=1, Box::new(in_an_id)),
        ("a flipped bit in padding", 0..=0, Box::new(|s| s.change("val", |bytes| bytes[7] ^= 1))),
        ("a zeroed page", 1..=4, Box::new(page)),
        ("cut in half", 6..=6, Box::new(|s| s.change("val", |b| b.truncate(b.len() / 2)))),
        ("an empty file", 6..=6, Box::new(|s| s.change("val", Vec::clear))),
        ("a longer file", 6..=6, Box::new(|s| s.change("val", |bytes| bytes.extend([0; 9])))),
        ("a deleted file", 6..=6, Box::new(|s| fs::remove_file(s.shard("val")).unwrap())),
        ("a deleted folder", 6..=6, Box::new(|s| fs::remove_dir_all(s.out.join("val")).unwrap())),
        ("another shard", 6..=6, Box::new(|s| drop(fs::copy(s.shard("test"), s.shard("val"))))),
    ]
}

#[test]
fn every_kind_of_damage_is_undone_to_the_byte_and_sound_shards_are_not_touched() {
    for (codec, dtype) in
        [(Codec::Zstd, Dtype::U8), (Codec::Raw, Dtype::U8), (Codec::Zstd, Dtype::F32)]
    {
        let setup = Setup::new(codec, dtype);
        for (name, rows, damage) in damages() {
            let what = format!("{name}, {codec} {dtype}");
            damage(&setup);
            let found = verify(&setup.out, &|_| ()).unwrap();
            assert!(found.repairable, "{what}: {:?}", found.faults);
            let sound: Vec<PathBuf> = ["dataset.json", "ledger.parquet", "train/00000.arrow"]
                .map(|name| setup.out.join(name))
                .into();
            let before: Vec<_> = sound.iter().map(|path| identity(path)).collect();
            let report = setup.repair();
            assert!(common::tree(&setup.out) == setup.sound, "{what}");
            assert!(report.is_sound() && report.repaired.len() == 1, "{what}: {report:?}");
            let repaired = &report.repaired[0];
            assert_eq!((&*repaired.file, repaired.same_bytes), ("val/00000.arrow", true));
            let again = repaired.made_again;
            assert!(rows.contains(&again), "{what}: {again} rows");
            assert_eq!(again + repaired.copied, 6, "{what}");
            let after: Vec<_> = sound.iter().map(|path| identity(path)).collect();
            assert_eq!(before, after, "{what}");
            setup.restore();
        }
    }
}

#[test]
fn several_damaged_shards_are_repaired_at_once_on_any_number_of_threads() {
    let setup = Setup::new(Codec::Raw, Dtype::U8);
    for threads in [1, 2, 5] {
        // Exchanged shards of one length: nothing but ids, labels and pixels tells them apart.
        let (one, two) = (setup.shard("train"), setup.shard("val"));
        fs::write(&one, &setup.sound["val/00000.arrow"]).unwrap();
        fs::write(&two, &setup.sound["train/00000.arrow"]).unwrap();
        setup.change("test", |bytes| bytes.truncate(100));
        let options = {
            let mut options = RepairOptions::new(&setup.out, &setup.photos);
            options.threads = threads;
            options
        };
        let report = repair(&options, &AtomicBool::new(false), &()).unwrap();
        assert_eq!(report.repaired.len(), 3, "{threads} threads: {report:?}");
        assert!(common::tree(&setup.out) == setup.sound, "{threads} threads");
    }
}

#[test]
fn a_sound_dataset_is_left_alone_and_needs_no_photo() {
    let setup = Setup::new(Codec::Zstd, Dtype::U8);
    fs::remove_dir_all(&setup.photos).unwrap();
    fs::create_dir(&setup.photos).unwrap();
    let files: Vec<PathBuf> = setup.sound.keys().map(|name| setup.out.join(name)).collect();
    let before: Vec<_> = files.iter().map(|path| identity(path)).collect();
    let report = setup.repair();
    assert_eq!((report.shards, report.sound, report.repaired.len()), (3, 18, 0));
    assert_eq!(files.iter().map(|path| identity(path)).collect::<Vec<_>>(), before);
}

#[test]
fn a_shard_whose_rows_are_all_sound_needs_no_photo_either() {
    let setup = Setup::new(Codec::Zstd, Dtype::U8);
    setup.change("val", |bytes| bytes[7] ^= 1);
    fs::remove_dir_all(setup.photos.join("val")).unwrap();
    assert!(setup.repair().is_sound());
    assert!(common::tree(&setup.out) == setup.sound);
}

#[test]
fn a_photo_that_changed_or_is_gone_is_named_its_shard_is_kept_and_the_others_are_repaired() {
    let setup = Setup::new(Codec::Zstd, Dtype::U8);
    let at = setup.place_of_row("val", 1, 0) + 9;
    setup.change("val", |bytes| bytes[at] ^= 1);
    fs::remove_file(setup.shard("train")).unwrap();
    fs::remove_file(setup.shard("test")).unwrap();
    let damaged = fs::read(setup.shard("val")).unwrap();
    let changed = setup.photos.join("val/cat/photo-13.png");
    let original = fs::read(&changed).unwrap();
    fs::write(&changed, common::photo(99, 30, 30)).unwrap();
    let gone = setup.photos.join("test/dog/photo-5.png");
    fs::rename(&gone, setup.photos.join("elsewhere.png")).unwrap();

    let report = setup.repair();
    let named: Vec<String> = report.unrepaired.iter().map(ToString::to_string).collect();
    assert_eq!(named.len(), 2, "{named:#?}");
    let hash = blake3::hash(&original);
    assert!(named[0].starts_with("val/00000.arrow, row 1, sample `val/cat/photo-13.png`: source"));
    assert!(named[0].contains(&format!("expected {} bytes with BLAKE3 {hash}", original.len())));
    assert!(named[1].starts_with("test/00000.arrow, row 5, sample `test/dog/photo-5.png`: source"));
    assert!(named[1].contains("No such file"), "{}", named[1]);
    assert!(!report.is_sound());
    assert_eq!(report.repaired.len(), 1);
    assert_eq!(fs::read(setup.shard("train")).unwrap(), setup.sound["train/00000.arrow"]);
    assert_eq!(fs::read(setup.shard("val")).unwrap(), damaged, "nothing is overwritten");
    assert!(!setup.shard("test").exists());

    // Put back, the same call finishes.
    fs::write(&changed, original).unwrap();
    fs::rename(setup.photos.join("elsewhere.png"), &gone).unwrap();
    assert!(setup.repair().is_sound());
    assert!(common::tree(&setup.out) == setup.sound);
}

#[test]
fn truncated_photos_come_out_as_they_were_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    tcolz_demo::make_dump(&photos, 40).unwrap();
    let options = common::options(&photos, &out, &[32]);
    let counts = common::converted(&options).dataset.meta().counts;
    assert!(counts.stored > 30 && counts.bad() > 0, "the demo has bad photos too: {counts:?}");
    let sound = common::tree(&out);
    for file in common::shard_files(&Dataset::open(&out).unwrap()) {
        fs::remove_file(out.join(file)).unwrap();
    }
    let report = repair(&RepairOptions::new(&out, &photos), &AtomicBool::new(false), &()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert!(common::tree(&out) == sound);
}

/// One change of one file: which shard, where in it, and what.
#[derive(Debug, Clone)]
enum Change {
    Flip(u8),
    Zeros(usize),
    Cut,
    Insert(Vec<u8>),
    Delete,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (0..8u8).prop_map(Change::Flip),
        3 => (1..5000usize).prop_map(Change::Zeros),
        1 => Just(Change::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..20).prop_map(Change::Insert),
        1 => Just(Change::Delete),
    ]
}

#[test]
fn whatever_is_done_to_the_shards_a_repair_ends_with_the_first_bytes() {
    for codec in [Codec::Zstd, Codec::Raw] {
        let setup = Setup::new(codec, Dtype::U8);
        let splits = prop::sample::select(vec!["train", "val", "test"]);
        let changes = prop::collection::vec((splits, any::<prop::sample::Index>(), change()), 1..8);
        let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
        proptest!(config, |(changes in changes)| {
            for (split, place, change) in changes {
                let path = setup.shard(split);
                let Ok(mut bytes) = fs::read(&path) else { continue };
                let at = if bytes.is_empty() { 0 } else { place.index(bytes.len()) };
                match change {
                    Change::Flip(bit) => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << bit),
                    Change::Zeros(count) => bytes.iter_mut().skip(at).take(count).for_each(|b| *b = 0),
                    Change::Cut => bytes.truncate(at),
                    Change::Insert(more) => drop(bytes.splice(at..at, more)),
                    Change::Delete => {
                        fs::remove_file(&path).unwrap();
                        continue;
                    }
                }
                fs::write(&path, bytes).unwrap();
            }
            prop_assert!(setup.repair().is_sound());
            prop_assert!(common::tree(&setup.out) == setup.sound);
            prop_assert_eq!(verify(&setup.out, &|_| ()).unwrap().faults, []);
        });
    }
}
