//! One photo's way from file bytes to stored bytes: what a worker thread does.

use tcolz_format::dataset::TensorFacts;
use tcolz_format::shard::codec::{CodecError, FrameEncoder, encode_plain};
use tcolz_format::shard::{TensorColumn, simd_level};
use tcolz_photo::DecodeError;
use tcolz_photo::PhotoReader;
use tcolz_pixels::photo_info::PhotoInfo;
use tcolz_pixels::recipe::{Codec, Dtype, Recipe};
use tcolz_pixels::{ChannelSums, View, bake, dhash};

/// A photo, ready to be stored.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What decoding learned.
    pub(super) photo: PhotoInfo,
    /// One for each tensor column.
    pub(super) tensors: Vec<TensorFacts>,
    /// Stored bytes of each tensor column.
    pub(super) stored: Vec<Vec<u8>>,
    /// Perceptual hash of the largest size.
    pub(super) dhash: u64,
}

/// Why a photo could not be prepared.
#[derive(Debug)]
pub(super) enum PrepareError {
    /// The photo is at fault.
    Decode(DecodeError),
    /// The codec is at fault: a defect of this program, never of the photo.
    Codec(CodecError),
}

/// Decodes, resizes, measures and compresses; one a worker thread, it owns and recycles its buffers.
pub(super) struct Preparer {
    photos: PhotoReader,
    view: View,
    columns: Vec<Column>,
}

struct Column {
    column: TensorColumn,
    encoder: FrameEncoder,
    baked: Vec<u8>,
    /// The frame just made. An encoder asks for room for its worst case, about three times what it
    /// fills: what waits to be written is a copy of the right length.
    frame: Vec<u8>,
}

impl Preparer {
    /// A preparer for `recipe`, which has been checked and whose view is `view`.
    pub(super) fn new(recipe: &Recipe, view: &View) -> Preparer {
        let columns = TensorColumn::of_recipe(recipe).into_iter().map(|column| Column {
            encoder: FrameEncoder::with_level(column.size(), column.size(), simd_level())
                .expect("sides that the recipe's check accepts"),
            baked: Vec::new(),
            frame: Vec::new(),
            column,
        });
        Preparer {
            photos: PhotoReader::new(recipe),
            view: view.clone(),
            columns: columns.collect(),
        }
    }

    /// Prepares one photo.
    pub(super) fn prepare(&mut self, bytes: &[u8]) -> Result<Prepared, PrepareError> {
        let photo = self.photos.read(bytes).map_err(PrepareError::Decode)?;
        let count = self.columns.len();
        let (mut tensors, mut stored) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut hash = 0;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let planes = self.photos.planes(index);
            let (tensor, bytes) = column.store(planes, &self.view).map_err(PrepareError::Codec)?;
            tensors.push(tensor);
            stored.push(bytes);
            // Sizes ascend, so the last one is the largest.
            if index + 1 == count {
                hash = dhash(planes, column.column.size());
            }
        }
        Ok(Prepared { photo, tensors, stored, dhash: hash })
    }
}

impl Column {
    /// Measures and encodes the tensor `planes`, `[3, size, size]` u8.
    fn store(&mut self, planes: &[u8], view: &View) -> Result<(TensorFacts, Vec<u8>), CodecError> {
        let sums = ChannelSums::of_planes(planes);
        let tensor: &[u8] = match self.column.dtype {
            Dtype::U8 => planes,
            dtype => {
                self.baked.clear();
                bake(view, planes, dtype, &mut self.baked);
                &self.baked
            }
        };
        let blake3 = *blake3::hash(tensor).as_bytes();
        let stored = match (self.column.codec, self.column.dtype) {
            (Codec::Raw, _) => tensor,
            (Codec::Zstd, Dtype::U8) => {
                self.encoder.encode(tensor, &mut self.frame)?;
                &self.frame
            }
            (Codec::Zstd, _) => {
                encode_plain(tensor, &mut self.frame)?;
                &self.frame
            }
        };
        Ok((TensorFacts { blake3, sums }, stored.to_vec()))
    }
}
