//! Section `transfer`: how fast pictures come to the device, and through the view.

use std::error::Error;
use std::time::{Duration, Instant};

use candle_core::{DType, Tensor, WithDType};
use tcolz::loader::{DatasetExt, DeviceView, Element};
use tcolz::pixels::View;

use super::page::{Section, Table};
use super::settings::Place;
use super::timing::seconds_of;

const BATCH: usize = 64;
const VIEW: &str = "torch";
/// Of each row.
const TIME: Duration = Duration::from_secs(2);
const SMALL_TIME: Duration = Duration::from_millis(100);

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let (device, size) = (&place.device, place.size as usize);
    let time = if place.small { SMALL_TIME } else { TIME };
    let pixels = BATCH * 3 * size * size;
    let mut table = Table::new(["what", "photos a second", "GB/s of the host"]);
    let mut row = |what: &str, photos_per_second: f64, bytes: usize| {
        let gigabytes = photos_per_second * (bytes * 3 * size * size) as f64 / 1e9;
        table.row([what.to_owned(), format!("{photos_per_second:.0}"), format!("{gigabytes:.2}")]);
    };
    let shape = (BATCH, 3, size, size);
    let bytes = vec![7u8; pixels];
    let seconds = seconds_of(device, time, || Tensor::from_slice(&bytes, shape, device).map(drop))?;
    row("a batch of u8, copied by Candle", BATCH as f64 / seconds, 1);
    let floats = vec![7f32; pixels];
    let seconds =
        seconds_of(device, time, || Tensor::from_slice(&floats, shape, device).map(drop))?;
    row("a batch of f32, copied by Candle", BATCH as f64 / seconds, 4);
    row("loader, u8", loaded::<u8>(place, time)?, 1);
    row("loader, f32 through the view", loaded::<f32>(place, time)?, 1);
    let view = View::built_in(VIEW).ok_or("the view is built in")?;
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let view = DeviceView::new(&view, dtype, device)?;
        let pixels = Tensor::from_slice(&bytes, shape, device)?;
        let seconds = seconds_of(device, time, || view.apply(&pixels).map(drop))?;
        row(&format!("the view on the device, to {dtype:?}"), BATCH as f64 / seconds, 1);
    }
    let text = format!(
        "Batches of {BATCH} photos of {size} × {size}; the loader reads epoch after epoch with all cores, nothing else is computed. \
         GB/s count the bytes that leave the host: u8 where the device applies the view `{VIEW}`.\n\n{}",
        table.text()
    );
    Ok(Section { text, is_sound: true })
}

/// Photos a second that the loader brings to the device.
fn loaded<T: Element + WithDType>(place: &Place, time: Duration) -> Result<f64, Box<dyn Error>> {
    let builder = place.open()?.loader("train").condition("label >= 0").shuffle(7);
    let builder = builder.size(place.size).batch_size(BATCH);
    let builder = if T::NAME == u8::NAME { builder } else { builder.view(VIEW) };
    let loader = builder.build_as::<T>()?;
    let (mut photos, mut begun, mut epoch) = (0, Instant::now(), 0);
    // The first epoch brings the shards into memory.
    while epoch == 0 || begun.elapsed() < time {
        for batch in loader.tensors(epoch, &place.device) {
            photos += batch?.sample_ids.len();
        }
        place.device.synchronize()?;
        if epoch == 0 {
            (photos, begun) = (0, Instant::now());
        }
        epoch += 1;
    }
    if photos == 0 {
        return Err("no epoch was measured".into());
    }
    Ok(photos as f64 / begun.elapsed().as_secs_f64())
}
