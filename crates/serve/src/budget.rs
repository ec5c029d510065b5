//! The memory for uploads, and the buffer of one.

use std::sync::Arc;
use std::time::Duration;

use memmap2::{MmapMut, MmapOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::options::Limits;
use super::places::Place;
use super::refusal::Refusal;

/// What a permit stands for: a semaphore counts to 2³² at most.
const UNIT_BYTES: usize = 1024;
/// Share of the memory that only the beginnings of bodies may take, so that large ones do not keep small ones out.
const RESERVED_SHARE: usize = 8;
/// What is the beginning of a body.
const BEGINNING_BYTES: usize = 1_000_000;
/// Time for an upload that was given up to leave its memory; then another one is given up.
const RELEASE: Duration = Duration::from_millis(200);

/// The memory for uploads: what arrives takes from it chunk by chunk, so that a client which promises much
/// and sends little holds little.
pub(super) struct Budget {
    free: Arc<Semaphore>,
    units: usize,
    reserved: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Budget {
        let units = units(limits.upload_bytes);
        // The longest body finds room beside it.
        let reserved =
            (units / RESERVED_SHARE).min(units - units.min(self::units(limits.body_bytes)));
        Budget { free: Arc::new(Semaphore::new(units)), units, reserved }
    }

    /// Bytes of it that are taken.
    pub(super) fn held(&self) -> usize {
        (self.units - self.free.available_permits()) * UNIT_BYTES
    }

    /// Takes room for a body that had `before` bytes and gets `more`.
    async fn take(
        &self,
        before: usize,
        more: usize,
        place: &Place,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        // A chunk is of a connection's buffer, far below 4 TB.
        let more = units(before + more) - units(before);
        let take = || Arc::clone(&self.free).try_acquire_many_owned(more as u32).ok();
        let kept_free = if before < BEGINNING_BYTES { 0 } else { self.reserved };
        let fits = self.free.available_permits() >= more + kept_free;
        if let Some(permit) = fits.then(take).flatten() {
            return Ok(permit);
        }
        while place.give_up_an_upload() {
            let released = Arc::clone(&self.free).acquire_many_owned(more as u32);
            if let Ok(Ok(permit)) = timeout(RELEASE, released).await {
                return Ok(permit);
            }
        }
        Err(Refusal::busy("too many uploads are arriving at a time: try again", 2).closing())
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES)
}

/// The bytes of an upload. They lie in memory of their own, which the system gives page by page as they arrive and has
/// back as soon as this is dropped: an allocator would keep it.
pub(super) struct Upload {
    memory: MmapMut,
    length: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Upload {
    /// Room for so many bytes; none is used yet.
    ///
    /// # Errors
    /// A [`Refusal`]: the system has no room.
    pub(super) fn with_capacity(bytes: usize) -> Result<Upload, Refusal> {
        let memory = MmapOptions::new().len(bytes.max(1)).no_reserve_swap().map_anon();
        let memory =
            memory.map_err(|_full| Refusal::busy("no memory is left: try again", 5).closing())?;
        // One byte would take a whole huge page.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::NoHugePage);
        Ok(Upload { memory, length: 0, held: None })
    }

    /// Takes what has arrived at a place.
    ///
    /// # Errors
    /// A [`Refusal`]: too much is held already, or more than the capacity arrived.
    pub(super) async fn push(
        &mut self,
        chunk: &[u8],
        budget: &Budget,
        place: &Place,
    ) -> Result<(), Refusal> {
        let end = self.length + chunk.len();
        if end > self.memory.len() {
            return Err(Refusal::defect().closing());
        }
        let permit = budget.take(self.length, chunk.len(), place).await?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            held => *held = Some(permit),
        }
        place.arrived(chunk.len());
        self.memory[self.length..end].copy_from_slice(chunk);
        self.length = end;
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}
