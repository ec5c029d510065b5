//! Promises of models and runs whose files are damaged: whatever is used is tested first, and nothing is believed that
//! is not as it was written.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::training;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tcolz_format::dataset::Dataset;
use tcolz_loader::Percent;
use tcolz_nn::file::{Model, ModelFacts};
use tcolz_nn::weights::Weights;
use tcolz_train::{
    CheckpointEvery, Finetune, StepReport, TrainError, TrainObserver, TrainOptions, TrainSummary,
    Validation, train,
};
use training::{options, refused, trained};

/// Where a word stands in a file.
fn at(file: &[u8], word: &str) -> usize {
    file.windows(word.len()).position(|window| window == word.as_bytes()).unwrap()
}

/// The header of a model as an earlier version wrote it.
const OLD_HEADER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/models/mobilenet-v1.header");

/// Header and tensors of a safetensors file.
fn parts(file: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, tensors) = file[8..].split_at(length);
    (serde_json::from_slice(header).unwrap(), tensors.to_vec())
}

/// A safetensors file of the two.
fn joined(header: &Value, tensors: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat()
}

/// The model whose header is the fixture: of every parameter each number is another one.
fn old_model() -> (Vec<u8>, Model) {
    let header = fs::read(OLD_HEADER).unwrap();
    let (json, _) = parts(&header);
    let facts = json["__metadata__"]["tcolz"].as_str().unwrap();
    let facts: ModelFacts = serde_json::from_str(facts).unwrap();
    let (mut next, mut tensors) = (0u32, BTreeMap::new());
    for parameter in facts.spec().parameters() {
        let numbers: Vec<f32> = (0..parameter.elements() as u32)
            .map(|number| (next + number + 1) as f32 * 0.25)
            .collect();
        next += numbers.len() as u32;
        let tensor = Tensor::from_vec(numbers, parameter.shape, &Device::Cpu).unwrap();
        tensors.insert(parameter.key, tensor);
    }
    let bytes = tensors.values().flat_map(numbers).flat_map(f32::to_le_bytes);
    let file = header.into_iter().chain(bytes).collect();
    (file, Model { facts, tensors: tensors.into_iter().collect() })
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A flipped bit of a model's file: its opening is refused, or gives the model as it was.
fn flip(file: &mut [u8], bit: usize, model: &Model, path: &Path) {
    file[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, &*file).unwrap();
    file[bit / 8] ^= 1 << (bit % 8);
    let same = |tensors: &std::collections::HashMap<String, Tensor>| {
        tensors.len() == model.tensors.len()
            && tensors.iter().all(|(key, tensor)| numbers(tensor) == numbers(&model.tensors[key]))
    };
    if let Ok(found) = Model::open(path) {
        assert!(found.facts == model.facts && same(&found.tensors), "bit {bit} is believed");
    }
    if let Ok(found) = Weights::open(path, None) {
        assert_eq!(found.facts.as_ref(), Some(&model.facts), "bit {bit} is believed");
        assert!(same(&found.tensors), "bit {bit} is believed");
    }
}

/// A model's file, where its tensors begin, and what it holds.
fn model(folder: &Path) -> (Vec<u8>, usize, Model, PathBuf) {
    let path = folder.join("model.safetensors");
    let (_, model) = old_model();
    model.save(&path).unwrap();
    let file = fs::read(&path).unwrap();
    let tensors = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    (file, tensors, model, path)
}

#[test]
fn a_flipped_bit_of_a_model_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut file, tensors, model, path) = model(folder.path());
    let behind = file.len() - tensors;
    // In the length, a class, the hash, a shape, keys of the metadata; first, somewhere and last of the tensors.
    let header = [0, at(&file, "neutral"), at(&file, "tcolz-blake3") + 20, at(&file, "shape") + 9];
    let keys = ["\"tcolz\"", "tcolz-blake3", "__metadata__"].map(|key| at(&file, key) + 3);
    let bytes = [tensors, tensors + behind / 3, file.len() - 1];
    for byte in header.into_iter().chain(keys).chain(bytes) {
        flip(&mut file, 8 * byte + byte % 8, &model, &path);
    }
    let error = {
        file[tensors + 5] ^= 1;
        fs::write(&path, &file).unwrap();
        Model::open(&path).unwrap_err().to_string()
    };
    assert!(error.contains("damaged") && error.contains("BLAKE3"), "{error}");
}

#[test]
#[ignore = "long"]
fn long_each_of_many_flipped_bits_of_a_model_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut file, tensors, model, path) = model(folder.path());
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut bit = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 20) as usize % (8 * below)
    };
    for _ in 0..150 {
        let bits = [bit(file.len()), bit(tensors), bit(1200)];
        bits.into_iter().for_each(|bit| flip(&mut file, bit, &model, &path));
    }
}

#[test]
fn a_cut_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, tensors, _, path) = model(folder.path());
    for length in [0, 7, 8, tensors / 2, tensors, tensors + 1, file.len() / 2, file.len() - 1] {
        fs::write(&path, &file[..length]).unwrap();
        Model::open(&path).unwrap_err();
        Weights::open(&path, None).unwrap_err();
    }
}

#[test]
fn a_model_that_an_earlier_version_wrote_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.safetensors");
    let (file, expected) = old_model();
    fs::write(&path, file).unwrap();
    let found = Model::open(&path).unwrap();
    assert_eq!(found.facts, expected.facts);
    for (key, tensor) in &found.tensors {
        assert!(numbers(tensor) == numbers(&expected.tensors[key]), "{key}");
    }
    assert_eq!(Weights::open(&path, None).unwrap().facts, Some(expected.facts.clone()));
    // Nothing else has changed.
    let new = folder.path().join("new.safetensors");
    expected.save(&new).unwrap();
    let (mut header, tensors) = parts(&fs::read(new).unwrap());
    header["__metadata__"].as_object_mut().unwrap().remove("tcolz-blake3").unwrap();
    assert!((header, tensors) == parts(&fs::read(&path).unwrap()));
}

/// Keeps what it is warned of, and stops the run after a step.
#[derive(Default)]
struct Watch {
    warnings: Vec<String>,
    stop_after: Option<u64>,
    stop: AtomicBool,
}

struct Watched<'a>(&'a mut Vec<String>, Option<u64>, &'a AtomicBool);

impl TrainObserver for Watched<'_> {
    fn warning(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn step(&mut self, step: &StepReport) {
        if Some(step.run_step) == self.1 {
            self.2.store(true, Ordering::SeqCst);
        }
    }
}

impl Watch {
    fn train(&mut self, options: &TrainOptions) -> Result<TrainSummary, TrainError> {
        let mut observer = Watched(&mut self.warnings, self.stop_after, &self.stop);
        train(options, &self.stop, &mut observer)
    }
}

/// Trains to the end; what was warned of, but for how few samples are validated on.
fn warned(options: &TrainOptions) -> String {
    let mut watch = Watch::default();
    watch.train(options).unwrap();
    watch.warnings.retain(|warning| !warning.contains("too few to choose"));
    watch.warnings.join("\n")
}

/// Trains until a step is done.
fn stopped(options: &TrainOptions, step: u64) {
    let error = Watch { stop_after: Some(step), ..Watch::default() }.train(options).unwrap_err();
    assert!(matches!(error, TrainError::Interrupted { .. }), "{error}");
}

/// Flips a bit of the byte in the middle.
fn flip_middle(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

/// Flips a bit, in files of other names another one.
fn damage(path: &Path) {
    flip_middle(path, path.as_os_str().len() % 8);
}

/// A finished run of the head whose last epoch is its best, and one whose first is.
fn run(dataset: &Dataset, folder: &Path, name: &str, improves: bool) -> TrainOptions {
    let mut asked = options(dataset, &folder.join(name), Finetune::Head);
    asked.checkpoint_every = CheckpointEvery::Steps(1000);
    // No epoch is better than the first where nothing moves.
    asked.learning_rate = (!improves).then_some(1e-30);
    asked
}

#[test]
fn a_best_model_that_is_gone_or_damaged_is_made_again_where_the_checkpoint_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    let summary = trained(&asked);
    assert_eq!(summary.best.epoch, 3, "the last epoch is the best");
    let before = common::tree(&asked.out);
    for harm in [
        |path: &Path| fs::remove_file(path).unwrap(),
        damage,
        |path: &Path| {
            fs::write(path, b"short").unwrap();
        },
    ] {
        harm(&summary.model);
        let said = warned(&asked);
        assert!(said.contains("best.safetensors") && said.contains("made again"), "{said}");
        let after = common::tree(&asked.out);
        for (name, bytes) in &before {
            assert!(&after[name] == bytes || name.starts_with("last"), "{name}");
        }
        assert_eq!(warned(&asked), "");
    }
    // Another run's model is not this one's.
    let other = run(&dataset, folder.path(), "other", false);
    fs::copy(trained(&other).model, &summary.model).unwrap();
    let said = warned(&asked);
    assert!(said.contains("BLAKE3") && said.contains("made again"), "{said}");
}

#[test]
fn a_kill_between_model_and_checkpoint_costs_neither_the_old_model_nor_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    stopped(&asked, 7);
    let (best, next) =
        ["best", "best-next"].map(|name| asked.out.join(name.to_owned() + ".safetensors")).into();
    // Before the checkpoint: the model of an epoch that is trained again.
    let first = fs::read(&best).unwrap();
    fs::write(&next, b"of another epoch").unwrap();
    stopped(&asked, 9);
    assert!(fs::read(&best).unwrap() == first);
    assert_eq!(warned(&asked), "");
    assert!(!next.exists());
    // Behind it.
    let last = fs::read(&best).unwrap();
    fs::rename(&best, &next).unwrap();
    fs::write(&best, first).unwrap();
    assert_eq!(warned(&asked), "");
    assert!(fs::read(&best).unwrap() == last && !next.exists());
}

#[cfg(unix)]
#[test]
fn a_finished_run_that_is_asked_for_again_writes_nothing() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = run(&dataset, folder.path(), "run", true);
    asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
    trained(&asked);
    let paths: Vec<PathBuf> =
        common::tree(&asked.out).into_keys().map(|name| asked.out.join(name)).collect();
    let folders = [asked.out.clone(), asked.out.join("last")];
    let found = || -> Vec<_> {
        let files = paths.iter().chain(&folders).map(|path| fs::metadata(path).unwrap());
        files.map(|file| (file.ino(), file.modified().unwrap())).collect()
    };
    let before = found();
    let permit = |mode: u32| {
        for path in paths.iter().chain(&folders) {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    permit(0o555);
    let again = train(&asked, &AtomicBool::new(false), &mut ());
    permit(0o755);
    assert!(again.unwrap().finished_before);
    assert!(found() == before);
}

#[test]
fn a_best_model_that_is_lost_ends_the_run_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", false);
    let summary = trained(&asked);
    assert_eq!(summary.best.epoch, 1, "nothing becomes better");
    let copy = fs::read(&summary.model).unwrap();
    for harm in [damage, |path: &Path| fs::remove_file(path).unwrap()] {
        harm(&summary.model);
        let error = refused(&asked);
        assert!(matches!(error, TrainError::BestLost { best: 1, .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("copy it back"), "{said}");
    }
    fs::write(&summary.model, copy).unwrap();
    assert!(trained(&asked).finished_before);
    // A run in the middle says so before it goes on.
    let asked = run(&dataset, folder.path(), "middle", false);
    stopped(&asked, 7);
    fs::remove_file(asked.out.join("best.safetensors")).unwrap();
    assert!(matches!(refused(&asked), TrainError::BestLost { .. }));
    // A model of a later epoch is not believed either.
    let other = trained(&run(&dataset, folder.path(), "other", true));
    assert_eq!(other.best.epoch, 3);
    fs::copy(other.model, asked.out.join("best.safetensors")).unwrap();
    assert!(matches!(refused(&asked), TrainError::BestLost { .. }));
    // Without validation each epoch writes it anew.
    let mut asked = run(&dataset, folder.path(), "unvalidated", true);
    asked.validation = Validation::Nothing;
    stopped(&asked, 7);
    fs::remove_file(asked.out.join("best.safetensors")).unwrap();
    let said = warned(&asked);
    assert!(said.contains("the next epoch writes it again"), "{said}");
    Model::open(&asked.out.join("best.safetensors")).unwrap();
}

#[test]
fn damaged_rows_of_a_run_are_dropped_with_a_word_and_the_model_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let whole = trained(&run(&dataset, folder.path(), "whole", true));
    for (number, harm) in [damage, |path: &Path| fs::remove_file(path).unwrap()].iter().enumerate()
    {
        let asked = run(&dataset, folder.path(), &format!("stopped-{number}"), true);
        stopped(&asked, 7);
        for name in ["steps.csv", "times.csv", "resources.csv", "log.csv", "seen.parquet"] {
            harm(&asked.out.join(name));
        }
        let said = warned(&asked);
        for name in ["steps.csv", "times.csv", "resources.csv", "seen.parquet"] {
            assert!(said.contains(name), "{name}: {said}");
        }
        let of = |run: &Path, name: &str| fs::read(run.join(name)).unwrap();
        for name in ["best.safetensors", "log.csv", "seen.parquet"] {
            assert!(of(&asked.out, name) == of(&whole.out, name), "{name}");
        }
        let steps = String::from_utf8(of(&asked.out, "steps.csv")).unwrap();
        assert!(steps.lines().nth(1).unwrap().starts_with("8,"), "{steps}");
    }
    // A finished run tells it, too: whoever reads times of it believes none that are wrong.
    let asked = run(&dataset, folder.path(), "whole", true);
    for name in ["steps.csv", "times.csv", "log.csv", "seen.parquet"] {
        damage(&asked.out.join(name));
    }
    let said = warned(&asked);
    for name in ["steps.csv", "times.csv", "seen.parquet"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(fs::read_to_string(asked.out.join("times.csv")).unwrap().lines().count(), 1);
}

#[test]
fn a_list_of_what_was_held_out_that_is_cut_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let mut asked = run(&dataset, folder.path(), "run", true);
    asked.validation = Validation::Holdout(Percent::parse("25").unwrap());
    trained(&asked);
    let path = asked.out.join("holdout.txt");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(trained(&asked).finished_before);
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn a_run_json_that_is_gone_or_damaged_is_made_again_from_the_checkpoint_of_the_same_options() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    trained(&asked);
    let path = asked.out.join("run.json");
    let before = fs::read(&path).unwrap();
    let text = String::from_utf8(before.clone()).unwrap();
    let other_momentum = text.replace("\"momentum\": 0.9", "\"momentum\": 0.8");
    let harms: [&dyn Fn(); 5] = [
        &|| fs::write(&path, &other_momentum).unwrap(),
        &|| fs::write(&path, text.replace("run-v2", "run-v3")).unwrap(),
        &|| flip_middle(&path, 2),
        &|| flip_middle(&path, 7),
        &|| fs::remove_file(&path).unwrap(),
    ];
    for harm in harms {
        harm();
        let mut other = asked.clone();
        other.seed = 1;
        let error = refused(&other).to_string();
        assert!(
            error.contains("run.json is damaged") && error.contains("`restart: true`"),
            "{error}"
        );
        let said = warned(&asked);
        assert!(said.contains("run.json") && said.contains("made again"), "{said}");
        assert!(fs::read(&path).unwrap() == before);
    }
}

/// Takes the tensors of a safetensors file in, as the hashes of tensors do.
fn hash_tensors(hash: &mut blake3::Hasher, file: &[u8]) {
    let tensors: BTreeMap<_, _> = SafeTensors::deserialize(file)
        .unwrap()
        .iter()
        .map(|(key, tensor)| (key.to_owned(), (tensor.shape().to_vec(), tensor.data().to_vec())))
        .collect();
    for (key, (shape, data)) in tensors {
        hash.update(&(key.len() as u64).to_le_bytes()).update(key.as_bytes());
        for side in shape {
            hash.update(&(side as u64).to_le_bytes());
        }
        hash.update(&data);
    }
}

#[test]
fn what_a_later_version_wrote_is_refused_as_such_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    stopped(&asked, 7);
    let left = |path: &Path, later: &[u8]| {
        let before = fs::read(path).unwrap();
        fs::write(path, later).unwrap();
        let error = refused(&asked);
        assert!(matches!(error, TrainError::OtherVersion { .. }), "{error}");
        assert!(fs::read(path).unwrap() == later);
        fs::write(path, before).unwrap();
    };
    // With the hash that is right.
    let path = asked.out.join("run.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let object = json.as_object_mut().unwrap();
    object.remove("blake3").unwrap();
    object.insert("format".to_owned(), json!("tcolz-run-v3"));
    object.insert("later".to_owned(), json!([1]));
    json["blake3"] = json!(blake3::hash(json.to_string().as_bytes()).to_string());
    left(&path, json.to_string().as_bytes());
    let path = asked.out.join("last/checkpoint.safetensors");
    let file = fs::read(&path).unwrap();
    let (mut header, tensors) = parts(&file);
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    let text = metadata["tcolz-checkpoint"].as_str().unwrap();
    let text = text.replacen('{', "{\"later\":1,", 1);
    let mut hash = blake3::Hasher::new();
    hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    hash_tensors(&mut hash, &file);
    metadata["tcolz-blake3"] = json!(hash.finalize().to_string());
    metadata["tcolz-checkpoint"] = json!(text);
    left(&path, &joined(&header, &tensors));
    trained(&asked);
}

/// Flips a bit of a stopped run's checkpoint: going on is refused.
fn flipped_checkpoint(asked: &TrainOptions, bit: usize) {
    let path = asked.out.join("last/checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    let bit = bit % (8 * whole.len());
    let mut flipped = whole.clone();
    flipped[bit / 8] ^= 1 << (bit % 8);
    fs::write(&path, &flipped).unwrap();
    let error = refused(asked);
    assert!(matches!(error, TrainError::Damaged { .. }), "bit {bit}: {error}");
    fs::write(&path, whole).unwrap();
}

#[test]
fn a_flipped_bit_of_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    stopped(&asked, 7);
    let file = fs::read(asked.out.join("last/checkpoint.safetensors")).unwrap();
    let at = |word: &str| at(&file, word);
    let header = [0, at("step") + 7, at("sums") + 16, at("marks") + 40, at("tcolz-blake3") + 2];
    for byte in header.into_iter().chain([at("tcolz-checkpoint"), file.len() - 1]) {
        flipped_checkpoint(&asked, 8 * byte);
    }
    trained(&asked);
}

#[test]
#[ignore = "long"]
fn long_each_of_many_flipped_bits_of_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let asked = run(&dataset, folder.path(), "run", true);
    stopped(&asked, 7);
    for bit in (0..150usize).map(|number| number * 1_000_003) {
        // Three of four in the header, which is the smaller part.
        flipped_checkpoint(&asked, if bit % 4 == 0 { bit } else { bit % 30_000 });
    }
}

#[test]
fn a_run_that_an_earlier_version_stopped_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = training::dataset(folder.path());
    let whole = trained(&run(&dataset, folder.path(), "whole", true));
    let asked = run(&dataset, folder.path(), "stopped", true);
    stopped(&asked, 7);
    // As it was written before there were these hashes.
    let path = asked.out.join("last/checkpoint.safetensors");
    let file = fs::read(&path).unwrap();
    let mut hash = blake3::Hasher::new();
    hash_tensors(&mut hash, &file);
    let (mut header, tensors) = parts(&file);
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    metadata.remove("tcolz-blake3").unwrap();
    let mut progress: Value =
        serde_json::from_str(metadata["tcolz-checkpoint"].as_str().unwrap()).unwrap();
    let object = progress.as_object_mut().unwrap();
    ["marks", "best_file"].into_iter().for_each(|key| drop(object.remove(key).unwrap()));
    object.insert("tensors".to_owned(), json!(hash.finalize().to_string()));
    metadata["tcolz-checkpoint"] = json!(progress.to_string());
    fs::write(&path, joined(&header, &tensors)).unwrap();
    let (mut header, tensors) = parts(&fs::read(asked.out.join("best.safetensors")).unwrap());
    header["__metadata__"].as_object_mut().unwrap().remove("tcolz-blake3").unwrap();
    fs::write(asked.out.join("best.safetensors"), joined(&header, &tensors)).unwrap();
    let run_file = asked.out.join("run.json");
    let mut run: Value = serde_json::from_slice(&fs::read(&run_file).unwrap()).unwrap();
    run.as_object_mut().unwrap().remove("blake3").unwrap();
    fs::write(&run_file, run.to_string()).unwrap();
    assert_eq!(warned(&asked), "");
    assert!(training::result(&asked.out) == training::result(&whole.out));
}
