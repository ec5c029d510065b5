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
//! | [`spec`], `check`, `checks`, `fault` | STUDY.toml, and everything that can be known to be wrong with it |
//! | [`plan`], `entries`, `repeated`, `training` | entries → jobs, each once |
//! | [`job`], [`run`] | a job, its folder, and doing it |
//! | [`folds`], [`labels`], `resources` | what jobs need or measure |
//! | [`cost`], [`timing`], [`mod@reference`] | what inference costs, how well that is known, and whether the machine was busy |
//! | `jobs`, `forecast`, `collect`, [`results`] | all jobs, how long they will take, and what they found |
//! | [`report`] | the report, a function of [`Results`] |
//! | [`published`] | figures of others |

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod check;
mod checks;
mod collect;
pub mod cost;
mod entries;
mod error;
mod fault;
pub mod folds;
mod forecast;
pub mod job;
mod jobs;
pub mod labels;
mod leaks;
pub mod plan;
pub mod published;
pub mod reference;
mod repeated;
pub mod report;
mod resources;
pub mod results;
pub mod run;
pub mod spec;
pub mod timing;
mod training;

pub use error::StudyError;
pub use fault::Fault;
pub use forecast::TimeLeft;
pub use job::{Job, Work};
pub use jobs::{Failed, JobEnding, Jobs, StudySummary, study};
pub use plan::{Plan, StudyOptions};
pub use results::Results;
pub use run::{JobObserver, run_job};
pub use spec::{SpecError, StudySpec};
