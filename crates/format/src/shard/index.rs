//! The index of one record batch: what is not tensors, and where its tensors lie in the file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::OnceLock;

use arrow_array::{Array, BinaryArray, UInt16Array};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_ipc::Block;

use crate::sample::Label;
use tcolz_base::positioned::read_exact_at;
use tcolz_pixels::recipe::Codec;

use super::fault::Fault;
use super::footer::block_length;
use super::format::TensorColumn;
use super::map::mostly_blank;
use super::open::{Batch, Tensor, buffers, open_batch};

/// What is read of a record batch at first, in one go: more than the index of 256 rows takes.
const FIRST_BYTES: usize = 65_536;
/// Buffers of the columns `sample_id` (3) and `label` (2).
const ROW_BUFFERS: usize = 5;
/// Buffers of a tensor column and its hashes: 3 and 2.
const TENSOR_BUFFERS: usize = 5;

/// The index of a record batch, for one tensor column.
#[derive(Debug)]
pub(super) struct Index {
    ids: BinaryArray,
    labels: UInt16Array,
    /// Where in the file the stored bytes of each row begin, and where the last ones end.
    starts: Vec<u64>,
    /// Where in the file the hashes lie: behind the tensors. They are read after them, so that a disk that
    /// reads forward need not go there and back.
    hashes_at: u64,
    hashes: OnceLock<Vec<u64>>,
}

/// Why an index cannot be had.
pub(super) enum Failure {
    Io(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl Index {
    /// Reads the index of the record batch in `block`, a block of the file's footer, which has `rows`, if
    /// that is known. No tensor is read, and no hash.
    pub(super) fn read(
        file: &File,
        block: &Block,
        columns: &[TensorColumn],
        column: usize,
        rows: Option<u32>,
    ) -> Result<Index, Failure> {
        let (offset, length) = (block.offset() as u64, block_length(block));
        // As long as the block, so that what is tested and how is the same as of a map.
        let bytes = mostly_blank(length, |bytes| -> Result<(), Failure> {
            let first = length.min(FIRST_BYTES.max(block.metaDataLength() as usize));
            read_exact_at(file, &mut bytes[..first], offset)?;
            let frames = columns[column].codec == Codec::Zstd;
            for (number, buffer) in buffers(bytes, block)?.into_iter().enumerate() {
                let offsets = frames && number == ROW_BUFFERS + TENSOR_BUFFERS * column + 1;
                if (number < ROW_BUFFERS || offsets) && buffer.end > first {
                    let at = offset + buffer.start as u64;
                    read_exact_at(file, &mut bytes[buffer], at)?;
                }
            }
            Ok(())
        })?;
        let batch = open_batch(&bytes, block, columns, rows, Some(column))?;
        let found = Index::of(&batch, bytes.as_ptr() as usize, offset);
        found.ok_or_else(|| Fault::Structure("its index cannot be held".to_owned()).into())
    }

    /// Copies what is not tensors of a batch of one column, whose block begins at `base` in memory and at
    /// `offset` in the file. `None` for more than an array can hold, which no array holds.
    fn of(batch: &Batch, base: usize, offset: u64) -> Option<Index> {
        let in_file =
            |bytes: &[u8]| Some(offset + (bytes.as_ptr() as usize).checked_sub(base)? as u64);
        let rows = batch.ids.len();
        let starts = match batch.tensors.first()? {
            Tensor::Frames(frames) => {
                let first = in_file(frames.values())?;
                frames.value_offsets().iter().map(|&offset| first + offset as u64).collect()
            }
            Tensor::Raw { values, row_bytes } => {
                let first = in_file(values)?;
                (0..=rows).map(|row| first + (row * row_bytes) as u64).collect()
            }
        };
        Some(Index {
            ids: copied(&batch.ids)?.into(),
            labels: copied(&batch.labels)?.into(),
            starts,
            hashes_at: in_file(batch.hashes.first()?.values().inner())?,
            hashes: OnceLock::new(),
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn sample_id(&self, index: usize) -> &str {
        str::from_utf8(self.ids.value(index)).unwrap_or("\u{FFFD}")
    }

    pub(super) fn label(&self, index: usize) -> Label {
        self.labels.is_valid(index).then(|| self.labels.value(index))
    }

    pub(super) fn span(&self, index: usize) -> Range<u64> {
        self.starts[index]..self.starts[index + 1]
    }

    /// Where in the file the hashes lie; `None` once they are in memory.
    pub(super) fn hashes_to_read(&self) -> Option<Range<u64>> {
        let end = self.hashes_at + 8 * self.rows() as u64;
        self.hashes.get().is_none().then_some(self.hashes_at..end)
    }

    /// The hashes of the rows, read when they are first needed.
    pub(super) fn hashes(&self, file: &File) -> io::Result<&[u64]> {
        if let Some(Range { start, end }) = self.hashes_to_read() {
            let mut bytes = vec![0; (end - start) as usize];
            read_exact_at(file, &mut bytes, start)?;
            let hashes = bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes));
            // Two threads may read them at once; the second one's are dropped.
            let _ = self.hashes.set(hashes.collect());
        }
        Ok(self.hashes.get().map_or(&[], Vec::as_slice))
    }
}

/// The array in memory of its own.
fn copied(array: &dyn Array) -> Option<ArrayData> {
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], false, data.len());
    copy.try_extend(0, 0, data.len()).ok()?;
    Some(copy.freeze())
}
