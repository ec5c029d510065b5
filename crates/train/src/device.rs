//! Where a network computes.

use candle_core::Device;

use super::error::{Result, TrainError};
use super::options::DeviceChoice;
use tcolz_device::device;

/// The device that is asked for.
///
/// # Errors
/// [`TrainError::Device`] for a GPU that is not there, or that this build cannot use.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    device(&choice.to_string()).map_err(|error| TrainError::Device(error.to_string()))
}
