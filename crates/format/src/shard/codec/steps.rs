//! Where residuals lie for the AVX-512 kernels: step by step of the wavefront.
//!
//! The wavefront is that of `lanes`: at step t, lane i of 32 is at its position t − 2i, and the rows i,
//! i + 32, … follow each other in lane i, `period` positions apart. Here the bytes of a step lie together:
//! a *block* holds 8 steps of 8 lanes (a *group*), so that a tile of 8×8 pixels is spread over three
//! blocks of its group, and two rounds of shuffling take the place of all transposing.

use super::avx512::Line;
use super::tiles::{TILE, TensorShape};

/// Rows decoded at once.
const LANES: usize = 32;
/// Groups of eight lanes.
pub(super) const GROUPS: usize = 4;
/// Blocks by which a group is behind the one before it: two steps for each of eight lanes.
pub(super) const GROUP_DELAY: usize = 2;
/// Steps from lane 0 to lane 31.
const SKEW: usize = 2 * LANES;
/// Lane 0 reads lane 31's pixels at least 32 steps after they were decoded.
const MIN_PERIOD: usize = SKEW + 32;
/// Free bytes in front of the carried pixels: 16 bytes are loaded to use the last one.
pub(super) const CARRY_PAD: usize = 15;
/// Steps of one turn of the wavefront: two blocks, which make 16 pixels of each row.
pub(super) const TURN: usize = 16;

/// Which lanes are at their first and at their last column at a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The residuals of one image: G, R−G and B−G.
#[derive(Debug)]
pub(super) struct StepPlanes {
    pub(super) shape: TensorShape,
    /// Positions from a row to the one 32 below it; whole turns.
    period: usize,
    bands: usize,
    /// Of each plane `GROUPS` times `group_blocks` blocks.
    blocks: [Vec<Line>; 3],
    /// Edges of each step of a period; they repeat.
    edges: Vec<Edges>,
    /// Lane 31's pixels of the band above; byte 15 + t is NE of lane 0 at step t + 1. 128 for the first band.
    pub(super) carried: [Vec<u8>; 3],
}

impl StepPlanes {
    pub(super) fn new(shape: TensorShape) -> Self {
        let columns = shape.columns();
        let period = columns.next_multiple_of(TURN).max(MIN_PERIOD);
        let bands = shape.rows().div_ceil(LANES);
        let lanes_at = |step: usize, column: usize| {
            let lanes = (0..LANES).filter(|lane| (step + period - 2 * lane) % period == column);
            lanes.fold(0, |mask, lane| mask | 1 << lane)
        };
        let edges = (0..period)
            .map(|step| Edges { first: lanes_at(step, 0), last: lanes_at(step, columns - 1) })
            .collect();
        let mut planes = Self {
            shape,
            period,
            bands,
            blocks: Default::default(),
            edges,
            carried: Default::default(),
        };
        let blocks = GROUPS * planes.group_blocks();
        planes.blocks = [(); 3].map(|()| vec![Line::ZERO; blocks]);
        let carried = CARRY_PAD + planes.turns() * TURN + planes.carry_delay();
        planes.carried = [(); 3].map(|()| vec![128; carried]);
        planes
    }

    /// Turns until the last lane is at its last column.
    pub(super) fn turns(&self) -> usize {
        (self.bands * self.period + SKEW) / TURN
    }

    /// Blocks of a group.
    pub(super) fn group_blocks(&self) -> usize {
        self.turns() * (TURN / TILE)
    }

    /// Blocks of one row of tiles of a group.
    pub(super) fn row_blocks(&self) -> usize {
        self.period / TILE
    }

    /// Steps from lane 31's pixel until lane 0 needs it as NE of the step after.
    pub(super) fn carry_delay(&self) -> usize {
        self.period - SKEW
    }

    /// A plane's blocks of the same eight steps, group by group.
    #[inline(always)]
    pub(super) fn steps(&self, plane: usize, block: usize) -> [&Line; GROUPS] {
        let (blocks, group) = (&self.blocks[plane][..], self.group_blocks());
        [
            &blocks[block],
            &blocks[group + block],
            &blocks[2 * group + block],
            &blocks[3 * group + block],
        ]
    }

    /// These blocks of each plane, which count group by group.
    #[inline(always)]
    pub(super) fn blocks_mut(&mut self, range: std::ops::Range<usize>) -> [&mut [Line]; 3] {
        self.blocks.each_mut().map(|blocks| &mut blocks[range.clone()])
    }

    /// The edges of a turn's steps.
    #[inline(always)]
    pub(super) fn edges(&self, turn: usize) -> &[Edges; TURN] {
        &self.edges.as_chunks().0[turn % (self.period / TURN)]
    }

    /// What a group finishes in a turn: the first row and column of 16 × 8 pixels, some of which may lie
    /// outside the image; `None` where all do.
    #[inline(always)]
    pub(super) fn finished(&self, turn: usize, group: usize) -> Option<(usize, usize)> {
        let row_turns = self.period / TURN;
        let own = turn.checked_sub(group + 1)?;
        let (row, column) = (own / row_turns * LANES + group * TILE, own % row_turns * TURN);
        (row < self.shape.rows() && column < self.shape.columns()).then_some((row, column))
    }
}
