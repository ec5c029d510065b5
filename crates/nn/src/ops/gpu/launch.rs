//! Starting a kernel: on a GPU, and in tests on the CPU.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(test)]
mod host;

use candle_core::op::BackpropOp;
use candle_core::{DType, Device, Result, Shape, Storage, Tensor};

/// Threads of a block; also in kernels.cu.
const THREADS: u32 = 256;
/// Blocks of a kernel whose threads take number after number: enough for every card, whose threads go round.
const MOST_BLOCKS: u32 = 65_535;
/// Inputs and outputs of every kernel.
const INPUTS: usize = 7;
const OUTPUTS: usize = 2;

/// What a kernel is given by value; laid out as in kernels.cu. What a kernel has no use for is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parameters {
    pub(super) key: u64,
    pub(super) limit: u64,
    /// Numbers that are computed.
    pub(super) count: u32,
    pub(super) n: u32,
    pub(super) channels: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) out_height: u32,
    pub(super) out_width: u32,
    pub(super) window: u32,
    pub(super) stride: u32,
    pub(super) top: u32,
    pub(super) left: u32,
    /// Windows that divide the image, in place of window, stride and sides.
    pub(super) adaptive: u32,
    pub(super) activation: u32,
    pub(super) batch: u32,
    pub(super) eps: f32,
    pub(super) scale: f32,
}

/// How a kernel's work is divided.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// A thread for each number of the first output.
    Numbers,
    /// A block for each channel.
    Channels,
}

/// A kernel and what it works on.
pub(super) struct Launch<'a> {
    pub(super) kernel: &'static str,
    pub(super) work: Work,
    /// Contiguous float32 tensors of one device.
    pub(super) inputs: &'a [Option<&'a Tensor>],
    /// Numbers of each output.
    pub(super) outputs: &'a [usize],
    pub(super) parameters: Parameters,
}

impl Launch<'_> {
    /// Starts the kernel. Its outputs are there for whatever is started on the device after it.
    pub(super) fn run(mut self) -> Result<Vec<Storage>> {
        let tensors = || self.inputs.iter().flatten();
        for tensor in tensors() {
            if tensor.dtype() != DType::F32 || !tensor.is_contiguous() {
                candle_core::bail!("expected contiguous float32 numbers, found {tensor:?}");
            }
        }
        debug_assert!(self.inputs.len() <= INPUTS && self.outputs.len() <= OUTPUTS);
        let count = self.outputs[0];
        self.parameters.count = match u32::try_from(count) {
            // Half of what the number holds, so that threads that go round do not come out at its end.
            Ok(count) if count <= u32::MAX / 2 => count,
            _ => candle_core::bail!("a tensor of {count} numbers is too large for a kernel"),
        };
        let Some(device) = tensors().next().map(|tensor| tensor.device()) else {
            candle_core::bail!("`{}` has no inputs", self.kernel)
        };
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => self.on_gpu(device),
            #[cfg(test)]
            Device::Cpu => Ok(self.on_host()),
            device => candle_core::bail!("`{}` has no kernel for {device:?}", self.kernel),
        }
    }

    /// One output as a tensor without gradient.
    pub(super) fn tensor(self, shape: impl Into<Shape>) -> Result<Tensor> {
        let output = self.run()?.swap_remove(0);
        Ok(tensor(output, shape))
    }

    fn blocks(&self) -> u32 {
        match self.work {
            Work::Channels => self.parameters.channels,
            Work::Numbers => self.parameters.count.div_ceil(THREADS).clamp(1, MOST_BLOCKS),
        }
    }
}

/// Numbers on a device as a tensor without gradient.
pub(super) fn tensor(storage: Storage, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(storage, shape, BackpropOp::none(), false)
}
