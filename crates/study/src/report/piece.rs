//! What stands in a cell or in a sentence: words, and numbers that say where they come from.

use std::fmt;

use crate::results::Document;
use tcolz_train::evaluate::Folds;

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// `file#pointer` of a document.
    Document(String),
    /// What a function makes of other numbers: `mean(a#/x; b#/x)`.
    Function(&'static str, Vec<Source>),
    /// Somebody else's: who.
    Published(&'static str),
    /// Given by the user: where.
    Given(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Document(place) | Source::Given(place) => f.write_str(place),
            Source::Published(by) => write!(f, "published: {by}"),
            Source::Function(name, of) => {
                write!(f, "{name}(")?;
                for (number, source) in of.iter().enumerate() {
                    if number > 0 {
                        f.write_str("; ")?;
                    }
                    source.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// A number with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traced {
    pub(super) value: f64,
    pub(super) source: Source,
}

impl Traced {
    /// The number that stands in a document.
    pub(super) fn at(document: &Document, pointer: &str) -> Option<Traced> {
        let value = document.number(pointer).filter(|value| value.is_finite())?;
        Some(Traced { value, source: Source::Document(document.source(pointer)) })
    }

    /// A published number.
    pub(super) fn published(value: f64, by: &'static str) -> Traced {
        Traced { value, source: Source::Published(by) }
    }

    /// A number that the user gave.
    pub(super) fn given(value: f64, place: String) -> Traced {
        Traced { value, source: Source::Given(place) }
    }

    /// What a function makes of numbers.
    pub(super) fn made(name: &'static str, value: f64, of: &[&Traced]) -> Traced {
        let sources = of.iter().map(|number| number.source.clone()).collect();
        Traced { value, source: Source::Function(name, sources) }
    }

    /// `mean(…)`; of one number the number itself.
    pub(super) fn mean(numbers: &[Traced]) -> Option<Traced> {
        match numbers {
            [one] => Some(one.clone()),
            _ => {
                let folds = Folds::of(numbers.iter().map(|number| number.value))?;
                Some(Traced::made("mean", folds.mean, &refs(numbers)))
            }
        }
    }

    /// `sd(…)`: the sample standard deviation of two numbers or more.
    pub(super) fn sample_sd(numbers: &[Traced]) -> Option<Traced> {
        let sd = Folds::of(numbers.iter().map(|number| number.value))?.sample_sd?;
        Some(Traced::made("sd", sd, &refs(numbers)))
    }

    /// `sum(…)`.
    pub(super) fn sum(numbers: &[Traced]) -> Option<Traced> {
        match numbers {
            [] => None,
            [one] => Some(one.clone()),
            _ => {
                let sum = numbers.iter().map(|number| number.value).sum();
                Some(Traced::made("sum", sum, &refs(numbers)))
            }
        }
    }

    /// `ratio(a; b)`: a / b.
    pub(super) fn ratio(a: &Traced, b: &Traced) -> Option<Traced> {
        let value = a.value / b.value;
        value.is_finite().then(|| Traced::made("ratio", value, &[a, b]))
    }

    /// `difference(a; b)`: a - b.
    pub(super) fn difference(a: &Traced, b: &Traced) -> Traced {
        Traced::made("difference", a.value - b.value, &[a, b])
    }
}

pub(super) fn refs(numbers: &[Traced]) -> Vec<&Traced> {
    numbers.iter().collect()
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Words.
    Words(String),
    /// A number: as people read it, and which of its column's numbers it is. Without a text it stands in CSV alone.
    Number {
        /// As people read it.
        text: String,
        /// Which of the column's numbers.
        slot: usize,
        /// The number.
        number: Traced,
    },
}

/// Words and numbers, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text(pub(super) Vec<Piece>);

impl From<&str> for Text {
    fn from(words: &str) -> Text {
        Text(vec![Piece::Words(words.to_owned())])
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        Text(vec![Piece::Words(words)])
    }
}

impl Text {
    /// What stands where nothing is known.
    pub(super) fn dash() -> Text {
        Text::from("–")
    }

    /// A number as `show` writes it, or a dash.
    pub(super) fn number(number: Option<Traced>, show: impl FnOnce(f64) -> String) -> Text {
        match number {
            Some(number) => Text::default().with(number, show),
            None => Text::dash(),
        }
    }

    /// Adds words.
    pub(super) fn and(mut self, words: impl Into<String>) -> Text {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// Adds a number, the next of the column.
    pub(super) fn with(self, number: Traced, show: impl FnOnce(f64) -> String) -> Text {
        let slot = self.numbers().map(|(slot, _)| slot + 1).max().unwrap_or(0);
        self.in_slot(slot, number, show)
    }

    /// Adds a number, which of the column is said.
    pub(super) fn in_slot(
        mut self,
        slot: usize,
        number: Traced,
        show: impl FnOnce(f64) -> String,
    ) -> Text {
        let text = show(number.value);
        self.0.push(Piece::Number { text, slot, number });
        self
    }

    /// Adds a number for CSV alone.
    pub(super) fn hidden(self, slot: usize, number: Option<Traced>) -> Text {
        match number {
            Some(number) => self.in_slot(slot, number, |_| String::new()),
            None => self,
        }
    }

    /// Whether it takes more than one line of a table's cell.
    pub(super) fn is_long(&self) -> bool {
        self.to_string().chars().count() > 20
    }

    /// Its numbers: which of the column, and the number.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, &Traced)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Number { slot, number, .. } => Some((*slot, number)),
            Piece::Words(_) => None,
        })
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(text) | Piece::Number { text, .. } => f.write_str(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        let json = json!({"a": [1.0, 3.0], "none": null, "word": "2"});
        Document { file: "results/a.json".to_owned(), json }
    }

    #[test]
    fn a_number_says_which_place_of_which_document_it_is_from_and_what_was_made_of_it() {
        let document = document();
        let [one, three] = ["/a/0", "/a/1"].map(|at| Traced::at(&document, at).unwrap());
        assert_eq!((one.value, one.source.to_string().as_str()), (1.0, "results/a.json#/a/0"));
        for at in ["/none", "/word", "/nowhere"] {
            assert_eq!(Traced::at(&document, at), None, "{at}");
        }
        let both = [one.clone(), three.clone()];
        let mean = Traced::mean(&both).unwrap();
        assert_eq!(mean.value, 2.0);
        assert_eq!(mean.source.to_string(), "mean(results/a.json#/a/0; results/a.json#/a/1)");
        assert_eq!(Traced::sample_sd(&both).unwrap().value, 2.0f64.sqrt());
        assert_eq!(Traced::sample_sd(&both[..1]), None, "one value does not spread");
        assert_eq!(Traced::mean(&both[..1]).unwrap(), one, "nothing was made of it");
        assert_eq!(Traced::mean(&[]), None);
        assert_eq!(Traced::sum(&both).unwrap().value, 4.0);
        assert_eq!(Traced::ratio(&three, &one).unwrap().value, 3.0);
        let nothing = Traced::difference(&one, &one);
        assert_eq!((nothing.value, Traced::ratio(&one, &nothing)), (0.0, None));
        let theirs = Traced::published(0.768, "somebody");
        assert_eq!(theirs.source.to_string(), "published: somebody");
    }

    #[test]
    fn a_text_holds_its_numbers_in_their_order_hidden_ones_too() {
        let document = document();
        let number = || Traced::at(&document, "/a/1");
        let text = Text::number(number(), |value| format!("{value:.1}"))
            .and(" ± ")
            .in_slot(3, number().unwrap(), |value| format!("{value:.2}"))
            .hidden(4, number());
        assert_eq!(text.to_string(), "3.0 ± 3.00");
        assert_eq!(text.numbers().map(|(slot, _)| slot).collect::<Vec<_>>(), [0, 3, 4]);
        assert_eq!(Text::number(None, |_| "?".to_owned()), Text::dash());
    }
}
