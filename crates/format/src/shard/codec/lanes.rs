//! The buffer in which a plane is decoded: 32 lanes, so that 32 rows are decoded at once.
//!
//! Lane i holds the rows i, i + 32, i + 64 … one behind the other, `period` bytes apart. A
//! wavefront runs over the lanes from left to right: at step t, lane i is at its position t − 2i.
//! Two columns of delay from lane to lane make W, N, NW and NE of a pixel known when its turn
//! comes. 32 steps are transposed in registers, so that each step finds its 32 bytes in a row.
//! The row above lane 0 is lane 31's of the band before: its pixels are kept in `carry`.

use super::tiles::TensorShape;

/// Rows decoded at once.
pub(super) const LANES: usize = 32;
/// Steps between two transpositions.
pub(super) const CHUNK: usize = 32;
/// Steps by which lane 31 is behind lane 0, rounded up; free bytes in front of each lane.
const SKEW: usize = 2 * LANES;
/// Lane 0 reads lane 31's pixels this many steps and more after a chunk has written them.
const MIN_PERIOD: usize = SKEW + CHUNK;
/// Free bytes in front of the carried row: 16 bytes are loaded to use the last one.
const CARRY_PAD: usize = 16;
/// Bytes of the carried row that a chunk looks at.
const CARRIED: usize = CHUNK + 15;

/// 32 bytes from offset 32 − i have byte i set; from offset 64 none.
pub(super) static ONE_HOT: [u8; 96] = {
    let mut bytes = [0; 96];
    bytes[32] = 0xff;
    bytes
};

/// Offsets into [`ONE_HOT`]: which lane is at its first, which at its last column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) first: u8,
    pub(super) last: u8,
}

/// Where the rows of a plane lie in its lanes.
#[derive(Debug)]
pub(super) struct LaneLayout {
    rows: usize,
    columns: usize,
    period: usize,
    lane_bytes: usize,
    edges: Vec<Edge>,
}

impl LaneLayout {
    pub(super) fn new(shape: TensorShape) -> Self {
        let (rows, columns) = (shape.rows(), shape.columns());
        let period = columns.max(MIN_PERIOD);
        let bands = rows.div_ceil(LANES);
        let steps = ((bands - 1) * period + columns + SKEW - 2).next_multiple_of(CHUNK);
        let lane_at = |step: usize, column: usize| {
            let (behind, lane) = ((step + period - column) % period, LANES as u8);
            if behind < SKEW && behind % 2 == 0 { lane - (behind / 2) as u8 } else { 2 * lane }
        };
        let edges = (0..steps)
            .map(|step| Edge { first: lane_at(step, 0), last: lane_at(step, columns - 1) })
            .collect();
        Self { rows, columns, period, lane_bytes: SKEW + steps, edges }
    }

    /// First byte of a row in the lanes.
    pub(super) fn row_at(&self, row: usize) -> usize {
        (row % LANES) * self.lane_bytes + SKEW + (row / LANES) * self.period
    }

    /// A row's bytes in the lanes.
    pub(super) fn row(&self, row: usize) -> std::ops::Range<usize> {
        let start = self.row_at(row);
        start..start + self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes between two neighbouring rows of one band.
    pub(super) fn lane_bytes(&self) -> usize {
        self.lane_bytes
    }

    /// First step and edges of each chunk.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (usize, &[Edge; CHUNK])> {
        self.edges.as_chunks().0.iter().enumerate().map(|(i, edges)| (i * CHUNK, edges))
    }

    /// The lanes from the byte on that lane 0 decodes at a chunk's first step; each next lane's is
    /// `lane_bytes − 2` later.
    #[inline(always)]
    pub(super) fn chunk<'a>(&self, lanes: &'a [u8], start: usize) -> &'a [u8] {
        &lanes[SKEW + start..]
    }

    /// The same, to be written.
    #[inline(always)]
    pub(super) fn chunk_mut<'a>(&self, lanes: &'a mut [u8], start: usize) -> &'a mut [u8] {
        &mut lanes[SKEW + start..]
    }

    /// The carried row for a chunk: byte 15 + i stands above lane 0's pixel of step start + i + 2.
    #[inline(always)]
    pub(super) fn carried<'a>(&self, lanes: &'a PlaneLanes, start: usize) -> &'a [u8; CARRIED] {
        let from = CARRY_PAD + start + 2 - 15;
        lanes.carry[from..].first_chunk().expect("the carried row is longer than all steps")
    }

    /// Keeps what lane 31 has decoded in the chunk that began at step `start`.
    #[inline(always)]
    pub(super) fn carry(&self, lanes: &mut PlaneLanes, start: usize, last_lane: &[u8; CHUNK]) {
        let delay = 2 * (LANES - 1);
        let early = delay.saturating_sub(start).min(CHUNK);
        let to = CARRY_PAD + self.period + start + early - delay.min(start + early);
        lanes.carry[to..to + CHUNK - early].copy_from_slice(&last_lane[early..]);
    }

    fn carry_bytes(&self) -> usize {
        CARRY_PAD + self.period + self.edges.len() + CHUNK
    }
}

/// One plane in lanes.
#[derive(Debug)]
pub(super) struct PlaneLanes {
    pub(super) bytes: Vec<u8>,
    /// 128 for the first band, then lane 31's pixels, `period` bytes later.
    pub(super) carry: Vec<u8>,
}

impl PlaneLanes {
    pub(super) fn new(layout: &LaneLayout) -> Self {
        Self { bytes: vec![0; LANES * layout.lane_bytes], carry: vec![128; layout.carry_bytes()] }
    }
}
