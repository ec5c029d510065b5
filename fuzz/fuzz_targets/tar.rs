//! Any bytes as a tar: an error, or a dump whose members are each counted once, and the same from its kept index.

#![no_main]

mod dumps;
mod quiet;

use std::fs;

use dumps::{FOLDER, check, open};
use libfuzzer_sys::fuzz_target;
use tcolz_convert::dump::{Dump, DumpOptions, Layout};

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
    let path = FOLDER.join("a.tar");
    fs::write(&path, bytes).expect("room for a small file");
    // Folders of any name are classes, so that members are listed where there are no lists.
    let layout = (kind >= 128).then_some(Layout::Classes);
    let options = { let mut options = DumpOptions::new(&path); options.layout = layout; options };
    if let Ok(dump) = open(&options) {
        check(&dump);
        check_kept(&options, &dump);
    }
});
