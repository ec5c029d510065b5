//! Stored pixels on a coarse grid: what near duplicates are compared by.

use rayon::prelude::*;

use crate::dataset::{Dataset, DatasetError};
use crate::shard::TensorDecoder;
use crate::transform::ChannelSums;

use super::GRID;
use super::samples::{Sample, means};

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

/// Cells of a square picture: [`GRID`] a side, or one a pixel where there are fewer of those.
struct Grid {
    size: usize,
    cells: usize,
    /// Pixels of each cell, row by row.
    areas: Vec<u32>,
}

impl Grid {
    fn of(size: usize) -> Grid {
        let cells = size.min(GRID);
        let side = |cell: usize| ((cell + 1) * size / cells - cell * size / cells) as u32;
        let areas =
            (0..cells * cells).map(|cell| side(cell / cells) * side(cell % cells)).collect();
        Grid { size, cells, areas }
    }

    /// The thumbnail of planes `[3, size, size]`, appended to `levels`.
    fn shrink(&self, planes: &[u8], levels: &mut Vec<u8>) {
        let (size, cells) = (self.size, self.cells);
        let mut sums = vec![0u32; cells * cells];
        for plane in planes.chunks_exact(size * size) {
            sums.fill(0);
            for row in 0..cells {
                let (top, bottom) = (row * size / cells, (row + 1) * size / cells);
                for line in plane[top * size..bottom * size].chunks_exact(size) {
                    for (column, sum) in sums[row * cells..][..cells].iter_mut().enumerate() {
                        let (left, right) = (column * size / cells, (column + 1) * size / cells);
                        *sum += line[left..right].iter().map(|&v| u32::from(v)).sum::<u32>();
                    }
                }
            }
            let mean = |(&sum, &area): (&u32, &u32)| ((2 * sum + area) / (2 * area)) as u8;
            levels.extend(sums.iter().zip(&self.areas).map(mean));
        }
    }

    /// Σ area · difference² over cells and channels.
    fn squares(&self, a: &[u8], b: &[u8]) -> u64 {
        let cells = self.areas.len();
        let of_channel = |(a, b): (&[u8], &[u8])| -> u64 {
            let pairs = a.iter().zip(b).zip(&self.areas);
            pairs.map(|((&a, &b), &area)| u64::from(a.abs_diff(b)).pow(2) * u64::from(area)).sum()
        };
        a.chunks_exact(cells).zip(b.chunks_exact(cells)).map(of_channel).sum()
    }
}

impl Thumbnails {
    /// Reads the samples `wanted` and shrinks them, on all cores.
    ///
    /// # Errors
    /// As [`crate::shard::ShardReader::read`]; [`DatasetError::Structure`] where other pixels lie than those of
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
        let grid = Grid::of(tensor.size() as usize);
        let same_shard =
            |a: &u32, b: &u32| (of(*a).split, of(*a).place.0) == (of(*b).split, of(*b).place.0);
        let shards: Vec<&[u32]> = wanted.chunk_by(same_shard).collect();
        let read = |wanted: &&[u32]| -> Result<Vec<u8>, DatasetError> {
            let first = of(wanted[0]);
            let split = &dataset.meta().splits[usize::from(first.split)].name;
            let reader = dataset.open_shard(split, first.place.0)?;
            let mut decoder = TensorDecoder::new(tensor);
            let mut planes = vec![0; tensor.raw_bytes()];
            let mut levels = Vec::with_capacity(wanted.len() * 3 * grid.areas.len());
            for &index in *wanted {
                let (_, row) = of(index).place;
                let foreign = |what: &str| {
                    let reason = format!(
                        "row {row}: {what} of the ledger's row {}; `tcolz verify` has more",
                        of(index).ledger_row
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
        let levels: Vec<Vec<u8>> = shards.par_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Thumbnails { levels: levels.concat(), grid, slots })
    }

    /// How much two of the samples differ: the root of the mean square difference, in levels.
    pub(super) fn difference(&self, a: u32, b: u32) -> f64 {
        let [a, b] = [a, b].map(|index| {
            let length = 3 * self.grid.areas.len();
            &self.levels[self.slots[index as usize] as usize * length..][..length]
        });
        let pixels = 3 * self.grid.size.pow(2);
        (self.grid.squares(a, b) as f64 / pixels as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_and_one_that_is_brighter_by_five_differ_by_five() {
        for size in [1, 7, 16, 17, 40] {
            let grid = Grid::of(size);
            let planes: Vec<u8> = (0..3 * size * size).map(|i| (i * 7 % 200) as u8).collect();
            let brighter: Vec<u8> = planes.iter().map(|&value| value + 5).collect();
            let shrink = |planes: &[u8]| {
                let mut levels = Vec::new();
                grid.shrink(planes, &mut levels);
                levels
            };
            let squares = grid.squares(&shrink(&planes), &shrink(&brighter));
            assert_eq!(squares, 25 * 3 * (size * size) as u64, "size {size}");
            assert_eq!(grid.areas.iter().sum::<u32>() as usize, size * size);
        }
    }

    #[test]
    fn cells_are_means_of_their_pixels() {
        let mut levels = Vec::new();
        let plane: Vec<u8> = (0..32 * 32).map(|i| (i % 32 / 2 * 10 + i % 2) as u8).collect();
        Grid::of(32).shrink(&plane.repeat(3), &mut levels);
        // Two columns a cell: 10·c and 10·c + 1, whose mean is rounded up.
        let row: Vec<u8> = (0..16).map(|cell| cell * 10 + 1).collect();
        assert_eq!(levels, row.repeat(48));
    }
}
