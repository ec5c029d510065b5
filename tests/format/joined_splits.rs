//! Promises of several splits that are read as one, `train+val`: exactly the samples of each of them, in the order of the
//! names, each row once, whatever reads them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::training;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::{DATASET_FILE, DatasetError, Receipt};
use tcolz_format::sample::Label;
use tcolz_inspect::{inspect_selected, mean_images};
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, LoaderError, Order, Percent, RankState, Select, Selection};
use tcolz_pixels::recipe::Codec;

/// The photo that stands in `train` as a cat and in `test` as a dog.
const TWICE: &str = "05.png";

/// Photos in three splits, several shards each; one of them in two, with two labels.
fn dataset(folder: &Path) -> Dataset {
    let photos = folder.join("photos");
    let mut table = "path,label,split\n".to_owned();
    let mut add = |number: u32, class: &str, split: &str| {
        table.push_str(&format!("{number:02}.png,{class},{split}\n"));
    };
    for number in (20..28).chain([5]) {
        add(number, if number % 2 == 0 { "cat" } else { "dog" }, "test");
    }
    for number in 0..14 {
        add(number, if number % 3 == 0 || number == 5 { "cat" } else { "dog" }, "train");
    }
    for number in 14..20 {
        add(number, if number % 2 == 0 { "cat" } else { "dog" }, "val");
    }
    for number in 0..28 {
        common::write(&photos.join(format!("{number:02}.png")), &common::photo(number, 40, 36));
    }
    common::write(&photos.join("labels.csv"), table.as_bytes());
    let mut options = common::options(&photos, &folder.join("dataset"), &[32, 112]);
    options.recipe.codec = Codec::Raw;
    options.shard_bytes = 100_000; // two photos
    common::converted(&options);
    let dataset = Dataset::open(folder.join("dataset")).unwrap();
    assert!(dataset.meta().splits.iter().all(|split| split.shards.len() > 1), "several shards");
    dataset
}

/// Sample id, label, image.
type Sample = (String, Label, Vec<f32>);

fn read(
    dataset: &Dataset,
    split: &str,
    order: Order,
    workers: usize,
    access: Access,
) -> Vec<Sample> {
    let loader =
        dataset.loader(split).order(order, 7).batch_size(4).workers(workers).access(access);
    let loader = loader.build().unwrap();
    let mut epoch = loader.epoch(0);
    let mut found = Vec::new();
    for batch in epoch.by_ref() {
        let batch = batch.unwrap();
        let images = batch.images().chunks_exact(3 * 32 * 32);
        for ((id, &label), image) in batch.sample_ids().iter().zip(batch.labels()).zip(images) {
            found.push((id.to_owned(), label, image.to_vec()));
        }
    }
    loader.check_receipts(&RankState::merge(&[epoch.state()]).unwrap()).unwrap();
    found
}

const JOINED: [&str; 5] =
    ["train+val", "val+train", "test+train+val", "val+test+train", "train+test"];

fn one_by_one(dataset: &Dataset, joined: &str) -> Vec<Sample> {
    let parts = joined.split('+');
    parts.flat_map(|split| read(dataset, split, Order::Sequential, 1, Access::Map)).collect()
}

#[test]
fn batches_hold_the_samples_of_each_split_one_behind_the_other_whatever_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    for joined in JOINED {
        let expected = one_by_one(&dataset, joined);
        for (workers, access) in [(1, Access::Map), (3, Access::Read)] {
            let found = read(&dataset, joined, Order::Sequential, workers, access);
            assert!(found == expected, "{joined}, {workers} workers");
        }
        let shuffled = |order, workers| read(&dataset, joined, order, workers, Access::Map);
        for order in [Order::Shuffle, Order::Windowed] {
            let mut once = shuffled(order, 1);
            assert!(once == shuffled(order, 3), "{joined}");
            assert!(once != expected, "{joined}: shuffled over all of them");
            let sorted = |samples: &mut Vec<Sample>| {
                samples.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
                samples.clone()
            };
            assert!(sorted(&mut once) == sorted(&mut expected.clone()), "{joined}: each row once");
        }
        let split = dataset.split(joined).unwrap();
        assert_eq!(split.rows, expected.len() as u64);
        let receipt = expected.iter().map(|(id, _, _)| Receipt::of(id)).sum();
        assert_eq!(split.receipt, Some(receipt));
        let shards: Vec<_> = dataset.shards(joined).unwrap().map(|shard| shard.unwrap()).collect();
        let rows = shards.iter().map(|shard| u64::from(shard.rows())).sum::<u64>();
        assert_eq!(rows, split.rows);
    }
}

fn ids(dataset: &Dataset, select: &Select) -> Vec<(String, Label)> {
    let found = Selection::of(dataset, select).unwrap();
    let ids = found.sample_ids(dataset).unwrap();
    ids.into_iter().enumerate().map(|(index, id)| (id, found.label(index))).collect()
}

#[test]
fn subsets_conditions_and_shares_are_taken_of_all_of_them_and_rows_of_one_id_stay_together() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let all = Select::split("val+train+test");
    let subset = folder.path().join("subset.txt");
    fs::write(&subset, format!("14.png\n{TWICE}\n21.png\n")).unwrap();
    let found = ids(&dataset, &Select { subset: Some(subset.clone()), ..all.clone() });
    let names: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        names,
        ["14.png", TWICE, TWICE, "21.png"],
        "both rows of it, in the order of splits"
    );
    assert_ne!(found[1].1, found[2].1);
    let only =
        Select { condition: Some("split = test".to_owned()), subset: Some(subset), ..all.clone() };
    assert_eq!(ids(&dataset, &only).len(), 2);
    let mut together = BTreeSet::new();
    for percent_seed in 0..40 {
        let share =
            Select { percent: Some(Percent::parse("50").unwrap()), percent_seed, ..all.clone() };
        let rows = ids(&dataset, &share).iter().filter(|(id, _)| id == TWICE).count();
        together.insert(rows);
    }
    assert_eq!(together, BTreeSet::from([0, 2]));
    let expected = Selection::of(&dataset, &all).unwrap();
    let found = inspect_selected(&dataset, std::slice::from_ref(&expected)).unwrap();
    assert_eq!(found.statistics.counts.stored, 29);
    let images = mean_images(&dataset, &[expected], 1 << 30).unwrap().unwrap();
    assert_eq!(images.read, 29);
    // A part of every class is looked at, and its size is that of the classes.
    let few = Selection::of(&dataset, &Select::split("val+train")).unwrap();
    assert_eq!(mean_images(&dataset, &[few], 10).unwrap().unwrap().read, 11);
}

#[test]
fn a_damaged_sample_is_named_by_its_own_id() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let ledger = dataset.ledger().unwrap();
    let row = ledger.iter().find(|row| row.sample_id == "17.png").unwrap();
    common::damage(&dataset, row);
    let loader = dataset.loader("train+val").batch_size(5).build().unwrap();
    let error = loader.epoch(0).find_map(Result::err).unwrap().to_string();
    assert!(error.contains("17.png"), "{error}");
}

#[test]
fn what_is_no_split_or_named_twice_is_refused_and_a_name_with_a_plus_is_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let refused = |name: &str| {
        assert!(dataset.loader(name).build().is_err());
        let error = Selection::of(&dataset, &Select::split(name)).unwrap_err();
        assert!(matches!(error, LoaderError::Dataset(_)));
        assert!(dataset.open_shard(name, 0).is_err());
        dataset.split(name).unwrap_err()
    };
    for (name, unknown) in [
        ("train+exam", "exam"),
        ("train+", ""),
        ("+train", ""),
        ("train++val", ""),
        ("trainval", "trainval"),
    ] {
        let error = refused(name);
        assert!(matches!(error, DatasetError::NotFound { .. }), "{name}: {error}");
        let words = format!("no split `{unknown}`; there are: train, val, test");
        assert!(error.to_string().contains(&words), "{name}: {error}");
    }
    let error = dataset.split("train+val+train").unwrap_err();
    assert!(matches!(error, DatasetError::RepeatedSplit { .. }));
    assert!(error.to_string().contains("train is named twice"), "{error}");
    let shards = dataset.split("train+val").unwrap().shards.len();
    assert!(dataset.open_shard("train+val", shards as u32 - 1).is_ok());
    assert!(dataset.open_shard("train+val", shards as u32).is_err());

    // No conversion gives a split such a name, but a dataset may have one.
    let mut meta = dataset.meta().clone();
    meta.splits[2].name = "train+val".to_owned();
    fs::write(dataset.root().join(DATASET_FILE), meta.to_bytes()).unwrap();
    let dataset = Dataset::open(dataset.root()).unwrap();
    let rows = |name: &str| dataset.split(name).unwrap().rows;
    assert_eq!([rows("train+val"), rows("val+train"), rows("train+val+val")], [9, 20, 15]);
    let error = dataset.split("train+val+train+val").unwrap_err().to_string();
    assert!(error.contains("train+val is named twice"), "{error}");
}

mod trained {
    use super::*;
    use tcolz_nn::Model;
    use tcolz_train::evaluate::{EvaluateOptions, evaluate, write_files};
    use tcolz_train::{CacheChoice, Finetune, TrainError, Validation};

    #[test]
    fn a_model_is_trained_on_a_part_of_all_splits_and_tested_on_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        let all = "train+val+test";
        let mut asked = training::options(&dataset, &folder.path().join("run"), Finetune::Head);
        asked.select = Select::split(all);
        asked.validation = Validation::Holdout(Percent::parse("20").unwrap());
        asked.cache = CacheChoice::Folder(folder.path().join("cache"));
        let summary = training::trained(&asked);
        let listed = |name: &str| -> BTreeSet<String> {
            let text = fs::read_to_string(folder.path().join("run").join(name)).unwrap();
            text.lines().map(str::to_owned).collect()
        };
        let (held, left) = (listed("holdout.txt"), listed("trained.txt"));
        assert!(held.is_disjoint(&left), "not even one photo that stands in two splits");
        assert_eq!(held.len() + left.len(), 28);
        assert_eq!(summary.holdout, Some((all.to_owned(), folder.path().join("run/holdout.txt"))));
        // Features are kept for each split, and shared with runs on it alone.
        let caches: Vec<String> = common::tree(&folder.path().join("cache")).into_keys().collect();
        for split in ["train", "val", "test"] {
            let ending = format!("-{split}.cache");
            assert_eq!(
                caches.iter().filter(|name| name.ends_with(&ending)).count(),
                1,
                "{caches:?}"
            );
        }
        let before = common::tree(&folder.path().join("cache"));
        let mut alone = training::options(&dataset, &folder.path().join("alone"), Finetune::Head);
        alone.cache = CacheChoice::Folder(folder.path().join("cache"));
        training::trained(&alone);
        assert!(common::tree(&folder.path().join("cache")) == before, "nothing is made again");
        // A resumed run finds the same samples.
        assert!(training::trained(&asked).finished_before);

        // What is trained on must not be validated on, whatever it is called there.
        for (trained, validated) in
            [("train+val", "val"), ("val+train", "test+val"), ("val", "train+val")]
        {
            let mut asked = training::options(&dataset, &folder.path().join("no"), Finetune::Head);
            asked.select = Select::split(trained);
            asked.validation =
                Validation::Select { split: Some(validated.to_owned()), subset: None };
            let error = training::refused(&asked);
            let TrainError::Overlap { samples, first, .. } = error else { panic!("{error}") };
            assert_eq!(samples, 6);
            assert_eq!(first, "14.png");
        }
    }

    #[test]
    fn predictions_of_several_splits_are_those_of_each_and_every_row_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        let asked = training::options(&dataset, &folder.path().join("run"), Finetune::Head);
        training::trained(&asked);
        let model = Model::open(&folder.path().join("run/best.safetensors")).unwrap();
        let seen = Err(tcolz_train::SeenUnknown::NotRecorded);
        let told = |split: &str, batch_size| {
            let options = {
                let mut options = EvaluateOptions::split(split, seen.clone());
                options.batch_size = batch_size;
                options
            };
            evaluate(&model, &dataset, &options, &mut |_, _| {}).unwrap()
        };
        for joined in JOINED {
            let (found, parts) = (told(joined, 5), joined.split('+').map(|split| told(split, 32)));
            let parts: Vec<_> = parts.map(|part| (part.predictions, part.receipt)).collect();
            let probabilities: Vec<f32> =
                parts.iter().flat_map(|(said, _)| said.probabilities.clone()).collect();
            assert_eq!(found.predictions.probabilities, probabilities, "{joined}");
            assert_eq!(found.receipt, parts.iter().map(|(_, receipt)| *receipt).sum());
            assert_eq!(found.samples, found.selection.stored);
            assert_eq!(found.scores.accuracy.of as usize, found.predictions.len());
        }
        let found = told("train+val+test", 32);
        let written = write_files(&found, &dataset, &folder.path().join("told")).unwrap();
        assert!(!found.mistakes.is_empty(), "one of its two rows is wrong at least");
        assert!(written.files.iter().any(|file| file.ends_with("mistakes.png")));
    }

    #[test]
    fn commands_that_read_take_several_splits_and_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        let run = |words: &[&str]| {
            let output = common::tcolz().args(words).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let root = dataset.root().to_str().unwrap();
        for command in ["inspect", "bench", "train", "evaluate"] {
            let help = run(&[command, "--help"]);
            assert!(help.contains("several as one: train+val+test"), "{command}");
        }
        assert!(run(&["inspect", root, "--split", "val+train"]).contains("20 selected samples"));
        let bench =
            run(&["bench", root, "--split", "train+val", "--seconds", "0.01", "--threads", "1"]);
        assert!(bench.contains("split train+val: 20 samples"), "{bench}");
    }
}
