//! Samples that links hold together.

use super::found::Relation;

/// Two samples that are the same, in some sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) first: u32,
    pub(super) second: u32,
    pub(super) relation: Relation,
    /// Bits of the hashes.
    pub(super) distance: u32,
    /// Levels.
    pub(super) difference: f64,
}

/// Groups of samples, each with just the pairs that hold it together: one fewer than samples. Of all
/// pairs these are the closest, and equal ones go by their samples' order.
pub(super) fn groups(samples: usize, mut pairs: Vec<Pair>) -> Vec<(Vec<u32>, Vec<Pair>)> {
    let closeness = |pair: &Pair| (pair.relation, pair.first, pair.second);
    pairs.sort_unstable_by(|a, b| {
        let by_difference = a.difference.total_cmp(&b.difference);
        a.relation.cmp(&b.relation).then(by_difference).then(closeness(a).cmp(&closeness(b)))
    });
    let mut parents: Vec<u32> = (0..samples as u32).collect();
    pairs.retain(|pair| {
        let (a, b) = (root(&mut parents, pair.first), root(&mut parents, pair.second));
        // The smaller index becomes the root, which is so the group's first sample.
        parents[a.max(b) as usize] = a.min(b);
        a != b
    });
    let mut by_root: Vec<(u32, u32)> = Vec::new();
    for index in 0..samples as u32 {
        by_root.push((root(&mut parents, index), index));
    }
    by_root.sort_unstable();
    let mut pairs: Vec<(u32, Pair)> =
        pairs.into_iter().map(|pair| (root(&mut parents, pair.first), pair)).collect();
    // Stable: within a group the closest stay first.
    pairs.sort_by_key(|&(root, _)| root);
    let mut pairs = pairs.into_iter().peekable();
    let mut groups = Vec::new();
    for members in by_root.chunk_by(|a, b| a.0 == b.0).filter(|members| members.len() > 1) {
        let mut links = Vec::with_capacity(members.len() - 1);
        while let Some((_, pair)) = pairs.next_if(|(root, _)| *root == members[0].0) {
            links.push(pair);
        }
        groups.push((members.iter().map(|&(_, index)| index).collect(), links));
    }
    groups
}

/// The root of a sample's tree; the way there is halved.
fn root(parents: &mut [u32], mut index: u32) -> u32 {
    while parents[index as usize] != index {
        let grandparent = parents[parents[index as usize] as usize];
        parents[index as usize] = grandparent;
        index = grandparent;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(first: u32, second: u32, difference: f64) -> Pair {
        Pair { first, second, relation: Relation::Near, distance: 0, difference }
    }

    #[test]
    fn a_group_is_held_together_by_its_closest_pairs() {
        let found = groups(6, vec![pair(1, 4, 3.0), pair(4, 5, 1.0), pair(1, 5, 2.0)]);
        assert_eq!(found, [(vec![1, 4, 5], vec![pair(4, 5, 1.0), pair(1, 5, 2.0)])]);
    }

    #[test]
    fn groups_stand_in_the_order_of_their_first_samples() {
        let found = groups(9, vec![pair(7, 8, 0.0), pair(2, 3, 1.0), pair(0, 8, 5.0)]);
        let members: Vec<&[u32]> = found.iter().map(|(members, _)| members.as_slice()).collect();
        assert_eq!(members, [&[0, 7, 8][..], &[2, 3]]);
    }
}
