//! Section `precision`: products and convolutions in numbers of 16 bits, beside float32.

use std::error::Error;
use std::time::Duration;

use candle_core::{DType, Device, Result as Computed, Tensor};

use super::network::numbers;
use super::page::{Section, Table};
use super::settings::Place;
use super::timing::seconds_of;

const TIME: Duration = Duration::from_secs(1);
const SMALL_TIME: Duration = Duration::from_millis(50);

/// A computation of two tensors, their shapes, and how many products it has.
struct Case {
    name: String,
    shapes: [Vec<usize>; 2],
    products: f64,
    compute: fn(&Tensor, &Tensor) -> Computed<Tensor>,
}

fn cases(small: bool) -> [Case; 2] {
    let side = if small { 64 } else { 4096 };
    let (batch, channels, image) = if small { (1, 8, 16) } else { (64, 256, 56) };
    [
        Case {
            name: format!("matrix product, {side} × {side}"),
            shapes: [vec![side, side], vec![side, side]],
            products: (side as f64).powi(3),
            compute: |a, b| a.matmul(b),
        },
        Case {
            name: format!("convolution 3 × 3, {batch} × {channels} channels of {image} × {image}"),
            shapes: [vec![batch, channels, image, image], vec![channels, channels, 3, 3]],
            products: (batch * channels * image * image * channels * 9) as f64,
            compute: |a, b| a.conv2d(b, 1, 1, 1, 1),
        },
    ]
}

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let time = if place.small { SMALL_TIME } else { TIME };
    let mut table = Table::new(["what", "numbers", "ms", "TFLOP/s", "off from float32"]);
    for case in cases(place.small) {
        let inputs = |device: &Device| -> Computed<Vec<Tensor>> {
            let shapes = case.shapes.iter().zip(1..);
            shapes.map(|(shape, seed)| numbers(seed, shape, device)).collect()
        };
        let full = inputs(&place.device)?;
        let expected = (case.compute)(&full[0], &full[1])?;
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let half = [full[0].to_dtype(dtype)?, full[1].to_dtype(dtype)?];
            let row = (case.compute)(&half[0], &half[1]).and_then(|found| {
                let off =
                    (found.to_dtype(DType::F32)? - &expected)?.abs()?.flatten_all()?.max(0)?;
                let scale = expected.abs()?.flatten_all()?.max(0)?;
                Ok(off.to_scalar::<f32>()? / scale.to_scalar::<f32>()?)
            });
            let cells = match row {
                Ok(off) => {
                    let call = || (case.compute)(&half[0], &half[1]).map(drop);
                    let seconds = seconds_of(&place.device, time, call)?;
                    let rate = 2.0 * case.products / seconds / 1e12;
                    [format!("{:.3}", seconds * 1e3), format!("{rate:.2}"), format!("{off:.1e}")]
                }
                Err(error) => {
                    let reason = error.to_string();
                    let reason = reason.lines().next().unwrap_or_default();
                    [format!("not there: {reason}"), String::new(), String::new()]
                }
            };
            let [milliseconds, rate, off] = cells;
            table.row([case.name.clone(), format!("{dtype:?}"), milliseconds, rate, off]);
        }
    }
    let text = format!(
        "By Candle's operations. Whether their results are right stands with the operations above; `off` is the largest \
         difference as a share of the largest number.\n\n{}",
        table.text()
    );
    Ok(Section { text, is_sound: true })
}
