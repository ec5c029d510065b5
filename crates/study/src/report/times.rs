//! Times with their intervals, and what they are worth: whether the machine was busy while they were taken.

use super::entries::Entry;
use super::piece::{Text, Traced};
use super::show;
use crate::reference::BUSY_FACTOR;
use crate::results::{Document, Results};

/// What CSV calls the numbers of a time.
pub(super) const TIME: [&str; 3] = ["", "low", "high"];

/// A median of runs with its 95 % interval, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Time {
    pub(super) value: Traced,
    pub(super) low: Traced,
    pub(super) high: Traced,
}

impl Time {
    /// That of `images_15` or `image_1` of a cost document.
    pub(super) fn of(document: &Document, field: &str) -> Option<Time> {
        let at = |number: &str| Traced::at(document, &format!("/{field}/{number}"));
        let (value, low, high) = (at("median")?, at("low")?, at("high")?);
        let ordered = 0.0 < low.value && low.value <= value.value && value.value <= high.value;
        ordered.then_some(Time { value, low, high })
    }

    /// Its ends.
    pub(super) fn interval(&self) -> (f64, f64) {
        (self.low.value, self.high.value)
    }

    /// `31.20 ms (31.02–31.44)`; its numbers are [`TIME`].
    pub(super) fn text(&self) -> Text {
        let (factor, unit) = if self.value.value < 1.0 { (1000.0, "ms") } else { (1.0, "s") };
        let digits = if self.value.value * factor < 100.0 { 2 } else { 1 };
        let show = move |value: f64| format!("{:.digits$}", value * factor);
        Text::default()
            .in_slot(0, self.value.clone(), show)
            .and(format!(" {unit} ("))
            .in_slot(1, self.low.clone(), show)
            .and("–")
            .in_slot(2, self.high.clone(), show)
            .and(")")
    }
}

/// What a time that may be missing reads like.
pub(super) fn text(time: Option<Time>) -> Text {
    time.map_or_else(Text::dash, |time| time.text())
}

/// All measurements of a study, each once.
pub(super) fn measurements(results: &Results) -> Vec<&Document> {
    let mut found: Vec<&Document> = Vec::new();
    for cost in results.models.iter().filter_map(|run| run.cost.as_ref()) {
        if found.iter().all(|known| known.file != cost.file) {
            found.push(cost);
        }
    }
    found
}

/// By how much the machine was slower than a quiet one during a measurement: what the measurement itself says, or against
/// the quickest reference loop beside any measurement on as many threads of the same processor.
pub(super) fn slowdown(cost: &Document, measurements: &[&Document]) -> Option<Traced> {
    let itself = Traced::at(cost, "/reference/slowdown")?;
    let alike = measurements.iter().filter(|other| {
        other.text("/cpu") == cost.text("/cpu")
            && other.number("/threads") == cost.number("/threads")
    });
    let quickest = alike
        .filter_map(|other| Traced::at(other, "/reference/quickest"))
        .min_by(|a, b| a.value.total_cmp(&b.value))?;
    let own = Traced::at(cost, "/reference/upper_quartile")?;
    let against = Traced::ratio(&own, &quickest)?;
    Some(if against.value > itself.value { against } else { itself })
}

/// Whether that is too much for the times to be believed.
pub(super) fn is_busy(slowdown: &Traced) -> bool {
    slowdown.value > BUSY_FACTOR
}

/// The interval that a time has on a quiet machine: where this one was busy, it may be as much shorter as that was slow.
pub(super) fn on_a_quiet_machine(time: &Time, slowdown: Option<Traced>) -> (f64, f64) {
    let (low, high) = time.interval();
    match slowdown.filter(is_busy) {
        Some(slowdown) => (low / slowdown.value, high),
        None => (low, high),
    }
}

/// Networks that were measured on a busy machine.
pub(super) fn busy(results: &Results) -> Vec<String> {
    busy_on(results).into_iter().map(|(words, _)| words).collect()
}

/// The same, with how many threads they were measured on.
fn busy_on(results: &Results) -> Vec<(String, Option<f64>)> {
    let all = measurements(results);
    let busy = all.iter().filter_map(|cost| {
        let slowdown = slowdown(cost, &all).filter(is_busy)?;
        let (network, size) = (cost.text("/network")?, cost.number("/size")?);
        let words = format!("{network} at {size} × {size} ({:.2} ×)", slowdown.value);
        Some((words, cost.number("/threads")))
    });
    busy.collect()
}

/// What a time was measured on: times on two of these say nothing of which model is the quicker.
pub(super) fn machine(cost: &Document) -> (String, u64) {
    let threads = cost.number("/threads").map_or(0, |threads| threads as u64);
    (cost.text("/cpu").unwrap_or_default().to_owned(), threads)
}

/// What is to be said before all else where inference was not measured on the same machine throughout.
pub(super) fn machines_warning(results: &Results) -> Option<String> {
    let mut found: Vec<((String, u64), Vec<String>)> = Vec::new();
    for cost in measurements(results) {
        let network = cost.text("/network").unwrap_or("a network").to_owned();
        let machine = machine(cost);
        match found.iter_mut().find(|(known, _)| *known == machine) {
            Some((_, networks)) => networks.push(network),
            None => found.push((machine, vec![network])),
        }
    }
    let words = |((cpu, threads), networks): &((String, u64), Vec<String>)| {
        let cpu = if cpu.is_empty() { "an unnamed CPU" } else { cpu };
        let threads = match threads {
            1 => "1 thread".to_owned(),
            _ => format!("{threads} threads"),
        };
        format!("{} on {cpu} with {threads}", networks.join(", "))
    };
    (found.len() > 1).then(|| {
        let found: Vec<String> = found.iter().map(words).collect();
        format!(
            "Inference was not measured on the same processor and number of threads throughout, and such times cannot be told \
             apart: {}. To measure all of it on this machine, do {} again with `measure_again`.",
            found.join("; "),
            study(results)
        )
    })
}

/// What is done again: the file of a study, where it is known.
fn study(results: &Results) -> String {
    match results.study_file.as_str() {
        "" => "the study".to_owned(),
        file => format!("the study `{file}`"),
    }
}

/// What is to be said before all else where the machine was busy.
pub(super) fn warning(results: &Results) -> Option<String> {
    let (busy, mut threads): (Vec<String>, Vec<_>) = busy_on(results).into_iter().unzip();
    threads.dedup();
    let threads = match *threads {
        [Some(threads)] => format!(" and `threads: {threads}`"),
        _ => String::new(),
    };
    let study = study(results);
    (!busy.is_empty()).then(|| {
        format!(
            "The machine was busy while inference was measured: a reference loop beside it took up to so many times as long \
             as on a quiet one: {}. These times are no ground for a choice. Once the machine is quiet, do {study} again with \
             `measure_again`{threads}.",
            busy.join("; ")
        )
    })
}

/// How long an entry's training took, seeds together.
#[derive(Debug, Clone)]
pub(super) struct TrainingTime {
    /// Mean over the seeds of the training alone, and once what it takes to make the features that it needs.
    pub(super) value: Traced,
    /// Sample standard deviation over the seeds of the training alone.
    pub(super) sd: Option<Traced>,
}

/// What a training's document says of the features of its frozen backbone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Features {
    /// It needs none, or keeps none: they are part of its own time.
    Nothing,
    /// So many, of so many; these seconds it took.
    Made { made: f64, of: f64, seconds: Traced },
    /// Another run had made them.
    Found,
    /// The run was made by a version that did not write it down.
    Unknown,
}

/// The features of a training.
pub(super) fn features(train: &Document) -> Features {
    let at = |pointer: &str| train.number(&format!("/times/features/{pointer}"));
    match (at("samples"), at("made")) {
        (Some(0.0), _) => Features::Nothing,
        (Some(_), Some(0.0)) => Features::Found,
        (Some(of), Some(made)) => match Traced::at(train, "/times/feature_seconds") {
            Some(seconds) => Features::Made { made, of, seconds },
            None => Features::Unknown,
        },
        _ if train.text("/finetune") == Some("all") => Features::Nothing,
        _ => Features::Unknown,
    }
}

/// Seconds of a training without those that went into features.
pub(super) fn alone(train: &Document) -> Option<Traced> {
    let seconds = Traced::at(train, "/times/seconds")?;
    match Traced::at(train, "/times/feature_seconds") {
        Some(spent) if features(train) != Features::Nothing => {
            Some(Traced::difference(&seconds, &spent))
        }
        _ => Some(seconds),
    }
}

/// Seconds of a training as if it were the first: with the features of whoever made them all, `others` among them.
pub(super) fn as_first_run<'a>(
    train: &Document,
    mut others: impl Iterator<Item = &'a Document>,
) -> Option<Traced> {
    let alone = alone(train)?;
    let whole = |document: &Document| match features(document) {
        // More, where damaged ones were made anew.
        Features::Made { made, of, seconds } if made >= of => Some(seconds),
        _ => None,
    };
    let making = match features(train) {
        Features::Nothing => return Some(alone),
        Features::Unknown => return None,
        Features::Made { .. } | Features::Found => whole(train).or_else(|| {
            let place = "/times/features/key";
            others.find_map(|other| {
                let alike = other.text(place) == train.text(place)
                    && other.number("/times/features/samples")
                        == train.number("/times/features/samples");
                whole(other).filter(|_| alike)
            })
        })?,
    };
    Traced::sum(&[alone, making])
}

impl<'a> Entry<'a> {
    /// The time of one image or of fifteen.
    pub(super) fn time(&self, field: &str) -> Option<Time> {
        Time::of(self.cost()?, field)
    }

    /// Documents of its trainings that are done.
    pub(super) fn trainings(&self) -> impl Iterator<Item = &'a Document> {
        self.runs.iter().filter_map(|run| run.train.as_ref())
    }

    /// How long its training took; `all`: the trainings that may have made its features.
    pub(super) fn training_time(&self, all: &[&Document]) -> Option<TrainingTime> {
        let of = |train| as_first_run(train, all.iter().copied());
        let whole: Vec<Traced> = self.trainings().filter_map(of).collect();
        let alone: Vec<Traced> = self.trainings().filter_map(alone).collect();
        Some(TrainingTime { value: Traced::mean(&whole)?, sd: Traced::sample_sd(&alone) })
    }
}

/// `made in 12.3 s`, `found`: what a training had of features; slot 0.
pub(super) fn features_text(train: Option<&Document>) -> Text {
    match train.map(features) {
        None | Some(Features::Unknown) => Text::dash(),
        Some(Features::Nothing) => Text::from("none"),
        Some(Features::Found) => Text::from("found"),
        Some(Features::Made { made, of, seconds }) => {
            let words = match made >= of {
                true => "made in ".to_owned(),
                false => format!("{} of {} made in ", show::whole(made), show::whole(of)),
            };
            Text::from(words).in_slot(0, seconds, show::time)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn train(file: &str, seconds: f64, feature_seconds: f64, features: Value) -> Document {
        let json = json!({ "finetune": "head",
            "times": { "seconds": seconds, "feature_seconds": feature_seconds, "features": features } });
        Document { file: file.to_owned(), json }
    }

    #[test]
    fn whoever_made_features_and_whoever_found_them_are_compared_alike() {
        let used = |made: u64| json!({ "key": "k", "samples": 100, "made": made });
        let first = train("a", 42.0, 30.0, used(100));
        let second = train("b", 12.5, 0.5, used(0));
        let all = [&first, &second];
        let whole = |of: &Document| as_first_run(of, all.iter().copied()).map(|time| time.value);
        assert_eq!((alone(&first).unwrap().value, alone(&second).unwrap().value), (12.0, 12.0));
        assert_eq!((whole(&first), whole(&second)), (Some(42.0), Some(42.0)));
        let said = [&first, &second].map(|train| features_text(Some(train)).to_string());
        assert_eq!(said, ["made in 30.0 s", "found"]);
        // A part of them, or of other samples, says nothing of what all of them take.
        let part = train("c", 20.0, 8.0, used(40));
        assert_eq!(features_text(Some(&part)).to_string(), "40 of 100 made in 8.0 s");
        assert_eq!(as_first_run(&part, std::iter::empty()), None);
        assert_eq!(whole(&part), Some(42.0));
    }

    #[test]
    fn a_training_of_an_earlier_version_says_nothing_of_features_but_that_all_layers_have_none() {
        let old = |finetune: &str| {
            let json =
                json!({"finetune": finetune, "times": {"seconds": 20.0, "feature_seconds": 8.0}});
            Document { file: "old".to_owned(), json }
        };
        let (head, all) = (old("head"), old("all"));
        assert_eq!(features_text(Some(&head)), Text::dash());
        assert_eq!(as_first_run(&head, std::iter::empty()), None);
        assert_eq!(alone(&head).unwrap().value, 12.0);
        assert_eq!(features_text(Some(&all)).to_string(), "none");
        assert_eq!(as_first_run(&all, std::iter::empty()).unwrap().value, 20.0);
    }

    #[test]
    fn a_measurement_on_a_busy_machine_is_told_from_quiet_ones_beside_it() {
        let cost = |file: &str, quickest: f64, threads: u32| Document {
            file: file.to_owned(),
            json: json!({ "cpu": "x", "threads": threads,
                "reference": { "quickest": quickest, "upper_quartile": 1.1 * quickest, "slowdown": 1.1 } }),
        };
        let (quiet, busy, other) = (cost("a", 0.01, 2), cost("b", 0.02, 2), cost("c", 0.04, 1));
        let all = [&quiet, &busy, &other];
        let found = all.map(|cost| slowdown(cost, &all).unwrap());
        assert_eq!(found.each_ref().map(is_busy), [false, true, false], "{found:?}");
        assert!((found[1].value - 2.2).abs() < 1e-9);
        assert_eq!(
            found[1].source.to_string(),
            "ratio(b#/reference/upper_quartile; a#/reference/quickest)"
        );
    }

    #[test]
    fn a_time_has_an_interval_above_0_or_is_none() {
        let of = |low: f64| {
            let json = json!({ "image_1": { "median": 0.0312, "low": low, "high": 0.0314 } });
            Time::of(&Document { file: String::new(), json }, "image_1")
        };
        assert_eq!(of(0.031).unwrap().text().to_string(), "31.20 ms (31.00–31.40)");
        assert_eq!((of(-0.001), of(0.0), of(0.04)), (None, None, None));
    }
}
