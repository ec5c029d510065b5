//! The curves of a run: loss, accuracy and learning rate, epoch by epoch.

use std::path::Path;

use super::error::{Result, TrainError};
use super::log::EpochRow;
use super::run::CURVES_FILES;
use crate::durable;
use crate::report::{Curve, Panel, Picture};

/// Draws `curves.png` and `curves.svg`.
pub(super) fn write(folder: &Path, rows: &[EpochRow]) -> Result<()> {
    let picture = picture(rows);
    let [png, svg] = CURVES_FILES.map(|name| folder.join(name));
    durable::write(&png, &picture.png()?).map_err(TrainError::io(&png))?;
    durable::write(&svg, picture.svg()?.as_bytes()).map_err(TrainError::io(&svg))
}

fn picture(rows: &[EpochRow]) -> Picture {
    let of = |value: &dyn Fn(&EpochRow) -> Option<f64>| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|row| Some((f64::from(row.epoch), value(row)?))).collect()
    };
    let both = |train: Vec<(f64, f64)>, validation: Vec<(f64, f64)>| {
        let mut curves = vec![Curve { name: "training".to_owned(), points: train }];
        if !validation.is_empty() {
            curves.push(Curve { name: "validation".to_owned(), points: validation });
        }
        curves
    };
    // Without validation no epoch is better than another.
    let best = rows.iter().rfind(|row| row.best && row.validation.is_some());
    let best = best.map(|row| f64::from(row.epoch));
    let panel = |name: &str, curves| Panel {
        x_name: "epoch".to_owned(),
        y_name: name.to_owned(),
        curves,
        mark: best.map(|epoch| (epoch, "best".to_owned())),
        ..Panel::default()
    };
    let loss =
        both(of(&|row| Some(row.train_loss)), of(&|row| row.validation.map(|found| found.loss)));
    let accuracy = both(
        of(&|row| Some(100.0 * row.train_accuracy)),
        of(&|row| row.validation.map(|found| 100.0 * found.accuracy)),
    );
    let rate = vec![Curve {
        name: "learning rate".to_owned(),
        points: of(&|row| Some(row.learning_rate)),
    }];
    let rate = Panel { logarithmic_y: true, mark: None, ..panel("learning rate", rate) };
    Picture { panels: vec![panel("loss (nats)", loss), panel("accuracy (%)", accuracy), rate] }
}
