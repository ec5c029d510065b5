//! Which outputs of a network are compared with which labels: by the names of classes, never by their numbers.

use std::path::Path;

use serde::Serialize;

use super::EvaluateError;
use tcolz_base::door::given;

/// What a model is scored by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Every class of the model against every class of the dataset.
    #[default]
    Plain,
    /// As the Twitter Testing Dataset is used (You et al. 2015, Vadicamo et al. 2017): the output `neutral` is dropped and the
    /// larger of `negative` and `positive` taken; scored for at least five, four and three agreeing annotators.
    Ttd,
}

/// The agreement levels of [`Protocol::Ttd`], the strictest first.
pub const TTD_LEVELS: [u8; 3] = [5, 4, 3];

const NEGATIVE: &str = "negative";
const NEUTRAL: &str = "neutral";
const POSITIVE: &str = "positive";

/// The classes that are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredClasses {
    /// Their names.
    pub names: Vec<String>,
    /// For each, the output of the network that stands for it.
    pub outputs: Vec<usize>,
    /// For each label of the dataset, the scored class that it is.
    pub of_label: Vec<u16>,
}

impl ScoredClasses {
    /// Matches the classes of a model with those of a dataset, by name. `dataset_root` is only what errors say.
    ///
    /// # Errors
    /// [`EvaluateError::Classes`]
    pub fn matched(
        model: &[String],
        dataset: &[String],
        protocol: Protocol,
        dataset_root: &Path,
    ) -> Result<ScoredClasses, EvaluateError> {
        let ttd = given("protocol", "ttd");
        let refused = |hint: String| EvaluateError::Classes {
            dataset: dataset_root.to_owned(),
            model: listed(model),
            found: listed(dataset),
            hint,
        };
        let is_sentiment = |names: &[String]| {
            [NEGATIVE, POSITIVE].iter().all(|name| position(names, name).is_some())
        };
        let outputs: Vec<usize> = match protocol {
            Protocol::Plain => (0..model.len()).collect(),
            Protocol::Ttd => {
                let known =
                    model.iter().all(|name| [NEGATIVE, NEUTRAL, POSITIVE].contains(&&**name));
                if !is_sentiment(model) || !known {
                    return Err(refused(format!(
                        "{ttd} is for models of negative and positive, with or without neutral"
                    )));
                }
                (0..model.len()).filter(|&class| model[class] != NEUTRAL).collect()
            }
        };
        let names: Vec<String> = outputs.iter().map(|&output| model[output].clone()).collect();
        let of_label: Option<Vec<u16>> =
            dataset.iter().map(|name| position(&names, name).map(|class| class as u16)).collect();
        let of_label = of_label.filter(|of_label| of_label.len() == names.len());
        let hint = match protocol {
            Protocol::Ttd => format!("{ttd} scores datasets of negative and positive"),
            Protocol::Plain if is_sentiment(model) && is_sentiment(dataset) && model.len() == 3 => {
                format!("to drop the model's neutral output, say {ttd}")
            }
            Protocol::Plain => {
                "classes are matched by name: give the dataset the model's names, or train a model on its classes"
                    .to_owned()
            }
        };
        let of_label = of_label.ok_or_else(|| refused(hint))?;
        Ok(ScoredClasses { names, outputs, of_label })
    }

    /// Logits of all outputs of a network for one sample → probabilities of the scored classes, appended to `out`:
    /// softmax in float32 over what is not dropped.
    ///
    /// # Panics
    /// When there are not as many logits as the model has classes.
    pub fn probabilities(&self, logits: &[f32], out: &mut Vec<f32>) {
        let first = out.len();
        out.extend(self.outputs.iter().map(|&output| logits[output]));
        let kept = &mut out[first..];
        let largest = kept.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        kept.iter_mut().for_each(|value| *value = (*value - largest).exp());
        let sum: f32 = kept.iter().sum();
        kept.iter_mut().for_each(|value| *value /= sum);
    }
}

fn position(names: &[String], name: &str) -> Option<usize> {
    names.iter().position(|known| known == name)
}

/// Some names, as many as fit into a sentence.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text = format!("{text}, … ({} in all)", names.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn matched(model: &str, dataset: &str, protocol: Protocol) -> Result<ScoredClasses, String> {
        ScoredClasses::matched(&names(model), &names(dataset), protocol, Path::new("out"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn classes_are_matched_by_name_whatever_their_order() {
        let found = matched("a b c", "c a b", Protocol::Plain).unwrap();
        assert_eq!((found.outputs, found.of_label), (vec![0, 1, 2], vec![2, 0, 1]));
        let found =
            matched("positive neutral negative", "negative positive", Protocol::Ttd).unwrap();
        assert_eq!(found.names, ["positive", "negative"]);
        assert_eq!((&*found.outputs, &*found.of_label), (&[0, 2][..], &[1, 0][..]));
        let two = matched("negative positive", "negative positive", Protocol::Ttd).unwrap();
        assert_eq!(
            two,
            matched("negative positive", "negative positive", Protocol::Plain).unwrap()
        );
    }

    #[test]
    fn other_classes_are_refused_with_what_to_do() {
        for (model, dataset, protocol, words) in [
            (
                "a b",
                "a c",
                Protocol::Plain,
                "the model knows a, b, out has a, c; classes are matched",
            ),
            ("a b", "a b c", Protocol::Plain, "matched by name"),
            ("a b c", "a b", Protocol::Plain, "matched by name"),
            (
                "negative neutral positive",
                "negative positive",
                Protocol::Plain,
                "say `protocol: ttd`",
            ),
            ("cat dog", "cat dog", Protocol::Ttd, "for models of negative and positive"),
            (
                "negative neutral positive",
                "negative neutral positive",
                Protocol::Ttd,
                "scores datasets of negative",
            ),
        ] {
            let error = matched(model, dataset, protocol).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let many = (0..20).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        assert!(matched(&many, "a", Protocol::Plain).unwrap_err().contains("… (20 in all)"));
    }

    #[test]
    fn what_is_dropped_takes_no_probability_with_it() {
        let classes =
            matched("positive neutral negative", "negative positive", Protocol::Ttd).unwrap();
        let mut found = Vec::new();
        classes.probabilities(&[0.0, 50.0, 0.0], &mut found);
        classes.probabilities(&[1000.0, 2000.0, 0.0], &mut found);
        assert_eq!(found, [0.5, 0.5, 1.0, 0.0]);
    }
}
