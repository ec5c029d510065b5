//! Whatever the bytes: no panic, no row out of place, nothing beyond the limits, and no trace in the next file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use tcolz_photo::{DecodeError, DecodeLimits, Decoder, ScaleTo, probe};
use tcolz_pixels::photo_info::PhotoInfo;
use tcolz_pixels::recipe::Fit;
use tcolz_pixels::{RgbImage, RowSink};

const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 100_000, max_scans: 20 };

/// Every small picture among the fixtures: name and bytes, in the order of their names.
static FIXTURES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| !name.ends_with(".tsv") && !name.ends_with(".py"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() > 90);
    files
});

fn fixture(name: &str) -> &'static [u8] {
    let found = FIXTURES.iter().find(|(file, _)| file == name);
    &found.unwrap_or_else(|| panic!("no fixture {name}")).1
}

/// Checks that a decoder keeps the promises of [`RowSink`].
#[derive(Default)]
struct Strict {
    size: Option<(u32, u32)>,
    next_row: u32,
}

impl RowSink for Strict {
    fn start(&mut self, width: u32, height: u32) {
        assert!(self.size.is_none(), "started twice");
        assert!(width > 0 && height > 0);
        assert!(u64::from(width) * u64::from(height) <= LIMITS.max_pixels);
        self.size = Some((width, height));
    }

    fn rows(&mut self, first_row: u32, rgb: &[u8]) {
        let (width, height) = self.size.expect("started before the first row");
        assert_eq!(first_row, self.next_row);
        assert!(!rgb.is_empty() && rgb.len().is_multiple_of(width as usize * 3));
        self.next_row += (rgb.len() / (width as usize * 3)) as u32;
        assert!(self.next_row <= height);
    }
}

/// Decodes under [`LIMITS`] with every check; the result is the decoder's.
fn decode_strictly(
    decoder: &mut Decoder,
    bytes: &[u8],
    scale: Option<ScaleTo>,
) -> Result<PhotoInfo, DecodeError> {
    let probed = probe(bytes, &LIMITS);
    let mut sink = Strict::default();
    let result = decoder.decode(bytes, scale, &mut sink);
    match (&probed, &result) {
        (Ok(probed), Ok(info)) => {
            assert_eq!(
                (probed.format, probed.width, probed.height, probed.progressive),
                (info.format, info.width, info.height, info.progressive)
            );
            let (width, height) = sink.size.expect("a decoded photo has a size");
            assert_eq!(sink.next_row, height, "every row is given");
            assert!(width <= info.width && height <= info.height);
            assert!(info.recovered_share > 0.0 && info.recovered_share <= 1.0);
        }
        (Err(refused), Err(error)) => assert_eq!(refused.code(), error.code()),
        (Err(refused), Ok(_)) => panic!("decoded, although the probe said: {refused}"),
        (Ok(_), Err(_)) => {}
    }
    result
}

fn scales() -> impl Strategy<Value = Option<ScaleTo>> {
    let fits = prop_oneof![Just(Fit::Squash), Just(Fit::Crop), Just(Fit::Pad)];
    prop::option::of((1u32..60, fits).prop_map(|(size, fit)| ScaleTo { size, fit }))
}

/// A fixture, some of its bytes changed, and perhaps its end cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..12);
    (any::<Index>(), changes, prop::option::of(any::<Index>())).prop_map(|(file, changes, cut)| {
        let mut bytes = FIXTURES[file.index(FIXTURES.len())].1.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

/// Random bytes behind the first bytes of a format.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let magic = prop::sample::select(vec![
        &b""[..],
        b"\xFF\xD8\xFF",
        b"\xFF\xD8\xFF\xC0\0\x11\x08\0\x10\0\x10\x03\x01\x22\0\x02\x11\0\x03\x11\0\xFF\xDA",
        b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR",
        b"GIF89a",
        b"RIFF\x40\0\0\0WEBPVP8L",
        b"RIFF\x40\0\0\0WEBPVP8 ",
        b"BM",
    ]);
    (magic, prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(magic, rest)| [magic, &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn noise_never_panics(bytes in noise(), scale in scales()) {
        let _ = decode_strictly(&mut Decoder::new(LIMITS), &bytes, scale);
    }

    #[test]
    fn damaged_files_never_panic(bytes in damaged(), scale in scales()) {
        let _ = decode_strictly(&mut Decoder::new(LIMITS), &bytes, scale);
    }

    #[test]
    fn a_good_file_decodes_the_same_after_any_number_of_bad_ones(
        bad in prop::collection::vec(prop_oneof![damaged(), noise()], 1..6),
        good in any::<Index>(),
    ) {
        let (name, good) = &FIXTURES[good.index(FIXTURES.len())];
        let decode = |decoder: &mut Decoder| {
            let mut image = RgbImage::new();
            decoder.decode(good, None, &mut image).map(|info| (info, image))
        };
        let expected = decode(&mut Decoder::new(LIMITS));
        let mut decoder = Decoder::new(LIMITS);
        for bytes in &bad {
            let _ = decoder.decode(bytes, None, &mut RgbImage::new());
        }
        prop_assert_eq!(decode(&mut decoder), expected, "{}", name);
    }
}

#[test]
fn every_cut_of_a_jpeg_is_survived_and_more_data_never_recover_less() {
    let names = ["baseline-420.jpg", "progressive-420.jpg", "three-scans.jpg", "arithmetic.jpg"];
    for name in names {
        let bytes = fixture(name);
        let mut best = 0.0;
        for cut in 3..=bytes.len() {
            match decode_strictly(&mut Decoder::new(LIMITS), &bytes[..cut], None) {
                Ok(info) => {
                    assert!(info.recovered_share >= best, "{name} cut {cut}");
                    best = info.recovered_share;
                }
                Err(error) => assert_eq!(best, 0.0, "{name} cut {cut}: {error}"),
            }
        }
        assert_eq!(best, 1.0, "{name}");
    }
}

#[test]
fn a_jpeg_without_tables_never_borrows_those_of_the_file_before() {
    let bytes = fixture("baseline-420.jpg");
    let tables = bytes.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let bare = [&bytes[..tables], &bytes[frame..]].concat();
    let mut decoder = Decoder::new(LIMITS);
    let alone = decoder.decode(&bare, None, &mut RgbImage::new());
    decoder.decode(bytes, None, &mut RgbImage::new()).unwrap();
    let after = decoder.decode(&bare, None, &mut RgbImage::new());
    assert_eq!(alone.unwrap_err().code(), "corrupt");
    assert_eq!(after.unwrap_err().code(), "corrupt");
}

/// Where the segments between the scans of a JPEG begin and end.
fn segments_after_first_scan(bytes: &[u8]) -> Vec<(usize, usize)> {
    let is_marker =
        |at: usize| bytes[at] == 0xFF && !matches!(bytes[at + 1], 0 | 0xD0..=0xD7 | 0xFF);
    let mut at = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 2;
    let mut segments = Vec::new();
    while at + 3 < bytes.len() {
        if !is_marker(at) {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        segments.push((at, at + 2 + length));
        at += 2 + length;
    }
    segments
}

#[test]
fn a_progressive_jpeg_cut_inside_a_header_keeps_the_scans_before_it() {
    for name in
        ["progressive-420.jpg", "grey-progressive.jpg", "cmyk-progressive.jpg", "three-scans.jpg"]
    {
        let bytes = fixture(name);
        let segments = segments_after_first_scan(bytes);
        assert!(segments.len() > 1, "{name}");
        for (start, end) in segments {
            let decode = |cut: usize| {
                let mut image = RgbImage::new();
                let info = Decoder::new(LIMITS).decode(&bytes[..cut], None, &mut image);
                (info.unwrap(), image)
            };
            let before = decode(start);
            assert!(before.0.recovered_share < 1.0, "{name} cut {start}");
            for cut in start + 1..end {
                assert!(decode(cut) == before, "{name}: cut {cut} differs from cut {start}");
            }
        }
    }
}

#[test]
fn only_a_missing_end_marker_is_no_loss() {
    for name in ["no-end-marker.jpg", "trailing-junk.jpg", "restart.jpg", "arithmetic.jpg"] {
        let mut image = RgbImage::new();
        let info = Decoder::new(LIMITS).decode(fixture(name), None, &mut image).unwrap();
        assert_eq!(info.recovered_share, 1.0, "{name}");
    }
    let mut sink = Strict::default();
    let early = fixture("end-marker-too-early.jpg");
    let info = Decoder::new(LIMITS).decode(early, None, &mut sink).unwrap();
    assert_eq!(info.recovered_share, 16.0 / 53.0);
}

#[test]
fn a_jpeg_of_endless_scans_is_refused() {
    let bytes = fixture("grey-progressive.jpg");
    let last_scan = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let (scan, end) = (&bytes[last_scan..bytes.len() - 2], &bytes[bytes.len() - 2..]);
    let scans = |count: usize| [&bytes[..last_scan], &scan.repeat(count), end].concat();
    let decode = |count| decode_strictly(&mut Decoder::new(LIMITS), &scans(count), None);
    assert!(decode(3).is_ok());
    assert_eq!(decode(1000), Err(DecodeError::TooManyScans { limit: LIMITS.max_scans }));
}

#[test]
fn twelve_bit_and_two_component_jpegs_are_unsupported() {
    let twelve = Decoder::new(LIMITS).decode(fixture("twelve-bit.jpg"), None, &mut RgbImage::new());
    assert_eq!(twelve.unwrap_err().code(), "unsupported");
}

/// A cut is said to be one wherever it is, and what is kept of a cut file are the pixels of the whole one.
#[test]
fn every_cut_of_another_format_than_jpeg_is_truncated_or_costs_no_pixel() {
    let names = [
        "rgb.png",
        "interlaced-rgb.png",
        "palette-4.png",
        "exif.png",
        "plain.gif",
        "local-palette.gif",
        "interlaced.gif",
        "animated.gif",
        "lossy-75.webp",
        "lossless.webp",
        "lossy-alpha.webp",
        "animated-alpha.webp",
        "exif.webp",
        "rgb.bmp",
        "palette.bmp",
        "565.bmp",
        "rle8.bmp",
        "32-alpha.bmp",
    ];
    for name in names {
        let bytes = fixture(name);
        let decode = |bytes: &[u8]| {
            let mut image = RgbImage::new();
            Decoder::new(LIMITS).decode(bytes, None, &mut image).map(|_| image)
        };
        let whole = decode(bytes).unwrap();
        // The format shows from here on.
        let first = if name.ends_with("webp") { 12 } else { 8 };
        let step = (bytes.len() / 500).max(1);
        for cut in
            (first..bytes.len()).step_by(step).chain(bytes.len().saturating_sub(60)..bytes.len())
        {
            let _ = decode_strictly(&mut Decoder::new(LIMITS), &bytes[..cut], None);
            match decode(&bytes[..cut]) {
                Ok(image) => assert!(image == whole, "{name} cut {cut}: other pixels"),
                Err(error) => assert_eq!(error.code(), "truncated", "{name} cut {cut}: {error}"),
            }
        }
        let half = decode(&bytes[..bytes.len() / 4]);
        assert!(half.is_err(), "{name}");
    }
}

#[test]
fn a_jpeg_cut_inside_its_header_is_truncated() {
    let bytes = fixture("baseline-420.jpg");
    let scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let segments: Vec<usize> =
        (0..scan).filter(|&at| bytes[at] == 0xFF && bytes[at + 1] >= 0xC0).collect();
    for cut in (4..scan).filter(|cut| !segments.iter().any(|at| (*at..at + 2).contains(cut))) {
        let error =
            Decoder::new(LIMITS).decode(&bytes[..cut], None, &mut RgbImage::new()).unwrap_err();
        assert_eq!(error.code(), "truncated", "cut {cut}: {error}");
    }
}

#[test]
fn a_scaled_jpeg_is_just_large_enough() {
    let bytes = fixture("tall.jpg"); // 24×150
    for (fit, size, expected) in [
        (Fit::Squash, 24, (24, 150)),
        (Fit::Squash, 12, (12, 75)),
        (Fit::Squash, 3, (3, 19)),
        (Fit::Pad, 75, (12, 75)),
        (Fit::Crop, 6, (6, 38)),
        (Fit::Pad, 224, (24, 150)),
    ] {
        let mut image = RgbImage::new();
        let scale = Some(ScaleTo { size, fit });
        let info = Decoder::new(LIMITS).decode(bytes, scale, &mut image).unwrap();
        assert_eq!((info.width, info.height), (24, 150));
        assert_eq!((image.width, image.height), expected, "{fit} {size}");
    }
}

#[test]
fn the_quality_setting_is_recognised() {
    for (name, quality) in [
        ("baseline-420.jpg", Some(80)),
        ("progressive-420.jpg", Some(85)),
        ("quality-1.jpg", Some(1)),
        ("quality-100.jpg", Some(100)),
        ("rgb.png", None),
    ] {
        let info = Decoder::new(LIMITS).decode(fixture(name), None, &mut RgbImage::new()).unwrap();
        assert_eq!(info.jpeg_quality, quality, "{name}");
    }
}

#[test]
fn a_panic_of_the_sink_is_not_blamed_on_the_file() {
    struct Faulty;
    impl RowSink for Faulty {
        fn start(&mut self, _: u32, _: u32) {}
        fn rows(&mut self, _: u32, _: &[u8]) {
            panic!("a fault of ours, as a test");
        }
    }
    for name in ["rgb.png", "plain.gif", "rgb.bmp", "baseline-420.jpg"] {
        let decode = || Decoder::new(LIMITS).decode(fixture(name), None, &mut Faulty);
        assert!(std::panic::catch_unwind(decode).is_err(), "{name}");
    }
}

#[test]
fn what_is_not_read_is_named_with_what_to_do() {
    let refused = |bytes: &[u8]| {
        let error = Decoder::new(LIMITS).decode(bytes, None, &mut RgbImage::new()).unwrap_err();
        assert_eq!(probe(bytes, &LIMITS).unwrap_err(), error);
        assert_eq!(error.code(), "unknown-format", "{error}");
        error.to_string()
    };
    for (bytes, name) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "HEIC"),
        (b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1miaf", "AVIF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\xFF\x0A\xFA\x1F", "JPEG XL"),
        (b"\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG"),
    ] {
        let expected = format!(
            "expected JPEG, PNG, GIF, WebP or BMP, found {name}: convert it to JPEG or PNG first"
        );
        assert_eq!(refused(bytes), expected);
    }
    for (bytes, words) in [
        (&b"PK\x03\x04"[..], "zip): unpack it first"),
        (b"<!doctype html>", "(web page, as servers send"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\0\0\0\x18ftypmp42", "(MP4 video)"),
        (b"BMW,car\nBMX,bicycle\n", "begins with 42 4d 57"),
    ] {
        assert!(refused(bytes).contains(words), "{}", refused(bytes));
    }
}
