//! Lists of the form `path label`: one photo a line, one blank, the label last.

use super::line::{Bad, Entry, Line};
use super::table::{is_comment, is_header_line};
use crate::dump::input::Problem;
use crate::dump::names::printable;

/// Takes a list apart. CRLF is accepted, blank lines skipped, and before the first photo comments (`# …`) and
/// a header (`path label`) as well; the label follows the last blank, so that names may hold blanks.
pub(super) fn parse(text: &[u8]) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    for (line, number) in text.split(|&byte| byte == b'\n').zip(1usize..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blank = line.iter().all(u8::is_ascii_whitespace);
        if blank || found.is_empty() && is_comment(line) {
            continue;
        }
        let entry = entry(line);
        let is_header = matches!(&entry, Ok((path, Some(label))) if found.is_empty() && is_header_line(path, label));
        if !is_header {
            found.push(Line { number, split: None, entry });
        }
    }
    found
}

fn entry(line: &[u8]) -> Result<Entry, Bad> {
    let unusable = |code, detail: &str| {
        (
            printable(&String::from_utf8_lossy(line)).into(),
            Problem::Unusable { code, detail: detail.to_owned() },
        )
    };
    let text =
        str::from_utf8(line).map_err(|_| unusable("unusable-name", "the line is not UTF-8"))?;
    let text = text.trim_end();
    // Beside a tab, blanks belong to the path and the label.
    let parts = text.rsplit_once('\t').or_else(|| text.rsplit_once(' '));
    let (path, label) = parts.ok_or_else(|| {
        let detail = if text.contains([',', ';']) {
            "expected `path label` with a blank between, found none; a table ends in .csv and has a header"
        } else {
            "expected `path label`, found no blank before a label"
        };
        unusable("bad-line", detail)
    })?;
    Ok((path.trim().into(), Some(label.trim().into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crlf_blank_lines_comments_headers_and_blanks_in_names_are_understood() {
        let found = parse(b"# made by hand\r\ndata/1.jpg 0\r\n\r\n  \nmy photo.jpg 2\n");
        let line = |number, path: &str, label: &str| Line {
            number,
            split: None,
            entry: Ok((path.into(), Some(label.into()))),
        };
        assert_eq!(found, [line(2, "data/1.jpg", "0"), line(5, "my photo.jpg", "2")]);
        assert_eq!(parse(b"my photo.jpg\tbig dog\n"), [line(1, "my photo.jpg", "big dog")]);
        assert_eq!(parse(b"Path Label\n#1.jpg 0\n"), [line(2, "#1.jpg", "0")]);
    }

    #[test]
    fn a_bad_line_is_kept_with_its_reason() {
        for (text, expected) in
            [(&b"a.jpg"[..], "bad-line"), (b"\xFF.jpg 1", "unusable-name"), (b"\0", "bad-line")]
        {
            let Err((_, Problem::Unusable { code, .. })) = &parse(text)[0].entry else {
                panic!("{text:?}")
            };
            assert_eq!(*code, expected, "{text:?}");
        }
    }
}
