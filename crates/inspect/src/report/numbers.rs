//! Numbers of a page: each comes from the JSON form of the report and says from where, so that page and JSON
//! cannot disagree.

use serde_json::Value;
use tcolz_base::numbers::{bytes, count};

/// How a number reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    /// `1,234`.
    Count,
    /// `60.3 MB`.
    Bytes,
    /// With so many decimals.
    Fixed(usize),
    /// As JSON writes it.
    Plain,
}

/// A number on the page.
#[derive(Debug, Clone)]
pub(super) struct Number {
    /// JSON pointer (RFC 6901) into the JSON form of the report.
    pub(super) at: String,
    /// The number as JSON has it; empty for null.
    pub(super) value: String,
    /// As people read it.
    pub(super) text: String,
}

/// The JSON form of a report.
pub(super) struct Numbers(Value);

impl Numbers {
    pub(super) fn new(json: Value) -> Numbers {
        Numbers(json)
    }

    /// The number that `at` points to; a dash where it is null or not there.
    pub(super) fn get(&self, at: impl Into<String>, format: Format) -> Number {
        let at = at.into();
        let found = self.0.pointer(&at).filter(|value| value.is_number());
        let value = found.map(ToString::to_string).unwrap_or_default();
        let text = match (found, format) {
            (None, _) => "–".to_owned(),
            (Some(found), Format::Count) => {
                found.as_u64().map(count).unwrap_or_else(|| value.clone())
            }
            (Some(found), Format::Bytes) => {
                found.as_u64().map(bytes).unwrap_or_else(|| value.clone())
            }
            (Some(found), Format::Fixed(decimals)) => {
                format!("{:.decimals$}", found.as_f64().unwrap_or(f64::NAN))
            }
            (Some(_), Format::Plain) => value.clone(),
        };
        Number { at, value, text }
    }

    /// Members of the object that `at` points to, the largest first: key, and where its number is.
    pub(super) fn members(&self, at: &str) -> Vec<(String, String)> {
        let Some(Value::Object(members)) = self.0.pointer(at) else { return Vec::new() };
        let mut members: Vec<(&String, u64)> =
            members.iter().map(|(key, value)| (key, value.as_u64().unwrap_or(0))).collect();
        members.sort_by_key(|&(key, number)| (std::cmp::Reverse(number), key));
        let pointer = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        members.into_iter().map(|(key, _)| (key.clone(), pointer(key))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_says_where_it_is_from_and_a_missing_one_is_a_dash() {
        let numbers =
            Numbers::new(json!({"a/b": {"x~y": 1234, "z": 5678}, "mean": 0.126, "n": null}));
        let members = numbers.members("/a~1b");
        assert_eq!(members[1], ("x~y".to_owned(), "/a~1b/x~0y".to_owned()));
        let found = numbers.get(&members[1].1, Format::Count);
        assert_eq!((found.value.as_str(), found.text.as_str()), ("1234", "1,234"));
        assert_eq!(numbers.get("/mean", Format::Fixed(2)).text, "0.13");
        for at in ["/n", "/nowhere"] {
            let found = numbers.get(at, Format::Count);
            assert_eq!((found.value.as_str(), found.text.as_str()), ("", "–"));
        }
    }
}
