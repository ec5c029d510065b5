//! Entries of the study's file → jobs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::StudyError;
use super::cost::Measured;
use super::fault::Fault;
use super::job::{JOB_FILE, Job, RESULTS_FOLDER, Work};
use super::making::Making;
use super::origin::Origin;
use super::planned::PlannedModel;
use super::spec::{BenchmarkSpec, ProtocolSpec, TrainingSpec};
use super::training::{Material, selection, title};
use tcolz_format::dataset::Dataset;
use tcolz_loader::{Percent, Select};
use tcolz_train::evaluate::Protocol;
use tcolz_train::{Validation, default_size, first_properties};

/// The split that models are evaluated on unless told otherwise.
const USUAL_TEST: &str = "test";

pub(super) type Result<T> = std::result::Result<T, StudyError>;

impl From<ProtocolSpec> for Protocol {
    fn from(protocol: ProtocolSpec) -> Protocol {
        match protocol {
            ProtocolSpec::Plain => Protocol::Plain,
            ProtocolSpec::Ttd => Protocol::Ttd,
        }
    }
}

impl BenchmarkSpec {
    /// Whether a model is evaluated on it.
    fn is_for(&self, training: &TrainingSpec) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(&training.title()))
    }
}

impl<'a> Making<'a> {
    pub(super) fn models(&mut self) -> Vec<PlannedModel> {
        let mut planned = Vec::new();
        for training in self.spec.every_model() {
            self.origin = Origin::model(&training.title());
            match self.model(&training) {
                Ok(models) => planned.extend(models),
                Err(error) => self.note(error),
            }
        }
        planned
    }

    fn model(&mut self, training: &TrainingSpec) -> Result<Vec<PlannedModel>> {
        if training.network.is_none() {
            return Err(self.faulty(Vec::new()));
        }
        let origin = self.origin.clone();
        let mut planned = Vec::new();
        for (number, seed) in training.every_seed().into_iter().enumerate() {
            let train = self.train_as_said(training, seed, training.percent)?;
            let mut evaluations = Vec::new();
            for benchmark in &self.spec.benchmarks {
                self.origin = benchmark_origin(benchmark);
                let is_for = benchmark.is_for(training);
                let evaluation = match is_for.then(|| self.evaluate(training, train, benchmark)) {
                    Some(Err(error)) => {
                        self.note(error);
                        None
                    }
                    evaluation => evaluation.transpose()?,
                };
                evaluations.push(evaluation);
            }
            self.origin = origin.clone();
            let cost = (number == 0).then(|| self.cost(training, train)).flatten();
            // Not the seeds: each of very many models would hold them all.
            let (name, training) =
                (training.title(), TrainingSpec { seeds: None, ..training.clone() });
            planned.push(PlannedModel { name, training, seed, train, evaluations, cost });
        }
        Ok(planned)
    }

    /// Tests benchmarks, those of no model too.
    pub(super) fn benchmarks(&mut self) {
        for benchmark in &self.spec.benchmarks {
            self.origin = benchmark_origin(benchmark);
            let tested = self.benchmark_samples(benchmark).map(|select| {
                self.check_samples(&benchmark.dataset, &select, benchmark.protocol.into());
            });
            tested.unwrap_or_else(|error| self.note(error));
        }
    }

    /// A training as its entry says, on a share of the data.
    pub(super) fn train_as_said(
        &mut self,
        training: &TrainingSpec,
        seed: u64,
        percent: Option<Percent>,
    ) -> Result<usize> {
        let name = training.dataset.clone().unwrap_or_default();
        let dataset = self.dataset(&name)?;
        let split = self.split(&training.split, dataset, &name, "train")?;
        let select = Select {
            condition: training.condition.clone(),
            percent,
            percent_seed: training.percent_seed.unwrap_or(0),
            ..Select::split(&split)
        };
        let validation = training.holdout.map_or(Validation::Auto, Validation::Holdout);
        let words = match percent {
            Some(percent) => format!("{percent} % of {name}"),
            None => name.clone(),
        };
        self.train(training, seed, &Material { words, name: &name, dataset, select, validation })
    }

    pub(super) fn train(
        &mut self,
        training: &TrainingSpec,
        seed: u64,
        material: &Material<'_>,
    ) -> Result<usize> {
        let job = training.job(seed, material, self.base, self.options, &mut self.hashes)?;
        let index = self.jobs.add(job);
        self.check_training(index);
        Ok(index)
    }

    pub(super) fn evaluate(
        &mut self,
        training: &TrainingSpec,
        train: usize,
        benchmark: &BenchmarkSpec,
    ) -> Result<usize> {
        let select = self.benchmark_samples(benchmark)?;
        let (dataset, protocol) = (benchmark.dataset.as_str(), benchmark.protocol.into());
        let samples = Samples { dataset, select, protocol, on: &benchmark.name };
        self.evaluate_on(training, train, samples)
    }

    /// What models are evaluated on.
    fn benchmark_samples(&self, benchmark: &BenchmarkSpec) -> Result<Select> {
        let dataset = self.dataset(&benchmark.dataset)?;
        let split = self.split(&benchmark.split, dataset, &benchmark.dataset, USUAL_TEST)?;
        Ok(Select { condition: benchmark.condition.clone(), ..Select::split(&split) })
    }

    pub(super) fn evaluate_on(
        &mut self,
        training: &TrainingSpec,
        train: usize,
        samples: Samples<'_>,
    ) -> Result<usize> {
        let Samples { dataset: name, select, protocol, on } = samples;
        let dataset = self.dataset(name)?;
        self.check_samples(name, &select, protocol);
        self.check_model(train, name, protocol);
        let definition = json!({
            "work": "evaluate-v1",
            "train": self.jobs.list[train].definition,
            "samples": selection(&select, dataset, &mut self.hashes)?,
            "protocol": protocol,
        });
        let network = training.network.map_or("", |network| network.name());
        let prefix = format!("evaluate-{network}-{}", training.tuned());
        let trained = self.jobs.list[train].words.trim_start_matches("train ").to_owned();
        let words = format!("evaluate on {on}: {trained}");
        let work = Work::Evaluate { train, dataset: name.to_owned(), select, protocol };
        Ok(self.jobs.add(Job::new(&prefix, words, work, definition)))
    }

    /// What inference of a network costs: all that compute the same share a job. Unless threads are asked for, one that
    /// was measured before counts on however many: a folder that comes from another machine stays finished.
    fn cost(&mut self, training: &TrainingSpec, train: usize) -> Option<usize> {
        let network = training.network?;
        let Work::Train { options, dataset } = &self.jobs.list[train].work else { return None };
        let dataset = &self.datasets[dataset];
        let size = options.size.unwrap_or_else(|| default_size(network, dataset));
        let classes = dataset.meta().classes.len();
        let usual = network.properties().padding;
        let padding = match (&options.weights, &self.checks) {
            (None, _) => usual,
            (_, Some(checks)) => checks.padding(train)?,
            (_, None) => first_properties(options, &dataset.meta().classes).ok()?.padding,
        };
        let measured = Measured { network, size, classes, padding };
        let prefix = format!("cost-{}-{size}", network.name());
        let job = |threads: usize| {
            let mut definition = json!({
                "work": "cost-v2",
                "network": network.name(),
                "size": size,
                "classes": classes,
                "threads": threads,
            });
            // Jobs that were done before there was this key have no word of it.
            if padding != usual {
                definition["padding"] = json!(padding);
            }
            let words = format!("measure inference of {} at {size} × {size}", title(network));
            Job::new(&prefix, words, Work::Cost { measured, threads }, definition)
        };
        let out = &self.options.out;
        let mut found = job(self.options.threads.unwrap_or_else(rayon::current_num_threads));
        let any = self.options.threads.is_none() && !self.options.measure_again;
        if any && !found.folder(out).exists() {
            let before = threads_before(out, &prefix).into_iter().map(job);
            found = before.into_iter().find(|job| job.is_done(out)).unwrap_or(found);
        }
        Some(self.jobs.add(found))
    }

    /// A split that is named, or the usual one, or the only one.
    pub(super) fn split(
        &self,
        named: &Option<String>,
        dataset: &Dataset,
        name: &str,
        usual: &str,
    ) -> Result<String> {
        let stored = || dataset.meta().splits.iter().filter(|split| split.rows > 0);
        let names: Vec<&str> = stored().map(|split| split.name.as_str()).collect();
        let found = match (named, &*names) {
            (Some(named), _) => return Ok(named.clone()),
            (None, [only]) => Some(*only),
            (None, names) => names.iter().copied().find(|name| *name == usual),
        };
        found.map(str::to_owned).ok_or_else(|| {
            let what = format!(
                "split: expected one of {}, found none: dataset `{name}` has no split `{usual}`",
                names.join(", ")
            );
            let entry = self.origin.entry_of("split", self.spec);
            self.faulty(vec![Fault { entry, what }])
        })
    }

    pub(super) fn known_model(&self, name: &str) -> Result<TrainingSpec> {
        let model = self.spec.model(name).filter(|model| model.network.is_some());
        model.ok_or_else(|| self.faulty(Vec::new()))
    }

    pub(super) fn known_benchmark(&self, name: &str) -> Result<&'a BenchmarkSpec> {
        let found = self.spec.benchmarks.iter().find(|benchmark| benchmark.name == name);
        found.ok_or_else(|| self.faulty(Vec::new()))
    }

    /// An open dataset by its name.
    pub(super) fn dataset(&self, name: &str) -> Result<&'a Dataset> {
        self.datasets.get(name).ok_or_else(|| self.faulty(Vec::new()))
    }

    /// What keeps an entry from being planned; nothing where [`super::spec::StudySpec::faults`] has said it.
    fn faulty(&self, faults: Vec<Fault>) -> StudyError {
        StudyError::Faults { path: self.options.file.clone(), faults }
    }
}

/// What is evaluated on.
pub(super) struct Samples<'a> {
    /// The dataset's name in the study.
    pub(super) dataset: &'a str,
    pub(super) select: Select,
    pub(super) protocol: Protocol,
    /// What it is, for people.
    pub(super) on: &'a str,
}

/// On how many threads costs were measured, of jobs whose names begin alike.
fn threads_before(out: &Path, prefix: &str) -> BTreeSet<usize> {
    let folders = fs::read_dir(out.join(RESULTS_FOLDER)).into_iter().flatten().flatten();
    let alike = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(prefix));
    let threads = alike.filter_map(|folder| {
        let text = fs::read_to_string(folder.path().join(JOB_FILE)).ok()?;
        let job: Value = serde_json::from_str(&text).ok()?;
        job.pointer("/definition/threads")?.as_u64()?.try_into().ok()
    });
    threads.collect()
}

fn benchmark_origin(benchmark: &BenchmarkSpec) -> Origin {
    Origin::of("benchmarks", &benchmark.name, &[])
}
