//! What a study's file says against itself.

use std::collections::HashSet;
use std::hash::Hash;

use super::fault::{Fault, Faults};
use super::origin::{Origin, model_entry};
use super::spec::{
    BenchmarkSpec, ChoiceSpec, CrossValidationSpec, FoldsSpec, LearningCurveSpec, StudySpec,
    TrainingSpec, UpperLimitSpec,
};
use tcolz_train::evaluate::protocol::TTD_LEVELS;

/// Trainings of a study. Planning takes some ten kilobytes of memory for each, and a report shows each.
const MAX_TRAININGS: usize = 5_000;

impl StudySpec {
    /// The entries of the models with what they have from `[training]`.
    pub(super) fn every_model(&self) -> Vec<TrainingSpec> {
        self.models.iter().map(|model| model.over(&self.training)).collect()
    }

    /// An entry of the models by its title.
    pub(super) fn model(&self, name: &str) -> Option<TrainingSpec> {
        self.every_model().into_iter().find(|model| model.title() == name)
    }

    /// What is wrong with a file that asks for more trainings than can be planned. Published folds count as one.
    pub(super) fn too_many(&self) -> Option<Fault> {
        let seeds = |seeds: &Option<Vec<u64>>| seeds.as_ref().map_or(1, Vec::len);
        let models = self.every_model();
        let seeds_of = |name: &str| {
            models.iter().find(|model| model.title() == name).map_or(1, |model| seeds(&model.seeds))
        };
        let own = |own: &Option<Vec<u64>>, model: &str| match own {
            Some(_) => seeds(own),
            None => seeds_of(model),
        };
        let of_models =
            models.iter().map(|model| (model_entry(&model.title()), seeds(&model.seeds)));
        let of_folds = self.cross_validations.iter().map(|spec| {
            let folds = match spec.folds {
                FoldsSpec::Made(folds) => folds as usize,
                FoldsSpec::Published(_) => 1,
            };
            let names = models.iter().map(TrainingSpec::title);
            let named = names.filter(|name| spec.models.as_ref().is_none_or(|m| m.contains(name)));
            let count = named.map(|name| own(&spec.training.seeds, &name)).sum::<usize>();
            (format!("[[cross-validations]] `{}`", spec.name), count.saturating_mul(folds))
        });
        let of_curves = self.learning_curves.iter().map(|spec| {
            let count = spec.percents.len().saturating_mul(own(&spec.seeds, &spec.model));
            (format!("[[learning-curves]] `{}`", spec.model), count)
        });
        let of_limits = self.upper_limits.iter().map(|spec| {
            (format!("[[upper-limits]] `{}`", spec.model), own(&spec.seeds, &spec.model))
        });
        let all: Vec<_> = of_models.chain(of_folds).chain(of_curves).chain(of_limits).collect();
        let total = all.iter().fold(0usize, |total, (_, count)| total.saturating_add(*count));
        let (entry, count) = all.into_iter().max_by_key(|(_, count)| *count)?;
        (total > MAX_TRAININGS).then(|| Fault {
            entry,
            what: format!(
                "trainings: expected at most {MAX_TRAININGS} in the whole file, found {total}, of which {count} are this \
                 entry's: give fewer seeds, percents or folds, or divide the file into several"
            ),
        })
    }

    /// Everything that makes no sense whatever the datasets hold.
    pub(super) fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        if self.training.name.is_some() {
            faults.add("[training]", "name: [training] holds for every model and has no name");
        }
        let models = self.every_model();
        let titles: Vec<String> = models.iter().map(TrainingSpec::title).collect();
        let mut names = Names {
            spec: self,
            models: titles.iter().map(String::as_str).collect(),
            benchmarks: self.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect(),
            datasets: self.datasets.keys().map(String::as_str).collect(),
            faults,
        };
        names.distinct();
        models.iter().for_each(|model| names.model(model));
        self.benchmarks.iter().for_each(|spec| names.benchmark(spec));
        self.cross_validations.iter().for_each(|spec| names.folds(spec));
        self.learning_curves.iter().for_each(|spec| names.curve(spec));
        self.upper_limits.iter().for_each(|spec| names.limit(spec));
        for name in &self.labels.datasets {
            names.faults.unknown("[labels]", "datasets", name, &names.datasets);
        }
        names.choice(&self.choice);
        names.faults
    }
}

/// What entries of a study may name.
struct Names<'a> {
    spec: &'a StudySpec,
    models: Vec<&'a str>,
    benchmarks: Vec<&'a str>,
    datasets: Vec<&'a str>,
    faults: Faults,
}

impl Names<'_> {
    fn distinct(&mut self) {
        for (names, section) in [(&self.models, "models"), (&self.benchmarks, "benchmarks")] {
            if names.is_empty() {
                self.faults.add(format!("[[{section}]]"), "expected at least one, found none");
            }
        }
        let folds = &self.spec.cross_validations;
        let folds: Vec<&str> = folds.iter().map(|spec| spec.name.as_str()).collect();
        for (names, section) in [
            (&self.models, "models"),
            (&self.benchmarks, "benchmarks"),
            (&folds, "cross-validations"),
        ] {
            for name in twice(names) {
                let what = format!(
                    "name: two of the {section} are called so; give each a name of its own"
                );
                self.faults.add(format!("[[{section}]] `{name}`"), what);
            }
        }
    }

    fn model(&mut self, spec: &TrainingSpec) {
        let title = spec.title();
        if spec.network.is_none() {
            self.faults.add(model_entry(&title), "network: expected one, found none");
        }
        match &spec.dataset {
            None => {
                let what = "dataset: expected one, found none, and [training] has none either";
                self.faults.add(model_entry(&title), what);
            }
            Some(dataset) => {
                let entry = Origin::model(&title).entry_of("dataset", self.spec);
                self.faults.unknown(&entry, "dataset", dataset, &self.datasets);
            }
        }
        let entry = Origin::model(&title).entry_of("seeds", self.spec);
        self.seeds(&entry, spec.seeds.as_deref());
    }

    fn seeds(&mut self, entry: &str, seeds: Option<&[u64]>) {
        let Some(seeds) = seeds else { return };
        if seeds.is_empty() {
            self.faults.add(entry, "seeds: expected at least one; leave them out for seed 0");
        }
        for seed in twice(seeds) {
            self.faults.add(entry, format!("seeds: {seed} comes twice"));
        }
    }

    fn benchmark(&mut self, spec: &BenchmarkSpec) {
        let entry = format!("[[benchmarks]] `{}`", spec.name);
        self.faults.unknown(&entry, "dataset", &spec.dataset, &self.datasets);
        for name in spec.models.iter().flatten() {
            self.faults.unknown(&entry, "models", name, &self.models);
        }
    }

    fn folds(&mut self, spec: &CrossValidationSpec) {
        let entry = format!("[[cross-validations]] `{}`", spec.name);
        if let FoldsSpec::Made(folds @ ..2) = spec.folds {
            self.faults.add(&entry, format!("folds: expected 2 or more, found {folds}"));
        }
        self.faults.unknown(&entry, "dataset", &spec.dataset, &self.datasets);
        for name in spec.models.iter().flatten() {
            self.faults.unknown(&entry, "models", name, &self.models);
        }
        self.seeds(&format!("{entry}, training"), spec.training.seeds.as_deref());
    }

    fn curve(&mut self, spec: &LearningCurveSpec) {
        let entry = format!("[[learning-curves]] `{}`", spec.model);
        self.faults.unknown(&entry, "model", &spec.model, &self.models);
        self.faults.unknown(&entry, "benchmark", &spec.benchmark, &self.benchmarks);
        if spec.percents.is_empty() {
            self.faults.add(&entry, "percents: expected at least one, found none");
        }
        self.seeds(&entry, spec.seeds.as_deref());
    }

    fn limit(&mut self, spec: &UpperLimitSpec) {
        let entry = format!("[[upper-limits]] `{}`", spec.model);
        self.faults.unknown(&entry, "model", &spec.model, &self.models);
        if let Some(benchmark) = &spec.benchmark {
            self.faults.unknown(&entry, "benchmark", benchmark, &self.benchmarks);
        }
        self.seeds(&entry, spec.seeds.as_deref());
    }

    fn choice(&mut self, spec: &ChoiceSpec) {
        let weights = [spec.accuracy, spec.inference_time, spec.size];
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if !sound || weights.iter().sum::<f64>() <= 0.0 {
            let what = format!("weights: expected 0 or more, not all 0, found {weights:?}");
            self.faults.add("[choice]", what);
        }
        if let Some(level) = spec.agreement.filter(|level| !TTD_LEVELS.contains(level)) {
            self.faults.add("[choice]", format!("agreement: expected 5, 4 or 3, found {level}"));
        }
        if let Some(benchmark) = &spec.benchmark {
            self.faults.unknown("[choice]", "benchmark", benchmark, &self.benchmarks);
        }
    }
}

/// Every value that comes again.
fn twice<T: Copy + Eq + Hash>(values: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    values.iter().copied().filter(|value| !seen.insert(*value)).collect()
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

    fn faults(text: &str) -> String {
        let faults = StudySpec::parse(text).unwrap().faults().0;
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused_with_the_key_and_what_was_expected() {
        assert_eq!(faults(GOOD), "");
        let more = |text: &str| faults(&format!("{GOOD}{text}"));
        for (found, words) in [
            (
                faults(&GOOD.replace("dataset = \"d\"\n[[models]]", "dataset = \"x\"\n[[models]]")),
                "[training], dataset: expected one of d, found `x`",
            ),
            (
                faults(&GOOD.replace("name = \"small\"", "name = \"small\"\ndataset = \"photos\"")),
                "[[models]] `small`, dataset: expected one of d, found `photos`",
            ),
            (
                faults(&GOOD.replace(
                    "name = \"small\"\nnetwork = \"mobilenet-v1\"",
                    "network = \"mobilenet-v2\"",
                )),
                "[[models]] `MobileNetV2 FT-A`, name: two of the models are called so",
            ),
            (
                faults(&GOOD.replace("network = \"mobilenet-v1\"\n", "")),
                "[[models]] `small`, network: expected one",
            ),
            (
                more("[[benchmarks]]\nname = \"test\"\ndataset = \"d\"\n"),
                "[[benchmarks]] `test`, name: two of the benchmarks are called so",
            ),
            (
                more(
                    "[[learning-curves]]\nmodel = \"smal\"\nbenchmark = \"test\"\npercents = [1]\n",
                ),
                "[[learning-curves]] `smal`, model: expected one of MobileNetV2 FT-A, small, found `smal`; did you \
                 mean `small`?",
            ),
            (
                more(
                    "[[learning-curves]]\nmodel = \"small\"\nbenchmark = \"test\"\npercents = []\n",
                ),
                "percents: expected at least one",
            ),
            (
                more(
                    "[[upper-limits]]\nmodel = \"small\"\ntest-percent = 20\nbenchmark = \"no\"\nseeds = []\n",
                ),
                "[[upper-limits]] `small`, benchmark: expected one of test, found `no`\n\
                 [[upper-limits]] `small`, seeds: expected at least one",
            ),
            (
                more("[[cross-validations]]\nname = \"c\"\ndataset = \"d\"\nfolds = 1\n"),
                "[[cross-validations]] `c`, folds: expected 2 or more, found 1",
            ),
            (more("[labels]\ndatasets = [\"x\"]\n"), "[labels], datasets"),
            (more("[choice]\nagreement = 2\n"), "[choice], agreement: expected 5, 4 or 3, found 2"),
            (more("[choice]\naccuracy = 0\ninference-time = 0\nsize = 0\n"), "not all 0"),
        ] {
            assert!(found.contains(words), "{found:?} has no {words:?}");
        }
    }

    #[test]
    fn more_trainings_than_can_be_planned_are_refused_with_the_limit_and_what_was_found() {
        let seeds = |count: u64| format!("seeds = {:?}\n", (0..count).collect::<Vec<_>>());
        let with = |count| GOOD.replace("[training]\n", &format!("[training]\n{}", seeds(count)));
        let found = |text: &str| StudySpec::parse(text).unwrap().too_many();
        assert_eq!(found(&with(2000)), None);
        let fault = found(&with(100_000)).unwrap().to_string();
        assert!(fault.starts_with("[[models]] `"), "{fault}");
        assert!(fault.contains("at most 5000") && fault.contains("found 200000"), "{fault}");
        let folds = "[[cross-validations]]\nname = \"c\"\ndataset = \"d\"\nfolds = 4000000000\n";
        let fault = found(&format!("{GOOD}{folds}")).unwrap().to_string();
        assert!(fault.starts_with("[[cross-validations]] `c`, trainings"), "{fault}");
    }

    #[test]
    fn every_fault_is_found_at_once_and_each_is_said_once() {
        let text = GOOD
            .replace("dataset = \"d\"\n[[models]]", "dataset = \"x\"\nseeds = [1, 1]\n[[models]]");
        let found = faults(&format!("{text}[choice]\nagreement = 2\nbenchmark = \"tset\"\n"));
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(
            lines,
            [
                "[training], dataset: expected one of d, found `x`",
                "[training], seeds: 1 comes twice",
                "[choice], agreement: expected 5, 4 or 3, found 2",
                "[choice], benchmark: expected one of test, found `tset`; did you mean `test`?",
            ]
        );
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
                GOOD.replace("[training]", "[training]\nepoch = 3"),
                ["line 6", "did you mean `epochs`?"],
            ),
            (
                GOOD.replace("[training]", "[training]\nschedule = \"sometimes\""),
                ["line 6", "sometimes"],
            ),
            (GOOD.replace("[training]", "[training]\npercent = 101"), ["line 6", "101"]),
        ] {
            let error = StudySpec::parse(&text).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
    }
}
