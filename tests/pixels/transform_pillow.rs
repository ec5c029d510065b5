//! Resized pixels are Pillow 11.3's, for every filter, fit and shape, however they arrive.
//!
//! Golden values: `fixtures/transform/resize.json`, made by `make.py` beside it.

#![allow(clippy::unwrap_used)] // the functions of a test file are tests too

use proptest::prelude::*;
use tcolz_pixels::Resizer;
use tcolz_pixels::RowSink;
use tcolz_pixels::recipe::{Filter, Fit};

/// `picture` of make.py: `[height, width, 3]`.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let smooth = x * 7 + y * 3 + c * 61;
                let product = x.wrapping_mul(2_654_435_761).wrapping_add(y * 40_503 + c * 97);
                let noise = (product >> 13) & 31;
                let hard = if (x + y + c) & 1 == 1 { 255 } else { 0 };
                let tile = (x / 16 + y / 16) % 5 == 0;
                pixels.push(if tile { hard } else { ((smooth / 2 + noise) & 255) as u8 });
            }
        }
    }
    pixels
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().fold(0u64, |sum, (place, &byte)| {
        let factor = (place as u64).wrapping_mul(2_654_435_761).wrapping_add(1) & 0xFFFF_FFFF;
        sum.wrapping_add(u64::from(byte).wrapping_mul(factor))
    })
}

fn feed(resizer: &mut Resizer, width: u32, height: u32, pixels: &[u8], strips: &[usize]) {
    let row = width as usize * 3;
    let mut strips = strips.iter().copied().cycle();
    let (mut y, mut rest) = (0, pixels);
    resizer.start(width, height);
    while !rest.is_empty() {
        let rows = strips.next().map_or(1, |rows| rows.clamp(1, rest.len() / row));
        let (now, later) = rest.split_at(rows * row);
        resizer.rows(y, now);
        (y, rest) = (y + rows as u32, later);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_golden_cases(simd: bool) {
    let text = include_str!("../fixtures/transform/resize.json");
    let golden: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 600);
    for case in cases {
        let number = |i: usize| case[i].as_u64().unwrap() as u32;
        let (width, height, size) = (number(0), number(1), number(3));
        let fit = Fit::parse(case[2].as_str().unwrap()).unwrap();
        let filter = Filter::parse(case[4].as_str().unwrap()).unwrap();
        let mut resizer = Resizer::new(&[size], fit, filter).with_simd(simd);
        feed(&mut resizer, width, height, &picture(width, height), &[16]);
        let planes = resizer.planes(0);
        if let Some(expected) = case[6].as_str() {
            assert_eq!(hex(planes), expected, "{width}×{height} {fit} {size} {filter}");
        }
        let sum = format!("{:016x}", checksum(planes));
        assert_eq!(sum, case[5].as_str().unwrap(), "{width}×{height} {fit} {size} {filter}");
    }
}

#[test]
fn every_filter_and_fit_equals_pillow_bit_for_bit() {
    check_golden_cases(true);
}

#[test]
fn every_filter_and_fit_equals_pillow_bit_for_bit_without_simd() {
    check_golden_cases(false);
}

#[test]
fn a_photo_of_the_target_size_is_not_changed() {
    let pixels = picture(64, 64);
    for &filter in Filter::ALL {
        for &fit in Fit::ALL {
            let mut resizer = Resizer::new(&[64], fit, filter);
            feed(&mut resizer, 64, 64, &pixels, &[5]);
            for (i, &value) in resizer.planes(0).iter().enumerate() {
                assert_eq!(value, pixels[i % 4096 * 3 + i / 4096], "{filter} {fit}");
            }
        }
    }
}

#[test]
fn extreme_shapes_are_resized_without_panic_and_a_flat_photo_stays_flat() {
    for (width, height) in
        [(1, 1), (1, 2), (1, 4000), (40_000, 1), (1, 40_000), (65_535, 9), (7, 65_535)]
    {
        let pixels = vec![91; (width * height * 3) as usize];
        for &fit in Fit::ALL {
            for &filter in Filter::ALL {
                let mut resizer = Resizer::new(&[1, 7, 224, 299], fit, filter);
                feed(&mut resizer, width, height, &pixels, &[16, 1, 3]);
                for index in 0..resizer.sizes().len() {
                    let black = fit == Fit::Pad;
                    let flat = |&value: &u8| value == 91 || black && value == 0;
                    assert!(resizer.planes(index).iter().all(flat));
                    assert!(resizer.planes(index).contains(&91));
                }
            }
        }
    }
}

#[test]
fn a_resizer_forgets_the_photo_before_even_an_unfinished_one() {
    for &filter in Filter::ALL {
        for &fit in Fit::ALL {
            let mut used = Resizer::new(&[31, 8], fit, filter);
            feed(&mut used, 300, 100, &picture(300, 100), &[16]);
            used.start(4000, 700);
            used.rows(0, &vec![255; 4000 * 3 * 101]);
            feed(&mut used, 61, 97, &picture(61, 97), &[16]);
            let mut fresh = Resizer::new(&[31, 8], fit, filter);
            feed(&mut fresh, 61, 97, &picture(61, 97), &[16]);
            assert_eq!(used.planes(0), fresh.planes(0));
            assert_eq!(used.planes(1), fresh.planes(1));
        }
    }
}

#[test]
fn scratch_of_a_giant_photo_is_given_back_and_of_ordinary_ones_kept() {
    let mut resizer = Resizer::new(&[224], Fit::Squash, Filter::Lanczos3);
    let ordinary = picture(1024, 768);
    feed(&mut resizer, 1024, 768, &ordinary, &[16]);
    let kept = resizer.scratch_bytes();
    assert!(kept < 200_000, "{kept}");
    feed(&mut resizer, 1024, 768, &ordinary, &[16]);
    assert_eq!(resizer.scratch_bytes(), kept);
    feed(&mut resizer, 65_535, 8, &vec![1; 65_535 * 24], &[3]);
    resizer.start(1024, 768);
    feed(&mut resizer, 1024, 768, &ordinary, &[16]);
    assert!(resizer.scratch_bytes() < 4 << 20);
}

#[test]
#[should_panic(expected = "10 of 12 rows arrived")]
fn asking_for_pixels_before_the_last_row_panics_with_the_reason() {
    let mut resizer = Resizer::new(&[8], Fit::Squash, Filter::Bilinear);
    resizer.start(2, 12);
    resizer.rows(0, &[0; 60]);
    resizer.planes(0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pixels_do_not_depend_on_how_rows_were_cut_into_strips(
        width in 1u32..80,
        height in 1u32..120,
        strips in prop::collection::vec(1usize..40, 1..8),
        fit in prop::sample::select(Fit::ALL),
        filter in prop::sample::select(Filter::ALL),
        simd: bool,
    ) {
        let pixels = picture(width, height);
        let mut whole = Resizer::new(&[24, 50], fit, filter);
        whole.start(width, height);
        whole.rows(0, &pixels);
        let mut cut = Resizer::new(&[24, 50], fit, filter).with_simd(simd);
        feed(&mut cut, width, height, &pixels, &strips);
        prop_assert_eq!(whole.planes(0), cut.planes(0));
        prop_assert_eq!(whole.planes(1), cut.planes(1));
    }
}
