//! `balanced-v1`: every class gives as many samples as the largest has.

use std::collections::BTreeMap;

use super::Order;
use tcolz_base::random::Random;

/// How often an epoch of `balanced-v1` takes the samples of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassRepeats {
    /// The class.
    pub label: u16,
    /// Its samples.
    pub samples: u32,
    /// Every sample is taken so often …
    pub times: u32,
    /// … and so many of them, another choice in each epoch, once more.
    pub once_more: u32,
}

/// What [`balanced_order`] does with samples of these labels, class by class.
pub fn class_repeats(labels: &[u16]) -> Vec<ClassRepeats> {
    let mut classes: BTreeMap<u16, u32> = BTreeMap::new();
    labels.iter().for_each(|&label| *classes.entry(label).or_default() += 1);
    let largest = classes.values().copied().max().unwrap_or(0);
    let repeats = classes.into_iter().map(|(label, samples)| {
        let (times, once_more) = (largest / samples, largest % samples);
        ClassRepeats { label, samples, times, once_more }
    });
    repeats.collect()
}

/// The order of an epoch: indices into `labels`, each class as often as the largest has samples, all
/// shuffled. A class's samples differ by at most one in how often they occur.
pub fn balanced_order(seed: u64, epoch: u32, labels: &[u16]) -> Vec<u32> {
    let mut random = Random::new(Order::Balanced.name(), &[seed, epoch.into()]);
    let mut order = Vec::new();
    for class in class_repeats(labels) {
        let indices = labels.iter().zip(0..).filter(|(label, _)| **label == class.label);
        let mut members: Vec<u32> = indices.map(|(_, index)| index).collect();
        for _ in 0..class.times {
            order.extend(&members);
        }
        random.shuffle(&mut members);
        order.extend(&members[..class.once_more as usize]);
    }
    random.shuffle(&mut order);
    order
}
