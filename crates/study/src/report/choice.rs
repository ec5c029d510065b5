//! Which model to deploy, by the rule that the user gave.
//!
//! A candidate has an accuracy on the rule's benchmark, an inference time of one image and a size of its weights.
//! Each becomes a worth between 0 (the worst candidate) and 1 (the best):
//!
//! ```text
//! accuracy  (a - min a) / (max a - min a)
//! time      (ln max t - ln t) / (ln max t - ln min t)
//! size      (ln max s - ln s) / (ln max s - ln min s)
//! score     Σ weight × worth, weights divided by their sum
//! ```
//! Where all candidates are equal in something, its worth is 1 for all. Times and sizes differ by factors, so their
//! logarithms are compared. Of equal scores the more accurate wins, then the quicker, the smaller, the first.
//!
//! Accuracies and times are known within intervals. Where those of two candidates overlap, nothing says which of them is
//! the better one, and nothing does of times on different processors or numbers of threads; sizes are exact, and one
//! measurement of time is as long as itself. So
//!
//! ```text
//! tied with the best  no weighted sum of what can be told apart speaks for the best
//! beaten              another one is more accurate and neither slower nor larger, and all of that can be told apart
//! ```

use std::cmp::Ordering;

use crate::results::Rule;

/// A model that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// 0 to 1.
    pub(super) accuracy: f64,
    /// Ends of its 95 % interval.
    pub(super) interval: (f64, f64),
    /// Seconds of one image, above 0.
    pub(super) seconds: f64,
    /// Ends of their 95 % interval, widened by what a busy machine made of them.
    pub(super) seconds_interval: (f64, f64),
    /// Which measurement they are from: what computes the same shares one.
    pub(super) measurement: String,
    /// What it was measured on: processor and number of threads.
    pub(super) machine: (String, u64),
    /// Bytes of the weights, above 0.
    pub(super) bytes: f64,
}

impl Candidate {
    /// Whether nothing says which of two is the more accurate.
    pub(super) fn is_as_accurate(&self, other: &Candidate) -> bool {
        overlap(self.interval, other.interval)
    }

    /// Whether nothing says which of two is the quicker.
    pub(super) fn is_as_quick(&self, other: &Candidate) -> bool {
        self.measurement == other.measurement
            || self.machine != other.machine
            || overlap(self.seconds_interval, other.seconds_interval)
    }

    /// Whether another one is worse whatever the weights.
    fn beats(&self, other: &Candidate) -> bool {
        let quicker = self.seconds < other.seconds && !self.is_as_quick(other);
        let more_accurate = self.accuracy > other.accuracy && !self.is_as_accurate(other);
        let no_slower = quicker || self.measurement == other.measurement;
        more_accurate && no_slower && self.bytes <= other.bytes
    }
}

fn overlap(one: (f64, f64), other: (f64, f64)) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

/// What a candidate is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Worth {
    pub(super) accuracy: f64,
    pub(super) time: f64,
    pub(super) size: f64,
    pub(super) score: f64,
}

/// What becomes of the choice when accuracy weighs more or less, the other two keeping their proportion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// Weight of the accuracy, of a sum of 1, at which another model draws level.
    pub(super) weight: f64,
    /// Number of that model.
    pub(super) to: usize,
}

/// A choice among candidates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// Weights of accuracy, time and size; their sum is 1.
    pub(super) weights: [f64; 3],
    /// For each candidate, in their order.
    pub(super) worths: Vec<Worth>,
    /// Numbers of the candidates, the best first.
    pub(super) order: Vec<usize>,
    /// Numbers of the candidates that are tied with the best, in their order.
    pub(super) tied: Vec<usize>,
    /// For each candidate one that it is beaten by.
    pub(super) beaten_by: Vec<Option<usize>>,
    /// With less weight on accuracy than this, another wins.
    pub(super) below: Option<Change>,
    /// With more weight on accuracy than this, another wins.
    pub(super) above: Option<Change>,
}

/// Weights that are not below 0, divided by their sum; without any, accuracy alone counts.
fn normalised(rule: &Rule) -> [f64; 3] {
    let weights = [rule.accuracy, rule.inference_time, rule.size];
    let weights = weights.map(|weight| if weight.is_finite() { weight.max(0.0) } else { 0.0 });
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 { weights.map(|weight| weight / sum) } else { [1.0, 0.0, 0.0] }
}

/// Where a value lies between the worst and the best: 0 to 1.
pub(super) fn worth(value: f64, worst: f64, best: f64) -> f64 {
    // Plus 0: a worth of -0 would read as less than none.
    if worst == best { 1.0 } else { (value - worst) / (best - worst) + 0.0 }
}

/// The smallest and the largest.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// Chooses; `None` of no candidates.
pub(super) fn choose(candidates: &[Candidate], rule: &Rule) -> Option<Choice> {
    if candidates.is_empty() {
        return None;
    }
    let weights = normalised(rule);
    let accuracy = ends(candidates.iter().map(|candidate| candidate.accuracy));
    let time = ends(candidates.iter().map(|candidate| candidate.seconds.ln()));
    let size = ends(candidates.iter().map(|candidate| candidate.bytes.ln()));
    let worths: Vec<Worth> = candidates
        .iter()
        .map(|candidate| {
            let accuracy = worth(candidate.accuracy, accuracy.0, accuracy.1);
            let time = worth(candidate.seconds.ln(), time.1, time.0);
            let size = worth(candidate.bytes.ln(), size.1, size.0);
            let score = weights[0] * accuracy + weights[1] * time + weights[2] * size;
            Worth { accuracy, time, size, score }
        })
        .collect();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| better(candidates, &worths, a, b));
    let beaten_by = candidates
        .iter()
        .map(|candidate| candidates.iter().position(|other| other.beats(candidate)))
        .collect();
    let best = order[0];
    let is_tied = |&other: &usize| {
        other != best && advantage(candidates, &worths, weights, best, other) <= 1e-12
    };
    let tied = order.iter().copied().filter(is_tied).collect();
    let (below, above) = changes(&worths, weights, best);
    Some(Choice { weights, worths, order, tied, beaten_by, below, above })
}

/// By how much the score of one is above that of another, of what can be told apart alone.
fn advantage(
    candidates: &[Candidate],
    worths: &[Worth],
    weights: [f64; 3],
    one: usize,
    other: usize,
) -> f64 {
    let (a, b) = (&candidates[one], &candidates[other]);
    let difference = |of: fn(&Worth) -> f64| of(&worths[one]) - of(&worths[other]);
    let told = |alike: bool, difference: f64| if alike { 0.0 } else { difference };
    weights[0] * told(a.is_as_accurate(b), difference(|worth| worth.accuracy))
        + weights[1] * told(a.is_as_quick(b), difference(|worth| worth.time))
        + weights[2] * difference(|worth| worth.size)
}

fn better(candidates: &[Candidate], worths: &[Worth], a: usize, b: usize) -> Ordering {
    let (one, other) = (&candidates[a], &candidates[b]);
    // Sums of the same worths in another order differ in their last digits: that is no difference.
    let score = |number: usize| (worths[number].score * 1e12).round();
    score(b)
        .total_cmp(&score(a))
        .then(other.accuracy.total_cmp(&one.accuracy))
        .then(one.seconds.total_cmp(&other.seconds))
        .then(one.bytes.total_cmp(&other.bytes))
        .then(a.cmp(&b))
}

/// Where the best model's score meets that of another, nearest to the weight of accuracy that the rule has.
fn changes(worths: &[Worth], weights: [f64; 3], best: usize) -> (Option<Change>, Option<Change>) {
    let others = weights[1] + weights[2];
    let share = if others > 0.0 { weights[1] / others } else { 0.5 };
    // Score as a function of the weight w of accuracy: w × accuracy + (1 - w) × rest.
    let rest = |worth: &Worth| share * worth.time + (1.0 - share) * worth.size;
    let (mut below, mut above): (Option<Change>, Option<Change>) = (None, None);
    for (number, other) in worths.iter().enumerate() {
        let by_accuracy = other.accuracy - worths[best].accuracy;
        let by_rest = rest(other) - rest(&worths[best]);
        let slope = by_accuracy - by_rest;
        let weight = -by_rest / slope;
        if number == best || !weight.is_finite() || !(0.0..=1.0).contains(&weight) {
            continue;
        }
        let change = Change { weight, to: number };
        // The other wins where its line lies above: beyond the weight where it is the steeper one.
        if slope > 0.0 && weight < 1.0 && above.as_ref().is_none_or(|found| weight < found.weight) {
            above = Some(change);
        } else if slope < 0.0
            && weight > 0.0
            && below.as_ref().is_none_or(|found| weight > found.weight)
        {
            below = Some(change);
        }
    }
    (below, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, accuracy: f64, seconds: f64, bytes: f64) -> Candidate {
        let interval = (accuracy - 0.004, accuracy + 0.004);
        let seconds_interval = (0.98 * seconds, 1.02 * seconds);
        let (name, measurement) = (name.to_owned(), format!("{seconds} s"));
        let machine = ("a CPU".to_owned(), 2);
        Candidate {
            name,
            accuracy,
            interval,
            seconds,
            seconds_interval,
            measurement,
            machine,
            bytes,
        }
    }

    fn rule(accuracy: f64, inference_time: f64, size: f64) -> Rule {
        let benchmark = "TTD".to_owned();
        Rule { benchmark, agreement: Some(5), accuracy, inference_time, size }
    }

    /// The large one is best, the small one quickest, one between, and one that the one between beats.
    fn four() -> Vec<Candidate> {
        vec![
            candidate("large", 0.80, 1.0, 1e9),
            candidate("small", 0.70, 0.01, 1e7),
            candidate("between", 0.76, 0.1, 1e8),
            candidate("beaten", 0.75, 0.1, 1e8),
        ]
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn scores_are_what_one_gets_by_hand() {
        let found = choose(&four(), &rule(2.0, 1.0, 1.0)).unwrap();
        assert_eq!(found.weights, [0.5, 0.25, 0.25]);
        let worths = [(1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.6, 0.5, 0.5), (0.5, 0.5, 0.5)];
        for (worth, (accuracy, time, size)) in found.worths.iter().zip(worths) {
            near(worth.accuracy, accuracy);
            near(worth.time, time);
            near(worth.size, size);
            near(worth.score, 0.5 * accuracy + 0.25 * time + 0.25 * size);
        }
        assert_eq!(
            found.order,
            [2, 0, 3, 1],
            "0.55, then 0.5 three times: the more accurate first"
        );
        assert_eq!(found.beaten_by, [None, None, None, Some(2)]);
        // 0.6 w + 0.5 (1 - w) = w at 5/9; = 1 - w at 5/11.
        let (below, above) = (found.below.unwrap(), found.above.unwrap());
        assert_eq!((below.to, above.to), (1, 0));
        near(below.weight, 5.0 / 11.0);
        near(above.weight, 5.0 / 9.0);
    }

    #[test]
    fn a_change_is_where_the_other_model_really_wins() {
        let candidates = four();
        let found = choose(&candidates, &rule(0.5, 0.3, 0.2)).unwrap();
        let (below, above) = (found.below.unwrap(), found.above.unwrap());
        let winner = |weight: f64| {
            let rest = 1.0 - weight;
            let rule = rule(weight, rest * 0.6, rest * 0.4);
            choose(&candidates, &rule).unwrap().order[0]
        };
        assert_eq!(winner(below.weight - 1e-6), below.to);
        assert_eq!(winner(below.weight + 1e-6), found.order[0]);
        assert_eq!(winner(above.weight - 1e-6), found.order[0]);
        assert_eq!(winner(above.weight + 1e-6), above.to);
    }

    #[test]
    fn equal_models_are_told_apart_by_accuracy_time_size_and_place() {
        let same = candidate("a", 0.7, 0.1, 1e7);
        let found = choose(&[same.clone(), same.clone()], &rule(1.0, 1.0, 1.0)).unwrap();
        assert_eq!((found.order, found.beaten_by), (vec![0, 1], vec![None, None]));
        assert_eq!(found.tied, [1]);
        assert!(found.worths.iter().all(|worth| worth.score == 1.0));
        let quicker = candidate("b", 0.7, 0.05, 1e7);
        let found = choose(&[same.clone(), quicker], &rule(1.0, 0.0, 0.0)).unwrap();
        assert_eq!(found.order, [1, 0], "time does not count but breaks the tie");
        let smaller = candidate("c", 0.7, 0.1, 1e6);
        assert_eq!(choose(&[same, smaller], &rule(1.0, 0.0, 0.0)).unwrap().order, [1, 0]);
    }

    #[test]
    fn what_lies_within_the_intervals_is_a_tie_and_never_beaten() {
        // Two fine-tunings of one network, measured twice on a busy machine: they compute the same.
        let noisy = |name: &str, seconds: f64, half: f64| Candidate {
            seconds_interval: (seconds - half, seconds + half),
            ..candidate(name, 0.86, seconds, 1e7)
        };
        let pair = [noisy("a", 9.08e-3, 2.7e-3), noisy("b", 6.43e-3, 0.08e-3)];
        let found = choose(&pair, &rule(0.6, 0.3, 0.1)).unwrap();
        assert_eq!((found.order[0], &found.tied), (1, &vec![0]), "named by its score, and a tie");
        assert_eq!(found.beaten_by, [None, None], "nothing says that it is slower");
        // One that is really slower and larger, but not by accuracy.
        let slow = candidate("slow", 0.862, 0.1, 1e8);
        let found = choose(&[pair[1].clone(), slow], &rule(0.6, 0.3, 0.1)).unwrap();
        assert_eq!((found.order[0], found.beaten_by), (1, vec![None, None]));
        assert_eq!(found.tied, [0], "its accuracy is all that speaks for it, and that is chance");
    }

    #[test]
    fn a_measurement_is_as_long_as_itself_and_a_size_is_exact() {
        let same = |name: &str, accuracy: f64| candidate(name, accuracy, 0.1, 1e7);
        let found = choose(&[same("a", 0.8), same("b", 0.7)], &rule(1.0, 1.0, 1.0)).unwrap();
        assert_eq!((found.tied, found.beaten_by), (vec![], vec![None, Some(0)]));
        let smaller = candidate("c", 0.8, 0.1, 9e6);
        let found = choose(&[same("a", 0.8), smaller], &rule(1.0, 1.0, 1.0)).unwrap();
        assert_eq!((found.order[0], found.tied), (1, vec![]), "the smaller one is smaller");
    }

    #[test]
    fn times_of_two_machines_are_not_told_apart() {
        let quick = candidate("quick", 0.8, 0.01, 1e7);
        let mut slow = candidate("slow", 0.7, 1.0, 1e7);
        let by_time = rule(0.0, 1.0, 0.0);
        let found = |slow: &Candidate| choose(&[quick.clone(), slow.clone()], &by_time).unwrap();
        assert_eq!((found(&slow).tied, found(&slow).beaten_by), (vec![], vec![None, Some(0)]));
        for machine in [("another CPU", 2), ("a CPU", 16)] {
            slow.machine = (machine.0.to_owned(), machine.1);
            assert_eq!((found(&slow).tied, found(&slow).beaten_by), (vec![1], vec![None, None]));
        }
    }

    #[test]
    fn one_model_is_chosen_and_none_is_no_choice() {
        let found = choose(&four()[..1], &rule(1.0, 1.0, 1.0)).unwrap();
        near(found.worths[0].score, 1.0);
        assert_eq!((found.order, found.below, found.above), (vec![0], None, None));
        assert_eq!(choose(&[], &rule(1.0, 1.0, 1.0)), None);
    }

    #[test]
    fn without_weights_accuracy_alone_counts_and_weights_are_never_below_0() {
        for nothing in [rule(0.0, 0.0, 0.0), rule(f64::NAN, -1.0, 0.0), Rule::default()] {
            let found = choose(&four(), &nothing).unwrap();
            assert_eq!((found.weights, found.order[0]), ([1.0, 0.0, 0.0], 0));
        }
        assert_eq!(choose(&four(), &rule(0.0, 1.0, 0.0)).unwrap().order[0], 1);
        assert_eq!(choose(&four(), &rule(0.0, 1.0, 0.0)).unwrap().weights, [0.0, 1.0, 0.0]);
    }
}
