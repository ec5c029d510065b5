//! The curves of a run: loss, accuracy and learning rate, epoch by epoch.

use std::path::Path;

use super::error::{Result, TrainError};
use super::files::CURVES_FILES;
use super::log::EpochRow;
use super::options::TrainOptions;
use tcolz_base::durable;
use tcolz_charts::{Line, LinePoint, LinesChart, LinesPanel};

/// Draws `curves.png` and `curves.svg`.
pub(super) fn write(folder: &Path, options: &TrainOptions, rows: &[EpochRow]) -> Result<()> {
    let subtitle = trained_on(options);
    let title = format!("{}, fine-tuned: {}", options.network.name(), options.finetune);
    let picture =
        LinesChart { title: &title, subtitle: &subtitle, panels: panels(rows) }.light()?;
    let [png, svg] = CURVES_FILES.map(|name| folder.join(name));
    durable::write(&png, &picture.png).map_err(TrainError::io(&png))?;
    durable::write(&svg, picture.svg.as_bytes()).map_err(TrainError::io(&svg))
}

/// Which samples were trained on, in words.
pub(super) fn trained_on(options: &TrainOptions) -> String {
    let dataset = options.dataset.file_name().unwrap_or(options.dataset.as_os_str()).display();
    let words = format!("trained on {dataset}, split {}", options.select.split);
    match &*options.select.part() {
        "" => words,
        part => format!("{words}, {part}"),
    }
}

fn panels(rows: &[EpochRow]) -> Vec<LinesPanel> {
    let line = |name: &str, value: &dyn Fn(&EpochRow) -> Option<f64>| {
        let point = |row: &EpochRow| {
            Some(LinePoint { x: f64::from(row.epoch), y: value(row)?, interval: None })
        };
        Line { name: name.to_owned(), points: rows.iter().filter_map(point).collect() }
    };
    // Without validation no epoch is better than another.
    let best = rows.iter().rfind(|row| row.best && row.validation.is_some());
    let mark = best.map(|row| {
        (f64::from(row.epoch), format!("best epoch: {}, by validation loss", row.epoch))
    });
    let panel = |name: &str, lines| LinesPanel {
        x_name: "epoch".to_owned(),
        y_name: name.to_owned(),
        lines,
        from_zero: true,
        mark: mark.clone(),
        ..LinesPanel::default()
    };
    let loss = vec![
        line("training", &|row| Some(row.train_loss)),
        line("validation", &|row| row.validation.map(|found| found.loss)),
    ];
    let accuracy = vec![
        line("training", &|row| Some(100.0 * row.train_accuracy)),
        line("validation", &|row| row.validation.map(|found| 100.0 * found.accuracy)),
    ];
    let rate = vec![line("learning rate", &|row| Some(row.learning_rate))];
    let rate = LinesPanel { logarithmic_y: true, mark: None, ..panel("learning rate", rate) };
    vec![panel("loss (nats)", loss), panel("accuracy (%)", accuracy), rate]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Validated;
    use tcolz_charts::legible;

    fn rows(validated: bool) -> Vec<EpochRow> {
        let row = |epoch: u32| EpochRow {
            epoch,
            step: u64::from(epoch) * 30,
            learning_rate: 0.01 * 0.3f64.powi(epoch as i32),
            train_loss: 1.1 / f64::from(epoch),
            train_accuracy: 1.0 - 0.5 / f64::from(epoch),
            train_samples: 240,
            validation: validated.then(|| Validated {
                loss: 0.9 / f64::from(epoch) + 0.01 * f64::from(epoch * epoch),
                accuracy: 0.9 - 0.4 / f64::from(epoch),
                samples: 30,
            }),
            best: epoch <= 4,
        };
        (1..=9).map(row).collect()
    }

    #[test]
    fn every_curve_has_its_name_with_and_without_validation() {
        for (validated, named) in [(true, true), (false, false)] {
            let panels = panels(&rows(validated));
            let chart = LinesChart { title: "a run", subtitle: "split train", panels };
            let picture = chart.picture().unwrap();
            legible::check(&picture);
            let svg = picture.light.svg;
            for words in ["\ntraining\n", "\nlearning rate\n", "a run", "split train"] {
                assert!(svg.contains(words), "{words}");
            }
            for words in ["\nvalidation\n", "best epoch: 4, by validation loss"] {
                assert_eq!(svg.contains(words), named, "{words}");
            }
        }
    }

    #[test]
    fn a_run_of_one_epoch_and_a_rate_of_0_are_drawn() {
        let mut one = rows(true);
        one.truncate(1);
        one[0].learning_rate = 0.0;
        for rows in [&one[..], &[]] {
            let panels = panels(rows);
            legible::check(&LinesChart { title: "", subtitle: "", panels }.picture().unwrap());
        }
    }
}
