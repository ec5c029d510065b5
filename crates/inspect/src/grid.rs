//! A coarse grid over square pictures: what near duplicates are compared by, and what small pictures show.

/// Cells of a square picture.
pub(super) struct Grid {
    size: usize,
    cells: usize,
    /// Pixels of each cell, row by row.
    areas: Vec<u32>,
}

impl Grid {
    /// `most` cells a side over a picture of `size` pixels a side, or one a pixel where there are fewer of those.
    pub(super) fn of(size: usize, most: usize) -> Grid {
        let cells = size.min(most);
        let side = |cell: usize| ((cell + 1) * size / cells - cell * size / cells) as u32;
        let areas =
            (0..cells * cells).map(|cell| side(cell / cells) * side(cell % cells)).collect();
        Grid { size, cells, areas }
    }

    /// Pixels a side of the picture.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Cells a side.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Values of a picture on the grid: `[3, cells, cells]`.
    pub(super) fn values(&self) -> usize {
        3 * self.areas.len()
    }

    /// Gives the sum of the pixels of every cell of planes `[3, size, size]` to `take`, channel by channel and
    /// row by row.
    fn sums(&self, planes: &[u8], mut take: impl FnMut(u32)) {
        let (size, cells) = (self.size, self.cells);
        let mut sums = vec![0u32; cells];
        for plane in planes.chunks_exact(size * size) {
            for row in 0..cells {
                sums.fill(0);
                let (top, bottom) = (row * size / cells, (row + 1) * size / cells);
                for line in plane[top * size..bottom * size].chunks_exact(size) {
                    for (column, sum) in sums.iter_mut().enumerate() {
                        let (left, right) = (column * size / cells, (column + 1) * size / cells);
                        *sum += line[left..right].iter().map(|&v| u32::from(v)).sum::<u32>();
                    }
                }
                sums.iter().for_each(|&sum| take(sum));
            }
        }
    }

    /// The picture of planes `[3, size, size]` on the grid, appended to `levels`: each cell's mean, rounded.
    pub(super) fn shrink(&self, planes: &[u8], levels: &mut Vec<u8>) {
        let mut areas = self.areas.iter().cycle();
        self.sums(planes, |sum| {
            let area = areas.next().copied().unwrap_or(1);
            levels.push(((2 * sum + area) / (2 * area)) as u8);
        });
    }

    /// Adds the sums of a picture's cells to those of others.
    pub(super) fn add(&self, planes: &[u8], all: &mut [u64]) {
        let mut all = all.iter_mut();
        self.sums(planes, |sum| {
            if let Some(total) = all.next() {
                *total += u64::from(sum);
            }
        });
    }

    /// The mean of `samples` pictures whose cells add up to `all`, rounded once.
    pub(super) fn mean(&self, all: &[u64], samples: u64) -> Vec<u8> {
        let areas = self.areas.iter().cycle();
        let mean = |(&sum, &area): (&u64, &u32)| {
            let pixels = u64::from(area) * samples;
            ((2 * sum + pixels) / (2 * pixels).max(1)) as u8
        };
        all.iter().zip(areas).map(mean).collect()
    }

    /// Σ area · difference² over cells and channels.
    pub(super) fn squares(&self, a: &[u8], b: &[u8]) -> u64 {
        let cells = self.areas.len();
        let of_channel = |(a, b): (&[u8], &[u8])| -> u64 {
            let pairs = a.iter().zip(b).zip(&self.areas);
            pairs.map(|((&a, &b), &area)| u64::from(a.abs_diff(b)).pow(2) * u64::from(area)).sum()
        };
        a.chunks_exact(cells).zip(b.chunks_exact(cells)).map(of_channel).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_and_one_that_is_brighter_by_five_differ_by_five() {
        for size in [1, 7, 16, 17, 40] {
            let grid = Grid::of(size, 16);
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
        Grid::of(32, 16).shrink(&plane.repeat(3), &mut levels);
        // Two columns a cell: 10·c and 10·c + 1, whose mean is rounded up.
        let row: Vec<u8> = (0..16).map(|cell| cell * 10 + 1).collect();
        assert_eq!(levels, row.repeat(48));
    }

    #[test]
    fn a_mean_is_rounded_once_and_not_picture_by_picture() {
        let grid = Grid::of(2, 1);
        let mut all = vec![0; grid.values()];
        for planes in [[0, 0, 0, 1].repeat(3), [0, 1, 0, 0].repeat(3), [1, 1, 0, 1].repeat(3)] {
            grid.add(&planes, &mut all);
        }
        // Five of twelve pixels, though two of the pictures' means are rounded to 0 and one to 1.
        assert_eq!((all[0], grid.mean(&all, 3)), (5, vec![0; 3]));
        assert_eq!(grid.mean(&[6; 3], 3), [1; 3]);
    }
}
