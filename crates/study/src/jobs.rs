//! All jobs of a study, one after the other, and the report.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::StudyError;
use super::collect::collect;
use super::ending::{Failed, JobEnding};
use super::job::{Job, RESULTS_FOLDER, Work, write_json};
use super::plan::Plan;
use super::report::write_report;
use super::results::Results;
use tcolz_base::durable;
use tcolz_base::durable::FolderLock;
use tcolz_nn::{Model, ModelError};
use tcolz_train::BEST_FILE;

/// Watches a study and does its jobs.
pub trait Jobs {
    /// Does a job: [`super::run_job`] here, or in a process of its own, whose memory is then the job's alone.
    ///
    /// # Errors
    /// When no job can be done any more.
    fn run(&mut self, plan: &Plan, job: &Job, number: usize) -> Result<JobEnding, StudyError>;

    /// What a job left is not as it was written: it is done again.
    fn damaged(&mut self, _job: &Job, _fault: &str) {}

    /// A job ended.
    fn ended(&mut self, _job: &Job, _number: usize, _ending: &JobEnding) {}
}

/// What a study came to.
#[derive(Debug, Clone, Serialize)]
pub struct StudySummary {
    /// Jobs.
    pub jobs: usize,
    /// Of these, done; some of them before.
    pub done: usize,
    /// Of these, done before.
    pub done_before: usize,
    /// Jobs that failed.
    pub failed: Vec<Failed>,
    /// It was asked to stop.
    pub interrupted: bool,
    /// Files of the report.
    pub files: Vec<String>,
    /// The model that the rule chooses, where there is one.
    pub chosen: Option<String>,
    /// Models that cannot be told from it within what was measured.
    pub tied: Vec<String>,
    /// Networks that were measured on a busy machine.
    pub busy: Vec<String>,
    /// What the report is made of.
    #[serde(skip)]
    pub results: Results,
}

/// Does every job that is not done, and writes the report, also when it is stopped or jobs fail. With
/// [`super::StudyOptions::measure_again`] it measures all costs anew instead, and does nothing else.
///
/// # Errors
/// [`StudyError::Locked`]; [`StudyError::Io`]; when the report cannot be written.
pub fn study(
    plan: &Plan,
    stop: &AtomicBool,
    jobs: &mut dyn Jobs,
) -> Result<StudySummary, StudyError> {
    let out = &plan.options.out;
    durable::create_folder(out).map_err(StudyError::io(out))?;
    let lock = FolderLock::take(out).map_err(StudyError::io(out))?;
    let _lock = lock.ok_or_else(|| StudyError::Locked { path: out.clone() })?;
    let measures_again = plan.options.measure_again;
    let is_cost = |job: &&Job| matches!(job.work, Work::Cost { .. });
    if measures_again {
        plan.jobs.iter().filter(is_cost).try_for_each(|job| job.forget(out))?;
    }
    forget_damaged(plan, jobs)?;
    let done_before = plan.jobs.iter().filter(|job| job.is_done(out)).count();
    let mut failed: Vec<Failed> = Vec::new();
    let mut interrupted = false;
    for (number, job) in plan.jobs.iter().enumerate() {
        if job.is_done(out) || (measures_again && !is_cost(&job)) {
            continue;
        }
        if stop.load(Ordering::Relaxed) {
            interrupted = true;
            break;
        }
        if job.work.needs().is_some_and(|needed| !plan.jobs[needed].is_done(out)) {
            continue;
        }
        let ending = jobs.run(plan, job, number)?;
        jobs.ended(job, number, &ending);
        match ending {
            JobEnding::Done => {}
            JobEnding::Interrupted => {
                interrupted = true;
                break;
            }
            JobEnding::Failed(reason) => {
                failed.push(Failed { id: job.id.clone(), words: job.words.clone(), reason });
            }
        }
    }
    let results = collect(plan, &failed)?;
    write_json(&out.join(RESULTS_FOLDER).join("results.json"), &serde_json::json!(results))?;
    let written = write_report(&results, out)?;
    Ok(StudySummary {
        jobs: plan.jobs.len(),
        done: plan.jobs.iter().filter(|job| job.is_done(out)).count(),
        done_before,
        failed,
        interrupted,
        files: written.files.iter().map(|file| file.display().to_string()).collect(),
        chosen: written.chosen,
        tied: written.tied,
        busy: written.busy,
        results,
    })
}

/// Forgets the jobs that are done and left something that is not as it was written any more, and trainings whose model is
/// needed and is not.
fn forget_damaged(plan: &Plan, jobs: &mut dyn Jobs) -> Result<(), StudyError> {
    let out = &plan.options.out;
    let mut forget = |job: &Job, fault: Option<String>| -> Result<(), StudyError> {
        let Some(fault) = fault else { return Ok(()) };
        jobs.damaged(job, &fault);
        job.forget(out)
    };
    plan.jobs.iter().try_for_each(|job| forget(job, job.fault(out)?))?;
    let open = plan.jobs.iter().filter(|job| !job.is_done(out));
    let needed: BTreeSet<usize> = open.filter_map(|job| job.work.needs()).collect();
    for job in needed.into_iter().map(|needed| &plan.jobs[needed]).filter(|job| job.is_done(out)) {
        if let Work::Train { options, .. } = &job.work {
            forget(job, model_fault(&options.out.join(BEST_FILE))?)?;
        }
    }
    Ok(())
}

/// What is wrong with a model's file. What the system refuses, or another version wrote, is an error and not damage.
fn model_fault(path: &Path) -> Result<Option<String>, StudyError> {
    match Model::open(path) {
        Err(ModelError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Some(format!("{}: it is gone", path.display())))
        }
        Err(error @ (ModelError::File { .. } | ModelError::In { .. })) => {
            Ok(Some(error.to_string()))
        }
        opened => Ok(opened.map(|_| None)?),
    }
}
