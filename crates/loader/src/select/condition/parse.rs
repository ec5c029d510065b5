//! From the text of a condition to its comparisons.

use super::comparison::{Comparison, OPERATORS, Operator, Value};
use crate::LoaderError;
use tcolz_base::nearest::distance as distance_of;
use tcolz_format::dataset::LedgerType;
use tcolz_format::sample::Status;

/// Classes that are named where one of that name is not there: all of a few, the most alike of many.
const NAMED_CLASSES: usize = 8;

/// A text, and how far it has been read.
pub(super) struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    columns: &'a [(String, LedgerType)],
    classes: &'a [String],
}

impl<'a> Parser<'a> {
    /// Reads a text to its end.
    pub(super) fn comparisons(
        text: &'a str,
        columns: &'a [(String, LedgerType)],
        classes: &'a [String],
    ) -> Result<Vec<Comparison>, LoaderError> {
        // An editor's byte order mark comes along when a condition is copied out of a file.
        let text = text.trim_start_matches('\u{feff}');
        let mut parser = Parser { text, at: 0, columns, classes };
        let mut comparisons = vec![parser.comparison()?];
        loop {
            parser.skip_blanks();
            let start = parser.at;
            match parser.bare_word() {
                "" if parser.rest().is_empty() => return Ok(comparisons),
                word if word.eq_ignore_ascii_case("and") => {
                    comparisons.push(parser.comparison()?);
                }
                word => {
                    let found = if word.is_empty() { parser.rest() } else { word };
                    let reason = format!("expected `and` or the end, found `{found}`");
                    return Err(parser.wrong(start, reason));
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, at: usize, reason: String) -> LoaderError {
        let position = self.text[..at].chars().count() + 1;
        LoaderError::Condition { text: self.text.to_owned(), position, reason }
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// What stands before the next blank, operator or quote.
    fn bare_word(&mut self) -> &'a str {
        let ends = |c: char| c.is_whitespace() || "=<>!'\"".contains(c);
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn comparison(&mut self) -> Result<Comparison, LoaderError> {
        let columns = self.columns;
        self.skip_blanks();
        let start = self.at;
        let name = self.bare_word();
        let kind = columns.iter().find(|(column, _)| column == name).map(|&(_, kind)| kind);
        let Some(kind) = kind.filter(|&kind| kind != LedgerType::Hash) else {
            let known = columns.iter().filter(|(_, kind)| *kind != LedgerType::Hash);
            let known: Vec<&str> = known.map(|(column, _)| column.as_str()).collect();
            let known = known.join(", ");
            let reason = match (name, self.rest()) {
                ("", "") => format!(
                    "expected a condition such as `agreement >= 5`, found the end; there are: {known}"
                ),
                ("", rest) => {
                    format!("expected a ledger column, found `{rest}`; there are: {known}")
                }
                _ => format!("no ledger column `{name}`; there are: {known}"),
            };
            return Err(self.wrong(start, reason));
        };
        self.skip_blanks();
        let start = self.at;
        let operator = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        let Some(&(sign, operator)) = operator else {
            let reason = format!("expected =, !=, <, <=, > or >= behind `{name}`");
            return Err(self.wrong(start, reason));
        };
        self.at += sign.len();
        let by_size = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if kind == LedgerType::Word && by_size {
            let reason = format!("column `{name}` holds words: expected = or !=, found {sign}");
            return Err(self.wrong(start, reason));
        }
        self.skip_blanks();
        let start = self.at;
        let is_quoted = self.rest().starts_with(['\'', '"']);
        let word = self.value()?;
        let value = match kind {
            LedgerType::Word if name == "status" && Status::parse(word).is_none() => {
                let known = Status::ALL.map(Status::as_str).join(", ");
                return Err(self.wrong(start, format!("no status `{word}`; there are: {known}")));
            }
            LedgerType::Word => Some(Value::Word(word.to_owned())),
            LedgerType::Real => word.parse().ok().filter(|v: &f32| v.is_finite()).map(Value::Real),
            _ if name == "label" => {
                let number = integer(word);
                let class = self.classes.iter().position(|class| class == word);
                let class = class.filter(|_| is_quoted || number.is_none());
                if class.is_some() && by_size {
                    let reason = format!("`{word}` is a class: expected = or !=, found {sign}");
                    return Err(self.wrong(start, reason));
                }
                let class = class.map(|index| Value::Integer(index as i128));
                Some(class.or(number).ok_or_else(|| self.wrong(start, self.no_class(word)))?)
            }
            _ => integer(word),
        };
        let value = value.ok_or_else(|| {
            self.wrong(
                start,
                format!("column `{name}` holds numbers: expected one, found `{word}`"),
            )
        })?;
        Ok(Comparison { column: name.to_owned(), operator, value })
    }

    /// What to say of a class that is not there.
    fn no_class(&self, word: &str) -> String {
        let mut classes: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let few = classes.len() <= NAMED_CLASSES;
        let distance = |class: &str| {
            // What is quoted too late comes before what is mistyped.
            let begins = class.to_lowercase().starts_with(&word.to_lowercase());
            if begins && !word.is_empty() { 0 } else { distance_of(word, class) }
        };
        classes.sort_by_cached_key(|class| distance(class));
        let nearest = classes.first().copied().unwrap_or_default();
        if few {
            self.classes.iter().zip(&mut classes).for_each(|(class, place)| *place = class);
        }
        classes.truncate(NAMED_CLASSES);
        let mut said = format!("no class `{word}`");
        if !nearest.is_empty() && distance(nearest) <= word.chars().count() / 2 {
            let blank = nearest.contains(|c: char| c.is_whitespace() || "=<>!".contains(c));
            let quote = if blank { "\"" } else { "" };
            said.push_str(&format!(", is `label = {quote}{nearest}{quote}` meant?"));
        }
        let shown = classes.join(", ");
        match (few, classes.is_empty()) {
            (_, true) => said.push_str("; the dataset has no classes"),
            (true, _) => said.push_str(&format!("; there are: {shown}")),
            _ => {
                let all = self.classes.len();
                said.push_str(&format!("; the most alike of {all} classes: {shown}"));
            }
        }
        said
    }

    /// A bare word, or what stands between quotes.
    fn value(&mut self) -> Result<&'a str, LoaderError> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next().filter(|&c| c == '\'' || c == '"') else {
            let word = self.bare_word();
            if word.is_empty() {
                return Err(self.wrong(start, "expected a number or a word".to_owned()));
            }
            return Ok(word);
        };
        let quoted = &self.rest()[1..];
        let Some(length) = quoted.find(quote) else {
            return Err(self.wrong(start, format!("the quote {quote} is never closed")));
        };
        self.at += length + 2;
        Ok(&quoted[..length])
    }
}

/// A number that is compared with whole ones.
fn integer(word: &str) -> Option<Value> {
    word.parse().map(Value::Integer).ok().or_else(|| {
        let number: f64 = word.parse().ok().filter(|number: &f64| number.is_finite())?;
        let whole = number.fract() == 0.0;
        Some(if whole { Value::Integer(number as i128) } else { Value::Fraction(number) })
    })
}
