//! A contiguous float32 tensor of the CPU as a slice.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, DType, Layout, Result, Storage, StorageRef, Tensor};

/// The numbers of a tensor, which cannot be written to as long as this lives.
pub(super) struct Numbers<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

impl<'a> Numbers<'a> {
    /// # Errors
    /// When the tensor lies elsewhere, is of another type, or is not contiguous.
    pub(super) fn of(tensor: &'a Tensor) -> Result<Numbers<'a>> {
        let (storage, layout) = tensor.storage_and_layout();
        let range = layout.contiguous_offsets().map(|(first, end)| first..end);
        match (&*storage, range) {
            (Storage::Cpu(CpuStorage::F32(_)), Some(range)) => Ok(Numbers { storage, range }),
            _ => candle_core::bail!(
                "expected contiguous float32 numbers of the CPU, found {tensor:?}"
            ),
        }
    }
}

impl Deref for Numbers<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => &numbers[self.range.clone()],
            _ => unreachable!("tested when it was made"),
        }
    }
}

/// Whether the kernels of this crate take it.
pub(super) fn is_ours(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32
}

/// Whether the kernels for CUDA take it.
pub(super) fn is_cuda(tensor: &Tensor) -> bool {
    #[cfg(test)]
    if PRETENDED.get() && is_ours(tensor) {
        return true;
    }
    cfg!(feature = "cuda") && tensor.device().is_cuda() && tensor.dtype() == DType::F32
}

#[cfg(test)]
thread_local! {
    static PRETENDED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `f` as if the tensors of this thread lay on a GPU: what CUDA computes, computed on the CPU.
#[cfg(test)]
pub(crate) fn as_on_gpu<R>(f: impl FnOnce() -> R) -> R {
    PRETENDED.set(true);
    let result = f();
    PRETENDED.set(false);
    result
}

/// The numbers that an operation of Candle is given; the tensor was made contiguous before.
pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(numbers), Some((first, end))) => Ok(&numbers[first..end]),
        _ => candle_core::bail!("expected contiguous float32 numbers, found {layout:?}"),
    }
}
