//! Where a command computes.

use candle_core::Device;
use tcolz_train::{DeviceChoice, open_device, why_on_cpu};

use super::output::say;

/// The device that is asked for. Says so where a GPU might have been chosen and there is none.
pub(super) fn open(choice: DeviceChoice) -> anyhow::Result<Device> {
    let device = open_device(choice)?;
    say_why_on_cpu(choice);
    Ok(device)
}

/// Says why it is the CPU that computes.
pub(super) fn say_why_on_cpu(choice: DeviceChoice) {
    if let Some(reason) = why_on_cpu(choice) {
        say!("note: {reason}");
    }
}
