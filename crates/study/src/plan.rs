//! A study's file → jobs in the order in which they are done, and what belongs to which entry.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::StudyError;
use super::checks::Checks;
use super::fault::{Faults, Origin};
use super::job::{Job, Work};
use super::spec::{StudySpec, TrainingSpec};
use super::training::FileHashes;
use tcolz_base::door::{call, option};
use tcolz_format::dataset::{Dataset, dataset_around};
use tcolz_train::{DeviceChoice, open_device};

/// Where a study lies and what it may use. None of it decides a result, but threads decide times.
#[derive(Debug, Clone)]
pub struct StudyOptions {
    /// The study's file.
    pub file: PathBuf,
    /// The study's folder: documents, runs, report.
    pub out: PathBuf,
    /// Where networks are trained and evaluated.
    pub device: DeviceChoice,
    /// Threads that compute; else all cores.
    pub threads: Option<usize>,
    /// Bytes of memory that a training may need; else what is available.
    pub memory_limit: Option<u64>,
    /// Measure all costs again, and do nothing else.
    pub measure_again: bool,
}

impl StudyOptions {
    /// With every default.
    pub fn new(file: impl Into<PathBuf>, out: impl Into<PathBuf>) -> StudyOptions {
        StudyOptions {
            file: file.into(),
            out: out.into(),
            device: DeviceChoice::Auto,
            threads: None,
            memory_limit: None,
            measure_again: false,
        }
    }
}

impl StudyOptions {
    /// The call that measures all costs anew, as it is typed, in backticks.
    pub(super) fn call_to_measure_again(&self) -> String {
        let [file, out] = [&self.file, &self.out].map(|path| as_typed(&path.to_string_lossy()));
        let threads = self.threads.map(|threads| threads.to_string());
        let threads = threads.as_deref().map(|threads| ("threads", threads));
        let options = [("out", &*out)].into_iter().chain(threads).chain([("measure_again", "")]);
        call("study", &[&file], &options.collect::<Vec<_>>())
    }
}

/// As a shell takes it for one word.
fn as_typed(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:+,@%=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Everything that a study does.
#[derive(Debug)]
pub struct Plan {
    /// Where it lies and what it may use.
    pub options: StudyOptions,
    /// What was asked for.
    pub spec: StudySpec,
    /// Every job once, each behind those that it needs.
    pub jobs: Vec<Job>,
    pub(super) datasets: BTreeMap<String, Dataset>,
    pub(super) models: Vec<PlannedModel>,
    pub(super) cross_validations: Vec<PlannedFolds>,
    pub(super) learning_curves: Vec<PlannedCurve>,
    pub(super) upper_limits: Vec<PlannedLimit>,
    /// Names of datasets with their jobs.
    pub(super) labels: Vec<(String, usize)>,
}

/// An entry of the models with one of its seeds.
#[derive(Debug)]
pub(super) struct PlannedModel {
    pub(super) name: String,
    pub(super) training: TrainingSpec,
    pub(super) seed: u64,
    pub(super) train: usize,
    /// One for each benchmark that it is evaluated on.
    pub(super) evaluations: Vec<Option<usize>>,
    pub(super) cost: Option<usize>,
}

/// A cross-validation of a model.
#[derive(Debug)]
pub(super) struct PlannedFolds {
    pub(super) name: String,
    pub(super) folds: String,
    pub(super) model: String,
    /// Seed, fold from 1, job of its evaluation.
    pub(super) evaluations: Vec<(u64, u32, usize)>,
}

/// A learning curve.
#[derive(Debug)]
pub(super) struct PlannedCurve {
    pub(super) model: String,
    pub(super) benchmark: String,
    /// Share, seed, jobs of training and evaluation.
    pub(super) points: Vec<(String, u64, usize, usize)>,
}

/// An upper limit.
#[derive(Debug)]
pub(super) struct PlannedLimit {
    pub(super) model: String,
    pub(super) tested_percent: String,
    pub(super) benchmark: Option<String>,
    pub(super) seed: u64,
    pub(super) train: usize,
    pub(super) evaluation: usize,
    pub(super) compared: Option<usize>,
}

impl Plan {
    /// Reads a study's file, opens its datasets, tests everything that can be known before the first job, and writes the
    /// lists of samples that its jobs need into its folder.
    ///
    /// # Errors
    /// [`StudyError::File`] where the file cannot be read; [`StudyError::Faults`]: all that is wrong with what it asks
    /// for; [`StudyError::Train`] for a device that is not there.
    pub fn of(options: StudyOptions) -> Result<Plan, StudyError> {
        open_device(options.device)?;
        Plan::made(options, Some(Checks::default()))
    }

    /// The same without the tests: for a process that does a job of a plan that was tested.
    ///
    /// # Errors
    /// As [`Plan::of`], of what keeps jobs from being planned.
    pub fn of_tested(options: StudyOptions) -> Result<Plan, StudyError> {
        Plan::made(options, None)
    }

    fn made(options: StudyOptions, checks: Option<Checks>) -> Result<Plan, StudyError> {
        let spec = StudySpec::read(&options.file)?;
        if let Some(dataset) = dataset_around(&options.out) {
            let reason = format!(
                "it lies in the dataset {}: take another {}",
                dataset.display(),
                option("out")
            );
            return Err(StudyError::File { path: options.out, reason });
        }
        if let Some(fault) = spec.too_many() {
            return Err(StudyError::Faults { path: options.file, faults: vec![fault] });
        }
        let mut faults = spec.faults();
        let base = options.file.parent().unwrap_or(Path::new(""));
        let mut datasets = BTreeMap::new();
        for (name, dataset) in &spec.datasets {
            let path = base.join(&dataset.path);
            match Dataset::open(&path) {
                Ok(opened) => {
                    datasets.insert(name.clone(), opened);
                }
                Err(error) => {
                    faults.add(format!("[datasets] `{name}`"), format!("path: {error}"));
                }
            }
        }
        let mut making = Making {
            jobs: Jobs::default(),
            options: &options,
            spec: &spec,
            base,
            datasets: &datasets,
            hashes: FileHashes::default(),
            faults,
            checks,
            origin: Origin::of("datasets", "", &[]),
        };
        let models = making.models();
        making.benchmarks();
        let learning_curves = making.learning_curves();
        let cross_validations = making.cross_validations();
        let upper_limits = making.upper_limits(&models);
        let labels = making.labels();
        let (jobs, faults) = (making.jobs.list, making.faults.sorted());
        if !faults.is_empty() {
            return Err(StudyError::Faults { path: options.file, faults });
        }
        Ok(Plan {
            jobs,
            models,
            cross_validations,
            learning_curves,
            upper_limits,
            labels,
            datasets,
            spec,
            options,
        })
    }

    /// The index of a job.
    ///
    /// # Errors
    /// [`StudyError::NoJob`].
    pub fn job(&self, id: &str) -> Result<usize, StudyError> {
        let found = self.jobs.iter().position(|job| job.id == id);
        found.ok_or_else(|| StudyError::NoJob { id: id.to_owned() })
    }
}

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

impl Making<'_> {
    fn labels(&mut self) -> Vec<(String, usize)> {
        let names = self.spec.labels.datasets.iter();
        let jobs = names.filter_map(|name| {
            let root = &self.datasets.get(name)?.meta().content_root;
            let definition = serde_json::json!({ "work": "labels-v1", "content_root": root });
            let words = format!("look at the labels of {name}");
            let work = Work::Labels { dataset: name.clone() };
            Some((name.clone(), self.jobs.add(Job::new("labels", words, work, definition))))
        });
        jobs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_to_measure_again_names_everything_that_the_first_one_did() {
        let mut options = StudyOptions::new("my study.toml", "it's here");
        let said = options.call_to_measure_again();
        assert!(
            said.starts_with(r"`study('my study.toml', out: 'it'\''s here', measure_again"),
            "{said}"
        );
        options = StudyOptions { threads: Some(4), ..StudyOptions::new("a/s.toml", "out-1") };
        let said = options.call_to_measure_again();
        assert!(
            said.starts_with("`study(a/s.toml, out: out-1, threads: 4, measure_again"),
            "{said}"
        );
    }
}
