//! Section `races`: thousands of batches that the device sums while the next ones come, each held against the host's sums.

use std::error::Error;

use candle_core::Device;

use super::compare::Verdict;
use super::loading;
use super::page::{Section, Table};
use super::settings::Place;
use super::stream::{self, Stress};

const STRESS: Stress = Stress { batches: 3000, batch_size: 16, product: 4096 };
const SMALL_STRESS: Stress = Stress { batches: 60, batch_size: 4, product: 64 };
/// Of a device that somebody else opened there are so many times fewer.
const FEWER: usize = 4;
/// Photos of the batches, and their side.
const PHOTOS: (u32, u32) = (60, 224);
const SMALL_PHOTOS: (u32, u32) = (24, 32);

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let (stress, (photos, size)) = match place.small {
        true => (SMALL_STRESS, SMALL_PHOTOS),
        false => (STRESS, PHOTOS),
    };
    let dataset = loading::dataset(place.folder.path(), photos, size)?;
    let fewer = Stress { batches: stress.batches / FEWER, ..stress };
    let mut devices = vec![("one stream for all threads", stress, place.device.clone())];
    if let candle_core::DeviceLocation::Cuda { gpu_id } = place.device.location() {
        devices.push(("a stream for each thread", fewer, Device::new_cuda(gpu_id)?));
        devices.push(("one stream, no events of cudarc's", fewer, silent(gpu_id)?));
    }
    let mut table = Table::new(["device", "batches", "verdict"]);
    let mut is_sound = true;
    for (name, stress, device) in devices {
        let outcome = stream::check(&dataset, name, stress).compare(&Device::Cpu, &device);
        is_sound &= outcome.is_sound();
        let verdict = match outcome.verdict {
            Verdict::Same => "every sum is the host's".to_owned(),
            Verdict::Failed(error) => format!("**FAILED**: {error}"),
            other => format!("**OFF**: {other:?}"),
        };
        table.row([name.to_owned(), stress.batches.to_string(), verdict]);
    }
    let text = format!(
        "Batches of {} photos of {size} × {size}, through pinned memory and by Candle's copies in turn, some epochs left in the middle. On \
         the CPU, which has no streams, there are a few epochs.\n\n{}",
        stress.batch_size,
        table.text()
    );
    Ok(Section { text, is_sound })
}

#[cfg(feature = "cuda")]
fn silent(number: usize) -> candle_core::Result<Device> {
    let device = Device::new_cuda_with_stream(number)?;
    // SAFETY: Candle uses one stream of this device, and the loader's copies have events of their own.
    unsafe { device.as_cuda_device()?.disable_event_tracking() };
    Ok(device)
}

#[cfg(not(feature = "cuda"))]
fn silent(number: usize) -> candle_core::Result<Device> {
    Device::new_cuda_with_stream(number)
}
