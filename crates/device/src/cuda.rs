//! The two streams of a CUDA device, and how many such devices there are.
//!
//! Of what cudarc does by itself between streams nothing is relied upon: Candle computes on tensors in ways that cudarc
//! does not see (`docs/decisions/0022`), so that only memory that Candle never sees is shared by two streams.

#![allow(unsafe_code, reason = "memory that is not written yet, and bytes that are numbers")]

use std::sync::Arc;

use candle_core::backend::BackendDevice;
use candle_core::cuda_backend::cudarc::driver::sys::CUevent_flags;
use candle_core::cuda_backend::cudarc::driver::{
    CudaContext, CudaEvent, CudaSlice, CudaStream, DeviceRepr, DriverError, PinnedHostSlice,
};
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Device, Error, Result, Storage, Tensor};

use crate::piece::of_each;
use crate::staged::{Placed, Stream, Streams};

/// The largest handle that stands for a default stream and not for one that was made: 0 and 1 are the legacy one, 2 is
/// the calling thread's own (`CU_STREAM_LEGACY`, `CU_STREAM_PER_THREAD`).
const LAST_DEFAULT_STREAM: usize = 2;

/// How many GPUs the driver knows, at least one; else why there is none, which may be a library that is missing
/// (`docs/decisions/0024`).
pub(crate) fn count() -> std::result::Result<usize, String> {
    match CudaContext::device_count() {
        Ok(count) if count > 0 => Ok(count as usize),
        Ok(_) => Err("NVIDIA's driver lists no GPU".to_owned()),
        Err(error) => Err(words(error)),
    }
}

/// The driver's own sentence and the name of its error.
fn words(error: DriverError) -> String {
    match error.error_string() {
        Ok(sentence) => format!("{} ({:?})", sentence.to_string_lossy(), error.0),
        Err(_) => format!("{:?}", error.0),
    }
}

/// A device of Candle with a stream for copies beside its own.
pub(crate) struct CudaStreams {
    device: CudaDevice,
    main: Arc<CudaStream>,
    /// The main one where that is a default stream: making another one would change how cudarc treats the device.
    copies: Arc<CudaStream>,
}

impl CudaStreams {
    pub(crate) fn of(device: &CudaDevice) -> Result<CudaStreams> {
        let main = device.cuda_stream();
        let copies = match is_made(&main) {
            true => main.context().new_stream().w()?,
            false => Arc::clone(&main),
        };
        Ok(CudaStreams { device: device.clone(), main, copies })
    }

    fn stream(&self, stream: Stream) -> &Arc<CudaStream> {
        match stream {
            Stream::Copies => &self.copies,
            Stream::Main => &self.main,
        }
    }

    /// A tensor of as many numbers as `numbers`, copied from where they begin in the staging memory.
    fn tensor<T: CudaDType + DeviceRepr>(
        &self,
        staging: &CudaSlice<u8>,
        placed: &Placed<'_>,
        numbers: &[T],
    ) -> Result<Tensor> {
        let bytes = staging.slice(placed.start..placed.start + placed.piece.bytes());
        // SAFETY: they are aligned as the allocation is, and any bytes are numbers of these types.
        let Some(staged) = (unsafe { bytes.transmute::<T>(numbers.len()) }) else {
            candle_core::bail!("expected {} numbers, found {} bytes", numbers.len(), bytes.len());
        };
        // SAFETY: the copy below, in the same stream, writes all of it before anything reads it.
        let mut own = unsafe { self.device.alloc::<T>(numbers.len()) }?;
        self.main.memcpy_dtod(&staged, &mut own).w()?;
        let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(own, self.device.clone()));
        Ok(Tensor::from_storage(storage, placed.piece.shape(), BackpropOp::none(), false))
    }
}

/// Whether somebody made the stream, so that it is the same one for every thread.
fn is_made(stream: &CudaStream) -> bool {
    stream.cu_stream() as usize > LAST_DEFAULT_STREAM
}

impl Streams for CudaStreams {
    type Pinned = PinnedHostSlice<u8>;
    type Staging = CudaSlice<u8>;
    type Event = CudaEvent;
    type Tensor = Tensor;
    type Error = Error;

    fn pinned(&self, bytes: usize) -> Result<PinnedHostSlice<u8>> {
        // SAFETY: whatever it holds is bytes, and only what was written is copied.
        unsafe { self.main.context().alloc_pinned(bytes) }.w()
    }

    fn staging(&self, bytes: usize) -> Result<CudaSlice<u8>> {
        // SAFETY: only what was copied there is taken.
        unsafe { self.copies.alloc(bytes) }.w()
    }

    fn event(&self) -> Result<CudaEvent> {
        // Without the flag a thread that waits for the event does so in a loop, on a core that decodes photos.
        self.main.context().new_event(Some(CUevent_flags::CU_EVENT_BLOCKING_SYNC)).w()
    }

    fn record(&self, event: &CudaEvent, stream: Stream) -> Result<()> {
        event.record(self.stream(stream)).w()
    }

    fn wait(&self, stream: Stream, event: &CudaEvent) -> Result<()> {
        self.stream(stream).wait(event).w()
    }

    fn hold(&self, event: &CudaEvent) -> Result<()> {
        event.synchronize().w()
    }

    fn write(&self, pinned: &mut PinnedHostSlice<u8>, placed: &[Placed<'_>]) -> Result<()> {
        let memory = pinned.as_mut_slice().w()?;
        for Placed { piece, start } in placed {
            piece.write(&mut memory[*start..start + piece.bytes()])?;
        }
        Ok(())
    }

    fn copy(
        &self,
        pinned: &PinnedHostSlice<u8>,
        staging: &mut CudaSlice<u8>,
        bytes: usize,
    ) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let memory = &pinned.as_slice().w()?[..bytes];
        self.copies.memcpy_htod(memory, &mut staging.slice_mut(..bytes)).w()
    }

    fn take(&self, staging: &CudaSlice<u8>, placed: &Placed<'_>) -> Result<Tensor> {
        let piece = &placed.piece;
        if piece.bytes() == 0 {
            return piece.tensor(&Device::Cuda(self.device.clone()));
        }
        of_each!(
            &piece.numbers,
            numbers => self.tensor(staging, placed, numbers),
            else piece.refused()
        )
    }

    fn is_shared(&self) -> bool {
        is_made(&self.main)
    }

    fn synchronize(&self) -> Result<()> {
        self.device.synchronize()
    }
}
