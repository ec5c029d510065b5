//! What an evaluation leaves behind: predictions, pictures, all numbers.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{EvaluateError, Evaluation, Protocol};
use tcolz_base::durable;
use tcolz_base::numbers::count;
use tcolz_charts::sheet::{SheetFormat, SheetRow, Tile, sheet};
use tcolz_charts::{ConfusionChart, ReliabilityBin, ReliabilityChart, ThemedPicture};
use tcolz_format::dataset::{
    Dataset, LedgerRow, PredictionColumns, dataset_around, write_predictions,
};
use tcolz_pixels::recipe::Dtype;

/// Mistakes beside each other.
const TILES: usize = 8;

/// Files that were written, and what was not, in sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

/// Makes the folder that [`write_files`] will write into, and tries whether it can, so that no evaluation is lost to a
/// disk that refuses.
///
/// # Errors
/// [`EvaluateError::Write`].
pub fn prepare_folder(folder: &Path) -> Result<(), EvaluateError> {
    let failed = |source| EvaluateError::Write { path: folder.to_owned(), source };
    if let Some(dataset) = dataset_around(folder) {
        let reason = format!("it lies in the dataset {}: take another folder", dataset.display());
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    durable::create_folder(folder).map_err(failed)?;
    let probe = folder.join(".tcolz-writable");
    durable::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(failed)
}

/// Writes `evaluation.json`, `predictions.parquet`, `confusion` and `reliability` as `.svg` and `.png` (and `-dark` ones for
/// dark pages), and `mistakes.png` into `folder`, which is made where it is missing. Files of an earlier evaluation
/// are replaced, or removed where there is nothing to show any more.
///
/// # Errors
/// [`EvaluateError::Write`] when the disk refuses; when a picture cannot be drawn, or a sample that is shown is damaged.
pub fn write_files(
    evaluation: &Evaluation,
    dataset: &Dataset,
    folder: &Path,
) -> Result<Written, EvaluateError> {
    let failed = |path: &Path, source| EvaluateError::Write { path: path.to_owned(), source };
    durable::create_folder(folder).map_err(|source| failed(folder, source))?;
    let mut written = Written::default();
    let mut write = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.join(name);
        let done = match bytes {
            Some(bytes) => durable::write(&path, bytes),
            None => remove(&path),
        };
        done.map_err(|source| failed(&path, source))?;
        if bytes.is_some() {
            written.files.push(path);
        }
        Ok::<(), EvaluateError>(())
    };
    let mut notes = Vec::new();
    write("evaluation.json", Some(evaluation.json().as_bytes()))?;

    let (title, subtitle) = (evaluation.title(), evaluation.selection.part.clone());
    let scores = &evaluation.scores;
    let confusion = match scores.classes.len() {
        ..=ConfusionChart::MAX_CLASSES => {
            let classes = &evaluation.predictions.classes;
            let counts = scores.confusion.counts();
            let chart = ConfusionChart { title: &title, subtitle: &subtitle, classes, counts };
            Some(chart.picture()?)
        }
        number => {
            notes.push(format!("no picture of the confusion of {number} classes: see the JSON"));
            None
        }
    };
    let bins = scores.calibration.bins.iter().map(|bin| ReliabilityBin {
        from: bin.from,
        to: bin.to,
        samples: bin.samples,
        confidence: bin.confidence,
        accuracy: bin.accuracy,
    });
    let error = scores.calibration.expected_error;
    let title = format!(
        "{}: {} samples, calibration error {error:.3}",
        evaluation.where_from(),
        count(evaluation.samples)
    );
    let chart = ReliabilityChart { title: &title, subtitle: &subtitle, bins: bins.collect() };
    let reliability = chart.picture()?;
    for (name, picture) in [("confusion", confusion.as_ref()), ("reliability", Some(&reliability))]
    {
        type Form = fn(&ThemedPicture) -> &[u8];
        let forms: [(&str, Form); 4] = [
            (".svg", |picture| picture.light.svg.as_bytes()),
            (".png", |picture| &picture.light.png),
            ("-dark.svg", |picture| picture.dark.svg.as_bytes()),
            ("-dark.png", |picture| &picture.dark.png),
        ];
        for (ending, form) in forms {
            write(&format!("{name}{ending}"), picture.map(form))?;
        }
    }
    let mistakes = if evaluation.mistakes.is_empty() {
        notes.push("no mistakes: there is no mistakes.png".to_owned());
        None
    } else if dataset.meta().recipe.dtype != Dtype::U8 {
        notes.push(
            "no mistakes.png: the dataset holds the numbers of a view and no pixels".to_owned(),
        );
        None
    } else {
        Some(mistakes_sheet(evaluation, dataset)?)
    };
    write("mistakes.png", mistakes.as_deref())?;

    let predictions = &evaluation.predictions;
    let path = folder.join("predictions.parquet");
    let columns = PredictionColumns {
        classes: &predictions.classes,
        sample_ids: &predictions.sample_ids,
        labels: &predictions.labels,
        predictions: &predictions.predicted(),
        agreement: predictions.agreement.as_deref(),
        probabilities: &predictions.probabilities,
    };
    write_predictions(&path, &columns)?;
    written.files.push(path);
    written.notes = notes;
    Ok(written)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A contact sheet of the worst mistakes, the worst first: what each is, what it was taken for, how surely.
fn mistakes_sheet(evaluation: &Evaluation, dataset: &Dataset) -> Result<Vec<u8>, EvaluateError> {
    // A sample id that stands in several of the splits is one file: either row shows it.
    let parts = dataset.split_parts(&evaluation.selection.split)?;
    let ledger = dataset.ledger()?;
    let rows: HashMap<&str, &LedgerRow> = ledger
        .iter()
        .filter(|row| row.place.is_some() && parts.names().any(|name| *name == *row.split))
        .map(|row| (row.sample_id.as_str(), row))
        .collect();
    let tile = |mistake: &super::Mistake| {
        let row = rows.get(mistake.sample_id.as_str())?;
        let caption = vec![
            mistake.sample_id.clone(),
            format!("is {} ({:.3})", mistake.label, mistake.label_probability),
            format!("said {} ({:.3})", mistake.prediction, mistake.probability),
        ];
        Some(Tile { row, caption })
    };
    let tiles: Vec<Tile<'_>> = evaluation.mistakes.iter().filter_map(tile).collect();
    let wrong = evaluation.scores.accuracy.of - evaluation.scores.accuracy.count;
    let mut heading = Some(format!(
        "the worst {} of {} mistakes in {} samples of {}: what it is, what was said (probability)",
        tiles.len(),
        count(wrong),
        count(evaluation.samples),
        match &*evaluation.selection.part {
            "" => evaluation.where_from(),
            part => format!("{}, {part}", evaluation.where_from()),
        },
    ));
    let sheet_rows: Vec<SheetRow<'_>> = tiles
        .chunks(TILES)
        .map(|tiles| SheetRow { heading: heading.take(), tiles: tiles.to_vec() })
        .collect();
    // The few that are kept fit on one page.
    Ok(sheet(dataset, None, &sheet_rows, SheetFormat::Png)?.pages.swap_remove(0))
}

impl Evaluation {
    /// Its JSON form, with a line's end.
    ///
    /// # Panics
    /// Never: every value has a JSON form.
    pub fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("every value has a JSON form");
        format!("{json}\n")
    }

    /// Dataset and split, in words, and what of it the model has seen.
    fn where_from(&self) -> String {
        let dataset = Path::new(&self.dataset).file_name().unwrap_or_default().to_string_lossy();
        let protocol = if self.protocol == Protocol::Ttd { ", without neutral" } else { "" };
        let seen = self.seen.words(self.samples).map(|words| format!(" ({words})"));
        format!("{dataset}, split {}{protocol}{}", self.selection.split, seen.unwrap_or_default())
    }

    fn title(&self) -> String {
        let Self { samples, scores, .. } = self;
        format!(
            "{}: {} samples, accuracy {:.3} ({:.3} to {:.3})",
            self.where_from(),
            count(*samples),
            scores.accuracy.value,
            scores.accuracy.low,
            scores.accuracy.high
        )
    }
}
