//! What is brought to a device: numbers of the host and their shape.

use candle_core::{CpuStorageRef, DType, Device, Result, Shape, Tensor, WithDType};

/// Numbers of the host that are to become a tensor: `u8`, `u32`, `f16`, `bf16` or `f32`.
#[derive(Debug, Clone)]
pub struct Piece<'a> {
    pub(crate) numbers: CpuStorageRef<'a>,
    dtype: DType,
    shape: Shape,
}

/// An expression for the numbers of a piece, whichever type they have.
macro_rules! of_each {
    ($numbers:expr, $slice:ident => $done:expr, else $other:expr) => {
        match $numbers {
            candle_core::CpuStorageRef::U8($slice) => $done,
            candle_core::CpuStorageRef::U32($slice) => $done,
            candle_core::CpuStorageRef::BF16($slice) => $done,
            candle_core::CpuStorageRef::F16($slice) => $done,
            candle_core::CpuStorageRef::F32($slice) => $done,
            _ => $other,
        }
    };
}
#[cfg(feature = "cuda")]
pub(crate) use of_each;

impl<'a> Piece<'a> {
    /// Numbers in row-major order.
    ///
    /// # Errors
    /// For another count of numbers than the shape has, and for another type.
    pub fn new<T: WithDType>(numbers: &'a [T], shape: impl Into<Shape>) -> Result<Piece<'a>> {
        let shape = shape.into();
        if shape.elem_count() != numbers.len() {
            candle_core::bail!("expected numbers for {shape:?}, found {}", numbers.len());
        }
        let piece = Piece { numbers: T::cpu_storage_ref(numbers), dtype: T::DTYPE, shape };
        of_each!(&piece.numbers, _known => Ok(piece), else piece.refused())
    }

    #[cfg(feature = "cuda")]
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Bytes of the numbers.
    #[cfg(any(feature = "cuda", test))]
    pub(crate) fn bytes(&self) -> usize {
        self.shape.elem_count() * self.dtype.size_in_bytes()
    }

    /// As a tensor, by Candle's own copy.
    pub(crate) fn tensor(&self, device: &Device) -> Result<Tensor> {
        of_each!(
            &self.numbers,
            numbers => tensor(numbers, self.shape.clone(), device),
            else self.refused()
        )
    }

    /// Writes the numbers into memory of [`Piece::bytes`], as a GPU reads them.
    #[cfg(any(feature = "cuda", test))]
    pub(crate) fn write(&self, memory: &mut [u8]) -> Result<()> {
        of_each!(&self.numbers, numbers => write(numbers, |n| n.to_le_bytes(), memory), else self.refused())
    }

    /// The error for numbers of a type that batches are not made of.
    pub(crate) fn refused<T>(&self) -> Result<T> {
        candle_core::bail!("expected u8, u32, f16, bf16 or f32, found {:?}", self.dtype)
    }
}

#[cfg(any(feature = "cuda", test))]
fn write<T: Copy, const N: usize>(
    numbers: &[T],
    bytes: impl Fn(T) -> [u8; N],
    memory: &mut [u8],
) -> Result<()> {
    if memory.len() != numbers.len() * N {
        candle_core::bail!("expected memory for {} numbers of {N} bytes", numbers.len());
    }
    for (memory, &number) in memory.as_chunks_mut::<N>().0.iter_mut().zip(numbers) {
        *memory = bytes(number);
    }
    Ok(())
}

/// A copy of `numbers` as a tensor. Where there are none, a window of none on memory of one number: a GPU allocates no
/// less.
///
/// # Errors
/// For another count of numbers than the shape has; when the device has no room.
pub fn tensor<T: WithDType>(
    numbers: &[T],
    shape: impl Into<Shape>,
    device: &Device,
) -> Result<Tensor> {
    if numbers.is_empty() {
        return Tensor::zeros(1, T::DTYPE, device)?.narrow(0, 0, 0)?.reshape(shape.into());
    }
    Tensor::from_slice(numbers, shape.into(), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_as_many_numbers_as_its_shape_and_is_of_a_type_that_batches_have() {
        let error = Piece::new(&[1u8; 5], (2, 3)).unwrap_err().to_string();
        assert!(error.contains("found 5"), "{error}");
        let error = Piece::new(&[1.0f64], 1).unwrap_err().to_string();
        assert!(error.contains("found F64"), "{error}");
    }

    #[test]
    fn numbers_are_written_as_a_gpu_reads_them() {
        fn written<T: WithDType>(numbers: &[T]) -> Vec<u8> {
            let piece = Piece::new(numbers, numbers.len()).unwrap();
            let mut memory = vec![0xff; piece.bytes()];
            piece.write(&mut memory).unwrap();
            assert!(piece.write(&mut [0; 3]).is_err(), "memory of another size");
            memory
        }
        assert_eq!(written(&[1u8, 2]), [1, 2]);
        assert_eq!(written(&[0x0403_0201u32]), [1, 2, 3, 4]);
        assert_eq!(written(&[1.0f32, -2.0]), [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
        let half = Tensor::new(&[1.0f32], &Device::Cpu).unwrap();
        let half = |dtype| half.to_dtype(dtype).unwrap();
        let f16 = half(DType::F16).to_vec1::<half::f16>().unwrap();
        assert_eq!(written(&f16), [0, 0x3c]);
        let bf16 = half(DType::BF16).to_vec1::<half::bf16>().unwrap();
        assert_eq!(written(&bf16), [0x80, 0x3f]);
    }

    #[test]
    fn no_numbers_are_a_tensor_of_their_shape() {
        let none = tensor::<f32>(&[], (0, 3, 4, 4), &Device::Cpu).unwrap();
        assert_eq!((none.dims(), none.dtype()), (&[0, 3, 4, 4][..], DType::F32));
        let piece = Piece::new::<u32>(&[], 0).unwrap().tensor(&Device::Cpu).unwrap();
        assert_eq!((piece.elem_count(), piece.dtype()), (0, DType::U32));
    }
}
