//! Tables with a header: CSV (commas or semicolons) and TSV.
//!
//! Which column is which is told by its name: `path,label`; `id,breed` as in Kaggle's dog breeds; a third
//! column `split` says where a line belongs.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::{DumpError, Line, Problem};

const PATH_NAMES: [&str; 12] = [
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "img",
    "image_id",
    "id",
    "name",
];
const LABEL_NAMES: [&str; 8] =
    ["label", "class", "class_name", "target", "category", "sentiment", "breed", "y"];
const SPLIT_NAMES: [&str; 3] = ["split", "set", "subset"];

/// Which columns hold what.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
}

/// True when the first line of `bytes` names a column of paths and one of labels.
pub(in crate::dump) fn has_columns(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let header = header_names(&reader(line).headers_of());
    matches!(Columns::find(&header), Some(Columns { label: Some(_), .. }))
}

/// Takes a table apart.
///
/// # Errors
/// [`DumpError::Columns`] when the header does not tell which column holds the paths or the labels.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Line>, DumpError> {
    let mut table = reader(bytes);
    let header = header_names(&table.headers_of());
    let columns = Columns::find(&header)
        .ok_or_else(|| DumpError::Columns { path: path.to_owned(), found: header.join(", ") })?;
    let text = without_mark(bytes);
    let mut lines = Vec::new();
    let mut record = ByteRecord::new();
    let (mut number, mut counted) = (1, 0);
    // Flexible, and bytes are taken as they are: reading from memory cannot fail.
    while table.0.read_byte_record(&mut record).unwrap_or(false) {
        let mut begin = record.position().map_or(counted, |position| position.byte() as usize);
        while matches!(text.get(begin), Some(b'\r' | b'\n')) {
            begin += 1;
        }
        number += line_ends(text.get(counted..begin).unwrap_or_default());
        counted = begin.max(counted);
        if record.iter().all(|field| field.iter().all(u8::is_ascii_whitespace)) {
            continue;
        }
        lines.push(line(&record, &columns, number));
    }
    Ok(lines)
}

/// Line ends in whole lines: CRLF, LF, or CR alone. The crate's own number of a record is one less where
/// lines end in CRLF.
fn line_ends(text: &[u8]) -> usize {
    let next = text.iter().skip(1).copied().chain([0]);
    let ends = text.iter().zip(next).filter(|&(&byte, next)| match byte {
        b'\r' => next != b'\n',
        _ => byte == b'\n',
    });
    ends.count()
}

fn line(record: &ByteRecord, columns: &Columns, number: usize) -> Line {
    let unusable = |code, detail: String| {
        let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let shown = fields.join(",").replace(char::is_control, "\u{FFFD}");
        (shown.into(), Problem::Unusable { code, detail })
    };
    let field = |column: usize, what: &str| {
        let field = record.get(column).ok_or_else(|| {
            let (expected, found) = (column + 1, record.len());
            let detail = format!("expected the {what} in column {expected}, found {found} columns");
            unusable("bad-line", detail)
        })?;
        let text = str::from_utf8(field)
            .map_err(|_| unusable("unusable-name", format!("the {what} is not UTF-8")))?;
        Ok(text.trim())
    };
    // An empty cell is a photo without a label, or of no split of its own.
    let word = |column: Option<usize>, what: &str| match column {
        Some(column) => field(column, what).map(|text| Some(text).filter(|text| !text.is_empty())),
        None => Ok(None),
    };
    let entry = || {
        let (path, label) = (field(columns.path, "path")?, word(columns.label, "label")?);
        Ok(((path.into(), label.map(Into::into)), word(columns.split, "split")?.map(Into::into)))
    };
    match entry() {
        Ok((entry, split)) => Line { number, split, entry: Ok(entry) },
        Err(problem) => Line { number, split: None, entry: Err(problem) },
    }
}

impl Columns {
    fn find(header: &[String]) -> Option<Columns> {
        let find = |names: &[&str]| {
            names.iter().find_map(|name| header.iter().position(|found| found == name))
        };
        let path = find(&PATH_NAMES)?;
        let split = find(&SPLIT_NAMES);
        let rest = || (0..header.len()).filter(|&column| column != path && Some(column) != split);
        let label = match find(&LABEL_NAMES) {
            Some(label) => Some(label),
            // One more column: that is the label, whatever its name.
            None if rest().count() == 1 => rest().next(),
            None if rest().count() == 0 => None,
            None => return None,
        };
        Some(Columns { path, label, split })
    }
}

struct Table<'a>(csv::Reader<&'a [u8]>);

impl Table<'_> {
    fn headers_of(&mut self) -> ByteRecord {
        self.0.byte_headers().cloned().unwrap_or_default()
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn reader(bytes: &[u8]) -> Table<'_> {
    let text = without_mark(bytes);
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let most = |delimiter: &u8| first.iter().filter(|&byte| byte == delimiter).count();
    // Of equally many the last: a comma, where there is none of them.
    let delimiter = *b"\t;,".iter().max_by_key(|delimiter| most(delimiter)).unwrap_or(&b',');
    Table(ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text))
}

fn header_names(header: &ByteRecord) -> Vec<String> {
    header.iter().map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found<'a> = (usize, &'a str, Option<&'a str>, Option<&'a str>);

    fn found(lines: &[Line]) -> Vec<Found<'_>> {
        lines
            .iter()
            .map(|line| match &line.entry {
                Ok((path, label)) => {
                    (line.number, &**path, label.as_deref(), line.split.as_deref())
                }
                Err((_, Problem::Unusable { code, .. })) => (line.number, *code, None, None),
                Err(_) => panic!("a table finds no duplicates"),
            })
            .collect()
    }

    fn parsed(text: &str) -> Vec<Line> {
        parse(text.as_bytes(), Path::new("list.csv")).unwrap()
    }

    #[test]
    fn columns_are_told_by_their_names() {
        let lines = parsed("id,breed\n0a1b,pug\n");
        assert_eq!(found(&lines), [(2, "0a1b", Some("pug"), None)]);
        let lines = parsed("\u{FEFF}Label;Split;Path\r\n1;val;a.jpg\r\n\r\n;;b.jpg\r\n");
        assert_eq!(found(&lines), [(2, "a.jpg", Some("1"), Some("val")), (4, "b.jpg", None, None)]);
        let lines = parsed("path\tmood\na b.jpg\tgood\n");
        assert_eq!(found(&lines), [(2, "a b.jpg", Some("good"), None)]);
        let lines = parsed("image\na.jpg\n");
        assert_eq!(found(&lines), [(2, "a.jpg", None, None)]);
    }

    #[test]
    fn quotes_hold_commas_and_line_ends_and_a_short_line_is_kept_with_its_reason() {
        let lines = parsed("path,label\n\"a,b.jpg\",\"two\nlines\"\nshort\nc.jpg,x,more\n");
        assert_eq!(
            found(&lines),
            [
                (2, "a,b.jpg", Some("two\nlines"), None),
                (4, "bad-line", None, None),
                (5, "c.jpg", Some("x"), None)
            ]
        );
    }

    #[test]
    fn a_header_that_does_not_tell_is_refused_with_what_it_holds() {
        let error = parse(b"a,b,c\n1,2,3\n", Path::new("list.csv")).unwrap_err();
        assert!(error.to_string().contains("found a, b, c"), "{error}");
        assert!(parse(b"path,a,b\n", Path::new("list.csv")).is_err());
        assert!(!has_columns(b"a,b\n") && !has_columns(b"path\n") && has_columns(b"id,breed\n"));
    }
}
