//! The samples of an epoch's windows in their shards.

use std::ops::Range;
use std::sync::Arc;

use super::{Disk, Request, forward_requests};
use crate::loader::LoaderError;
use crate::loader::order::Stripes;
use crate::loader::select::Selection;
use crate::loader::shards::Shards;

/// Bytes that are read at a time, into memory that is used again.
const PIECE_BYTES: u64 = 4 << 20;

/// The samples of an epoch that a rank reads, window by window.
#[derive(Debug)]
pub(in crate::loader) struct Windows {
    pub(in crate::loader) shards: Arc<Shards>,
    pub(in crate::loader) selection: Arc<Selection>,
    pub(in crate::loader) order: Arc<Vec<u32>>,
    pub(in crate::loader) stripes: Stripes,
    pub(in crate::loader) rank: u32,
    pub(in crate::loader) column: usize,
    /// Where the windows end, as positions of the order; one where the order has none.
    pub(in crate::loader) ends: Vec<u64>,
}

impl Windows {
    /// Where the samples of a window lie that this rank has, in the order of delivery.
    pub(in crate::loader) fn samples(&self, window: usize) -> Result<Vec<Request>, LoaderError> {
        let begin = window.checked_sub(1).map_or(0, |before| self.ends[before]);
        let Stripes { start, .. } = self.stripes;
        let positions = begin.max(start)..self.ends[window];
        let stripe = u64::from(self.stripes.world) * u64::from(self.stripes.batch_size);
        let step = |position: u64| (position - start) / stripe;
        let mut samples = Vec::new();
        if positions.is_empty() {
            return Ok(samples);
        }
        for step in step(positions.start)..=step(positions.end - 1).min(self.last_step()) {
            let own = self.stripes.batch(self.rank, step);
            for position in own.start.max(positions.start)..own.end.min(positions.end) {
                let place = self.selection.places()[self.order[position as usize] as usize];
                let Range { start, end } =
                    self.shards.get(place.shard)?.span(place.row, self.column);
                samples.push(Request { shard: place.shard, offset: start, length: end - start });
            }
        }
        Ok(samples)
    }

    fn last_step(&self) -> u64 {
        self.stripes.steps().saturating_sub(1)
    }
}

/// The shards of an epoch.
pub(in crate::loader) struct ShardDisk {
    pub(in crate::loader) windows: Arc<Windows>,
    pub(in crate::loader) scratch: Vec<u8>,
}

impl Disk for ShardDisk {
    fn requests(&mut self, window: usize) -> Result<Vec<Request>, LoaderError> {
        Ok(forward_requests(&self.windows.samples(window)?))
    }

    fn read(&mut self, request: Request) -> Result<(), LoaderError> {
        let shard = self.windows.shards.get(request.shard)?;
        let end = request.offset + request.length;
        let mut offset = request.offset;
        while offset < end {
            let piece = PIECE_BYTES.min(end - offset);
            self.scratch.resize(piece as usize, 0);
            shard.read_bytes(offset, &mut self.scratch)?;
            offset += piece;
        }
        Ok(())
    }
}
