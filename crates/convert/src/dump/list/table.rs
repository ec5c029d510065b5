//! Tables with a header: fields between commas, semicolons, tabs or bars.
//!
//! Which column is which is told by its name: `path,label`; `id,breed` as in Kaggle's dog breeds; a third
//! column `split` says where a line belongs. Before the header there may be a line `sep=;` as Excel writes
//! it, comments that begin with `#`, and blank lines.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::line::Line;
use super::quotes::{Quotes, line_ends};
use super::text::text;
use crate::dump::error::DumpError;
use crate::dump::input::Problem;
use crate::dump::names::{printable, shown};

const PATH_NAMES: [&str; 14] = [
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "image_name",
    "img",
    "photo",
    "image_id",
    "id",
    "name",
];
const LABEL_NAMES: [&str; 9] =
    ["label", "labels", "class", "class_name", "target", "category", "sentiment", "breed", "y"];
const SPLIT_NAMES: [&str; 3] = ["split", "set", "subset"];

/// Which columns hold what.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
}

/// What the beginning of a table tells: its columns, and the first paths.
#[derive(Debug)]
pub(in crate::dump) struct Head {
    /// Names of the columns that hold paths and, where there is one, labels.
    pub(in crate::dump) path: String,
    pub(in crate::dump) label: Option<String>,
    /// The column of labels is the only other one, and not named like one.
    pub(in crate::dump) is_guess: bool,
    pub(in crate::dump) paths: Vec<String>,
}

/// Reads the beginning of a table, at most `rows` of it; `is_cut` says that `bytes` are not all of it.
///
/// # Errors
/// As [`parse`].
pub(in crate::dump) fn head(
    bytes: &[u8],
    path: &Path,
    rows: usize,
    is_cut: bool,
) -> Result<Head, DumpError> {
    let text = text(bytes, path)?;
    let mut rows_of = Rows::open(&text, path)?;
    let mut paths = Vec::new();
    while paths.len() < rows
        && let Some((_, end)) = rows_of.next()
    {
        // A row that is cut off looks like one whose quote is never closed.
        if !(is_cut && end >= rows_of.text.len()) {
            rows_of.check_quotes()?;
            let field = rows_of.record.get(rows_of.columns.path);
            let field = field.and_then(|field| str::from_utf8(field).ok()).map(str::trim);
            paths.extend(field.filter(|path| !path.is_empty()).map(str::to_owned));
        }
    }
    let name = |column: usize| rows_of.header[column].clone();
    let Columns { path, label, .. } = rows_of.columns;
    let label = label.map(name);
    let is_guess = label.as_deref().is_some_and(|label| !LABEL_NAMES.contains(&label));
    Ok(Head { path: name(path), label, is_guess, paths })
}

/// True when a list begins with the header of a table.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let mut table = Table::open(bytes);
    let columns = Columns::find(&table.header());
    table.delimiter.is_some() && columns.is_some_and(|columns| columns.label.is_some())
}

/// Takes a table apart.
///
/// # Errors
/// [`DumpError::Columns`] when the header does not tell which column holds the paths or the labels;
/// [`DumpError::OpenQuote`] for a quote that swallows lines; as [`text`].
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Line>, DumpError> {
    let text = text(bytes, path)?;
    let mut rows = Rows::open(&text, path)?;
    let mut lines = Vec::new();
    while let Some((number, _)) = rows.next() {
        rows.check_quotes()?;
        let record = &rows.record;
        let is_blank = record.iter().all(|field| field.iter().all(u8::is_ascii_whitespace));
        // Tables that were joined hold their headers again.
        if !is_blank && names_of(record) != rows.header {
            lines.push(line(record, &rows.columns, rows.header.len(), number));
        }
    }
    Ok(lines)
}

/// The rows of a table, with the lines on which they begin.
struct Rows<'a> {
    reader: csv::Reader<&'a [u8]>,
    /// From the header on.
    text: &'a [u8],
    header: Vec<String>,
    columns: Columns,
    record: ByteRecord,
    /// Where the row begins and ends in the text, and on which line.
    begin: usize,
    end: usize,
    number: usize,
    quotes: Quotes<'a>,
}

impl<'a> Rows<'a> {
    fn open(text: &'a [u8], path: &'a Path) -> Result<Rows<'a>, DumpError> {
        let mut table = Table::open(text);
        let header = table.header();
        let end = table.reader.position().byte() as usize;
        let (text, number, width) = (table.text, table.first_line, header.len());
        let mut quotes =
            Quotes { path, delimiter: table.delimiter.unwrap_or(b','), used: None, width };
        quotes.check(text.get(..end).unwrap_or_default(), number, b"")?;
        let columns = Columns::find(&header).ok_or_else(|| table.unclear(path))?;
        quotes.used = Some([Some(columns.path), columns.label, columns.split]);
        let (reader, record) = (table.reader, ByteRecord::new());
        Ok(Rows { reader, text, header, columns, record, begin: 0, end, number, quotes })
    }

    /// Reads the next row into `record`: its line, and where it ends in the text.
    fn next(&mut self) -> Option<(usize, usize)> {
        // Flexible, and bytes are taken as they are: reading from memory cannot fail.
        if !self.reader.read_byte_record(&mut self.record).unwrap_or(false) {
            return None;
        }
        let mut begin = self.record.position().map_or(self.begin, |at| at.byte() as usize);
        while matches!(self.text.get(begin), Some(b'\r' | b'\n')) {
            begin += 1;
        }
        self.number += line_ends(self.text.get(self.begin..begin).unwrap_or_default());
        self.begin = begin.max(self.begin);
        self.end = self.reader.position().byte() as usize;
        Some((self.number, self.end))
    }

    fn check_quotes(&self) -> Result<(), DumpError> {
        let path = self.record.get(self.columns.path).unwrap_or_default();
        let record = self.text.get(self.begin..self.end).unwrap_or_default();
        self.quotes.check(record, self.number, path)
    }
}

fn line(record: &ByteRecord, columns: &Columns, width: usize, number: usize) -> Line {
    // A line is known by its path, where it has one.
    let unusable = |code, detail: String| {
        let path = record.get(columns.path).and_then(|path| str::from_utf8(path).ok());
        let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let shown = path.map(str::trim).filter(|path| !path.is_empty());
        let shown = shown.map_or_else(|| printable(&fields.join(",")), printable);
        (shown.into(), Problem::Unusable { code, detail })
    };
    let field = |column: usize, what: &str| {
        let field = record.get(column).ok_or_else(|| {
            let (expected, found) = (column + 1, record.len());
            let detail = format!("expected the {what} in column {expected}, found {found} columns");
            unusable("bad-line", detail)
        })?;
        let text = str::from_utf8(field).map_err(|_| {
            unusable(
                "unusable-name",
                format!("the {what} is not UTF-8 (Windows-1252?): save the list as UTF-8"),
            )
        })?;
        Ok(text.trim())
    };
    // An empty cell is a photo without a label, or of no split of its own.
    let word = |column: Option<usize>, what: &str| match column {
        Some(column) => field(column, what).map(|text| Some(text).filter(|text| !text.is_empty())),
        None => Ok(None),
    };
    let entry = || {
        if record.iter().skip(width).any(|field| !field.is_empty()) {
            let found = record.len();
            let detail = format!(
                "expected {width} columns, found {found}; quote fields that hold the delimiter"
            );
            return Err(unusable("bad-line", detail));
        }
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
        let is_used = |column: usize| column == path || Some(column) == split;
        // A column without a name is an index that pandas wrote, or a delimiter at the end of the line.
        let rest = || {
            (0..header.len()).filter(move |&column| !is_used(column) && !header[column].is_empty())
        };
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

/// A table behind what may stand before its header: a line `sep=;`, comments, blank lines.
struct Table<'a> {
    reader: csv::Reader<&'a [u8]>,
    /// From the header on.
    text: &'a [u8],
    /// Number of the header's line, from 1.
    first_line: usize,
    /// `None` where the header is one column.
    delimiter: Option<u8>,
}

impl<'a> Table<'a> {
    fn open(text: &'a [u8]) -> Table<'a> {
        let (mut rest, mut first_line, mut told) = (text, 1, None);
        loop {
            let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
            let line = &rest[..end];
            match named_delimiter(line) {
                Some(delimiter) if first_line == 1 => told = Some(delimiter),
                _ if end < rest.len() && (line.trim_ascii().is_empty() || is_comment(line)) => {}
                _ => break,
            }
            (rest, first_line) = (&rest[end..], first_line + 1);
        }
        let first = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| first.iter().filter(|&&byte| byte == delimiter).count();
        // Of equally many the last.
        let most = *b"|\t;,".iter().max_by_key(|&&delimiter| count(delimiter)).unwrap_or(&b',');
        let delimiter = told.or(Some(most).filter(|&most| count(most) > 0));
        let mut builder = ReaderBuilder::new();
        let reader = builder.delimiter(delimiter.unwrap_or(b',')).flexible(true).from_reader(rest);
        Table { reader, text: rest, first_line, delimiter }
    }

    /// Names of the columns, in small letters.
    fn header(&mut self) -> Vec<String> {
        self.reader.byte_headers().map(names_of).unwrap_or_default()
    }

    /// The error that shows a header which does not tell.
    fn unclear(&mut self, path: &Path) -> DumpError {
        let delimiter = match self.delimiter {
            None => "in one column",
            Some(b'\t') => "between tabs",
            Some(b';') => "between semicolons",
            Some(b'|') => "between bars",
            Some(_) => "between commas",
        };
        let header = self.reader.byte_headers().cloned().unwrap_or_default();
        let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name)).collect();
        let found = shown(&names.join(", "));
        DumpError::Columns { path: path.to_owned(), found: format!("`{found}` ({delimiter})") }
    }
}

/// The fields of a header: small letters, words with `_` between them.
fn names_of(header: &ByteRecord) -> Vec<String> {
    let name = |name: &[u8]| {
        String::from_utf8_lossy(name).trim().to_ascii_lowercase().replace([' ', '-'], "_")
    };
    header.iter().map(name).collect()
}

/// The delimiter that Excel writes on a line of its own: `sep=;`, perhaps in quotes.
fn named_delimiter(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let (word, rest) = line.split_at_checked(4)?;
    let delimiter = *rest.first()?;
    (word.eq_ignore_ascii_case(b"sep=")
        && delimiter.is_ascii()
        && !matches!(delimiter, b'\r' | b'\n' | b'"'))
    .then_some(delimiter)
}

/// True for a line that says something to people: `# …`. A name may begin with `#` as well.
pub(super) fn is_comment(line: &[u8]) -> bool {
    // `#TYPE System…` is how PowerShell 5 begins a table.
    matches!(line.trim_ascii_end(), [b'#'] | [b'#', b' ' | b'\t' | b'#', ..])
        || line.starts_with(b"#TYPE ")
}

/// True for the words of a header over lines of `path label`.
pub(super) fn is_header_line(path: &str, label: &str) -> bool {
    let is = |names: &[&str], word: &str| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    is(&PATH_NAMES, path) && is(&LABEL_NAMES, label)
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
        let lines =
            parsed(",File Name,Species,\n0,a.jpg,cat,\n,file name,species,\n1,b.jpg,dog,\n");
        assert_eq!(
            found(&lines),
            [(2, "a.jpg", Some("cat"), None), (4, "b.jpg", Some("dog"), None)]
        );
        let lines = parsed("#TYPE System.Object\n\"path\",\"label\"\n\"a.jpg\",\"x\"\n");
        assert_eq!(found(&lines), [(3, "a.jpg", Some("x"), None)]);
        let lines = parsed("image\na.jpg\n");
        assert_eq!(found(&lines), [(2, "a.jpg", None, None)]);
    }

    #[test]
    fn quotes_hold_commas_and_a_short_line_is_kept_with_its_reason() {
        let lines = parsed("path,label\n\"a,b.jpg\",\"x \"\"y\"\"\"\nshort\nc.jpg,x,more\n");
        assert_eq!(
            found(&lines),
            [
                (2, "a,b.jpg", Some("x \"y\""), None),
                (3, "bad-line", None, None),
                (4, "bad-line", None, None)
            ]
        );
    }

    #[test]
    fn what_stands_before_the_header_is_understood_and_counted() {
        let lines = parsed("sep=;\r\npath;label\r\nx.jpg;a\r\n");
        assert_eq!(found(&lines), [(3, "x.jpg", Some("a"), None)]);
        let lines = parsed("\"sep=\t\"\npath\tlabel\nx.jpg\ta\n");
        assert_eq!(found(&lines), [(3, "x.jpg", Some("a"), None)]);
        let lines = parsed("# made by hand\n\n#\npath|label\n#1.jpg|a\n");
        assert_eq!(found(&lines), [(5, "#1.jpg", Some("a"), None)]);
    }

    #[test]
    fn a_header_that_does_not_tell_is_refused_with_what_it_holds() {
        let error = parse(b"a,b,c\n1,2,3\n", Path::new("list.csv")).unwrap_err();
        assert!(error.to_string().contains("found `a, b, c` (between commas)"), "{error}");
        assert!(parse(b"path,a,b\n", Path::new("list.csv")).is_err());
        assert!(!is_header(b"a,b\n") && !is_header(b"path\n") && is_header(b"id,breed\n"));
        assert!(!is_header(b"path label\n") && !is_header(b"image 0,5\n"));
    }
}
