//! A plan in the making: its jobs so far, what was tested, and what is wrong.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::fault::Faults;
use super::hashes::FileHashes;
use super::job::Job;
use super::options::StudyOptions;
use super::origin::Origin;
use super::spec::StudySpec;
use super::tested::Checks;
use tcolz_format::dataset::Dataset;

/// Jobs without doubles.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    pub(super) list: Vec<Job>,
    by_id: HashMap<String, usize>,
}

impl Jobs {
    /// The index of a job, which may be there already.
    pub(super) fn add(&mut self, job: Job) -> usize {
        let next = self.list.len();
        let index = *self.by_id.entry(job.id.clone()).or_insert(next);
        if index == next {
            self.list.push(job);
        }
        index
    }
}

/// A plan in the making.
pub(super) struct Making<'a> {
    pub(super) jobs: Jobs,
    pub(super) options: &'a StudyOptions,
    pub(super) spec: &'a StudySpec,
    /// What paths of the file are relative to.
    pub(super) base: &'a Path,
    pub(super) datasets: &'a BTreeMap<String, Dataset>,
    pub(super) hashes: FileHashes,
    /// What is wrong so far.
    pub(super) faults: Faults,
    /// `None`: nothing is tested.
    pub(super) checks: Option<Checks>,
    /// The entry that is being planned.
    pub(super) origin: Origin,
}
