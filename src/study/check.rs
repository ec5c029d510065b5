//! What a study's file says against itself.

use std::collections::HashSet;
use std::hash::Hash;

use super::spec::{
    BenchmarkSpec, ChoiceSpec, CrossValidationSpec, FoldsSpec, LearningCurveSpec, StudySpec,
    TrainingSpec, UpperLimitSpec,
};
use crate::evaluate::protocol::TTD_LEVELS;

impl StudySpec {
    /// The entries of the models with what they have from `[training]`.
    pub(super) fn every_model(&self) -> Vec<TrainingSpec> {
        self.models.iter().map(|model| model.over(&self.training)).collect()
    }

    /// An entry of the models by its title.
    pub(super) fn model(&self, name: &str) -> Option<TrainingSpec> {
        self.every_model().into_iter().find(|model| model.title() == name)
    }

    /// The first thing that makes no sense, as a sentence.
    pub(super) fn fault(&self) -> Option<String> {
        if self.training.name.is_some() {
            return Some("[training] holds for every model and has no name".to_owned());
        }
        let models = self.every_model();
        let titles: Vec<String> = models.iter().map(TrainingSpec::title).collect();
        let names = Names {
            models: titles.iter().map(String::as_str).collect(),
            benchmarks: self.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect(),
            datasets: self.datasets.keys().map(String::as_str).collect(),
        };
        let first = |found: &mut dyn Iterator<Item = Option<String>>| found.flatten().next();
        names
            .fault()
            .or_else(|| first(&mut models.iter().map(|model| names.model(model))))
            .or_else(|| first(&mut self.benchmarks.iter().map(|spec| names.benchmark(spec))))
            .or_else(|| first(&mut self.cross_validations.iter().map(|spec| names.folds(spec))))
            .or_else(|| first(&mut self.learning_curves.iter().map(|spec| names.curve(spec))))
            .or_else(|| first(&mut self.upper_limits.iter().map(|spec| names.limit(spec))))
            .or_else(|| {
                let datasets = self.labels.datasets.iter();
                let known = |name| unknown("datasets of [labels]", name, &names.datasets);
                first(&mut datasets.map(|name| known(name.as_str())))
            })
            .or_else(|| names.choice(&self.choice))
    }
}

/// What entries of a study may name.
struct Names<'a> {
    models: Vec<&'a str>,
    benchmarks: Vec<&'a str>,
    datasets: Vec<&'a str>,
}

impl Names<'_> {
    fn fault(&self) -> Option<String> {
        for (names, what) in [(&self.models, "models"), (&self.benchmarks, "benchmarks")] {
            if names.is_empty() {
                return Some(format!("expected at least one of [[{what}]]"));
            }
            if let Some(name) = twice(names) {
                return Some(format!(
                    "two of the {what} are called `{name}`: give each a name of its own"
                ));
            }
        }
        None
    }

    fn model(&self, spec: &TrainingSpec) -> Option<String> {
        let title = spec.title();
        if spec.network.is_none() {
            return Some(format!("model `{title}` has no network"));
        }
        let Some(dataset) = &spec.dataset else {
            return Some(format!("model `{title}` has no dataset, and [training] has none"));
        };
        let seeds = spec.every_seed();
        if seeds.is_empty() {
            return Some(format!("model `{title}` has no seed: leave `seeds` out for seed 0"));
        }
        if let Some(seed) = twice(&seeds) {
            return Some(format!("model `{title}` has the seed {seed} twice"));
        }
        unknown(&format!("dataset of model `{title}`"), dataset, &self.datasets)
    }

    fn benchmark(&self, spec: &BenchmarkSpec) -> Option<String> {
        let what = |part: &str| format!("{part} of benchmark `{}`", spec.name);
        unknown(&what("dataset"), &spec.dataset, &self.datasets).or_else(|| {
            let mut models = spec.models.iter().flatten();
            models.find_map(|name| unknown(&what("a model"), name, &self.models))
        })
    }

    fn folds(&self, spec: &CrossValidationSpec) -> Option<String> {
        let what = |part: &str| format!("{part} of cross-validation `{}`", spec.name);
        if let FoldsSpec::Made(folds @ ..2) = spec.folds {
            return Some(format!("{}: expected 2 or more, found {folds}", what("folds")));
        }
        unknown(&what("dataset"), &spec.dataset, &self.datasets).or_else(|| {
            let mut models = spec.models.iter().flatten();
            models.find_map(|name| unknown(&what("a model"), name, &self.models))
        })
    }

    fn curve(&self, spec: &LearningCurveSpec) -> Option<String> {
        unknown("model of a learning curve", &spec.model, &self.models)
            .or_else(|| unknown("benchmark of a learning curve", &spec.benchmark, &self.benchmarks))
    }

    fn limit(&self, spec: &UpperLimitSpec) -> Option<String> {
        unknown("model of an upper limit", &spec.model, &self.models).or_else(|| {
            let benchmark = spec.benchmark.as_deref()?;
            unknown("benchmark of an upper limit", benchmark, &self.benchmarks)
        })
    }

    fn choice(&self, spec: &ChoiceSpec) -> Option<String> {
        let weights = [spec.accuracy, spec.inference_time, spec.size];
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if !sound || weights.iter().sum::<f64>() <= 0.0 {
            return Some(format!(
                "weights of [choice]: expected 0 or more, not all 0, found {weights:?}"
            ));
        }
        if let Some(level) = spec.agreement.filter(|level| !TTD_LEVELS.contains(level)) {
            return Some(format!("agreement of [choice]: expected 5, 4 or 3, found {level}"));
        }
        unknown("benchmark of [choice]", spec.benchmark.as_deref()?, &self.benchmarks)
    }
}

/// What to say of a name that is none of those known.
fn unknown(what: &str, name: &str, known: &[&str]) -> Option<String> {
    let there = known.contains(&name);
    (!there).then(|| format!("{what}: expected one of {}, found `{name}`", known.join(", ")))
}

/// The first value that comes again.
fn twice<T: Copy + Eq + Hash>(values: &[T]) -> Option<T> {
    let mut seen = HashSet::new();
    values.iter().copied().find(|value| !seen.insert(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
title = "t"
[datasets.d]
path = "d"
[training]
dataset = "d"
[[models]]
network = "mobilenet-v2"
[[models]]
name = "small"
network = "mobilenet-v1"
[[benchmarks]]
name = "test"
dataset = "d"
"#;

    fn fault(text: &str) -> String {
        StudySpec::parse(text).unwrap().fault().unwrap_or_default()
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused_with_what_was_expected() {
        assert_eq!(fault(GOOD), "");
        let more = |text: &str| fault(&format!("{GOOD}{text}"));
        for (found, words) in [
            (
                fault(&GOOD.replace("dataset = \"d\"\n[[models]]", "dataset = \"x\"\n[[models]]")),
                "dataset of model `MobileNetV2 FT-A`: expected one of d, found `x`",
            ),
            (
                fault(&GOOD.replace(
                    "name = \"small\"\nnetwork = \"mobilenet-v1\"",
                    "network = \"mobilenet-v2\"",
                )),
                "two of the models are called `MobileNetV2 FT-A`",
            ),
            (fault(&GOOD.replace("network = \"mobilenet-v2\"\n", "")), "has no network"),
            (more("[[benchmarks]]\nname = \"test\"\ndataset = \"d\"\n"), "two of the benchmarks"),
            (
                more("[[learning-curves]]\nmodel = \"no\"\nbenchmark = \"test\"\npercents = [1]\n"),
                "model of a learning curve: expected one of MobileNetV2 FT-A, small, found `no`",
            ),
            (
                more(
                    "[[upper-limits]]\nmodel = \"small\"\ntest-percent = 20\nbenchmark = \"no\"\n",
                ),
                "benchmark of an upper limit",
            ),
            (
                more("[[cross-validations]]\nname = \"c\"\ndataset = \"d\"\nfolds = 1\n"),
                "expected 2 or more",
            ),
            (more("[labels]\ndatasets = [\"x\"]\n"), "datasets of [labels]"),
            (more("[choice]\nagreement = 2\n"), "expected 5, 4 or 3, found 2"),
            (more("[choice]\naccuracy = 0\ninference-time = 0\nsize = 0\n"), "not all 0"),
        ] {
            assert!(found.contains(words), "{found:?} has no {words:?}");
        }
    }

    #[test]
    fn an_unknown_key_and_a_wrong_word_are_refused_with_their_line() {
        for (text, words) in [
            (
                GOOD.replace("network = \"mobilenet-v1\"", "network = \"resnet\""),
                ["line 11", "expected one of vgg19"],
            ),
            (format!("{GOOD}colour = 1\n"), ["line 15", "unknown key `colour`"]),
            (
                GOOD.replace("[training]", "[training]\nschedule = \"sometimes\""),
                ["line 6", "sometimes"],
            ),
            (GOOD.replace("[training]", "[training]\npercent = 101"), ["line 6", "101"]),
        ] {
            let error = StudySpec::parse(&text).unwrap_err();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
    }
}
