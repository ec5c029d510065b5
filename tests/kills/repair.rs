//! Promise: a repair may be killed at any moment, and what another version of tcolz compressed is
//! repaired as well, by its pixels.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Instant;

use tcolz_convert::RepairObserver;
use tcolz_convert::{ConvertError, RepairOptions, RepairReport, repair};
use tcolz_format::dataset::{
    DATASET_FILE, DatasetMeta, LedgerRow, LedgerWriter, content_root, root_lines,
};
use tcolz_format::dataset::{Dataset, verify};
use tcolz_format::shard::{ShardRow, ShardWriter};
use tcolz_pixels::recipe::Codec;

const KILLS: u32 = 40;

fn repaired(out: &Path, photos: &Path) -> RepairReport {
    repair(&RepairOptions::new(out, photos), &AtomicBool::new(false), &()).unwrap()
}

/// Damages every shard of `out` in turn: gone, cut, or with a bit flipped in each quarter.
fn damage(out: &Path) {
    for (number, file) in common::shard_files(&Dataset::open(out).unwrap()).iter().enumerate() {
        let path = out.join(file);
        let mut bytes = fs::read(&path).unwrap();
        match number % 3 {
            0 => {
                let step = bytes.len() / 4;
                (1..4).for_each(|quarter| bytes[quarter * step] ^= 1);
            }
            1 => bytes.truncate(bytes.len() / 3),
            _ => {
                fs::remove_file(&path).unwrap();
                continue;
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}

fn command(out: &Path, photos: &Path) -> Command {
    let mut command = common::tcolz();
    command.arg("repair").arg(out).arg("--source").arg(photos).args(["--threads", "2"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn kills_at_random_moments_leave_a_dataset_that_the_next_repair_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    for number in 0..120 {
        let path = photos.join(format!("{}/{number:03}.png", ["cat", "dog"][number as usize % 2]));
        common::write(&path, &common::photo(number, 80, 60));
    }
    let mut options = common::options(&photos, &out, &[64]);
    (options.recipe.codec, options.shard_bytes) = (Codec::Raw, 100_000);
    common::converted(&options);
    let sound = common::tree(&out);
    assert!(sound.len() > 15, "many shards");

    damage(&out);
    let begun = Instant::now();
    assert!(command(&out, &photos).status().unwrap().success());
    let undisturbed = begun.elapsed();
    assert!(common::tree(&out) == sound);

    let (mut kills, mut in_the_middle, mut random) = (0, 0, 0x2545_F491_4F6C_DD1D_u64);
    while kills < KILLS {
        damage(&out);
        loop {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut child = command(&out, &photos).spawn().unwrap();
            sleep(undisturbed.mul_f64((random % 1000) as f64 / 1100.0));
            if child.try_wait().unwrap().is_none() && kills < KILLS {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                let now = common::tree(&out);
                let whole = sound.iter().filter(|(name, bytes)| now.get(*name) == Some(bytes));
                in_the_middle += u32::from((3..sound.len()).contains(&whole.count()));
                continue;
            }
            let ended = child.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            break;
        }
        assert!(common::tree(&out) == sound, "after {kills} kills");
    }
    assert!(in_the_middle >= KILLS / 4, "{in_the_middle} of {kills} came between two shards");
}

/// Asks for a stop as soon as a shard is repaired.
struct StopAfterOne<'a>(&'a AtomicBool);

impl RepairObserver for StopAfterOne<'_> {
    fn repaired(&self, _bytes: u64) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_request_to_stop_finishes_the_shard_in_hand_and_describes_it() {
    let setup = Foreign::new();
    fs::remove_file(setup.shard("train")).unwrap();
    fs::remove_file(setup.shard("val")).unwrap();
    let options = RepairOptions::new(&setup.out, &setup.photos);
    let stop = AtomicBool::new(false);
    let report = repair(&options, &stop, &StopAfterOne(&stop)).unwrap();
    assert!(report.stopped && !report.is_sound(), "{report:?}");
    assert_eq!(report.repaired.len(), 1);
    let faults = verify(&setup.out, &|_| ()).unwrap().faults;
    assert!(faults.iter().all(|fault| fault.file == "val/00000.arrow"), "{faults:?}");
    // Asked to stop before it begins, it writes nothing.
    let report = repair(&options, &stop, &()).unwrap();
    assert!(report.stopped && report.repaired.is_empty() && !setup.shard("val").exists());
    assert!(repaired(&setup.out, &setup.photos).is_sound());
    assert_eq!(verify(&setup.out, &|_| ()).unwrap().faults, []);
}

/// A dataset whose frames are valid and not those that this version writes.
struct Foreign {
    _folder: tempfile::TempDir,
    photos: PathBuf,
    out: PathBuf,
}

impl Foreign {
    fn new() -> Foreign {
        let folder = tempfile::tempdir().unwrap();
        let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
        common::small_dump(&photos);
        let dataset = common::converted(&common::options(&photos, &out, &[16, 24])).dataset;
        let ledger = dataset.ledger().unwrap();
        let mut meta = dataset.meta().clone();
        for split in &mut meta.splits {
            let old = dataset.open_shard(&split.name, 0).unwrap();
            let mut new = ShardWriter::create(old.path(), old.columns()).unwrap();
            for row in 0..old.rows() {
                let stored = [0, 1].map(|column| otherwise(old.stored(row, column).unwrap()));
                let (sample_id, label) = (old.sample_id(row), old.label(row));
                let entry = ledger.iter().find(|entry| entry.sample_id == sample_id).unwrap();
                let pixels = [0, 1].map(|column| entry.tensors[column].blake3);
                new.push(ShardRow { sample_id, label, stored: &stored, pixels: &pixels }).unwrap();
            }
            let summary = new.finish().unwrap();
            let file = &mut split.shards[0];
            (file.bytes, file.blake3) = (summary.bytes, summary.blake3.to_string());
        }
        fs::write(out.join(DATASET_FILE), meta.to_bytes()).unwrap();
        assert_eq!(verify(&out, &|_| ()).unwrap().faults, []);
        Foreign { _folder: folder, photos, out }
    }

    fn shard(&self, split: &str) -> PathBuf {
        self.out.join(format!("{split}/00000.arrow"))
    }

    /// Flips a bit in the id of a sample.
    fn flip(&self, split: &str, id: &str) {
        let mut bytes = fs::read(self.shard(split)).unwrap();
        let at = bytes.windows(id.len()).position(|window| window == id.as_bytes()).unwrap();
        bytes[at] ^= 1;
        fs::write(self.shard(split), bytes).unwrap();
    }
}

/// The content of a frame in a frame of another level.
fn otherwise(frame: &[u8]) -> Vec<u8> {
    let (mut content, mut other) = (Vec::with_capacity(1 << 16), Vec::with_capacity(1 << 16));
    zstd_safe::decompress(&mut content, frame).unwrap();
    zstd_safe::compress(&mut other, &content, 19).unwrap();
    assert_ne!(other, frame);
    other
}

#[test]
fn a_shard_that_another_version_compressed_keeps_its_pixels_and_dataset_json_gets_its_new_bytes() {
    let setup = Foreign::new();
    let before = Dataset::open(&setup.out).unwrap();
    let (old_json, train) =
        (fs::read(setup.out.join(DATASET_FILE)).unwrap(), fs::read(setup.shard("train")).unwrap());
    setup.flip("val", "val/cat/photo-8.png");
    let report = repaired(&setup.out, &setup.photos);
    assert!(report.is_sound(), "{report:?}");
    let shard = &report.repaired[0];
    assert_eq!((shard.made_again, shard.copied, shard.same_bytes), (1, 2, false));
    let found = verify(&setup.out, &|_| ()).unwrap();
    assert_eq!(found.faults, []);
    let after = Dataset::open(&setup.out).unwrap();
    assert_eq!(found.content_root.as_ref(), Some(&before.meta().content_root));
    assert_eq!(after.ledger().unwrap(), before.ledger().unwrap());
    assert_ne!(after.meta().splits[1].shards, before.meta().splits[1].shards);
    let mut but_for_the_shard = after.meta().clone();
    but_for_the_shard.splits[1].shards = before.meta().splits[1].shards.clone();
    assert_eq!(but_for_the_shard, *before.meta(), "nothing else is changed");
    assert_eq!(fs::read(setup.shard("train")).unwrap(), train);

    // A kill between the shard and dataset.json leaves this. The rows prove themselves: no photo is needed.
    let finished = common::tree(&setup.out);
    fs::write(setup.out.join(DATASET_FILE), old_json).unwrap();
    fs::remove_dir_all(setup.photos.join("val")).unwrap();
    let report = repaired(&setup.out, &setup.photos);
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.repaired[0].made_again, report.repaired[0].copied), (0, 3));
    assert!(common::tree(&setup.out) == finished);
}

#[test]
fn a_checksum_in_dataset_json_that_no_row_contradicts_is_set_right() {
    // Of the file and what is said of it, the rows decide: each is proven by its own hash and the ledger.
    let setup = Foreign::new();
    let sound = common::tree(&setup.out);
    let mut meta = Dataset::open(&setup.out).unwrap().meta().clone();
    meta.splits[0].shards[0].blake3 = "0".repeat(64);
    fs::write(setup.out.join(DATASET_FILE), meta.to_bytes()).unwrap();
    let report = repaired(&setup.out, &setup.photos);
    assert!(report.is_sound() && !report.repaired[0].same_bytes, "{report:?}");
    assert!(common::tree(&setup.out) == sound);
}

#[test]
fn pixels_that_come_out_otherwise_than_the_ledger_says_are_never_stored() {
    let setup = Foreign::new();
    let dataset = Dataset::open(&setup.out).unwrap();
    let mut rows = dataset.ledger().unwrap();
    let last = rows.len() - 1;
    rows[last].tensors[1].blake3 = [7; 32];
    let mut meta = dataset.meta().clone();
    meta.content_root = content_root(&meta.classes, &meta.columns, root_lines(&rows)).to_string();
    resealed(&setup.out, meta, rows);
    let before = common::tree(&setup.out);
    let report = repaired(&setup.out, &setup.photos);
    assert_eq!((report.repaired.len(), report.unrepaired.len()), (0, 1), "{report:?}");
    let row = report.unrepaired[0].to_string();
    assert!(
        row.starts_with("val/00000.arrow, row 2, sample `val/dog/photo-7.png`: image_24"),
        "{row}"
    );
    assert!(row.contains(&format!("expected pixels with BLAKE3 {}", "07".repeat(32))), "{row}");
    assert!(common::tree(&setup.out) == before);
}

/// Writes another ledger, with all checksums right.
fn resealed(out: &Path, mut meta: DatasetMeta, rows: Vec<LedgerRow>) {
    let mut ledger = LedgerWriter::create(&out.join("ledger.parquet"), &meta.columns).unwrap();
    rows.into_iter().for_each(|row| ledger.push(row).unwrap());
    meta.ledger = ledger.finish().unwrap();
    fs::write(out.join(DATASET_FILE), meta.to_bytes()).unwrap();
}

#[test]
fn a_ledger_whose_labels_were_edited_is_beyond_repair_although_its_checksums_are_right() {
    let setup = Foreign::new();
    let dataset = Dataset::open(&setup.out).unwrap();
    let mut rows = dataset.ledger().unwrap();
    rows[0].label = Some(1 - rows[0].label.unwrap());
    resealed(&setup.out, dataset.meta().clone(), rows);
    let faults = verify(&setup.out, &|_| ()).unwrap().faults;
    assert!(faults.iter().any(|fault| fault.what.contains("content root")), "{faults:?}");
    let before = common::tree(&setup.out);
    let options = RepairOptions::new(&setup.out, &setup.photos);
    let error = repair(&options, &AtomicBool::new(false), &()).unwrap_err();
    assert!(matches!(error, ConvertError::BeyondRepair { .. }), "{error}");
    assert!(error.to_string().contains("content root"), "{error}");
    assert!(common::tree(&setup.out) == before);
}
