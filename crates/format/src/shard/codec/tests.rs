//! Promises of the codec, each level of SIMD against the plain reference.

use proptest::prelude::*;

use super::tiles::{HEADER_BYTES, PLACE_CODES};
use super::*;
use tcolz_pixels::{bf16, f16};

/// A tensor of one of four kinds: noise, a flat area, a ramp with a little noise, a grey picture.
fn tensor(shape: TensorShape, kind: u8, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let pixels = shape.plane_pixels();
    let width = shape.width as usize;
    let mut tensor: Vec<u8> = (0..3 * pixels)
        .map(|i| {
            let (y, x) = (i % pixels / width, i % width);
            let ramp = (3 * x + 2 * y + 40 * (i / pixels)) as u8;
            match kind {
                0 => random(),
                1 => 77,
                2 => ramp.wrapping_add(random() % 6),
                _ if x / 16 % 2 == 0 => (y as u8).wrapping_mul(5),
                _ => ramp.wrapping_add(random() % 40),
            }
        })
        .collect();
    if kind == 3 {
        tensor.copy_within(..pixels, pixels);
        tensor.copy_within(..pixels, 2 * pixels);
    }
    tensor
}

fn frame_of(shape: TensorShape, tensor: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let mut encoder = FrameEncoder::new(shape.height, shape.width).unwrap();
    encoder.encode(tensor, &mut frame).unwrap();
    frame
}

fn content_of(frame: &[u8]) -> Vec<u8> {
    let mut content = vec![0; plain::content_size(frame).unwrap() as usize];
    decode_plain(frame, &mut content).unwrap();
    content
}

/// Encodes and decodes at every level and by the reference, and compares everything.
fn check_round_trip(shape: TensorShape, tensor: &[u8]) {
    let frame = frame_of(shape, tensor);
    let content = content_of(&frame);
    assert_eq!(reference::from_content(shape, &content).unwrap(), tensor);
    let coefficients = [content[1] as i8, content[2] as i8];
    let map = &content[HEADER_BYTES..HEADER_BYTES + shape.tile_count()];
    assert_eq!(reference::to_content(shape, tensor, coefficients, map).unwrap(), content);
    for level in SimdLevel::available() {
        let mut again = Vec::new();
        let mut encoder = FrameEncoder::with_level(shape.height, shape.width, level).unwrap();
        encoder.encode(tensor, &mut again).unwrap();
        assert!(frame == again, "{level:?} gives another frame for {shape:?}");
        let mut decoder = FrameDecoder::with_level(shape.height, shape.width, level).unwrap();
        let mut decoded = vec![0; tensor.len()];
        decoder.decode(&frame, &mut decoded).unwrap();
        assert!(decoded == tensor, "{level:?} gives other pixels for {shape:?}");
    }
}

#[test]
fn every_shape_comes_back_at_every_level() {
    let sides = [
        (1, 1),
        (1, 2),
        (2, 1),
        (5, 3),
        (7, 9),
        (8, 8),
        (31, 95),
        (32, 96),
        (33, 97),
        (33, 47),
        (64, 64),
        (65, 17),
        (3, 300),
        (300, 3),
        (224, 224),
        (299, 299),
        (1, 4096),
        (130, 1),
        (4096, 1),
    ];
    for (i, (height, width)) in sides.into_iter().enumerate() {
        let shape = TensorShape::new(height, width).unwrap();
        for kind in 0..4 {
            check_round_trip(shape, &tensor(shape, kind, 1 + i as u64));
        }
    }
}

#[test]
fn every_width_and_height_up_to_two_bands_comes_back() {
    for side in 1..=70 {
        for other in [1, 2, 8, 33, 130] {
            for (height, width) in [(side, other), (other, side)] {
                let shape = TensorShape::new(height, width).unwrap();
                check_round_trip(shape, &tensor(shape, (side % 4) as u8, u64::from(other)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_pixels_come_back(height in 1u32..80, width in 1u32..140, kind in 0u8..4, seed: u64) {
        let shape = TensorShape::new(height, width).unwrap();
        check_round_trip(shape, &tensor(shape, kind, seed));
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut decoder = FrameDecoder::new(9, 21).unwrap();
        let _ = decoder.decode(&bytes, &mut [0; 3 * 9 * 21]);
    }

    #[test]
    fn any_content_never_panics(
        mut content in proptest::collection::vec(any::<u8>(), 0..700),
        valid_map: bool,
    ) {
        let shape = TensorShape::new(9, 21).unwrap();
        if valid_map {
            for (i, byte) in content.iter_mut().take(HEADER_BYTES + shape.tile_count()).enumerate() {
                *byte = match i {
                    0 => 1,
                    3 => 0,
                    1 | 2 => *byte,
                    _ => *byte % PLACE_CODES,
                };
            }
            let map = content.get(HEADER_BYTES..HEADER_BYTES + shape.tile_count());
            if let Some(map) = map {
                let length = tiles::stream_starts(shape, map).unwrap()[tiles::STREAMS];
                content.resize(length, 3);
            }
        }
        let mut frame = Vec::new();
        encode_plain(&content, &mut frame).unwrap();
        let expected = reference::from_content(shape, &content);
        for level in SimdLevel::available() {
            let mut decoder = FrameDecoder::with_level(9, 21, level).unwrap();
            let mut decoded = vec![0; shape.tensor_bytes()];
            let result = decoder.decode(&frame, &mut decoded);
            match &expected {
                Ok(expected) => prop_assert_eq!((result, &decoded), (Ok(()), expected)),
                Err(_) => prop_assert!(result.is_err()),
            }
        }
    }

    #[test]
    fn damaged_frames_never_panic(seed: u64, flips in 1usize..4, cut: bool) {
        let shape = TensorShape::new(40, 50).unwrap();
        let mut frame = frame_of(shape, &tensor(shape, (seed % 4) as u8, seed));
        let mut decoder = FrameDecoder::new(40, 50).unwrap();
        let mut decoded = vec![0; shape.tensor_bytes()];
        if cut {
            frame.truncate(seed as usize % frame.len());
            prop_assert!(decoder.decode(&frame, &mut decoded).is_err());
        } else {
            for flip in 0..flips {
                let at = (seed as usize).wrapping_mul(2 * flip + 1) % (8 * frame.len());
                frame[at / 8] ^= 1 << (at % 8);
            }
            let _ = decoder.decode(&frame, &mut decoded);
        }
    }

    #[test]
    fn plain_frames_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut frame = Vec::new();
        encode_plain(&bytes, &mut frame).unwrap();
        let mut decoded = vec![0; bytes.len()];
        decode_plain(&frame, &mut decoded).unwrap();
        prop_assert_eq!(&decoded, &bytes);
        let mut longer = vec![0; bytes.len() + 1];
        prop_assert!(decode_plain(&frame, &mut longer).is_err());
    }
}

#[test]
fn recycled_coders_forget_the_image_before() {
    let shape = TensorShape::new(67, 130).unwrap();
    let mut encoder = FrameEncoder::new(67, 130).unwrap();
    let mut decoder = FrameDecoder::new(67, 130).unwrap();
    let (mut frame, mut decoded) = (Vec::new(), vec![0; shape.tensor_bytes()]);
    for kind in [0, 1, 2, 3, 1, 0, 3, 2] {
        let tensor = tensor(shape, kind, 5);
        encoder.encode(&tensor, &mut frame).unwrap();
        assert!(frame == frame_of(shape, &tensor));
        assert!(decoder.decode(&frame[..frame.len() - 1], &mut decoded).is_err());
        decoder.decode(&frame, &mut decoded).unwrap();
        assert!(decoded == tensor);
    }
}

/// Decodes through tables at every level and compares with what the tables say of the pixels.
fn check_mapped<T: Number>(shape: TensorShape, tables: &[[T; 256]; 3], zero: T) {
    let tensor = tensor(shape, 3, 9);
    let frame = frame_of(shape, &tensor);
    for level in SimdLevel::available() {
        let mut decoder = FrameDecoder::with_level(shape.height, shape.width, level).unwrap();
        for order in [[0, 1, 2], [2, 1, 0], [1, 1, 0]] {
            let by_table = PixelTables::new(tables, order).unwrap();
            let mut out = vec![zero; tensor.len()];
            decoder.decode_mapped(&frame, &by_table, &mut out, Upcoming::new(&frame)).unwrap();
            for (i, value) in out.iter().enumerate() {
                let (plane, at) = (i / shape.plane_pixels(), i % shape.plane_pixels());
                let pixel = tensor[order[plane] * shape.plane_pixels() + at];
                let expected = tables[plane][usize::from(pixel)];
                assert_eq!(value.bytes(), expected.bytes(), "{level:?}, {shape:?}");
            }
        }
    }
}

#[test]
fn mapped_values_are_the_tables_entries() {
    let offset: [f32; 256] = std::array::from_fn(|i| i as f32 - 103.939);
    let scale: [f32; 256] = std::array::from_fn(|i| (i as f32 / 255.0 - 0.485) / 0.229);
    let odd: [f32; 256] = std::array::from_fn(|i| if i == 0 { -0.0 } else { i as f32 });
    let tables = [offset, scale, odd];
    for (height, width) in [(37, 45), (1, 1), (224, 224), (96, 112), (40, 300)] {
        let shape = TensorShape::new(height, width).unwrap();
        check_mapped(shape, &tables, 0.0);
        check_mapped(shape, &tables.map(|table| table.map(f16::from_f32)), f16::ZERO);
        check_mapped(shape, &tables.map(|table| table.map(bf16::from_f32)), bf16::ZERO);
    }
    let refused = PixelTables::new(&tables, [0, 1, 3]).err();
    assert_eq!(refused, Some(CodecError::ChannelOrder { got: [0, 1, 3] }));
}

#[test]
fn what_does_not_fit_is_refused_by_its_reason() {
    assert_eq!(FrameEncoder::new(0, 5).err(), Some(CodecError::Shape { height: 0, width: 5 }));
    assert!(matches!(FrameDecoder::new(5, 4097), Err(CodecError::Shape { .. })));
    let shape = TensorShape::new(8, 8).unwrap();
    let frame = frame_of(shape, &[9; 192]);
    let mut decoder = FrameDecoder::new(8, 8).unwrap();
    let mut tensor = [0; 192];
    assert_eq!(
        decoder.decode(&frame, &mut tensor[..191]),
        Err(CodecError::TensorLength { expected: 192, got: 191 })
    );
    assert_eq!(decoder.decode(b"no frame", &mut tensor), Err(CodecError::NoContentSize));
    let mut refused = |content: &[u8]| {
        let mut frame = Vec::new();
        encode_plain(content, &mut frame).unwrap();
        decoder.decode(&frame, &mut tensor).unwrap_err()
    };
    assert_eq!(refused(&[0; 198]), CodecError::ContentSize { limit: 197, got: 198 });
    assert_eq!(refused(&[1; 4]), CodecError::ContentLength { expected: 5, got: 4 });
    assert_eq!(refused(&[2, 0, 0, 0, 0]), CodecError::Format { got: [2, 0] });
    assert_eq!(refused(&[1, 0, 0, 7, 0]), CodecError::Format { got: [1, 7] });
    assert_eq!(refused(&[1, 0, 0, 0, 135]), CodecError::Class { code: 135 });
    assert_eq!(refused(&[1, 0, 0, 0, 27]), CodecError::ContentLength { expected: 69, got: 5 });
}

#[test]
fn frames_declare_their_content_size_and_flat_images_are_tiny() {
    let shape = TensorShape::new(224, 224).unwrap();
    let frame = frame_of(shape, &vec![200; shape.tensor_bytes()]);
    assert!(frame.len() < 400, "{} bytes", frame.len());
    assert!(plain::content_size(&frame).unwrap() <= shape.max_content_bytes() as u64);
}

/// Content of format 1, made by the first release; it must stay readable and be made again.
#[test]
fn format_1_never_changes() {
    let shape = TensorShape::new(3, 9).unwrap();
    let tensor = tensor(shape, 2, 11);
    let content = content_of(&frame_of(shape, &tensor));
    assert_eq!(content, GOLDEN_CONTENT);
    assert_eq!(reference::from_content(shape, GOLDEN_CONTENT).unwrap(), tensor);
}

const GOLDEN_CONTENT: &[u8] = &[
    1, 0, 250, 0, 60, 106, 215, 2, 251, 4, 255, 2, 1, 0, 3, 253, 4, 0, 0, 253, 4, 0, 1, 252, 3, 0,
    3, 252, 253, 0, 234, 2, 254, 7, 252, 5, 6, 0, 253, 3, 3, 255, 4, 250, 255, 1, 2, 0, 1, 1, 0, 2,
    255, 252, 171, 3, 4, 0, 6, 1, 1, 5, 1, 0, 0, 2, 255, 2, 2, 252, 2, 3, 1, 254, 0, 2, 0, 2, 5, 3,
    62, 254, 49,
];
