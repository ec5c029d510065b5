//! Promise: wherever a conversion is stopped — at every single sync, before and after it, twice in a
//! row, with or without the power — OUT says that it is unfinished, and the same command goes on from
//! what was complete to the same bytes.
//!
//! Between two syncs nothing happens that a kill could catch in another state than the one before or
//! after: files are written under temporary names, and a rename stands right before the sync of its folder.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::faults;

use std::fs;
use std::path::{Path, PathBuf};

use faults::power::{Durable, Sync, trace};
use faults::{EIO, ENOSPC, Fault, Moment, Scene, covered, is_dataset, leftovers, resume, trace_of};
use tcolz_format::dataset::DATASET_FILE;

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];

/// The sync (from 1) that makes dataset.json's name last.
fn commit(syncs: &[Sync]) -> usize {
    let names_it = |sync: &Sync| match sync {
        Sync::Folder { path, names } => path.ends_with("out") && names.contains(DATASET_FILE),
        Sync::File { .. } => false,
    };
    1 + syncs.iter().position(names_it).unwrap()
}

#[test]
fn a_kill_at_any_sync_loses_only_the_shard_in_hand() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    let commit = commit(&syncs);
    let mut kept = 0;
    for sync in 1..=syncs.len() {
        for moment in MOMENTS {
            let what = format!("killed {moment:?} sync {sync}");
            let disk = scene.disk("killed");
            scene.run(&disk, Fault::Kill(sync, moment)).was_killed();
            let out = disk.join("out");
            assert_eq!(is_dataset(&out, &expected), sync >= commit, "{what}");
            kept += covered(&out);
            resume(&scene, &disk, &expected, &what);
        }
    }
    assert!(kept > faults::LISTED, "kills came after whole shards");
}

#[test]
fn a_power_cut_at_any_sync_loses_only_what_was_not_synced() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    let commit = commit(&syncs);
    let (mut undone, mut kept) = (0, 0);
    for sync in 1..=syncs.len() {
        for moment in MOMENTS {
            let what = format!("no power {moment:?} sync {sync}");
            let disk = scene.disk("dark");
            let before = Durable::all(&disk);
            scene.run(&disk, Fault::Kill(sync, moment)).was_killed();
            let lost = before.and(trace(&trace_of(&disk))).cut_the_power();
            // A name given and lost again: the renames between which and their sync the power went.
            let named = |path: &&PathBuf| {
                path.starts_with("out") && !path.to_string_lossy().contains(".tcolz-unfinished-")
            };
            undone += lost.iter().filter(named).count();
            let out = disk.join("out");
            let committed = (sync, moment) >= (commit, Moment::After);
            assert_eq!(is_dataset(&out, &expected), committed, "{what}: lost {lost:?}");
            kept += covered(&out);
            resume(&scene, &disk, &expected, &what);
        }
    }
    assert!(undone > expected.len(), "{undone} renames were undone");
    assert!(kept > faults::LISTED, "shards survived the cuts");
}

#[test]
fn a_finished_dataset_is_safe_from_a_power_cut() {
    let Some(scene) = Scene::new() else { return };
    let (expected, _) = scene.undisturbed();
    let disk = scene.disk("finished");
    let before = Durable::all(&disk);
    scene.run(&disk, Fault::Nothing).succeeded();
    let lost = before.and(trace(&trace_of(&disk))).cut_the_power();
    // The log beside the dataset is no part of it.
    assert_eq!(lost, [Path::new("out.log.jsonl")]);
    assert!(common::tree(&disk.join("out")) == expected);
}

#[test]
fn a_kill_at_any_sync_of_a_resume_loses_no_more_than_the_first() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    let mut second_kills = 0;
    // The first kill in each kind of place (six syncs begin OUT, six make a shard), the second one everywhere.
    for first in [1, 2, 4, 6, 8, 10, 12, 24, syncs.len() - 4, syncs.len() - 1] {
        for second in (1..syncs.len()).step_by(if first == 24 { 1 } else { 7 }) {
            let what = format!("killed at sync {first}, then at sync {second} of the resume");
            let disk = scene.disk("twice");
            scene.run(&disk, Fault::Kill(first, Moment::After)).was_killed();
            let kept = covered(&disk.join("out"));
            let moment = MOMENTS[second % 2];
            let ended = scene.run(&disk, Fault::Kill(second, moment));
            if ended.0.status.success() {
                // The resume had fewer syncs to be killed at.
                assert!(common::tree(&disk.join("out")) == expected, "{what}");
                fs::remove_dir_all(disk).unwrap();
                break;
            }
            ended.was_killed();
            second_kills += 1;
            assert!(
                covered(&disk.join("out")) >= kept || disk.join("out/dataset.json").exists(),
                "{what}"
            );
            resume(&scene, &disk, &expected, &what);
        }
    }
    assert!(second_kills >= syncs.len(), "{second_kills} kills in a resume");
}

#[test]
fn a_conversion_that_never_gets_further_than_a_shard_still_finishes() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    // Four syncs make sure of the folders, six make a shard.
    for every in [10, 11, 13] {
        let disk = scene.disk("again");
        let mut kills = 0;
        loop {
            let before = Durable::all(&disk);
            let ended = scene.run(&disk, Fault::Kill(every, MOMENTS[kills % 2]));
            if ended.0.status.success() {
                break;
            }
            ended.was_killed();
            before.and(trace(&trace_of(&disk))).cut_the_power();
            kills += 1;
            assert!(kills <= syncs.len(), "every run gets further");
        }
        assert!(kills >= 3, "{kills} kills");
        assert!(common::tree(&disk.join("out")) == expected, "every {every}");
        fs::remove_dir_all(disk).unwrap();
    }
}

#[test]
fn a_sync_that_fails_is_said_and_the_same_command_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (expected, syncs) = scene.undisturbed();
    for sync in 1..=syncs.len() {
        let (errno, says) = [(EIO, "Input/output error"), (ENOSPC, "the disk is full")][sync % 2];
        let disk = scene.disk("failed");
        let said = scene.run(&disk, Fault::Sync(sync, errno)).failed();
        assert!(said.contains(says) && said.contains("failed/out"), "sync {sync}: {said}");
        assert_eq!(leftovers(&disk.join("out")), [""; 0], "sync {sync}");
        resume(&scene, &disk, &expected, &format!("sync {sync} failed"));
    }
}
