//! `tcolz predict`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tcolz_nn::ModelFacts;
use tcolz_predict::{Prediction, Predictor};
use tcolz_train::evaluate::find_model;
use tcolz_train::open_device;

use super::args::PredictArgs;
use super::ending::Ending;
use super::output::{self, plain, plural, print, say, say_no_gpu};

/// Photos that are read and looked at together.
const BATCH: usize = 32;

pub(super) fn run(args: &PredictArgs) -> anyhow::Result<Ending> {
    let (_, model) = find_model(&args.model, Path::new("DATASET"))?;
    say_no_gpu(args.device);
    let mut predictor = Predictor::new(&model, &open_device(args.device)?)?;
    if args.refuse_truncated {
        predictor = predictor.refusing_truncated();
    }
    let facts = predictor.facts();
    let (mut bad, mut values) = (0, Vec::new());
    for images in args.images.chunks(BATCH) {
        let files: Vec<Result<Vec<u8>, String>> = images.iter().map(|image| read(image)).collect();
        let photos: Vec<&[u8]> = files.iter().flatten().map(Vec::as_slice).collect();
        let mut predictions = predictor.predict_batch(&photos)?.into_iter();
        for (image, file) in images.iter().zip(&files) {
            let found = match file {
                Err(reason) => Err(reason.clone()),
                // There is one for each file that was read.
                Ok(_) => predictions.next().map_or_else(
                    || Err("no prediction".to_owned()),
                    |found| found.map_err(|error| error.to_string()),
                ),
            };
            bad += u64::from(found.is_err());
            if args.json {
                values.push(json(args, facts, image, &found));
                continue;
            }
            match found {
                Ok(found) => print(&line(args, facts, image, &found)),
                Err(reason) => say!("{}: {reason}", image.display()),
            }
        }
    }
    if args.json {
        let document = json!({
            "model": args.model,
            "network": facts.network,
            "size": facts.size,
            "view": facts.view.name,
            "classes": facts.classes,
            "percent": facts.percent,
            "images": values,
        });
        print(&format!("{document:#}\n"));
    }
    if bad > 0 {
        let all = plural(args.images.len() as u64, "image");
        say!("no prediction for {bad} of {all}");
        return Ok(Ending::Failed);
    }
    Ok(Ending::Done)
}

fn read(image: &Path) -> Result<Vec<u8>, String> {
    if image.is_dir() {
        let path = image.join("*.jpg");
        return Err(format!("a folder, expected image files: try {}", path.display()));
    }
    fs::read(image).map_err(|error| plain(&error.to_string()))
}

fn ranked<'a>(
    args: &PredictArgs,
    facts: &'a ModelFacts,
    found: &Prediction,
) -> Vec<(&'a str, f32)> {
    let named = found.ranked().into_iter().map(|(class, share)| (&*facts.classes[class], share));
    named.take(args.top.into()).collect()
}

fn line(args: &PredictArgs, facts: &ModelFacts, image: &Path, found: &Prediction) -> String {
    let mut text = image.display().to_string();
    for (number, (class, share)) in ranked(args, facts, found).into_iter().enumerate() {
        let comma = if number == 0 { ':' } else { ',' };
        let _ = write!(text, "{comma} {class} {:.1} %", 100.0 * share);
    }
    for note in found.photo.notes() {
        let _ = write!(text, " ({note})");
    }
    format!("{}\n", output::one_line(&text))
}

fn json(
    args: &PredictArgs,
    facts: &ModelFacts,
    image: &Path,
    found: &Result<Prediction, String>,
) -> Value {
    match found {
        Err(reason) => json!({ "image": image.to_string_lossy(), "error": reason }),
        Ok(found) => {
            let predictions: Vec<Value> = ranked(args, facts, found)
                .into_iter()
                .map(|(class, probability)| json!({ "class": class, "probability": probability }))
                .collect();
            json!({
                "image": image.to_string_lossy(),
                "predictions": predictions,
                "recovered_share": found.photo.recovered_share,
                "notes": found.photo.notes(),
            })
        }
    }
}
