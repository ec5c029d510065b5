//! What convolutions and matrix products multiply.

use std::fmt;
use std::str::FromStr;

use candle_core::DType;

use crate::WordError;

/// The numbers that convolutions and matrix products multiply. Everything between them, parameters, gradients of
/// parameters and the optimiser are float32 always; sums of products are, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// float32.
    #[default]
    F32,
    /// float32 of which a GPU multiplies the upper 19 bits (NVIDIA's TensorFloat-32); float32 on the CPU.
    Tf32,
    /// float16; small gradients need loss scaling.
    F16,
    /// bfloat16; on a GPU alone.
    Bf16,
}

impl Precision {
    /// Type of the numbers.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 | Precision::Tf32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        }
    }

    /// Whether the CPU's kernels compute in it.
    pub(crate) fn is_float32(self) -> bool {
        self.dtype() == DType::F32
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = WordError;

    fn from_str(word: &str) -> std::result::Result<Precision, WordError> {
        let all = [Precision::F32, Precision::Tf32, Precision::F16, Precision::Bf16];
        let found = all.into_iter().find(|precision| precision.to_string() == word);
        found.ok_or_else(|| WordError::new("f32, tf32, f16 or bf16", word))
    }
}
