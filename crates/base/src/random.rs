//! Numbers that are the same on every machine, for ever.

/// 2⁶⁴ divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64 (Steele, Lea, Flood 2014), begun from a hash of what it is for.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of one purpose. The first state is the first 8 bytes, little-endian, of BLAKE3 of the
    /// name, then each part as 8 bytes, little-endian.
    pub fn new(name: &str, parts: &[u64]) -> Random {
        let mut hash = blake3::Hasher::new();
        hash.update(name.as_bytes());
        for part in parts {
            hash.update(&part.to_le_bytes());
        }
        let hash = hash.finalize();
        let (words, _) = hash.as_bytes().as_chunks::<8>();
        Random(u64::from_le_bytes(words[0]))
    }

    /// What [`Random::at`] begins from, for those that draw elsewhere.
    pub fn key(&self) -> u64 {
        self.0
    }

    #[inline]
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// What [`Random::next_u64`] gives after `place` others.
    #[inline(always)]
    pub fn at(&self, place: u64) -> u64 {
        Random(self.0.wrapping_add(place.wrapping_mul(STEP))).next_u64()
    }

    /// A number from 0 up to but not 1: the upper 53 bits of the next one, divided by 2⁵³.
    pub fn unit(&mut self) -> f64 {
        const PARTS: f64 = (1u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 / PARTS
    }

    /// A number below `limit`, each as likely as the others: Lemire 2019, "Fast random integer
    /// generation in an interval", algorithm 5 with 64 bits.
    pub fn below(&mut self, limit: u64) -> u64 {
        let mut product = u128::from(self.next_u64()) * u128::from(limit);
        if (product as u64) < limit {
            let least = limit.wrapping_neg() % limit;
            while (product as u64) < least {
                product = u128::from(self.next_u64()) * u128::from(limit);
            }
        }
        (product >> 64) as u64
    }

    /// Fisher and Yates, from the back: every order is as likely as the others.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
