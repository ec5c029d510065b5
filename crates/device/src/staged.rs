//! From the host to a device beside what the device computes: the order in which memory is written, read and written
//! again, apart from any real device.
//!
//! ```text
//! host         wait ▸ write pinned ▸                       ┄▸ then
//!                 ▲                 ╲
//! copy stream     └┄┄┄┄┄┄┄ copied ◂┄ copy ◂┄ wait
//!                             ┆               ▲
//! main stream                 └┄▸ wait ▸ take ▸ taken
//! ```
//!
//! Two slots take turns, so that one is written and copied while the other one waits to be taken. Each wait stands for
//! memory that would be overwritten, freed or read too early without it: [`crate::model`] goes through every order that
//! host and streams can come in, and through what happens when one of the waits is left out.

use crate::piece::Piece;

/// Slots that take turns.
pub(crate) const SLOTS: usize = 2;

/// Where a piece may begin in memory that several share, in bytes: what CUDA aligns its allocations to.
const ALIGNMENT: usize = 256;

/// A queue of the device: what it is asked is done one after the other, and it runs beside the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stream {
    /// Copies from the host.
    Copies,
    /// Everything that Candle allocates, computes and frees.
    Main,
}

/// A device with a stream for copies and one for everything else.
pub(crate) trait Streams {
    /// Memory of the host that the device reads by itself. Freed at once when it is dropped.
    type Pinned;
    /// Memory of the device, allocated and freed in the order of the copy stream.
    type Staging;
    /// A mark in a stream that can be waited for. It stands for the last time that it was recorded; one that never was
    /// is not waited for.
    type Event;
    /// A tensor of Candle, allocated and freed in the order of the main stream.
    type Tensor;
    /// What the device says.
    type Error;

    /// Memory of the host of so many bytes.
    fn pinned(&self, bytes: usize) -> Result<Self::Pinned, Self::Error>;
    /// Memory of the device of so many bytes.
    fn staging(&self, bytes: usize) -> Result<Self::Staging, Self::Error>;
    /// An event that was not recorded yet.
    fn event(&self) -> Result<Self::Event, Self::Error>;

    /// Marks what the stream was asked until now.
    fn record(&self, event: &Self::Event, stream: Stream) -> Result<(), Self::Error>;
    /// Asks the stream to go on only when the event has come.
    fn wait(&self, stream: Stream, event: &Self::Event) -> Result<(), Self::Error>;
    /// Holds this thread until the event has come.
    fn hold(&self, event: &Self::Event) -> Result<(), Self::Error>;

    /// Writes the pieces into memory of the host, each at its place.
    fn write(&self, pinned: &mut Self::Pinned, placed: &[Placed<'_>]) -> Result<(), Self::Error>;
    /// Asks the copy stream to copy the first bytes.
    fn copy(
        &self,
        pinned: &Self::Pinned,
        staging: &mut Self::Staging,
        bytes: usize,
    ) -> Result<(), Self::Error>;
    /// Asks the main stream to copy a piece into a tensor of its own.
    fn take(
        &self,
        staging: &Self::Staging,
        placed: &Placed<'_>,
    ) -> Result<Self::Tensor, Self::Error>;

    /// Whether the main stream is the same one for every thread.
    fn is_shared(&self) -> bool;
    /// Holds this thread until the main stream has done all that it was asked.
    fn synchronize(&self) -> Result<(), Self::Error>;
}

/// A piece, and the byte of a slot at which it begins.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'a> {
    pub(crate) piece: Piece<'a>,
    pub(crate) start: usize,
}

/// The way to a device.
pub(crate) struct Staged<S: Streams> {
    streams: S,
    slots: [Option<Slot<S>>; SLOTS],
    /// The slot that is used next.
    next: usize,
}

struct Slot<S: Streams> {
    bytes: usize,
    pinned: S::Pinned,
    staging: S::Staging,
    /// The copy stream has read the pinned memory and written the staging memory.
    copied: S::Event,
    /// The main stream has read the staging memory.
    taken: S::Event,
}

impl<S: Streams> Staged<S> {
    pub(crate) fn new(streams: S) -> Staged<S> {
        Staged { streams, slots: std::array::from_fn(|_| None), next: 0 }
    }

    /// Brings pieces to the device and gives what `then` makes of their tensors, for whichever thread.
    ///
    /// # Errors
    /// What the device or `then` says. The pieces of the next call are not touched by what went wrong in this one.
    pub(crate) fn bring<const N: usize, R>(
        &mut self,
        pieces: [Piece<'_>; N],
        then: impl FnOnce([S::Tensor; N]) -> Result<R, S::Error>,
    ) -> Result<R, S::Error> {
        let mut bytes = 0;
        let placed = pieces.map(|piece| {
            let start = bytes;
            bytes += piece.bytes().next_multiple_of(ALIGNMENT);
            Placed { piece, start }
        });
        let streams = &self.streams;
        let slot = Slot::with_room(&mut self.slots[self.next], bytes.max(ALIGNMENT), streams)?;
        self.next = (self.next + 1) % SLOTS;
        // The device may still be reading what was written here two batches ago.
        streams.hold(&slot.copied)?;
        streams.write(&mut slot.pinned, &placed)?;
        // The main stream may still be reading what was copied here.
        streams.wait(Stream::Copies, &slot.taken)?;
        let copied = streams.copy(&slot.pinned, &mut slot.staging, bytes);
        // Recorded whatever went wrong: a part may have been asked for.
        streams.record(&slot.copied, Stream::Copies)?;
        copied?;
        streams.wait(Stream::Main, &slot.copied)?;
        let tensors: Result<Vec<_>, _> =
            placed.iter().map(|placed| streams.take(&slot.staging, placed)).collect();
        streams.record(&slot.taken, Stream::Main)?;
        let Ok(tensors) = <[S::Tensor; N]>::try_from(tensors?) else {
            unreachable!("each of the pieces is taken");
        };
        let made = then(tensors)?;
        if !streams.is_shared() {
            // Another thread's work would not wait for that of this one.
            streams.synchronize()?;
        }
        Ok(made)
    }
}

impl<S: Streams> Slot<S> {
    /// The slot, with other memory where it has too little.
    fn with_room<'a>(
        slot: &'a mut Option<Slot<S>>,
        bytes: usize,
        streams: &S,
    ) -> Result<&'a mut Slot<S>, S::Error> {
        if let Some(small) = slot.take_if(|slot| slot.bytes < bytes) {
            small.free(streams)?;
        }
        match slot {
            Some(slot) => Ok(slot),
            none => Ok(none.insert(Slot {
                bytes,
                pinned: streams.pinned(bytes)?,
                staging: streams.staging(bytes)?,
                copied: streams.event()?,
                taken: streams.event()?,
            })),
        }
    }

    /// Frees the memory of both sides when the device has done with it.
    fn free(self, streams: &S) -> Result<(), S::Error> {
        let copied = streams.hold(&self.copied);
        // The staging memory is freed in the order of the copy stream.
        let taken = streams.wait(Stream::Copies, &self.taken);
        drop(self);
        copied.and(taken)
    }
}

impl<S: Streams> Drop for Staged<S> {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            if let Some(slot) = slot.take() {
                // A device that refuses to wait has failed as a whole, and nothing runs there any more.
                let _ = slot.free(&self.streams);
            }
        }
    }
}
