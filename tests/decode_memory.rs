//! Memory: a header's claims allocate nothing, and `probe` says in advance what decoding will take.
//!
//! A counting allocator sees what Rust allocates (PNG, GIF, WebP, BMP, strips); of libjpeg, which uses malloc, the process's own peak.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use image::{DynamicImage, ImageFormat};
use tcolz_photo::{DecodeError, DecodeLimits, Decoder, probe};
use tcolz_pixels::RowSink;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's contract is the same as the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's contract is the same as the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The most bytes that Rust held during a call beyond what it held before.
fn peak_of<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = call();
    (result, PEAK.load(Relaxed).saturating_sub(before))
}

struct Nothing;

impl RowSink for Nothing {
    fn start(&mut self, _: u32, _: u32) {}
    fn rows(&mut self, _: u32, _: &[u8]) {}
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode");
    std::fs::read(folder.join(name)).unwrap()
}

/// CRC-32 of a PNG chunk, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

#[test]
fn a_header_that_claims_billions_of_pixels_is_refused_before_anything_is_allocated() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let side = 60_000u16;
    let jpeg_of = |name: &str, frame_marker: u8| {
        let mut bytes = fixture(name);
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, frame_marker]).unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
        bytes
    };
    let png_of = |name: &str| {
        let mut bytes = fixture(name);
        bytes[16..20].copy_from_slice(&u32::from(side).to_be_bytes());
        bytes[20..24].copy_from_slice(&u32::from(side).to_be_bytes());
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    let mut gif_screen = fixture("plain.gif");
    gif_screen[6..8].copy_from_slice(&side.to_le_bytes());
    gif_screen[8..10].copy_from_slice(&side.to_le_bytes());
    let mut gif_frame = fixture("offset.gif");
    let descriptor = 13 + 48;
    assert_eq!(gif_frame[descriptor], b',');
    gif_frame[descriptor + 5..descriptor + 7].copy_from_slice(&side.to_le_bytes());
    gif_frame[descriptor + 7..descriptor + 9].copy_from_slice(&side.to_le_bytes());
    let mut bmp = fixture("rgb.bmp");
    bmp[18..22].copy_from_slice(&u32::from(side).to_le_bytes());
    bmp[22..26].copy_from_slice(&u32::from(side).to_le_bytes());
    // VP8L keeps width − 1 and height − 1 in 14 bits each; this is 16383×16383.
    let mut webp = fixture("lossless.webp");
    let vp8l = webp.windows(4).position(|word| word == b"VP8L").unwrap() + 9;
    webp[vp8l..vp8l + 3].copy_from_slice(&[0xFE, 0xBF, 0xFF]);
    webp[vp8l + 3] |= 0x0F;

    for (kind, bytes) in [
        ("baseline JPEG", jpeg_of("baseline-420.jpg", 0xC0)),
        ("progressive JPEG", jpeg_of("progressive-420.jpg", 0xC2)),
        ("PNG", png_of("rgb.png")),
        ("interlaced PNG", png_of("interlaced-rgb.png")),
        ("GIF screen", gif_screen),
        ("GIF frame", gif_frame),
        ("BMP", bmp),
        ("WebP", webp),
    ] {
        let process_before = process_peak_bytes();
        let (result, peak) =
            peak_of(|| Decoder::new(DecodeLimits::default()).decode(&bytes, None, &mut Nothing));
        assert!(matches!(result, Err(DecodeError::TooManyPixels { .. })), "{kind}: {result:?}");
        assert!(peak < 1 << 20, "{kind}: {peak} bytes");
        assert_eq!(probe(&bytes, &DecodeLimits::default()).unwrap_err(), result.unwrap_err());
        assert!(process_peak_bytes() - process_before < 16 << 20, "{kind}");
    }
}

/// The largest resident size of this process so far; 0 where the system does not tell.
fn process_peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Width × height pixels that no compression removes.
fn noise(width: u32, height: u32, alpha: bool) -> DynamicImage {
    let mut state = 1u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    if alpha {
        image::RgbaImage::from_fn(width, height, |_, _| image::Rgba([0; 4].map(|_: u8| next())))
            .into()
    } else {
        image::RgbImage::from_fn(width, height, |_, _| image::Rgb([0; 3].map(|_: u8| next())))
            .into()
    }
}

#[test]
fn the_probe_foresees_the_peak() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let encode = |image: DynamicImage, format| {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let sixteen = DynamicImage::ImageRgba16(noise(2000, 1500, true).to_rgba16());
    for (kind, bytes) in [
        ("PNG", encode(noise(2000, 1500, false), ImageFormat::Png)),
        ("PNG of 16 bits with alpha", encode(sixteen, ImageFormat::Png)),
        ("GIF", encode(noise(600, 500, false), ImageFormat::Gif)),
        ("WebP", encode(noise(1000, 700, false), ImageFormat::WebP)),
        ("WebP with alpha", encode(noise(1000, 700, true), ImageFormat::WebP)),
        ("BMP", encode(noise(2000, 1500, false), ImageFormat::Bmp)),
        ("lossy WebP", fixture("lossy-95.webp")),
        ("animated WebP", fixture("animated-alpha.webp")),
        ("interlaced PNG", fixture("interlaced-rgb.png")),
    ] {
        let foreseen = probe(&bytes, &DecodeLimits::default()).unwrap().peak_bytes;
        let (result, peak) =
            peak_of(|| Decoder::new(DecodeLimits::default()).decode(&bytes, None, &mut Nothing));
        result.unwrap();
        println!("{kind}: foreseen {foreseen}, found {peak}");
        assert!(peak as u64 <= foreseen, "{kind}: foreseen {foreseen}, found {peak}");
    }
    let sixteen = DynamicImage::ImageRgba16(noise(2000, 1500, true).to_rgba16());
    let foreseen = probe(&encode(sixteen, ImageFormat::Png), &DecodeLimits::default()).unwrap();
    assert!(foreseen.peak_bytes < 2 << 20, "a PNG needs a few rows, not {}", foreseen.peak_bytes);
}

#[test]
fn a_progressive_jpeg_is_foreseen_to_need_its_coefficients_and_a_baseline_one_a_few_rows() {
    const SIDE: u64 = 4000;
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Two bytes a coefficient, 4:2:0: one and a half coefficients a pixel.
    let coefficients = 3 * SIDE * SIDE;
    for (name, frame_marker, kept) in
        [("baseline-420.jpg", 0xC0, 0), ("progressive-420.jpg", 0xC2, coefficients)]
    {
        let mut bytes = fixture(name);
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, frame_marker]).unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&(SIDE as u16).to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&(SIDE as u16).to_be_bytes());
        let foreseen = probe(&bytes, &DecodeLimits::default()).unwrap().peak_bytes;
        assert!(foreseen > kept && foreseen < kept + (4 << 20), "{name}: {foreseen}");
        let before = process_peak_bytes();
        // A few rows of data: the baseline file is refused in the end, but decoded all the same.
        let _ = Decoder::new(DecodeLimits::default()).decode(&bytes, None, &mut Nothing);
        let grown = process_peak_bytes() - before;
        println!("{name}: foreseen {foreseen}, the process grew by {grown}");
        assert!(grown <= foreseen + (1 << 20), "{name}: foreseen {foreseen}, found {grown}");
    }
}
