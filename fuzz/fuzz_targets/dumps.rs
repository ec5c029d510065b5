//! What the targets that list dumps share.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;

use tcolz_convert::dump::{Dump, DumpError, DumpOptions};

/// Where the files of each run lie: a folder of this process, in memory where the system has such a disk.
pub static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = parent.join(format!("tcolz-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder to write to");
    folder
});

pub fn open(options: &DumpOptions) -> Result<Dump, DumpError> {
    options.open(&mut |_, _| ControlFlow::Continue(()))
}

/// Each line is counted once, and is what the dump says it has.
pub fn check(dump: &Dump) {
    let mut lines: Vec<_> = dump.inputs.iter().map(|input| (input.list, input.line)).collect();
    lines.sort_unstable();
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "a line is counted once");
    let mut bytes = Vec::new();
    for input in &dump.inputs {
        assert!(usize::from(input.split) < dump.splits.len());
        assert!(input.label.is_none_or(|label| usize::from(label) < dump.classes.len()));
        assert!(!input.sample_id.chars().any(char::is_control));
        if dump.read(&input.sample_id, &mut bytes).is_ok() && dump.source.is_tar() {
            let place = dump.place(&input.sample_id).expect("what is read lies somewhere");
            assert_eq!(place.bytes, bytes.len() as u64);
        }
    }
    let names = dump.classes.iter().chain(&dump.splits);
    assert!(names.chain(&dump.unlisted).all(|name| !name.chars().any(char::is_control)));
    assert!(dump.unlisted.is_sorted());
}
