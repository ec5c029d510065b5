//! What a study's file says against itself.

use std::collections::HashSet;

use super::spec::{FoldsSpec, StudySpec, TrainingSpec};

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
        let models = self.every_model();
        let titles: Vec<String> = models.iter().map(TrainingSpec::title).collect();
        let benchmarks: Vec<&str> = self.benchmarks.iter().map(|b| b.name.as_str()).collect();
        let datasets: Vec<&str> = self.datasets.keys().map(String::as_str).collect();
        let unknown = |what: &str, name: &str, known: &[&str]| {
            (!known.contains(&name))
                .then(|| format!("{what}: expected one of {}, found `{name}`", known.join(", ")))
        };
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        if self.training.name.is_some() {
            return Some("[training] holds for every model and has no name".to_owned());
        }
        if models.is_empty() {
            return Some("expected at least one of [[models]]".to_owned());
        }
        if benchmarks.is_empty() {
            return Some("expected at least one of [[benchmarks]]".to_owned());
        }
        let twice = twice(&titles).map(|name| (name, "models"));
        let twice = twice.or_else(|| self::twice(&benchmarks).map(|name| (name, "benchmarks")));
        if let Some((name, what)) = twice {
            return Some(format!(
                "two of the {what} are called `{name}`: give each a name of its own"
            ));
        }
        let model = |model: &TrainingSpec, title: &str| {
            if model.network.is_none() {
                return Some(format!("model `{title}` has no network"));
            }
            let Some(dataset) = &model.dataset else {
                return Some(format!("model `{title}` has no dataset, and [training] has none"));
            };
            if let Some(seed) = repeated(&model.every_seed()) {
                return Some(format!("model `{title}` has the seed {seed} twice"));
            }
            if model.every_seed().is_empty() {
                return Some(format!("model `{title}` has no seed: leave `seeds` out for seed 0"));
            }
            unknown(&format!("dataset of model `{title}`"), dataset, &datasets)
        };
        let choice = self
            .choice
            .benchmark
            .iter()
            .find_map(|name| unknown("benchmark of [choice]", name, &benchmarks));
        let weights = [self.choice.accuracy, self.choice.inference_time, self.choice.size];
        let weights_make_no_sense =
            weights.iter().any(|weight| !(weight.is_finite() && *weight >= 0.0))
                || weights.iter().sum::<f64>() <= 0.0;
        models
            .iter()
            .zip(&titles)
            .find_map(|(spec, title)| model(spec, title))
            .or_else(|| {
                self.benchmarks.iter().find_map(|benchmark| {
                    let what = |part: &str| format!("{part} of benchmark `{}`", benchmark.name);
                    let mut named = benchmark.models.iter().flatten();
                    unknown(&what("dataset"), &benchmark.dataset, &datasets)
                        .or_else(|| named.find_map(|name| unknown(&what("a model"), name, &titles)))
                })
            })
            .or_else(|| {
                self.cross_validations.iter().find_map(|cv| {
                    let what = |part: &str| format!("{part} of cross-validation `{}`", cv.name);
                    let few = match cv.folds {
                        FoldsSpec::Made(folds) if folds < 2 => {
                            Some(format!("{}: expected 2 or more, found {folds}", what("folds")))
                        }
                        _ => None,
                    };
                    let named = cv.models.iter().flatten();
                    unknown(&what("dataset"), &cv.dataset, &datasets).or(few).or_else(|| {
                        named.clone().find_map(|name| unknown(&what("a model"), name, &titles))
                    })
                })
            })
            .or_else(|| {
                self.learning_curves.iter().find_map(|curve| {
                    let what = |part: &str| format!("{part} of a learning curve");
                    unknown(&what("model"), &curve.model, &titles)
                        .or_else(|| unknown(&what("benchmark"), &curve.benchmark, &benchmarks))
                })
            })
            .or_else(|| {
                self.upper_limits.iter().find_map(|limit| {
                    let benchmark = limit.benchmark.iter();
                    unknown("model of an upper limit", &limit.model, &titles).or_else(|| {
                        let mut benchmark = benchmark.clone();
                        benchmark.find_map(|name| {
                            unknown("benchmark of an upper limit", name, &benchmarks)
                        })
                    })
                })
            })
            .or_else(|| {
                let mut names = self.labels.datasets.iter();
                names.find_map(|name| unknown("datasets of [labels]", name, &datasets))
            })
            .or(choice)
            .or_else(|| {
                weights_make_no_sense.then(|| {
                    format!("weights of [choice]: expected 0 or more, not all 0, found {weights:?}")
                })
            })
    }
}

fn twice<'a>(names: &[&'a str]) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.iter().copied().find(|name| !seen.insert(*name))
}

fn repeated(seeds: &[u64]) -> Option<u64> {
    let mut seen = HashSet::new();
    seeds.iter().copied().find(|seed| !seen.insert(*seed))
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
            (format!("{GOOD}colour = 1\n"), ["line 15", "unknown field `colour`"]),
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
