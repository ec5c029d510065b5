//! Promise: dumps of every layout are read as they come, and what is asked for by hand is done.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::result_large_err, reason = "errors of the library, as they are")]
#![cfg(unix)]

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use tcolz_convert::dump::Dump;
use tcolz_convert::dump::{DumpError, DumpOptions, ListFile};
use tcolz_convert::{ConvertError, Observer, convert};
use tcolz_format::dataset::{Counts, LedgerRow};
use tcolz_format::dataset::{Dataset, verify};

fn tcolz_convert(source: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = common::tcolz();
    command.arg("convert").args([source, out]).args(["--size", "16"]).args(more);
    command.output().unwrap()
}

#[track_caller]
fn converted(source: &Path, out: &Path, more: &[&str]) -> Dataset {
    let output = tcolz_convert(source, out, more);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(verify(out, &|_| ()).unwrap().faults, []);
    Dataset::open(out).unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32, told: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(told), "expected `{told}` in: {said}");
}

fn by_id(dataset: &Dataset) -> BTreeMap<String, LedgerRow> {
    dataset.ledger().unwrap().into_iter().map(|row| (row.sample_id.clone(), row)).collect()
}

fn put_photo(path: &Path, number: u32) {
    common::write(path, &common::photo(number, 24 + number, 20));
}

#[test]
fn a_table_of_labels_is_read_with_its_words_as_classes() {
    let folder = tempfile::tempdir().unwrap();
    let dogs = folder.path().join("dogs");
    for (number, id) in (0..).zip(["000bec", "001513", "001cdf"]) {
        put_photo(&dogs.join(format!("train/{id}.jpg")), number);
    }
    put_photo(&dogs.join("test/00a3ed.jpg"), 9);
    let table = "id,breed\r\n000bec,boston_bull\r\n001513,dingo\r\n001cdf,\r\nffffff,dingo\r\n";
    common::write(&dogs.join("labels.csv"), table.as_bytes());
    let out = folder.path().join("out");
    let dataset = converted(&dogs, &out, &["--max-bad", "30%"]);
    assert_eq!(dataset.meta().classes, ["boston_bull", "dingo"]);
    let rows = by_id(&dataset);
    let row = |id: &str| &rows[&format!("{id}.jpg")];
    assert_eq!((row("001513").label, row("001513").line), (Some(1), 3));
    assert_eq!(row("001513").path, "train/001513.jpg");
    assert_eq!((row("001cdf").label, row("001cdf").place.is_some()), (None, true));
    assert_eq!(row("ffffff").reason_code(), Some("missing"));
    assert_eq!(dataset.meta().counts.listed, 4);
    // The table itself may be named, too.
    let again =
        converted(&dogs.join("labels.csv"), &folder.path().join("b"), &["--max-bad", "30%"]);
    assert_eq!(again.meta().content_root, dataset.meta().content_root);
    refused(&tcolz_convert(&dogs.join("labels.csv"), &dogs.join("out"), &[]), 1, "outside of SRC");
}

#[test]
fn lists_named_by_hand_make_their_splits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for number in 0..6 {
        put_photo(&at("photos").join(format!("p {number}.jpg")), number);
    }
    common::write(&at("lists/a/train.txt"), b"p 0.jpg cat\np 1.jpg dog\n\np 2.jpg dog\n");
    common::write(&at("lists/b/train.txt"), b"p 3.jpg cat\n");
    common::write(&at("photos/test.csv"), b"label,file\ncow,p 4.jpg\n");
    let (a, b) = (at("lists/a/train.txt"), at("lists/b/train.txt"));
    let lists = [format!("test={}", b.display()), format!("train={}", a.display())];
    let more = ["--list", &lists[0], "--list", &lists[1], "--list", "held-out=test.csv"];
    let dataset = converted(&at("photos"), &at("out"), &more);
    assert_eq!(dataset.meta().classes, ["cat", "cow", "dog"]);
    let splits: Vec<_> =
        dataset.meta().splits.iter().map(|split| (split.name.as_str(), split.rows)).collect();
    assert_eq!(splits, [("train", 3), ("test", 1), ("held-out", 1)]);
    let rows = by_id(&dataset);
    // Two lists of one name are told apart, and no path of this machine is written down.
    let lists: Vec<&str> = ["p 0.jpg", "p 3.jpg", "p 4.jpg"].map(|id| &*rows[id].list).into();
    assert_eq!(lists, ["a/train.txt", "train.txt", "test.csv"]);
    assert_eq!(rows["p 4.jpg"].label, Some(1));
    let nowhere = tcolz_convert(&at("photos"), &at("x"), &["--list", "none.txt"]);
    refused(&nowhere, 1, "none.txt: No such file");
    refused(&tcolz_convert(&at("photos"), &at("x"), &["--list", "unfinished=a.txt"]), 2, "split");
    let wrong = ["--layout", "folder", "--list", "a.txt"];
    refused(&tcolz_convert(&at("photos"), &at("x"), &wrong), 1, "exclude each other");
    assert!(!at("x").exists());
}

#[test]
fn a_dump_without_splits_is_divided_class_by_class_and_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for number in 0..30 {
        let class = if number < 20 { "cat" } else { "dog" };
        put_photo(&at("photos").join(format!("{class}/{number:02}.png")), number);
    }
    let all = converted(&at("photos"), &at("all"), &[]);
    assert_eq!(all.meta().splits.len(), 1);
    assert_eq!(all.meta().made_splits, None);
    let divide = ["--make-splits", "80/10/10", "--seed", "5"];
    let divided = converted(&at("photos"), &at("divided"), &divide);
    let made = divided.meta().made_splits.as_ref().unwrap();
    assert_eq!((made.percent, made.seed), ([80, 10, 10], 5));
    let mut counts: BTreeMap<(String, Option<u16>), u32> = BTreeMap::new();
    for row in divided.ledger().unwrap() {
        *counts.entry((row.split.to_string(), row.label)).or_default() += 1;
    }
    let count = |split: &str, label| counts[&(split.to_owned(), Some(label))];
    assert_eq!(["train", "val", "test"].map(|split| count(split, 0)), [16, 2, 2]);
    assert_eq!(["train", "val", "test"].map(|split| count(split, 1)), [8, 1, 1]);
    // The same command finds it finished, another seed another dataset.
    let again = tcolz_convert(&at("photos"), &at("divided"), &divide);
    assert!(again.status.success());
    refused(
        &tcolz_convert(
            &at("photos"),
            &at("divided"),
            &["--make-splits", "80/10/10", "--seed", "6"],
        ),
        1,
        "made with --make-splits 80/10/10 --seed 5 --split-method stratified-blake3-v2",
    );
    common::small_dump(&at("has-splits"));
    let wrong = tcolz_convert(&at("has-splits"), &at("x"), &["--make-splits", "80/10/10"]);
    refused(&wrong, 1, "has the splits train, val already");
    refused(&tcolz_convert(&at("photos"), &at("x"), &["--make-splits", "80/30"]), 2, "110");
}

#[test]
fn text_scores_are_found_by_tweet_id_and_kept_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let ids = [784_760_943_188_189_184_u64, 784_760_943_188_189_185];
    let mut list = String::new();
    for (number, id) in (0..).zip(ids) {
        let name = format!("data/78476/{id}-1.jpg");
        put_photo(&at("dump").join(&name), number);
        list += &format!("{name} {number}\n");
    }
    common::write(&at("dump/b-t4sa_train.txt"), list.as_bytes());
    // As floating point the two ids would be one.
    let scores = format!(
        "TWID\tNEG\tNEU\tPOS\r\n1\t0\t0\t1\r\nrubbish\r\n{}\t0.125\t0.25\t0.625\r\n",
        ids[1]
    );
    common::write(&at("scores.tsv"), scores.as_bytes());
    let scores = at("scores.tsv");
    let scores = scores.to_str().unwrap();
    let output = tcolz_convert(&at("dump"), &at("out"), &["--text-scores", scores]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 of 2 photos have text scores"), "{said}");
    assert!(said.contains("1 lines are not `TWID NEG NEU POS`, the first is line 3"), "{said}");
    let rows = by_id(&Dataset::open(at("out")).unwrap());
    let found: Vec<_> = rows.values().map(|row| row.text_scores).collect();
    assert_eq!(found, [None, Some([0.125, 0.25, 0.625])]);

    common::write(&at("wrong.tsv"), b"id\ttext\n1\thello\n");
    let wrong = at("wrong.tsv");
    let wrong = tcolz_convert(&at("dump"), &at("x"), &["--text-scores", wrong.to_str().unwrap()]);
    refused(&wrong, 1, "expected the header `TWID NEG NEU POS`, found `id text`");
    common::small_dump(&at("no-tweets"));
    let wrong = tcolz_convert(&at("no-tweets"), &at("x"), &["--text-scores", scores]);
    refused(&wrong, 1, "by tweet id");
}

#[test]
fn the_folds_of_ttd_are_read_with_their_classes_and_agreement() {
    let Some(ttd) = common::shared("ttd") else { return };
    let list = |split: &str| ListFile {
        split: Some(split.to_owned()),
        path: ttd.join(format!("folds/five_agrees/test1/{split}.txt")),
    };
    let options = {
        let mut options = DumpOptions::new(&ttd);
        options.lists = vec![list("train"), list("test")];
        options
    };
    let dump = options.open(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    assert_eq!((dump.reading.layout.as_str(), dump.inputs.len()), ("ttd", 880));
    assert_eq!(dump.classes, ["negative", "positive"]);
    assert_eq!(dump.lists[0], "folds/five_agrees/test1/train.txt");
    assert!(dump.inputs.iter().all(|input| input.problem.is_none() && input.agreement == Some(5)));
    assert!(dump.inputs.iter().all(|input| dump.place(&input.sample_id).is_some()));
}

/// Takes the source away while it is converted.
struct TakesAway {
    from: PathBuf,
    to: PathBuf,
}

impl Observer for TakesAway {
    fn done(&mut self, counts: &Counts, _: u64) {
        if counts.listed == 300 {
            fs::rename(&self.from, &self.to).unwrap();
        }
    }
}

#[test]
fn a_source_that_vanishes_stops_the_conversion_and_when_it_is_back_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    put_photo(&at("photo.png"), 3);
    let mut list = String::new();
    for number in 0..3000 {
        let name = format!("data/{number:04}.png");
        fs::create_dir_all(at("real/data")).unwrap();
        fs::hard_link(at("photo.png"), at("real").join(&name)).unwrap();
        list += &format!("{name} {}\n", number % 3);
    }
    common::write(&at("real/b-t4sa_train.txt"), list.as_bytes());
    // The dump itself; or the photos of a dump whose lists stay, behind a link to another disk.
    common::write(&at("linked/b-t4sa_train.txt"), list.as_bytes());
    std::os::unix::fs::symlink(at("real/data"), at("linked/data")).unwrap();
    let options = |source: &str, out: &str| {
        let mut options = common::options(&at(source), &at(out), &[16]);
        options.shard_bytes = tcolz_convert::MIN_SHARD_BYTES;
        options
    };
    common::converted(&options("real", "expected"));
    for (source, away) in [("real", "real"), ("linked", "real/data")] {
        let out = format!("out-{source}");
        let mut takes = TakesAway { from: at(away), to: at("elsewhere") };
        let run = |observer: &mut dyn Observer| {
            convert(&options(source, &out), &AtomicBool::new(false), observer)
        };
        let error = run(&mut takes).unwrap_err();
        assert!(matches!(error, ConvertError::Dump(DumpError::Gone { .. })), "{error}");
        assert!(error.to_string().contains("the same command goes on"), "{error}");
        // While it is away, the rest of the photos are not missing either.
        assert!(run(&mut ()).is_err());
        fs::rename(at("elsewhere"), at(away)).unwrap();
        let summary = run(&mut ()).unwrap();
        assert!(summary.resumed > 0, "{source}");
        assert!(common::tree(&at(&out)) == common::tree(&at("expected")), "{source}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cat/photo.jpg");
    let (short, long) = (vec![1u8; 1 << 20], vec![2u8; 6 << 20]);
    common::write(&path, &short);
    let dump = Dump::open(folder.path(), None).unwrap();
    let done = AtomicBool::new(false);
    let (mut noticed, mut whole) = (false, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&path, &short).unwrap();
                fs::write(&path, &long).unwrap();
            }
        });
        let begun = std::time::Instant::now();
        let mut bytes = Vec::new();
        while !noticed && begun.elapsed().as_secs() < 30 {
            match dump.read("cat/photo.jpg", &mut bytes) {
                Ok(()) => whole += 1,
                Err(error) => noticed = error.to_string().contains("changed while it was read"),
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(noticed, "{whole} reads of a file that was written to all the time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_in_lists_and_tables_are_listed_or_refused_and_never_a_panic(
        header in prop::sample::select(vec!["", "path,label\n", "id;breed\r\n", "file\tsplit\tlabel\n"]),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            prop::collection::vec(prop::sample::select(b"ab./ \t,;\"\r\n01\xFF\0-".to_vec()), 0..400),
        ],
        name in prop::sample::select(vec!["list.txt", "list.csv", "list.tsv", "b-t4sa_train.txt", "labels.csv"]),
        by_hand in any::<bool>(),
        divide in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = [header.as_bytes(), &bytes].concat();
        fs::write(folder.path().join(name), &text).unwrap();
        fs::write(folder.path().join("a"), b"no photo").unwrap();
        let mut options = DumpOptions::new(folder.path());
        if by_hand {
            options.lists.push(ListFile { split: None, path: folder.path().join(name) });
        }
        if divide {
            options.make_splits = tcolz_format::dataset::MakeSplits::parse("60/20/20", 1).ok();
        }
        if let Ok(dump) = options.open(&mut |_, _| std::ops::ControlFlow::Continue(())) {
            let mut last = vec![0; dump.lists.len()];
            let mut inputs: Vec<_> = dump.inputs.iter().collect();
            inputs.sort_by_key(|input| (input.list, input.line));
            for input in inputs {
                // Each line once, and inside what the dump says it has.
                prop_assert!(input.line > last[usize::from(input.list)]);
                last[usize::from(input.list)] = input.line;
                prop_assert!(usize::from(input.split) < dump.splits.len());
                prop_assert!(input.label.is_none_or(|label| usize::from(label) < dump.classes.len()));
                prop_assert!(!input.sample_id.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn any_bytes_of_text_scores_are_read_or_refused_and_never_a_panic(
        header in prop::sample::select(vec!["TWID\tNEG\tNEU\tPOS\n", "\u{FEFF}TWID\tNEG\tNEU\tPOS\r\n", ""]),
        bytes in prop::collection::vec(prop::sample::select(b"0127.e-\t\t\r\n\n\xFFn\"".to_vec()), 0..300),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let scores = folder.path().join("scores.tsv");
        fs::write(&scores, [header.as_bytes(), &bytes].concat()).unwrap();
        let dump = folder.path().join("dump");
        common::write(&dump.join("b-t4sa_train.txt"), b"data/1/1-1.jpg 0\ndata/7/7-1.jpg 0\n");
        let options = { let mut options = DumpOptions::new(&dump); options.text_scores = Some(scores); options };
        if let Ok(dump) = options.open(&mut |_, _| std::ops::ControlFlow::Continue(())) {
            let scores = dump.inputs.iter().filter_map(|input| input.text_scores);
            prop_assert!(scores.flatten().all(f32::is_finite));
        }
    }
}
