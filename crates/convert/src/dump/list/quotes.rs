//! Quotes in tables: one that is never closed, or closed lines later, swallows rows without an error of its own.

use std::path::Path;

use crate::dump::DumpError;

/// Finds quotes that swallow lines.
pub(super) struct Quotes<'a> {
    pub(super) path: &'a Path,
    pub(super) delimiter: u8,
    /// Columns that are used; `None` for all.
    pub(super) used: Option<[Option<usize>; 3]>,
    /// Columns of the header.
    pub(super) width: usize,
}

impl Quotes<'_> {
    /// Tests the bytes of a record that begins on line `number` and whose path is `own`.
    ///
    /// A quoted field may run over several lines only in a column that is not used, when its quote is closed
    /// at the end of the field and none of the lines that it takes in looks like a row.
    pub(super) fn check(&self, record: &[u8], number: usize, own: &[u8]) -> Result<(), DumpError> {
        // Nearly all records.
        if !record.contains(&b'"') {
            return Ok(());
        }
        let (mut at, mut column, mut line) = (0, 0, number);
        while at < record.len() {
            if record[at] != b'"' {
                let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\r' | b'\n');
                at += record[at..].iter().position(ends).unwrap_or(record.len() - at);
            } else {
                let opened = line;
                let inside = &record[at + 1..];
                let length = closing_quote(inside);
                let field = &inside[..length.unwrap_or(inside.len())];
                let lines = line_ends(field);
                line += lines;
                let after = length.and_then(|length| inside.get(length + 1)).copied();
                let closed_at_the_end = length.is_some()
                    && after
                        .is_none_or(|byte| byte == self.delimiter || matches!(byte, b'\r' | b'\n'));
                let is_used = self.used.is_none_or(|used| used.contains(&Some(column)));
                let swallows = lines > 0 && (is_used || self.holds_rows(field, own));
                if length.is_none() || lines > 0 && !closed_at_the_end || swallows {
                    let closed = length.map(|_| line).filter(|_| lines > 0);
                    return Err(DumpError::OpenQuote {
                        path: self.path.to_owned(),
                        opened,
                        closed,
                    });
                }
                at += 1 + field.len() + 1;
                // What stands between a quote and the next delimiter belongs to the field.
                let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\r' | b'\n');
                at += record[at.min(record.len())..].iter().position(ends).unwrap_or(record.len());
            }
            column += 1;
            at += 1;
        }
        Ok(())
    }

    /// True where a line after the first of a field looks like a row: as many columns as the header, and in the
    /// column of paths something like the path of this row.
    fn holds_rows(&self, field: &[u8], own: &[u8]) -> bool {
        let column = self.used.and_then(|used| used[0]).unwrap_or_default();
        let mut lines = field.split(|&byte| byte == b'\n').skip(1);
        lines.any(|line| {
            let fields: Vec<&[u8]> = line.split(|&byte| byte == self.delimiter).collect();
            fields.len() >= self.width && fields.get(column).is_some_and(|path| is_like(path, own))
        })
    }
}

/// True for two paths with one ending or, without endings, two ids with digits.
fn is_like(path: &[u8], own: &[u8]) -> bool {
    let ending = |path: &[u8]| {
        let path = path.trim_ascii();
        path.iter().rposition(|&byte| byte == b'.').map(|dot| path[dot..].to_ascii_lowercase())
    };
    let has_digits = |path: &[u8]| path.iter().any(u8::is_ascii_digit);
    match ending(own) {
        Some(own) => ending(path) == Some(own),
        None => has_digits(path) == has_digits(own) && !path.trim_ascii().contains(&b' '),
    }
}

/// Where the quote is closed in what follows an opening one: at a quote that is not doubled.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text.get(at..)?.iter().position(|&byte| byte == b'"')?;
        match text.get(at + 1) {
            Some(b'"') => at += 2,
            _ => return Some(at),
        }
    }
}

/// Line ends in whole lines: CRLF, LF, or CR alone. The crate's own number of a record is one less where
/// lines end in CRLF.
pub(super) fn line_ends(text: &[u8]) -> usize {
    let next = text.iter().skip(1).copied().chain([0]);
    let ends = text.iter().zip(next).filter(|&(&byte, next)| match byte {
        b'\r' => next != b'\n',
        _ => byte == b'\n',
    });
    ends.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::list::table::parse;

    #[test]
    fn a_quote_that_swallows_lines_is_refused_with_the_line_where_it_opens() {
        for (text, told) in [
            ("path,label\na.jpg,x\nb.jpg,\"x\nc.jpg,y\nd.jpg,y\n", "line 3, and is never closed"),
            ("path,label\nb.jpg,\"x\nc.jpg,\"y\nd.jpg,y\n", "line 2, and is closed on line 3"),
            (
                "path,label\r\n\r\n\"b.jpg\",\"x\r\nc.jpg,\"\"y\r\nd.jpg,y\"\r\n",
                "line 3, and is closed on line 5",
            ),
            ("path,label\n\"b.jpg\n\",x\n", "line 2"),
            // The column is not used, and yet a row would be lost.
            (
                "path,label,text\nb.jpg,x,\"5\nc.jpg,y,z\nd.jpg,y,5\"\n",
                "line 2, and is closed on line 4",
            ),
            ("path,label,text\nb.jpg,x,\"5\nc.jpg,y\nd.jpg,\"y\n", "line 2"),
            ("\"path,label\na.jpg,x\n", "line 1"),
        ] {
            let error = parse(text.as_bytes(), Path::new("list.csv")).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn a_column_that_is_not_used_may_hold_lines_of_text() {
        for text in [
            "id,label,text\n1.jpg,x,\"one\nred, green, \"\"blue\"\"\n\"\n2.jpg,y,z\n",
            "text,id,label\n\"one\ntwo, \"\"three\"\"\n\",1.jpg,x\nz,2.jpg,y\n",
        ] {
            let lines = parse(text.as_bytes(), Path::new("list.csv")).unwrap();
            let found = lines.into_iter().map(|line| (line.number, line.entry.unwrap()));
            let line =
                |number, path: &str, label: &str| (number, (path.into(), Some(label.into())));
            assert!(found.eq([line(2, "1.jpg", "x"), line(5, "2.jpg", "y")]), "{text}");
        }
    }
}
