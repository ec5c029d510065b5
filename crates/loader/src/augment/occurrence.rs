//! How often an epoch's order had a sample before.

/// Counts the repeats of an order.
#[derive(Debug)]
pub(crate) struct Occurrences {
    /// For each position, how often its sample stood before it; empty where no sample stands twice.
    before: Vec<u32>,
    /// For each sample, how often it stands in the order; empty where it is once.
    times: Vec<u32>,
}

impl Occurrences {
    /// Of an order of indices below `samples`. Needs no memory where it has each of them once.
    pub(crate) fn of(order: &[u32], samples: usize) -> Occurrences {
        let mut times = vec![0u32; samples];
        let before = order.iter().map(|&index| {
            let times = &mut times[index as usize];
            *times += 1;
            *times - 1
        });
        let before: Vec<u32> = before.collect();
        if before.iter().all(|&before| before == 0) {
            return Occurrences { before: Vec::new(), times: Vec::new() };
        }
        Occurrences { before, times }
    }

    /// How often the sample `index`, which stands at a position of an order of `total`, stood before it. A
    /// position from `total` on is padding: it stands for the one a whole order before it.
    pub(crate) fn before(&self, position: u64, total: u64, index: usize) -> u32 {
        let rounds = (position / total) as u32;
        let before = self.before.get((position % total) as usize).copied().unwrap_or(0);
        before + rounds * self.times.get(index).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_padding_are_counted() {
        let order = [2, 0, 2, 1, 2];
        let occurrences = Occurrences::of(&order, 3);
        let before: Vec<u32> = (0..10u64)
            .map(|position| occurrences.before(position, 5, order[position as usize % 5] as usize))
            .collect();
        assert_eq!(before, [0, 0, 1, 0, 2, 3, 1, 4, 1, 5]);
        let once = Occurrences::of(&[1, 0], 2);
        assert!(once.before.is_empty() && once.times.is_empty());
        assert_eq!((once.before(1, 2, 0), once.before(2, 2, 1), once.before(5, 2, 0)), (0, 1, 2));
    }
}
