//! How ranks share an epoch: stripes of world × batch samples of its global order.
//!
//! ```text
//! position  0        B        2B       3B       4B            world 2, batch size B
//!           │ rank 0 │ rank 1 │ rank 0 │ rank 1 │ …
//!           └──── step 0 ─────┴──── step 1 ─────┘
//! ```
//! After each step all ranks together have delivered the positions up to one number, so that any other
//! world size and batch size can go on from there.

use std::ops::Range;

/// What becomes of the samples that fill no whole stripe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LastBatch {
    /// They are dealt out evenly: smaller batches, of which some ranks' may be empty.
    #[default]
    Keep,
    /// They are left out; [`Stripes::dropped`] says how many.
    Drop,
    /// The stripe is filled up from the beginning of the epoch's order; [`Stripes::padded`] says with
    /// how many.
    Pad,
}

/// The rest of an epoch, divided into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stripes {
    /// Position to go on from: samples that were delivered before.
    pub start: u64,
    /// Samples of the epoch's order.
    pub total: u64,
    /// Ranks; at least 1.
    pub world: u32,
    /// Samples of a batch; at least 1.
    pub batch_size: u32,
    /// What becomes of the rest.
    pub last: LastBatch,
}

impl Stripes {
    fn left(&self) -> u64 {
        self.total.saturating_sub(self.start)
    }

    fn stripe(&self) -> u64 {
        u64::from(self.world) * u64::from(self.batch_size)
    }

    /// Steps that every rank takes.
    pub fn steps(&self) -> u64 {
        match self.last {
            LastBatch::Drop => self.left() / self.stripe(),
            LastBatch::Keep | LastBatch::Pad => self.left().div_ceil(self.stripe()),
        }
    }

    /// Positions that no rank gets.
    pub fn dropped(&self) -> u64 {
        self.total.saturating_sub(self.position_after(self.steps()))
    }

    /// Positions behind the end that are filled from the beginning.
    pub fn padded(&self) -> u64 {
        self.position_after(self.steps()).saturating_sub(self.total.max(self.start))
    }

    /// The position when `steps` steps have been taken by all ranks.
    pub fn position_after(&self, steps: u64) -> u64 {
        let position = self.start + steps * self.stripe();
        let end = self.total.max(self.start);
        if self.last == LastBatch::Pad { position } else { position.min(end) }
    }

    /// The positions of a rank's batch. Those from [`Stripes::total`] on are padding: position p
    /// stands for the sample at p modulo `total`.
    pub fn batch(&self, rank: u32, step: u64) -> Range<u64> {
        let (begin, end) = (self.position_after(step), self.position_after(step + 1));
        let (rank, world) = (u64::from(rank), u64::from(self.world));
        let (each, more) = ((end - begin) / world, (end - begin) % world);
        let start = begin + rank * each + rank.min(more);
        start..start + each + u64::from(rank < more)
    }
}
