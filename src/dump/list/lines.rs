//! Lists of the form `path label`: one photo a line, one blank, the label last.

use super::{Bad, Entry, Line, Problem};

/// Takes a list apart. CRLF and a byte-order mark are accepted, blank lines skipped; the label follows the
/// last blank, so that names may hold blanks.
pub(super) fn parse(bytes: &[u8]) -> Vec<Line> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let lines = text.split(|&byte| byte == b'\n').zip(1usize..);
    let lines = lines.filter_map(|(line, number)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blank = line.iter().all(u8::is_ascii_whitespace);
        (!blank).then(|| Line { number, split: None, entry: entry(line) })
    });
    lines.collect()
}

fn entry(line: &[u8]) -> Result<Entry, Bad> {
    let unusable = |code, detail: &str| {
        let shown = String::from_utf8_lossy(line).replace(char::is_control, "\u{FFFD}");
        (shown.into(), Problem::Unusable { code, detail: detail.to_owned() })
    };
    let text =
        str::from_utf8(line).map_err(|_| unusable("unusable-name", "the line is not UTF-8"))?;
    let (path, label) = text.trim_end().rsplit_once([' ', '\t']).ok_or_else(|| {
        unusable("bad-line", "expected `path label`, found no blank before a label")
    })?;
    Ok((path.trim().into(), Some(label.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crlf_blank_lines_marks_and_blanks_in_names_are_understood() {
        let found = parse(b"\xEF\xBB\xBFdata/1.jpg 0\r\n\r\n  \nmy photo.jpg 2\n");
        let line = |number, path: &str, label: &str| Line {
            number,
            split: None,
            entry: Ok((path.into(), Some(label.into()))),
        };
        assert_eq!(found, [line(1, "data/1.jpg", "0"), line(4, "my photo.jpg", "2")]);
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
