//! Evaluations on photos that the model had seen: what they say of new photos is too good.

use super::piece::Text;
use crate::results::{Document, Results};

/// How many names stand behind one reason.
const NAMED: usize = 6;
/// Why an evaluation says nothing at all.
const NOT_LOOKED: &str = "evaluated by a version of tcolz that did not look";

/// What is to be said of the models of a study, seeds and folds taken together.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sentences {
    /// One for each model and what it was evaluated on, where it had seen photos of it.
    pub(super) seen: Vec<Text>,
    /// One for each reason why it is not known what models have seen.
    pub(super) unknown: Vec<Text>,
}

/// What the evaluations of a study say.
pub(super) fn sentences(results: &Results) -> Sentences {
    let mut found: Vec<(String, [u64; 3])> = Vec::new();
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut see = |what: String, document: Option<&Document>| {
        let Some(document) = document else { return };
        let reason = match document.json.pointer("/seen") {
            Some(_) => document.text("/seen/unknown"),
            None => Some(NOT_LOOKED),
        };
        if let Some(reason) = reason {
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, names)) if names.contains(&what) => {}
                Some((_, names)) => names.push(what.clone()),
                None => reasons.push((reason.to_owned(), vec![what.clone()])),
            }
        }
        let of = |pointer: &str| document.number(pointer).map_or(0, |number| number as u64);
        let counts = [of("/seen/trained"), of("/seen/validated"), of("/samples")];
        if counts[0] + counts[1] == 0 {
            return;
        }
        match found.iter_mut().find(|(known, _)| *known == what) {
            Some((_, sums)) => sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
            None => found.push((what, counts)),
        }
    };
    for model in &results.models {
        for (benchmark, document) in results.benchmarks.iter().zip(&model.evaluations) {
            see(format!("{} on {}", model.name, benchmark.name), document.as_ref());
        }
    }
    for validated in &results.cross_validations {
        for fold in &validated.evaluations {
            let what = format!("{} in the cross-validation {}", validated.model, validated.name);
            see(what, fold.document.as_ref());
        }
    }
    for curve in &results.learning_curves {
        for point in &curve.points {
            let what = format!("{} on {} (learning curve)", curve.model, curve.benchmark);
            see(what, point.evaluation.as_ref());
        }
    }
    for limit in &results.upper_limits {
        let what = format!("{} (upper limit, {} %)", limit.model, limit.tested_percent);
        see(what, limit.evaluation.as_ref());
    }
    let sentence = |(what, [trained, validated, samples]): (String, [u64; 3])| {
        let validated = match validated {
            0 => String::new(),
            validated => format!(", {validated} more chose the epoch that was kept"),
        };
        Text::from(format!("{what}: {trained} of {samples} photos were trained on{validated}"))
    };
    let unknown = |(reason, names): (String, Vec<String>)| {
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let names = names[..names.len().min(NAMED)].join("; ");
        Text::from(format!("{reason}: {names}{more}"))
    };
    Sentences {
        seen: found.into_iter().map(sentence).collect(),
        unknown: reasons.into_iter().map(unknown).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::results::{Benchmarked, CrossValidated, Fold, ModelResults};

    #[test]
    fn folds_that_share_photos_are_named_with_their_sum_and_sound_ones_are_not() {
        let fold = |fold, trained| Fold {
            seed: 0,
            fold,
            document: Some(Document {
                file: format!("{fold}.json"),
                json: json!({ "samples": 50, "seen": { "trained": trained, "validated": 0 } }),
            }),
        };
        let of = |name: &str, trained: [u64; 2]| CrossValidated {
            name: name.to_owned(),
            folds: "published".to_owned(),
            model: "small".to_owned(),
            evaluations: vec![fold(1, trained[0]), fold(2, trained[1])],
        };
        let cross_validations = vec![of("sound", [0, 0]), of("leaking", [2, 1])];
        let found = sentences(&Results { cross_validations, ..Results::default() });
        let expected = "small in the cross-validation leaking: 3 of 100 photos were trained on";
        assert_eq!((found.seen, found.unknown), (vec![Text::from(expected)], vec![]));
    }

    #[test]
    fn what_is_not_known_is_never_taken_for_nothing_seen() {
        let model = |name: &str, seed: u64, json: serde_json::Value| ModelResults {
            name: name.to_owned(),
            seed,
            evaluations: vec![Some(Document { file: format!("{name}.json"), json })],
            ..ModelResults::default()
        };
        let unknown = json!({ "trained": null, "validated": null, "unknown": "no record" });
        let unknown = json!({ "samples": 50, "seen": unknown });
        let more = json!({ "trained": 4, "validated": 0, "unknown": "no record" });
        let models = vec![
            model("old", 0, json!({ "samples": 50 })),
            model("bare", 0, unknown.clone()),
            model("bare", 1, unknown),
            model("more", 0, json!({ "samples": 50, "seen": more })),
        ];
        let benchmarks = vec![Benchmarked { name: "TTD".to_owned(), ..Benchmarked::default() }];
        let found = sentences(&Results { models, benchmarks, ..Results::default() });
        let said = |texts: &[Text]| texts.iter().map(Text::to_string).collect::<Vec<_>>();
        assert_eq!(said(&found.seen), ["more on TTD: 4 of 50 photos were trained on"]);
        let old = format!("{NOT_LOOKED}: old on TTD");
        assert_eq!(said(&found.unknown), [&old, "no record: bare on TTD; more on TTD"]);
    }
}
