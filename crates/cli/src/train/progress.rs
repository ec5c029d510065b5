//! How far a run is: a bar on a terminal, plain lines elsewhere, JSON events for scripts.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};
use tcolz_train::evaluate::Proportion;
use tcolz_train::{Begun, EpochReport, StepReport, TrainObserver};

use super::super::output::{bytes, count, duration, plain, plural, rate, say, says_little};
use super::super::progress::{bar_style, event, message_style};

/// Time between two plain lines, and between two events of the same kind.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// A message beside a bar, as long as one can be.
const LONGEST_MESSAGE: &str = "loss 1.23e300, 0.123 right, all 12.3 min";

/// Watches a run.
pub(crate) struct TrainProgress {
    json: bool,
    /// Says only what takes long and what may spoil the result.
    brief: bool,
    bar: ProgressBar,
    /// Where bars are drawn.
    target: Box<dyn Fn() -> ProgressDrawTarget + Send>,
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

    /// `, all 2.1 h`: before the time that the epoch still takes.
    fn words(&self) -> String {
        self.left.map_or(String::new(), |left| format!(", all {}", duration(left)))
    }
}

impl TrainProgress {
    pub(crate) fn new(json: bool) -> TrainProgress {
        let is_shown = !json && std::io::stderr().is_terminal();
        let target = move || match is_shown {
            true => ProgressDrawTarget::stderr_with_hz(8),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target()).with_style(message_style());
        let target = Box::new(target);
        let pace = Pace::default();
        TrainProgress { json, brief: false, bar, target, last_line: Instant::now(), pace }
    }

    /// For a run that is one of many.
    pub(crate) fn brief(json: bool) -> TrainProgress {
        TrainProgress { brief: true, ..TrainProgress::new(json) }
    }

    /// Removes the bar, so that what follows stands alone.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, kind: &str, text: &str) {
        if self.json {
            event(&json!({ "event": kind, "text": text }));
        } else {
            self.bar.suspend(|| say!("{kind}: {}", plain(text)));
        }
    }

    /// An event, where it is an event's turn; a line, where it is a line's.
    fn now_and_then(&mut self, value: impl FnOnce() -> Value, line: impl FnOnce() -> String) {
        if !self.bar.is_hidden() || self.last_line.elapsed() < LINE_INTERVAL {
            return;
        }
        self.last_line = Instant::now();
        if self.json { event(&value()) } else { say!("{}", line()) }
    }

    /// Moves the bar of a kind of work, which begins anew where its length or `before` is another one.
    fn bar_of(&mut self, [before, unit]: [&str; 2], length: u64, position: u64, message: String) {
        if self.bar.is_hidden() {
            return;
        }
        if self.bar.length() != Some(length) || self.bar.position() > position {
            // A bar of its own, which is not drawn before all of it is known.
            self.bar.finish_and_clear();
            self.bar = ProgressBar::with_draw_target(Some(length), (self.target)())
                .with_style(bar_style(before, length, unit, LONGEST_MESSAGE))
                .with_message(message)
                .with_position(position);
            self.bar.tick();
            return;
        }
        self.bar.set_message(message);
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
        lines.iter().for_each(|line| say!("{line}"));
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
        say!(
            "features of {}: {} in {}; {there}",
            plural(all, "sample"),
            bytes(size),
            file.display()
        );
    }

    fn features(&mut self, done: u64, all: u64) {
        let message = format!("{}/s", rate(self.bar.per_sec()));
        self.bar_of(["", " features"], all, done, message);
        self.now_and_then(
            || json!({ "event": "features", "done": done, "all": all }),
            || format!("features of {} of {} samples", count(done), count(all)),
        );
    }

    fn step(&mut self, step: &StepReport) {
        let all = u64::from(step.epochs) * step.steps_per_epoch;
        self.pace.step(Instant::now(), step.run_step, all);
        let left = self.pace.left;
        // Speed and rate do not fit beside a bar.
        let before = format!("epoch {}/{} ", step.epoch, step.epochs);
        let words =
            || format!("loss {}, {:.3} right{}", loss(step.loss), step.accuracy, self.pace.words());
        let words = words();
        self.bar_of([&before, ""], step.steps_per_epoch, step.step, words);
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
                    "epoch {}/{}, step {}/{}: loss {}, accuracy {:.3}, rate {:.2e}, {} photos/s, waiting {:.1} %{left}",
                    step.epoch,
                    step.epochs,
                    count(step.step),
                    count(step.steps_per_epoch),
                    loss(step.loss),
                    step.accuracy,
                    step.learning_rate,
                    rate(step.photos_per_second),
                    100.0 * step.waiting
                )
            },
        );
    }

    fn validating(&mut self, done: u64, all: u64) {
        let message = format!("{}/s", rate(self.bar.per_sec()));
        self.bar_of(["validation ", ""], all, done, message);
        self.now_and_then(
            || json!({ "event": "validating", "done": done, "all": all }),
            || format!("validated {} of {} samples", count(done), count(all)),
        );
    }

    fn tried(&mut self, done: u32, all: u32, learning_rate: f64, loss: f64) {
        let message = || format!("loss {} at {learning_rate:.1e}", self::loss(loss));
        self.bar_of(["", " rates"], all.into(), done.into(), message());
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
            let right = (found.accuracy * found.samples as f64).round() as u64;
            let Proportion { low, high, .. } = Proportion::of(right, found.samples);
            format!(
                "; validation loss {}, accuracy {:.3} ({low:.2} to {high:.2})",
                loss(found.loss),
                found.accuracy
            )
        });
        let best =
            if row.best && row.validation.is_some() { ", the lowest loss so far" } else { "" };
        let speed = match says_little(epoch.seconds) {
            true => String::new(),
            false => format!(
                ", {} photos/s, waiting {:.1} %",
                rate(epoch.photos_per_second),
                100.0 * epoch.waiting
            ),
        };
        let line = format!(
            "epoch {}/{}: loss {}, accuracy {:.3}{validation}{best}; {}{speed}",
            row.epoch,
            epoch.epochs,
            loss(row.train_loss),
            row.train_accuracy,
            duration(epoch.seconds),
        );
        self.bar.suspend(|| say!("{line}"));
    }
}

/// A loss with four decimals, or as a power of ten where a run diverges.
fn loss(loss: f64) -> String {
    if loss.abs() < 1e4 { format!("{loss:.4}") } else { format!("{loss:.2e}") }
}

/// An object with a key that says what it is, first.
pub(crate) fn with_event(name: &str, value: Value) -> Value {
    let mut object = json!({ "event": name });
    if let (Some(object), Value::Object(value)) = (object.as_object_mut(), value) {
        object.extend(value);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::Screen;

    #[test]
    fn every_bar_of_a_training_fits_80_columns() {
        let screen = Screen::default();
        let mut progress = TrainProgress::new(false);
        let drawn = screen.clone();
        progress.target = Box::new(move || drawn.target());
        progress.bar.set_draw_target(screen.target());
        let step = StepReport {
            epoch: 999,
            epochs: 1000,
            step: 999_999,
            steps_per_epoch: 1_000_000,
            run_step: 0,
            loss: 0.0,
            accuracy: 0.123456,
            learning_rate: 1.234e-5,
            photos_per_second: 123_456.7,
            waiting: 1.0,
        };
        // Draws that come too soon after one another are left out: each kind is drawn twice.
        let wait = || std::thread::sleep(Duration::from_millis(20));
        for loss in [0.0, 12.3456, 1.234e300, f64::NAN] {
            for _ in 0..2 {
                wait();
                progress.step(&StepReport { loss, ..step });
            }
            for _ in 0..2 {
                wait();
                progress.tried(99, 100, 1.234e-5, loss);
            }
        }
        for all in [10_000_000, 300] {
            for _ in 0..2 {
                wait();
                progress.features(all - 1, all);
            }
            for _ in 0..2 {
                wait();
                progress.validating(all - 2, all);
            }
        }
        screen.fits(80, &["epoch 999/1000", "validation", "features", "rates"]);
    }

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
        assert_eq!(pace.words(), ", all 33.0 min");
        pace.step(begun + Duration::from_secs(2000), 2000, 2000);
        assert_eq!(pace.left, Some(0.0));
    }
}
