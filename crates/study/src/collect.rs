//! Documents of jobs → [`Results`].

use std::path::Path;

use super::StudyError;
use super::ending::Failed;
use super::plan::Plan;
use super::planned::{PlannedCurve, PlannedFolds, PlannedLimit, PlannedModel};
use super::results::{
    Benchmarked, CrossValidated, CurvePoint, Document, Fold, LearningCurve, ModelResults, Named,
    Results, Rule, UpperLimit,
};
use super::spec::ProtocolSpec;

/// What is there of a study's results; `failed` are the jobs that failed today.
///
/// # Errors
/// [`StudyError::Damaged`] when a document cannot be read.
pub(super) fn collect(plan: &Plan, failed: &[Failed]) -> Result<Results, StudyError> {
    let out: &Path = &plan.options.out;
    let read = |job: usize| -> Result<Option<Document>, StudyError> { plan.jobs[job].read(out) };
    let of = |job: Option<usize>| -> Result<Option<Document>, StudyError> {
        Ok(job.map(read).transpose()?.flatten())
    };
    let benchmarks = plan.spec.benchmarks.iter().map(|benchmark| Benchmarked {
        name: benchmark.name.clone(),
        published: benchmark.published,
        ttd: benchmark.protocol == ProtocolSpec::Ttd,
    });
    let model = |model: &PlannedModel| -> Result<ModelResults, StudyError> {
        let training = &model.training;
        Ok(ModelResults {
            name: model.name.clone(),
            network: training.network.map_or("", |network| network.name()).to_owned(),
            finetune: training.tuned().as_str().to_owned(),
            percent: training.percent.map(|percent| percent.to_string()),
            seed: model.seed,
            train: read(model.train)?,
            evaluations: model.evaluations.iter().map(|&job| of(job)).collect::<Result<_, _>>()?,
            cost: of(model.cost)?,
        })
    };
    let folds = |cv: &PlannedFolds| -> Result<CrossValidated, StudyError> {
        let evaluations = cv
            .evaluations
            .iter()
            .map(|&(seed, fold, job)| Ok(Fold { seed, fold, document: read(job)? }));
        Ok(CrossValidated {
            name: cv.name.clone(),
            folds: cv.folds.clone(),
            model: cv.model.clone(),
            evaluations: evaluations.collect::<Result<_, StudyError>>()?,
        })
    };
    let curve = |curve: &PlannedCurve| -> Result<LearningCurve, StudyError> {
        let points = curve.points.iter().map(|(percent, seed, train, evaluation)| {
            Ok(CurvePoint {
                percent: percent.clone(),
                seed: *seed,
                train: read(*train)?,
                evaluation: read(*evaluation)?,
            })
        });
        Ok(LearningCurve {
            model: curve.model.clone(),
            benchmark: curve.benchmark.clone(),
            points: points.collect::<Result<_, StudyError>>()?,
        })
    };
    let limit = |limit: &PlannedLimit| -> Result<UpperLimit, StudyError> {
        Ok(UpperLimit {
            model: limit.model.clone(),
            tested_percent: limit.tested_percent.clone(),
            benchmark: limit.benchmark.clone(),
            seed: limit.seed,
            train: read(limit.train)?,
            evaluation: read(limit.evaluation)?,
            compared: of(limit.compared)?,
        })
    };
    let labels = plan
        .labels
        .iter()
        .map(|(name, job)| Ok(Named { name: name.clone(), document: read(*job)? }));
    let choice = &plan.spec.choice;
    let benchmark = choice.benchmark.clone();
    let first = || plan.spec.benchmarks.first().map(|b| b.name.clone()).unwrap_or_default();
    let benchmark = benchmark.unwrap_or_else(first);
    let ttd =
        plan.spec.benchmarks.iter().any(|b| b.name == benchmark && b.protocol == ProtocolSpec::Ttd);
    let file = plan.options.file.file_name().unwrap_or_default();
    Ok(Results {
        title: plan.spec.title.clone(),
        study_file: file.to_string_lossy().into_owned(),
        benchmarks: benchmarks.collect(),
        models: plan.models.iter().map(model).collect::<Result<_, _>>()?,
        cross_validations: plan.cross_validations.iter().map(folds).collect::<Result<_, _>>()?,
        learning_curves: plan.learning_curves.iter().map(curve).collect::<Result<_, _>>()?,
        upper_limits: plan.upper_limits.iter().map(limit).collect::<Result<_, _>>()?,
        labels: labels.collect::<Result<_, StudyError>>()?,
        rule: Rule {
            benchmark,
            agreement: ttd.then(|| choice.agreement.unwrap_or(5)),
            accuracy: choice.accuracy,
            inference_time: choice.inference_time,
            size: choice.size,
        },
        missing: missing(plan, failed),
    })
}

/// Jobs that are not done, each with the reason where there is one.
fn missing(plan: &Plan, failed: &[Failed]) -> Vec<String> {
    let open = plan.jobs.iter().filter(|job| !job.is_done(&plan.options.out));
    let said = open.map(|job| match failed.iter().find(|failed| failed.id == job.id) {
        Some(failed) => format!("{}: failed: {}", job.words, failed.reason),
        None => job.words.clone(),
    });
    said.collect()
}
