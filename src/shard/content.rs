//! What a shard holds, in 16 bytes: by them a reader knows one shard from another.
//!
//! A row hash proves that a row is as it was written. It does not prove that the row belongs where it lies: in a
//! shard that was swapped with another of the same length, every row hash is right. So a shard says in its footer
//! what it holds, and the ledger says what it should hold.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use crate::sample::{Label, NO_LABEL};

/// Sum, modulo 2¹²⁸, over all rows of the first 16 bytes, as a little-endian number, of BLAKE3 of: number of the row
/// (4 bytes, little-endian), label (2 bytes, 0xFFFF for none), BLAKE3 of the tensor of each column (32 bytes each),
/// sample id.
///
/// Codec and record batches are not in it. The rows may be added in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardContent(u128);

impl ShardContent {
    /// What a shard of this row alone would hold. `pixels` are the hashes of its tensors, column by column; none of
    /// them gives a sum of names and labels only.
    pub fn of_row(row: u32, sample_id: &str, label: Label, pixels: &[[u8; 32]]) -> ShardContent {
        let mut hash = blake3::Hasher::new();
        hash.update(&row.to_le_bytes()).update(&label.unwrap_or(NO_LABEL).to_le_bytes());
        for pixels in pixels {
            hash.update(pixels);
        }
        let hash = hash.update(sample_id.as_bytes()).finalize();
        let (first, _) = hash.as_bytes().as_chunks::<16>();
        ShardContent(u128::from_le_bytes(first[0]))
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
        // Golden, from Python: sum(int.from_bytes(blake3(struct.pack("<IH", row, label) + pixels + id).digest()[:16],
        // "little") for …) % 2**128
        assert_eq!(content.to_string(), "0234a04221cb51d35f417c5c0e1be283");
        assert_eq!(content.to_string().parse(), Ok(content));
        let mut other_order = ShardContent::of_row(1, "b.jpg", None, &[[8; 32], [9; 32]]);
        other_order += ShardContent::of_row(0, "a.jpg", Some(1), &[[7; 32]]);
        assert_eq!(other_order, content);
        let mut swapped = ShardContent::of_row(1, "a.jpg", Some(1), &[[7; 32]]);
        swapped += ShardContent::of_row(0, "b.jpg", None, &[[8; 32], [9; 32]]);
        assert_ne!(swapped, content);
    }
}
