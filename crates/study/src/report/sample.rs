//! A made-up study for the tests: three models with two seeds each, one of them on a part of the data as well.

use serde_json::{Value, json};

use crate::cost::TimedImages;
use crate::published::Benchmark;
use crate::reference::{BUSY_FACTOR, Reference};
use crate::results::*;
use crate::timing::Timing;
use tcolz_train::evaluate::Proportion;

fn document(file: &str, json: Value) -> Option<Document> {
    Some(Document { file: file.to_owned(), json })
}

/// Scores with an accuracy of `right` of `of`.
fn scores(classes: &[&str], right: u64, of: u64) -> Value {
    let number = classes.len() as u64;
    let share = right as f64 / of as f64;
    let class = |(place, class): (usize, &&str)| {
        let shift = 0.03 * place as f64;
        json!({"class": class, "support": of / number, "predicted": of / number, "right": right / number,
            "precision": share - shift, "recall": share + shift / 2.0, "f1": share - shift / 4.0})
    };
    json!({
        "samples": of,
        "accuracy": Proportion::of(right, of),
        "majority": match of { 882 => 0.659, 1116 => 0.617, 1269 => 0.606, _ => 1.0 / 3.0 },
        "classes": classes.iter().enumerate().map(class).collect::<Vec<Value>>(),
        "macro_mean": {"precision": share - 0.01, "recall": share, "f1": share - 0.005},
        "log_loss": 1.3 - share, "brier": 0.9 - share,
        "calibration": {"bins": [], "expected_error": 0.042, "largest_error": 0.131},
    })
}

/// Of a model that saw none of the photos.
fn unseen() -> Value {
    json!({"trained": 0, "validated": 0, "unknown": null})
}

fn b_t4sa(right: u64) -> Value {
    let classes = ["negative", "neutral", "positive"];
    json!({"samples": 51_000, "seen": unseen(), "scores": scores(&classes, right, 51_000), "levels": null})
}

/// Right of the 882, 1,116 and 1,269 photos that five, four and three annotators agree on.
fn ttd(right: [u64; 3]) -> Value {
    let of = [882, 1116, 1269];
    let level = |place: usize| {
        let scores = scores(&["negative", "positive"], right[place], of[place]);
        json!({"agreement": 5 - place, "scores": scores})
    };
    json!({"samples": 1269, "seen": unseen(), "scores": scores(&["negative", "positive"], right[2], 1269),
        "levels": [level(0), level(1), level(2)]})
}

/// A training of a head finds the features that the one with seed 1 made, in 60 % of its time.
fn train(
    (name, finetune): (&str, &str),
    seed: u64,
    percent: Option<&str>,
    seconds: f64,
    parameters: u64,
) -> Value {
    let head = finetune == "head";
    let (seconds, feature_seconds) = match (head, seed) {
        (true, 1) => (seconds, 0.6 * seconds),
        (true, _) => (0.4 * seconds + 2.0, 2.0),
        (false, _) => (seconds, 0.001),
    };
    let row = |epoch: u64| {
        let (epoch_, seed) = (epoch as f64, seed as f64);
        json!({"epoch": epoch, "train_loss": 1.1 / epoch_.sqrt() + 0.01 * seed, "train_accuracy": 0.6 - 0.25 / epoch_,
            "validation": {"loss": 1.05 / epoch_.sqrt() + 0.003 * epoch_ * epoch_ + 0.1,
                "accuracy": 0.52 - 0.16 / epoch_, "samples": 51_000}})
    };
    let rows: Vec<Value> = (1..=9).map(row).collect();
    let samples = if percent.is_some() { 36_858 } else { 368_586 };
    let needed = if head { samples + 51_000 } else { 0 };
    let made = if seed == 1 { needed } else { 0 };
    json!({
        "format": "tcolz-study-train-v1", "job": name, "finetune": finetune, "weights_bytes": 4 * parameters, "run": format!("runs/{name}"), "seed": seed, "percent": percent,
        "samples": samples, "validation_samples": 51_000, "parameters": parameters,
        "trained_parameters": parameters / 2, "epochs": 9, "ending": "no better validation loss for 4 epochs",
        "batch_size": 48, "learning_rate": 1e-3, "device": "cuda:0", "threads": 16,
        "model": format!("runs/{name}/best.safetensors"), "model_bytes": 4 * parameters + 18_000, "best": rows[5].clone(), "rows": rows,
        "times": {"seconds": seconds, "feature_seconds": feature_seconds,
            "features": {"key": format!("{parameters}"), "samples": needed, "made": made}, "epoch_seconds": seconds / 9.0,
            "photos_per_second": 9.0 * samples as f64 / seconds, "waiting_share": 0.031},
        "resources": {"samples": 4000, "cpu_percent": 312.4, "resident_bytes": 4_812_000_000u64,
            "virtual_bytes": 96_400_000_000u64, "device_memory_bytes": null},
    })
}

fn timing(seconds: f64) -> Timing {
    Timing::of((0..15).map(|run| seconds * (1.0 + 0.002 * f64::from(run - 7))).collect()).unwrap()
}

/// What inference of a network costs, on a machine that was slower by so much.
pub(super) fn cost(network: &str, seconds: f64, parameters: u64, slowdown: f64) -> Value {
    let images =
        |images: usize, seconds: f64| TimedImages { images, timing: timing(slowdown * seconds) };
    let reference = Reference {
        timing: timing(0.0101 * slowdown),
        cpu_share: Some(0.98 / slowdown),
        slowdown,
        busy: slowdown > BUSY_FACTOR,
    };
    json!({
        "format": "tcolz-study-cost-v2", "network": network, "size": 224, "classes": 3, "reference": reference, "device": "cpu", "threads": 2, "cpu": "A made-up CPU, 2 cores",
        "parameters": parameters, "weights_bytes": 4 * parameters,
        "images_15": images(15, 13.1 * seconds), "image_1": images(1, seconds),
        "cpu_percent": 187.0, "resident_bytes": 5 * parameters + 60_000_000, "virtual_bytes": 900_000_000u64,
    })
}

struct Made {
    name: &'static str,
    network: &'static str,
    finetune: &'static str,
    percent: Option<&'static str>,
    /// Seconds of training, of one image; parameters.
    size: (f64, f64, u64),
    /// Right on B-T4SA and on TTD's levels.
    right: (u64, [u64; 3]),
}

impl Made {
    fn seed(&self, seed: u64) -> ModelResults {
        let part = if self.percent.is_some() { "-part" } else { "" };
        let name = format!("{}{part}-{seed}", self.name);
        let (seconds, one, parameters) = self.size;
        let (b, levels) = self.right;
        let seconds = seconds * (1.0 + 0.02 * seed as f64);
        ModelResults {
            name: self.name.to_owned(),
            network: self.network.to_owned(),
            finetune: self.finetune.to_owned(),
            percent: self.percent.map(str::to_owned),
            seed,
            train: document(
                &format!("results/train-{name}.json"),
                train((&name, self.finetune), seed, self.percent, seconds, parameters),
            ),
            evaluations: vec![
                document(&format!("results/evaluate-{name}-b.json"), b_t4sa(b + 90 * seed)),
                document(
                    &format!("results/evaluate-{name}-t.json"),
                    ttd(levels.map(|r| r + 4 * seed)),
                ),
            ],
            cost: (seed == 1)
                .then(|| {
                    let json = cost(self.network, one, parameters, 1.02);
                    document(&format!("results/cost-{}.json", self.network), json)
                })
                .flatten(),
        }
    }
}

/// A study of which everything is done.
pub(super) fn results() -> Results {
    let full = |name, network, finetune, size, right| Made {
        name,
        network,
        finetune,
        percent: None,
        size,
        right,
    };
    let made = [
        full(
            "vgg19-all",
            "vgg19",
            "all",
            (61_200.0, 0.412, 139_582_531),
            (26_100, [686, 838, 911]),
        ),
        full(
            "mobilenet-v2-all",
            "mobilenet-v2",
            "all",
            (9_870.0, 0.0312, 2_586_435),
            (25_800, [671, 820, 893]),
        ),
        full(
            "mobilenet-v2-head",
            "mobilenet-v2",
            "head",
            (1_420.0, 0.0312, 2_586_435),
            (24_400, [640, 782, 860]),
        ),
        Made {
            percent: Some("10"),
            ..full(
                "mobilenet-v2-part",
                "mobilenet-v2",
                "head",
                (148.2, 0.0312, 2_586_435),
                (23_000, [611, 760, 840]),
            )
        },
    ];
    let models = made.iter().flat_map(|made| [1, 2].map(|seed| made.seed(seed))).collect();
    let benchmark =
        |name: &str, published, ttd| Benchmarked { name: name.to_owned(), published, ttd };
    let folds = (1..=2).flat_map(|seed| (1..=5).map(move |fold| (seed, fold)));
    let fold = |(seed, fold): (u64, u32)| {
        let right = 150 + 2 * u64::from(fold) + seed;
        let json = json!({"samples": 177, "seen": unseen(), "scores": scores(&["negative", "positive"], right, 177), "levels": null});
        Fold { seed, fold, document: document(&format!("results/fold-{seed}-{fold}.json"), json) }
    };
    let shares = [
        ("1", 3686, 21_000),
        ("10", 36_858, 23_000),
        ("30", 110_575, 24_100),
        ("100", 368_586, 25_800),
    ];
    let point = |(percent, samples, right): (&str, u64, u64), seed: u64| CurvePoint {
        percent: percent.to_owned(),
        seed,
        train: document(
            &format!("results/share-{percent}-{seed}.json"),
            json!({"samples": samples}),
        ),
        evaluation: document(
            &format!("results/share-{percent}-{seed}-e.json"),
            b_t4sa(right + seed * (900 - right / 30)),
        ),
    };
    let curve = |model: &str, less: u64| LearningCurve {
        model: model.to_owned(),
        benchmark: "B-T4SA test".to_owned(),
        points: shares
            .iter()
            .flat_map(|&(percent, samples, right)| {
                [1, 2].map(|seed| {
                    let mut point = point((percent, samples, right - less), seed);
                    for document in [&mut point.train, &mut point.evaluation].into_iter().flatten()
                    {
                        document.file = document.file.replace("share", &format!("share-{less}"));
                    }
                    point
                })
            })
            .collect(),
    };
    let labels = json!({
        "format": "tcolz-study-labels-v1", "dataset": "B-T4SA", "samples": 470_586, "classes": ["negative", "neutral", "positive"],
        "text": {"samples": 470_000, "agreeing": Proportion::of(463_512, 470_000), "by_class": [
            {"class": "negative", "samples": 156_600, "mean": [0.81, 0.12, 0.07], "highest": [154_000, 1_600, 1_000]},
            {"class": "neutral", "samples": 156_700, "mean": [0.06, 0.87, 0.07], "highest": [900, 154_900, 900]},
            {"class": "positive", "samples": 156_700, "mean": null, "highest": [800, 1_288, 154_612]}]},
        "duplicates": [
            {"relation": "same-file", "pairs": 1_204, "different_labels": Proportion::of(371, 1_204),
                "wrong_labels": {"value": 0.171, "low": 0.155, "high": 0.188}, "best_accuracy": {"value": 0.829, "low": 0.812, "high": 0.845}},
            {"relation": "near", "pairs": 0, "different_labels": null, "wrong_labels": null, "best_accuracy": null}],
    });
    Results {
        title: "Six & more models on B-T4SA".to_owned(),
        study_file: "study.toml".to_owned(),
        benchmarks: vec![
            benchmark("B-T4SA test", Some(Benchmark::BT4saTest), false),
            benchmark("TTD", Some(Benchmark::Ttd), true),
        ],
        models,
        cross_validations: vec![CrossValidated {
            name: "TTD, published folds".to_owned(),
            folds: "published folds in folds/five_agrees".to_owned(),
            model: "mobilenet-v2-all".to_owned(),
            evaluations: folds.map(fold).collect(),
        }],
        learning_curves: vec![curve("mobilenet-v2-all", 0), curve("mobilenet-v2-head", 700)],
        upper_limits: vec![UpperLimit {
            model: "mobilenet-v2-all".to_owned(),
            tested_percent: "20".to_owned(),
            benchmark: Some("B-T4SA test".to_owned()),
            seed: 1,
            train: document("results/limit.json", json!({"samples": 376_469})),
            evaluation: document("results/limit-e.json", b_t4sa(27_310)),
            compared: document("results/evaluate-mobilenet-v2-all-1-b.json", b_t4sa(25_890)),
        }],
        labels: vec![Named {
            name: "B-T4SA".to_owned(),
            document: document("results/labels.json", labels),
        }],
        rule: Rule {
            benchmark: "TTD".to_owned(),
            agreement: Some(5),
            accuracy: 3.0,
            inference_time: 1.0,
            size: 1.0,
        },
        missing: Vec::new(),
    }
}
