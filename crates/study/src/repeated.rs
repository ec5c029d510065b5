//! Entries that train a model again and again: learning curves, cross-validations, upper limits.

use std::path::{Path, PathBuf};

use super::StudyError;
use super::entries::{Result, Samples};
use super::folds::{self, FoldLists};
use super::job::LISTS_FOLDER;
use super::making::Making;
use super::origin::Origin;
use super::planned::{PlannedCurve, PlannedFolds, PlannedLimit, PlannedModel};
use super::spec::{
    CrossValidationSpec, FoldsSpec, LearningCurveSpec, TrainingSpec, UpperLimitSpec,
};
use super::training::Material;
use tcolz_format::dataset::Dataset;
use tcolz_loader::{Percent, Select};
use tcolz_train::Validation;
use tcolz_train::evaluate::Protocol;

/// Of all splits so much is validated on where an entry does not say it: the split `val` is among them.
const USUAL_HOLDOUT: &str = "10";

impl Making<'_> {
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
            let origin = Origin::of("upper-limits", &spec.model, &["samples", "test-percent"]);
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
        if !self.faults.0.is_empty() {
            // No lists are left behind by a file that is refused.
            return Ok(planned);
        }
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
}
