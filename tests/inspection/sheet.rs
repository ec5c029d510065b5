//! Contact sheets show the stored pixels, where they say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::ledger;

use std::path::Path;
use std::process::Output;

use tcolz_demo::Oddity;
use tcolz_format::dataset::Dataset;
use tcolz_photo::{DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;
use tcolz_pixels::recipe::Dtype;

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
fn demo(folder: &Path) -> (Dataset, tcolz_demo::DemoDump) {
    let photos = folder.join("photos");
    let dump = tcolz_demo::make_dump(&photos, 40).unwrap();
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

#[test]
fn a_sheet_is_a_png_or_a_jpeg_by_its_name_and_stands_beside_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, _) = demo(folder.path());
    let [png, jpg, html] = ["s.png", "s.JPG", "s.html"].map(|name| folder.path().join(name));
    assert_eq!(sheet(dataset.root(), &png, &["--duplicates"]).status.code(), Some(0));
    let more = ["--duplicates", "--html", html.to_str().unwrap()];
    let output = sheet(dataset.root(), &jpg, &more);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("across splits"));
    assert!(std::fs::read_to_string(html).unwrap().contains("Duplicates and leakage"));
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    assert!(std::fs::read(&jpg).unwrap().starts_with(b"\xFF\xD8\xFF"));
    let (exact, near) = (picture(&png), picture(&jpg));
    assert_eq!((exact.width, exact.height), (near.width, near.height));
    let pairs = exact.pixels.iter().zip(&near.pixels);
    let difference: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(difference / (exact.pixels.len() as u64) < 8, "the same picture");
    for name in ["s.gif", "s", "s.png.txt"] {
        let output = sheet(dataset.root(), &folder.path().join(name), &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(".png or .jpg"), "{said}");
        assert!(!folder.path().join(name).exists());
    }
    let mut show = common::tcolz();
    let shown = show.arg("show").arg(dataset.root()).args(["x", "--png", "photo.jpg"]).output();
    assert_eq!(shown.unwrap().status.code(), Some(2));
}

#[test]
fn a_sheet_of_many_rows_is_cut_into_pages_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let classes: Vec<String> = (0..430).map(|class| format!("c {class:03}")).collect();
    let made = (0..430u16).map(|number| ledger::Made {
        split: 0,
        label: Some(number),
        planes: Some(ledger::noise(u64::from(number), 4)),
        source: u64::from(number),
    });
    ledger::write(&out, 4, &["train"], &classes, made);
    let png = folder.path().join("many.png");
    let output = sheet(&out, &png, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    // A line for the page, its gap, and rows of 169 pixels below 6000: 35 of them.
    let first = picture(&png);
    assert_eq!(first.height, 8 + 11 + 8 + 35 * 169);
    let page = |number: u32| folder.path().join(format!("many-{number}.png"));
    let pages = 2..=12;
    let rows: u32 = pages.map(|number| (picture(&page(number)).height - 27) / 169).sum();
    assert_eq!(35 + rows, 400, "every page follows the other");
    assert!(!page(13).exists());
    assert!(said.contains("12 pages show the first 400 of 430 rows"), "{said}");
}

#[test]
fn headings_and_captions_are_wrapped_and_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let classes = ["a class with a name that is very long".to_owned(), "dog".to_owned()];
    // The same picture in two splits under two labels, a few levels brighter.
    let planes = ledger::noise(1, 16);
    let brighter: Vec<u8> = planes.iter().map(|value| value.saturating_add(3)).collect();
    let made = [(planes, 0), (brighter, 1)].map(|(planes, at)| ledger::Made {
        split: at,
        label: Some(at as u16),
        planes: Some(planes),
        source: at as u64,
    });
    ledger::write(&out, 16, &["train", "validation"], &classes, made.into_iter());
    let png = folder.path().join("pair.png");
    let output = sheet(&out, &png, &["--duplicates"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let screen = String::from_utf8_lossy(&output.stdout).into_owned();
    let heading = screen.lines().find(|line| line.contains("LABELS DIFFER")).unwrap();
    let sheet = picture(&png);
    // Four tiles wide, which the heading fills in one line.
    assert!(heading.chars().count() * 8 < 4 * 136 - 8, "{heading}");
    // A heading, a tile, the name, and `train / a class with a name that is very long` in lines of 16 letters.
    let caption = ["train / a class", "with a name that", "is very long"];
    assert_eq!((sheet.width, sheet.height), (4 * 136 + 8, 8 + 11 + 128 + 11 + 33 + 8));
    let lit = |from: (usize, usize), size: (usize, usize)| {
        let rows = from.1..from.1 + size.1;
        let places = rows.flat_map(|y| (from.0..from.0 + size.0).map(move |x| (x, y)));
        let value = |(x, y): (usize, usize)| sheet.pixels[(y * sheet.width as usize + x) * 3];
        places.filter(|&place| value(place) > 100).count()
    };
    let end = heading.chars().count() * 8;
    assert!(lit((8 + end - 40, 8), (40, 8)) > 20, "the end of the heading");
    for (line, words) in caption.iter().enumerate() {
        let top = 8 + 11 + 128 + 3 + 11 * (line + 1);
        assert!(lit((8 + (words.len() - 3) * 8, top), (24, 8)) > 10, "the end of `{words}`");
    }
}
