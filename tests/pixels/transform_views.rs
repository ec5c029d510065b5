//! Views are numpy's float32 operations bit for bit, and survive being written and read.
//!
//! Golden values: `fixtures/transform/views.json`, made by `make.py` beside it.

#![allow(clippy::unwrap_used)] // the functions of a test file are tests too

use proptest::prelude::*;
use tcolz_pixels::recipe::Dtype;
use tcolz_pixels::{BUILT_IN_VIEWS, Channels, Operation, View, bake};

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../fixtures/transform/views.json")).unwrap()
}

fn all_views(golden: &serde_json::Value) -> Vec<View> {
    let mean = |i: usize| golden["mean"][i].as_f64().unwrap() as f32;
    let mean = View::mean([mean(0), mean(1), mean(2)]);
    BUILT_IN_VIEWS.iter().filter_map(|name| View::built_in(name)).chain([mean]).collect()
}

#[test]
fn tables_of_every_view_equal_numpy_float32_bit_for_bit() {
    let golden = golden();
    for view in all_views(&golden) {
        let expected = &golden["views"][&view.name];
        assert_eq!(serde_json::to_value(view.channels).unwrap(), expected["channels"]);
        for (channel, table) in view.tables().iter().enumerate() {
            let hex: String =
                table.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
            assert_eq!(hex, expected["f32"][channel].as_str().unwrap(), "{}", view.name);
        }
    }
}

#[test]
fn baked_f16_equals_numpy_float16_bit_for_bit() {
    let golden = golden();
    let planes: Vec<u8> = (0..3).flat_map(|_| 0..=255).collect();
    for view in all_views(&golden) {
        let mut baked = Vec::new();
        bake(&view, &planes, Dtype::F16, &mut baked);
        for (channel, plane) in baked.chunks(512).enumerate() {
            let hex: String =
                plane.chunks(2).map(|b| format!("{:02x}{:02x}", b[1], b[0])).collect();
            assert_eq!(hex, golden["views"][&view.name]["f16"][channel], "{}", view.name);
        }
    }
}

#[test]
fn a_bgr_view_puts_blue_first() {
    let view = View::built_in("caffe").unwrap();
    let mut out = [0.0; 3];
    view.apply(&[1, 2, 3], &mut out);
    assert_eq!(out, [3.0 - 103.939, 2.0 - 116.779, 1.0f32 - 123.68]);
    assert_eq!(view.order(), [2, 1, 0]);
}

proptest! {
    #[test]
    fn any_view_survives_json_bit_for_bit(
        values in prop::collection::vec(prop::array::uniform3(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO), 0..5),
        bgr: bool,
    ) {
        let operation = |(i, v)| if i % 2 == 0 { Operation::Subtract(v) } else { Operation::Divide(v) };
        let view = View {
            name: "any".to_owned(),
            channels: if bgr { Channels::Bgr } else { Channels::Rgb },
            operations: values.into_iter().enumerate().map(operation).collect(),
        };
        let json = serde_json::to_string(&view).unwrap();
        let back: View = serde_json::from_str(&json).unwrap();
        let bits = |view: &View| -> Vec<u32> {
            view.operations.iter().flat_map(|operation| match operation {
                Operation::Subtract(v) | Operation::Divide(v) => v.map(f32::to_bits),
            }).collect()
        };
        prop_assert_eq!(bits(&view), bits(&back));
        // through a JSON value too, as dataset.json may be read
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let back: View = serde_json::from_value(value).unwrap();
        prop_assert_eq!(bits(&view), bits(&back));
        prop_assert_eq!(view, back);
    }
}
