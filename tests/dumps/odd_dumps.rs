//! Promise: dumps as people really have them are read right, or what is wrong with them is named.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::result_large_err, reason = "errors of the library, as they are")]
#![cfg(unix)]

use crate::common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tcolz_convert::dump::{Dump, Layout};
use tcolz_convert::dump::{DumpError, DumpOptions, ListFile, Problem};

/// The first bytes of a JPEG: enough for whoever lists a dump.
const PHOTO: &[u8] = b"\xFF\xD8\xFF\xE0 a photo";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        // Not hidden, for tars with absolute names.
        Place(tempfile::Builder::new().prefix("odd").tempdir().unwrap())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// A dump of these photos below `dump/`.
    fn of(photos: &[&str]) -> Place {
        let place = Place::new();
        place.photos(photos);
        place
    }

    fn photos(&self, photos: &[&str]) {
        photos.iter().for_each(|photo| self.put(photo, PHOTO));
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        common::write(&self.at("dump").join(path), bytes.as_ref());
    }

    fn open(&self) -> Result<Dump, DumpError> {
        self.options(|_| ())
    }

    fn options(&self, set: impl FnOnce(&mut DumpOptions)) -> Result<Dump, DumpError> {
        let mut options = DumpOptions::new(self.at("dump"));
        set(&mut options);
        options.open(&mut |_, _| std::ops::ControlFlow::Continue(()))
    }

    /// The dump as a tar, its names as `tar` writes them for `.`.
    fn tar(&self, more: &[&str]) -> PathBuf {
        let path = self.at("dump.tar");
        let tar = Command::new("tar")
            .arg("-C")
            .arg(self.at("dump"))
            .args(more)
            .arg("-cf")
            .arg(&path)
            .arg(".")
            .status();
        assert!(tar.unwrap().success());
        path
    }
}

fn words(dump: &Dump) -> Vec<String> {
    let line = |input: &tcolz_convert::dump::Input| {
        let class = input.label.map_or("-", |label| &dump.classes[usize::from(label)]);
        let problem = match &input.problem {
            None => "",
            Some(Problem::Duplicate { .. }) => " duplicate",
            Some(Problem::Unusable { code, .. }) => code,
        };
        format!("{} {} {class}{problem}", dump.splits[usize::from(input.split)], input.sample_id)
    };
    let mut lines: Vec<String> = dump.inputs.iter().map(line).collect();
    lines.sort();
    lines
}

#[track_caller]
fn refused(dump: Result<Dump, DumpError>, told: &[&str]) {
    let error = dump.unwrap_err().to_string();
    assert!(told.iter().all(|told| error.contains(told)), "expected {told:?} in: {error}");
}

#[track_caller]
fn noted(dump: &Dump, told: &str) {
    assert!(
        dump.notes.iter().any(|note| note.contains(told)),
        "expected `{told}` in {:?}",
        dump.notes
    );
}

const SPLITS: [&str; 4] =
    ["train/cat/0.jpg", "train/dog/0.jpg", "test/cat/1.jpg", "test/dog/1.jpg"];

#[test]
fn what_systems_leave_behind_is_skipped_and_decides_nothing() {
    let clean = Place::of(&SPLITS).open().unwrap();
    let place = Place::of(&SPLITS);
    for litter in [
        "__MACOSX/train/._train",
        "train/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg",
        "$RECYCLE.BIN/x.jpg",
        "train/cat/Thumbs.db",
        "lost+found/y.jpg",
        ".DS_Store",
    ] {
        place.put(litter, PHOTO);
    }
    let dump = place.open().unwrap();
    assert_eq!(
        (words(&dump), &dump.classes, &dump.splits),
        (words(&clean), &clean.classes, &clean.splits)
    );
    assert_eq!((dump.unlisted.len(), dump.notes.len(), dump.skipped.entries), (0, 0, 6));
    let tar = Dump::open(&place.tar(&[]), None).unwrap();
    assert_eq!((words(&tar), tar.skipped), (words(&clean), dump.skipped));
    // Another folder that is left out is named.
    place.photos(&["more/1.jpg", "more/2.jpg"]);
    let dump = place.open().unwrap();
    assert_eq!(words(&dump), words(&clean));
    assert_eq!(dump.reading.not_used_in_words(), "more/ (2 photos)");
    assert_eq!(dump.unlisted, ["more/1.jpg", "more/2.jpg"]);
    // A folder that somebody hid is said to be skipped.
    place.photos(&[".cats/1.jpg"]);
    noted(&place.open().unwrap(), "the first is `$RECYCLE.BIN`");
}

#[test]
fn a_dump_that_would_lose_more_than_it_keeps_asks_for_the_layout() {
    let place = Place::of(&SPLITS);
    place.photos(&["a/1.jpg", "b/1.jpg", "b/2.jpg", "b/3.jpg", "4.jpg"]);
    refused(
        place.open(),
        &[
            "5 of 9 photos would be left out",
            "a/ (1 photo)",
            "b/ (3 photos)",
            "./ (1 photo)",
            "`layout: folder`",
            "`layout: classes`",
        ],
    );
    let layout = |layout| place.options(|options| options.layout = Some(layout));
    assert_eq!(layout(Layout::Folder).unwrap().inputs.len(), 4);
    assert_eq!(layout(Layout::Classes).unwrap().classes, ["a", "b", "test", "train"]);

    let place = Place::of(&["cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "dog/0.jpg"]);
    place.put("labels.csv", "path,label\ncat/0.jpg,cat\n");
    refused(
        place.open(),
        &["3 of 4 photos", "labels.csv lists photos", "`layout: csv`", "`layout: folder`"],
    );
    place.put("labels.csv", "path,label\ncat/0.jpg,cat\ndog/0.jpg,dog\n");
    let dump = place.open().unwrap();
    assert_eq!(
        (dump.reading.layout, dump.unlisted),
        (Layout::Csv, vec!["cat/1.jpg".to_owned(), "cat/2.jpg".to_owned()])
    );
    refused(
        place.options(|options| options.strict = true),
        &["2 photos are in no list", "`cat/1.jpg`", "`strict`"],
    );
    // What is named by hand is taken as it is.
    place.put("few.csv", "path,label\ncat/0.jpg,cat\n");
    let few = ListFile { split: None, path: place.at("dump/few.csv") };
    assert_eq!(place.options(|options| options.lists.push(few)).unwrap().unlisted.len(), 3);
}

#[test]
fn a_dump_one_or_more_folders_down_is_found_whatever_its_layout() {
    let list = "data/1/1-1.jpg 0\ndata/1/2-1.jpg 1\n";
    type Files<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let dumps: [Files<'_>; 7] = [
        (&["cat/0.jpg", "dog/0.jpg"], &[]),
        (&SPLITS, &[]),
        (&["data/1/1-1.jpg", "data/1/2-1.jpg"], &[("b-t4sa_train.txt", list)]),
        (
            &["b-t4sa_imgs/data/1/1-1.jpg", "b-t4sa_imgs/data/1/2-1.jpg"],
            &[("b-t4sa_train.txt", list)],
        ),
        (&["images/1_2_a.jpg"], &[("ground_truth/twitter_five_agrees.txt", "1_2_a.jpg 1\n")]),
        (&["images/a.jpg", "images/b.jpg"], &[("labels.csv", "id,label\na,cat\nb,dog\n")]),
        (
            &["train/a.jpg", "val/b.jpg"],
            &[
                ("train/metadata.csv", "file_name,label\na.jpg,x\n"),
                ("val/metadata.csv", "file_name,label\nb.jpg,y\n"),
            ],
        ),
    ];
    for (photos, lists) in dumps {
        let at = |below: &str| {
            let place = Place::new();
            photos.iter().for_each(|photo| place.put(&format!("{below}{photo}"), PHOTO));
            lists.iter().for_each(|(list, text)| place.put(&format!("{below}{list}"), text));
            place
        };
        let expected = at("").open().unwrap();
        assert!(
            expected.unlisted.is_empty() && expected.inputs.len() >= photos.len().min(2) - 1,
            "{photos:?}"
        );
        for below in ["top/", "a/b c/d/"] {
            let place = at(below);
            place.put("README.md", "how it was made");
            for dump in [place.open().unwrap(), Dump::open(&place.tar(&[]), None).unwrap()] {
                assert_eq!(words(&dump), words(&expected), "{below} {photos:?}");
                assert_eq!(
                    (&dump.reading.root, dump.unlisted.len()),
                    (&below.to_owned(), 0),
                    "{photos:?}"
                );
                assert!(dump.inputs.iter().all(|input| dump.place(&input.sample_id).is_some()));
            }
        }
    }
}

#[test]
fn an_open_quote_is_an_error_with_its_line_whatever_the_layout() {
    let broken = "path,label\n0.jpg,a\n1.jpg,\"a\n2.jpg,b\n";
    let told = &["a quote opens on line 3, and is never closed", "labels.csv"];
    let place = Place::of(&["0.jpg", "1.jpg", "2.jpg"]);
    place.put("labels.csv", broken);
    refused(place.open(), told);
    let by_hand = ListFile { split: None, path: place.at("dump/labels.csv") };
    refused(place.options(|options| options.lists.push(by_hand)), told);
    refused(Dump::open(&place.at("dump/labels.csv"), None), told);
    refused(Dump::open(&place.tar(&[]), None), told);
    // Class folders are no way out, unless they are asked for.
    let place = Place::of(&["cat/0.jpg", "dog/1.jpg"]);
    place.put("labels.csv", "path,label\n\"cat/0.jpg,a\ndog/1.jpg,b\n");
    refused(place.open(), &["line 2"]);
    assert_eq!(
        place.options(|options| options.layout = Some(Layout::Folder)).unwrap().inputs.len(),
        2
    );
}

#[test]
fn tables_are_read_as_they_are_saved_or_named_with_what_is_wrong() {
    let utf16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let read = |table: &[u8]| {
        let place = Place::of(&["x.jpg"]);
        place.put("labels.csv", table);
        place.open()
    };
    for table in [
        b"sep=;\r\npath;label\r\nx.jpg;a\r\n".to_vec(),
        utf16("path,label\r\nx.jpg,a\r\n"),
        utf16("path,label\r\nx.jpg,a\r\n")[2..].to_vec(),
        b"# made by hand\npath|label\nx.jpg|a\n".to_vec(),
        b"\xEF\xBB\xBFPath\tLabel\nx.jpg\ta\n".to_vec(),
        b"path,label\n.\\x.jpg,a\n".to_vec(),
    ] {
        assert_eq!(words(&read(&table).unwrap()), ["all x.jpg a"]);
    }
    for (table, told) in [
        (
            &utf16("path,label\nx.jpg,a")[..21],
            "labels.csv: damaged UTF-16, or no text: save it as UTF-8",
        ),
        (b"x.jpg,a\n", "labels.csv: its header `x.jpg, a` (between commas)"),
        (b"x.jpg a\n", "labels.csv: its header `x.jpg a` (in one column)"),
        (b"PK\x03\x04", "labels.csv: zip: unpack it first"),
    ] {
        refused(read(table), &[told, "`lists`"]);
    }
    // A list of lines in UTF-16, as PowerShell writes it.
    let place = Place::of(&["data/1/1-1.jpg"]);
    place.put("b-t4sa_train.txt", utf16("data/1/1-1.jpg 2\r\n"));
    assert_eq!(words(&place.open().unwrap()), ["train data/1/1-1.jpg positive"]);
    // What else lies there is named.
    let place = Place::of(&["a.jpg"]);
    place.put("labels.json", "{}");
    place.put("all.txt", "a.jpg 1\n");
    place.put("more.zip", "PK");
    refused(
        place.open(),
        &[
            "1 photo directly in it",
            "labels.json",
            "all.txt: it lists photos: name it with `lists",
            "more.zip: an archive",
        ],
    );
}

#[test]
fn tables_of_each_split_are_read_and_one_without_labels_gives_samples_without() {
    let place = Place::of(&["0.jpg", "1.jpg", "2.jpg"]);
    place.put("Train.csv", "file_name,label\n0.jpg,a\n");
    place.put("validation.csv", "file_name,label\n1.jpg,b\n");
    place.put("test.csv", "file_name\n2.jpg\n");
    let dump = place.open().unwrap();
    assert_eq!(words(&dump), ["test 2.jpg -", "train 0.jpg a", "val 1.jpg b"]);
    assert_eq!(dump.splits, ["train", "val", "test"]);
}

#[test]
fn labels_that_are_numbers_are_counted_as_numbers_in_tables_and_folders() {
    let place = Place::of(&["0.jpg", "1.jpg", "2.jpg"]);
    place.put("labels.csv", "path,label\n0.jpg,1000\n1.jpg,2\n2.jpg,10\n");
    let dump = place.open().unwrap();
    assert_eq!(dump.classes, ["2", "10", "1000"]);
    noted(&dump, "the class 2 has the index 0");
    place.put("labels.csv", "path,label\n0.jpg,0.0\n1.jpg,2.0\n2.jpg,1\n");
    let dump = place.open().unwrap();
    assert_eq!(
        (dump.classes, dump.notes),
        (vec!["0".to_owned(), "1".to_owned(), "2".to_owned()], Vec::new())
    );
    let folders: Vec<String> = (0..12).map(|class| format!("{class}/x.jpg")).collect();
    let dump = Place::of(&folders.iter().map(String::as_str).collect::<Vec<_>>()).open().unwrap();
    assert!(dump.classes.iter().enumerate().all(|(index, name)| *name == index.to_string()));
    noted(&Place::of(&["3/x.jpg", "7/x.jpg"]).open().unwrap(), "the class 3 has the index 0");
}

#[test]
fn control_characters_name_no_class_no_split_and_no_photo_wherever_they_come_from() {
    let place = Place::of(&["0.jpg", "1.jpg"]);
    place.put("labels.csv", "path,label,split\n0.jpg,\"a\tb\",\n1.jpg,c,\n");
    assert_eq!(words(&place.open().unwrap()), ["all 0.jpg -unusable-name", "all 1.jpg c"]);
    assert_eq!(place.open().unwrap().classes, ["c"]);
    place.put("labels.csv", "path,label,split\n0.jpg,c,\"t\x01\"\n1.jpg,c,../x\n");
    assert_eq!(words(&place.open().unwrap()), ["all 0.jpg -bad-split", "all 1.jpg -bad-split"]);
    place.put("list.txt", "0.jpg a\x07\n1\x08.jpg c\n");
    let list = |path: &Path| ListFile { split: None, path: path.to_owned() };
    let dump =
        place.options(|options| options.lists.push(list(&place.at("dump/list.txt")))).unwrap();
    assert_eq!(words(&dump), ["all 0.jpg -unusable-name", "all 1\u{FFFD}.jpg -unusable-name"]);
    let place = Place::of(&["a\tb/0.jpg", "c/1.jpg"]);
    refused(
        place.open(),
        &["the class name `a\u{FFFD}b` holds a control character", "rename the folder"],
    );
    refused(Dump::open(&place.tar(&[]), None), &["a\u{FFFD}b"]);
}

#[test]
fn links_to_folders_are_followed_at_every_depth_and_circles_are_ended_and_said() {
    let place = Place::of(&["cat/0.jpg", "dog/0.jpg"]);
    common::write(&place.at("store/deep/1.jpg"), PHOTO);
    symlink(place.at("store"), place.at("dump/cat/more")).unwrap();
    symlink("..", place.at("dump/dog/up")).unwrap();
    // Two folders that hold each other.
    symlink("../dog", place.at("dump/cat/dog")).unwrap();
    symlink("../cat", place.at("dump/dog/cat")).unwrap();
    let dump = place.open().unwrap();
    assert_eq!(
        words(&dump),
        [
            "all cat/0.jpg cat",
            "all cat/dog/0.jpg cat",
            "all cat/more/deep/1.jpg cat",
            "all dog/0.jpg dog",
            "all dog/cat/0.jpg dog",
            "all dog/cat/more/deep/1.jpg dog"
        ]
    );
    noted(&dump, "links back to a folder that holds them");
    // A dump that is nothing but links.
    let linked = Place::new();
    fs::create_dir(linked.at("dump")).unwrap();
    symlink(place.at("dump/cat/more/deep"), linked.at("dump/cat")).unwrap();
    assert_eq!(words(&linked.open().unwrap()), ["all cat/1.jpg cat"]);
}

#[test]
fn absolute_paths_inside_the_dump_are_taken_and_others_refused_with_what_was_expected() {
    let place = Place::of(&["images/0.jpg", "images/1.jpg"]);
    let inside = place.at("dump/images/0.jpg");
    let table = format!(
        "path,label\n{},a\n/elsewhere/1.jpg,a\nC:\\photos\\1.jpg,a\nimages/../images/1.jpg,a\n../2.jpg,a\n",
        inside.display()
    );
    place.put("labels.csv", &table);
    let dump = place.open().unwrap();
    let leaves = "path-leaves-dump";
    assert_eq!(
        words(&dump),
        [
            format!("all ../2.jpg -{leaves}"),
            format!("all /elsewhere/1.jpg -{leaves}"),
            format!("all C:\\photos\\1.jpg -{leaves}"),
            "all images/0.jpg a".to_owned(),
            "all images/1.jpg a".to_owned()
        ]
    );
    // Through a link to the dump, and in a tar with absolute names.
    symlink(place.at("dump"), place.at("link")).unwrap();
    assert_eq!(words(&Dump::open(&place.at("link"), None).unwrap()), words(&dump));
    let tar = place.at("absolute.tar");
    let made = Command::new("tar").arg("-Pcf").arg(&tar).arg(place.at("dump")).status().unwrap();
    assert!(made.success());
    let tar = Dump::open(&tar, None).unwrap();
    assert_eq!((words(&tar), tar.reading.layout), (words(&dump), Layout::Csv));
}

#[test]
fn names_composed_or_capitalised_in_another_way_are_found_and_said() {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for (file, listed, told) in [
        (format!("{decomposed}.jpg"), format!("{composed}.jpg"), "letters composed in another way"),
        (format!("{composed}.jpg"), format!("{decomposed}.jpg"), "letters composed in another way"),
        ("a/IMG.JPG".to_owned(), "A/img.jpg".to_owned(), "other capitals"),
        ("a/1.jpg".to_owned(), "a\\1.jpg".to_owned(), "backslashes"),
    ] {
        let place = Place::of(&[&file]);
        place.put("labels.csv", format!("path,label\n{listed},a\n"));
        for dump in [place.open().unwrap(), Dump::open(&place.tar(&[]), None).unwrap()] {
            assert_eq!(words(&dump), [format!("all {file} a")]);
            assert_eq!(dump.unlisted.len(), 0);
            noted(&dump, told);
        }
    }
    // Where two files differ in capitals alone, neither is meant.
    let place = Place::of(&["a.jpg", "A.jpg", "b.jpg"]);
    place.put("labels.csv", "path,label\na.JPG,x\nb.jpg,x\na.jpg,x\n");
    assert_eq!(words(&place.open().unwrap()), ["all a.JPG x", "all a.jpg x", "all b.jpg x"]);
}

#[test]
fn an_empty_class_folder_is_named() {
    let place = Place::of(&["cat/0.jpg", "dog/0.jpg"]);
    fs::create_dir(place.at("dump/owl")).unwrap();
    let dump = place.open().unwrap();
    noted(&dump, "owl/ holds no photo and names no class");
    place.put("docs/readme.txt", "how it was made");
    noted(&place.open().unwrap(), "docs/ and owl/ hold no photo and name no class");
    assert_eq!(dump.classes, ["cat", "dog"]);
}

#[test]
fn each_split_finds_its_photos_in_its_own_folder_though_their_names_are_the_same() {
    let expected =
        ["test test/0.jpg b", "test test/1.jpg a", "train train/0.jpg a", "train train/1.jpg b"];
    let place = Place::of(&["train/0.jpg", "train/1.jpg", "test/0.jpg", "test/1.jpg"]);
    place.put("train.csv", "file,label\n0.jpg,a\n1.jpg,b\n");
    place.put("test.csv", "file,label\n0.jpg,b\n1.jpg,a\n");
    assert_eq!(words(&place.open().unwrap()), expected);
    fs::remove_file(place.at("dump/train.csv")).unwrap();
    fs::remove_file(place.at("dump/test.csv")).unwrap();
    place.put("labels.csv", "id,label,split\n0,a,train\n1,b,Training\n0,b,test\n1,a,eval\n");
    assert_eq!(words(&place.open().unwrap()), expected);
    // One folder of a split alone, with its table: absolute paths are not below it twice.
    let place = Place::of(&["train/0.jpg", "train/1.jpg"]);
    let absolute = place.at("dump/train/1.jpg");
    place
        .put("train/metadata.csv", format!("file_name,label\n0.jpg,a\n{},b\n", absolute.display()));
    let dump = place.open().unwrap();
    assert_eq!((words(&dump).len(), dump.unlisted.len(), dump.splits.len()), (2, 0, 1));
    assert!(
        dump.inputs.iter().all(|input| dump.place(&input.sample_id).is_some()),
        "{:?}",
        words(&dump)
    );
}

#[test]
fn lists_named_by_hand_find_their_photos_wherever_the_dump_lies() {
    for (list, paths) in
        [("list.csv", "images/0.jpg"), ("top/list.csv", "0.jpg"), ("list.csv", "top/images/0.jpg")]
    {
        let place = Place::of(&["top/images/0.jpg", "top/images/1.jpg"]);
        place.put(list, format!("path,label\n{paths},a\n"));
        let by_hand = ListFile { split: None, path: place.at("dump").join(list) };
        let dump = place.options(|options| options.lists.push(by_hand)).unwrap();
        assert!(dump.place(&dump.inputs[0].sample_id).is_some(), "{list} {paths}");
        assert_eq!(dump.unlisted, ["top/images/1.jpg"]);
    }
    // A list of which no line can be used is refused at once.
    let place = Place::of(&["0.jpg"]);
    place.put("list.txt", "0.jpg,a\n");
    let by_hand = ListFile { split: None, path: place.at("dump/list.txt") };
    refused(
        place.options(|options| options.lists.push(by_hand)),
        &["none of its lines can be used; line 1", "a table ends in .csv"],
    );
    // The same for a list that lies in a tar.
    let mut options = DumpOptions::new(place.tar(&[]));
    options.lists.push(ListFile { split: None, path: "list.txt".into() });
    let dump = options.open(&mut |_, _| std::ops::ControlFlow::Continue(()));
    refused(dump, &["none of its lines can be used; line 1"]);
}

#[test]
fn a_table_that_finds_no_photo_does_not_make_one_class_of_all() {
    let photos: Vec<String> = (0..600).map(|number| format!("images/{number}.jpg")).collect();
    let table: String =
        (0..600).map(|number| format!("images/{number}.jpg,{}\n", number % 2)).collect();
    let there = &photos[450..];
    let place = Place::of(&there.iter().map(String::as_str).collect::<Vec<_>>());
    place.put("labels.csv", format!("path,label\n{table}"));
    // A part of the photos is there, and not that of the first lines.
    assert_eq!(place.open().unwrap().reading.layout, Layout::Csv);
    place.put("labels.csv", "path,label\nC:\\me\\0.jpg,a\n");
    refused(
        place.open(),
        &[
            "one class `images`",
            "labels.csv (its path `C:\\me\\0.jpg` does not lie in the dump)",
            "`lists`",
            "`layout: folder`",
        ],
    );
    assert_eq!(
        place.options(|options| options.layout = Some(Layout::Folder)).unwrap().classes,
        ["images"]
    );
    assert_eq!(
        place.options(|options| options.layout = Some(Layout::Csv)).unwrap().inputs.len(),
        1
    );
    place.put("labels.csv", "file,a,b\nimages/450.jpg,0,1\n");
    refused(place.open(), &["labels.csv (its header `file, a, b`"]);
    fs::remove_file(place.at("dump/labels.csv")).unwrap();
    place.put("annotations/labels.csv", "path,label\nimages/450.jpg,a\n");
    refused(place.open(), &["annotations/labels.csv", "`lists`"]);
}

#[test]
fn captions_beside_class_folders_are_no_labels() {
    let place = Place::of(&["train/cat/0.jpg", "train/dog/1.jpg", "test/cat/0.jpg"]);
    place.put(
        "train/metadata.csv",
        "file_name,caption\ncat/0.jpg,a cat sits\ndog/1.jpg,a dog runs\n",
    );
    let dump = place.open().unwrap();
    assert_eq!(dump.classes, ["cat", "dog"]);
    assert!(dump.reading.not_used_in_words().contains("its column caption may hold no labels"));
}

#[test]
fn rows_that_cannot_be_read_right_are_named_and_their_photos_are_no_strays() {
    let place = Place::of(&["0.jpg", "1.jpg", "2.jpg"]);
    // Windows-1252, and a label whose comma was not quoted.
    place.put("labels.csv", b"path,label\n0.jpg,b\xE4r\n1.jpg,dog, small\n2.jpg,cat\n");
    let dump = place.open().unwrap();
    assert_eq!(words(&dump), ["all 0.jpg -unusable-name", "all 1.jpg -bad-line", "all 2.jpg cat"]);
    assert_eq!(dump.unlisted.len(), 0);
    let details = format!("{:?}", dump.inputs);
    assert!(
        details.contains("Windows-1252?") && details.contains("expected 2 columns, found 3"),
        "{details}"
    );
    // A name that cannot be written down is one input, and no stray.
    let place = Place::of(&["cat/a\tb.jpg", "cat/1.jpg", "dog/a..", "dog/2.jpg"]);
    let dump = place.options(|options| options.strict = true).unwrap();
    assert_eq!((dump.inputs.len(), dump.unlisted.len()), (4, 0));
    // A column of ids is none of splits.
    let rows: String = (0..2000).map(|number| format!("{number}.jpg,a,s{number}\n")).collect();
    let place = Place::of(&["0.jpg"]);
    place.put("labels.csv", format!("path,label,subset\n{rows}"));
    refused(place.open(), &["2000 splits, at most 1000 are possible"]);
}

#[test]
fn a_path_with_a_slash_before_it_means_the_dump_in_a_folder_as_in_a_tar() {
    let place = Place::of(&["0.jpg", "a/1.jpg"]);
    place.put("labels.csv", "path,label\n/0.jpg,x\na/1.jpg,x\n/etc/2.jpg,x\n");
    let (folder, tar) = (place.open().unwrap(), Dump::open(&place.tar(&[]), None).unwrap());
    assert_eq!(
        words(&folder),
        ["all /etc/2.jpg -path-leaves-dump", "all 0.jpg x", "all a/1.jpg x"]
    );
    assert_eq!(words(&tar), words(&folder));
}

#[test]
fn what_links_and_joined_tars_lose_is_said() {
    let place = Place::of(&["cat/0.jpg", "dog/0.jpg"]);
    symlink("/not/mounted", place.at("dump/owl")).unwrap();
    noted(&place.open().unwrap(), "links to what is not there: 1, the first is `owl`");
    let tar = fs::read(place.tar(&[])).unwrap();
    let joined = place.at("joined.tar");
    fs::write(&joined, [tar.clone(), tar].concat()).unwrap();
    noted(
        &Dump::open(&joined, None).unwrap(),
        "a later one has their name: 2, the first is `cat/0.jpg`",
    );
}

#[test]
fn names_of_class_folders_that_are_easily_taken_for_others_are_read_and_said() {
    let dump = Place::of(&[
        "train/Cat/0.jpg",
        "train/dog/0.jpg",
        "test/cat/1.jpg",
        "train/recycler/0.jpg",
    ])
    .open()
    .unwrap();
    assert_eq!(dump.classes, ["Cat", "cat", "dog", "recycler"]);
    noted(&dump, "the classes `Cat` and `cat` differ in capitals");
    let deep = format!("{}train/cat/0.jpg", "a/".repeat(30));
    let dump = Place::of(&[&deep, &deep.replace("train/cat", "test/dog")]).open().unwrap();
    assert_eq!(
        (dump.classes, dump.splits),
        (vec!["cat".to_owned(), "dog".to_owned()], vec!["train".to_owned(), "test".to_owned()])
    );
}

#[test]
fn the_reading_stands_on_the_screen_in_json_and_in_the_log_and_the_log_names_what_is_left_out() {
    let place = Place::new();
    for (number, photo) in
        (0..).zip(["train/cat/0.png", "train/dog/0.png", "test/cat/1.png", "extra/2.png"])
    {
        place.put(photo, common::photo(number, 24, 20));
    }
    let run = |out: &str, more: &[&str]| {
        let mut command = common::tcolz();
        command
            .arg("convert")
            .args([place.at("dump"), place.at(out)])
            .args(["--size", "8"])
            .args(more);
        command.output().unwrap()
    };
    let strict = run("strict", &["--strict"]);
    assert_eq!((strict.status.code(), place.at("strict").exists()), (Some(1), false));
    let output = run("out", &[]);
    let (said, summary) =
        (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let expected = "read as folder, because train/ and test/ hold a folder for each class; not used: extra/ (1 photo)";
    assert!(output.status.success() && said.contains(expected), "{said}");
    assert!(
        summary.contains("unlisted") && summary.contains("1 more photo in the source, named in"),
        "{summary}"
    );
    let log = fs::read_to_string(place.at("out.log.jsonl")).unwrap();
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let event = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();
    assert_eq!(
        event("begun")["reading"]["because"],
        "train/ and test/ hold a folder for each class"
    );
    assert_eq!(event("unlisted")["photos"], serde_json::json!(["extra/2.png"]));
    let output = run("json", &["--json"]);
    let events = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["reading"]["not_used"][0]["path"], "extra/");
    assert_eq!(
        (&events[0]["unlisted"], &events.last().unwrap()["unlisted"]),
        (&1.into(), &1.into())
    );
}

/// The log stays when the flags change, and programs that know none write it, too.
#[test]
fn a_flag_that_helps_stands_on_the_screen_and_not_in_the_log() {
    let place = Place::new();
    for (number, photo) in (0..).zip(["cat/0.png", "cat/1.png", "dog/2.png"]) {
        place.put(photo, common::photo(number, 24, 20));
    }
    place.put("metadata.csv", "file_name,caption\ncat/0.png,a cat sits\ncat/1.png,a cat runs\n");
    place.put("all.txt", "cat/0.png 0\ncat/1.png 1\n");
    let mut command = common::tcolz();
    command.arg("convert").args([place.at("dump"), place.at("out")]).args(["--size", "8"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for advice in [
        "all.txt (it lists photos: name it with --list [SPLIT=]all.txt)",
        "metadata.csv (its column caption may hold no labels: name it with --list, or call the column label)",
    ] {
        assert!(said.contains(advice), "{said}");
    }
    let log = fs::read_to_string(place.at("out.log.jsonl")).unwrap();
    assert!(log.contains("it lists photos") && log.contains("may hold no labels"), "{log}");
    assert!(!log.contains("--") && !log.contains("`lists"), "{log}");
}
