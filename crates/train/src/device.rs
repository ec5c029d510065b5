//! Where a network computes.

use candle_core::Device;

use super::error::{Result, TrainError};
use super::options::DeviceChoice;
use tcolz_nn::device::{device, no_gpu};

/// The device that is asked for.
///
/// # Errors
/// [`TrainError::Model`] for a GPU that is not there, or that this build cannot use.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    device(&choice.to_string()).map_err(TrainError::from)
}

/// Why a GPU that might have been chosen is not, in words for whoever waits for the CPU; `None` where none might.
pub fn why_on_cpu(choice: DeviceChoice) -> Option<String> {
    let reason = no_gpu().filter(|_| choice == DeviceChoice::Auto)?;
    Some(format!("the CPU computes, not a GPU: {reason}"))
}

/// Free and all memory of the device in bytes; `None` for the CPU and where it does not say.
#[cfg(feature = "cuda")]
fn memory(device: &Device) -> Option<(usize, usize)> {
    device.as_cuda_device().ok()?.cuda_stream().context().mem_get_info().ok()
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
