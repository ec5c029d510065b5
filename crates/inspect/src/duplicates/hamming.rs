//! Which hashes lie within a few bits of each other: multi-index hashing (Norouzi, Punjani, Fleet 2012).
//!
//! A hash is cut into [`BANDS`] bands. Two hashes that differ in at most [`MAX_DISTANCE`] bits have a band in which
//! they differ in at most one bit: had each of the four bands two differing bits, there would be eight. So
//! whoever looks in every band for the hash's own 16 bits and for the 16 values one bit away finds every
//! neighbour, and looks at a small part of all hashes.

/// Bands of a hash.
const BANDS: usize = 4;
/// Bits of a band.
const BAND_BITS: usize = 64 / BANDS;

/// Bits in which near duplicates may differ. The near duplicates of TTD differ in at most 3, and 7 is the most
/// that four bands find with one bit of tolerance each: what is left over goes to the comparison of pixels.
pub const MAX_DISTANCE: u32 = 2 * BANDS as u32 - 1;

/// Hashes that are looked at for one of them. Photos need some thousands of half a million; a dataset made to be
/// hostile, with bands that all of its hashes share, ends here instead of in hours.
const MAX_LOOKED_AT: usize = 1 << 16;

/// Sorted, different hashes, indexed by each band.
pub(super) struct HashIndex<'a> {
    hashes: &'a [u64],
    bands: [Band; BANDS],
}

/// The hashes by one band: those with the value `v` are `order[starts[v]..starts[v + 1]]`.
struct Band {
    starts: Vec<u32>,
    order: Vec<u32>,
}

/// Neighbours of a hash.
pub(super) struct Neighbours {
    /// (distance in bits, index of the hash), ascending; only those behind the hash itself.
    pub(super) found: Vec<(u32, u32)>,
    /// Everything within the distance is in `found`.
    pub(super) complete: bool,
}

/// The value of a band: every fourth bit. The bits of a dhash that stand side by side are of cells side by
/// side and tell less of each other when they stand in different bands.
fn band(hash: u64, number: usize) -> usize {
    let mut value = 0;
    for bit in 0..BAND_BITS {
        value |= ((hash >> (bit * BANDS + number)) as usize & 1) << bit;
    }
    value
}

impl Band {
    fn of(hashes: &[u64], number: usize) -> Band {
        let mut starts = vec![0u32; (1 << BAND_BITS) + 1];
        for &hash in hashes {
            starts[band(hash, number) + 1] += 1;
        }
        for value in 0..1 << BAND_BITS {
            starts[value + 1] += starts[value];
        }
        let mut next = starts.clone();
        let mut order = vec![0; hashes.len()];
        for (index, &hash) in hashes.iter().enumerate() {
            let place = &mut next[band(hash, number)];
            order[*place as usize] = index as u32;
            *place += 1;
        }
        Band { starts, order }
    }

    /// The hashes of a value, ascending.
    fn with(&self, value: usize) -> &[u32] {
        &self.order[self.starts[value] as usize..self.starts[value + 1] as usize]
    }
}

impl<'a> HashIndex<'a> {
    /// Indexes hashes, which must ascend.
    pub(super) fn of(hashes: &'a [u64]) -> HashIndex<'a> {
        HashIndex { hashes, bands: std::array::from_fn(|number| Band::of(hashes, number)) }
    }

    /// The hashes behind `hashes[index]` that differ from it in at most [`MAX_DISTANCE`] bits.
    pub(super) fn neighbours(&self, index: usize) -> Neighbours {
        let hash = self.hashes[index];
        let mut found = Vec::new();
        let mut looked_at = 0;
        for (number, bucket) in self.bands.iter().enumerate() {
            let value = band(hash, number);
            let values = std::iter::once(value).chain((0..BAND_BITS).map(|bit| value ^ 1 << bit));
            for value in values {
                let bucket = bucket.with(value);
                let behind = &bucket[bucket.partition_point(|&other| other as usize <= index)..];
                let left = MAX_LOOKED_AT - looked_at;
                looked_at += behind.len().min(left);
                for &other in behind.iter().take(left) {
                    let distance = (hash ^ self.hashes[other as usize]).count_ones();
                    if distance <= MAX_DISTANCE {
                        found.push((distance, other));
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Neighbours { found, complete: looked_at < MAX_LOOKED_AT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes in clusters: some close to each other, most far apart.
    fn hashes(number: u64) -> Vec<u64> {
        let mix = |value: u64| {
            let value = (value ^ value >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (value ^ value >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ value >> 32
        };
        let mut hashes: Vec<u64> = (0..number)
            .map(|index| {
                let flips = (0..index % 9).map(|flip| 1 << (mix(index * 9 + flip) % 64));
                mix(index / 9 + 1) ^ flips.fold(0u64, |flips, flip| flips ^ flip)
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    #[test]
    fn the_index_finds_exactly_what_comparing_every_pair_finds() {
        let hashes = hashes(3000);
        let index = HashIndex::of(&hashes);
        let mut pairs = 0;
        for first in 0..hashes.len() {
            let near =
                |&second: &usize| (hashes[first] ^ hashes[second]).count_ones() <= MAX_DISTANCE;
            let expected: Vec<usize> = (first + 1..hashes.len()).filter(near).collect();
            let found = index.neighbours(first);
            let mut found: Vec<usize> =
                found.found.iter().map(|&(_, second)| second as usize).collect();
            found.sort_unstable();
            assert_eq!(found, expected);
            pairs += found.len();
        }
        assert!(pairs > 3000, "{pairs} pairs");
    }

    #[test]
    fn a_hash_is_found_at_every_distance_up_to_the_largest_and_not_beyond() {
        for bits in 0..=MAX_DISTANCE + 1 {
            let far = (0..bits).fold(0u64, |hash, bit| hash | 1 << (bit * 9 % 64));
            let hashes = [0, far];
            let found = HashIndex::of(&hashes[..if bits == 0 { 1 } else { 2 }]).neighbours(0).found;
            let expected = (1..=MAX_DISTANCE).contains(&bits);
            assert_eq!(found, if expected { vec![(bits, 1)] } else { vec![] }, "{bits} bits");
        }
    }

    #[test]
    fn hashes_that_share_bands_by_the_hundred_thousand_are_cut_and_said_to_be() {
        // All alike in three of the four bands.
        let spread =
            |value: u64| (0..16).fold(0, |hash, bit| hash | (value >> bit & 1) << (4 * bit));
        let mut hashes: Vec<u64> = (0..1 << 16).map(spread).collect();
        hashes.sort_unstable();
        let index = HashIndex::of(&hashes);
        assert!(!index.neighbours(0).complete);
        assert!(index.neighbours(hashes.len() - 1000).complete, "few are left behind it");
    }
}
