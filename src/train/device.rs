//! Where a network computes.

use candle_core::Device;

use super::error::{Result, TrainError};
use super::options::DeviceChoice;

/// The device that is asked for.
///
/// # Errors
/// [`TrainError::Device`] for a GPU that is not there, or that this build cannot use.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto if !candle_core::utils::cuda_is_available() => Ok(Device::Cpu),
        DeviceChoice::Auto => Ok(Device::new_cuda(0).unwrap_or(Device::Cpu)),
        DeviceChoice::Cuda(number) if candle_core::utils::cuda_is_available() => {
            Device::new_cuda(number).map_err(|error| {
                TrainError::Device(format!(
                    "cuda:{number} cannot be had: {error}; `nvidia-smi` lists the GPUs there are"
                ))
            })
        }
        DeviceChoice::Cuda(number) => Err(TrainError::Device(format!(
            "cuda:{number}: this tcolz was built without CUDA; build it with `--features cuda`, or take \
             --device cpu"
        ))),
    }
}

/// Its name on the command line.
pub(super) fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Cpu => "cpu".to_owned(),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// Free and all memory of the device in bytes; `None` for the CPU and where it does not say.
#[cfg(feature = "cuda")]
fn memory(device: &Device) -> Option<(usize, usize)> {
    use candle_core::cuda_backend::cudarc::driver::result;
    let cuda = device.as_cuda_device().ok()?;
    // Whichever thread asks: the answer is that of the context it is bound to.
    cuda.cuda_stream().context().bind_to_thread().ok()?;
    result::mem_get_info().ok()
}

#[cfg(not(feature = "cuda"))]
fn memory(_device: &Device) -> Option<(usize, usize)> {
    None
}

/// Memory of the device that nobody has taken, in bytes; `None` for the CPU and where it does not say.
pub(super) fn free_bytes(device: &Device) -> Option<u64> {
    memory(device).map(|(free, _)| free as u64)
}

/// Memory of the device that somebody has taken, in bytes; `None` for the CPU and where it does not say.
pub(super) fn used_bytes(device: &Device) -> Option<u64> {
    memory(device).map(|(free, all)| all.saturating_sub(free) as u64)
}
