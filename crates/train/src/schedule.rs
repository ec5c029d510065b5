//! Learning rates: pure functions of (step, steps an epoch, epochs, base rate), as `torch.optim.lr_scheduler`.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the learning rate goes with the steps. As text, for the command line and for checkpoints:
///
/// | text | meaning |
/// | --- | --- |
/// | `constant` | the base rate |
/// | `step:EPOCHS:FACTOR` | times FACTOR every so many epochs (`StepLR`) |
/// | `cosine[:STEPS]` | STEPS of linear warm-up, then half a cosine down to 0 (`CosineAnnealingLR`) |
/// | `one-cycle[:RISE[:START[:END[:LOW-HIGH]]]]` | up to the base rate over the share RISE of all steps, then down (`OneCycleLR`) |
/// | `cyclical[:EPOCHS[:DIVISOR]]` | up and down between base / DIVISOR and base, EPOCHS each way (`CyclicLR`) |
/// | `b-t4sa-2018` | base / 10^((epoch + 1) div 5): that of the replaced pipeline |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// The base rate.
    Constant,
    /// Smaller (or larger) by a factor every few epochs.
    Step {
        /// Epochs from one change to the next.
        epochs: u32,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Linear warm-up, then half a cosine from the base rate to 0, which it reaches with the step behind the last.
    Cosine {
        /// Steps of the warm-up: step k takes (k + 1) / steps of the base rate.
        warm_up: u64,
    },
    /// Smith & Topin 2017: half a cosine up, half a cosine down. The base rate is the highest.
    OneCycle {
        /// Share of all steps that the rate rises.
        rise: f64,
        /// The first rate is the base rate divided by this.
        start_divisor: f64,
        /// The last rate is the first one divided by this.
        end_divisor: f64,
        /// Lowest and highest momentum: it falls while the rate rises, and rises while it falls.
        momentum: Option<[f64; 2]>,
    },
    /// Smith 2015, triangular. The base rate is the highest.
    Cyclical {
        /// Epochs from the lowest rate to the highest, and as many back.
        epochs: u32,
        /// The lowest rate is the base rate divided by this.
        divisor: f64,
    },
    /// That of the replaced pipeline: base / 10^((epoch + 1) div 5), epochs counted from 0.
    BT4sa2018,
}

/// A text that names no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
#[non_exhaustive]
pub struct ScheduleError(String);

/// `OneCycleLR`'s own.
const RISE: f64 = 0.3;
const START_DIVISOR: f64 = 25.0;
const END_DIVISOR: f64 = 1e4;
/// Smith 2015 advises 2 to 8 epochs; fewer suit short fine-tuning.
const CYCLE_EPOCHS: u32 = 2;
const CYCLE_DIVISOR: f64 = 10.0;

impl Schedule {
    /// The learning rate of a step, counted from 0 over the whole run. Behind the last step the last rate stays.
    pub fn learning_rate(self, step: u64, steps_per_epoch: u64, epochs: u32, base: f64) -> f64 {
        let per_epoch = steps_per_epoch.max(1);
        let (epoch, total) = (step / per_epoch, per_epoch * u64::from(epochs));
        match self {
            Schedule::Constant => base,
            Schedule::Step { epochs, factor } => {
                let changes = epoch / u64::from(epochs.max(1));
                base * factor.powi(i32::try_from(changes).unwrap_or(i32::MAX))
            }
            Schedule::Cosine { warm_up } => {
                if step < warm_up {
                    return base * (step + 1) as f64 / warm_up as f64;
                }
                let steps = total.saturating_sub(warm_up).max(1);
                let share = ((step - warm_up) as f64 / steps as f64).min(1.0);
                base * (1.0 + (PI * share).cos()) / 2.0
            }
            Schedule::OneCycle { rise, start_divisor, end_divisor, .. } => {
                let start = base / start_divisor;
                one_cycle(step, total, rise, [start, base, start / end_divisor])
            }
            Schedule::Cyclical { epochs, divisor } => {
                let (low, half) = (base / divisor, per_epoch * u64::from(epochs.max(1)));
                let place = step % (2 * half);
                let share = place.min(2 * half - place) as f64 / half as f64;
                low + (base - low) * share
            }
            Schedule::BT4sa2018 => {
                let power = i32::try_from((epoch + 1) / 5).unwrap_or(i32::MAX);
                base / 10f64.powi(power)
            }
        }
    }

    /// The momentum of a step: `base` but where the schedule moves it.
    pub fn momentum(self, step: u64, steps_per_epoch: u64, epochs: u32, base: f64) -> f64 {
        match self {
            Schedule::OneCycle { rise, momentum: Some([low, high]), .. } => {
                let total = steps_per_epoch.max(1) * u64::from(epochs);
                one_cycle(step, total, rise, [high, low, high])
            }
            _ => base,
        }
    }
}

/// `OneCycleLR`'s two phases from the first value over the second to the third: the first ends with step
/// rise · total − 1, the second with the last one.
fn one_cycle(step: u64, total: u64, rise: f64, [first, second, third]: [f64; 3]) -> f64 {
    let (top, last) = (rise * total as f64 - 1.0, total as f64 - 1.0);
    let step = step as f64;
    let (from, to, start, end) =
        if step <= top { (first, second, 0.0, top) } else { (second, third, top, last) };
    // A phase of no steps is over when it begins.
    let share = if end > start { ((step - start) / (end - start)).min(1.0) } else { 1.0 };
    to + (from - to) / 2.0 * ((PI * share).cos() + 1.0)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Constant => f.write_str("constant"),
            Schedule::Step { epochs, factor } => write!(f, "step:{epochs}:{factor}"),
            Schedule::Cosine { warm_up } => write!(f, "cosine:{warm_up}"),
            Schedule::OneCycle { rise, start_divisor, end_divisor, momentum } => {
                write!(f, "one-cycle:{rise}:{start_divisor}:{end_divisor}")?;
                match momentum {
                    Some([low, high]) => write!(f, ":{low}-{high}"),
                    None => Ok(()),
                }
            }
            Schedule::Cyclical { epochs, divisor } => write!(f, "cyclical:{epochs}:{divisor}"),
            Schedule::BT4sa2018 => f.write_str("b-t4sa-2018"),
        }
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Schedule, ScheduleError> {
        text.parse()
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let mut parts = Parts { text, rest: parts.collect() };
        let schedule = match name {
            "constant" => Schedule::Constant,
            "step" => Schedule::Step {
                epochs: parts.next("EPOCHS", "epochs, 1 or more", None, |&epochs| epochs > 0)?,
                factor: parts.next("FACTOR", "a factor above 0", None, positive)?,
            },
            "cosine" => Schedule::Cosine {
                warm_up: parts.next("STEPS", "steps of warm-up", Some(0), |_| true)?,
            },
            "one-cycle" => Schedule::OneCycle {
                rise: parts.next("RISE", "a share from 0 to 1", Some(RISE), |share| {
                    (0.0..=1.0).contains(share)
                })?,
                start_divisor: parts.divisor("START", START_DIVISOR)?,
                end_divisor: parts.divisor("END", END_DIVISOR)?,
                momentum: parts.momentum()?,
            },
            "cyclical" => Schedule::Cyclical {
                epochs: parts
                    .next("EPOCHS", "epochs, 1 or more", Some(CYCLE_EPOCHS), |&n| n > 0)?,
                divisor: parts.divisor("DIVISOR", CYCLE_DIVISOR)?,
            },
            "b-t4sa-2018" => Schedule::BT4sa2018,
            _ => {
                return Err(ScheduleError(format!(
                    "expected a schedule (constant, step:EPOCHS:FACTOR, cosine[:STEPS], \
                     one-cycle[:RISE], cyclical[:EPOCHS], b-t4sa-2018), found {text:?}"
                )));
            }
        };
        match parts.rest.first() {
            None => Ok(schedule),
            Some(more) => Err(ScheduleError(format!("{text:?}: {more:?} is one part too many"))),
        }
    }
}

fn positive(value: &f64) -> bool {
    value.is_finite() && *value > 0.0
}

/// What stands behind a schedule's name.
struct Parts<'a> {
    text: &'a str,
    rest: Vec<&'a str>,
}

impl Parts<'_> {
    fn next<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
        default: Option<T>,
        is_right: impl Fn(&T) -> bool,
    ) -> Result<T, ScheduleError> {
        let text = self.text;
        if self.rest.is_empty() {
            let missing = || ScheduleError(format!("{text:?}: {name} is missing: {expected}"));
            return default.ok_or_else(missing);
        }
        let found = self.rest.remove(0);
        found.parse().ok().filter(is_right).ok_or_else(|| {
            ScheduleError(format!("{text:?}: expected {expected} for {name}, found {found:?}"))
        })
    }

    fn divisor(&mut self, name: &str, default: f64) -> Result<f64, ScheduleError> {
        let is_right = |value: &f64| value.is_finite() && *value >= 1.0;
        self.next(name, "a divisor of 1 or more", Some(default), is_right)
    }

    fn momentum(&mut self) -> Result<Option<[f64; 2]>, ScheduleError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (text, found) = (self.text, self.rest.remove(0));
        let ends = found.split_once('-').and_then(|(low, high)| {
            let ends: [f64; 2] = [low.parse().ok()?, high.parse().ok()?];
            (0.0 <= ends[0] && ends[0] <= ends[1] && ends[1] < 1.0).then_some(ends)
        });
        ends.map(Some).ok_or_else(|| {
            ScheduleError(format!(
                "{text:?}: expected LOW-HIGH momentum from 0 to below 1, as 0.85-0.95, found {found:?}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let texts = [
            ("constant", Schedule::Constant),
            ("step:5:0.1", Schedule::Step { epochs: 5, factor: 0.1 }),
            ("cosine:12", Schedule::Cosine { warm_up: 12 }),
            ("cyclical:2:10", Schedule::Cyclical { epochs: 2, divisor: 10.0 }),
            ("b-t4sa-2018", Schedule::BT4sa2018),
        ];
        for (text, schedule) in texts {
            assert_eq!(text.parse(), Ok(schedule));
            assert_eq!(schedule.to_string(), text);
        }
        let written = "one-cycle:0.3:25:10000:0.85-0.95";
        let schedule: Schedule = written.parse().unwrap();
        assert_eq!(schedule.to_string(), written);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(json, format!("{written:?}"));
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
        assert_eq!("one-cycle".parse::<Schedule>().unwrap().to_string(), "one-cycle:0.3:25:10000");
        assert_eq!("cosine".parse(), Ok(Schedule::Cosine { warm_up: 0 }));
        assert_eq!("cyclical".parse::<Schedule>().unwrap().to_string(), "cyclical:2:10");
    }

    #[test]
    fn what_is_no_schedule_is_told_what_was_expected() {
        let wrong = [
            ("linear", "expected a schedule (constant, step:EPOCHS:FACTOR"),
            ("step", "EPOCHS is missing"),
            ("step:5", "FACTOR is missing: a factor above 0"),
            ("step:0:0.1", "expected epochs, 1 or more for EPOCHS, found \"0\""),
            ("step:5:-1", "expected a factor above 0 for FACTOR, found \"-1\""),
            ("step:5:0.1:2", "\"2\" is one part too many"),
            ("constant:1", "\"1\" is one part too many"),
            ("cosine:x", "expected steps of warm-up for STEPS, found \"x\""),
            ("one-cycle:1.5", "expected a share from 0 to 1 for RISE, found \"1.5\""),
            ("one-cycle:NaN", "a share from 0 to 1"),
            ("one-cycle:0.3:0", "a divisor of 1 or more for START"),
            ("one-cycle:0.3:25:1e4:0.9", "LOW-HIGH momentum"),
            ("cyclical:2:0.5", "a divisor of 1 or more for DIVISOR"),
        ];
        for (text, expected) in wrong {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_old_pipelines_rates_fall_with_its_epochs_four_nine_and_fourteen() {
        let rates: Vec<f64> = (0..15)
            .map(|epoch| Schedule::BT4sa2018.learning_rate(epoch * 7, 7, 15, 1e-3))
            .collect();
        for (epoch, rate) in rates.into_iter().enumerate() {
            let expected = [1e-3, 1e-4, 1e-5, 1e-6][(epoch + 1) / 5];
            assert!((rate / expected - 1.0).abs() < 1e-12, "epoch {epoch}: {rate}");
        }
    }

    #[test]
    fn no_schedule_leaves_the_numbers_whatever_the_lengths() {
        let texts = [
            "constant",
            "step:1:0.5",
            "cosine:9",
            "one-cycle:0",
            "one-cycle:1",
            "one-cycle",
            "cyclical",
        ];
        for text in texts {
            let schedule: Schedule = text.parse().unwrap();
            for (per_epoch, epochs) in [(0, 0), (1, 1), (1, 2), (3, 1), (5, 4)] {
                for step in 0..40 {
                    let rate = schedule.learning_rate(step, per_epoch, epochs, 0.1);
                    assert!(
                        (0.0..=0.1).contains(&rate),
                        "{text} {per_epoch} {epochs} {step}: {rate}"
                    );
                }
            }
        }
    }
}
