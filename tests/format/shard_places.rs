//! Promises: a shard that belongs elsewhere is refused by everybody who reads samples by their places, although each
//! of its rows is sound.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::path::Path;

use arrow_ipc::MetadataVersion;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use tcolz_format::dataset::DATASET_FILE;
use tcolz_format::dataset::{Dataset, verify};
use tcolz_inspect::{MEAN_BUDGET, mean_images};
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, Select, Selection};
use tcolz_pixels::recipe::{Codec, Filter};

/// Nine photos of one class, in five shards; the photo `other`, if there is one, is another one.
fn dataset(folder: &Path, filter: Filter, other: Option<u32>) -> Dataset {
    let photos = folder.join("photos");
    for number in 0..9 {
        let seed = if other == Some(number) { 100 } else { number };
        let path = photos.join(format!("train/cat/{number}.png"));
        common::write(&path, &common::photo(seed, 90, 70));
    }
    let mut options = common::options(&photos, &folder.join("out"), &[112]);
    options.recipe.codec = Codec::Raw;
    options.recipe.filter = filter;
    options.shard_bytes = 100_000;
    common::converted(&options).dataset
}

/// Writes every shard as early versions did, whose footers do not say what they hold.
fn made_early(dataset: &Dataset) -> Dataset {
    let mut meta = dataset.meta().clone();
    for shard in meta.splits.iter_mut().flat_map(|split| &mut split.shards) {
        let path = dataset.root().join(&shard.file);
        let reader = FileReader::try_new(fs::File::open(&path).unwrap(), None).unwrap();
        let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5).unwrap();
        let mut writer =
            FileWriter::try_new_with_options(Vec::new(), &reader.schema(), options).unwrap();
        reader.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
        let bytes = writer.into_inner().unwrap();
        (shard.bytes, shard.blake3) = (bytes.len() as u64, blake3::hash(&bytes).to_string());
        fs::write(path, bytes).unwrap();
    }
    fs::write(dataset.root().join(DATASET_FILE), meta.to_bytes()).unwrap();
    Dataset::open(dataset.root()).unwrap()
}

/// What goes wrong for everybody who reads shard `index` by places; one entry each.
fn refusals(root: &Path, index: u32) -> Vec<String> {
    let dataset = Dataset::open(root).unwrap();
    let mut said = vec![
        dataset.open_shard("train", index).err().map(|error| error.to_string()),
        dataset.open_shard_file("train", index).err().map(|error| error.to_string()),
    ];
    for access in [Access::Map, Access::Read] {
        let loader = dataset.loader("train").access(access).shuffle(1).build_as::<u8>().unwrap();
        said.push(loader.epoch(0).find_map(|batch| batch.err().map(|error| error.to_string())));
    }
    let selection = Selection::of(&dataset, &Select::split("train")).unwrap();
    let mean = mean_images(&dataset, &[selection], MEAN_BUDGET);
    said.push(mean.err().map(|error| error.to_string()));
    said.into_iter().map(Option::unwrap_or_default).collect()
}

fn everybody_refuses(root: &Path, index: u32, file: &str) {
    for (reader, said) in refusals(root, index).iter().enumerate() {
        assert!(
            said.contains(file) && said.contains("another shard lies here"),
            "reader {reader}: {said}"
        );
    }
    let faults = verify(root, &|_| ()).unwrap().faults;
    assert!(faults.iter().any(|fault| fault.file == file), "{faults:?}");
}

#[test]
fn two_equal_shards_that_were_swapped_are_refused_by_every_reader() {
    for early in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut dataset = dataset(folder.path(), Filter::Bilinear, None);
        if early {
            dataset = made_early(&dataset);
        }
        let root = dataset.root().to_owned();
        assert!(refusals(&root, 0).iter().all(String::is_empty), "sound");
        let [one, two] = ["train/00000.arrow", "train/00001.arrow"].map(|file| root.join(file));
        let swapped = [fs::read(&two).unwrap(), fs::read(&one).unwrap()];
        assert_eq!(swapped[0].len(), swapped[1].len(), "nothing but the rows tells them apart");
        fs::write(&one, &swapped[0]).unwrap();
        fs::write(&two, &swapped[1]).unwrap();
        everybody_refuses(&root, 0, "train/00000.arrow");
    }
}

#[test]
fn a_shard_of_a_twin_with_other_pixels_is_refused_by_every_reader() {
    // The same ids and labels in the same places: another recipe, or one photo that was exchanged.
    for (filter, other, early) in [
        (Filter::Nearest, None, false),
        (Filter::Bilinear, Some(1), false),
        (Filter::Nearest, None, true),
    ] {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut twins = [
            dataset(folders[0].path(), Filter::Bilinear, None),
            dataset(folders[1].path(), filter, other),
        ];
        if early {
            twins = twins.map(|twin| made_early(&twin));
        }
        let [here, there] = twins.map(|twin| twin.root().join("train/00000.arrow"));
        assert_eq!(fs::metadata(&here).unwrap().len(), fs::metadata(&there).unwrap().len());
        fs::copy(there, here).unwrap();
        everybody_refuses(&folders[0].path().join("out"), 0, "train/00000.arrow");
    }
}

#[test]
fn a_damaged_row_of_an_early_shard_costs_itself_and_not_the_shard() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = made_early(&dataset(folder.path(), Filter::Bilinear, None));
    let first = dataset.ledger().unwrap()[0].clone();
    common::damage(&dataset, &first);
    let reader = Dataset::open(dataset.root()).unwrap().open_shard("train", 0).unwrap();
    assert!(reader.stored(0, 0).is_err() && reader.stored(1, 0).is_ok());
}
