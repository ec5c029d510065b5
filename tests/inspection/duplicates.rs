//! Every duplicate is found, nothing else is called one, and hostile datasets end in time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::ledger;
use crate::shared;

use std::path::Path;
use std::process::Command;

use ledger::{Made, noise};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;
use tcolz_inspect::{
    DuplicateGroup, Duplicates, GRID, MAX_DIFFERENCE, MAX_DISTANCE, Relation, find_duplicates,
};
use tcolz_pixels::recipe::{Codec, Dtype};

/// Side of made-up tensors: one pixel for each cell of the grid.
const SIDE: u32 = GRID as u32;

/// Groups of equal or near pictures by comparing every pair, in floating point: sample ids in the ledger's order.
fn by_every_pair(dataset: &Dataset) -> Vec<Vec<String>> {
    let rows = dataset.ledger().unwrap();
    let rows: Vec<_> = rows.iter().filter(|row| row.status == Status::Stored).collect();
    let column = dataset.meta().columns.len() - 1;
    let size = dataset.meta().columns[column].size() as usize;
    assert!(size.is_multiple_of(GRID), "cells of one size");
    let cell = size / GRID;
    let grids: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let planes = dataset.read_tensor(row, column).unwrap();
            let mut grid = vec![0.0; 3 * GRID * GRID];
            for (index, value) in planes.into_iter().enumerate() {
                let (channel, y, x) = (index / size / size, index / size % size, index % size);
                let of = (channel * GRID + y / cell) * GRID + x / cell;
                grid[of] += f64::from(value) / (cell * cell) as f64;
            }
            grid.iter().map(|mean| (mean + 0.5).floor()).collect()
        })
        .collect();
    let mut group: Vec<usize> = (0..rows.len()).collect();
    for first in 0..rows.len() {
        for second in first + 1..rows.len() {
            let distance = (rows[first].dhash.unwrap() ^ rows[second].dhash.unwrap()).count_ones();
            let pairs = grids[first].iter().zip(&grids[second]);
            let squares: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
            let near = (squares / grids[first].len() as f64).sqrt() <= MAX_DIFFERENCE;
            if distance <= MAX_DISTANCE && near && group[first] != group[second] {
                let (keep, gone) =
                    (group[first].min(group[second]), group[first].max(group[second]));
                group.iter_mut().filter(|group| **group == gone).for_each(|group| *group = keep);
            }
        }
    }
    let members = |root: usize| -> Vec<String> {
        let of = (0..rows.len()).filter(|&index| group[index] == root);
        of.map(|index| rows[index].sample_id.clone()).collect()
    };
    (0..rows.len()).map(members).filter(|members| members.len() > 1).collect()
}

fn ids(found: &Duplicates) -> Vec<Vec<String>> {
    let mut groups: Vec<&DuplicateGroup> = found.groups.iter().collect();
    groups.sort_by_key(|group| group.members[0].ledger_row);
    let ids = |group: &&DuplicateGroup| {
        group.members.iter().map(|member| member.sample_id.clone()).collect()
    };
    groups.iter().map(ids).collect()
}

fn groups_are_whole(found: &Duplicates) {
    for group in &found.groups {
        assert_eq!(group.links.len() + 1, group.members.len());
        let mut reached = vec![group.links[0].first];
        for _ in &group.links {
            for link in &group.links {
                for (from, to) in [(link.first, link.second), (link.second, link.first)] {
                    if reached.contains(&from) && !reached.contains(&to) {
                        reached.push(to);
                    }
                }
            }
        }
        assert_eq!(reached.len(), group.members.len(), "links hold the group together");
        let splits = group.members.iter().any(|member| member.split != group.members[0].split);
        let labels = group.members.iter().any(|member| member.label != group.members[0].label);
        assert_eq!((group.across_splits, group.conflicting_labels), (splits, labels));
    }
}

#[test]
fn ttd_has_25_pairs_of_the_same_picture_13_of_them_the_same_file() {
    let Some(ttd) = shared::ttd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = common::options(&ttd, &folder.path().join("out"), &[64, 224]);
    let dataset = common::converted(&options).dataset;
    let found = find_duplicates(&dataset).unwrap();
    groups_are_whole(&found);
    assert_eq!(found.count(|_| true), (25, 50));
    assert_eq!(found.count(|group| group.relation == Relation::SameFile), (13, 26));
    assert_eq!(found.count(|group| group.relation == Relation::Near), (12, 24));
    assert_eq!(found.count(|group| group.conflicting_labels), (1, 2));
    assert!(found.groups[0].conflicting_labels, "the worst comes first");
    assert_eq!(ids(&found), by_every_pair(&dataset));
    {
        labels_of_ttd(&dataset);
        folds_of_ttd(&dataset, &ttd, folder.path());
    }
}

/// One of the 25 pairs has two labels: of two classes 2e(1 − e) = 1 ⁄ 25.
fn labels_of_ttd(dataset: &Dataset) {
    let found = tcolz_study::labels::labels(dataset).unwrap();
    assert!(found.text.is_none(), "it has no text scores");
    let pairs: Vec<u64> = found.duplicates.iter().map(|noise| noise.pairs).collect();
    assert_eq!(pairs, [13, 13, 25]);
    let near = &found.duplicates[2];
    let (share, wrong) = (near.different_labels.unwrap(), near.wrong_labels.unwrap());
    assert_eq!((share.count, share.of), (1, 25));
    assert!((wrong.value - (1.0 - 0.92f64.sqrt()) / 2.0).abs() < 1e-12);
    let best = near.best_accuracy.unwrap();
    assert!(best.low < best.value && best.value < best.high && best.high < 1.0);
}

/// What the published lists name is in the dataset, each photo is tested on once; made folds keep duplicates together.
fn folds_of_ttd(dataset: &Dataset, ttd: &Path, folder: &Path) {
    use std::collections::{BTreeMap, BTreeSet};
    use tcolz_loader::{Select, Selection};
    use tcolz_study::folds;
    let split = dataset.meta().splits[0].name.clone();
    let select = |list: &Path, agreement: u8| Select {
        subset: Some(list.to_owned()),
        condition: Some(format!("agreement >= {agreement}")),
        ..Select::split(&split)
    };
    let ids = |select: &Select| -> BTreeSet<String> {
        Selection::of(dataset, select).unwrap().sample_ids(dataset).unwrap().into_iter().collect()
    };
    for (name, agreement, photos) in [("five", 5, 880), ("four", 4, 1115), ("three", 3, 1265)] {
        let lists = folds::published(&ttd.join(format!("folds/{name}_agrees"))).unwrap();
        assert_eq!(lists.len(), 5);
        let mut tested = BTreeSet::new();
        for fold in &lists {
            let [train, test] = [&fold.train, &fold.test].map(|list| ids(&select(list, agreement)));
            assert_eq!(test.len(), photos / 5, "{name}");
            assert!(train.is_disjoint(&test) && train.len() == photos - photos / 5, "{name}");
            tested.extend(test);
        }
        assert_eq!(tested.len(), photos, "{name}: each once");
    }
    let lists = folds::made(dataset, &Select::split(&split), 5, 1, &folder.join("lists")).unwrap();
    let mut fold_of = BTreeMap::new();
    for (fold, lists) in lists.iter().enumerate() {
        for id in ids(&select(&lists.test, 0)) {
            assert_eq!(fold_of.insert(id, fold), None, "each once");
        }
    }
    assert_eq!(fold_of.len(), 1269);
    for group in find_duplicates(dataset).unwrap().groups {
        let folds: BTreeSet<usize> =
            group.members.iter().map(|member| fold_of[&member.sample_id]).collect();
        assert_eq!(folds.len(), 1, "{:?}", group.members);
    }
}

#[test]
fn the_leaked_photo_of_the_demo_is_found_and_named_by_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    let dump = tcolz_demo::make_dump(&photos, 60).unwrap();
    let leaked = dump.odd_line(tcolz_demo::Oddity::Leakage).sample_id.clone();
    let out = folder.path().join("out");
    let dataset = common::converted(&common::options(&photos, &out, &[64])).dataset;
    let found = find_duplicates(&dataset).unwrap();
    assert_eq!(ids(&found), by_every_pair(&dataset));
    assert_eq!(ids(&found), [[leaked.clone(), leaked.clone()]]);
    {
        let labels = tcolz_study::labels::labels(&dataset).unwrap();
        let pairs: Vec<u64> = labels.duplicates.iter().map(|noise| noise.pairs).collect();
        assert_eq!(pairs, [0, 0, 0], "one photo, labelled once, is no pair");
        assert!(labels.duplicates.iter().all(|noise| noise.different_labels.is_none()));
    }
    let output = common::tcolz().arg("inspect").arg(&out).arg("--duplicates").output().unwrap();
    let screen = String::from_utf8(output.stdout).unwrap();
    assert!(screen.contains("1 group of duplicates: 1 sample too many"), "{screen}");
    assert!(screen.contains("same file, ACROSS SPLITS"), "{screen}");
    assert!(screen.contains(&leaked) && screen.contains("hashes within 7 bits"), "{screen}");
    follows_its_schema(&out);
}

fn follows_its_schema(dataset: &Path) {
    let output =
        common::tcolz().arg("inspect").arg(dataset).args(["--duplicates", "--json"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let Some(python) = shared::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("duplicates.json");
    std::fs::write(&said, output.stdout).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/duplicates.schema.json");
    let program = "import json, sys, jsonschema; said, schema = (json.load(open(path)) for path in sys.argv[1:]); jsonschema.Draft202012Validator.check_schema(schema); jsonschema.validate(said, schema); assert said['groups']";
    let checked =
        Command::new(python).args(["-c", program]).args([&said, &schema]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

fn made(planes: Vec<u8>, split: usize, label: u16, source: u64) -> Made {
    Made { split, label: Some(label), planes: Some(planes), source }
}

/// The planes, every value some levels brighter.
fn brighter(planes: &[u8], levels: u8) -> Vec<u8> {
    planes.iter().map(|value| value.saturating_add(levels)).collect()
}

/// Noise that leaves room to become brighter.
fn dim(number: u64) -> Vec<u8> {
    noise(number, SIDE).iter().map(|value| value / 2 + 20).collect()
}

fn dataset(folder: &Path, samples: Vec<Made>) -> Dataset {
    let classes = ["cat".to_owned(), "dog".to_owned()];
    ledger::write(&folder.join("out"), SIDE, &["train", "val"], &classes, samples.into_iter())
}

#[test]
fn files_pixels_and_looks_are_told_apart_and_chains_become_one_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut samples = vec![
        made(dim(1), 0, 0, 1),
        made(dim(2), 0, 0, 2),
        made(brighter(&dim(2), 10), 0, 0, 3),
        made(brighter(&dim(2), 20), 0, 0, 4),
        made(dim(3), 0, 0, 5),
        made(dim(3), 0, 0, 5),
        made(dim(3), 0, 1, 6),
        made(brighter(&dim(4), 13), 0, 0, 7),
    ];
    samples.extend([made(dim(1), 1, 0, 8), made(dim(4), 1, 0, 9)]);
    samples.push(Made { split: 1, label: None, planes: None, source: 1 });
    let dataset = dataset(folder.path(), samples);
    let found = find_duplicates(&dataset).unwrap();
    groups_are_whole(&found);
    assert_eq!(ids(&found), by_every_pair(&dataset));
    let rows = |group: &DuplicateGroup| -> Vec<u64> {
        group.members.iter().map(|member| member.ledger_row).collect()
    };
    let summary: Vec<_> = found.groups.iter().map(|group| (group.relation, rows(group))).collect();
    // Across splits first, then conflicting labels; 7 and 9 differ by 13 levels, and are two pictures.
    let expected = [
        (Relation::SamePixels, vec![0, 8]),
        (Relation::SamePixels, vec![4, 5, 6]),
        (Relation::Near, vec![1, 2, 3]),
    ];
    assert_eq!(summary, expected);
    let links = &found.groups[1].links;
    assert_eq!(links[0].relation, Relation::SameFile);
    assert_eq!(links[1].relation, Relation::SamePixels);
    let differences: Vec<f64> = found.groups[2].links.iter().map(|link| link.difference).collect();
    assert_eq!(differences, [10.0, 10.0]);
}

#[test]
fn baked_tensors_are_searched_for_equal_files_and_pixels_only() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    common::small_dump(&photos);
    std::fs::copy(photos.join("train/cat/photo-0.png"), photos.join("val/dog/again.png")).unwrap();
    let mut options = common::options(&photos, &folder.path().join("out"), &[16]);
    options.recipe.dtype = Dtype::F32;
    let found = find_duplicates(&common::converted(&options).dataset).unwrap();
    assert!(found.near.is_none());
    assert_eq!(ids(&found), [["train/cat/photo-0.png", "val/dog/again.png"]]);
    assert!(found.groups[0].across_splits && found.groups[0].conflicting_labels);
}

#[test]
fn a_damaged_or_foreign_candidate_is_an_error_that_names_its_shard() {
    let folder = tempfile::tempdir().unwrap();
    let pair = |first, second| vec![made(first, 0, 0, 1), made(second, 0, 0, 2)];
    let dataset = dataset(folder.path(), pair(dim(1), brighter(&dim(1), 3)));
    let path = dataset.root().join("train/00000.arrow");
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(64).position(|window| window == &dim(1)[..64]).unwrap();
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let error = find_duplicates(&dataset).unwrap_err().to_string();
    assert!(error.contains("train/00000.arrow") && error.contains("0.jpg"), "{error}");

    let other = tempfile::tempdir().unwrap();
    let other = self::dataset(other.path(), pair(dim(5), dim(6)));
    std::fs::copy(other.root().join("train/00000.arrow"), &path).unwrap();
    let error = find_duplicates(&dataset).unwrap_err().to_string();
    assert!(
        error.contains("train/00000.arrow") && error.contains("another shard lies here"),
        "{error}"
    );
}

#[test]
fn half_a_million_samples_with_100000_equal_hashes_are_searched_to_the_end() {
    const FLAT: u64 = 100_000;
    const ALL: u64 = 470_586;
    const SMALL: u32 = 8;
    let folder = tempfile::tempdir().unwrap();
    // TCOLZ_KEEP keeps the dataset, so that the release build can be measured on it.
    let out = std::env::var_os("TCOLZ_KEEP").map_or(folder.path().join("out"), Into::into);
    let planes = |number: u64| match number {
        // One colour each, all of them different; every hash is 0.
        0..FLAT => {
            let (r, g, b) = (number % 47 * 5, number / 47 % 47 * 5, number / 47 / 47 * 5);
            [r, g, b].map(|level| vec![level as u8; 64]).concat()
        }
        // Every thousandth is the one before it, a little brighter.
        _ if number % 1000 == 1 => brighter(
            &noise(number - 1, SMALL).iter().map(|value| value / 2 + 20).collect::<Vec<u8>>(),
            4,
        ),
        _ => noise(number, SMALL).iter().map(|value| value / 2 + 20).collect(),
    };
    let sample = |number| {
        let split = usize::from(number >= 400_000);
        made(planes(number), split, (number % 2) as u16, number)
    };
    let classes = ["cat".to_owned(), "dog".to_owned()];
    let samples = (0..ALL).map(sample);
    let dataset = ledger::write(&out, SMALL, &["train", "val"], &classes, samples);
    let found = find_duplicates(&dataset).unwrap();
    let flat = &found.groups.iter().find(|group| group.members[0].ledger_row == 0).unwrap();
    assert_eq!(flat.members.len() as u64, FLAT, "neighbouring colours are near each other");
    let pairs = found.groups.iter().filter(|group| group.members.len() == 2);
    let planted = pairs.filter(|group| {
        let [first, second] = [0, 1].map(|member| group.members[member].ledger_row);
        first % 1000 == 0 && second == first + 1
    });
    assert_eq!(
        planted.count() as u64,
        (FLAT..ALL).filter(|number| number % 1000 == 1).count() as u64
    );
    let near = found.near.unwrap();
    assert!(near.cut >= FLAT / 2 && near.compared < 32 * ALL, "{near:?}");
}

#[test]
fn threads_and_codecs_do_not_change_what_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    tcolz_demo::make_dump(&photos, 30).unwrap();
    let search = |name: &str, codec, threads| {
        let mut options = common::options(&photos, &folder.path().join(name), &[48]);
        options.recipe.codec = codec;
        options.shard_bytes = 100_000;
        let dataset = common::converted(&options).dataset;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut found = pool.install(|| find_duplicates(&dataset)).unwrap();
        found.dataset.clear();
        found
    };
    let one = search("one", Codec::Zstd, 1);
    assert!(!one.groups.is_empty());
    assert_eq!(one, search("four", Codec::Zstd, 4));
    assert_eq!(one, search("raw", Codec::Raw, 3));
}
