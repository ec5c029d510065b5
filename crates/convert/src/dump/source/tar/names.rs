//! Names of members: paths with `/` below the tar, however they were written.

/// A member's name without `.`, `..` and what makes it absolute.
pub(super) struct Name {
    /// Parts with `/` between them; empty for the top folder.
    pub(super) path: Vec<u8>,
    pub(super) root: Root,
    /// Folders that a `..` steps out of again.
    pub(super) left: Vec<Box<[u8]>>,
}

/// What a name begins with that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    None,
    /// `/`, as `tar -P` writes it.
    Slash,
    /// `C:\`, `C:/` or `\\server\`; with `\` between the parts.
    Windows,
}

/// A name below the tar; `None` when it leads out.
pub(super) fn normal(written: &[u8]) -> Option<Name> {
    let (root, rest) = match written {
        [b'/', rest @ ..] => (Root::Slash, rest),
        [b'\\', rest @ ..] => (Root::Windows, rest),
        [drive, b':', b'/' | b'\\', rest @ ..] if drive.is_ascii_alphabetic() => {
            (Root::Windows, rest)
        }
        _ => (Root::None, written),
    };
    // Elsewhere a `\` is a character like others.
    let has_backslashes = root == Root::Windows && written.contains(&b'\\');
    let is_between = |&byte: &u8| byte == b'/' || has_backslashes && byte == b'\\';
    let mut name = Name { path: Vec::with_capacity(rest.len()), root, left: Vec::new() };
    for part in rest.split(is_between) {
        match part {
            b"" | b"." => {}
            b".." => {
                name.left.push(name.path.as_slice().into());
                name.path.truncate(parent(&name.path)?.len());
            }
            part => push(&mut name.path, part),
        }
    }
    Some(name)
}

/// The folder that holds `path`; `None` for the top folder.
pub(super) fn parent(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    (!path.is_empty()).then(|| &path[..slash.unwrap_or(0)])
}

/// Adds a part to a path.
pub(super) fn push(path: &mut Vec<u8>, part: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(part);
}

/// True for `path` itself and what lies below it; everything lies below the top folder.
pub(super) fn is_in(folder: &[u8], path: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest[0] == b'/')
}

/// How many names are odd in some way, and the first.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) count: u64,
    first: String,
}

impl Counted {
    pub(super) fn add(&mut self, name: &[u8]) {
        if self.count == 0 {
            self.first = shown(name);
        }
        self.count += 1;
    }

    /// What a person should know of them.
    pub(super) fn note(&self, what: &str) -> Option<String> {
        let Counted { count, first } = self;
        (*count > 0).then(|| format!("{what}: {count}, the first is `{first}`"))
    }
}

/// A name as it is shown in a note.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(name).replace(char::is_control, "\u{FFFD}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(written: &str) -> Option<(String, Root)> {
        let name = normal(written.as_bytes())?;
        Some((String::from_utf8(name.path).unwrap(), name.root))
    }

    #[test]
    fn a_name_is_taken_without_its_root_and_its_dots_or_not_at_all() {
        for (written, expected, root) in [
            ("./cat//0.jpg", "cat/0.jpg", Root::None),
            ("/home/u/cat/0.jpg", "home/u/cat/0.jpg", Root::Slash),
            ("//home/0.jpg", "home/0.jpg", Root::Slash),
            (r"C:\photos\cat\0.jpg", "photos/cat/0.jpg", Root::Windows),
            ("C:/photos/0.jpg", "photos/0.jpg", Root::Windows),
            (r"\\server\photos\0.jpg", "server/photos/0.jpg", Root::Windows),
            (r"cat\0.jpg", r"cat\0.jpg", Root::None),
            ("a:b/0.jpg", "a:b/0.jpg", Root::None),
            ("a/../b/./0.jpg", "b/0.jpg", Root::None),
            ("./", "", Root::None),
            ("/", "", Root::Slash),
        ] {
            assert_eq!(path(written), Some((expected.to_owned(), root)), "{written}");
        }
        for written in ["..", "../0.jpg", "a/../../0.jpg", "/../0.jpg", r"C:\..\0.jpg"] {
            assert_eq!(path(written), None, "{written}");
        }
        let left = normal(b"a/b/../../c").unwrap().left;
        assert_eq!(left, [Box::from(&b"a/b"[..]), Box::from(&b"a"[..])]);
    }

    #[test]
    fn a_long_name_is_cut_in_a_note_between_characters() {
        assert_eq!(shown(b"a\tb\xFF"), "a\u{FFFD}b\u{FFFD}");
        assert_eq!(shown("ä".repeat(201).as_bytes()), "ä".repeat(200) + "…");
    }
}
