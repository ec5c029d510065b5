//! Entries of the study's file → jobs.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::StudyError;
use super::cost::Measured;
use super::fault::{Fault, Origin};
use super::folds::{self, FoldLists};
use super::job::{Job, LISTS_FOLDER, Work};
use super::plan::{Making, PlannedCurve, PlannedFolds, PlannedLimit, PlannedModel};
use super::spec::{
    BenchmarkSpec, CrossValidationSpec, FoldsSpec, LearningCurveSpec, ProtocolSpec, TrainingSpec,
    UpperLimitSpec,
};
use super::training::{Material, selection, title};
use crate::dataset::Dataset;
use crate::evaluate::Protocol;
use crate::loader::{Percent, Select};
use crate::train::{Validation, default_size};

/// Of all splits so much is validated on where an entry does not say it: the split `val` is among them.
const USUAL_HOLDOUT: &str = "10";
/// The split that models are evaluated on unless told otherwise.
const USUAL_TEST: &str = "test";

type Result<T> = std::result::Result<T, StudyError>;

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
            let (name, training) = (training.title(), training.clone());
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

    pub(super) fn learning_curves(&mut self) -> Vec<PlannedCurve> {
        let mut planned = Vec::new();
        for curve in &self.spec.learning_curves {
            let origin = Origin::of("learning-curves", &curve.model, &["samples", "percent"]);
            self.origin = origin.training(&curve.model, &TrainingSpec::default());
            match self.learning_curve(curve) {
                Ok(curve) => planned.push(curve),
                Err(error) => self.note(error),
            }
        }
        planned
    }

    fn learning_curve(&mut self, curve: &LearningCurveSpec) -> Result<PlannedCurve> {
        let training = self.known_model(&curve.model)?;
        let benchmark = self.known_benchmark(&curve.benchmark)?;
        let mut percents = curve.percents.clone();
        percents.sort_unstable();
        percents.dedup();
        let seeds = curve.seeds.clone().unwrap_or_else(|| training.every_seed());
        let mut points = Vec::new();
        for percent in percents {
            let text = percent.to_string();
            let part = Some(percent).filter(|_| text != "100");
            for &seed in &seeds {
                let train = self.train_as_said(&training, seed, part)?;
                let evaluation = self.evaluate(&training, train, benchmark)?;
                points.push((text.clone(), seed, train, evaluation));
            }
        }
        let (model, benchmark) = (curve.model.clone(), curve.benchmark.clone());
        Ok(PlannedCurve { model, benchmark, points })
    }

    pub(super) fn cross_validations(&mut self) -> Vec<PlannedFolds> {
        let mut planned = Vec::new();
        for spec in &self.spec.cross_validations {
            let keys = &["dataset", "split", "where", "folds", "samples"];
            self.origin = Origin::of("cross-validations", &spec.name, keys);
            match self.cross_validation(spec) {
                Ok(folds) => planned.extend(folds),
                Err(error) => self.note(error),
            }
        }
        planned
    }

    fn cross_validation(&mut self, spec: &CrossValidationSpec) -> Result<Vec<PlannedFolds>> {
        let dataset = self.dataset(&spec.dataset)?;
        let split = self.split(&spec.split, dataset, &spec.dataset, "train")?;
        let select = Select { condition: spec.condition.clone(), ..Select::split(&split) };
        let (lists, words) = self.folds(spec, dataset, &select)?;
        let names = match &spec.models {
            Some(names) => names.clone(),
            None => self.spec.every_model().iter().map(TrainingSpec::title).collect(),
        };
        let origin = self.origin.clone();
        let mut planned = Vec::new();
        for model in names {
            let training = spec.training.over(&self.known_model(&model)?);
            self.origin = origin.training(&model, &spec.training);
            let mut evaluations = Vec::new();
            for seed in training.every_seed() {
                for (fold, lists) in (1..).zip(&lists) {
                    let listed =
                        |list: &Path| Select { subset: Some(list.to_owned()), ..select.clone() };
                    // The fold's own test list decides nothing.
                    let validation =
                        training.holdout.map_or(Validation::Nothing, Validation::Holdout);
                    let on = format!("fold {fold} of {}", spec.name);
                    let material = Material {
                        words: on.clone(),
                        name: &spec.dataset,
                        dataset,
                        select: listed(&lists.train),
                        validation,
                    };
                    let train = self.train(&training, seed, &material)?;
                    let samples = Samples {
                        dataset: &spec.dataset,
                        select: listed(&lists.test),
                        protocol: Protocol::Plain,
                        on: &on,
                    };
                    evaluations.push((seed, fold, self.evaluate_on(&training, train, samples)?));
                }
            }
            let (name, folds) = (spec.name.clone(), words.clone());
            planned.push(PlannedFolds { name, folds, model, evaluations });
        }
        Ok(planned)
    }

    /// The lists of a cross-validation's folds, and what they are, in words.
    fn folds(
        &mut self,
        spec: &CrossValidationSpec,
        dataset: &Dataset,
        select: &Select,
    ) -> Result<(Vec<FoldLists>, String)> {
        match &spec.folds {
            FoldsSpec::Made(number) => {
                let seed = spec.folds_seed;
                let words = format!("{number} folds by {}, seed {seed}", folds::FOLDS_METHOD);
                folds::check(dataset, select, *number)?;
                if !self.faults.0.is_empty() {
                    // Looking for duplicates takes long, and nothing will come of it.
                    return Ok((Vec::new(), words));
                }
                let lists = self.options.out.join(LISTS_FOLDER);
                Ok((folds::made(dataset, select, *number, seed, &lists)?, words))
            }
            FoldsSpec::Published(folder) => {
                let shown = folder.iter().rev().take(2).collect::<Vec<_>>();
                let shown = shown.into_iter().rev().collect::<PathBuf>();
                let lists = folds::published(&self.base.join(folder))?;
                Ok((lists, format!("published folds, {}", shown.display())))
            }
        }
    }

    pub(super) fn upper_limits(&mut self, models: &[PlannedModel]) -> Vec<PlannedLimit> {
        let mut planned = Vec::new();
        for spec in &self.spec.upper_limits {
            let origin = Origin::of("upper-limits", &spec.model, &["samples"]);
            self.origin = origin.training(&spec.model, &TrainingSpec::default());
            match self.upper_limit(spec, models) {
                Ok(limits) => planned.extend(limits),
                Err(error) => self.note(error),
            }
        }
        planned
    }

    fn upper_limit(
        &mut self,
        spec: &UpperLimitSpec,
        models: &[PlannedModel],
    ) -> Result<Vec<PlannedLimit>> {
        let training = self.known_model(&spec.model)?;
        let name = training.dataset.clone().unwrap_or_default();
        let dataset = self.dataset(&name)?;
        let splits = dataset.meta().splits.iter().filter(|split| split.rows > 0);
        let pooled = splits.map(|split| split.name.as_str()).collect::<Vec<_>>().join("+");
        let condition = training.condition.clone();
        let all = Select { condition, ..Select::split(&pooled) };
        let seeds = spec.seeds.clone().unwrap_or_else(|| training.every_seed());
        let mut planned = Vec::new();
        for seed in seeds {
            let lists = self.options.out.join(LISTS_FOLDER);
            let lists = folds::resample(dataset, &all, spec.test_percent, seed, &lists)?;
            let listed =
                |list: &Path| Select { subset: Some(list.to_owned()), ..Select::split(&pooled) };
            let usual = || Percent::parse(USUAL_HOLDOUT).map_err(StudyError::from);
            let share = training.holdout.map_or_else(usual, Ok)?;
            let material = Material {
                words: format!("{} % of {name}, {pooled}", spec.test_percent.rest()),
                name: &name,
                dataset,
                select: listed(&lists.train),
                validation: Validation::Holdout(share),
            };
            let train = self.train(&training, seed, &material)?;
            let on = format!("the other {} % of {name}", spec.test_percent);
            let benchmark = spec.benchmark.as_deref();
            let place = self.spec.benchmarks.iter().position(|b| Some(&*b.name) == benchmark);
            // Scored as what it is compared with.
            let protocol =
                place.map_or(Protocol::Plain, |place| self.spec.benchmarks[place].protocol.into());
            let rest = listed(&lists.test);
            let samples = Samples { dataset: &name, select: rest, protocol, on: &on };
            let evaluation = self.evaluate_on(&training, train, samples)?;
            let own = models.iter().filter(|model| model.name == spec.model);
            let own = own.clone().find(|model| model.seed == seed).or_else(|| own.clone().next());
            let compared = own.zip(place).and_then(|(model, place)| model.evaluations[place]);
            planned.push(PlannedLimit {
                model: spec.model.clone(),
                tested_percent: spec.test_percent.to_string(),
                benchmark: spec.benchmark.clone(),
                seed,
                train,
                evaluation,
                compared,
            });
        }
        Ok(planned)
    }

    /// A training as its entry says, on a share of the data.
    fn train_as_said(
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

    fn train(
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

    fn evaluate(
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

    fn evaluate_on(
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

    /// What inference of a network costs: all that compute the same share a job.
    fn cost(&mut self, training: &TrainingSpec, train: usize) -> Option<usize> {
        let network = training.network?;
        let Work::Train { options, dataset } = &self.jobs.list[train].work else { return None };
        let dataset = &self.datasets[dataset];
        let size = options.size.unwrap_or_else(|| default_size(network, dataset));
        let classes = dataset.meta().classes.len();
        let threads = self.options.threads.unwrap_or_else(rayon::current_num_threads);
        let definition = json!({
            "work": "cost-v2",
            "network": network.name(),
            "size": size,
            "classes": classes,
            "threads": threads,
        });
        let prefix = format!("cost-{}-{size}", network.name());
        let words = format!("measure inference of {} at {size} × {size}", title(network));
        let work = Work::Cost { measured: Measured { network, size, classes }, threads };
        Some(self.jobs.add(Job::new(&prefix, words, work, definition)))
    }

    /// A split that is named, or the usual one, or the only one.
    fn split(
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

    fn known_model(&self, name: &str) -> Result<TrainingSpec> {
        let model = self.spec.model(name).filter(|model| model.network.is_some());
        model.ok_or_else(|| self.faulty(Vec::new()))
    }

    fn known_benchmark(&self, name: &str) -> Result<&'a BenchmarkSpec> {
        let found = self.spec.benchmarks.iter().find(|benchmark| benchmark.name == name);
        found.ok_or_else(|| self.faulty(Vec::new()))
    }

    /// An open dataset by its name.
    fn dataset(&self, name: &str) -> Result<&'a Dataset> {
        self.datasets.get(name).ok_or_else(|| self.faulty(Vec::new()))
    }

    /// What keeps an entry from being planned; nothing where [`super::spec::StudySpec::faults`] has said it.
    fn faulty(&self, faults: Vec<Fault>) -> StudyError {
        StudyError::Faults { path: self.options.file.clone(), faults }
    }
}

/// What is evaluated on.
struct Samples<'a> {
    /// The dataset's name in the study.
    dataset: &'a str,
    select: Select,
    protocol: Protocol,
    /// What it is, for people.
    on: &'a str,
}

fn benchmark_origin(benchmark: &BenchmarkSpec) -> Origin {
    Origin::of("benchmarks", &benchmark.name, &[])
}
