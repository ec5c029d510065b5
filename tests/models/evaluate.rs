//! Promises of `tcolz evaluate`: the numbers are scikit-learn's, every sample counts once, nothing depends on
//! threads or batches, and what does not fit is refused with what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::ledger;
use crate::shared;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type};
use candle_core::Tensor;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tcolz_format::dataset::Dataset;
use tcolz_nn::file::MODEL_FORMAT;
use tcolz_nn::init::initial_weights;
use tcolz_nn::{Model, ModelFacts, Network};
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;
use tcolz_pixels::recipe::{Dtype, Filter};
use tcolz_train::SeenUnknown;
use tcolz_train::evaluate::statistics::{Calibration, Predicted, Scores};
use tcolz_train::evaluate::{
    EvaluateOptions, Evaluation, KnownSeen, Predictions, Protocol, ScoredClasses, evaluate,
    write_files,
};

use ledger::Made;

/// Side of the images that the tests' network takes: the smallest.
const SIDE: u32 = 32;

fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/evaluate").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<u16> {
    numbers(value).into_iter().map(|label| label as u16).collect()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    let row = |row: &Value| numbers(row).into_iter().map(|value| value as f32).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

/// What models have seen that were never trained.
fn unknown() -> KnownSeen {
    Err(SeenUnknown::NotRecorded)
}

fn names(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[track_caller]
fn close(name: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{name}: found {found}, expected {expected}");
}

#[test]
fn statistics_equal_scikit_learn() {
    let golden = golden("scores.json");
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let (name, expected) = (case["name"].as_str().unwrap(), &case["expected"]);
        let (labels, logits) = (labels(&case["labels"]), rows(&case["logits"]));
        let classes: Vec<String> = (0..logits[0].len()).map(|class| class.to_string()).collect();
        let root = Path::new("dataset");
        let all = ScoredClasses::matched(&classes, &classes, Protocol::Plain, root).unwrap();
        let mut probabilities = Vec::new();
        logits.iter().for_each(|row| all.probabilities(row, &mut probabilities));
        let predicted =
            Predicted { classes: classes.len(), labels: &labels, probabilities: &probabilities };
        let found = Scores::of(&classes, predicted);

        let counts: Vec<Vec<f64>> =
            expected["confusion"].as_array().unwrap().iter().map(numbers).collect();
        let as_found = found.confusion.counts().iter();
        let as_found: Vec<Vec<f64>> =
            as_found.map(|row| row.iter().map(|&number| number as f64).collect()).collect();
        assert_eq!(as_found, counts, "{name}");
        close(name, found.accuracy.value, &expected["accuracy"], 1e-15);
        close(name, found.accuracy.low, &expected["interval"][0], 1e-12);
        close(name, found.accuracy.high, &expected["interval"][1], 1e-12);
        for (class, scores) in found.classes.iter().enumerate() {
            close(name, scores.support as f64, &expected["support"][class], 0.0);
            close(name, scores.precision, &expected["precision"][class], 1e-15);
            close(name, scores.recall, &expected["recall"][class], 1e-15);
            close(name, scores.f1, &expected["f1"][class], 1e-15);
        }
        for (mean, expected) in
            [(found.macro_mean, &expected["macro"]), (found.weighted_mean, &expected["weighted"])]
        {
            close(name, mean.precision, &expected["precision"], 1e-14);
            close(name, mean.recall, &expected["recall"], 1e-14);
            close(name, mean.f1, &expected["f1"], 1e-14);
        }
        // Exponentials of another library differ in the last bit of float32.
        close(name, found.log_loss, &expected["log_loss"], 2e-7);
        close(name, found.brier, &expected["brier"], 2e-7);
        let bins = golden["bins"].as_u64().unwrap() as usize;
        let calibration = Calibration::of(predicted, bins);
        assert_eq!(calibration, found.calibration);
        let samples = calibration.bins.iter().map(|bin| bin.samples as f64);
        assert_eq!(samples.collect::<Vec<_>>(), numbers(&expected["bins"]), "{name}");
        let (mean, largest) = (calibration.expected_error, calibration.largest_error);
        close(name, mean, &expected["expected_calibration_error"], 2e-7);
        close(name, largest, &expected["largest_calibration_error"], 2e-7);
    }
}

#[test]
fn the_protocol_of_ttd_equals_a_computation_from_the_rule_alone() {
    let golden = golden("ttd.json");
    let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let (model, dataset) = (words(&golden["model_classes"]), words(&golden["dataset_classes"]));
    let root = Path::new("ttd");
    let classes = ScoredClasses::matched(&model, &dataset, Protocol::Ttd, root).unwrap();
    let mut probabilities = Vec::new();
    rows(&golden["logits"]).iter().for_each(|row| classes.probabilities(row, &mut probabilities));
    let of_label = |label: u16| classes.of_label[usize::from(label)];
    let labels: Vec<u16> = labels(&golden["labels"]).into_iter().map(of_label).collect();
    let agreement = numbers(&golden["agreement"]).into_iter().map(|level| level as u8).collect();
    let predictions = Predictions {
        classes: classes.names,
        sample_ids: (0..labels.len()).map(|number| number.to_string()).collect(),
        labels,
        probabilities,
        agreement: Some(agreement),
    };
    let levels = predictions.levels().unwrap();
    assert_eq!(levels.iter().map(|level| level.agreement).collect::<Vec<_>>(), [5, 4, 3]);
    for level in &levels {
        let expected = &golden["levels"][level.agreement.to_string()];
        assert_eq!(Value::from(level.scores.samples), expected["samples"]);
        assert_eq!(Value::from(level.scores.accuracy.count), expected["right"]);
        close("log loss", level.scores.log_loss, &expected["log_loss"], 1e-6);
    }
    assert_eq!(levels[2].scores, predictions.scores(), "all agree to at least three");
    let only = |level: u8| Predictions {
        agreement: Some(vec![level; predictions.labels.len()]),
        ..predictions.clone()
    };
    assert_eq!(only(4).levels().unwrap().len(), 2, "no level without samples");
}

/// A small network with weights that tell images apart, as if trained on photos of `recipe`.
fn model(classes: &str, recipe: Recipe) -> Model {
    let network = Network::MobileNetV2;
    let properties = network.properties();
    let facts = ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network,
        view: View::built_in(&properties.view).unwrap(),
        properties,
        classes: names(classes),
        size: *recipe.sizes.last().unwrap(),
        recipe,
        finetune: Some("all".to_owned()),
        percent: Some("10".to_owned()),
        content_root: None,
        seen: None,
        epochs: Some(3),
        validation: None,
    };
    let mut tensors = initial_weights(&facts.spec(), 7).unwrap();
    let last = tensors.get_mut("classifier.1.weight").unwrap();
    *last = (&*last * 20.0).unwrap();
    Model { facts, tensors }
}

/// The same, moved to where it takes four of six training photos for its first class.
fn moved(mut model: Model, dataset: &Dataset) -> Model {
    let options = EvaluateOptions::split("train", unknown());
    let said = evaluate(&model, dataset, &options, &mut |_, _| {}).unwrap().predictions;
    let odds = |sample: usize| (said.row(sample)[0] / said.row(sample)[1]).ln();
    let mut odds: Vec<f32> = (0..said.len()).map(odds).collect();
    odds.sort_by(f32::total_cmp);
    let middle = (odds[1] + odds[2]) / 2.0;
    let bias = model.tensors.get_mut("classifier.1.bias").unwrap();
    *bias = Tensor::new(&[-middle, 0.0], bias.device()).unwrap();
    model
}

fn recipe(sizes: &[u32]) -> Recipe {
    Recipe { sizes: sizes.to_vec(), ..Recipe::default() }
}

/// Nine photos of cats and dogs, two sizes; six in `train`.
fn cats_and_dogs(folder: &Path) -> Dataset {
    let photos = folder.join("photos");
    common::small_dump(&photos);
    let options = common::options(&photos, &folder.join("pets"), &[SIDE, 48]);
    common::converted(&options).dataset
}

/// Twelve photos as TTD lists them: six that five agreed on, three more that four did.
fn small_ttd(folder: &Path) -> Dataset {
    let photos = folder.join("ttd-photos");
    let mut lists: BTreeMap<&str, String> = BTreeMap::new();
    for number in 0..12u32 {
        let name = format!("{number:02}_1_a.jpg");
        common::write(&photos.join("images").join(&name), &common::photo(number, 40, 40));
        let label = u32::from(number % 3 > 0);
        for (list, most) in [("five", 6), ("four", 9), ("three", 12)] {
            if number < most {
                lists.entry(list).or_default().push_str(&format!("{name} {label}\n"));
            }
        }
    }
    for (list, lines) in lists {
        let path = photos.join(format!("ground_truth/twitter_{list}_agrees.txt"));
        common::write(&path, lines.as_bytes());
    }
    common::converted(&common::options(&photos, &folder.join("ttd"), &[SIDE])).dataset
}

fn run(model: &Path, dataset: &Path, more: &[&str]) -> Output {
    let mut command = common::tcolz();
    command.arg("evaluate").args([model, dataset]).args(more).output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "expected `{word}` in: {said}");
    }
}

fn saved(model: &Model, path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    model.save(&path).unwrap();
    path
}

/// Sample id → label, prediction, probabilities.
type Told = BTreeMap<String, (String, String, Vec<f32>)>;

fn told(path: &Path, classes: &[String]) -> (Told, Option<Vec<u8>>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let (mut told, mut agreement) = (Told::new(), None);
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>();
        let column = |class: &String| {
            let name = format!("probability_{class}");
            batch.column_by_name(&name).unwrap().as_primitive::<Float32Type>().values().to_vec()
        };
        let probabilities: Vec<Vec<f32>> = classes.iter().map(column).collect();
        let (ids, labels, said) = (text("sample_id"), text("label"), text("prediction"));
        for row in 0..batch.num_rows() {
            let of = probabilities.iter().map(|column| column[row]).collect();
            let entry = (labels.value(row).to_owned(), said.value(row).to_owned(), of);
            assert!(told.insert(ids.value(row).to_owned(), entry).is_none(), "each sample once");
        }
        if let Some(column) = batch.column_by_name("agreement") {
            let column = column.as_primitive::<UInt8Type>();
            assert_eq!(column.null_count(), 0);
            agreement.get_or_insert_with(Vec::new).extend_from_slice(column.values());
        }
    }
    (told, agreement)
}

#[test]
fn every_sample_is_in_predictions_parquet_once_and_the_files_agree_with_the_json() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = cats_and_dogs(folder.path());
    // The classes in another order than the dataset's.
    let model = moved(model("dog cat", recipe(&[SIDE, 48])), &dataset);
    let file = saved(&model, folder.path().join("run/best.safetensors"));
    let out = folder.path().join("report");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mistakes.png"), b"of an earlier evaluation").unwrap();
    let more = ["--split", "train", "--out", out.to_str().unwrap()];
    let output = run(file.parent().unwrap(), dataset.root(), &[&more[..], &["--json"]].concat());
    let said = json(&output);
    follows_its_schema(&out.join("evaluation.json"));
    assert_eq!(fs::read(out.join("evaluation.json")).unwrap(), output.stdout);
    assert_eq!(said["samples"], 6);
    let receipt = dataset.split("train").unwrap().receipt.unwrap();
    assert_eq!(said["receipt"], receipt.to_string(), "the receipt of dataset.json");

    let classes = names("dog cat");
    let (told, agreement) = told(&out.join("predictions.parquet"), &classes);
    assert_eq!((told.len(), agreement), (6, None));
    let stored = dataset.ledger().unwrap();
    let mut counts = vec![vec![0u64; 2]; 2];
    for row in stored.iter().filter(|row| &*row.split == "train") {
        let (label, prediction, probabilities) = &told[&row.sample_id];
        assert_eq!(*label, dataset.meta().classes[usize::from(row.label.unwrap())]);
        let first = usize::from(probabilities[1] > probabilities[0]);
        assert_eq!(*prediction, classes[first]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        counts[usize::from(label == "cat")][first] += 1;
    }
    assert_eq!(said["scores"]["confusion"], serde_json::json!(counts));
    let wrong = 6 - said["scores"]["accuracy"]["count"].as_u64().unwrap();
    assert_eq!(said["mistakes"].as_array().unwrap().len() as u64, wrong.min(24));
    assert!(wrong > 0 && wrong < 6, "the test has mistakes to show: {wrong}");
    let predicted = |class: usize| said["scores"]["classes"][class]["predicted"].clone();
    assert_eq!([predicted(0), predicted(1)], [4, 2], "both classes are predicted");
    for mistake in said["mistakes"].as_array().unwrap() {
        let (label, prediction, _) = &told[mistake["sample_id"].as_str().unwrap()];
        assert_eq!(
            (&mistake["label"], &mistake["prediction"]),
            (&Value::from(&**label), &Value::from(&**prediction))
        );
    }
    for name in ["confusion", "reliability"] {
        for ending in [".svg", "-dark.svg"] {
            let svg = fs::read_to_string(out.join(format!("{name}{ending}"))).unwrap();
            assert!(svg.contains("pets, split train: 6 samples"), "{svg}");
        }
        for ending in [".png", "-dark.png"] {
            let png = fs::read(out.join(format!("{name}{ending}"))).unwrap();
            assert!(png.starts_with(b"\x89PNG"));
        }
    }
    assert!(fs::read(out.join("mistakes.png")).unwrap().starts_with(b"\x89PNG"));

    let screen = String::from_utf8(run(&file, dataset.root(), &more[..2]).stdout).unwrap();
    let accuracy = said["scores"]["accuracy"]["value"].as_f64().unwrap();
    for words in [
        "6 samples, each counted once",
        &format!("accuracy        {accuracy:.3}, 95 %"),
        "trained on 10 %",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
}

fn follows_its_schema(said: &Path) {
    let Some(python) = shared::python() else { return };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/evaluate.schema.json");
    let program = "import json, sys, jsonschema; said, schema = (json.load(open(path)) for path in sys.argv[1:]); jsonschema.Draft202012Validator.check_schema(schema); jsonschema.validate(said, schema)";
    let checked =
        Command::new(python).args(["-c", program]).args([said, &schema]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_json_is_the_same_whatever_the_batches_and_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = cats_and_dogs(folder.path());
    let file =
        saved(&model("cat dog", recipe(&[SIDE, 48])), folder.path().join("model.safetensors"));
    let of = |batch: &str, threads: &str| {
        let mut command = common::tcolz();
        command.arg("evaluate").args([&file, dataset.root()]).args(["--split", "train", "--json"]);
        command.args(["--batch-size", batch, "-j", threads]).env("RAYON_NUM_THREADS", threads);
        let output = command.output().unwrap();
        json(&output);
        output.stdout
    };
    let expected = of("1", "1");
    for (batch, threads) in [("7", "1"), ("1", "2"), ("7", "2"), ("4", "2")] {
        let same = of(batch, threads) == expected;
        assert!(same, "batches of {batch}, {threads} threads");
    }
}

#[test]
fn photos_of_ttd_are_scored_without_neutral_by_agreement() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = small_ttd(folder.path());
    let three = model("negative neutral positive", recipe(&[SIDE]));
    let file = saved(&three, folder.path().join("model.safetensors"));
    refused(&run(&file, dataset.root(), &[]), &["negative, neutral, positive", "--protocol ttd"]);
    let out = folder.path().join("report");
    let more = ["--protocol", "ttd", "--json", "--out", out.to_str().unwrap()];
    let said = json(&run(&file, dataset.root(), &more));
    follows_its_schema(&out.join("evaluation.json"));
    let samples = |level: usize| said["levels"][level]["scores"]["samples"].clone();
    assert_eq!([samples(0), samples(1), samples(2)], [6, 9, 12]);
    assert_eq!(said["levels"][2]["scores"], said["scores"]);

    // From the logits: the network's, neutral left out by hand.
    let (told, agreement) = told(&out.join("predictions.parquet"), &names("negative positive"));
    let mut agreement = agreement.unwrap();
    agreement.sort_unstable();
    assert_eq!(agreement, [[3; 3], [4; 3], [5; 3], [5; 3]].concat());
    let mut two = three.clone();
    two.facts.classes = names("negative positive");
    for key in ["classifier.1.weight", "classifier.1.bias"] {
        let tensor = &three.tensors[key];
        let rows = [tensor.narrow(0, 0, 1).unwrap(), tensor.narrow(0, 2, 1).unwrap()];
        two.tensors.insert(key.to_owned(), Tensor::cat(&rows, 0).unwrap());
    }
    let options = {
        let mut options = EvaluateOptions::split("all", unknown());
        options.protocol = Protocol::Ttd;
        options
    };
    let two = evaluate(&two, &dataset, &options, &mut |_, _| {}).unwrap();
    // Read as JSON on both sides: reading may round the last digit.
    let levels = serde_json::to_vec(&two.levels).unwrap();
    let levels: Value = serde_json::from_slice(&levels).unwrap();
    assert!(levels == said["levels"], "scored as it is");
    for (sample, id) in two.predictions.sample_ids.iter().enumerate() {
        assert_eq!(told[id].2, two.predictions.row(sample), "{id}");
    }
    let screen = String::from_utf8(run(&file, dataset.root(), &more[..2]).stdout).unwrap();
    assert!(screen.contains("agreement ≥5") && screen.contains("neutral dropped"), "{screen}");
    // One fold's samples, of which all five agreed.
    let fold = folder.path().join("test.txt");
    fs::write(&fold, "00_1_a.jpg 0\n03_1_a.jpg 0\n05_1_a.jpg 1\n").unwrap();
    let said = json(&run(
        &file,
        dataset.root(),
        &[&more[..3], &["--subset", fold.to_str().unwrap()]].concat(),
    ));
    assert_eq!((&said["samples"], &said["selection"]["stored"]), (&3.into(), &12.into()));
    assert_eq!(said["levels"][0]["scores"], said["levels"][2]["scores"]);
}

#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = cats_and_dogs(folder.path());
    let root = dataset.root();
    let at = |name: &str| folder.path().join(name);
    let pets = model("cat dog", recipe(&[SIDE, 48]));
    let of = |change: &dyn Fn(&mut Model)| {
        let mut model = pets.clone();
        change(&mut model);
        let file = saved(&model, at("changed.safetensors"));
        run(&file, root, &["--split", "train"])
    };
    json(&run(&saved(&pets, at("pets.safetensors")), root, &["--split", "train", "--json"]));
    refused(
        &of(&|model| model.facts.recipe.filter = Filter::Nearest),
        &["--filter nearest", "pets has bilinear", "tcolz convert SRC OUT --size 48"],
    );
    refused(
        &of(&|model| (model.facts.recipe, model.facts.size) = (recipe(&[64]), 64)),
        &["--size 64", "has 32, 48"],
    );
    refused(
        &of(&|model| model.facts.classes = names("cat mouse")),
        &["knows cat, mouse", "has cat, dog", "matched by name"],
    );
    refused(
        &of(&|model| {
            model.facts.properties.view = "mean".to_owned();
            model.facts.view = View::mean([1.0, 2.5, 3.0]);
        }),
        &["the view mean", "--mean 1,2.5,3"],
    );
    refused(
        &of(&|model| {
            let bias = model.tensors.get_mut("classifier.1.bias").unwrap();
            *bias = Tensor::new(&[f32::NAN, 0.0], bias.device()).unwrap();
        }),
        &["the network gives NaN for sample"],
    );
    refused(&run(&at("pets.safetensors"), root, &[]), &["splits train, val", "--split"]);
    refused(
        &run(&at("pets.safetensors"), root, &["--protocol", "ttd", "--split", "val"]),
        &["for models of negative and positive"],
    );
    refused(
        &run(&at("pets.safetensors"), root, &["--split", "val", "--device", "gpu"]),
        &["expected auto, cpu or cuda:N"],
    );

    // No finished model: the command that makes one.
    let train = format!("tcolz train {} --model", root.display());
    refused(
        &run(&at("none"), root, &[]),
        &["no finished model: nothing is there", &train, "--out"],
    );
    fs::create_dir_all(at("run/last")).unwrap();
    refused(&run(&at("run"), root, &[]), &["not saved its best model yet", &train]);
    let weights = folder.path().join("weights.safetensors");
    let header = br#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    fs::write(&weights, [&length[..], header, &[0; 4]].concat()).unwrap();
    let with = format!("--weights {}", weights.display());
    refused(&run(&weights, root, &[]), &["not trained here", &train, &with]);

    // Samples that nothing is known of.
    let made = |number: u64| Made {
        split: 0,
        label: (number != 3).then_some(number as u16 % 2),
        planes: Some(ledger::noise(number, SIDE)),
        source: number,
    };
    let sentiments = names("negative positive");
    let made = ledger::write(&at("made"), SIDE, &["test"], &sentiments, (0..6).map(made));
    let file = saved(&model("negative positive", recipe(&[SIDE])), at("sentiment.safetensors"));
    refused(
        &run(&file, made.root(), &[]),
        &["1 of 6 samples have no label", "--where 'label >= 0'"],
    );
    let labelled = ["--where", "label >= 0"];
    assert_eq!(
        json(&run(&file, made.root(), &[&labelled[..], &["--json"]].concat()))["samples"],
        5
    );
    let ttd = [&labelled[..], &["--protocol", "ttd"]].concat();
    refused(&run(&file, made.root(), &ttd), &["does not say of 5 of 5 samples"]);
}

#[test]
fn a_dataset_of_a_baked_view_has_the_same_scores_and_no_contact_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = cats_and_dogs(folder.path());
    let mut options =
        common::options(&folder.path().join("photos"), &folder.path().join("baked"), &[SIDE, 48]);
    (options.recipe.dtype, options.recipe.view) = (Dtype::F32, "torch".to_owned());
    let baked = common::converted(&options).dataset;
    let model = model("cat dog", recipe(&[SIDE, 48]));
    let of = |dataset: &Dataset| -> Evaluation {
        let mut done = Vec::new();
        let options = {
            let mut options = EvaluateOptions::split("train", unknown());
            options.batch_size = 4;
            options
        };
        let found =
            evaluate(&model, dataset, &options, &mut |so_far, all| done.push((so_far, all)));
        assert_eq!(done, [(0, 6), (4, 6), (6, 6)]);
        found.unwrap()
    };
    let (expected, found) = (of(&dataset), of(&baked));
    assert_eq!(found.predictions, expected.predictions);
    let written = write_files(&found, &baked, &folder.path().join("report")).unwrap();
    assert!(written.notes[0].contains("no pixels"), "{:?}", written.notes);
    assert!(written.files.iter().all(|file| file.is_file() && !file.ends_with("mistakes.png")));
}
