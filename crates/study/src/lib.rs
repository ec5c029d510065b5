//! Several models side by side: trained, evaluated and measured as a study's file says, and a report of it all.
//!
//! ```text
//! STUDY.toml ─▶ Plan: jobs ─▶ run_job: train, evaluate, cost, labels ─▶ documents in OUT
//!                                                                          └▶ Results ─▶ report: tables, pictures, page
//! ```
//! A job is done whole or not at all, and known by a hash of everything that decides its result: a study that was
//! stopped goes on, and one whose file was changed keeps what stays the same. Times differ from one machine to the
//! next; all other numbers are the same however often it was stopped.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`spec`], `check`, `checks`, `tested`, `fault`, `origin` | STUDY.toml, and everything that can be known to be wrong with it |
//! | [`plan`], `options`, `making`, `planned`, `entries`, `repeated`, `training`, `hashes` | entries → jobs, each once |
//! | [`job`], [`run`] | a job, its folder, and doing it |
//! | [`folds`], [`labels`], `resources` | what jobs need or measure |
//! | [`cost`], [`timing`], [`mod@reference`] | what inference costs, how well that is known, and whether the machine was busy |
//! | `jobs`, `ending`, `forecast`, `collect`, [`results`] | all jobs, how long they will take, and what they found |
//! | [`report`] | the report, a function of [`Results`] |
//! | [`published`] | figures of others |
//!
//! ```no_run
//! use tcolz_study::{Plan, StudyOptions};
//!
//! let plan = Plan::of(StudyOptions::new("study.toml", "study-out"))?;
//! println!("{} jobs", plan.jobs.len());
//! # Ok::<(), tcolz_study::StudyError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod check;
mod checks;
mod collect;
pub mod cost;
mod ending;
mod entries;
mod error;
mod fault;
pub mod folds;
mod forecast;
mod hashes;
pub mod job;
mod jobs;
pub mod labels;
mod leaks;
mod making;
mod options;
mod origin;
pub mod plan;
mod planned;
pub mod published;
pub mod reference;
mod repeated;
pub mod report;
mod resources;
pub mod results;
pub mod run;
pub mod spec;
mod tested;
pub mod timing;
mod training;

pub use ending::{Failed, JobEnding};
pub use error::StudyError;
pub use fault::Fault;
pub use forecast::TimeLeft;
pub use job::{Job, Work};
pub use jobs::{Jobs, StudySummary, study};
pub use options::StudyOptions;
pub use plan::Plan;
pub use results::Results;
pub use run::{JobObserver, run_job};
pub use spec::{SpecError, StudySpec};
