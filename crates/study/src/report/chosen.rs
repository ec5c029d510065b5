//! The choice of the model to deploy in words and as a table, with where each number is from.

use super::choice::{Candidate, Choice, choose};
use super::entries::{ACCURACY, Accuracy, Entry, Measure, Scope};
use super::piece::{Source, Text, Traced, refs};
use super::show;
use super::table::{Column, Row, Table};
use super::times::{self, TIME, Time};
use crate::results::Results;

/// A candidate with where its numbers are from.
struct Measured<'a> {
    entry: &'a Entry<'a>,
    accuracy: Accuracy,
    time: Time,
    bytes: Traced,
}

/// The choice of a study.
pub(super) struct Chosen<'a> {
    /// The part of the data that the candidates saw; `None`: all of it.
    pub(super) percent: Option<&'a str>,
    measured: Vec<Measured<'a>>,
    /// What is chosen from: [`Chosen::measured`] as numbers.
    candidates: Vec<Candidate>,
    choice: Option<Choice>,
    /// Models without accuracy, time or size: name, and what is missing.
    left_out: Vec<(&'a str, String)>,
    measure: Option<Measure<'a>>,
    results: &'a Results,
}

impl<'a> Chosen<'a> {
    /// Chooses among the models that saw all of the data; among those of the first part where there are no others.
    pub(super) fn of(results: &'a Results, scopes: &'a [Scope<'a>]) -> Chosen<'a> {
        let rule = &results.rule;
        let measure = Measure::all(results).into_iter().find(|measure| {
            measure.of.name == rule.benchmark
                && (!measure.of.ttd || measure.agreement == Some(rule.agreement.unwrap_or(5)))
        });
        let scope = scopes.first();
        let (mut measured, mut left_out) = (Vec::new(), Vec::new());
        for entry in scope.map_or(&[][..], |scope| &scope.entries) {
            let accuracy = measure.as_ref().and_then(|measure| entry.accuracy(measure));
            let above_0 = |number: &Traced| number.value > 0.0;
            let time = entry.time("image_1");
            let bytes = entry.weights_bytes().filter(above_0);
            let mut missing = Vec::new();
            for (name, there) in [
                ("accuracy", accuracy.is_some()),
                ("inference time", time.is_some()),
                ("size of the weights", bytes.is_some()),
            ] {
                if !there {
                    missing.push(name);
                }
            }
            match (accuracy, time, bytes) {
                (Some(accuracy), Some(time), Some(bytes)) => {
                    measured.push(Measured { entry, accuracy, time, bytes });
                }
                _ => left_out.push((entry.name, missing.join(", "))),
            }
        }
        let measurements = times::measurements(results);
        let candidates: Vec<Candidate> = measured
            .iter()
            .map(|measured| Candidate {
                name: measured.entry.name.to_owned(),
                accuracy: measured.accuracy.value.value,
                interval: (measured.accuracy.low.value, measured.accuracy.high.value),
                seconds: measured.time.value.value,
                seconds_interval: times::on_a_quiet_machine(
                    &measured.time,
                    measured.entry.cost().and_then(|cost| times::slowdown(cost, &measurements)),
                ),
                measurement: measured.entry.cost().map_or(String::new(), |cost| cost.file.clone()),
                machine: measured.entry.cost().map(times::machine).unwrap_or_default(),
                bytes: measured.bytes.value,
            })
            .collect();
        Chosen {
            percent: scope.and_then(|scope| scope.percent),
            choice: choose(&candidates, rule),
            candidates,
            measured,
            left_out,
            measure,
            results,
        }
    }

    /// Name of the model to deploy.
    pub(super) fn name(&self) -> Option<&'a str> {
        let choice = self.choice.as_ref()?;
        Some(self.measured[choice.order[0]].entry.name)
    }

    /// Names of the models that cannot be told from it within what was measured.
    pub(super) fn tied(&self) -> Vec<&'a str> {
        let tied = self.choice.iter().flat_map(|choice| &choice.tied);
        tied.map(|&number| self.measured[number].entry.name).collect()
    }

    /// What the rule measures accuracy by.
    pub(super) fn measure(&self) -> Option<&Measure<'a>> {
        self.measure.as_ref()
    }

    /// The rule's weights, divided by their sum.
    fn weights(&self) -> [Traced; 3] {
        let rule = &self.results.rule;
        let file = &self.results.study_file;
        let given = [
            ("accuracy", rule.accuracy),
            ("inference time", rule.inference_time),
            ("size", rule.size),
        ];
        let given = given.map(|(name, weight)| {
            let weight = if weight.is_finite() { weight.max(0.0) } else { 0.0 };
            Traced::given(weight, format!("{file}: weight of {name}"))
        });
        let sum = given.iter().map(|weight| weight.value).sum();
        let sum = Traced::made("sum", sum, &refs(&given));
        let alone = [1.0, 0.0, 0.0];
        std::array::from_fn(|place| {
            let none = || Traced::given(alone[place], format!("{file}: no weights are given"));
            Traced::ratio(&given[place], &sum).unwrap_or_else(none)
        })
    }

    /// What each candidate is worth, the best first.
    pub(super) fn table(&self) -> Option<Table> {
        let (choice, measure) = (self.choice.as_ref()?, self.measure.as_ref()?);
        let measured = || self.measured.iter();
        let columns: [(&'static str, Vec<&Traced>); 3] = [
            ("worth", measured().map(|of| &of.accuracy.value).collect()),
            ("log-worth", measured().map(|of| &of.time.value).collect()),
            ("log-worth", measured().map(|of| &of.bytes).collect()),
        ];
        let mut rows = Vec::new();
        for (rank, &number) in choice.order.iter().enumerate() {
            let (measured, worth) = (&self.measured[number], choice.worths[number]);
            let values = [worth.accuracy, worth.time, worth.size];
            let worths: [Traced; 3] = std::array::from_fn(|place| {
                let (function, all) = &columns[place];
                let of: Vec<&Traced> =
                    std::iter::once(all[number]).chain(all.iter().copied()).collect();
                Traced::made(function, values[place], &of)
            });
            let score = Traced {
                value: worth.score,
                source: Source::Given("this row: sum of weight × worth".to_owned()),
            };
            let name = |number: usize| self.measured[number].entry.name;
            let verdict = match choice.beaten_by[number] {
                Some(by) => format!("beaten by {}", name(by)),
                None if choice.tied.contains(&number) => {
                    format!("tie with {}", name(choice.order[0]))
                }
                None => String::new(),
            };
            let mut cells: Vec<Text> = vec![
                measured.entry.name.into(),
                format!("{}", rank + 1).into(),
                measured.accuracy.text(),
                measured.time.text(),
                Text::default().with(measured.bytes.clone(), show::size),
            ];
            cells.extend(worths.map(|worth| Text::default().with(worth, show::share)));
            cells.push(Text::default().with(score, show::share));
            cells.push(verdict.into());
            rows.push(Row { strong: rank == 0, ..Row::of(cells) });
        }
        let [accuracy, time, size] = self.weights();
        let note = Text::from("Worth: 0 is the worst candidate, 1 the best; of times and sizes by their logarithms. Score: ")
            .with(accuracy, show::share)
            .and(" × worth of accuracy + ")
            .with(time, show::share)
            .and(" × worth of inference time + ")
            .with(size, show::share)
            .and(
                " × worth of size. A tie: what can be told apart, beyond the 95 % intervals of accuracy and time, does not \
                 speak for the first. Beaten: another one is more accurate beyond the intervals, and neither slower nor larger. \
                 What was measured on a busy machine may be as much quicker as that machine was slow; times on different \
                 processors or numbers of threads are not told apart.",
            );
        Some(Table {
            name: "choice".to_owned(),
            title: format!("Score of the candidates{}", self.part()),
            note,
            columns: vec![
                Column::words("model"),
                Column::words("rank"),
                Column::numbers(format!("accuracy, {}", measure.title()), "", &ACCURACY),
                Column::numbers("one image", "s", &TIME),
                Column::number("deployable weights", "bytes"),
                Column::number("worth: accuracy", ""),
                Column::number("worth: time", ""),
                Column::number("worth: size", ""),
                Column::number("score", ""),
                Column::words("tie, or beaten"),
            ],
            rows,
            open: true,
        })
    }

    fn part(&self) -> String {
        self.percent
            .map_or(String::new(), |percent| format!(", trained on {percent} % of the data"))
    }

    /// What is to be said before all else, if there is something.
    pub(super) fn warning(&self) -> Option<String> {
        let percent = self.percent?;
        Some(format!(
            "No model of this study saw all of the data. Everything here, the choice too, is of models that were trained on \
             {percent} % of it: nothing says that the same model would win on all."
        ))
    }

    /// Why, in sentences.
    pub(super) fn sentences(&self) -> Vec<Text> {
        let mut sentences = Vec::new();
        let rule = &self.results.rule;
        match (&self.measure, &self.choice) {
            (None, _) => sentences.push(Text::from(format!(
                "No choice: the rule wants the accuracy on “{}”, and the study has no such benchmark.",
                rule.benchmark
            ))),
            (Some(_), None) => sentences.push(Text::from(
                "No choice yet: no model has an accuracy on the rule's benchmark, an inference time and a size.",
            )),
            (Some(measure), Some(choice)) => self.reasons(&mut sentences, measure, choice),
        }
        if !self.left_out.is_empty() {
            let names =
                self.left_out.iter().map(|(name, missing)| format!("{name} (no {missing})"));
            let names: Vec<String> = names.collect();
            sentences.push(Text::from(format!("Left out: {}.", names.join("; "))));
        }
        sentences
    }

    fn reasons(&self, sentences: &mut Vec<Text>, measure: &Measure<'_>, choice: &Choice) {
        let best = &self.measured[choice.order[0]];
        let [accuracy, time, size] = self.weights();
        let title = measure.title();
        sentences.push(
            Text::from(format!("The rule: accuracy on {title} weighs "))
                .with(accuracy.clone(), show::share)
                .and(", inference time of one image ")
                .with(time, show::share)
                .and(", size of the deployable weights ")
                .with(size, show::share)
                .and("."),
        );
        let text = Text::from(format!("By it {} is to be deployed: accuracy ", best.entry.name));
        sentences.push(
            text.with(best.accuracy.value.clone(), show::share)
                .and(" (95 % interval ")
                .with(best.accuracy.low.clone(), show::share)
                .and("–")
                .with(best.accuracy.high.clone(), show::share)
                .and("), one image in ")
                .with(best.time.value.clone(), show::time)
                .and(", weights of ")
                .with(best.bytes.clone(), show::size)
                .and(format!(". {}", self.ranks(choice))),
        );
        let documents = best.entry.evaluations(measure.benchmark);
        let majority = documents.first().and_then(|document| measure.number(document, "majority"));
        if let Some(majority) =
            majority.filter(|majority| majority.value >= best.accuracy.low.value)
        {
            sentences.push(
                Text::from("Beware: always naming the largest class scores ")
                    .with(majority, show::share)
                    .and(", which is not below the interval of this model: it may have learnt nothing."),
            );
        }
        if !choice.tied.is_empty() {
            sentences.push(Text::from(format!(
                "A tie between {} and {} within what was measured: what can be told apart does not speak for {}. It is named \
                 by its score alone.",
                best.entry.name,
                self.tied().join(", "),
                best.entry.name
            )));
        }
        if let Some(&second) = choice.order.get(1) {
            sentences.push(self.runner_up(second, choice));
            sentences.push(difference(best, &self.measured[second]));
        }
        if choice.order.len() > 1 {
            sentences.push(self.changes(choice, accuracy));
        }
        let beaten = choice.beaten_by.iter().enumerate().filter_map(|(number, by)| {
            let name = |number: usize| self.measured[number].entry.name;
            by.map(|by| format!("{} (by {})", name(number), name(by)))
        });
        let beaten: Vec<String> = beaten.collect();
        if !beaten.is_empty() {
            sentences.push(Text::from(format!(
                "Less accurate beyond the intervals, and neither quicker nor smaller, so never to be chosen whatever the \
                 weights: {}.",
                beaten.join(", ")
            )));
        }
    }

    /// Which place the chosen one has in each of the three.
    fn ranks(&self, choice: &Choice) -> String {
        let best = choice.worths[choice.order[0]];
        if self.measured.len() == 1 {
            return "It is the only candidate.".to_owned();
        }
        let place = |number: usize, most: &str| match number {
            1 => format!("the {most}"),
            2 => format!("the second {most}"),
            3 => format!("the third {most}"),
            number => format!("number {number} of the {most}"),
        };
        type Of = fn(&super::choice::Worth) -> f64;
        let kinds: [(Of, &str); 3] = [
            (|worth| worth.accuracy, "most accurate"),
            (|worth| worth.time, "quickest"),
            (|worth| worth.size, "smallest"),
        ];
        // Where all are equal nobody is the first.
        let places = kinds.iter().filter_map(|(of, most)| {
            let own = of(&best);
            let differs = choice.worths.iter().any(|worth| of(worth) != own);
            let better = choice.worths.iter().filter(|worth| of(worth) > own).count();
            differs.then(|| place(1 + better, most))
        });
        let places: Vec<String> = places.collect();
        let number = self.measured.len();
        match places.split_last() {
            None => format!("All {number} candidates are equal."),
            Some((only, [])) => format!("Of {number} candidates it is {only}."),
            Some((last, others)) => {
                format!("Of {number} candidates it is {} and {last}.", others.join(", "))
            }
        }
    }

    fn runner_up(&self, second: usize, choice: &Choice) -> Text {
        let first = choice.order[0];
        let alike = self.candidates[first].is_as_quick(&self.candidates[second]);
        let same = self.candidates[first].measurement == self.candidates[second].measurement;
        let elsewhere = self.candidates[first].machine != self.candidates[second].machine;
        let (best, second) = (&self.measured[first], &self.measured[second]);
        let scores = [0, 1].map(|rank| choice.worths[choice.order[rank]].score);
        let score = |number: usize| Traced {
            value: scores[number],
            source: Source::Given(format!("tables/choice.csv: score of rank {}", number + 1)),
        };
        let factor = |text: Text, own: &Traced, other: &Traced, [more, less, same]: [&str; 3]| {
            let (words, ratio) = match other.value >= own.value {
                true => (more, Traced::ratio(other, own)),
                false => (less, Traced::ratio(own, other)),
            };
            match ratio {
                // It would read 1.0 times.
                Some(ratio) if ratio.value < 1.05 => text.and(same),
                Some(ratio) => text.with(ratio, |value| format!("{value:.1}")).and(words),
                None => text,
            }
        };
        let text = Text::from(format!("The runner-up is {}: score ", second.entry.name))
            .with(score(1), show::share)
            .and(" against ")
            .with(score(0), show::share)
            .and(". Its accuracy is ");
        let (own, other) = (&best.accuracy.value, &second.accuracy.value);
        let text = match other.value >= own.value {
            true => text.with(Traced::difference(other, own), show::share).and(" higher"),
            false => text.with(Traced::difference(own, other), show::share).and(" lower"),
        };
        let text =
            text.and(if elsewhere { ", one image was measured " } else { ", one image takes " });
        let words = [" times as long", " times less long", "about as long"];
        let text = match (same, alike) {
            _ if elsewhere => text.and("on another processor or number of threads"),
            (true, _) => text.and("as long"),
            (false, true) => text.and("as long within the intervals"),
            (false, false) => factor(text, &best.time.value, &second.time.value, words),
        };
        let text = text.and(", its weights are ");
        let words = [" times as large", " times smaller", "about as large"];
        let text = match best.bytes.value == second.bytes.value {
            true => text.and("as large"),
            false => factor(text, &best.bytes, &second.bytes, words),
        };
        text.and(".")
    }

    fn changes(&self, choice: &Choice, weight: Traced) -> Text {
        let change = |weight: f64| Traced {
            value: weight,
            source: Source::Given("tables/choice.csv: where two scores are equal".to_owned()),
        };
        let name = |number: usize| self.measured[number].entry.name;
        let text = match (&choice.below, &choice.above) {
            (None, None) => {
                return Text::from(
                    "No weight of accuracy between 0 and 1 would change the choice.",
                );
            }
            (Some(below), None) => Text::from("With a weight of accuracy below ")
                .with(change(below.weight), show::share)
                .and(format!(" {} would be chosen", name(below.to))),
            (None, Some(above)) => Text::from("With a weight of accuracy above ")
                .with(change(above.weight), show::share)
                .and(format!(" {} would be chosen", name(above.to))),
            (Some(below), Some(above)) => Text::from("With a weight of accuracy below ")
                .with(change(below.weight), show::share)
                .and(format!(" {} would be chosen, above ", name(below.to)))
                .with(change(above.weight), show::share)
                .and(format!(" {}", name(above.to))),
        };
        text.and("; the rule has ")
            .with(weight, show::share)
            .and(" (time and size keep their proportion).")
    }
}

/// Whether the accuracies of two can be told apart.
fn difference(best: &Measured<'_>, second: &Measured<'_>) -> Text {
    let (one, other) = (&best.accuracy, &second.accuracy);
    let apart = one.low.value > other.high.value || other.low.value > one.high.value;
    let interval = |text: Text, of: &Accuracy| {
        text.with(of.low.clone(), show::share).and("–").with(of.high.clone(), show::share)
    };
    let text = interval(Text::from("The 95 % intervals of their accuracies, "), one);
    let text = interval(text.and(" and "), other);
    text.and(match apart {
        true => ", do not overlap: the difference is more than chance.",
        false => {
            ", overlap: this benchmark is too small to tell which of the two is the more accurate."
        }
    })
}
