//! Decoding gives the pixels that Pillow 11.3 gives, byte for byte.
//!
//! The fixtures and the lists of expected hashes are made by `tests/fixtures/decode/make.py`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tcolz_photo::{DecodeError, DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;
use tcolz_pixels::photo_info::PhotoInfo;

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
        .args(["--exact", "decode_equals_pillow::every_oddity_decodes_to_the_pixels_of_pillow"])
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

fn pixels_of(bytes: &[u8]) -> Vec<u8> {
    let mut image = RgbImage::new();
    Decoder::new(DecodeLimits::default()).decode(bytes, None, &mut image).unwrap();
    image.pixels
}

/// Pillow shows black, whatever the depth; the crate `png` alone panics.
#[test]
fn colours_beyond_a_png_palette_are_black() {
    let palette: Vec<u8> =
        (0..10u8).flat_map(|index| [index * 7, index * 13, index * 25]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 256, 1);
    encoder.set_color(png::ColorType::Indexed);
    // One byte too many, as found in the wild.
    encoder.set_palette([&palette[..], &[1]].concat());
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&(0..=255).collect::<Vec<u8>>()).unwrap();
    writer.finish().unwrap();
    let mut expected = palette;
    expected.resize(256 * 3, 0);
    assert_eq!(pixels_of(&file), expected);
}

/// Pillow's Unpack.c: `value · 255 / most` in integers.
#[test]
fn every_level_of_a_16_bit_bmp_is_cut_off_and_not_rounded() {
    for (masks, most) in [([0xF800, 0x7E0, 0x1F], [31, 63, 31]), ([0x7C00, 0x3E0, 0x1F], [31; 3])] {
        let values: Vec<u32> = (0..64).collect();
        let shifts = masks.map(u32::trailing_zeros);
        let pixels = values.iter().map(|value| {
            (0..3).fold(0, |pixel, field| pixel | (value % (most[field] + 1)) << shifts[field])
                as u16
        });
        let mut file = b"BM".to_vec();
        for number in [0, 0, 66, 40, 64, 1, 1 | 16 << 16, 3, 0, 0, 0, 0, 0].into_iter().chain(masks)
        {
            file.extend(u32::to_le_bytes(number));
        }
        file.extend(pixels.flat_map(u16::to_le_bytes));
        let expected = values
            .iter()
            .flat_map(|value| most.map(|most| (value % (most + 1) * 255 / most) as u8));
        assert_eq!(pixels_of(&file), expected.collect::<Vec<u8>>());
    }
}

/// What Pillow's `ImageOps.exif_transpose` does, as quarter turns and mirrors of a list of rows.
#[test]
fn a_photo_is_turned_upright_by_its_orientation() {
    type Rows = Vec<Vec<[u8; 3]>>;
    fn mirrored(rows: Rows) -> Rows {
        rows.into_iter().map(|row| row.into_iter().rev().collect()).collect()
    }
    fn turned_right(rows: Rows) -> Rows {
        (0..rows[0].len()).map(|x| rows.iter().rev().map(|row| row[x]).collect()).collect()
    }
    let stored = |bytes: &[u8]| -> Rows {
        let mut image = RgbImage::new();
        Decoder::new(DecodeLimits::default()).decode(bytes, None, &mut image).unwrap();
        let pixels = image.pixels.as_chunks::<3>().0;
        pixels.chunks(image.width as usize).map(<[_]>::to_vec).collect()
    };
    let photo = std::fs::read(fixtures().join("baseline-420.jpg")).unwrap();
    let rows = stored(&photo);
    for orientation in 1..=8u8 {
        let exif = [
            b"\xFF\xE1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0",
            &[orientation][..],
            &[0; 6],
        ];
        let bytes = [&photo[..2], &exif.concat(), &photo[2..]].concat();
        let mut image = RgbImage::new();
        let info =
            Decoder::new(DecodeLimits::default()).decode_upright(&bytes, None, &mut image).unwrap();
        assert_eq!(info.exif_orientation, Some(orientation));
        let turns = match orientation {
            3 | 4 => 2,
            5 | 8 => 3,
            6 | 7 => 1,
            _ => 0,
        };
        let mirror = matches!(orientation, 2 | 4 | 5 | 7);
        let expected = if mirror { mirrored(rows.clone()) } else { rows.clone() };
        let expected = (0..turns).fold(expected, |rows, _| turned_right(rows));
        let found: Rows = image
            .pixels
            .as_chunks::<3>()
            .0
            .chunks(image.width as usize)
            .map(<[_]>::to_vec)
            .collect();
        assert!(found == expected, "orientation {orientation}");
        assert_eq!(stored(&bytes), rows, "nothing is turned unless asked for");
    }
}
