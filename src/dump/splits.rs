//! Divides a dump without splits into train, val and test, class by class.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::sample::Label;

use super::Input;

/// Name of the method, with its version: the same name gives the same splits for ever.
pub const SPLIT_METHOD: &str = "stratified-blake3-v1";

const SPLITS: [&str; 3] = ["train", "val", "test"];

/// How a dump is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeSplits {
    /// The method: [`SPLIT_METHOD`].
    pub method: String,
    /// Shares of train, val and test, in percent; a share of 0 gives no split.
    pub percent: [u8; 3],
    /// Another seed gives other splits.
    pub seed: u64,
}

impl MakeSplits {
    /// The division for `80/10/10`, or `80/20` for train and val alone.
    ///
    /// # Errors
    /// What was expected, in words.
    pub fn parse(text: &str, seed: u64) -> Result<MakeSplits, String> {
        let shares: Option<Vec<u8>> =
            text.split('/').map(|share| share.trim().trim_end_matches('%').parse().ok()).collect();
        let percent = match shares.as_deref() {
            Some(&[train, val]) => [train, val, 0],
            Some(&[train, val, test]) => [train, val, test],
            _ => return Err("expected percentages of train, val and test: 80/10/10".to_owned()),
        };
        let sum: u32 = percent.iter().map(|&share| u32::from(share)).sum();
        if sum != 100 {
            return Err(format!("the percentages add up to {sum}, not to 100"));
        }
        Ok(MakeSplits { method: SPLIT_METHOD.to_owned(), percent, seed })
    }

    /// Gives every input its split; returns the names of the splits.
    ///
    /// Within a class, sample ids are ordered by BLAKE3 of the seed (8 bytes, little-endian) and the id. Of n,
    /// the first round(n · train %) are train, those up to round(n · (train + val) %) are val, the rest
    /// is test, halves rounded up. A sample that is listed twice counts once, with its first label.
    /// Lines that cannot be used go into the first split.
    pub(super) fn divide(&self, inputs: &mut [Input]) -> Vec<String> {
        let used: Vec<usize> = (0..SPLITS.len()).filter(|&split| self.percent[split] > 0).collect();
        let mut labels: HashMap<&str, Label> = HashMap::with_capacity(inputs.len());
        for input in inputs.iter().filter(|input| input.problem.is_none()) {
            labels.entry(&input.sample_id).or_insert(input.label);
        }
        let mut classes: BTreeMap<Label, Vec<([u8; 32], &str)>> = BTreeMap::new();
        for (id, label) in labels {
            let mut hash = blake3::Hasher::new();
            hash.update(&self.seed.to_le_bytes()).update(id.as_bytes());
            classes.entry(label).or_default().push((*hash.finalize().as_bytes(), id));
        }
        let mut split_of: HashMap<Box<str>, u16> = HashMap::with_capacity(inputs.len());
        for mut ids in classes.into_values() {
            ids.sort_unstable();
            let count = ids.len() as u64;
            let mut percent = 0;
            let ends = self.percent.map(|share| {
                percent += u64::from(share);
                (count * percent * 2 + 100) / 200
            });
            for (rank, (_, id)) in (0..).zip(ids) {
                let split = ends.iter().position(|&end| rank < end).unwrap_or(0);
                let index = used.iter().position(|&known| known == split).unwrap_or(0);
                split_of.insert(id.into(), index as u16);
            }
        }
        for input in inputs.iter_mut() {
            let split = split_of.get(&input.sample_id).filter(|_| input.problem.is_none());
            input.split = split.copied().unwrap_or(0);
        }
        used.into_iter().map(|split| SPLITS[split].to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(count: u32) -> Vec<Input> {
        let input = |line| {
            let mut input = Input::new(0, line, 0);
            input.sample_id = format!("{line}.jpg").into();
            input.label = Some(u16::from(line % 5 == 0));
            input
        };
        (1..=count).map(input).collect()
    }

    fn counts(inputs: &[Input], label: u16) -> [usize; 3] {
        let of = |split| {
            let fits = |input: &&Input| input.split == split && input.label == Some(label);
            inputs.iter().filter(fits).count()
        };
        [0, 1, 2].map(of)
    }

    #[test]
    fn every_class_is_divided_by_the_same_shares() {
        let mut inputs = inputs(1000);
        let splits = MakeSplits::parse("80/10/10", 7).unwrap().divide(&mut inputs);
        assert_eq!(splits, ["train", "val", "test"]);
        assert_eq!((counts(&inputs, 0), counts(&inputs, 1)), ([640, 80, 80], [160, 20, 20]));
    }

    #[test]
    fn the_same_seed_gives_the_same_splits_whatever_the_order_and_another_seed_gives_others() {
        let divided = |seed, reversed: bool| {
            let mut inputs = inputs(60);
            if reversed {
                inputs.reverse();
            }
            MakeSplits::parse("50/25/25", seed).unwrap().divide(&mut inputs);
            inputs.sort_by_key(|input| input.line);
            inputs.iter().map(|input| input.split).collect::<Vec<_>>()
        };
        assert_eq!(divided(1, false), divided(1, true));
        assert_ne!(divided(1, false), divided(2, false));
        // Written down once: a change here breaks splits that people have made.
        assert_eq!(divided(1, false)[..12], GOLDEN);
    }

    const GOLDEN: [u16; 12] = [0, 0, 0, 2, 1, 0, 0, 0, 0, 1, 0, 1];

    #[test]
    fn a_share_of_nothing_gives_no_split_and_a_photo_listed_twice_stays_together() {
        let mut inputs = inputs(10);
        inputs.extend(inputs.clone());
        let splits = MakeSplits::parse("70/0/30", 3).unwrap().divide(&mut inputs);
        assert_eq!(splits, ["train", "test"]);
        let (first, second) = inputs.split_at(10);
        assert!(first.iter().zip(second).all(|(a, b)| a.split == b.split));
        assert_eq!(first.iter().filter(|input| input.split == 0).count(), 7);
    }

    #[test]
    fn shares_that_make_no_whole_are_refused() {
        for wrong in ["80/10", "80/10/10/0", "100", "a/b/c", "-10/100/10", "80/10/20", ""] {
            assert!(MakeSplits::parse(wrong, 0).is_err(), "{wrong}");
        }
        assert_eq!(MakeSplits::parse("80/20", 0).unwrap().percent, [80, 20, 0]);
    }
}
