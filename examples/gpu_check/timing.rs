//! Calls on a device, timed.

use std::error::Error;
use std::time::{Duration, Instant};

use candle_core::Device;

/// Calls that do not count.
const WARM_UP: usize = 2;

/// Seconds of a call in the mean, for about so long, the device's work included.
pub(crate) fn seconds_of(
    device: &Device,
    time: Duration,
    mut call: impl FnMut() -> candle_core::Result<()>,
) -> Result<f64, Box<dyn Error>> {
    for _ in 0..WARM_UP {
        call()?;
    }
    device.synchronize()?;
    let (begun, mut calls) = (Instant::now(), 0u32);
    while calls == 0 || begun.elapsed() < time {
        call()?;
        calls += 1;
        // Else the device falls behind and the time is over before its work is.
        device.synchronize()?;
    }
    Ok(begun.elapsed().as_secs_f64() / f64::from(calls))
}
