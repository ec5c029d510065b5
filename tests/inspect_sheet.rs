//! Contact sheets show the stored pixels, where they say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::path::Path;
use std::process::Output;

use tcolz::Dataset;
use tcolz::decode::{DecodeLimits, Decoder, RgbImage};
use tcolz::demo::Oddity;
use tcolz::recipe::Dtype;

fn sheet(dataset: &Path, png: &Path, more: &[&str]) -> Output {
    let mut command = common::tcolz();
    command.arg("inspect").arg(dataset).arg("--sheet").arg(png).args(more).output().unwrap()
}

fn picture(png: &Path) -> RgbImage {
    let mut picture = RgbImage::new();
    let bytes = std::fs::read(png).unwrap();
    Decoder::new(DecodeLimits::default()).decode(&bytes, None, &mut picture).unwrap();
    picture
}

/// The square of 128 pixels at (`left`, `top`) as planes.
fn tile(sheet: &RgbImage, left: usize, top: usize) -> Vec<u8> {
    let pixel = |channel: usize, y: usize, x: usize| {
        sheet.pixels[((top + y) * sheet.width as usize + left + x) * 3 + channel]
    };
    let mut planes = Vec::new();
    for channel in 0..3 {
        for y in 0..128 {
            planes.extend((0..128).map(|x| pixel(channel, y, x)));
        }
    }
    planes
}

/// A demo with tensors as large as a tile.
fn demo(folder: &Path) -> (Dataset, tcolz::demo::DemoDump) {
    let photos = folder.join("photos");
    let dump = tcolz::demo::make_dump(&photos, 40).unwrap();
    let dataset = common::converted(&common::options(&photos, &folder.join("out"), &[128])).dataset;
    (dataset, dump)
}

#[test]
fn a_row_of_each_class_shows_samples_of_it_as_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, _) = demo(folder.path());
    let png = folder.path().join("sheet.png");
    let output = sheet(dataset.root(), &png, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sheet.png"));
    let sheet = picture(&png);
    // A heading of 11 pixels, a tile of 128, two lines of caption and a gap of 8 for each of three classes.
    let row_height = 11 + 128 + 22 + 8;
    assert_eq!((sheet.width, sheet.height), (8 * 136 + 8, 3 * row_height + 8));
    let ledger = dataset.ledger().unwrap();
    for class in 0..3usize {
        let label = Some(class as u16);
        let samples: Vec<_> =
            ledger.iter().filter(|row| row.place.is_some() && row.label == label).collect();
        for number in 0..8 {
            let row = samples[number * samples.len() / 8];
            let top = 8 + class * row_height as usize + 11;
            let shown = tile(&sheet, 8 + number * 136, top);
            assert!(shown == dataset.read_tensor(row, 0).unwrap(), "class {class}, tile {number}");
            let caption = |at: usize| {
                let (x, y) = (8 + number * 136 + at % 128, top + 131 + at / 128);
                sheet.pixels[(y * sheet.width as usize + x) * 3] != 32
            };
            assert!((0..8 * 128).filter(|&at| caption(at)).count() > 100, "its name stands below");
        }
    }
}

#[test]
fn the_quarantine_is_shown_with_reasons_and_the_splits_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, _) = demo(folder.path());
    let height = |by: &str| {
        let png = folder.path().join(format!("{by}.png"));
        let output = sheet(dataset.root(), &png, &["--sheet-by", by]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        picture(&png).height as usize
    };
    assert_eq!(height("split"), 3 * 169 + 8);
    let mut kinds: Vec<_> = dataset
        .ledger()
        .unwrap()
        .iter()
        .map(|row| (row.status, row.reason_code().map(str::to_owned)))
        .collect();
    kinds.sort();
    kinds.dedup();
    assert!(kinds.len() > 5);
    assert_eq!(height("status"), kinds.len() * 169 + 8);
}

#[test]
fn duplicates_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, dump) = demo(folder.path());
    let png = folder.path().join("pairs.png");
    let output = sheet(dataset.root(), &png, &["--duplicates"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let sheet = picture(&png);
    let leaked = &dump.odd_line(Oddity::Leakage).sample_id;
    let row = &dataset.find(leaked).unwrap()[0];
    let expected = dataset.read_tensor(row, 0).unwrap();
    assert!(tile(&sheet, 8, 8 + 11) == expected);
    assert!(tile(&sheet, 8 + 136, 8 + 11) == expected);
}

#[test]
fn what_cannot_be_shown_is_said_and_no_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    common::small_dump(&photos);
    let mut options = common::options(&photos, &folder.path().join("out"), &[16]);
    options.recipe.dtype = Dtype::F32;
    common::converted(&options);
    let png = folder.path().join("sheet.png");
    let output = sheet(&options.out, &png, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("expected pixels, found f32"), "{said}");
    let output = sheet(&options.out, &png, &["--duplicates"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("no duplicates"), "{said}");
    let output = sheet(&options.out, &png, &["--sheet-by", "colour"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("class, split or status"), "{said}");
    assert!(!png.exists());
}
