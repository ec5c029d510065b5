//! The content root: one hash that says which samples with which pixels a dataset holds.
//!
//! BLAKE3 over lines of UTF-8 text, each ended by `\n`, fields parted by tabs:
//!
//! ```text
//! classes ⇥ name of class 0 ⇥ name of class 1 …
//! split ⇥ sample id ⇥ label ⇥ image_224:u8:3x224x224:<BLAKE3 of the tensor, hexadecimal> ⇥ …
//! …
//! ```
//!
//! One line for each stored sample, sorted by (split, sample id) as bytes; the label is empty where
//! there is none. Order of storage, codec, predictor, shard size, views, bad inputs and versions are
//! not in it, so two datasets with one root give a training loop the same tensors. No name holds
//! a control character (the readers of dumps refuse them), so that the lines are unambiguous.

use crate::sample::{Label, Status};
use crate::shard::TensorColumn;

use super::ledger::LedgerRow;

/// What the content root says of one stored sample.
#[derive(Debug)]
pub struct RootLine<'a, H> {
    /// Split name.
    pub split: &'a str,
    /// Sample id.
    pub sample_id: &'a str,
    /// Class index.
    pub label: Label,
    /// For each tensor column, what holds the BLAKE3 of its tensor.
    pub tensors: &'a [H],
}

impl<H> Clone for RootLine<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for RootLine<'_, H> {}

/// The content root of samples given in any order.
pub fn content_root<H: AsRef<[u8; 32]>>(
    classes: &[String],
    columns: &[TensorColumn],
    mut lines: Vec<RootLine<'_, H>>,
) -> blake3::Hash {
    lines.sort_by_key(|line| (line.split, line.sample_id));
    let mut hash = blake3::Hasher::new();
    hash.update(format!("classes\t{}\n", classes.join("\t")).as_bytes());
    let describe: Vec<String> =
        columns.iter().map(|column| format!("{}:{}", column.name, column.describe())).collect();
    for line in lines {
        let label = line.label.map(|label| label.to_string()).unwrap_or_default();
        let mut text = format!("{}\t{}\t{label}", line.split, line.sample_id);
        for (column, tensor) in describe.iter().zip(line.tensors) {
            let pixels = blake3::Hash::from_bytes(*tensor.as_ref()).to_hex();
            text.push_str(&format!("\t{column}:{pixels}"));
        }
        text.push('\n');
        hash.update(text.as_bytes());
    }
    hash.finalize()
}

/// The lines of the stored samples among the ledger's rows.
pub fn root_lines(rows: &[LedgerRow]) -> Vec<RootLine<'_, super::TensorFacts>> {
    let stored = rows.iter().filter(|row| row.status == Status::Stored);
    stored
        .map(|row| RootLine {
            split: &row.split,
            sample_id: &row.sample_id,
            label: row.label,
            tensors: &row.tensors,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_pixels::recipe::{Codec, Dtype};

    struct Hash([u8; 32]);

    impl AsRef<[u8; 32]> for Hash {
        fn as_ref(&self) -> &[u8; 32] {
            &self.0
        }
    }

    #[test]
    fn the_root_is_the_hash_of_the_documented_lines_in_any_order() {
        let columns = [TensorColumn::new(2, Dtype::U8, Codec::Raw)];
        let (one, two) = ([Hash([0x11; 32])], [Hash([0x22; 32])]);
        let a = RootLine { split: "test", sample_id: "b", label: None, tensors: &one };
        let b = RootLine { split: "all", sample_id: "a", label: Some(1), tensors: &two };
        let expected = format!(
            "classes\tcat\tdog\nall\ta\t1\timage_2:u8:3x2x2:{}\ntest\tb\t\timage_2:u8:3x2x2:{}\n",
            "22".repeat(32),
            "11".repeat(32)
        );
        let classes = ["cat".to_owned(), "dog".to_owned()];
        for lines in [vec![a, b], vec![b, a]] {
            let root = content_root(&classes, &columns, lines);
            assert_eq!(root, blake3::hash(expected.as_bytes()));
        }
    }
}
