//! How long a study will take, from the times of jobs of the same kind that are done.
//!
//! A training is like one of the same network, layers and dataset, for so many epochs on so large a share of the data; an
//! evaluation is like one of the same network on the same dataset. Features of a frozen backbone are computed once for all
//! that share them, so the time that took is left out. What is like nothing that is done is not guessed.

use std::collections::HashMap;

use serde::Serialize;

use super::StudyError;
use super::job::{Job, Work};
use super::plan::Plan;

/// What is known of the time that is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TimeLeft {
    /// Jobs that are not done.
    pub jobs: usize,
    /// Seconds of those of a kind that was timed before.
    pub seconds: f64,
    /// How many are of a kind that was not.
    pub unknown: usize,
}

/// Mean seconds by kind: for one unit of work.
#[derive(Debug, Default)]
struct Pace(HashMap<String, (f64, f64)>);

impl Plan {
    /// The time that is left.
    ///
    /// # Errors
    /// [`StudyError::Damaged`] when a document cannot be read.
    pub fn time_left(&self) -> Result<TimeLeft, StudyError> {
        let expected = self.expected_seconds()?;
        let mut left = TimeLeft::default();
        for (job, seconds) in self.jobs.iter().zip(expected) {
            if !job.is_done(&self.options.out) {
                left.jobs += 1;
                left.seconds += seconds.unwrap_or(0.0);
                left.unknown += usize::from(seconds.is_none());
            }
        }
        Ok(left)
    }

    /// For each job the seconds that it took or will take; `None` where nobody knows.
    ///
    /// # Errors
    /// [`StudyError::Damaged`] when a document cannot be read.
    pub fn expected_seconds(&self) -> Result<Vec<Option<f64>>, StudyError> {
        let out = &self.options.out;
        let mut pace = Pace::default();
        let mut taken = Vec::with_capacity(self.jobs.len());
        for job in &self.jobs {
            let seconds = job.seconds(out);
            if let Some(seconds) = seconds {
                let features = match &job.work {
                    Work::Train { .. } => job.read(out)?.map_or(0.0, |document| {
                        document.number("/times/feature_seconds").unwrap_or(0.0)
                    }),
                    _ => 0.0,
                };
                pace.add(self, job, (seconds - features).max(0.0));
            }
            taken.push(seconds);
        }
        let expected = self.jobs.iter().zip(taken);
        Ok(expected.map(|(job, taken)| taken.or_else(|| pace.of(self, job))).collect())
    }
}

impl Pace {
    fn add(&mut self, plan: &Plan, job: &Job, seconds: f64) {
        for kind in kinds(plan, job) {
            let (sum, units) = self.0.entry(kind).or_default();
            (*sum, *units) = (*sum + seconds, *units + units_of(job));
        }
    }

    fn of(&self, plan: &Plan, job: &Job) -> Option<f64> {
        let (sum, units) = kinds(plan, job).into_iter().find_map(|kind| self.0.get(&kind))?;
        (*units > 0.0).then(|| sum / units * units_of(job))
    }
}

/// What a job is like, the closest first.
fn kinds(plan: &Plan, job: &Job) -> Vec<String> {
    match &job.work {
        Work::Train { options, dataset } => {
            // With augmentation no features are kept: every epoch goes through the whole network.
            let augmented = if options.augment.is_nothing() { "" } else { ", augmented" };
            let like = format!("train {} {}{augmented}", options.network, options.finetune);
            vec![format!("{like} {:?} {dataset}", options.size), like]
        }
        Work::Evaluate { train, dataset, select, .. } => {
            let Work::Train { options, .. } = &plan.jobs[*train].work else { return Vec::new() };
            let like = format!("evaluate {}", options.network);
            let on = format!("{like} {dataset}");
            vec![format!("{on} {} {:?}", select.split, select.condition), on, like]
        }
        Work::Cost { measured, .. } => {
            vec![format!("cost {}", measured.network), "cost".to_owned()]
        }
        Work::Labels { .. } => vec!["labels".to_owned()],
    }
}

/// How much of its kind a job is.
fn units_of(job: &Job) -> f64 {
    let Work::Train { options, .. } = &job.work else { return 1.0 };
    let percent =
        options.select.percent.and_then(|percent| percent.to_string().parse::<f64>().ok());
    f64::from(options.epochs) * percent.unwrap_or(100.0) / 100.0
}
