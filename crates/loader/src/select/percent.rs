//! A share of every class: the same samples for the same seed, and a larger share holds the smaller.

use std::collections::{BTreeMap, HashMap};

use crate::LoaderError;

/// Name of the method, with its version: the same name gives the same samples for ever.
pub const PERCENT_METHOD: &str = "percent-v1";

/// Thousandths of a percent in everything.
const WHOLE: u32 = 100_000;

/// A share above 0 and at most 100 %, in thousandths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// The share that a text like `10`, `0.5` or `12.5%` stands for.
    ///
    /// # Errors
    /// [`LoaderError::Percent`] for everything else.
    pub fn parse(text: &str) -> Result<Percent, LoaderError> {
        let wrong = || LoaderError::Percent { text: text.to_owned() };
        let number = text.trim();
        let number = number.strip_suffix('%').unwrap_or(number).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str, most: usize| {
            let plain =
                (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(wrong)
        };
        let thousandths = digits(&format!("{decimals:0<3}"), 3)?;
        let share = digits(whole, 3)? * 1000 + thousandths;
        if decimals.is_empty() || !(1..=WHOLE).contains(&share) {
            return Err(wrong());
        }
        Ok(Percent(share))
    }

    /// What is left of everything, as a text: `70` of 30 %.
    pub fn rest(self) -> String {
        Percent(WHOLE - self.0).to_string()
    }

    /// How many samples of a class are taken: the nearest whole number, halves rounded up, and at
    /// least one of a class that has any.
    fn of(self, samples: usize) -> usize {
        let share = samples as u64 * u64::from(self.0) * 2 + u64::from(WHOLE);
        let rounded = (share / (2 * u64::from(WHOLE))) as usize;
        if samples == 0 { 0 } else { rounded.max(1) }
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Where a sample stands among those of its class: BLAKE3 of the method's name, the seed (8 bytes,
/// little-endian) and the sample id, its first 16 bytes as a little-endian number.
pub fn percent_rank(seed: u64, sample_id: &str) -> u128 {
    let mut hash = blake3::Hasher::new();
    hash.update(PERCENT_METHOD.as_bytes());
    hash.update(&seed.to_le_bytes()).update(sample_id.as_bytes());
    first_16_bytes(&hash.finalize())
}

/// The first half of a hash, as a little-endian number.
fn first_16_bytes(hash: &blake3::Hash) -> u128 {
    let (first, _) = hash.as_bytes().as_chunks::<16>();
    u128::from_le_bytes(first[0])
}

/// For each sample, whether it belongs to the share: within each class, those of the lowest
/// [`percent_rank`]s.
///
/// # Panics
/// When `labels` and `ranks` differ in length.
pub fn take_percent(percent: Percent, labels: &[u16], ranks: &[u128]) -> Vec<bool> {
    assert_eq!(labels.len(), ranks.len(), "a rank for each sample");
    let mut classes: BTreeMap<u16, Vec<(u128, usize)>> = BTreeMap::new();
    for (index, (&label, &rank)) in labels.iter().zip(ranks).enumerate() {
        classes.entry(label).or_default().push((rank, index));
    }
    let mut taken = vec![false; labels.len()];
    for mut class in classes.into_values() {
        let count = percent.of(class.len());
        if count < class.len() {
            class.select_nth_unstable(count);
        }
        for &(_, index) in &class[..count] {
            taken[index] = true;
        }
    }
    taken
}

/// Samples of one rank go where the first of them goes: they are one sample id in several splits, and a list of
/// sample ids means all of them.
///
/// # Panics
/// When `ranks` and `taken` differ in length.
pub fn keep_together(ranks: &[u128], taken: &mut [bool]) {
    assert_eq!(ranks.len(), taken.len(), "a rank for each sample");
    let mut first: HashMap<u128, bool> = HashMap::with_capacity(ranks.len());
    for (rank, taken) in ranks.iter().zip(taken) {
        *taken = *first.entry(*rank).or_insert(*taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_exactly_and_nonsense_is_refused() {
        for (text, thousandths) in
            [("1", 1000), ("100", 100_000), ("0.5", 500), ("12.345%", 12_345), ("0.001", 1)]
        {
            assert_eq!(Percent::parse(text).unwrap(), Percent(thousandths));
        }
        for wrong in ["", "0", "0.0001", "100.001", "-1", "1e2", "NaN", "101", "1.", ".5", "5 5"] {
            let error = Percent::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
        let texts = ["100", "0.5", "12.345", "10"].map(|text| Percent::parse(text).unwrap());
        assert_eq!(texts.map(|share| share.to_string()), ["100", "0.5", "12.345", "10"]);
    }

    #[test]
    fn ranks_are_those_that_were_written_down() {
        // Golden: a change here changes the subsets that people have trained on. From Python:
        // int.from_bytes(blake3(b"percent-v1" + seed.to_bytes(8, "little") + id).digest()[:16], "little")
        assert_eq!(percent_rank(0, "a.jpg"), GOLDEN[0]);
        assert_eq!(percent_rank(42, "data/1.jpg"), GOLDEN[1]);
    }

    const GOLDEN: [u128; 2] = [
        159_210_365_934_092_389_416_871_708_957_027_147_240,
        222_015_115_408_962_845_247_253_358_034_974_015_735,
    ];

    #[test]
    fn every_class_gives_its_share_and_none_is_lost() {
        let labels: Vec<u16> = (0..1000).map(|i| if i < 3 { 2 } else { i % 2 }).collect();
        let ranks: Vec<u128> = (0..1000).map(|i| percent_rank(1, &i.to_string())).collect();
        let taken = take_percent(Percent::parse("10").unwrap(), &labels, &ranks);
        let of = |class| (0..1000).filter(|&i| taken[i] && labels[i] == class).count();
        assert_eq!([of(0), of(1), of(2)], [50, 50, 1]);
    }
}
