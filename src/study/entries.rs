//! Entries of the study's file → jobs.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::StudyError;
use super::folds;
use super::job::{Job, LISTS_FOLDER, Work};
use super::plan::{Making, PlannedCurve, PlannedFolds, PlannedLimit, PlannedModel};
use super::spec::{BenchmarkSpec, FoldsSpec, ProtocolSpec, TrainingSpec};
use super::training::{Material, selection};
use crate::dataset::Dataset;
use crate::evaluate::Protocol;
use crate::loader::{Percent, Select};
use crate::train::Validation;

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
    pub(super) fn models(&mut self) -> Result<Vec<PlannedModel>> {
        let mut planned = Vec::new();
        for training in self.spec.every_model() {
            for (number, seed) in training.every_seed().into_iter().enumerate() {
                let train = self.train_as_said(&training, seed, training.percent)?;
                let benchmarks = self.spec.benchmarks.iter();
                let evaluations = benchmarks.map(|benchmark| match benchmark.is_for(&training) {
                    true => self.evaluate(&training, train, benchmark).map(Some),
                    false => Ok(None),
                });
                let evaluations = evaluations.collect::<Result<Vec<_>>>()?;
                let cost = (number == 0).then(|| self.cost(&training, train)).transpose()?;
                let (name, training) = (training.title(), training.clone());
                planned.push(PlannedModel { name, training, seed, train, evaluations, cost });
            }
        }
        Ok(planned)
    }

    pub(super) fn learning_curves(&mut self) -> Result<Vec<PlannedCurve>> {
        let mut planned = Vec::new();
        for curve in &self.spec.learning_curves {
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
            planned.push(PlannedCurve { model, benchmark, points });
        }
        Ok(planned)
    }

    pub(super) fn cross_validations(&mut self) -> Result<Vec<PlannedFolds>> {
        let mut planned = Vec::new();
        for spec in &self.spec.cross_validations {
            let dataset = &self.datasets[&spec.dataset];
            let split = self.split(&spec.split, dataset, &spec.dataset, "train")?;
            let select = Select { condition: spec.condition.clone(), ..Select::split(&split) };
            let (lists, words) = match &spec.folds {
                FoldsSpec::Made(number) => {
                    let lists = self.options.out.join(LISTS_FOLDER);
                    let seed = spec.folds_seed;
                    let folds = folds::made(dataset, &select, *number, seed, &lists)?;
                    (folds, format!("{number} folds by {}, seed {seed}", folds::FOLDS_METHOD))
                }
                FoldsSpec::Published(folder) => {
                    let shown = folder.iter().rev().take(2).collect::<Vec<_>>();
                    let shown = shown.into_iter().rev().collect::<PathBuf>();
                    let lists = folds::published(&self.base.join(folder))?;
                    (lists, format!("published folds, {}", shown.display()))
                }
            };
            let names = match &spec.models {
                Some(names) => names.clone(),
                None => self.spec.every_model().iter().map(TrainingSpec::title).collect(),
            };
            for model in names {
                let training = spec.training.over(&self.known_model(&model)?);
                let mut evaluations = Vec::new();
                for seed in training.every_seed() {
                    for (fold, lists) in (1..).zip(&lists) {
                        let listed = |list: &Path| Select {
                            subset: Some(list.to_owned()),
                            ..select.clone()
                        };
                        // The fold's own test list decides nothing.
                        let validation =
                            training.holdout.map_or(Validation::Nothing, Validation::Holdout);
                        let material = Material {
                            words: format!("fold {fold} of {}", spec.name),
                            name: &spec.dataset,
                            dataset,
                            select: listed(&lists.train),
                            validation,
                        };
                        let train = self.train(&training, seed, &material)?;
                        let on = format!("fold {fold} of {}", spec.name);
                        let test = listed(&lists.test);
                        let evaluation = self.evaluate_on(
                            &training,
                            train,
                            &spec.dataset,
                            test,
                            Protocol::Plain,
                            &on,
                        )?;
                        evaluations.push((seed, fold, evaluation));
                    }
                }
                let (name, folds) = (spec.name.clone(), words.clone());
                planned.push(PlannedFolds { name, folds, model, evaluations });
            }
        }
        Ok(planned)
    }

    pub(super) fn upper_limits(&mut self, models: &[PlannedModel]) -> Result<Vec<PlannedLimit>> {
        let mut planned = Vec::new();
        for spec in &self.spec.upper_limits {
            let training = self.known_model(&spec.model)?;
            let name = training.dataset.clone().unwrap_or_default();
            let dataset = &self.datasets[&name];
            let splits = dataset.meta().splits.iter().filter(|split| split.rows > 0);
            let pooled = splits.map(|split| split.name.as_str()).collect::<Vec<_>>().join("+");
            let condition = training.condition.clone();
            let all = Select { condition, ..Select::split(&pooled) };
            let seeds = spec.seeds.clone().unwrap_or_else(|| training.every_seed());
            for seed in seeds {
                let lists = self.options.out.join(LISTS_FOLDER);
                let lists = folds::resample(dataset, &all, spec.test_percent, seed, &lists)?;
                let listed = |list: &Path| Select {
                    subset: Some(list.to_owned()),
                    ..Select::split(&pooled)
                };
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
                let rest = listed(&lists.test);
                let benchmark = spec.benchmark.as_deref();
                let place = self.spec.benchmarks.iter().position(|b| Some(&*b.name) == benchmark);
                // Scored as what it is compared with.
                let protocol = place
                    .map_or(Protocol::Plain, |place| self.spec.benchmarks[place].protocol.into());
                let evaluation = self.evaluate_on(&training, train, &name, rest, protocol, &on)?;
                let own = models.iter().filter(|model| model.name == spec.model);
                let own =
                    own.clone().find(|model| model.seed == seed).or_else(|| own.clone().next());
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
        let dataset = &self.datasets[&name];
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
        Ok(self.jobs.add(job))
    }

    fn evaluate(
        &mut self,
        training: &TrainingSpec,
        train: usize,
        benchmark: &BenchmarkSpec,
    ) -> Result<usize> {
        let dataset = &self.datasets[&benchmark.dataset];
        let split = self.split(&benchmark.split, dataset, &benchmark.dataset, USUAL_TEST)?;
        let select = Select { condition: benchmark.condition.clone(), ..Select::split(&split) };
        let protocol = benchmark.protocol.into();
        let on = benchmark.name.as_str();
        self.evaluate_on(training, train, &benchmark.dataset, select, protocol, on)
    }

    fn evaluate_on(
        &mut self,
        training: &TrainingSpec,
        train: usize,
        name: &str,
        select: Select,
        protocol: Protocol,
        on: &str,
    ) -> Result<usize> {
        let dataset = &self.datasets[name];
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

    fn cost(&mut self, training: &TrainingSpec, train: usize) -> Result<usize> {
        let name = training.dataset.clone().unwrap_or_default();
        let split = self.split(&training.split, &self.datasets[&name], &name, "train")?;
        let definition = json!({
            "work": "cost-v1",
            "train": self.jobs.list[train].definition,
        });
        let network = training.network.map_or("", |network| network.name());
        let prefix = format!("cost-{network}-{}", training.tuned());
        let words = format!("measure inference of {}", training.title());
        let work = Work::Cost { train, dataset: name, split };
        Ok(self.jobs.add(Job::new(&prefix, words, work, definition)))
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
        found.map(str::to_owned).ok_or_else(|| StudyError::File {
            path: self.options.file.clone(),
            reason: format!("dataset `{name}` has the splits {}: say `split`", names.join(", ")),
        })
    }

    fn known_model(&self, name: &str) -> Result<TrainingSpec> {
        self.spec.model(name).ok_or_else(|| self.unknown(name))
    }

    fn known_benchmark(&self, name: &str) -> Result<&'a BenchmarkSpec> {
        let found = self.spec.benchmarks.iter().find(|benchmark| benchmark.name == name);
        found.ok_or_else(|| self.unknown(name))
    }

    /// [`super::spec::StudySpec::fault`] has found it before.
    fn unknown(&self, name: &str) -> StudyError {
        let reason = format!("there is no `{name}`");
        StudyError::File { path: self.options.file.clone(), reason }
    }
}
