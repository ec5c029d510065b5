//! Section `memory`: the most anonymous memory that a conversion takes, on the largest photos that
//! are accepted and on very many inputs.

use std::fs;
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::child;
use crate::report::{Goal, Table, count};
use crate::settings::Settings;

/// 39.96 megapixels: the limit of the default recipe is 40.
const SIDES: (u16, u16) = (7740, 5160);
/// Photos of each kind.
const COPIES: usize = 6;
/// Lines of the B-T4SA lists.
const LINES: u32 = 470_586;
/// Small photos that are all stored.
const SMALL: u32 = 30_000;

const GOAL: Goal = Goal::AtMost(400.0, 200.0);

pub(crate) fn section(settings: &Settings) -> String {
    let folder = settings.work.path().join("memory");
    let mut table = Table::new(["inputs", "RssAnon, peak", "photos/s", "verdict"]);
    let mut measure = |what: String, dump: &Path, inputs: u64| {
        eprintln!("{what}");
        let out = settings.work.path().join("converted");
        let ended = child::convert(dump, &out, 2, &[]);
        fs::remove_dir_all(&out).expect("a dataset of this run");
        let peak = ended.peak_anonymous_bytes as f64 / 1e6;
        let speed = inputs as f64 / ended.seconds;
        let verdict = GOAL.verdict(peak).to_owned();
        table.row([what, format!("{peak:.0} MB"), format!("{speed:.1}"), verdict]);
    };

    let kinds = large_photos();
    let mixed = folder.join("mixed/photos");
    fs::create_dir_all(&mixed).expect("a folder");
    for (number, (name, bytes)) in kinds.iter().enumerate() {
        let dump = folder.join(number.to_string());
        fs::create_dir_all(dump.join("photos")).expect("a folder");
        for copy in 0..COPIES {
            let path = dump.join(format!("photos/{copy}.jpg"));
            fs::write(&path, bytes).expect("room for large photos");
            // Named so that the kinds take turns.
            fs::hard_link(&path, mixed.join(format!("{copy}-{number}.jpg"))).expect("a link");
        }
        let megabytes = bytes.len() as f64 / 1e6;
        measure(
            format!("{COPIES} × 40 megapixels, {name}, {megabytes:.0} MB a file"),
            &dump,
            COPIES as u64,
        );
    }
    let mixed = folder.join("mixed");
    measure("all of these in turn".to_owned(), &mixed, (COPIES * kinds.len()) as u64);
    drop(kinds);

    let many = folder.join("many");
    small_photos(&many);
    measure(format!("{} small photos", count(SMALL.into())), &many, SMALL.into());
    let listed = folder.join("listed");
    missing_photos(&listed);
    measure(
        format!("{} listed inputs, all missing: the ledger's own share", count(LINES.into())),
        &listed,
        LINES.into(),
    );
    fs::remove_dir_all(&folder).expect("a folder of this run");
    format!(
        "## Memory\n\nAnonymous memory (RssAnon, every 20 ms) of `tcolz convert`, default recipe, 2 threads; made-up photos of \
         {} × {} pixels. Goal: {}. A progressive photo's coefficients are held whole by libjpeg-turbo: 2 bytes a sample, \
         240 MB for 40 megapixels 4:4:4 and 120 MB for 4:2:0; no decoder of its kind needs less.\n\n{}",
        SIDES.0,
        SIDES.1,
        GOAL.words(" MB"),
        table.text()
    )
}

/// One photo of each kind.
fn large_photos() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = SIDES;
    // Structure and grain: the size of the files is that of photographs.
    let mut state = 1u32;
    let pixels: Vec<u8> = (0..u32::from(height))
        .flat_map(|y| (0..u32::from(width)).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 27) as u8;
            let value = |scale: u32| ((x / scale + y / 7) as u8 / 2).wrapping_add(grain);
            [value(9), value(11), value(13)]
        })
        .collect();
    let jpeg = |progressive, sampling| {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 85);
        encoder.set_progressive(progressive);
        encoder.set_sampling_factor(sampling);
        encoder.encode(&pixels, width, height, ColorType::Rgb).expect("a JPEG");
        bytes
    };
    let png =
        tcolz_pixels::picture::encode_png(width.into(), height.into(), &pixels).expect("a PNG");
    vec![
        ("baseline 4:2:0", jpeg(false, SamplingFactor::F_2_2)),
        ("progressive 4:2:0", jpeg(true, SamplingFactor::F_2_2)),
        ("progressive 4:4:4", jpeg(true, SamplingFactor::F_1_1)),
        ("PNG", png),
    ]
}

/// A dump of very many small photos, hard links of a few files.
fn small_photos(folder: &Path) {
    let pixels: Vec<u8> = (0..32 * 32 * 3).map(|at| (at * 7 % 251) as u8).collect();
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 85).encode(&pixels, 32, 32, ColorType::Rgb).expect("a JPEG");
    for part in 0..3 {
        let part = folder.join(format!("class-{part}"));
        fs::create_dir_all(&part).expect("a folder");
        let first = part.join("00000.jpg");
        fs::write(&first, &bytes).expect("room for a small photo");
        for number in 1..SMALL / 3 {
            fs::hard_link(&first, part.join(format!("{number:05}.jpg"))).expect("a link");
        }
    }
}

/// Lists as long as those of B-T4SA, without their photos.
fn missing_photos(folder: &Path) {
    use std::fmt::Write as _;
    fs::create_dir_all(folder).expect("a folder");
    for (split, share) in [("train", 0..8u32), ("val", 8..9), ("test", 9..10)] {
        let mut list = String::new();
        for line in LINES / 10 * share.start..LINES / 10 * share.end {
            let tweet = 760_000_000_000_000_000u64 + u64::from(line) * 77_777_777;
            let folder = tweet / 10_000_000_000_000;
            let _ = writeln!(list, "data/{folder}/{tweet}-1.jpg {}", line % 3);
        }
        fs::write(folder.join(format!("b-t4sa_{split}.txt")), list).expect("room for a list");
    }
}
