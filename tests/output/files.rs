//! What is no file stays what it is where the command writes to it.

use std::os::unix::fs::{FileTypeExt, symlink};

use super::*;

fn is_page(bytes: &[u8]) -> bool {
    bytes.starts_with(b"<!")
}

#[track_caller]
fn succeeds(place: &Place, words: &str) {
    let output = place.run(words);
    assert_eq!(output.status.code(), Some(0), "{words}: {}", said(&output));
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_written() {
    let place = Place::new();
    fs::create_dir(place.at("far")).unwrap();
    fs::write(place.at("far/old.html"), b"old").unwrap();
    symlink("far/old.html", place.at("page.html")).unwrap();
    symlink("page.html", place.at("far-page.html")).unwrap();
    symlink("far/new.html", place.at("dangling.html")).unwrap();
    for (link, target) in [("far-page.html", "far/old.html"), ("dangling.html", "far/new.html")] {
        succeeds(&place, &format!("inspect ~/data --html ~/{link}"));
        assert!(place.at(link).is_symlink() && !place.at(target).is_symlink());
        assert!(is_page(&fs::read(place.at(target)).unwrap()), "{target}");
    }
    assert!(place.at("page.html").is_symlink());
    symlink("circle.html", place.at("circle.html")).unwrap();
    let output = place.run("inspect ~/data --html ~/circle.html");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn a_named_pipe_is_written_into() {
    let place = Place::new();
    for (pipe, words) in [
        ("page.html", "inspect ~/data --html ~/page.html"),
        ("sheet.png", "inspect ~/data --sheet ~/sheet.png"),
        ("one.png", "show ~/data 3\u{202e}gnp.png --png ~/one.png"),
    ] {
        let path = place.at(pipe);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Where the pipe is replaced nobody writes into it.
        let mut reader = Command::new("timeout");
        let reader = reader.args(["30", "cat"]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
        succeeds(&place, words);
        let read = reader.wait_with_output().unwrap().stdout;
        assert!(is_page(&read) || read.starts_with(b"\x89PNG"), "{pipe}: {} bytes", read.len());
        assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo(), "{pipe}");
    }
}

/// A device of this test's own, which swallows everything as /dev/null does.
#[test]
fn a_device_is_written_to_and_stays_one() {
    let place = Place::new();
    let device = place.at("null.html");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "3"]).output().unwrap();
    let writable = || fs::File::options().write(true).open(&device);
    if !made.status.success() || writable().is_err() {
        println!("skipped: nobody may make devices here");
        return;
    }
    symlink("null.html", place.at("link.html")).unwrap();
    for page in ["null.html", "link.html"] {
        succeeds(&place, &format!("inspect ~/data --html ~/{page}"));
        assert!(fs::metadata(&device).unwrap().file_type().is_char_device(), "{page}");
    }
    assert!(place.at("link.html").is_symlink());
}
