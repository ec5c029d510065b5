//! The samples of an epoch's windows in their shards.

use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

use super::{Disk, Located, Request, next_requests};
use crate::LoaderError;
use crate::order::Stripes;
use crate::select::{Place, Selection};
use crate::shards::Shards;

/// Bytes that are read at a time, into memory that is used again.
const PIECE_BYTES: u64 = 4 << 20;

/// The samples of an epoch that a rank reads, window by window.
#[derive(Debug)]
pub(crate) struct Windows {
    pub(crate) shards: Arc<Shards>,
    pub(crate) selection: Arc<Selection>,
    pub(crate) order: Arc<Vec<u32>>,
    pub(crate) stripes: Stripes,
    pub(crate) rank: u32,
    pub(crate) column: usize,
    /// Where the windows end, as positions of the order; one where the order has none.
    pub(crate) ends: Vec<u64>,
}

impl Windows {
    /// Where the samples of a window lie that this rank has, in the order of delivery; opens their record
    /// batches.
    pub(crate) fn samples(&self, window: usize) -> Result<Vec<Request>, LoaderError> {
        let located = |place| Ok(self.locate(place)?.sample);
        self.places(window).into_iter().map(located).collect()
    }

    /// Where a sample lies; opens its record batch.
    fn locate(&self, place: Place) -> Result<Located, LoaderError> {
        let row = self.shards.row(place, self.column)?;
        let request = |Range { start, end }| Request {
            shard: place.shard,
            offset: start,
            length: end - start,
        };
        Ok(Located { sample: request(row.span()), hashes: row.hashes_to_read().map(request) })
    }

    /// The sample at a position of the order; one beyond it stands for the one a whole order before.
    pub(crate) fn place(&self, position: u64) -> Place {
        let index = self.order[(position % self.order.len() as u64) as usize];
        self.selection.places()[index as usize]
    }

    /// The samples of a window that this rank has, in the order of delivery.
    fn places(&self, window: usize) -> Vec<Place> {
        let begin = window.checked_sub(1).map_or(0, |before| self.ends[before]);
        let Stripes { start, .. } = self.stripes;
        let positions = begin.max(start)..self.ends[window];
        let stripe = u64::from(self.stripes.world) * u64::from(self.stripes.batch_size);
        let step = |position: u64| (position - start) / stripe;
        let mut samples = Vec::new();
        if positions.is_empty() {
            return samples;
        }
        for step in step(positions.start)..=step(positions.end - 1).min(self.last_step()) {
            let own = self.stripes.batch(self.rank, step);
            for position in own.start.max(positions.start)..own.end.min(positions.end) {
                samples.push(self.place(position));
            }
        }
        samples
    }

    fn last_step(&self) -> u64 {
        self.stripes.steps().saturating_sub(1)
    }
}

/// The shards of an epoch.
pub(crate) struct ShardDisk {
    windows: Arc<Windows>,
    /// What is left of the window, by shard and row.
    rest: Peekable<IntoIter<Place>>,
    /// A sample of each record batch whose hashes are among what was asked for last.
    hashes: Vec<Place>,
    scratch: Vec<u8>,
}

impl ShardDisk {
    pub(crate) fn new(windows: Arc<Windows>) -> ShardDisk {
        let rest = Vec::new().into_iter().peekable();
        ShardDisk { windows, rest, hashes: Vec::new(), scratch: Vec::new() }
    }
}

impl Disk for ShardDisk {
    fn begin(&mut self, window: usize) {
        let mut places = self.windows.places(window);
        places.sort_unstable();
        self.rest = places.into_iter().peekable();
    }

    fn requests(&mut self) -> Result<Vec<Request>, LoaderError> {
        let (windows, hashes) = (&*self.windows, &mut self.hashes);
        // They are in the system's cache now.
        for place in hashes.drain(..) {
            windows.shards.row(place, windows.column)?.read_hashes()?;
        }
        let mut last = None;
        next_requests(
            &mut self.rest,
            |place| windows.shards.is_open(place, windows.column),
            |place| {
                let located = windows.locate(place)?;
                if located.hashes.is_some() && located.hashes != last {
                    hashes.push(place);
                    last = located.hashes;
                }
                Ok(located)
            },
        )
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
