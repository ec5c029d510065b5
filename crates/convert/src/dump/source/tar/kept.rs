//! The index of a tar in a file, so that an interrupted conversion need not go through the tar again.
//!
//! ```text
//! tcolz-tar-index 3 63012345856 1502700000000000000    version, length and time of the tar
//! note …                                               what is odd about it
//! damage …                                             what is wrong with it
//! replaced data/78476/784760943188189184-1.jpg         a member that a later one replaces
//! 1536 142500 w data/78476/784760943188189184-1.jpg    offset, length, state, name (with \\ and \n for \ and line ends)
//! blake3 …                                             of everything before
//! ```
//!
//! A private file of one version of this program: whatever is not as expected makes it useless, and the
//! tar is gone through again.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use tcolz_base::durable;

use super::member::{File, Index, Member, State};
use super::stamp::Stamp;

const MAGIC: &str = "tcolz-tar-index 3";
const STATES: [(State, &str); 7] = [
    (State::Whole, "w"),
    (State::Dangling, "d"),
    (State::Sparse, "s"),
    (State::Cut, "c"),
    (State::Special, "f"),
    (State::Continued, "v"),
    (State::Unclear, "u"),
];
/// How lines begin that are no members.
const NOTE: &str = "note ";
const DAMAGE: &str = "damage ";
const REPLACED: &str = "replaced";
/// Follows the state of a member whose name is not UTF-8.
const NOT_UTF8: &str = "!";
/// What would break a line, and what stands for it.
const ESCAPES: [(&str, &str); 3] = [("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r")];

pub(super) fn write(path: &Path, stamp: Stamp, index: &Index) -> io::Result<()> {
    let mut text = first_line(stamp);
    for (word, sentences) in [(NOTE, &index.notes), (DAMAGE, &index.damage)] {
        for sentence in sentences {
            let _ = writeln!(text, "{word}{}", escaped(sentence));
        }
    }
    for (name, is_utf8) in &index.replaced {
        let mark = if *is_utf8 { "" } else { NOT_UTF8 };
        let _ = writeln!(text, "{REPLACED}{mark} {}", escaped(name));
    }
    for Member { name, is_utf8, file: File { offset, bytes, state } } in &index.members {
        let word = STATES.iter().find(|(known, _)| known == state).map_or("", |(_, word)| word);
        let mark = if *is_utf8 { "" } else { NOT_UTF8 };
        let name = escaped(name);
        let _ = writeln!(text, "{offset} {bytes} {word}{mark} {name}");
    }
    let hash = blake3::hash(text.as_bytes());
    let _ = writeln!(text, "blake3 {hash}");
    durable::write(path, text.as_bytes())
}

/// The index in `path`, when it is whole and that of the tar with this stamp.
pub(super) fn read(path: &Path, stamp: Stamp) -> Option<Index> {
    let text = fs::read_to_string(path).ok()?;
    let (content, hash) = text.strip_suffix('\n')?.rsplit_once("\nblake3 ")?;
    let content = &text[..content.len() + 1];
    let content = content
        .strip_prefix(&first_line(stamp))
        .filter(|_| blake3::hash(content.as_bytes()).to_string() == hash)?;
    let mut index = Index::default();
    for line in content.lines() {
        if let Some(note) = line.strip_prefix(NOTE) {
            index.notes.push(unescaped(note)?.into());
        } else if let Some(damage) = line.strip_prefix(DAMAGE) {
            index.damage.push(unescaped(damage)?.into());
        } else if let Some(name) = line.strip_prefix(REPLACED) {
            let (mark, name) = name.split_once(' ')?;
            index.replaced.push((unescaped(name)?, mark.is_empty()));
        } else {
            index.members.push(member(line)?);
        }
    }
    Some(index)
}

fn first_line(stamp: Stamp) -> String {
    format!("{MAGIC} {} {}\n", stamp.bytes, stamp.modified)
}

fn member(line: &str) -> Option<Member> {
    let mut parts = line.splitn(4, ' ');
    let (offset, bytes) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let word = parts.next()?;
    let (word, is_utf8) = match word.strip_suffix(NOT_UTF8) {
        Some(word) => (word, false),
        None => (word, true),
    };
    let state = STATES.iter().find(|(_, known)| *known == word)?.0;
    let name = unescaped(parts.next()?)?;
    Some(Member { name, is_utf8, file: File { offset, bytes, state } })
}

fn escaped(name: &str) -> Cow<'_, str> {
    let mut name = Cow::Borrowed(name);
    for (found, escape) in ESCAPES {
        if name.contains(found) {
            name = name.replace(found, escape).into();
        }
    }
    name
}

fn unescaped(text: &str) -> Option<Box<str>> {
    let mut parts = text.split('\\');
    let mut name = parts.next()?.to_owned();
    while let Some(part) = parts.next() {
        match part.chars().next() {
            // Two of them: the next part begins behind the second.
            None => {
                name.push('\\');
                name.push_str(parts.next()?);
            }
            Some('n') => name.extend(['\n'].into_iter().chain(part.chars().skip(1))),
            Some('r') => name.extend(['\r'].into_iter().chain(part.chars().skip(1))),
            Some(_) => return None,
        }
    }
    Some(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_back_for_its_own_tar_only_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members");
        let file = |state| File { offset: 512, bytes: 7, state };
        let members = STATES.iter().zip([true, false].into_iter().cycle());
        let mut members: Vec<Member> = members
            .map(|(&(state, word), is_utf8)| {
                let name = format!("a name {word}.jpg").into();
                Member { name, is_utf8, file: file(state) }
            })
            .collect();
        for name in ["", "a\\", "\\\\n", "\n\r\n", "a\r", "\\\n!", "a\tb\u{85}\u{2028}"] {
            members.push(Member { name: name.into(), is_utf8: true, file: file(State::Whole) });
        }
        let replaced = vec![("a b".into(), true), ("\\ \n".into(), false)];
        let (notes, damage) = (vec!["odd".to_owned()], vec!["cut\noff".to_owned()]);
        let index = Index { members, replaced, notes, damage };
        let stamp = Stamp { bytes: 4096, modified: 12 };
        write(&path, stamp, &index).unwrap();
        assert_eq!(read(&path, stamp), Some(index));
        assert_eq!(read(&path, Stamp { modified: 13, ..stamp }), None);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(read(&path, stamp), None, "byte {at}");
            fs::write(&path, &bytes[..at]).unwrap();
            assert_eq!(read(&path, stamp), None, "cut at {at}");
        }
    }
}
