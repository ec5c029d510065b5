//! What is known of the labels of a dataset: how far the scores of the texts agree with them, and how many of them
//! duplicates show to be wrong.
//!
//! ```text
//! ledger ─ text scores ─▶ highest score = label?
//! duplicates ─ one row a photo and tweet ─ disjoint pairs ─▶ share with different labels ─▶ share of wrong labels
//! ```
//!
//! **The model.** A picture that was labelled twice has two different labels with probability
//! `d = 2e − e² C / (C − 1)`, if each label is wrong with probability `e`, independently of the other, and a wrong one is
//! any of the other `C − 1` classes alike: `1 − d = (1 − e)² + e² / (C − 1)`. So `e = (1 − 1/C) (1 − √(1 − d C / (C − 1)))`. It
//! is Cover and Hart's bound on the nearest neighbour rule ("Nearest neighbor pattern classification", IEEE Trans. Inf.
//! Theory 13, 1967) where the neighbour is the same picture: `d` is that rule's error, and `e` the error of the best rule.
//! Where pictures differ in how sure their labels are, the best rule's error lies between `e` and `d`.
//!
//! **What is assumed.** Pictures that are posted twice may not be like the others: among them are memes and adverts, and a
//! text that was copied with its picture brings the same label again, which makes `e` too small. Near duplicates may
//! differ in what matters, which makes it too large.
//!
//! **Pairs.** A photo that stands in two splits was labelled once, and so were photos of one tweet, whose labels come from
//! its text: of these the first in the ledger counts. No sample is in two pairs of a relation: with `n` samples that
//! are the same there are `⌊n / 2⌋` pairs and not `n − 1`, because one wrong label would count `n − 1` times, and the
//! interval, which is of independent pairs, would be too narrow. Who is paired with whom is drawn by a hash, because the
//! ledger may be in the order of labels.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_inspect::{ClassScores, DuplicateGroup, Duplicates, Relation, find_duplicates, inspect};
use tcolz_train::evaluate::Proportion;

/// Name of the method that pairs duplicates, with its version: the same name makes the same pairs for ever.
pub const PAIRS_METHOD: &str = "pairs-v1";

/// Classes that text scores are of, in the order of the scores.
const SENTIMENTS: [&str; 3] = ["negative", "neutral", "positive"];

/// What is known of the labels of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelsOutcome {
    /// Identity of the dataset's content.
    pub content_root: String,
    /// Stored samples.
    pub samples: u64,
    /// Class names, indexed by label.
    pub classes: Vec<String>,
    /// Labels against text scores; `None` where the dataset has none, or other classes than negative, neutral, positive.
    pub text: Option<TextAgreement>,
    /// Labels of pictures that are there twice, the strictest relation first; each holds the pairs of those before it.
    /// Near duplicates are missing where tensors are no pixels.
    pub duplicates: Vec<LabelNoise>,
}

/// How far the text scores agree with the labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextAgreement {
    /// Labelled samples with scores.
    pub samples: u64,
    /// Those whose highest score is that of their label; of equal scores the first counts.
    pub agreeing: Proportion,
    /// Scores by label.
    pub by_class: Vec<ClassScores>,
}

/// What pairs of the same picture tell of the labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelNoise {
    /// In which sense they are the same, or in a stricter one.
    pub relation: Relation,
    /// Pairs, no sample in two of them.
    pub pairs: u64,
    /// Those with two different labels; `None` without pairs.
    pub different_labels: Option<Proportion>,
    /// The share of labels that are wrong, by the model; `None` without pairs, and where the model does not hold.
    pub wrong_labels: Option<Estimate>,
    /// What a classifier that is always right would reach against these labels.
    pub best_accuracy: Option<Estimate>,
    /// Why there is no estimate, where there are pairs.
    pub note: Option<String>,
}

/// A number that follows from another, with the interval that follows from the other's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Tells what is known of the labels of a dataset.
///
/// # Errors
/// As [`inspect()`] and [`find_duplicates`].
pub fn labels(dataset: &Dataset) -> Result<LabelsOutcome, DatasetError> {
    let found = inspect(dataset)?.statistics;
    let classes = dataset.meta().classes.clone();
    let by_class = found.text_scores.map(|scores| scores.by_class).unwrap_or_default();
    let duplicates = find_duplicates(dataset)?;
    let tweets = tweets(dataset, &duplicates)?;
    Ok(LabelsOutcome {
        content_root: dataset.meta().content_root.clone(),
        samples: found.counts.stored,
        text: text_agreement(&classes, by_class),
        duplicates: noise(&duplicates, &tweets, classes.len()),
        classes,
    })
}

fn text_agreement(classes: &[String], mut by_class: Vec<ClassScores>) -> Option<TextAgreement> {
    let mut sorted: Vec<&str> = classes.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    if sorted != SENTIMENTS {
        return None;
    }
    by_class.retain(|scores| scores.class.is_some());
    let samples = by_class.iter().map(|scores| scores.samples).sum();
    let agreeing = by_class.iter().map(|scores| {
        let own = SENTIMENTS.iter().position(|name| scores.class.as_deref() == Some(name));
        own.map_or(0, |own| scores.highest[own])
    });
    let agreeing = Proportion::of(agreeing.sum(), samples);
    (samples > 0).then_some(TextAgreement { samples, agreeing, by_class })
}

/// The tweets of duplicates, by row of the ledger.
fn tweets(dataset: &Dataset, found: &Duplicates) -> Result<HashMap<u64, u64>, DatasetError> {
    let members = found.groups.iter().flat_map(|group| &group.members);
    let rows: HashSet<u64> = members.map(|member| member.ledger_row).collect();
    let tweets = dataset.scan_ledger(&["tweet_id"], |batch| {
        let tweet = batch.u64("tweet_id")?;
        let of = |index: usize| {
            let row = batch.first_row() + index as u64;
            rows.contains(&row).then(|| tweet(index).map(|tweet| (row, tweet))).flatten()
        };
        Ok((0..batch.rows()).filter_map(of).collect::<Vec<_>>())
    })?;
    Ok(tweets.into_iter().flatten().collect())
}

/// What each relation tells.
fn noise(found: &Duplicates, tweets: &HashMap<u64, u64>, classes: usize) -> Vec<LabelNoise> {
    let relations = [Relation::SameFile, Relation::SamePixels, Relation::Near];
    let searched = |relation: &Relation| *relation != Relation::Near || found.near.is_some();
    let of = |relation: Relation| {
        let pairs = found.groups.iter().flat_map(|group| pairs(group, relation, tweets));
        let (mut number, mut different) = (0, 0);
        for (first, second) in pairs {
            number += 1;
            different += u64::from(first != second);
        }
        LabelNoise::of(relation, different, number, classes)
    };
    relations.into_iter().filter(searched).map(of).collect()
}

/// The labels of disjoint pairs of a group whose samples are the same in the sense of `relation` or a stricter one.
fn pairs(
    group: &DuplicateGroup,
    relation: Relation,
    tweets: &HashMap<u64, u64>,
) -> Vec<(u16, u16)> {
    let counted = counted(group, tweets);
    let equal = relation.min(Relation::SamePixels);
    let mut parents: Vec<usize> = (0..group.members.len()).collect();
    // Links are a forest, the closest first: those up to a relation are a forest of that relation.
    for link in group.links.iter().filter(|link| link.relation <= equal) {
        let (a, b) = (root(&parents, link.first), root(&parents, link.second));
        parents[a.max(b)] = a.min(b);
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &member in &counted {
        sets.entry(root(&parents, member)).or_default().push(member);
    }
    let label = |member: usize| group.members[member].label.unwrap_or_default();
    let mut found = Vec::new();
    // Of each set of equal pictures at most one stays alone.
    let mut alone: HashMap<usize, usize> = HashMap::new();
    for (root, mut set) in sets {
        set.sort_by(|&a, &b| rank(group, a).cmp(&rank(group, b)).then(a.cmp(&b)));
        let pairs = set.chunks_exact(2);
        alone.extend(pairs.remainder().first().map(|&member| (root, member)));
        found.extend(pairs.map(|pair| (label(pair[0]), label(pair[1]))));
    }
    if relation > equal {
        // A picture that looks like one of a set looks like all of it. The closest are paired first.
        for link in group.links.iter().filter(|link| link.relation > equal) {
            let roots = [link.first, link.second].map(|member| root(&parents, member));
            if let [Some(&a), Some(&b)] = roots.map(|root| alone.get(&root)) {
                found.push((label(a), label(b)));
                for root in roots {
                    alone.remove(&root);
                }
            }
        }
    }
    found
}

/// The members of a group that have a label of their own: of each photo and of each tweet the first.
fn counted(group: &DuplicateGroup, tweets: &HashMap<u64, u64>) -> Vec<usize> {
    let (mut photos, mut known) = (HashSet::new(), HashSet::new());
    let members = group.members.iter().enumerate().filter(|(_, member)| {
        // Both are noted of whoever has a label, counted or not: none of them says anything new.
        let new_photo = member.label.is_some() && photos.insert(member.sample_id.as_str());
        let tweet = tweets.get(&member.ledger_row);
        let new_tweet = member.label.is_some() && tweet.is_none_or(|&tweet| known.insert(tweet));
        new_photo && new_tweet
    });
    members.map(|(index, _)| index).collect()
}

fn rank(group: &DuplicateGroup, member: usize) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(PAIRS_METHOD.as_bytes()).update(group.members[member].sample_id.as_bytes());
    *hash.finalize().as_bytes()
}

fn root(parents: &[usize], mut index: usize) -> usize {
    while parents[index] != index {
        index = parents[index];
    }
    index
}

impl LabelNoise {
    /// From the pairs with different labels, and all of them.
    fn of(relation: Relation, different: u64, pairs: u64, classes: usize) -> LabelNoise {
        let mut noise = LabelNoise {
            relation,
            pairs,
            different_labels: None,
            wrong_labels: None,
            best_accuracy: None,
            note: None,
        };
        if pairs == 0 {
            return noise;
        }
        let share = Proportion::of(different, pairs);
        noise.different_labels = Some(share);
        match wrong_share(share.value, classes) {
            Some(value) => {
                let most = most_wrong(classes);
                let [low, high] =
                    [share.low, share.high].map(|end| wrong_share(end, classes).unwrap_or(most));
                noise.wrong_labels = Some(Estimate { value, low, high });
                noise.best_accuracy =
                    Some(Estimate { value: 1.0 - value, low: 1.0 - high, high: 1.0 - low });
            }
            None => {
                noise.note = Some(format!(
                    "{:.3} of the pairs have different labels, more than the {:.3} of labels drawn blindly: labels \
                     of the same picture are not wrong independently of each other",
                    share.value,
                    most_wrong(classes)
                ));
            }
        }
        noise
    }
}

/// The share of labels that are wrong where each says nothing: as many as of labels drawn blindly. The share of pairs
/// with different labels is then the same, and can be no larger.
fn most_wrong(classes: usize) -> f64 {
    1.0 - 1.0 / classes.max(1) as f64
}

/// The share of wrong labels that a share of pairs with different labels follows from; `None` where it follows from none.
fn wrong_share(different: f64, classes: usize) -> Option<f64> {
    let most = most_wrong(classes);
    match different.partial_cmp(&most)? {
        Ordering::Greater => None,
        Ordering::Equal => Some(most),
        Ordering::Less => Some(most * (1.0 - (1.0 - different / most).sqrt())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_base::random::Random;
    use tcolz_inspect::{Link, Member};

    /// Members with their labels, and links: first, second, relation.
    fn group(labels: &[Option<u16>], links: &[(usize, usize, Relation)]) -> DuplicateGroup {
        let member = |(index, &label): (usize, &Option<u16>)| Member {
            sample_id: format!("{index}.jpg"),
            split: "train".to_owned(),
            label,
            ledger_row: index as u64,
        };
        let link = |&(first, second, relation): &(usize, usize, Relation)| Link {
            first,
            second,
            relation,
            distance: 0,
            difference: 0.0,
        };
        DuplicateGroup {
            relation: Relation::Near,
            across_splits: false,
            conflicting_labels: false,
            members: labels.iter().enumerate().map(member).collect(),
            links: links.iter().map(link).collect(),
        }
    }

    fn duplicates(groups: Vec<DuplicateGroup>) -> Duplicates {
        let near = tcolz_inspect::NearSearch {
            max_distance: 0,
            grid: 0,
            max_difference: 0.0,
            compared: 0,
            cut: 0,
        };
        Duplicates { dataset: String::new(), samples: 0, near: Some(near), groups }
    }

    use Relation::{Near, SameFile, SamePixels};

    #[test]
    fn no_sample_is_in_two_pairs_and_a_looser_relation_holds_the_stricter_ones_pairs() {
        // 0 = 1 = 2 as files; 3 has the same pixels; 4 and 5 look like them; 6 looks like 5.
        let links = [
            (0, 1, SameFile),
            (0, 2, SameFile),
            (0, 3, SamePixels),
            (1, 4, Near),
            (4, 5, Near),
            (5, 6, Near),
        ];
        let group = group(&[Some(0); 7], &links);
        let number = |relation| pairs(&group, relation, &HashMap::new()).len();
        // Files: one of 0, 1, 2. Pixels: both of 0 to 3. Near: of the links, 4 with 5, and nobody is left for 6.
        assert_eq!([SameFile, SamePixels, Near].map(number), [1, 2, 3]);
        let star: Vec<_> = (1..6).map(|other| (0, other, Near)).collect();
        let star = self::group(&[Some(0); 6], &star);
        assert_eq!(
            pairs(&star, Near, &HashMap::new()).len(),
            1,
            "the others are only like the first"
        );
    }

    #[test]
    fn a_picture_that_looks_like_one_of_a_set_is_paired_with_whoever_of_it_is_left() {
        let links = [(0, 1, SameFile), (0, 2, SamePixels), (0, 3, Near)];
        let labels = [1, 1, 1, 2].map(Some);
        let mut found = pairs(&group(&labels, &links), Near, &HashMap::new());
        found.sort_unstable();
        assert_eq!(found, [(1, 1), (1, 2)]);
    }

    #[test]
    fn what_was_labelled_once_is_no_pair() {
        let links = [(0, 1, SameFile), (0, 2, SameFile)];
        let mut same_photo = group(&[Some(0), Some(1), Some(1)], &links);
        same_photo.members[1].sample_id = "0.jpg".to_owned();
        same_photo.members[1].split = "test".to_owned();
        assert_eq!(pairs(&same_photo, SameFile, &HashMap::new()).len(), 1);
        same_photo.members[2].label = None;
        assert_eq!(pairs(&same_photo, SameFile, &HashMap::new()), []);
        let same_tweet = group(&[Some(0), Some(0)], &links[..1]);
        let of = |tweets: [u64; 2]| {
            let tweets = tweets.into_iter().enumerate().map(|(row, tweet)| (row as u64, tweet));
            pairs(&same_tweet, SameFile, &tweets.collect()).len()
        };
        assert_eq!([of([7, 7]), of([7, 8])], [0, 1]);
    }

    #[test]
    fn the_share_of_wrong_labels_is_that_of_the_model() {
        // By hand: with two classes d = 2e(1 − e); with three d = 2e − 3/2 e².
        for (classes, wrong, different) in [
            (2, 0.1, 0.18),
            (2, 0.5, 0.5),
            (3, 0.1, 0.185),
            (3, 0.2, 0.34),
            (3, 2.0 / 3.0, 2.0 / 3.0),
            (3, 0.0, 0.0),
        ] {
            let found = wrong_share(different, classes).unwrap();
            assert!((found - wrong).abs() < 1e-7, "{classes} classes, {different}: {found}");
        }
        assert_eq!(wrong_share(0.67, 3), None);
        assert_eq!(wrong_share(0.1, 1), None);
        let nothing = LabelNoise::of(Near, 0, 0, 3);
        assert_eq!(
            (nothing.different_labels, nothing.wrong_labels, nothing.note),
            (None, None, None)
        );
        let impossible = LabelNoise::of(Near, 3, 3, 2);
        assert_eq!((impossible.wrong_labels, impossible.best_accuracy), (None, None));
        assert!(impossible.note.unwrap().contains("more than the 0.500"));
        // 17 of 50, three classes: 0.2, between what 0.224… and 0.478… come from.
        let some = LabelNoise::of(Near, 17, 50, 3);
        let (share, wrong) = (some.different_labels.unwrap(), some.wrong_labels.unwrap());
        assert!((wrong.value - 0.2).abs() < 1e-9 && wrong.low < 0.2 && wrong.high > 0.2);
        for (end, of) in [(wrong.low, share.low), (wrong.high, share.high)] {
            assert!((2.0 * end - 1.5 * end * end - of).abs() < 1e-9);
        }
        let best = some.best_accuracy.unwrap();
        assert_eq!(
            (best.value, best.low, best.high),
            (1.0 - wrong.value, 1.0 - wrong.high, 1.0 - wrong.low)
        );
        // One more would be more than the model knows: the interval ends where it does.
        let high = LabelNoise::of(Near, 5, 8, 3).wrong_labels.unwrap().high;
        assert!((high - 2.0 / 3.0).abs() < 1e-9, "{high}");
    }

    /// Groups of two to nine copies of a picture, each label wrong with probability `wrong`.
    fn noisy(classes: u64, wrong: f64, seed: u64, groups: usize) -> Duplicates {
        let mut random = Random::new("labels-test", &[classes, seed]);
        let groups = (0..groups).map(|_| {
            let truth = random.below(classes);
            let copies = 2 + random.below(8) as usize;
            let mut labels: Vec<Option<u16>> = (0..copies)
                .map(|_| match random.unit() < wrong {
                    true => Some(((truth + 1 + random.below(classes - 1)) % classes) as u16),
                    false => Some(truth as u16),
                })
                .collect();
            // As a list in the order of labels has them.
            labels.sort_unstable();
            let links: Vec<_> = (1..copies).map(|other| (0, other, SameFile)).collect();
            let mut group = group(&labels, &links);
            // Photos have names of their own: who is paired with whom is drawn anew for each picture.
            for member in &mut group.members {
                member.sample_id = format!("{:x}.jpg", random.next_u64());
            }
            group
        });
        duplicates(groups.collect())
    }

    #[test]
    fn known_noise_is_found_again_within_its_interval() {
        let (mut inside, mut all) = (0, 0);
        for (classes, wrong) in [(2, 0.05), (2, 0.2), (3, 0.1), (3, 0.3), (10, 0.25)] {
            let (mut sum, seeds) = (0.0, 40);
            for seed in 0..seeds {
                let found =
                    noise(&noisy(classes, wrong, seed, 300), &HashMap::new(), classes as usize);
                let estimate = found[0].wrong_labels.unwrap();
                sum += estimate.value;
                inside += usize::from((estimate.low..=estimate.high).contains(&wrong));
                all += 1;
            }
            let mean = sum / seeds as f64;
            assert!((mean - wrong).abs() < 0.01, "{classes} classes: {mean}, made with {wrong}");
        }
        // 95 of 100 by what the interval promises; 200 draws that never change.
        assert!((182..=198).contains(&inside), "{inside} of {all}");
    }

    #[test]
    fn text_scores_are_compared_by_the_names_of_the_classes() {
        let scores = |class: &str, highest| ClassScores {
            class: Some(class.to_owned()),
            samples: 10,
            mean: None,
            highest,
        };
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let unlabelled = ClassScores { class: None, ..scores("", [9, 1, 0]) };
        let by_class = vec![
            scores("positive", [1, 2, 7]),
            scores("negative", [8, 1, 1]),
            scores("neutral", [3, 3, 4]),
            unlabelled,
        ];
        let found = text_agreement(&names("positive negative neutral"), by_class.clone()).unwrap();
        assert_eq!((found.samples, found.agreeing.count, found.agreeing.of), (30, 18, 30));
        assert_eq!(found.by_class.len(), 3);
        assert_eq!(text_agreement(&names("positive negative"), by_class), None);
        assert_eq!(text_agreement(&names("positive negative neutral"), vec![]), None);
    }
}
