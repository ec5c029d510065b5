//! Which models belong together: the seeds of an entry, and what was trained on as much data.

use super::piece::{Text, Traced, refs};
use super::show;
use crate::results::{Benchmarked, Document, ModelResults, Results};

/// Agreement levels of TTD, the strictest first, as published figures are listed.
pub(super) const LEVELS: [u8; 3] = [5, 4, 3];

/// A model of the study with all its seeds.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) network: &'a str,
    pub(super) finetune: &'static str,
    pub(super) runs: Vec<&'a ModelResults>,
}

/// Models that were trained on as much data. No table and no picture holds two of these.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    /// `None`: all of it.
    pub(super) percent: Option<&'a str>,
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Scope<'a> {
    /// Those of a study: all of the data first, then parts in the study's order.
    pub(super) fn all(results: &'a Results) -> Vec<Scope<'a>> {
        let mut scopes: Vec<Scope<'a>> = Vec::new();
        for run in &results.models {
            let percent = run.percent.as_deref();
            let place = scopes.iter().position(|scope| scope.percent == percent);
            let place = place.unwrap_or_else(|| {
                scopes.push(Scope { percent, entries: Vec::new() });
                scopes.len() - 1
            });
            let entries = &mut scopes[place].entries;
            match entries.iter_mut().find(|entry| entry.name == run.name) {
                Some(entry) => entry.runs.push(run),
                None => entries.push(Entry {
                    name: &run.name,
                    network: &run.network,
                    finetune: if run.finetune == "head" { "FT-F" } else { "FT-A" },
                    runs: vec![run],
                }),
            }
        }
        scopes.sort_by_key(|scope| scope.percent.is_some());
        scopes
    }

    /// What file names of this scope end with.
    pub(super) fn ending(&self) -> String {
        self.percent.map_or(String::new(), |percent| format!("-{}-percent", slug(percent)))
    }

    /// What titles of this scope end with.
    pub(super) fn words(&self) -> String {
        self.percent
            .map_or(String::new(), |percent| format!(", trained on {percent} % of the data"))
    }
}

/// A name as a part of a file name: small letters, digits and hyphens.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            'A'..='Z' => slug.push(character.to_ascii_lowercase()),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "x".to_owned() } else { slug.chars().take(60).collect() }
}

/// Something that a benchmark measures: TTD has three of them.
#[derive(Debug, Clone)]
pub(super) struct Measure<'a> {
    /// Place of its benchmark in the study.
    pub(super) benchmark: usize,
    /// The benchmark.
    pub(super) of: &'a Benchmarked,
    /// TTD: at least so many annotators agree.
    pub(super) agreement: Option<u8>,
}

impl<'a> Measure<'a> {
    /// All of a study, in its order.
    pub(super) fn all(results: &'a Results) -> Vec<Measure<'a>> {
        let benchmarks = results.benchmarks.iter().enumerate();
        benchmarks.flat_map(|(place, of)| Measure::of(place, of)).collect()
    }

    /// Those of a benchmark.
    pub(super) fn of(benchmark: usize, of: &'a Benchmarked) -> Vec<Measure<'a>> {
        match of.ttd {
            true => LEVELS.map(|level| Measure { benchmark, of, agreement: Some(level) }).to_vec(),
            false => vec![Measure { benchmark, of, agreement: None }],
        }
    }

    /// `TTD ≥5`.
    pub(super) fn title(&self) -> String {
        match self.agreement {
            Some(level) => format!("{} ≥{level}", self.of.name),
            None => self.of.name.clone(),
        }
    }

    /// Where its scores stand in an evaluation.
    pub(super) fn scores(&self, document: &Document) -> Option<String> {
        let Some(agreement) = self.agreement else { return Some("/scores".to_owned()) };
        let levels = document.json.pointer("/levels")?.as_array()?;
        let of = |level: &serde_json::Value| level.get("agreement").and_then(|v| v.as_u64());
        let place = levels.iter().position(|level| of(level) == Some(u64::from(agreement)))?;
        Some(format!("/levels/{place}/scores"))
    }

    /// The published figure of this measure in a list of TTD's and B-T4SA's.
    pub(super) fn number(&self, document: &Document, field: &str) -> Option<Traced> {
        Traced::at(document, &format!("{}/{field}", self.scores(document)?))
    }
}

/// An accuracy over seeds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accuracy {
    /// Mean over the seeds.
    pub(super) value: Traced,
    /// 95 % interval: means of the seeds' ends, since all of them are tested on the same samples.
    pub(super) low: Traced,
    pub(super) high: Traced,
    /// Sample standard deviation over the seeds.
    pub(super) sd: Option<Traced>,
    /// Samples that each seed was tested on.
    pub(super) samples: Traced,
    /// How many seeds.
    pub(super) seeds: Traced,
}

/// What CSV calls the numbers of an accuracy.
pub(super) const ACCURACY: [&str; 5] = ["", "low", "high", "sd over seeds", "samples"];

impl Accuracy {
    /// Of evaluations, each of a seed.
    pub(super) fn of(evaluations: &[&Document], measure: &Measure<'_>) -> Option<Accuracy> {
        let all = |field: &str| -> Vec<Traced> {
            evaluations.iter().filter_map(|document| measure.number(document, field)).collect()
        };
        let values = all("accuracy/value");
        Some(Accuracy {
            value: Traced::mean(&values)?,
            low: Traced::mean(&all("accuracy/low"))?,
            high: Traced::mean(&all("accuracy/high"))?,
            sd: Traced::sample_sd(&values),
            samples: Traced::mean(&all("accuracy/of"))?,
            seeds: Traced::made("count", values.len() as f64, &refs(&values)),
        })
    }

    /// `0.768 ± 0.004 (0.739–0.795)`; its numbers are [`ACCURACY`].
    pub(super) fn text(&self) -> Text {
        let text = Text::default().in_slot(0, self.value.clone(), show::share);
        let text = match &self.sd {
            Some(sd) => text.and(" ± ").in_slot(3, sd.clone(), show::share),
            None => text,
        };
        text.and(" (")
            .in_slot(1, self.low.clone(), show::share)
            .and("–")
            .in_slot(2, self.high.clone(), show::share)
            .and(")")
            .hidden(4, Some(self.samples.clone()))
    }
}

impl<'a> Entry<'a> {
    /// Its evaluations on a benchmark, of the seeds that are done.
    pub(super) fn evaluations(&self, benchmark: usize) -> Vec<&'a Document> {
        let of = |run: &&'a ModelResults| run.evaluations.get(benchmark)?.as_ref();
        self.runs.iter().filter_map(of).collect()
    }

    /// Its accuracy.
    pub(super) fn accuracy(&self, measure: &Measure<'_>) -> Option<Accuracy> {
        Accuracy::of(&self.evaluations(measure.benchmark), measure)
    }

    /// What its inference costs: measured once for all that compute the same.
    pub(super) fn cost(&self) -> Option<&'a Document> {
        self.runs.iter().find_map(|run| run.cost.as_ref())
    }

    /// A number of the training of each seed that has it.
    pub(super) fn trained(&self, pointer: &str) -> Vec<Traced> {
        let documents = self.runs.iter().filter_map(|run| run.train.as_ref());
        documents.filter_map(|document| Traced::at(document, pointer)).collect()
    }

    /// Bytes of its deployable weights.
    pub(super) fn weights_bytes(&self) -> Option<Traced> {
        let trained = self.trained("/weights_bytes").into_iter().next();
        trained.or_else(|| self.costs("/weights_bytes"))
    }

    /// A number of its cost.
    pub(super) fn costs(&self, pointer: &str) -> Option<Traced> {
        Traced::at(self.cost()?, pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn seeds_of_an_entry_belong_together_and_parts_of_the_data_are_apart() {
        let results = sample::results();
        let scopes = Scope::all(&results);
        let percents: Vec<_> = scopes.iter().map(|scope| scope.percent).collect();
        assert_eq!(percents, [None, Some("10")]);
        let names: Vec<_> = scopes[0].entries.iter().map(|e| (e.name, e.runs.len())).collect();
        assert_eq!(names, [("vgg19-all", 2), ("mobilenet-v2-all", 2), ("mobilenet-v2-head", 2)]);
        assert_eq!(scopes[1].entries[0].runs[0].percent.as_deref(), Some("10"));
    }

    #[test]
    fn a_level_of_ttd_is_found_by_its_agreement_and_not_by_its_place() {
        let results = sample::results();
        let measures = Measure::all(&results);
        let titles: Vec<String> = measures.iter().map(Measure::title).collect();
        assert_eq!(titles, ["B-T4SA test", "TTD ≥5", "TTD ≥4", "TTD ≥3"]);
        let json = serde_json::json!({"levels": [{"agreement": 3, "scores": {}}]});
        let document = Document { file: String::new(), json };
        assert_eq!(measures[1].scores(&document), None);
        assert_eq!(measures[3].scores(&document).as_deref(), Some("/levels/0/scores"));
    }

    #[test]
    fn names_become_file_names_that_stay_in_their_folder() {
        for (name, file) in [
            ("B-T4SA test", "b-t4sa-test"),
            ("../../etc/passwd", "etc-passwd"),
            ("0.5", "0-5"),
            ("…", "x"),
            ("<b>\u{0}", "b"),
        ] {
            assert_eq!(slug(name), file);
        }
        assert_eq!(slug(&"a".repeat(300)).len(), 60);
    }
}
