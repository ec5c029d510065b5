//! Nothing is lost without a word: every listed line is in the ledger with what became of it and why.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![cfg(unix)]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tcolz_convert::dump::{Dump, Layout};
use tcolz_convert::{ConvertOptions, ConvertSummary};
use tcolz_demo::Oddity;
use tcolz_format::dataset::LedgerRow;
use tcolz_format::dataset::verify;
use tcolz_format::sample::Status;
use tcolz_pixels::photo_info::SourceFormat;

/// Long enough for any conversion here, short enough to notice one that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Converts on another thread, so that a conversion that waits for ever is a failure and no hang.
fn convert_or_give_up(options: ConvertOptions) -> ConvertSummary {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(common::converted(&options));
    });
    receiver.recv_timeout(PATIENCE).expect("the conversion ends")
}

/// Rows of the ledger by (list, line); the dataset must be sound and its counts add up.
fn rows(summary: &ConvertSummary) -> BTreeMap<(String, u32), LedgerRow> {
    let dataset = &summary.dataset;
    assert_eq!(verify(dataset.root(), &|_| ()).unwrap().faults, []);
    let rows = dataset.ledger().unwrap();
    let counts = dataset.meta().counts;
    assert_eq!(counts.listed, rows.len() as u64);
    assert_eq!(
        counts.listed,
        counts.stored + counts.quarantined + counts.missing + counts.duplicate
    );
    let key = |row: LedgerRow| ((row.list.to_string(), row.line), row);
    rows.into_iter().map(key).collect()
}

/// A PNG that says it is of this size and holds nothing else.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = header.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let parts: [&[u8]; 4] =
        [b"\x89PNG\r\n\x1A\n", &13u32.to_be_bytes(), &header, &(!crc).to_be_bytes()];
    parts.concat()
}

/// A GIF of one black pixel.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A line of a list: path, label, and the status and reason code that it must end with.
type Line = (String, &'static str, (Status, Option<&'static str>));

const TRAIN: &str = "b-t4sa_train.txt";
const VAL: &str = "b-t4sa_val.txt";

#[test]
fn every_line_of_an_odd_dump_is_in_the_ledger_with_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    let demo = tcolz_demo::make_dump(&folder.path().join("demo"), 3).unwrap();
    let photo = fs::read(demo.root.join(&demo.photos[0])).unwrap();
    let odd = |oddity| fs::read(demo.root.join(&demo.odd_line(oddity).sample_id)).unwrap();
    let id = |number: u32| format!("data/78476/78476094318818918{number:02}-1.jpg");
    let put = |number: u32, bytes: &[u8]| common::write(&dump.join(id(number)), bytes);

    put(1, &common::photo(1, 50, 40)); // PNG bytes under a .jpg name
    put(2, GIF);
    put(4, b"");
    put(5, b"<!DOCTYPE html>\n");
    fs::create_dir_all(dump.join(id(6))).unwrap();
    assert!(Command::new("mkfifo").arg(dump.join(id(7))).status().unwrap().success());
    put(8, &photo);
    fs::set_permissions(dump.join(id(8)), fs::Permissions::from_mode(0o000)).unwrap();
    let root_reads_all = fs::read(dump.join(id(8))).is_ok();
    put(9, &odd(Oddity::Tiny)); // 4 × 5 pixels
    put(10, &odd(Oddity::Truncated));
    put(11, &png_header(60_000, 60_000));
    put(12, &photo[..20]); // nothing of a picture
    put(13, &odd(Oddity::Grayscale));
    common::write(&folder.path().join("outside.jpg"), &photo);

    use Status::{Duplicate, Missing, Quarantined, Stored};
    let plain = |number: u32| id(number);
    let readable = if root_reads_all { (Stored, None) } else { (Quarantined, Some("unreadable")) };
    let lines: Vec<Line> = vec![
        (plain(1), "0", (Stored, None)),
        (plain(2), "1", (Stored, None)),
        (plain(3), "2", (Missing, Some("missing"))),
        (plain(4), "0", (Quarantined, Some("empty"))),
        (plain(5), "0", (Quarantined, Some("unknown-format"))),
        (plain(6), "0", (Quarantined, Some("unreadable"))),
        (plain(7), "0", (Quarantined, Some("unreadable"))),
        (plain(8), "0", readable),
        (plain(9), "2", (Stored, None)),
        (plain(10), "2", (Stored, Some("truncated"))),
        (plain(11), "1", (Quarantined, Some("too-many-pixels"))),
        (plain(12), "1", (Quarantined, Some("corrupt"))),
        (plain(13), "1", (Stored, None)),
        (plain(1), "0", (Duplicate, Some("duplicate"))),
        (format!("./{}", id(1)), "0", (Duplicate, Some("duplicate"))),
        (plain(1), "2", (Duplicate, Some("label conflict"))),
        (plain(3), "2", (Duplicate, Some("duplicate"))),
        ("../outside.jpg".to_owned(), "0", (Quarantined, Some("path-leaves-dump"))),
        ("data/../../outside.jpg".to_owned(), "0", (Quarantined, Some("path-leaves-dump"))),
        (
            folder.path().join("outside.jpg").to_str().unwrap().to_owned(),
            "0",
            (Quarantined, Some("path-leaves-dump")),
        ),
        (plain(2), "7", (Quarantined, Some("unknown-label"))),
        (plain(2), "-1", (Quarantined, Some("unknown-label"))),
        ("no-label.jpg".to_owned(), "", (Quarantined, Some("bad-line"))),
        (format!("{}/deeper.jpg", id(1)), "1", (Missing, Some("missing"))),
    ];
    let list: String = lines
        .iter()
        .map(|(path, label, _)| format!("{path} {label}").trim_end().to_owned() + "\r\n")
        .collect();
    common::write(&dump.join(TRAIN), list.as_bytes());
    // The same path in two splits is stored in both; without a last line end; after an empty line.
    common::write(&dump.join(VAL), format!("\n{} 1\n{} 0", id(1), id(3)).as_bytes());

    let summary = convert_or_give_up(common::options(&dump, &folder.path().join("out"), &[16]));
    let rows = rows(&summary);
    assert_eq!(rows.len(), lines.len() + 2);
    for ((_, _, expected), line) in lines.iter().zip(1..) {
        let row = &rows[&(TRAIN.to_owned(), line)];
        assert_eq!((row.status, row.reason_code()), *expected, "line {line}: {row:?}");
        assert_eq!(row.place.is_some(), row.status == Stored, "line {line}");
        assert_eq!(&*row.split, "train");
    }
    let row = |line: u32| &rows[&(TRAIN.to_owned(), line)];
    assert_eq!(row(1).photo.unwrap().format, SourceFormat::Png);
    assert_eq!(row(2).photo.unwrap().format, SourceFormat::Gif);
    assert_eq!(row(1).tweet_id, Some(7_847_609_431_881_891_801));
    assert_eq!((row(9).photo.unwrap().width, row(9).photo.unwrap().height), (4, 5));
    assert!(row(10).photo.unwrap().recovered_share < 1.0);
    assert!(row(14).reason.as_ref().unwrap().contains("line 1"), "{:?}", row(14).reason);
    let val = |line: u32| &rows[&(VAL.to_owned(), line)];
    assert_eq!((val(2).status, val(2).label), (Stored, Some(1)));
    assert_eq!(val(2).tensors, row(1).tensors);
    assert_eq!(val(3).status, Missing);
    let outside = blake3::hash(&photo);
    assert!(rows.values().all(
        |row| row.source.is_none_or(|(_, hash)| hash != *outside.as_bytes()) || root_reads_all
    ));
}

#[test]
fn a_dump_without_a_single_good_photo_is_a_dataset_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    common::write(&dump.join(TRAIN), b"data/1/1-1.jpg 0\ndata/1/2-1.jpg 1\n");
    let summary = convert_or_give_up(common::options(&dump, &folder.path().join("out"), &[16]));
    assert!(rows(&summary).values().all(|row| row.status == Status::Missing));
    assert_eq!(summary.dataset.meta().counts.bad(), 2);
    assert_eq!(summary.reasons, [("missing".to_owned(), 2)]);
}

#[test]
fn a_small_ttd_keeps_its_agreement_and_tweet_ids() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("ttd");
    let names = ["288_463613689107468288_Bm77eK8CIAAdKjk.jpg", "1_2_a-b_c.jpg", "1_3_x.jpg"];
    for (name, number) in names.iter().zip(0..) {
        common::write(&dump.join("Agg_AMT_Candidates").join(name), &common::photo(number, 30, 20));
    }
    for (list, count) in [("three", 3), ("four", 2), ("five", 1)] {
        let lines: String = names[..count].iter().map(|name| format!("{name} 1\n")).collect();
        common::write(
            &dump.join(format!("ground_truth/twitter_{list}_agrees.txt")),
            lines.as_bytes(),
        );
    }
    let summary = convert_or_give_up(common::options(&dump, &folder.path().join("out"), &[8]));
    let rows = rows(&summary);
    let row = |line| &rows[&("ground_truth/twitter_three_agrees.txt".to_owned(), line)];
    assert_eq!([1, 2, 3].map(|line| row(line).agreement), [Some(5), Some(4), Some(3)]);
    assert_eq!(row(1).tweet_id, Some(463_613_689_107_468_288));
    assert_eq!(row(2).path, "Agg_AMT_Candidates/1_2_a-b_c.jpg");
    assert_eq!(summary.dataset.meta().classes, ["negative", "positive"]);
}

#[test]
fn the_real_ttd_is_listed_with_the_published_counts() {
    let Some(ttd) = common::shared("ttd") else { return };
    let dump = Dump::open(&ttd, None).unwrap();
    assert_eq!((dump.reading.layout, dump.inputs.len()), (Layout::Ttd, 1269));
    assert!(dump.inputs.iter().all(|input| input.problem.is_none()));
    let count = |agreement: u8, label: u16| {
        let wanted = |input: &&tcolz_convert::dump::Input| {
            input.agreement >= Some(agreement) && input.label == Some(label)
        };
        dump.inputs.iter().filter(wanted).count()
    };
    assert_eq!(
        [5, 4, 3].map(|level| (count(level, 0), count(level, 1))),
        [(301, 581), (427, 689), (500, 769)]
    );
    let missing = |input: &&tcolz_convert::dump::Input| {
        !ttd.join(dump.relative_path(&input.sample_id)).is_file()
    };
    assert_eq!(dump.inputs.iter().filter(missing).count(), 0);
}

#[test]
fn files_of_a_folder_dump_with_unusable_names_are_quarantined_and_counted() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    let photo = common::photo(1, 20, 20);
    common::write(&dump.join("cat/good name ü.png"), &photo);
    common::write(&dump.join("cat/line\nbreak.png"), &photo);
    common::write(&dump.join("cat").join(OsStr::from_bytes(b"not-\xFF-utf8.png")), &photo);
    std::os::unix::fs::symlink(Path::new("nowhere"), dump.join("cat/broken-link.png")).unwrap();
    std::os::unix::fs::symlink(Path::new("."), dump.join("cat/circle")).unwrap();
    let summary = convert_or_give_up(common::options(&dump, &folder.path().join("out"), &[8]));
    let mut found: Vec<(Status, Option<String>)> = rows(&summary)
        .into_values()
        .map(|row| (row.status, row.reason_code().map(str::to_owned)))
        .collect();
    found.sort();
    let code = |text: &str| Some(text.to_owned());
    let expected = [
        (Status::Stored, None),
        (Status::Quarantined, code("unusable-name")),
        (Status::Quarantined, code("unusable-name")),
        (Status::Missing, code("missing")),
    ];
    assert_eq!(found, expected);
    // A link that leads back holds no photo of its own; that it is there is said.
    let notes = tcolz_convert::dump::Dump::open(&dump, None).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("`cat/circle`")), "{notes:?}");
}
