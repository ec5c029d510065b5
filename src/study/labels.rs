//! What is known of a dataset's labels without any model: how often the tweets' texts agree with them, and how many of
//! them are wrong, by photos that are there more than once.
//!
//! **Wrong labels.** Two copies of a photo should have one label. Let each label be wrong with probability e,
//! independently, and then any of the other C − 1 classes. Two copies then agree with probability
//! (1 − e)² + e² ⁄ (C − 1), which falls from 1 at e = 0 to 1 ⁄ C at e = 1 − 1 ⁄ C, and the share of pairs with different
//! labels gives e. A classifier that is never wrong would agree with these labels in 1 − e of all cases: the best
//! accuracy that can be measured. The model is that of symmetric label noise (Natarajan et al., Learning with Noisy Labels,
//! NIPS 2013, for two classes).
//!
//! It says as much about a dataset as its duplicates are like the rest: what is posted twice (memes, adverts, news)
//! may be harder or easier to label than what is not. Labels of copies that were made together are not independent, and
//! then more labels are wrong than this says.

use serde::Serialize;

use super::StudyError;
use crate::dataset::Dataset;
use crate::evaluate::Proportion;
use crate::inspect::{DuplicateGroup, Relation, find_duplicates, inspect};

/// What is known of the labels of a dataset: `labels.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Labels {
    /// Identity of the dataset's content.
    pub content_root: String,
    /// Stored samples.
    pub samples: u64,
    /// Class names.
    pub classes: Vec<String>,
    /// Text scores against labels; `None` where there are none, or the classes are not negative, neutral and positive.
    pub text: Option<TextAgreement>,
    /// Labels of duplicates, for each relation those that are the same in this sense or in a stricter one.
    pub duplicates: Vec<DuplicateLabels>,
}

/// Text scores against labels.
#[derive(Debug, Clone, Serialize)]
pub struct TextAgreement {
    /// Samples with a label and scores.
    pub samples: u64,
    /// Those whose highest score is that of their label.
    pub agreeing: Proportion,
    /// The samples of each class.
    pub by_class: Vec<TextOfClass>,
}

/// Text scores of the samples of a class.
#[derive(Debug, Clone, Serialize)]
pub struct TextOfClass {
    /// The class.
    pub class: String,
    /// Its samples with scores.
    pub samples: u64,
    /// Mean scores: negative, neutral, positive.
    pub mean: Option<[f64; 3]>,
    /// Samples whose highest score is the negative, the neutral, the positive one.
    pub highest: [u64; 3],
}

/// Labels of samples that are the same.
#[derive(Debug, Clone, Serialize)]
pub struct DuplicateLabels {
    /// In which sense, or a stricter one.
    pub relation: Relation,
    /// Pairs of labelled samples: in each group one fewer than samples, so that none follows from others.
    pub pairs: u64,
    /// Those with different labels; `None` without pairs.
    pub different_labels: Option<Proportion>,
    /// The share of wrong labels that follows, with its 95 % interval; `None` where labels differ more often than by
    /// chance.
    pub wrong_labels: Option<Share>,
    /// The accuracy of a classifier that is never wrong, measured by these labels.
    pub best_accuracy: Option<Share>,
}

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The names of the text scores, in their order.
const SENTIMENTS: [&str; 3] = ["negative", "neutral", "positive"];

/// Looks at the labels of a dataset.
///
/// # Errors
/// As [`inspect`] and [`find_duplicates`].
pub fn labels(dataset: &Dataset) -> Result<Labels, StudyError> {
    let meta = dataset.meta();
    let found = inspect(dataset)?;
    let duplicates = find_duplicates(dataset)?;
    let relations = [Relation::SameFile, Relation::SamePixels, Relation::Near];
    let classes = meta.classes.len();
    let of = |relation| DuplicateLabels::of(&duplicates.groups, relation, classes);
    Ok(Labels {
        content_root: meta.content_root.clone(),
        samples: meta.counts.stored,
        classes: meta.classes.clone(),
        text: found.statistics.text_scores.and_then(|scores| TextAgreement::of(&scores.by_class)),
        duplicates: relations.map(of).into(),
    })
}

impl TextAgreement {
    fn of(by_class: &[crate::inspect::ClassScores]) -> Option<TextAgreement> {
        let (mut agreeing, mut samples, mut rows) = (0, 0, Vec::new());
        for scores in by_class {
            let Some(class) = &scores.class else { continue };
            let own = SENTIMENTS.iter().position(|name| name == class)?;
            agreeing += scores.highest[own];
            samples += scores.samples;
            rows.push(TextOfClass {
                class: class.clone(),
                samples: scores.samples,
                mean: scores.mean,
                highest: scores.highest,
            });
        }
        (samples > 0).then(|| TextAgreement {
            samples,
            agreeing: Proportion::of(agreeing, samples),
            by_class: rows,
        })
    }
}

impl DuplicateLabels {
    fn of(groups: &[DuplicateGroup], relation: Relation, classes: usize) -> DuplicateLabels {
        let links = groups.iter().flat_map(|group| {
            group.links.iter().filter(|link| link.relation <= relation).filter_map(|link| {
                let [first, second] = [link.first, link.second].map(|at| &group.members[at]);
                // The same path in two splits is one line of a dump twice, and no second opinion.
                let again = first.sample_id == second.sample_id;
                first.label.zip(second.label).filter(|_| !again)
            })
        });
        let (mut pairs, mut different) = (0, 0);
        for (first, second) in links {
            pairs += 1;
            different += u64::from(first != second);
        }
        let different_labels = (pairs > 0).then(|| Proportion::of(different, pairs));
        let wrong_labels = different_labels.and_then(|share| {
            Some(Share {
                value: wrong_share(share.value, classes)?,
                low: wrong_share(share.low, classes)?,
                // The interval may reach beyond what the model allows: then nothing is known above.
                high: wrong_share(share.high, classes).unwrap_or(chance(classes)),
            })
        });
        let best = |wrong: Share| Share {
            value: 1.0 - wrong.value,
            low: 1.0 - wrong.high,
            high: 1.0 - wrong.low,
        };
        let best_accuracy = wrong_labels.map(best);
        DuplicateLabels { relation, pairs, different_labels, wrong_labels, best_accuracy }
    }
}

/// The share of wrong labels among labels that are drawn.
fn chance(classes: usize) -> f64 {
    1.0 - 1.0 / classes as f64
}

/// The share of wrong labels at which a pair has different labels with this probability; `None` above what chance gives.
///
/// With k = C − 1: 1 − d = (1 − e)² + e² ⁄ k, of whose roots the smaller is
/// e = (1 − √(1 − d (k + 1) ⁄ k)) · k ⁄ (k + 1).
fn wrong_share(different: f64, classes: usize) -> Option<f64> {
    if classes < 2 {
        return None;
    }
    let k = (classes - 1) as f64;
    let root = 1.0 - different * (k + 1.0) / k;
    (root >= 0.0).then(|| (1.0 - root.sqrt()) * k / (k + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Link, Member};
    use crate::random::Random;

    #[test]
    fn the_share_of_wrong_labels_is_that_which_makes_pairs_differ_so_often() {
        for classes in [2, 3, 10] {
            for wrong in [0.0, 0.01, 0.2, 0.4] {
                let k = (classes - 1) as f64;
                let different = 1.0 - ((1.0 - wrong) * (1.0 - wrong) + wrong * wrong / k);
                let found = wrong_share(different, classes).unwrap();
                assert!((found - wrong).abs() < 1e-9, "{classes} classes, {wrong}: {found}");
            }
        }
        // By hand: of two classes with a tenth wrong, 2 · 0.9 · 0.1 of pairs differ.
        assert!((wrong_share(0.18, 2).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(wrong_share(0.51, 2), None, "more than by chance");
        assert_eq!((wrong_share(0.5, 2), wrong_share(0.5, 1)), (Some(0.5), None));
    }

    fn group(labels: &[Option<u16>], relation: Relation) -> DuplicateGroup {
        let member = |(number, &label): (usize, &Option<u16>)| Member {
            sample_id: format!("{number}.jpg"),
            split: "train".to_owned(),
            label,
            ledger_row: number as u64,
        };
        let link = |second| Link { first: 0, second, relation, distance: 0, difference: 0.0 };
        DuplicateGroup {
            relation,
            across_splits: false,
            conflicting_labels: false,
            members: labels.iter().enumerate().map(member).collect(),
            links: (1..labels.len()).map(link).collect(),
        }
    }

    #[test]
    fn only_labelled_pairs_count_and_a_looser_relation_holds_the_stricter_ones() {
        let mut again = group(&[Some(0), Some(1)], Relation::SameFile);
        again.members[1].sample_id = again.members[0].sample_id.clone();
        let groups = [
            group(&[Some(0), Some(1), None], Relation::SameFile),
            group(&[Some(1), Some(1), Some(1)], Relation::Near),
            again,
        ];
        let counts = |relation| {
            let found = DuplicateLabels::of(&groups, relation, 2);
            (found.pairs, found.different_labels.map(|share| share.count))
        };
        assert_eq!(counts(Relation::SameFile), (1, Some(1)));
        assert_eq!(counts(Relation::SamePixels), (1, Some(1)));
        assert_eq!(counts(Relation::Near), (3, Some(1)));
        let none = DuplicateLabels::of(&[], Relation::Near, 2);
        assert_eq!((none.pairs, none.wrong_labels), (0, None));
    }

    #[test]
    fn noise_that_was_put_in_lies_within_the_interval_as_often_as_it_says() {
        for (classes, wrong) in [(3, 0.15), (2, 0.3), (5, 0.05)] {
            let within = (0..200).filter(|&seed| {
                let mut random = Random::new("labels-test", &[seed, classes]);
                let mut label = |right: u64| {
                    if random.unit() >= wrong {
                        return Some(right as u16);
                    }
                    let other = random.below(classes - 1);
                    Some((other + u64::from(other >= right)) as u16)
                };
                let pair = |number: u64| [label(number % classes), label(number % classes)];
                let pairs = (0..500).map(pair).map(|pair| group(&pair, Relation::Near));
                let groups: Vec<DuplicateGroup> = pairs.collect();
                let found = DuplicateLabels::of(&groups, Relation::Near, classes as usize);
                let share = found.wrong_labels.unwrap();
                assert_eq!(found.best_accuracy.unwrap().value, 1.0 - share.value);
                share.low < wrong && wrong < share.high
            });
            let within = within.count();
            assert!((180..=199).contains(&within), "{within} of 200 with {classes} classes");
        }
    }
}
