//! Lists of the form `path label`: one photo a line, one space, the label last.

use std::fs;
use std::path::Path;

use super::{DumpError, Input, Problem, sample_id};

/// One parsed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1, blank lines counted.
    pub(super) number: u32,
    /// Sample id and label, or what is wrong (with the text that stood there).
    pub(super) entry: Result<(Box<str>, u16), (Box<str>, Problem)>,
}

/// Reads a list of `path label` lines. CRLF and a byte-order mark are accepted, blank lines skipped;
/// the label follows the last blank, so that names may hold spaces.
///
/// # Errors
/// When the file cannot be read or has more lines than a ledger can count.
pub(super) fn read(path: &Path, classes: usize) -> Result<Vec<Line>, DumpError> {
    let bytes =
        fs::read(path).map_err(|source| DumpError::Unreadable { path: path.to_owned(), source })?;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let lines = text.split(|&byte| byte == b'\n').zip(1usize..);
    let lines = lines.filter_map(|(line, number)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (!line.iter().all(u8::is_ascii_whitespace)).then_some((line, number))
    });
    let parse = |(line, number): (&[u8], usize)| {
        let limit = u32::MAX as usize;
        let number = u32::try_from(number).map_err(|_| DumpError::TooMany {
            path: path.to_owned(),
            what: "lines",
            found: number,
            limit,
        })?;
        Ok(Line { number, entry: parse_line(line, classes) })
    };
    lines.map(parse).collect()
}

fn parse_line(line: &[u8], classes: usize) -> Result<(Box<str>, u16), (Box<str>, Problem)> {
    let shown: Box<str> =
        String::from_utf8_lossy(line).replace(char::is_control, "\u{FFFD}").into();
    let unusable = |code, detail: String| (shown.clone(), Problem::Unusable { code, detail });
    let text = str::from_utf8(line)
        .map_err(|_| unusable("unusable-name", "the line is not UTF-8".to_owned()))?;
    let (path, label) = text.trim_end().rsplit_once([' ', '\t']).ok_or_else(|| {
        unusable("bad-line", "expected `path label`, found no blank before a label".to_owned())
    })?;
    let label = match label.parse::<u16>() {
        Ok(label) if usize::from(label) < classes => label,
        _ => {
            let last = classes.saturating_sub(1);
            let detail = format!("expected a label from 0 to {last}, found `{label}`");
            return Err(unusable("unknown-label", detail));
        }
    };
    let id = sample_id(path.trim()).map_err(|problem| (shown.clone(), problem))?;
    Ok((id, label))
}

/// The inputs of a list whose lines all belong to one split.
pub(super) fn inputs(
    lines: Vec<Line>,
    list: u16,
    split: u16,
    top_folder: Option<&str>,
) -> impl Iterator<Item = Input> {
    let top_folder = top_folder.map(str::to_owned);
    lines.into_iter().map(move |line| {
        let (id, label, problem) = match line.entry {
            Ok((id, label)) => (id, Some(label), None),
            Err((shown, problem)) => (shown, None, Some(problem)),
        };
        let id = match &top_folder {
            Some(top) => id
                .strip_prefix(top.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .unwrap_or(&id)
                .into(),
            None => id,
        };
        Input { list, line: line.number, split, sample_id: id, label, agreement: None, problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Line> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, text).unwrap();
        read(&path, 3).unwrap()
    }

    #[test]
    fn crlf_blank_lines_marks_and_spaces_in_names_are_understood() {
        let found = lines(b"\xEF\xBB\xBFdata/1.jpg 0\r\n\r\n  \n./my photo.jpg 2\n");
        assert_eq!(found[0], Line { number: 1, entry: Ok(("data/1.jpg".into(), 0)) });
        assert_eq!(found[1], Line { number: 4, entry: Ok(("my photo.jpg".into(), 2)) });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_bad_line_is_kept_with_its_reason() {
        for (text, expected) in [
            (&b"a.jpg 3"[..], "unknown-label"),
            (b"a.jpg x", "unknown-label"),
            (b"a.jpg -1", "unknown-label"),
            (b"a.jpg", "bad-line"),
            (b"../a.jpg 1", "path-leaves-dump"),
            (b"\xFF.jpg 1", "unusable-name"),
        ] {
            let Err((_, Problem::Unusable { code, .. })) = &lines(text)[0].entry else {
                panic!("{text:?}")
            };
            assert_eq!(*code, expected, "{text:?}");
        }
    }
}
