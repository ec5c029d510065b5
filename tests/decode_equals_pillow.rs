//! Decoding gives the pixels that Pillow 11.3 gives, byte for byte.
//!
//! The fixtures and the lists of expected hashes are made by `tests/fixtures/decode/make.py`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tcolz::decode::{DecodeError, DecodeLimits, Decoder, RgbImage};
use tcolz::sample::PhotoInfo;

/// Set to 1, it makes libjpeg-turbo use its plain C code.
const WITHOUT_SIMD: &str = "JSIMD_FORCENONE";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode")
}

/// The first 16 hexadecimal digits of BLAKE3.
fn digest(pixels: &[u8]) -> String {
    blake3::hash(pixels).to_hex()[..16].to_owned()
}

/// Lines of tab-separated fields.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Photos that the lists of hashes speak of; `None`, and a word about it, where the test data are not installed.
fn photos() -> Option<PathBuf> {
    let shared = std::env::var_os("TCOLZ_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("ttd/images");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "expected the photos of the Twitter Testing Dataset at {}",
        folder.display()
    );
    println!("skipped: no photos at {} (set TCOLZ_SHARED)", folder.display());
    None
}

/// Decodes the first `cut` bytes of a file, or all of them for "-".
fn decode(
    decoder: &mut Decoder,
    path: &Path,
    cut: &str,
) -> Result<(PhotoInfo, RgbImage), DecodeError> {
    let bytes = std::fs::read(path).unwrap();
    let bytes = cut.parse().map_or(&bytes[..], |cut: usize| &bytes[..cut]);
    let mut image = RgbImage::new();
    let info = decoder.decode(bytes, None, &mut image)?;
    assert_eq!(image.pixels.len(), image.width as usize * image.height as usize * 3);
    Ok((info, image))
}

/// Compares every fixture with its expectation; one line for each that differs.
fn fixtures_that_differ() -> Vec<String> {
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut differing = Vec::new();
    for line in table(&fixtures().join("expected.tsv")) {
        let [name, cut, width, height, progressive, orientation, pixels] = &line[..] else {
            panic!("expected.tsv: {line:?}");
        };
        let damaged = cut != "-" || name.starts_with("damaged");
        if damaged && std::env::var_os(WITHOUT_SIMD).is_some() {
            continue;
        }
        let found = match decode(&mut decoder, &fixtures().join(name), cut) {
            Err(error) if pixels == "refused" => {
                assert_eq!(error.code(), "truncated", "{name} cut {cut}: {error}");
                continue;
            }
            Err(error) => error.to_string(),
            Ok((info, image)) => {
                assert_eq!((image.width, image.height), (info.width, info.height), "{name}");
                let orientation =
                    info.exif_orientation.map_or("-".to_owned(), |value| value.to_string());
                format!(
                    "{} {} {} {} {}",
                    info.width,
                    info.height,
                    u8::from(info.progressive),
                    orientation,
                    digest(&image.pixels)
                )
            }
        };
        let expected = format!("{width} {height} {progressive} {orientation} {pixels}");
        if found != expected {
            differing.push(format!("{name} cut {cut}: expected {expected}, found {found}"));
        }
    }
    differing
}

#[test]
fn every_oddity_decodes_to_the_pixels_of_pillow() {
    let differing = fixtures_that_differ();
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn every_photo_of_the_test_dataset_and_its_cuts_decode_to_the_pixels_of_pillow() {
    const MCU_ROWS: u32 = 16;
    let Some(folder) = photos() else { return };
    let lines = table(&fixtures().join("ttd.tsv"));
    assert!(lines.len() > 1269 + 200);
    let check = |lines: &[Vec<String>]| {
        let mut decoder = Decoder::new(DecodeLimits::default());
        for line in lines {
            let [name, cut, reached, pixels] = &line[..] else { panic!("ttd.tsv: {line:?}") };
            let (info, image) = decode(&mut decoder, &folder.join(name), cut)
                .unwrap_or_else(|error| panic!("{name} cut {cut}: {error}"));
            assert_eq!(&digest(&image.pixels), pixels, "{name} cut {cut}");
            let found = (info.recovered_share * info.height as f32).round() as u32;
            match reached.parse::<u32>() {
                Err(_) => assert_eq!(found, info.height, "{name}"),
                // The list tells rows by comparing pictures, so it sees too many where the next MCU row is grey to begin with.
                Ok(reached) => assert!(
                    found == reached || found + MCU_ROWS == reached,
                    "{name} cut {cut}: expected {reached} rows of {}, found {found}",
                    info.height
                ),
            }
        }
    };
    let (first, second) = lines.split_at(lines.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| check(first));
        check(second);
    });
}

/// Runs the fixtures in a child process that has this variable set.
fn fixtures_pass_with(variable: &str, value: &str) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "every_oddity_decodes_to_the_pixels_of_pillow"])
        .env(variable, value)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
fn the_pixels_do_not_depend_on_the_simd_level() {
    fixtures_pass_with("JSIMD_FORCESSE2", "1");
}

/// libjpeg-turbo's C and SIMD code agree on every coefficient that an encoder can write; from damaged data come others, which
/// overflow differently. Every x86-64 processor has SSE2, so this makes no difference there.
#[test]
fn the_pixels_of_undamaged_files_do_not_depend_on_simd() {
    fixtures_pass_with(WITHOUT_SIMD, "1");
}

/// glibc fills every allocation with this byte's complement and every freed one with the byte; elsewhere the test is empty.
#[test]
fn the_pixels_do_not_depend_on_what_was_in_memory() {
    for byte in ["1", "85", "254"] {
        fixtures_pass_with("MALLOC_PERTURB_", byte);
    }
}
