//! Batches on their way to a device.

use candle_core::{Device, Result, Tensor};

use crate::piece::Piece;
#[cfg(feature = "cuda")]
use crate::{cuda::CudaStreams, staged::Staged};

/// The way of batches to one device: from memory that the device reads by itself, beside what it computes.
///
/// On CUDA the numbers are written into pinned memory and copied in a stream of its own, while the host prepares the
/// next ones and the device computes with earlier ones; the main stream, in which Candle works, waits for them. Two
/// slots of pinned memory and two of the device's are kept, each as large as the largest batch. Elsewhere the numbers
/// are copied by Candle.
///
/// ```
/// # fn main() -> candle_core::Result<()> {
/// use candle_core::{DType, Device};
/// use tcolz_device::{Piece, Upload};
///
/// let mut upload = Upload::new(&Device::Cpu);
/// let pieces = [Piece::new(&[1u8, 2, 3, 4], (2, 2))?, Piece::new(&[7u8, 8], 2)?];
/// let [pixels, labels] = upload.bring(pieces, |[pixels, labels]| {
///     Ok([pixels.to_dtype(DType::F32)?, labels])
/// })?;
/// assert_eq!(pixels.to_vec2::<f32>()?, [[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(labels.to_vec1::<u8>()?, [7, 8]);
/// # Ok(())
/// # }
/// ```
pub struct Upload {
    device: Device,
    /// Made with the first batch.
    #[cfg(feature = "cuda")]
    staged: Option<Staged<CudaStreams>>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Upload {
    /// The way to a device; nothing is allocated yet.
    pub fn new(device: &Device) -> Upload {
        Upload {
            device: device.clone(),
            #[cfg(feature = "cuda")]
            staged: None,
        }
    }

    /// Where it leads.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Brings pieces to the device and gives what `then` makes of their tensors.
    ///
    /// What is given may go to another thread. Where that thread's work on the device would not wait for this one's
    /// (see the crate's first page), this call waits until the device has made it.
    ///
    /// # Errors
    /// What `then` says; when the device or the host has no room.
    pub fn bring<const N: usize, R>(
        &mut self,
        pieces: [Piece<'_>; N],
        then: impl FnOnce([Tensor; N]) -> Result<R>,
    ) -> Result<R> {
        #[cfg(feature = "cuda")]
        if let Device::Cuda(device) = &self.device {
            let staged = match &mut self.staged {
                Some(staged) => staged,
                none => none.insert(Staged::new(CudaStreams::of(device)?)),
            };
            return staged.bring(pieces, then);
        }
        let tensors: Result<Vec<Tensor>> =
            pieces.iter().map(|piece| piece.tensor(&self.device)).collect();
        let Ok(tensors) = <[Tensor; N]>::try_from(tensors?) else {
            unreachable!("each of the pieces is a tensor");
        };
        then(tensors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_of_the_pieces_or_its_error_is_given() {
        let mut upload = Upload::new(&Device::Cpu);
        let pieces = || [Piece::new(&[1u8, 2, 3], 3).unwrap(), Piece::new(&[4u32], 1).unwrap()];
        let sums = upload.bring(pieces(), |[a, b]| Ok((a.to_vec1::<u8>()?, b.to_vec1::<u32>()?)));
        assert_eq!(sums.unwrap(), (vec![1, 2, 3], vec![4]));
        let refused = upload.bring(pieces(), |_| -> Result<()> { candle_core::bail!("no") });
        assert_eq!(refused.unwrap_err().to_string().lines().next(), Some("no"));
        assert!(upload.device().is_cpu());
    }
}
