//! Promises of a selection: the steps in their order, exact, nested, the same whatever the codec, and
//! quick for half a million samples.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::{Counts, FileMeta, TensorFacts};
use tcolz_format::dataset::{DATASET_FILE, DatasetMeta, LedgerRow, LedgerWriter, SplitMeta};
use tcolz_format::sample::Status;
use tcolz_loader::{LoaderError, Percent, Select, Selection};
use tcolz_pixels::ChannelSums;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

/// A dataset of `samples` rows whose shards are not there: for what looks at the ledger alone.
/// Every tenth line is missing, every fifth sample is in `val`, classes are of 1 : 2 : 7.
fn ledger_only(out: &Path, samples: u32) -> Dataset {
    let photos = out.with_extension("photos");
    common::write(&photos.join("a/photo.png"), &common::photo(1, 40, 30));
    common::converted(&common::options(&photos, out, &[32]));
    let mut meta = Dataset::open(out).unwrap().meta().clone();
    let mut writer = LedgerWriter::create(&out.join("ledger.parquet"), &meta.columns).unwrap();
    let (mut counts, mut splits) = (Counts::default(), Vec::new());
    for split in ["train", "val"] {
        let mut rows = 0;
        let in_split = |number: &u32| (number % 5 == 4) == (split == "val");
        for number in (0..samples).filter(in_split) {
            let row = ledger_row(number, split, &mut rows);
            counts.add(row.status);
            writer.push(row).unwrap();
        }
        let shards = (0..rows.div_ceil(1000)).map(|shard| FileMeta {
            file: format!("{split}/{shard:05}.arrow"),
            rows: u64::from((rows - shard * 1000).min(1000)),
            bytes: 5_000_000,
            blake3: String::new(),
        });
        let shards = shards.collect();
        splits.push(SplitMeta { name: split.to_owned(), rows: rows.into(), receipt: None, shards });
    }
    (meta.ledger, meta.counts, meta.splits) = (writer.finish().unwrap(), counts, splits);
    meta.classes = ["negative", "neutral", "positive"].map(str::to_owned).to_vec();
    fs::write(out.join(DATASET_FILE), DatasetMeta::to_bytes(&meta)).unwrap();
    Dataset::open(out).unwrap()
}

fn ledger_row(number: u32, split: &str, rows: &mut u32) -> LedgerRow {
    let stored = number % 10 != 7;
    let place = (*rows / 1000, *rows % 1000);
    *rows += u32::from(stored);
    let hash = |salt: u32| *blake3::hash(&(number ^ salt).to_le_bytes()).as_bytes();
    let photo = PhotoInfo {
        format: if number.is_multiple_of(3) { SourceFormat::Png } else { SourceFormat::Jpeg },
        progressive: number.is_multiple_of(2),
        width: 200 + number % 300,
        height: 300,
        jpeg_quality: (!number.is_multiple_of(3)).then_some(80),
        exif_orientation: None,
        recovered_share: 1.0,
    };
    LedgerRow {
        list: Arc::from(format!("{split}.txt")),
        line: number + 1,
        sample_id: id(number),
        path: id(number),
        tweet_id: Some(768_096_868_485_769_216 + u64::from(number)),
        split: Arc::from(split),
        label: Some([0, 1, 1, 2, 2, 2, 2, 2, 2, 2][number as usize / 7 % 10]),
        status: if stored { Status::Stored } else { Status::Missing },
        reason: (!stored).then(|| "missing: no such file".to_owned()),
        place: stored.then_some(place),
        source: stored.then(|| (50_000 + u64::from(number), hash(1))),
        photo: stored.then_some(photo),
        tensors: if stored {
            let sums = ChannelSums { sum: [number.into(); 3], sum_of_squares: [number.into(); 3] };
            vec![TensorFacts { blake3: hash(2), sums }]
        } else {
            vec![]
        },
        dhash: stored.then(|| u64::from(number) << 32),
        text_scores: Some([0.1, number as f32 / 1e6, 0.5]),
        agreement: Some(3 + (number % 3) as u8),
    }
}

fn id(number: u32) -> String {
    format!("data/{:05}/768096868485769{number:06}-1.jpg", number / 100)
}

fn small() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = ledger_only(&folder.path().join("out"), 5000);
    (folder, dataset)
}

/// What a selection holds, as the full rows of the ledger give it.
fn expected(dataset: &Dataset, split: &str, test: impl Fn(&LedgerRow) -> bool) -> Vec<(u32, u32)> {
    let rows = dataset.ledger().unwrap();
    let stored = rows.iter().filter(|row| row.status == Status::Stored && &*row.split == split);
    stored.filter(|row| test(row)).map(|row| row.place.unwrap()).collect()
}

fn places(selection: &Selection) -> Vec<(u32, u32)> {
    selection.places().iter().map(|place| (place.shard, place.row)).collect()
}

fn select(dataset: &Dataset, select: Select) -> Selection {
    Selection::of(dataset, &select).unwrap()
}

#[test]
fn conditions_select_what_the_rows_of_the_ledger_say() {
    let (_folder, dataset) = small();
    type Test = fn(&LedgerRow) -> bool;
    let cases: [(&str, Test); 7] = [
        ("agreement >= 5", |row| row.agreement >= Some(5)),
        ("agreement>=4 and width > 300", |row| {
            row.agreement >= Some(4) && row.photo.unwrap().width > 300
        }),
        ("format = png", |row| row.photo.unwrap().format == SourceFormat::Png),
        ("progressive != true AND label = 2", |row| {
            !row.photo.unwrap().progressive && row.label == Some(2)
        }),
        ("jpeg_quality != 90", |row| row.photo.unwrap().jpeg_quality.is_some()),
        ("tweet_id <= 768096868485769300", |row| row.tweet_id <= Some(768_096_868_485_769_300)),
        ("text_neu < 0.0015", |row| row.text_scores.unwrap()[1] < 0.0015),
    ];
    for (text, test) in cases {
        let condition = Some(text.to_owned());
        let found = select(&dataset, Select { condition, ..Select::split("train") });
        assert_eq!(places(&found), expected(&dataset, "train", test), "{text}");
        assert!(found.len() < found.counts().split, "{text} leaves something out");
    }
}

#[test]
fn a_subset_holds_what_its_lines_name_and_unknown_lines_are_refused() {
    let (folder, dataset) = small();
    let path = folder.path().join("subset.txt");
    let of = |text: &str| {
        fs::write(&path, text).unwrap();
        let subset = Some(path.clone());
        Selection::of(&dataset, &Select { subset, ..Select::split("train") })
    };
    // An id, a list line with a top folder, the same again, another split's, a missing photo.
    let (a, b, val, missing) = (id(3), id(111), id(4), id(7));
    let found = of(&format!("{b}\r\n\ndump/{a} 2\n./{b}\n{val} 1\n{missing}\n")).unwrap();
    assert_eq!(
        places(&found),
        expected(&dataset, "train", |row| row.sample_id == a || row.sample_id == b)
    );
    let lines = found.counts().subset_lines.unwrap();
    assert_eq!((lines.lines, lines.repeated, lines.elsewhere), (5, 1, 2));

    let error = of(&format!("{a}\nno/such.jpg 1\nnor/this.jpg\n")).unwrap_err().to_string();
    assert!(error.contains("subset.txt, line 2") && error.contains("`no/such.jpg 1`"), "{error}");
    assert!(error.contains("(2 such lines)"), "{error}");
    let error = of(&val).unwrap_err().to_string();
    assert!(error.contains("no sample is left of split train"), "{error}");
    assert!(error.contains("0 in the subset"), "{error}");
}

#[test]
fn percentages_are_stratified_nested_and_no_prefix() {
    let (_folder, dataset) = small();
    let take = |text: &str, seed| {
        let percent = Some(Percent::parse(text).unwrap());
        select(&dataset, Select { percent, percent_seed: seed, ..Select::split("train") })
    };
    let set = |selection: &Selection| places(selection).into_iter().collect::<BTreeSet<_>>();
    let all = select(&dataset, Select::split("train"));
    let shares = ["0.1", "1", "2.5", "10", "50", "99", "100"].map(|text| take(text, 7));
    for pair in shares.windows(2) {
        assert!(set(&pair[0]).is_subset(&set(&pair[1])) && pair[0].len() < pair[1].len());
    }
    assert_eq!(shares[6].places(), all.places());
    let of_class = |selection: &Selection, class| {
        selection.labels().iter().filter(|&&label| label == class).count()
    };
    for class in 0..3 {
        let whole = of_class(&all, class) as f64;
        assert_eq!(of_class(&shares[3], class), (whole / 10.0).round() as usize, "{class}");
    }
    let tenth = &shares[3];
    let in_first_half = tenth.places().iter().filter(|&&p| p < all.places()[all.len() / 2]).count();
    assert!((0.4..0.6).contains(&(in_first_half as f64 / tenth.len() as f64)));
    assert_eq!(take("10", 7).places(), tenth.places());
    let common = set(&take("10", 8)).intersection(&set(tenth)).count() as f64;
    assert!(common / (tenth.len() as f64) < 0.2, "another seed takes another share");
}

#[test]
fn the_share_is_taken_of_what_subset_and_conditions_have_left() {
    let (folder, dataset) = small();
    let subset = folder.path().join("subset.txt");
    let lines: Vec<String> = (0..2000).map(id).collect();
    fs::write(&subset, lines.join("\n")).unwrap();
    let found = select(
        &dataset,
        Select {
            subset: Some(subset),
            condition: Some("agreement = 5 and label != 0".to_owned()),
            percent: Some(Percent::parse("20").unwrap()),
            ..Select::split("train")
        },
    );
    let counts = found.counts();
    let left = |row: &LedgerRow| row.line <= 2000;
    assert_eq!(counts.split, expected(&dataset, "train", |_| true).len());
    assert_eq!(counts.subset, expected(&dataset, "train", left).len());
    let conditions =
        |row: &LedgerRow| left(row) && row.agreement == Some(5) && row.label != Some(0);
    let rest = expected(&dataset, "train", conditions);
    assert_eq!(counts.condition, rest.len());
    assert!(counts.percent.abs_diff(rest.len() / 5) <= 1 && counts.percent == found.len());
    assert!(places(&found).iter().all(|place| rest.contains(place)));
    let rows = dataset.ledger().unwrap();
    for (index, place) in places(&found).into_iter().enumerate() {
        let row = rows.iter().find(|row| row.place == Some(place) && &*row.split == "train");
        assert_eq!(found.label(index), row.unwrap().label);
    }
}

#[test]
fn a_ledger_that_contradicts_the_shards_is_refused() {
    let (folder, dataset) = small();
    let mut meta = dataset.meta().clone();
    let shards = &mut meta.splits[0].shards;
    (shards[0].rows, shards[1].rows) = (shards[0].rows - 1, shards[1].rows + 1);
    let root = folder.path().join("out");
    fs::write(root.join(DATASET_FILE), meta.to_bytes()).unwrap();
    let dataset = Dataset::open(&root).unwrap();
    match Selection::of(&dataset, &Select::split("train")) {
        Err(LoaderError::Dataset(error)) => {
            assert!(error.to_string().contains("`verify("), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(Selection::of(&dataset, &Select::split("val")).is_ok());
    let error = Selection::of(&dataset, &Select::split("tset")).unwrap_err().to_string();
    assert!(error.contains("no split `tset`; there are: train, val"), "{error}");
}

/// As many samples as B-T4SA. Only optimised code makes this promise.
#[test]
#[ignore = "half a million rows: cargo test --release --test loader -- --ignored --nocapture"]
fn half_a_million_samples_open_in_less_than_half_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    ledger_only(&out, 522_874);
    let start = Instant::now();
    let dataset = Dataset::open(&out).unwrap();
    let opened = start.elapsed();
    let selection = select(&dataset, Select::split("train"));
    let selected = start.elapsed();
    let percent = Some(Percent::parse("10").unwrap());
    let condition = Some("agreement >= 4 and width > 300".to_owned());
    let start = Instant::now();
    let share = select(&dataset, Select { percent, condition, ..Select::split("train") });
    println!(
        "{} samples: opened {opened:?}, selected {selected:?}; {} by percent and condition {:?}",
        dataset.meta().counts.stored,
        share.len(),
        start.elapsed()
    );
    assert_eq!(selection.len() as u64, dataset.split("train").unwrap().rows);
    assert!(selected.as_secs_f64() < 0.5, "{selected:?}");
}
