//! Where a network computes.

use candle_core::Device;

use super::error::{Result, TrainError};
use super::options::DeviceChoice;
use tcolz_device::device;
use tcolz_nn::Precision;

/// The device that is asked for.
///
/// # Errors
/// [`TrainError::Device`] for a GPU that is not there, or that this build cannot use.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    device(&choice.to_string()).map_err(|error| TrainError::Device(error.to_string()))
}

/// Tests that a device computes in a precision.
///
/// # Errors
/// [`TrainError::Options`].
pub(super) fn check_precision(device: &Device, precision: Precision) -> Result<()> {
    if precision == Precision::Bf16 && device.is_cpu() {
        // Candle has no matrix product of bfloat16 there.
        return Err(TrainError::bad(
            "precision",
            "bf16 takes a GPU, and the CPU was asked for or is all there is: take f32".to_owned(),
        ));
    }
    Ok(())
}
