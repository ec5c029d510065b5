//! Views: how stored pixels become the numbers a network was trained on.
//!
//! A shard holds pixels as they were seen. Channel order, means and scales are a named list of
//! float32 operations in `dataset.json`, applied while a batch is filled. Because a pixel has only
//! 256 values, a view is three tables of 256 floats, bit-equal to doing the operations one by one.

use half::f16;
use serde::{Deserialize, Serialize};

use crate::recipe::Dtype;

/// Names of the views that need no values; `mean` is the sixth.
pub const BUILT_IN_VIEWS: [&str; 5] = ["raw", "caffe", "tf", "torch", "t4sa"];

/// The order of the three output channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Channels {
    /// Red, green, blue: as stored.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// One step of a view; a value for each *output* channel, the result rounded to float32.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Takes the value away.
    Subtract([f32; 3]),
    /// Divides by the value.
    Divide([f32; 3]),
}

impl Operation {
    /// The operation on one value of an output channel, rounded to float32.
    fn apply(&self, channel: usize, value: f32) -> f32 {
        match self {
            Operation::Subtract(values) => value - values[channel],
            Operation::Divide(values) => value / values[channel],
        }
    }
}

/// A named list of float32 operations from stored pixels to a network's input.
///
/// In JSON: `{"name":"caffe","channels":"BGR","operations":[{"subtract":[103.939,116.779,123.68]}]}`.
/// The shortest decimals that give the same float32 are written, so a round trip changes no bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The name it is asked for by.
    pub name: String,
    /// The order of the output channels.
    pub channels: Channels,
    /// What is done to each value, first to last.
    pub operations: Vec<Operation>,
}

impl View {
    /// Every view that needs no values, in the order of [`BUILT_IN_VIEWS`].
    pub fn all_built_in() -> Vec<View> {
        BUILT_IN_VIEWS.iter().filter_map(|name| View::built_in(name)).collect()
    }

    /// A view that is known by its name alone, one of [`BUILT_IN_VIEWS`].
    ///
    /// | name | channels | operations | as in |
    /// | --- | --- | --- | --- |
    /// | `raw` | RGB | none | |
    /// | `caffe` | BGR | −(103.939, 116.779, 123.68) | Keras `preprocess_input`, mode `caffe` |
    /// | `tf` | RGB | ÷127.5, −1 | the same, mode `tf` |
    /// | `torch` | RGB | ÷255, −(0.485, 0.456, 0.406), ÷(0.229, 0.224, 0.225) | torchvision weights |
    /// | `t4sa` | BGR | −(116.8007, 121.2751, 130.4602) | the B-T4SA training set's own mean |
    pub fn built_in(name: &str) -> Option<View> {
        use Operation::{Divide, Subtract};
        let (channels, operations) = match name {
            "raw" => (Channels::Rgb, vec![]),
            "caffe" => (Channels::Bgr, vec![Subtract([103.939, 116.779, 123.68])]),
            "tf" => (Channels::Rgb, vec![Divide([127.5; 3]), Subtract([1.0; 3])]),
            "torch" => (
                Channels::Rgb,
                vec![
                    Divide([255.0; 3]),
                    Subtract([0.485, 0.456, 0.406]),
                    Divide([0.229, 0.224, 0.225]),
                ],
            ),
            "t4sa" => (Channels::Bgr, vec![Subtract([116.8007, 121.2751, 130.4602])]),
            _ => return None,
        };
        Some(View { name: name.to_owned(), channels, operations })
    }

    /// The view `mean`: RGB minus these means of red, green and blue, in levels of 0 to 255.
    pub fn mean(rgb: [f32; 3]) -> View {
        View {
            name: "mean".to_owned(),
            channels: Channels::Rgb,
            operations: vec![Operation::Subtract(rgb)],
        }
    }

    /// The stored channel (0 red, 1 green, 2 blue) that each output channel is made of.
    pub fn order(&self) -> [usize; 3] {
        match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        }
    }

    /// The value of a pixel in an output channel: each operation in turn, each rounded to float32.
    pub fn value(&self, output_channel: usize, pixel: u8) -> f32 {
        self.operations
            .iter()
            .fold(f32::from(pixel), |value, operation| operation.apply(output_channel, value))
    }

    /// [`View::value`] for every pixel: `[output channel][pixel]`.
    pub fn tables(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|channel| std::array::from_fn(|pixel| self.value(channel, pixel as u8)))
    }

    /// Applies the view by doing its operations on every pixel. The plain reference of
    /// [`View::apply_tables`].
    ///
    /// `planes`: `[3, height, width]` as stored. `out`: the same shape, in the view's channel order.
    ///
    /// # Panics
    /// If the lengths differ or are no multiple of 3.
    pub fn apply(&self, planes: &[u8], out: &mut [f32]) {
        self.each_channel(planes, out, |channel, pixel| self.value(channel, pixel));
    }

    /// Applies the view by its [`tables`](View::tables); the same bits as [`View::apply`].
    ///
    /// # Panics
    /// If the lengths differ or are no multiple of 3.
    pub fn apply_tables(&self, tables: &[[f32; 256]; 3], planes: &[u8], out: &mut [f32]) {
        self.each_channel(planes, out, |channel, pixel| tables[channel][usize::from(pixel)]);
    }

    fn each_channel(&self, planes: &[u8], out: &mut [f32], value: impl Fn(usize, u8) -> f32) {
        assert_eq!(planes.len(), out.len(), "a view keeps the shape of the planes");
        assert!(planes.len().is_multiple_of(3), "planes are of three channels");
        let plane = planes.len() / 3;
        for (channel, stored) in self.order().into_iter().enumerate() {
            let pixels = &planes[stored * plane..][..plane];
            for (out, &pixel) in out[channel * plane..][..plane].iter_mut().zip(pixels) {
                *out = value(channel, pixel);
            }
        }
    }
}

/// Appends the tensor of `dtype` to `out`, as it is stored: `[3, height, width]`, little-endian.
///
/// `u8` is the planes as they are, without the view. `f32` is the view's value; `f16` that value
/// rounded to the nearest binary16, ties to even.
///
/// # Panics
/// If the length of `planes` is no multiple of 3.
pub fn bake(view: &View, planes: &[u8], dtype: Dtype, out: &mut Vec<u8>) {
    assert!(planes.len().is_multiple_of(3), "planes are of three channels");
    match dtype {
        Dtype::U8 => out.extend_from_slice(planes),
        Dtype::F16 => look_up(view, planes, out, |value| f16::from_f32(value).to_le_bytes()),
        Dtype::F32 => look_up(view, planes, out, f32::to_le_bytes),
    }
}

fn look_up<const N: usize>(
    view: &View,
    planes: &[u8],
    out: &mut Vec<u8>,
    bytes: impl Fn(f32) -> [u8; N],
) {
    let plane = planes.len() / 3;
    let start = out.len();
    out.resize(start + planes.len() * N, 0);
    let (elements, _) = out[start..].as_chunks_mut::<N>();
    for ((channel, stored), table) in view.order().into_iter().enumerate().zip(view.tables()) {
        let table = table.map(&bytes);
        let pixels = &planes[stored * plane..][..plane];
        for (out, &pixel) in elements[channel * plane..][..plane].iter_mut().zip(pixels) {
            *out = table[usize::from(pixel)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_written_as_the_schema_says() {
        let json = serde_json::to_string(&View::built_in("caffe").unwrap()).unwrap();
        let expected = r#"{"name":"caffe","channels":"BGR","operations":[{"subtract":[103.939,116.779,123.68]}]}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn an_unknown_operation_or_channel_order_is_refused_by_its_name() {
        let read = |json: &str| serde_json::from_str::<View>(json).unwrap_err().to_string();
        let error = read(r#"{"name":"x","channels":"RGB","operations":[{"multiply":[1,2,3]}]}"#);
        assert!(error.contains("multiply"), "{error}");
        let error = read(r#"{"name":"x","channels":"GBR","operations":[]}"#);
        assert!(error.contains("GBR"), "{error}");
        let error = read(r#"{"name":"x","channels":"RGB","operations":[],"gamma":2}"#);
        assert!(error.contains("gamma"), "{error}");
    }

    #[test]
    fn every_built_in_name_is_a_view_of_that_name() {
        for name in BUILT_IN_VIEWS {
            assert_eq!(View::built_in(name).unwrap().name, name);
        }
        assert_eq!(View::built_in("mean"), None);
    }

    #[test]
    fn tables_and_baked_bytes_are_the_operations_one_by_one() {
        let planes: Vec<u8> = (0..3 * 512).map(|i| (i * 37 + i / 512) as u8).collect();
        let mean = View::mean([120.5, 110.25, 99.9]);
        for view in BUILT_IN_VIEWS.iter().filter_map(|name| View::built_in(name)).chain([mean]) {
            let (mut plain, mut fast) = (vec![0.0; planes.len()], vec![0.0; planes.len()]);
            view.apply(&planes, &mut plain);
            view.apply_tables(&view.tables(), &planes, &mut fast);
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&plain), bits(&fast));

            let mut baked = vec![7];
            bake(&view, &planes, Dtype::F32, &mut baked);
            let expected: Vec<u8> = plain.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(baked[1..], expected);
            assert_eq!(baked[0], 7, "what was there stays");

            let mut baked = Vec::new();
            bake(&view, &planes, Dtype::U8, &mut baked);
            assert_eq!(baked, planes);
        }
    }
}
