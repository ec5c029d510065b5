//! The encoder's choice: which class each tile goes to.

use super::tiles::{
    CHROMA_CODES, FIRST_PAIR, HALF_CLASSES, PAIR_CLASSES, PLANE_CODES, TILE, TensorShape,
    WIDE_CLASSES,
};

/// Activity of every tile of the three planes.
pub(super) struct TileSums {
    /// Σ|residual| of each tile, plane by plane.
    sums: [Vec<u16>; 3],
    /// Not zero where a residual lies outside −8 to 7.
    wide: [Vec<u8>; 3],
    column_sums: Vec<u16>,
    column_wide: Vec<u8>,
}

impl TileSums {
    pub(super) fn new(shape: TensorShape) -> Self {
        let padded = shape.tile_columns() * TILE;
        let tiles = shape.tile_count();
        Self {
            sums: [(); 3].map(|()| vec![0; tiles]),
            wide: [(); 3].map(|()| vec![0; tiles]),
            column_sums: vec![0; padded],
            column_wide: vec![0; padded],
        }
    }

    #[inline(always)]
    pub(super) fn measure(&mut self, shape: TensorShape, residuals: &[Vec<u8>; 3]) {
        let width = shape.columns();
        let across = shape.tile_columns();
        for ((residuals, sums), wide) in residuals.iter().zip(&mut self.sums).zip(&mut self.wide) {
            let strips = residuals.chunks(TILE * width);
            let outputs = sums.chunks_exact_mut(across).zip(wide.chunks_exact_mut(across));
            for (strip, (sums, wide)) in strips.zip(outputs) {
                self.column_sums.fill(0);
                self.column_wide.fill(0);
                for row in strip.chunks_exact(width) {
                    let columns = self.column_sums.iter_mut().zip(&mut self.column_wide);
                    for ((sum, wide), &residual) in columns.zip(row) {
                        *sum += u16::from((residual as i8).unsigned_abs());
                        *wide |= residual.wrapping_add(8) & 0xf0;
                    }
                }
                let columns = self.column_sums.as_chunks::<TILE>().0;
                for (sum, columns) in sums.iter_mut().zip(columns) {
                    *sum = columns.iter().sum();
                }
                let columns = self.column_wide.as_chunks::<TILE>().0;
                for (wide, columns) in wide.iter_mut().zip(columns) {
                    *wide = columns.iter().fold(0, |all, &one| all | one);
                }
            }
        }
    }
}

/// Most that Σ|residual| of a tile can be.
const MAX_SUM: usize = TILE * TILE * 128;

/// Tiles that share a kind of coding, counted by activity.
pub(super) struct Group {
    counts: Vec<u32>,
}

impl Default for Group {
    fn default() -> Self {
        Self { counts: vec![0; MAX_SUM + 1] }
    }
}

impl Group {
    /// Thresholds that part the sums into `classes` classes of about equally many tiles.
    #[inline(always)]
    fn thresholds<const CLASSES: usize>(
        &mut self,
        sums: impl Iterator<Item = usize>,
    ) -> [usize; CLASSES] {
        self.counts.fill(0);
        let (mut tiles, mut most) = (0u64, 0);
        for sum in sums {
            self.counts[sum] += 1;
            tiles += 1;
            most = most.max(sum);
        }
        let mut thresholds = [usize::MAX; CLASSES];
        let (mut class, mut below) = (0, 0u64);
        for (sum, &count) in self.counts[..=most].iter().enumerate() {
            below += u64::from(count);
            while class + 1 < CLASSES && below * CLASSES as u64 >= (class as u64 + 1) * tiles {
                thresholds[class] = sum;
                class += 1;
            }
        }
        thresholds
    }
}

/// The class of a sum: the first whose threshold is not below it.
#[inline(always)]
fn class_of<const CLASSES: usize>(thresholds: &[usize; CLASSES], sum: usize) -> u8 {
    thresholds[..CLASSES - 1].iter().map(|&threshold| u8::from(sum > threshold)).sum()
}

/// Fills the class map.
#[inline(always)]
pub(super) fn assign_codes(tiles: &TileSums, group: &mut Group, map: &mut [u8]) {
    let count = map.len();
    let sum = |plane: usize, tile: usize| usize::from(tiles.sums[plane][tile]);
    let narrow = |plane: usize, tile: usize| tiles.wide[plane][tile] == 0;
    let paired = |tile: usize| narrow(1, tile) && narrow(2, tile);
    let singles = |tile: usize| if paired(tile) { 0..1 } else { 0..3 };
    let of_singles = |are_narrow: bool| {
        (0..count).flat_map(move |tile| {
            singles(tile)
                .filter(move |&plane| narrow(plane, tile) == are_narrow)
                .map(move |plane| sum(plane, tile))
                .filter(|&sum| sum > 0)
        })
    };
    let of_pairs = (0..count)
        .filter(|&tile| paired(tile))
        .map(|tile| sum(1, tile) + sum(2, tile))
        .filter(|&sum| sum > 0);
    let wide = group.thresholds::<WIDE_CLASSES>(of_singles(false));
    let half = group.thresholds::<HALF_CLASSES>(of_singles(true));
    let pair = group.thresholds::<PAIR_CLASSES>(of_pairs);
    let plane_code = |plane: usize, tile: usize| match sum(plane, tile) {
        0 => 0,
        sum if narrow(plane, tile) => 1 + WIDE_CLASSES as u8 + class_of(&half, sum),
        sum => 1 + class_of(&wide, sum),
    };
    for (tile, code) in map.iter_mut().enumerate() {
        let chroma = match sum(1, tile) + sum(2, tile) {
            0 => 0,
            sum if paired(tile) => FIRST_PAIR + class_of(&pair, sum),
            _ => PLANE_CODES * plane_code(1, tile) + plane_code(2, tile),
        };
        *code = CHROMA_CODES * plane_code(0, tile) + chroma;
    }
}
