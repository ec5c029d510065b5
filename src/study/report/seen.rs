//! Evaluations on photos that the model had seen: what they say of new photos is too good.

use super::piece::Text;
use crate::study::results::{Document, Results};

/// A sentence for each model and what it was evaluated on, where it had seen photos of it. Seeds and folds are taken
/// together.
pub(super) fn sentences(results: &Results) -> Vec<Text> {
    let mut found: Vec<(String, [u64; 3])> = Vec::new();
    let mut see = |what: String, document: Option<&Document>| {
        let Some(document) = document else { return };
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
    found.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::study::results::{CrossValidated, Fold};

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
        assert_eq!(found, [Text::from(expected.to_owned())]);
    }
}
