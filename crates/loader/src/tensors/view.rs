//! A view as operations of Candle, for pixels that are on the device already.

use candle_core::{DType, Device, Result, Tensor};

use tcolz_pixels::{Channels, Operation, View};

/// A [`View`] of tensors: the same operations in the same order, each rounded to float32, so that the
/// numbers are those of the view's tables bit for bit.
///
/// ```
/// # fn main() -> candle_core::Result<()> {
/// use candle_core::{DType, Device, Tensor};
/// use tcolz_loader::DeviceView;
/// use tcolz_pixels::View;
///
/// let view = View::built_in("tf").expect("a built-in view");
/// let view = DeviceView::new(&view, DType::F32, &Device::Cpu)?;
/// let pixels = Tensor::from_vec(vec![0u8, 0, 0, 255, 255, 255], (1, 3, 1, 2), &Device::Cpu)?;
/// let input = view.apply(&pixels)?.flatten_all()?;
/// assert_eq!(input.to_vec1::<f32>()?, [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DeviceView {
    /// The stored channel of each output channel, where they differ.
    order: Option<Tensor>,
    steps: Vec<Step>,
    dtype: DType,
}

/// An operation, its values as `[1, 3, 1, 1]`.
#[derive(Debug)]
enum Step {
    Subtract(Tensor),
    Divide(Tensor),
}

impl DeviceView {
    /// A view on a device. Its numbers are float32, in the end rounded to `dtype`: to the nearest, ties to even.
    ///
    /// # Errors
    /// When the device has no memory for its few constants.
    pub fn new(view: &View, dtype: DType, device: &Device) -> Result<DeviceView> {
        let order = match view.channels {
            Channels::Rgb => None,
            Channels::Bgr => {
                let order = view.order().map(|channel| channel as u32);
                Some(Tensor::new(&order, device)?)
            }
        };
        let steps = view.operations.iter().map(|operation| {
            let constant = |values: &[f32; 3]| Tensor::from_slice(values, (1, 3, 1, 1), device);
            Ok(match operation {
                Operation::Subtract(values) => Step::Subtract(constant(values)?),
                Operation::Divide(values) => Step::Divide(constant(values)?),
            })
        });
        Ok(DeviceView { order, steps: steps.collect::<Result<_>>()?, dtype })
    }

    /// The view of `pixels`, `[n, 3, H, W]` of u8 as stored (red, green, blue).
    ///
    /// # Errors
    /// When the tensor is of another shape or on another device, or the device's memory is full.
    pub fn apply(&self, pixels: &Tensor) -> Result<Tensor> {
        // While a pixel is one byte, moving planes costs least.
        let mut values = match &self.order {
            Some(order) => pixels.index_select(order, 1)?,
            None => pixels.clone(),
        };
        values = values.to_dtype(DType::F32)?;
        for step in &self.steps {
            values = match step {
                Step::Subtract(constant) => values.broadcast_sub(constant)?,
                Step::Divide(constant) => values.broadcast_div(constant)?,
            };
        }
        values.to_dtype(self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_pixels::{bf16, f16};

    #[test]
    fn every_view_of_every_pixel_has_the_bits_of_its_tables_in_every_dtype() {
        let device = Device::Cpu;
        let mut views = View::all_built_in();
        views.push(View::mean([120.5, 110.25, 99.9]));
        // Two pictures of 16 × 16 that hold every pixel in every channel, each in another place.
        let pixels: Vec<u8> = (0..2 * 3 * 256).map(|i| (i * 37 + i / 256 * 11) as u8).collect();
        let tensor = Tensor::from_slice(&pixels, (2, 3, 16, 16), &device).unwrap();
        for view in views {
            let mut expected = vec![0f32; pixels.len()];
            for (pixels, out) in pixels.chunks_exact(768).zip(expected.chunks_exact_mut(768)) {
                view.apply_tables(&view.tables(), pixels, out);
            }
            let on_device = |dtype| {
                let out = DeviceView::new(&view, dtype, &device).unwrap().apply(&tensor).unwrap();
                assert_eq!((out.dims(), out.dtype()), (&[2, 3, 16, 16][..], dtype));
                out.flatten_all().unwrap()
            };
            let found = on_device(DType::F32).to_vec1::<f32>().unwrap();
            assert!(found.iter().zip(&expected).all(|(f, e)| f.to_bits() == e.to_bits()));
            let found = on_device(DType::F16).to_vec1::<f16>().unwrap();
            let half = |e: &f32| f16::from_f32(*e).to_bits();
            assert!(found.iter().zip(&expected).all(|(f, e)| f.to_bits() == half(e)));
            let found = on_device(DType::BF16).to_vec1::<bf16>().unwrap();
            let brain = |e: &f32| bf16::from_f32(*e).to_bits();
            assert!(found.iter().zip(&expected).all(|(f, e)| f.to_bits() == brain(e)));
        }
    }

    #[test]
    fn tensors_that_are_no_pictures_are_refused() {
        let view = View::built_in("caffe").unwrap();
        let view = DeviceView::new(&view, DType::F32, &Device::Cpu).unwrap();
        let gray = Tensor::zeros((2, 2, 4, 4), DType::U8, &Device::Cpu).unwrap();
        assert!(view.apply(&gray).is_err(), "two channels");
        let flat = Tensor::zeros(12, DType::U8, &Device::Cpu).unwrap();
        assert!(view.apply(&flat).is_err(), "one dimension");
    }
}
