//! Divides a dump without splits into train, val and test, class by class.

use std::collections::{BTreeMap, HashMap, HashSet};

use tcolz_format::sample::Label;

use tcolz_format::dataset::MakeSplits;

use super::Input;

const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Gives every input its split; returns the names of the splits. The sample ids of each group in `same` go to one
/// split.
///
/// A sample that is listed twice counts once, with its first label. The rank of an id is BLAKE3 of the seed
/// (8 bytes, little-endian) and the id. Groups come first: each is of the class of its smallest id and has its
/// rank; those of a class are laid end to end by rank, each as long as it has members, and one goes to the split
/// in whose share of the whole length its middle lies. Then the other ids of a class fill its splits by rank. Of n
/// ids in all, the first round(n · train %) are to be train, those up to round(n · (train + val) %) val, the
/// rest test, halves rounded up; what groups have taken of a split is subtracted, and where they took
/// more than that, the others share the rest by what is left. Lines that cannot be used go into the first split.
pub(super) fn divide(
    made: &MakeSplits,
    inputs: &mut [Input],
    same: &[Vec<Box<str>>],
) -> Vec<String> {
    let used: Vec<usize> = (0..SPLITS.len()).filter(|&split| made.percent[split] > 0).collect();
    let mut labels: HashMap<&str, Label> = HashMap::with_capacity(inputs.len());
    for input in inputs.iter().filter(|input| input.problem.is_none()) {
        labels.entry(&input.sample_id).or_insert(input.label);
    }
    let rank = |id: &str| {
        let mut hash = blake3::Hasher::new();
        hash.update(&made.seed.to_le_bytes()).update(id.as_bytes());
        *hash.finalize().as_bytes()
    };
    let mut classes: BTreeMap<Label, Class<'_>> = BTreeMap::new();
    let grouped: HashSet<&str> = same.iter().flatten().map(|id| &**id).collect();
    for (&id, &label) in &labels {
        let class = classes.entry(label).or_default();
        class.samples += 1;
        if !grouped.contains(id) {
            class.alone.push((rank(id), id));
        }
    }
    for group in same {
        let first = group.iter().min().and_then(|id| Some((id, *labels.get(&**id)?)));
        if let Some((id, label)) = first {
            classes.entry(label).or_default().groups.push((rank(id), group));
        }
    }
    let mut split_of: HashMap<Box<str>, usize> = HashMap::with_capacity(labels.len());
    // Members count in their own classes.
    let mut taken: HashMap<Label, [u64; SPLITS.len()]> = HashMap::new();
    for class in classes.values_mut() {
        for (id, split) in class.divide_groups(made.percent) {
            taken.entry(labels[id]).or_default()[split] += 1;
            split_of.insert(id.into(), split);
        }
    }
    for (label, class) in &mut classes {
        let taken = taken.get(label).copied().unwrap_or_default();
        let divided = class.divide_alone(made.percent, taken);
        split_of.extend(divided.map(|(id, split)| (id.into(), split)));
    }
    for input in inputs.iter_mut() {
        let split = split_of.get(&input.sample_id).filter(|_| input.problem.is_none());
        let index = split.and_then(|split| used.iter().position(|known| known == split));
        input.split = index.unwrap_or(0) as u16;
    }
    used.into_iter().map(|split| SPLITS[split].to_owned()).collect()
}

/// The samples of a class.
#[derive(Default)]
struct Class<'a> {
    /// All of them.
    samples: u64,
    /// Those that are the same as none, by rank.
    alone: Vec<([u8; 32], &'a str)>,
    /// Groups whose first sample is of this class, by its rank.
    groups: Vec<([u8; 32], &'a [Box<str>])>,
}

impl<'a> Class<'a> {
    /// The members of the groups, each with its split.
    fn divide_groups(&mut self, percent: [u8; 3]) -> Vec<(&'a str, usize)> {
        self.groups.sort_unstable();
        let ends = sums(percent.map(u64::from));
        let all: u64 = self.groups.iter().map(|(_, group)| group.len() as u64).sum();
        let mut divided = Vec::new();
        let mut begin = 0;
        for &(_, group) in &self.groups {
            let end = begin + group.len() as u64;
            // Twice the middle, so that it is a whole number.
            let lies_before = |share: &u64| (begin + end) * 100 < 2 * all * share;
            let split = ends.iter().position(lies_before).unwrap_or(0);
            divided.extend(group.iter().map(|id| (&**id, split)));
            begin = end;
        }
        divided
    }

    /// The samples that are the same as none, each with its split, where groups have taken so many of each.
    fn divide_alone(
        &mut self,
        percent: [u8; 3],
        taken: [u64; 3],
    ) -> impl Iterator<Item = (&'a str, usize)> {
        self.alone.sort_unstable();
        let ends = sums(percent.map(u64::from)).map(|share| (self.samples * share * 2 + 100) / 200);
        let mut left = [ends[0], ends[1] - ends[0], ends[2] - ends[1]];
        for (left, taken) in left.iter_mut().zip(taken) {
            *left = left.saturating_sub(taken);
        }
        let ends = sums(left);
        // As many as there are, unless groups took more than a split was to have.
        let (alone, all) = (self.alone.len() as u64, ends[2].max(1));
        let ends = ends.map(|end| (alone * end * 2 + all) / (2 * all));
        self.alone
            .iter()
            .zip(0..)
            .map(move |(&(_, id), rank)| (id, ends.iter().position(|&end| rank < end).unwrap_or(0)))
    }
}

/// Each number added to those before it.
fn sums(numbers: [u64; 3]) -> [u64; 3] {
    let mut sum = 0;
    numbers.map(|number| {
        sum += number;
        sum
    })
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
        let splits = divide(&MakeSplits::parse("80/10/10", 7).unwrap(), &mut inputs, &[]);
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
            divide(&MakeSplits::parse("50/25/25", seed).unwrap(), &mut inputs, &[]);
            inputs.sort_by_key(|input| input.line);
            inputs.iter().map(|input| input.split).collect::<Vec<_>>()
        };
        assert_eq!(divided(1, false), divided(1, true));
        assert_ne!(divided(1, false), divided(2, false));
        // Written down once: a change here breaks splits that people have made.
        assert_eq!(divided(1, false)[..12], GOLDEN);
    }

    const GOLDEN: [u16; 12] = [0, 0, 0, 2, 1, 0, 0, 0, 0, 1, 0, 1];

    fn group(numbers: &[u32]) -> Vec<Box<str>> {
        numbers.iter().map(|number| format!("{number}.jpg").into()).collect()
    }

    #[test]
    fn a_group_goes_to_one_split_and_the_others_make_up_for_it() {
        let mut same = vec![group(&[1, 2, 5]), group(&[10, 20]), group(&[30, 31])];
        same.extend([41, 46, 51, 56, 11, 16].map(|first| group(&[first, first + 1])));
        for reversed in [false, true] {
            let mut inputs = inputs(60);
            if reversed {
                inputs.reverse();
                same.reverse();
            }
            divide(&MakeSplits::parse("50/25/25", 1).unwrap(), &mut inputs, &same);
            assert_eq!((counts(&inputs, 0), counts(&inputs, 1)), ([24, 12, 12], [6, 3, 3]));
            inputs.sort_by_key(|input| input.line);
            let split =
                |id: &str| inputs.iter().find(|input| *input.sample_id == *id).unwrap().split;
            assert!(same.iter().all(|ids| ids.iter().all(|id| split(id) == split(&ids[0]))));
            // From a second program, written from schemas/format.md.
            let splits: Vec<u16> = inputs.iter().map(|input| input.split).collect();
            assert_eq!(splits, GOLDEN_OF_GROUPS);
        }
    }

    const GOLDEN_OF_GROUPS: [u16; 60] = [
        0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 1, 1, 0, 1, 0, 0, 0, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0,
        0, 2, 0, 2, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 0, 2, 2, 0, 2, 2, 2, 2, 1, 0, 1,
    ];

    #[test]
    fn groups_larger_than_a_split_leave_the_others_their_proportions() {
        // A placeholder under thirty names, and a class of nothing but pairs.
        let mut inputs = inputs(100);
        for input in &mut inputs {
            input.label = Some(u16::from(input.line > 60));
        }
        let mut same = vec![group(&(1..=30).collect::<Vec<u32>>())];
        same.extend((61..100).step_by(2).map(|first| group(&[first, first + 1])));
        divide(&MakeSplits::parse("40/20/40", 3).unwrap(), &mut inputs, &same);
        assert_eq!(counts(&inputs, 1), [16, 8, 16], "pairs");
        // The middle of one group is in val, of which it takes more than there was to be.
        assert_eq!(counts(&inputs, 0), [15, 30, 15]);
    }

    #[test]
    fn a_share_of_nothing_gives_no_split_and_a_photo_listed_twice_stays_together() {
        let mut inputs = inputs(10);
        inputs.extend(inputs.clone());
        let splits = divide(&MakeSplits::parse("70/0/30", 3).unwrap(), &mut inputs, &[]);
        assert_eq!(splits, ["train", "test"]);
        let (first, second) = inputs.split_at(10);
        assert!(first.iter().zip(second).all(|(a, b)| a.split == b.split));
        assert_eq!(first.iter().filter(|input| input.split == 0).count(), 7);
    }
}
