//! Stored pixels on a coarse grid: what near duplicates are compared by.

use rayon::prelude::*;

use crate::grid::Grid;
use tcolz_base::door::call;
use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_format::shard::TensorDecoder;
use tcolz_pixels::ChannelSums;

use super::samples::{Sample, means};
use super::thresholds::GRID;

/// Marks a sample without a thumbnail.
const NONE: u32 = u32::MAX;

/// The mean colour of each cell of a grid over each picture, rounded to levels.
pub(super) struct Thumbnails {
    grid: Grid,
    /// Place of each sample's thumbnail.
    slots: Vec<u32>,
    /// `[thumbnail, 3, cells, cells]`.
    levels: Vec<u8>,
}

impl Thumbnails {
    /// Reads the samples `wanted` and shrinks them, on all cores.
    ///
    /// # Errors
    /// As [`tcolz_format::shard::ShardReader::read`]; [`DatasetError::Structure`] where other pixels lie than those of
    /// the ledger.
    pub(super) fn read(
        dataset: &Dataset,
        column: usize,
        samples: &[Sample],
        mut wanted: Vec<u32>,
    ) -> Result<Thumbnails, DatasetError> {
        let of = |index: u32| &samples[index as usize];
        wanted.sort_unstable_by_key(|&index| (of(index).split, of(index).place, index));
        let mut slots = vec![NONE; samples.len()];
        for (slot, &index) in wanted.iter().enumerate() {
            slots[index as usize] = slot as u32;
        }
        let tensor = &dataset.meta().columns[column];
        let grid = Grid::of(tensor.size() as usize, GRID);
        let same_shard =
            |a: &u32, b: &u32| (of(*a).split, of(*a).place.0) == (of(*b).split, of(*b).place.0);
        let shards: Vec<&[u32]> = wanted.chunk_by(same_shard).collect();
        let read = |wanted: &&[u32]| -> Result<Vec<u8>, DatasetError> {
            let first = of(wanted[0]);
            let split = &dataset.meta().splits[usize::from(first.split)].name;
            let reader = dataset.open_shard(split, first.place.0)?;
            let mut decoder = TensorDecoder::new(tensor);
            let mut planes = vec![0; tensor.raw_bytes()];
            let mut levels = Vec::with_capacity(wanted.len() * grid.values());
            for &index in *wanted {
                let (_, row) = of(index).place;
                let foreign = |what: &str| {
                    let reason = format!(
                        "row {row}: {what} of the ledger's row {}; {} has more",
                        of(index).ledger_row,
                        call("verify", &[&dataset.root().display().to_string()], &[])
                    );
                    DatasetError::Structure { path: reader.path().to_owned(), reason }
                };
                if row >= reader.rows() {
                    return Err(foreign("there is no such row, but it should be that"));
                }
                reader.read(row, column, &mut decoder, &mut planes)?;
                let pixels = u64::from(tensor.size()).pow(2);
                if means(&ChannelSums::of_planes(&planes), pixels) != of(index).mean {
                    return Err(foreign("the pixels are not those"));
                }
                grid.shrink(&planes, &mut levels);
            }
            Ok(levels)
        };
        dataset.read_expected_shards()?;
        let levels: Vec<Vec<u8>> = shards.par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Thumbnails { levels: levels.concat(), grid, slots })
    }

    /// How much two of the samples differ: the root of the mean square difference, in levels.
    pub(super) fn difference(&self, a: u32, b: u32) -> f64 {
        let [a, b] = [a, b].map(|index| {
            let length = self.grid.values();
            &self.levels[self.slots[index as usize] as usize * length..][..length]
        });
        let pixels = 3 * self.grid.size().pow(2);
        (self.grid.squares(a, b) as f64 / pixels as f64).sqrt()
    }
}
