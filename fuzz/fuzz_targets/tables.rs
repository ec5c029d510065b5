//! Any bytes as a list, a table or text scores: an error, or a dump whose lines are each counted once.

#![no_main]

mod dumps;
mod quiet;

use std::fs;

use dumps::{FOLDER, check, open};
use libfuzzer_sys::fuzz_target;
use tcolz_convert::dump::{DumpOptions, ListFile};
use tcolz_format::dataset::MakeSplits;

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let names = ["list.txt", "list.csv", "list.tsv", "labels.csv", "scores.tsv"];
    let path = FOLDER.join(names[usize::from(kind % 5)]);
    fs::write(&path, bytes).expect("room for a small file");
    if kind % 5 == 4 {
        let dump = FOLDER.join("dump");
        fs::create_dir_all(&dump).expect("a folder");
        fs::write(dump.join("b-t4sa_train.txt"), "data/1/1-1.jpg 0\n").expect("a small file");
        let _ = open(&{ let mut options = DumpOptions::new(dump); options.text_scores = Some(path); options });
        return;
    }
    let mut options = DumpOptions::new(FOLDER.as_path());
    if kind % 5 == 3 {
        // Recognised by its name, beside photos that it may list.
        for photo in ["a.jpg", "b/c.jpg"] {
            let photo = FOLDER.join(photo);
            fs::create_dir_all(photo.parent().expect("a folder above")).expect("a folder");
            fs::write(photo, b"\xFF\xD8\xFF\xE0").expect("a small file");
        }
    } else {
        options.lists.push(ListFile { split: None, path: path.clone() });
    }
    options.make_splits = (kind >= 128).then(|| MakeSplits::parse("60/20/20", 1).ok()).flatten();
    if let Ok(dump) = open(&options) {
        check(&dump);
    }
    fs::remove_file(path).expect("the file of this run");
});
