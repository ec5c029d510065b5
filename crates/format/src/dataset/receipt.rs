//! Receipts: a proof, at 16 bytes, that every sample of an epoch was delivered as often as its order says.
//! That of a split with each sample once stands in dataset.json.

use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// The wrapping 128-bit sum of [`Receipt::of`] over samples, in whatever order, repeats counted.
///
/// Receipts of ranks and of parts of an epoch add up. In JSON 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Receipt(u128);

impl Receipt {
    /// The receipt of one sample: the first 16 bytes of BLAKE3 of its id, as a little-endian number.
    pub fn of(sample_id: &str) -> Receipt {
        let hash = blake3::hash(sample_id.as_bytes());
        let (first, _) = hash.as_bytes().as_chunks::<16>();
        Receipt(u128::from_le_bytes(first[0]))
    }

    /// Its lower and its upper 64 bits.
    pub fn words(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    /// The receipt of a sample that was delivered so often.
    pub fn times(self, times: u32) -> Receipt {
        Receipt(self.0.wrapping_mul(times.into()))
    }
}

impl Add for Receipt {
    type Output = Receipt;

    fn add(self, other: Receipt) -> Receipt {
        Receipt(self.0.wrapping_add(other.0))
    }
}

impl AddAssign for Receipt {
    fn add_assign(&mut self, other: Receipt) {
        *self = *self + other;
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<Receipt> for String {
    fn from(receipt: Receipt) -> String {
        receipt.to_string()
    }
}

/// A text that is no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no receipt of 32 hexadecimal digits")]
#[non_exhaustive]
pub struct ReceiptError {
    /// What was given.
    pub found: String,
}

impl TryFrom<String> for Receipt {
    type Error = ReceiptError;

    fn try_from(text: String) -> Result<Receipt, ReceiptError> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| digits);
        number.map(Receipt).ok_or(ReceiptError { found: text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_those_that_were_written_down() {
        // Golden, from Python: blake3(b"a.jpg").digest()[:16], as a little-endian number
        assert_eq!(Receipt::of("a.jpg").to_string(), GOLDEN);
        let json = format!("\"{GOLDEN}\"");
        assert_eq!(serde_json::to_string(&Receipt::of("a.jpg")).unwrap(), json);
        assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), Receipt::of("a.jpg"));
        for wrong in ["\"\"", "\"+0123456789abcdef0123456789abcde\"", "7"] {
            assert!(serde_json::from_str::<Receipt>(wrong).is_err(), "{wrong}");
        }
    }

    const GOLDEN: &str = "6b9005ab7dfc46807fb816a09f6d3a82";
}
