//! Any bytes as a tar, a list, a table or text scores: an error, or a dump whose lines are each counted once.

#![no_main]

mod quiet;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tcolz::dump::{Dump, DumpOptions, Layout, ListFile, MakeSplits};

/// Where the files of each run lie: a folder of this process, in memory where the system has such a disk.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = parent.join(format!("tcolz-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder to write to");
    folder
});

fn open(options: &DumpOptions) -> Option<Dump> {
    options.open(&mut |_, _| ControlFlow::Continue(())).ok()
}

fn check(dump: &Dump) {
    let mut lines: Vec<_> = dump.inputs.iter().map(|input| (input.list, input.line)).collect();
    lines.sort_unstable();
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "a line is counted once");
    let mut bytes = Vec::new();
    for input in &dump.inputs {
        assert!(usize::from(input.split) < dump.splits.len());
        assert!(!input.sample_id.chars().any(char::is_control));
        if dump.read(&input.sample_id, &mut bytes).is_ok() && dump.source.is_tar() {
            let place = dump.place(&input.sample_id).expect("what is read lies somewhere");
            assert_eq!(place.bytes, bytes.len() as u64);
        }
    }
}

/// An index that was kept lists the same.
fn check_kept(options: &DumpOptions, dump: &Dump) {
    let kept = FOLDER.join("kept");
    dump.keep_index(&kept).expect("room for a small file");
    let again = options.open_indexed(Some(&kept), &mut |_, _| panic!("gone through again"));
    let again = again.expect("what was listed");
    assert_eq!((&again.inputs, &again.notes), (&dump.inputs, &dump.notes));
}

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let name = ["a.tar", "list.txt", "list.csv", "list.tsv", "scores.tsv"][usize::from(kind % 5)];
    let path = FOLDER.join(name);
    fs::write(&path, bytes).expect("room for a small file");
    match kind % 5 {
        0 => {
            // Folders of any name are classes, so that members are listed where there are no lists.
            let layout = (kind >= 128).then_some(Layout::Folder);
            let options = DumpOptions { layout, ..DumpOptions::new(&path) };
            if let Some(dump) = open(&options) {
                check(&dump);
                check_kept(&options, &dump);
            }
        }
        4 => {
            let dump = FOLDER.join("dump");
            fs::create_dir_all(&dump).expect("a folder");
            fs::write(dump.join("b-t4sa_train.txt"), "data/1/1-1.jpg 0\n").expect("a small file");
            open(&DumpOptions { text_scores: Some(path), ..DumpOptions::new(dump) });
        }
        _ => {
            let mut options = DumpOptions::new(FOLDER.as_path());
            options.lists.push(ListFile { split: None, path });
            options.make_splits = (kind >= 128).then(|| MakeSplits::parse("60/20/20", 1).ok()).flatten();
            if let Some(dump) = open(&options) {
                check(&dump);
            }
        }
    }
});
