//! How far a run is: a bar on a terminal, plain lines elsewhere, JSON events for scripts.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tcolz::train::{Begun, EpochReport, StepReport, TrainObserver};

use super::super::output::{bytes, count, duration, plural};
use super::super::progress::event;

/// Time between two plain lines, and between two events of the same kind.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Watches a run.
pub(in crate::cli) struct TrainProgress {
    json: bool,
    /// Says only what takes long and what may spoil the result.
    brief: bool,
    bar: ProgressBar,
    last_line: Instant,
    pace: Pace,
}

/// How quickly steps of a run follow each other, validation included.
#[derive(Default)]
struct Pace {
    /// The first step of this process, and when it was done.
    first: Option<(Instant, u64)>,
    /// Seconds that the run is likely to go on.
    left: Option<f64>,
}

impl Pace {
    /// A step of the run is done, of so many.
    fn step(&mut self, now: Instant, step: u64, all: u64) {
        let (begun, first) = *self.first.get_or_insert((now, step));
        if step > first {
            let seconds = now.duration_since(begun).as_secs_f64() / (step - first) as f64;
            self.left = Some(seconds * all.saturating_sub(step) as f64);
        }
    }

    /// `; all 2.1 h`: what a line about an epoch ends with.
    fn words(&self) -> String {
        self.left.map_or(String::new(), |left| format!("; all {}", duration(left)))
    }
}

impl TrainProgress {
    pub(in crate::cli) fn new(json: bool) -> TrainProgress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if json || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let pace = Pace::default();
        TrainProgress { json, brief: false, bar, last_line: Instant::now(), pace }
    }

    /// For a run that is one of many.
    pub(in crate::cli) fn brief(json: bool) -> TrainProgress {
        TrainProgress { brief: true, ..TrainProgress::new(json) }
    }

    /// Removes the bar, so that what follows stands alone.
    pub(in crate::cli) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, kind: &str, text: &str) {
        if self.json {
            event(&json!({ "event": kind, "text": text }));
        } else {
            self.bar.suspend(|| eprintln!("{kind}: {text}"));
        }
    }

    /// An event, where it is an event's turn; a line, where it is a line's.
    fn now_and_then(&mut self, value: impl FnOnce() -> Value, line: impl FnOnce() -> String) {
        if !self.bar.is_hidden() || self.last_line.elapsed() < LINE_INTERVAL {
            return;
        }
        self.last_line = Instant::now();
        if self.json { event(&value()) } else { eprintln!("{}", line()) }
    }

    fn bar_of(&self, template: &str, length: u64, position: u64, message: impl FnOnce() -> String) {
        if self.bar.is_hidden() {
            return;
        }
        if self.bar.length() != Some(length) || self.bar.position() > position {
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.reset();
            self.bar.set_length(length);
        }
        self.bar.set_message(message());
        self.bar.set_position(position);
    }
}

impl TrainObserver for TrainProgress {
    fn note(&mut self, text: &str) {
        if !self.brief || self.json {
            self.say("note", text);
        }
    }

    fn warning(&mut self, text: &str) {
        self.say("warning", text);
    }

    fn begun(&mut self, begun: &Begun) {
        if self.json {
            event(&with_event("begun", json!(begun)));
            return;
        }
        if self.brief {
            return;
        }
        let Begun { memory, .. } = begun;
        let classes = begun.classes.iter().zip(&begun.class_samples);
        let classes: Vec<String> =
            classes.map(|(class, &samples)| format!("{class} {}", count(samples))).collect();
        let mut lines = vec![
            format!(
                "{}: {} of {}, {} parameters, {} of them trained ({}), BatchNorm {}",
                begun.out.display(),
                begun.network,
                begun.weights,
                count(begun.parameters),
                count(begun.trained),
                begun.finetune,
                begun.batch_norm,
            ),
            format!(
                "{}: {}; {} × {}, view {}",
                plural(begun.samples, "sample"),
                classes.join(", "),
                begun.size,
                begun.size,
                begun.view
            ),
            format!(
                "validation: {}, {}",
                plural(begun.validation_samples, "sample"),
                begun.validation
            ),
            format!("reading: {}", begun.reading),
            format!(
                "memory of a step: about {} on {}: {} of parameters, {} of gradients and momentum, {} between \
                 layers, {} of batches",
                bytes(memory.total()),
                begun.device,
                bytes(memory.parameters),
                bytes(memory.optimiser),
                bytes(memory.activations),
                bytes(memory.batches)
            ),
        ];
        if begun.unlabelled > 0 {
            lines.push(format!("{} without a label left out", plural(begun.unlabelled, "sample")));
        }
        if begun.resumed > 0 {
            lines.push(format!("going on behind step {}", count(begun.resumed)));
        }
        lines.push(format!(
            "{} of {}",
            plural(begun.epochs.into(), "epoch"),
            plural(begun.steps_per_epoch, "step")
        ));
        lines.iter().for_each(|line| eprintln!("{line}"));
    }

    fn features_begun(&mut self, file: &Path, size: u64, there: u64, all: u64) {
        if self.json {
            let value = json!({
                "event": "features_begun", "file": file, "bytes": size, "there": there, "all": all,
            });
            return event(&value);
        }
        if self.brief {
            return;
        }
        let there = match there {
            0 => "none is there yet".to_owned(),
            there if there == all => "all are there".to_owned(),
            there => format!("{} are there", count(there)),
        };
        eprintln!(
            "features of {}: {} in {}; {there}",
            plural(all, "sample"),
            bytes(size),
            file.display()
        );
    }

    fn features(&mut self, done: u64, all: u64) {
        self.bar_of(
            "{bar:32} {human_pos}/{human_len} features, {per_sec}, {eta} left",
            all,
            done,
            String::new,
        );
        self.now_and_then(
            || json!({ "event": "features", "done": done, "all": all }),
            || format!("features of {} of {} samples", count(done), count(all)),
        );
    }

    fn step(&mut self, step: &StepReport) {
        let all = u64::from(step.epochs) * step.steps_per_epoch;
        self.pace.step(Instant::now(), step.run_step, all);
        if !self.bar.is_hidden() {
            self.bar.set_prefix(self.pace.words());
        }
        self.bar_of(&step_bar(step), step.steps_per_epoch, step.step, || step_words(step));
        let left = self.pace.left;
        self.now_and_then(
            || {
                let mut event = with_event("step", json!(step));
                event["seconds_left"] = json!(left);
                event
            },
            || {
                let left = left.map_or(String::new(), |left| {
                    format!("; about {} left of the run", duration(left))
                });
                format!(
                    "epoch {}/{}, step {}/{}: loss {:.4}, accuracy {:.3}, rate {:.2e}, {:.0} photos/s, waiting {:.1} %{left}",
                    step.epoch,
                    step.epochs,
                    count(step.step),
                    count(step.steps_per_epoch),
                    step.loss,
                    step.accuracy,
                    step.learning_rate,
                    step.photos_per_second,
                    100.0 * step.waiting
                )
            },
        );
    }

    fn validating(&mut self, done: u64, all: u64) {
        self.bar_of(
            "validation {bar:24} {human_pos}/{human_len}, {eta} left",
            all,
            done,
            String::new,
        );
        self.now_and_then(
            || json!({ "event": "validating", "done": done, "all": all }),
            || format!("validated {} of {} samples", count(done), count(all)),
        );
    }

    fn tried(&mut self, done: u32, all: u32, learning_rate: f64, loss: f64) {
        let template = "{bar:32} {human_pos}/{human_len} rates, {msg}, {eta} left";
        let message = || format!("loss {loss:.4} at {learning_rate:.1e}");
        self.bar_of(template, all.into(), done.into(), message);
        self.now_and_then(
            || json!({ "event": "tried", "learning_rate": learning_rate, "loss": loss }),
            || format!("{done} of {all} rates: {}", message()),
        );
    }

    fn epoch(&mut self, epoch: &EpochReport) {
        self.last_line = Instant::now();
        if self.json {
            return event(&with_event("epoch", json!(epoch)));
        }
        if self.brief && epoch.seconds < LINE_INTERVAL.as_secs_f64() {
            return;
        }
        let row = &epoch.row;
        let validation = row.validation.map_or(String::new(), |found| {
            format!("; validation {:.4}, {:.3}", found.loss, found.accuracy)
        });
        let best = if row.best && row.validation.is_some() { ", the best so far" } else { "" };
        let line = format!(
            "epoch {}/{}: loss {:.4}, accuracy {:.3}{validation}{best}; {}, {:.0} photos/s, waiting {:.1} %",
            row.epoch,
            epoch.epochs,
            row.train_loss,
            row.train_accuracy,
            duration(epoch.seconds),
            epoch.photos_per_second,
            100.0 * epoch.waiting
        );
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

/// The bar of an epoch: the time that it still takes, and that the run does.
fn step_bar(step: &StepReport) -> String {
    let epochs = format!("epoch {}/{}", step.epoch, step.epochs);
    format!("{epochs} {{bar:6}} {{human_pos}}/{{human_len}} {{msg}}, {{eta}} left{{prefix}}")
}

fn step_words(step: &StepReport) -> String {
    format!("loss {:.4}, {:.3} right", step.loss, step.accuracy)
}

/// An object with a key that says what it is, first.
pub(in crate::cli) fn with_event(name: &str, value: Value) -> Value {
    let mut object = json!({ "event": name });
    if let (Some(object), Value::Object(value)) = (object.as_object_mut(), value) {
        object.extend(value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_run_still_takes_counts_the_epochs_to_come_and_not_those_of_an_earlier_process()
     {
        let begun = Instant::now();
        let mut pace = Pace::default();
        // Gone on from step 1,000 of 2,000.
        pace.step(begun, 1001, 2000);
        assert_eq!(pace.words(), "", "one step says nothing");
        pace.step(begun + Duration::from_secs(20), 1011, 2000);
        assert_eq!(pace.left.map(f64::round), Some(1978.0));
        assert_eq!(pace.words(), "; all 33.0 min");
        pace.step(begun + Duration::from_secs(2000), 2000, 2000);
        assert_eq!(pace.left, Some(0.0));
    }

    #[test]
    fn the_bar_of_an_epoch_fits_80_columns() {
        let step = StepReport {
            epoch: 100,
            epochs: 100,
            step: 1234,
            steps_per_epoch: 5760,
            run_step: 571_474,
            loss: 1.0986,
            accuracy: 0.333,
            learning_rate: 1e-3,
            photos_per_second: 1234.5,
            waiting: 0.1,
        };
        let pace = Pace { first: None, left: Some(44_300.0) };
        let line = step_bar(&step)
            .replace("{bar:6}", "██████")
            .replace("{human_pos}/{human_len}", "1,234/5,760")
            .replace("{msg}", &step_words(&step))
            .replace("{eta}", "59m")
            .replace("{prefix}", &pace.words());
        assert!(line.chars().count() <= 80, "{line}");
        assert!(line.ends_with("59m left; all 12.3 h"), "{line}");
    }
}
