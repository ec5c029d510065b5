//! What a shard holds, in 16 bytes: by them a reader knows one shard from another.
//!
//! A row hash proves that a row is as it was written. It does not prove that the row belongs where it lies: in a
//! shard that was swapped with another of the same length, every row hash is right. So a shard says in its footer
//! what it holds, and the ledger says what it should hold.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use twox_hash::XxHash3_128;

use crate::sample::{Label, NO_LABEL};

/// Sum, modulo 2¹²⁸, over all rows of XXH3-128 (seed 0) of: number of the row (4 bytes, little-endian), label (2 bytes,
/// little-endian, 0xFFFF for none), BLAKE3 of the tensor of each column (32 bytes each), sample id.
///
/// Codec and record batches are not in it. The rows may be added in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardContent(u128);

impl ShardContent {
    /// What a shard of this row alone would hold. `pixels` are the hashes of its tensors, column by column.
    pub fn of_row(row: u32, sample_id: &str, label: Label, pixels: &[[u8; 32]]) -> ShardContent {
        let pixels = pixels.iter().copied();
        ShardContent::of_row_in(&mut Vec::new(), row, sample_id, label, pixels)
    }

    /// The same, with memory that is used again: rows come by the hundred thousand.
    pub(crate) fn of_row_in(
        bytes: &mut Vec<u8>,
        row: u32,
        sample_id: &str,
        label: Label,
        pixels: impl Iterator<Item = [u8; 32]>,
    ) -> ShardContent {
        bytes.clear();
        bytes.extend_from_slice(&row.to_le_bytes());
        bytes.extend_from_slice(&label.unwrap_or(NO_LABEL).to_le_bytes());
        pixels.for_each(|hash| bytes.extend_from_slice(&hash));
        bytes.extend_from_slice(sample_id.as_bytes());
        ShardContent(XxHash3_128::oneshot(bytes))
    }
}

impl AddAssign for ShardContent {
    fn add_assign(&mut self, other: ShardContent) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for ShardContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ShardContent {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<ShardContent, Self::Err> {
        u128::from_str_radix(text, 16).map(ShardContent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_a_shard_is_the_documented_sum() {
        let mut content = ShardContent::of_row(0, "a.jpg", Some(1), &[[7; 32]]);
        content += ShardContent::of_row(1, "b.jpg", None, &[[8; 32], [9; 32]]);
        // Golden, from Python: sum(xxhash.xxh3_128_intdigest(struct.pack("<IH", row, label) + pixels + id) for …) % 2**128
        assert_eq!(content.to_string(), "2f91afb063dd32ebaf8391263701169b");
        assert_eq!(content.to_string().parse(), Ok(content));
        let mut other_order = ShardContent::of_row(1, "b.jpg", None, &[[8; 32], [9; 32]]);
        other_order += ShardContent::of_row(0, "a.jpg", Some(1), &[[7; 32]]);
        assert_eq!(other_order, content);
        let mut swapped = ShardContent::of_row(1, "a.jpg", Some(1), &[[7; 32]]);
        swapped += ShardContent::of_row(0, "b.jpg", None, &[[8; 32], [9; 32]]);
        assert_ne!(swapped, content);
    }
}
