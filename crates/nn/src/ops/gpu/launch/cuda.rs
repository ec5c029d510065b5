//! Kernels on a GPU, compiled for it by NVRTC.
#![allow(unsafe_code, reason = "a kernel is a program that Rust cannot look into")]

use std::sync::OnceLock;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, DeviceRepr, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::compile_ptx;
use candle_core::{CudaDevice, CudaStorage, Result, Storage};

use super::{INPUTS, Launch, OUTPUTS, Parameters, THREADS};

const SOURCE: &str = include_str!("../kernels.cu");

// SAFETY: the struct is `repr(C)` of numbers, as the one of kernels.cu, whose size a test compares.
unsafe impl DeviceRepr for Parameters {}

/// The kernels in the form that the driver takes.
fn compiled() -> Result<&'static str> {
    static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
    let compiled = PTX.get_or_init(|| match compile_ptx(SOURCE) {
        Ok(ptx) => Ok(ptx.to_src()),
        Err(error) => Err(format!("NVRTC (libnvrtc) could not compile the kernels: {error}")),
    });
    compiled.as_deref().map_err(|error| candle_core::Error::Msg(error.clone()))
}

impl Launch<'_> {
    pub(super) fn on_gpu(&self, device: &CudaDevice) -> Result<Vec<Storage>> {
        let kernel = device.get_or_load_custom_func(self.kernel, "tcolz", compiled()?)?;
        let locked: Vec<_> =
            self.inputs.iter().map(|input| input.map(|input| input.storage_and_layout())).collect();
        let mut inputs: Vec<Option<CudaView<'_, f32>>> = Vec::new();
        for input in &locked {
            inputs.push(match input {
                None => None,
                Some((storage, layout)) => match (&**storage, layout.contiguous_offsets()) {
                    (Storage::Cuda(numbers), Some((first, end))) => {
                        Some(numbers.as_cuda_slice::<f32>()?.slice(first..end))
                    }
                    _ => candle_core::bail!("`{}` has inputs of two devices", self.kernel),
                },
            });
        }
        let allocate = |&count: &usize| {
            // SAFETY: the kernel writes every number of its outputs before anything reads them: what is started
            // later comes later on the device's stream, or waits for the output's event. A GPU allocates one at least.
            unsafe { device.alloc::<f32>(count.max(1)) }
        };
        let mut outputs: Vec<CudaSlice<f32>> =
            self.outputs.iter().map(allocate).collect::<Result<_>>()?;
        let nothing = 0u64;
        let mut launch = kernel.builder();
        for place in 0..INPUTS {
            match inputs.get(place) {
                Some(Some(input)) => launch.arg(input),
                _ => launch.arg(&nothing),
            };
        }
        let missing = OUTPUTS - outputs.len();
        for output in &mut outputs {
            launch.arg(output);
        }
        for _ in 0..missing {
            launch.arg(&nothing);
        }
        launch.arg(&self.parameters);
        let config = LaunchConfig {
            grid_dim: (self.blocks(), 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: these are the parameters that every kernel of kernels.cu has; each reads inside of the shapes that
        // `parameters` says, which the callers took from the inputs, and writes `count` numbers of its outputs.
        unsafe { launch.launch(config) }.w()?;
        drop(launch);
        let storage =
            |output| Storage::Cuda(CudaStorage::wrap_cuda_slice::<f32>(output, device.clone()));
        Ok(outputs.into_iter().map(storage).collect())
    }
}
