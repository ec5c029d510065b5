//! How much memory a device has.

use candle_core::Device;

/// Free and all memory of the device in bytes.
#[cfg(feature = "cuda")]
fn memory(device: &Device) -> Option<(usize, usize)> {
    device.as_cuda_device().ok()?.cuda_stream().context().mem_get_info().ok()
}

#[cfg(not(feature = "cuda"))]
fn memory(_device: &Device) -> Option<(usize, usize)> {
    None
}

/// Memory of the device that nobody has taken, in bytes; `None` for the CPU and where the device does not say.
pub fn free_bytes(device: &Device) -> Option<u64> {
    memory(device).map(|(free, _)| free as u64)
}

/// Memory of the device that somebody has taken, in bytes; `None` for the CPU and where the device does not say.
pub fn used_bytes(device: &Device) -> Option<u64> {
    memory(device).map(|(free, all)| all.saturating_sub(free) as u64)
}
