//! Sums, mean, deviation and the difference hash equal their numpy references.
//!
//! Golden values: `fixtures/transform/dhash.json`, made by `make.py` beside it.

#![allow(clippy::unwrap_used)] // the functions of a test file are tests too

use proptest::prelude::*;
use tcolz_pixels::{ChannelSums, dhash};

/// `picture` of make.py as planes `[3, height, width]`.
fn planes(width: u32, height: u32) -> Vec<u8> {
    let pixel = |c: u32, y: u32, x: u32| {
        let product = x.wrapping_mul(2_654_435_761).wrapping_add(y * 40_503 + c * 97);
        match (x / 16 + y / 16) % 5 {
            0 => 255 * ((x + y + c) & 1) as u8,
            _ => (((x * 7 + y * 3 + c * 61) / 2 + ((product >> 13) & 31)) & 255) as u8,
        }
    };
    let places =
        (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))));
    places.map(|(c, y, x)| pixel(c, y, x)).collect()
}

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../fixtures/transform/dhash.json")).unwrap()
}

#[test]
fn the_difference_hash_equals_its_numpy_reference_at_every_size() {
    for case in golden()["cases"].as_array().unwrap() {
        let size = case[0].as_u64().unwrap() as u32;
        let hash = format!("{:016x}", dhash(&planes(size, size), size));
        assert_eq!(hash, case[1].as_str().unwrap(), "size {size}");
    }
}

#[test]
fn mean_and_std_equal_numpy_float64() {
    let golden = &golden()["statistics"];
    let sums = ChannelSums::of_planes(&planes(601, 431));
    for channel in 0..3 {
        let mean = golden["mean"][channel].as_f64().unwrap();
        let std = golden["std"][channel].as_f64().unwrap();
        assert!((sums.mean(601 * 431)[channel] / mean - 1.0).abs() < 1e-12);
        assert!((sums.std(601 * 431)[channel] / std - 1.0).abs() < 1e-12);
    }
}

proptest! {
    #[test]
    fn sums_equal_the_plain_loop(plane in prop::collection::vec(any::<u8>(), 0..300)) {
        let sums = ChannelSums::of_planes(&plane.repeat(3));
        let sum: u64 = plane.iter().map(|&v| u64::from(v)).sum();
        let squares: u64 = plane.iter().map(|&v| u64::from(v) * u64::from(v)).sum();
        prop_assert_eq!(sums, ChannelSums { sum: [sum; 3], sum_of_squares: [squares; 3] });
    }

    #[test]
    fn hashing_never_panics(size in 1u32..40, seed: u8) {
        let planes: Vec<u8> = (0..3 * size * size).map(|i| (i as u8).wrapping_mul(seed)).collect();
        dhash(&planes, size);
    }
}
