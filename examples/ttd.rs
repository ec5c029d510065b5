//! Five-fold cross-validation on the Twitter Testing Dataset, by the folds that Campos et al. (2017) published: the
//! head of MobileNetV2 behind a frozen backbone, for each level of agreement.
//!
//! `cargo run --release --example ttd -- TTD WEIGHTS OUT [five|four|three …]` (`make ttd`)
//!
//! `TTD` holds `images/`, `ground_truth/` and `folds/`, `WEIGHTS` is a file of ImageNet weights. A head is trained on
//! the training list of each fold, for a fixed number of epochs, and meets the test list once, at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tcolz::evaluate::{EvaluateOptions, Folds, evaluate, find_model};
use tcolz::loader::Select;
use tcolz::nn::Network;
use tcolz::train::{CacheChoice, Finetune, TrainOptions, seen_by, train};
use tcolz::{ConvertOptions, Dataset, convert};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A level of agreement, and what stands in print for it.
struct Level {
    name: &'static str,
    /// Logistic regression on the same features, standardised; mean and sample sd over the folds.
    regression: [f64; 2],
    /// Always the majority of the fold.
    majority: [f64; 2],
    /// VGG19 FT-A trained on B-T4SA (Vadicamo et al. 2017), which never saw a photo of this dataset.
    published: f64,
}

/// Published figures, typed in.
const LEVELS: [Level; 3] = [
    Level { name: "five", regression: [0.871, 0.017], majority: [0.658, 0.040], published: 0.785 },
    Level { name: "four", regression: [0.819, 0.019], majority: [0.617, 0.039], published: 0.755 },
    Level { name: "three", regression: [0.793, 0.031], majority: [0.606, 0.015], published: 0.725 },
];
const FOLDS: u32 = 5;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [ttd, weights, out, wanted @ ..] = words.as_slice() else {
        return Err("usage: ttd TTD WEIGHTS OUT [five|four|three …]".into());
    };
    let (ttd, weights, out) = (Path::new(ttd), Path::new(weights), Path::new(out));
    let dataset = out.join("dataset");
    let options = ConvertOptions::new(ttd, &dataset);
    let summary = convert(&options, &AtomicBool::new(false), &mut ())?;
    println!("{}: {} photos stored", dataset.display(), summary.dataset.meta().counts.stored);
    println!("MobileNetV2, frozen; a linear head; published folds; accuracy, mean ± sample sd\n");
    println!("{:<8}{:<46}mean ± sd", "agree", "folds");
    let mut enough = true;
    for level in LEVELS.iter().filter(|l| wanted.is_empty() || wanted.iter().any(|w| *w == l.name))
    {
        let folds =
            (1..=FOLDS).map(|fold| one(ttd, weights, out, &summary.dataset, level.name, fold));
        let values = folds.collect::<Result<Vec<f64>>>()?;
        let Some(folds) = Folds::of(values) else { continue };
        let each: Vec<String> = folds.values.iter().map(|value| format!("{value:.4}")).collect();
        let sd = folds.sample_sd.unwrap_or_default();
        println!("{:<8}{:<46}{:.3} ± {sd:.3}", level.name, each.join("  "), folds.mean);
        let [regression, spread] = level.regression;
        println!(
            "{:<54}{regression:.3} ± {spread:.3}  logistic regression on the same features",
            ""
        );
        let [majority, spread] = level.majority;
        println!("{:<54}{majority:.3} ± {spread:.3}  always the majority", "");
        println!(
            "{:<54}{:.3}          VGG19 FT-A of the paper, not trained on these photos",
            "", level.published
        );
        let within = folds.mean >= regression - level.regression[1];
        enough &= within;
        let not = if within { "" } else { "NOT " };
        println!("{:<54}{not}within one standard deviation of the regression", "");
    }
    if enough { Ok(()) } else { Err("a head is worse than a logistic regression".into()) }
}

/// Accuracy on the test list of a fold after training on its training list.
fn one(
    ttd: &Path,
    weights: &Path,
    out: &Path,
    dataset: &Dataset,
    level: &str,
    fold: u32,
) -> Result<f64> {
    let list =
        |name: &str| -> PathBuf { ttd.join(format!("folds/{level}_agrees/test{fold}/{name}.txt")) };
    let split = dataset.meta().splits[0].name.clone();
    let select = |name| Select { subset: Some(list(name)), ..Select::split(&split) };
    let run = out.join(format!("runs/{level}-{fold}"));
    let mut options = TrainOptions::new(dataset.root(), Network::MobileNetV2, &run);
    options.weights = Some(weights.to_owned());
    options.finetune = Finetune::Head;
    options.select = select("train");
    // All folds read the same features, which are computed once.
    options.cache = CacheChoice::Folder(out.join("features"));
    (options.epochs, options.learning_rate) = (60, Some(1e-3));
    train(&options, &AtomicBool::new(false), &mut ())?;
    let (file, model) = find_model(&run, dataset.root())?;
    let seen = seen_by(&file, &model.facts).map(Arc::new);
    let options = {
        let mut options = EvaluateOptions::split(&split, seen);
        options.select = select("test");
        options
    };
    let found = evaluate(&model, dataset, &options, &mut |_, _| ())?;
    if let Some(warning) = found.seen.warning(found.samples) {
        eprintln!("warning: {level} agree, fold {fold}: {warning}");
    }
    Ok(found.scores.accuracy.value)
}
