//! The decision by itself: outlines and lists made by hand.

use super::facts::{Facts, ListFacts, ListKind};
use super::*;
use crate::dump::outline::Outline;

fn facts(photos: &[&str], lists: &[(&str, ListKind)]) -> Facts {
    let lists = lists.iter().map(|(path, what)| {
        let (folder, name) = match path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), *path),
        };
        ListFacts { folder, name: name.to_owned(), what: what.clone() }
    });
    Facts { outline: Outline::of_photos(photos), lists: lists.collect(), broken: None }
}

fn table(found: usize, tried: usize) -> ListKind {
    table_in(found, tried, false)
}

fn table_in(found: usize, tried: usize, own_folder: bool) -> ListKind {
    let (path, label) = ("path".to_owned(), Some("label".to_owned()));
    let (is_guess, first) = (false, "0".to_owned());
    ListKind::Table { path, label, is_guess, first, tried, found, own_folder }
}

#[track_caller]
fn read(facts: &Facts) -> Reading {
    recognise(facts, None, false).unwrap()
}

/// Splits and where they lie.
fn groups(reading: &Reading) -> Vec<(&str, &str)> {
    let Plan::Folders(groups) = &reading.plan else { panic!("{reading:?}") };
    groups.iter().map(|group| (group.split.as_str(), group.folder.as_str())).collect()
}

#[test]
fn splits_are_recognised_whatever_lies_beside_them_and_whatever_they_are_called() {
    let reading = read(&facts(&["Train/cat/1", "Train/dog/1", "Test/cat/2", "extra/1"], &[]));
    assert_eq!(groups(&reading), [("train", "Train/"), ("test", "Test/")]);
    assert_eq!(reading.because, "Train/ and Test/ hold a folder for each class");
    for (words, splits) in [
        (["training", "dev"], ["train", "val"]),
        (["TRAIN", "Validation"], ["train", "val"]),
        (["train", "eval"], ["train", "test"]),
    ] {
        let photos = words.map(|word| format!("{word}/cat/1"));
        let reading = read(&facts(&photos.each_ref().map(String::as_str), &[]));
        assert_eq!(groups(&reading).iter().map(|group| group.0).collect::<Vec<_>>(), splits);
    }
}

#[test]
fn a_folder_of_photos_in_a_split_is_no_class() {
    let reading = read(&facts(&["train/a/0", "train/b/0", "test/images/1", "val/val/2"], &[]));
    let found = [("train", "train/"), ("val", "val/val/"), ("test", "test/images/")];
    assert_eq!(groups(&reading), found);
    assert!(reading.notes.iter().all(|note| note.contains("get no label")), "{:?}", reading.notes);
    let wrapped = facts(&["train/images/0", "valid/images/1"], &[]);
    assert!(matches!(recognise(&wrapped, None, false), Err(Unrecognised::NoClasses(_))));
    // One class in a split is a class, with folders in it or without.
    let reading = read(&facts(&["train/cat/x/0", "train/dog/0", "test/cat/x/1", "val/cat/2"], &[]));
    assert_eq!(groups(&reading), [("train", "train/"), ("val", "val/"), ("test", "test/")]);
}

#[test]
fn a_wrapper_is_one_whatever_lies_beside_it_and_whatever_it_is_called() {
    for photos in [
        &["top/cat/1", "top/dog/2", "preview"][..],
        &["top/train/cat/1", "top/test/dog/2", "docs/logo"],
    ] {
        assert_eq!(read(&facts(photos, &[])).root, "top/", "{photos:?}");
    }
    let reading = read(&facts(&["training/train/cat/1", "training/val/cat/2"], &[]));
    assert_eq!(groups(&reading), [("train", "training/train/"), ("val", "training/val/")]);
    // Where it is not clear, that is said.
    let reading = read(&facts(&["data/cat/1", "data/dog/2", "docs/3"], &[]));
    assert!(reading.notes[0].contains("give data as the source"), "{:?}", reading.notes);
}

#[test]
fn folders_and_tables_that_are_alike_but_for_a_word_are_splits() {
    let photos = ["seg_pred/seg_pred/1", "seg_test/seg_test/sea/2", "seg_train/seg_train/sea/3"];
    let reading = read(&facts(&photos, &[]));
    assert_eq!(
        groups(&reading),
        [("train", "seg_train/seg_train/"), ("test", "seg_test/seg_test/")]
    );
    let reading = read(&facts(&["training_set/cat/1", "test_set/cat/1"], &[]));
    assert_eq!(groups(&reading), [("train", "training_set/"), ("test", "test_set/")]);
    let flat = facts(&["train2017/1", "val2017/2"], &[]);
    assert!(matches!(recognise(&flat, None, false), Err(Unrecognised::NoClasses(_))));
    // One alone, or ones that differ elsewhere, too, are classes.
    for photos in [["bullet_train/a/1", "sports car/b/1"], ["test_tube/a/1", "bullet_train/b/1"]] {
        assert_eq!(groups(&read(&facts(&photos, &[]))), [("all", "")], "{photos:?}");
    }
    let lists = [("test_labels.csv", table(1, 1)), ("train_labels.csv", table(1, 1))];
    let reading = read(&facts(&["1", "2"], &lists));
    let Plan::Tables(tables) = &reading.plan else { panic!("{reading:?}") };
    let tables: Vec<_> =
        tables.iter().map(|table| (table.split.as_str(), table.path.as_str())).collect();
    assert_eq!(tables, [("train", "train_labels.csv"), ("test", "test_labels.csv")]);
}

#[test]
fn splits_may_lie_above_and_below_the_classes_and_around_a_folder_of_images() {
    let below = read(&facts(&["cat/train/1", "cat/test/2", "dog/train/1"], &[]));
    assert_eq!(
        groups(&below),
        [("train", "cat/train/"), ("train", "dog/train/"), ("test", "cat/test/")]
    );
    let around = read(&facts(&["train/images/cat/1", "train/images/dog/1", "val/cat/2"], &[]));
    assert_eq!(groups(&around), [("train", "train/images/"), ("val", "val/")]);
    let one_class = read(&facts(&["train/cat/1", "val/cat/2"], &[]));
    assert_eq!(groups(&one_class), [("train", "train/"), ("val", "val/")]);
}

#[test]
fn a_dump_further_down_is_found_there() {
    for (wrapped, root) in [("", ""), ("a/", "a/"), ("a/b c/", "a/b c/")] {
        let at = |path: &str| format!("{wrapped}{path}");
        let photos = ["cat/1", "dog/x/1"].map(at);
        let reading = read(&facts(&photos.each_ref().map(String::as_str), &[]));
        assert_eq!((reading.root.as_str(), groups(&reading)), (root, vec![("all", root)]));
        let photos = ["train/cat/1", "test/cat/1"].map(at);
        assert_eq!(read(&facts(&photos.each_ref().map(String::as_str), &[])).root, root);
        let (photo, list) = (at("images/1"), at("labels.csv"));
        let reading = read(&facts(&[&photo], &[(&list, table(1, 1))]));
        assert_eq!((reading.layout, reading.root.as_str()), (Layout::Csv, root));
        let list = at("ground_truth/twitter_five_agrees.txt");
        let reading = read(&facts(&[&photo], &[(&list, ListKind::Ttd)]));
        assert_eq!((reading.layout, reading.root.as_str()), (Layout::Ttd, root));
        let (photo, list) = (at("data/1/1"), at("b-t4sa_train.txt"));
        let reading = read(&facts(&[&photo], &[(&list, ListKind::BT4sa)]));
        assert_eq!((reading.layout, reading.root.as_str()), (Layout::BT4sa, root));
    }
    // One class folder is no wrapper.
    assert_eq!(groups(&read(&facts(&["cat/1", "cat/2"], &[]))), [("all", "")]);
}

#[test]
fn a_table_that_is_no_list_of_photos_does_not_win_over_class_folders() {
    let photos = ["0/1", "1/1"];
    let reading = read(&facts(&photos, &[("labels.csv", table(0, 2))]));
    assert_eq!(reading.layout, Layout::Folder);
    assert_eq!(
        reading.not_used_in_words(),
        "labels.csv (none of its first 2 paths, such as `0`, lies in the dump)"
    );
    assert_eq!(read(&facts(&photos, &[("labels.csv", table(1, 2))])).layout, Layout::Csv);
    // Without class folders the photos may be away.
    assert_eq!(read(&facts(&[], &[("labels.csv", table(0, 2))])).layout, Layout::Csv);
    let unread = ListKind::Unread("UTF-32: save it as UTF-8".to_owned());
    let reading = read(&facts(&photos, &[("labels.csv", unread)]));
    assert_eq!(reading.not_used_in_words(), "labels.csv (UTF-32: save it as UTF-8)");
}

#[test]
fn tables_of_splits_are_read_by_the_words_for_splits_and_one_may_lack_labels() {
    let no_labels = match table(1, 1) {
        ListKind::Table { path, is_guess, first, tried, found, own_folder, .. } => {
            ListKind::Table { path, label: None, is_guess, first, tried, found, own_folder }
        }
        other => other,
    };
    let lists = [
        ("Test.csv", no_labels.clone()),
        ("train.csv", table(1, 1)),
        ("validation.tsv", table(1, 1)),
    ];
    let reading = read(&facts(&["1", "2", "3"], &lists));
    let Plan::Tables(tables) = &reading.plan else { panic!("{reading:?}") };
    let tables: Vec<_> =
        tables.iter().map(|table| (table.split.as_str(), table.path.as_str())).collect();
    assert_eq!(tables, [("train", "train.csv"), ("val", "validation.tsv"), ("test", "Test.csv")]);
    assert_eq!(
        reading.because,
        "Test.csv, train.csv and validation.tsv list photos by the columns path and label"
    );
    // Labels must come from somewhere.
    assert!(recognise(&facts(&["1"], &[("test.csv", no_labels)]), None, false).is_err());
    let own = table_in(1, 1, true);
    let reading = read(&facts(&["train/1", "test/2"], &[("train/metadata.csv", own)]));
    let Plan::Tables(tables) = &reading.plan else { panic!("{reading:?}") };
    assert_eq!((tables[0].split.as_str(), tables[0].base.as_str()), ("train", "train/"));
}

#[test]
fn folders_called_like_splits_that_hold_no_classes_are_no_classes() {
    let flat = facts(&["train/1", "test/2"], &[]);
    let Err(Unrecognised::NoClasses(folders)) = recognise(&flat, None, false) else { panic!() };
    assert_eq!(folders, ["test/", "train/"]);
    let reading = recognise(&flat, Some(Layout::Classes), false).unwrap();
    assert_eq!(groups(&reading), [("all", "")]);
    // Where the others have classes, such photos are without labels.
    let reading = read(&facts(&["train/cat/1", "test/2"], &[]));
    assert_eq!(groups(&reading), [("train", "train/"), ("test", "test/")]);
    assert!(reading.notes[0].contains("test/ lie in no class folder and get no label"));
    // One word for a split among other folders is a class, and that is said.
    let reading = read(&facts(&["test/1", "cat/2", "dog/3"], &[]));
    assert!(reading.notes[0].contains("test is read as a class"), "{:?}", reading.notes);
}

#[test]
fn what_fits_no_layout_is_named() {
    let one = facts(&["images/1", "images/2"], &[]);
    let Err(Unrecognised::Unknown(found)) = recognise(&one, None, false) else { panic!() };
    assert_eq!(found, ["2 photos in images/ without a folder for each class"]);
    assert!(recognise(&one, Some(Layout::Folder), false).is_ok());
    let flat = facts(
        &["1", "2"],
        &[("a.json", ListKind::Unread("json files are not read as lists".to_owned()))],
    );
    let Err(Unrecognised::Unknown(found)) = recognise(&flat, None, false) else { panic!() };
    assert_eq!(
        found,
        [
            "2 photos directly in it without a folder for each class",
            "a.json: json files are not read as lists"
        ]
    );
    assert_eq!(
        recognise(&Facts::default(), None, false),
        Err(Unrecognised::Unknown(vec!["no photo".to_owned()]))
    );
    assert_eq!(recognise(&flat, None, true).unwrap().layout, Layout::Csv);
}
