//! Files that are no tar: what they are, and what to do.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::dump::DumpError;
use tcolz_base::door::option;
use tcolz_pixels::file_kind::{FIRST_BYTES, FileKind};

use super::block::{BLOCK, is_header, is_zero, next_header};
use super::window::Window;

/// Rubbish before the first member of a tar is skipped so far.
const SEARCHED_BYTES: u64 = 1 << 20;

/// What is packed as a whole: name, command, and the endings that the command knows.
const PACKED: [(&str, &str, &[&str]); 4] = [
    ("gzip", "gunzip", &[".gz", ".tgz"]),
    ("bzip2", "bunzip2", &[".bz2", ".tbz2", ".tbz"]),
    ("xz", "unxz", &[".xz", ".txz"]),
    ("zstd", "zstd -d", &[".zst", ".tzst"]),
];

/// The error for a source that is no regular file.
pub(super) fn no_file(path: &Path) -> DumpError {
    let found = "a device, a pipe or a socket".to_owned();
    DumpError::NotASource { path: path.to_owned(), found, next: String::new() }
}

/// The error for a file that is no tar; `None` for a tar.
pub(super) fn no_tar(path: &Path, file: &File, length: u64) -> io::Result<Option<DumpError>> {
    let mut window = Window::new(file, length.min(SEARCHED_BYTES), 0);
    let first = window.get(0, FIRST_BYTES.max(BLOCK))?.to_vec();
    let header = first.get(..BLOCK).and_then(|block| block.try_into().ok());
    if header.is_some_and(is_header) {
        return Ok(None);
    }
    let kind = FileKind::of(&first);
    let is_zero = is_zero(&first);
    let is_named_tar = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tar"));
    // Its first header may be damaged.
    let may_be_tar =
        is_zero || matches!(kind, Some(FileKind::Archive("tar")) | None) && is_named_tar;
    if may_be_tar && next_header(&mut window, 0, length)?.is_some() {
        return Ok(None);
    }
    let (found, next) = match kind {
        _ if first.is_empty() => {
            ("an empty file".to_owned(), "was it downloaded whole?".to_owned())
        }
        _ if is_zero => (
            "zeros where its first file should be".to_owned(),
            "was it downloaded whole?".to_owned(),
        ),
        Some(kind) => (article(kind), next(path, kind)),
        None => match str::from_utf8(&first).map_err(|error| error.error_len()) {
            // A character may be cut off at the end.
            Ok(_) | Err(None) => (
                "text".to_owned(),
                format!(
                    "a list of photos is named with {}, beside the folder or tar of the photos",
                    option("lists")
                ),
            ),
            Err(Some(_)) => {
                let bytes: Vec<String> =
                    first.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                (format!("a file that begins with the bytes {}", bytes.join(" ")), String::new())
            }
        },
    };
    let next = if next.is_empty() { next } else { format!("; {next}") };
    Ok(Some(DumpError::NotASource { path: path.to_owned(), found, next }))
}

fn article(kind: FileKind) -> String {
    match kind {
        FileKind::Photo(_) => format!("one photo ({})", kind.name()),
        FileKind::OtherPicture(name) => format!("one picture ({name})"),
        FileKind::Archive("tar") => "a tar whose first header is damaged".to_owned(),
        FileKind::Archive(name) => format!("a file packed by {name}"),
        FileKind::Other(name) => name.to_owned(),
    }
}

/// What to do with such a file.
fn next(path: &Path, kind: FileKind) -> String {
    let source = quoted(&path.to_string_lossy());
    let name = kind.name();
    if let Some((_, command, endings)) = PACKED.iter().find(|(packed, ..)| *packed == name) {
        let path = path.to_string_lossy();
        let is_known = endings.iter().any(|ending| path.to_ascii_lowercase().ends_with(ending));
        let command = if is_known {
            format!("{command} {source}")
        } else {
            format!("{command} <{source} >{}", quoted(&format!("{path}.tar")))
        };
        return format!(
            "photos are read in any order, a packed tar only from its beginning to its end; unpack it \
             first: `{command}`"
        );
    }
    let folder = match path.extension() {
        Some(_) => quoted(&path.with_extension("").to_string_lossy()),
        None => quoted(&format!("{}-unpacked", path.to_string_lossy())),
    };
    match kind {
        FileKind::Archive("zip") => format!("unpack it first: `unzip {source} -d {folder}`"),
        FileKind::Archive("7z") => format!("unpack it first: `7z x {source} -o{folder}`"),
        FileKind::Archive("rar") => format!("unpack it first: `unrar x {source} {folder}/`"),
        FileKind::Archive(_) => "was it downloaded whole?".to_owned(),
        FileKind::Photo(_) | FileKind::OtherPicture(_) => "name the folder that it is in".to_owned(),
        FileKind::Other("Git LFS pointer") => "get the file that it stands for: `git lfs pull`".to_owned(),
        FileKind::Other("web page") => {
            "what was downloaded is no archive: does the download need a login?".to_owned()
        }
        FileKind::Other("Parquet" | "Arrow" | "HDF5" | "NumPy array" | "LMDB" | "SQLite") => {
            "write the photos that it holds to files, a folder for each class, and name the folder above"
                .to_owned()
        }
        FileKind::Other(_) => String::new(),
    }
}

/// A word of a command line.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte);
    if word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
