//! A study's file → jobs in the order in which they are done, and what belongs to which entry.

use std::collections::BTreeMap;
use std::path::Path;

use super::StudyError;
use super::hashes::FileHashes;
use super::job::{Job, Work};
use super::making::{Jobs, Making};
pub use super::options::StudyOptions;
use super::origin::Origin;
use super::planned::{PlannedCurve, PlannedFolds, PlannedLimit, PlannedModel};
use super::spec::StudySpec;
use super::tested::Checks;
use tcolz_base::door::option;
use tcolz_format::dataset::{Dataset, dataset_around};
use tcolz_train::open_device;

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
