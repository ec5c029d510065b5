//! How options and calls are spelled: as whoever drives the library writes them.
//!
//! Advice in errors and notes names what to change. The library knows options by the names of their fields; the door
//! through which it is used spells them: `batch_size` in Rust, `--batch-size` at the command line.

use std::fmt::{self, Display, Formatter};
use std::sync::OnceLock;

/// Through which door the library is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Door {
    /// A Rust program: the names of fields.
    #[default]
    Rust,
    /// The command `tcolz`: flags.
    Command,
}

static DOOR: OnceLock<Door> = OnceLock::new();

/// Says, before anything else, through which door this process uses the library. Only the first call counts.
pub fn enter(door: Door) {
    let _ = DOOR.set(door);
}

fn door() -> Door {
    DOOR.get().copied().unwrap_or_default()
}

/// Options whose flags are not called as their fields: field, flag.
const RENAMED: &[(&str, &str)] = &[
    ("learning_rate", "lr"),
    ("condition", "where"),
    ("network", "model"),
    ("memory_limit", "memory"),
    ("sizes", "size"),
    // A function in Rust.
    ("find_learning_rate", "find-lr"),
    // Of a study's plan.
    ("jobs", "list"),
];

/// The flag of a field: `--batch-size` of `batch_size`.
pub fn flag(field: &str) -> String {
    let renamed = RENAMED.iter().find(|(name, _)| *name == field);
    format!("--{}", renamed.map_or(field, |(_, flag)| flag).replace('_', "-"))
}

/// An option, with the value to give it or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    field: &'static str,
    value: Option<String>,
}

/// An option by its field, as the door spells it: `batch_size` in backticks, or `--batch-size`.
pub fn option(field: &'static str) -> Spelled {
    Spelled { field, value: None }
}

/// An option with a value: `finetune: head` in backticks, or `--finetune head`.
pub fn given(field: &'static str, value: impl Display) -> Spelled {
    Spelled { field, value: Some(value.to_string()) }
}

impl Spelled {
    fn write(&self, door: Door, f: &mut impl fmt::Write) -> fmt::Result {
        match (door, &self.value) {
            (Door::Rust, None) => write!(f, "`{}`", self.field),
            (Door::Rust, Some(value)) => write!(f, "`{}: {value}`", self.field),
            (Door::Command, None) => f.write_str(&flag(self.field)),
            (Door::Command, Some(value)) => write!(f, "{} {value}", flag(self.field)),
        }
    }
}

impl Display for Spelled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(door(), f)
    }
}

/// A call, with what it is given in order and by name: `repair(OUT, source: SRC)`, or `tcolz repair OUT --source SRC`,
/// both in backticks.
pub fn call(name: &str, arguments: &[&str], options: &[(&'static str, &str)]) -> String {
    spelled_call(door(), name, arguments, options)
}

fn spelled_call(
    door: Door,
    name: &str,
    arguments: &[&str],
    options: &[(&'static str, &str)],
) -> String {
    let with_values = options.iter().map(|(field, value)| match door {
        Door::Rust => format!("{field}: {value}"),
        Door::Command if value.is_empty() => flag(field),
        Door::Command => format!("{} {value}", flag(field)),
    });
    let all: Vec<String> =
        arguments.iter().map(|&argument| argument.to_owned()).chain(with_values).collect();
    match door {
        Door::Rust => format!("`{name}({})`", all.join(", ")),
        Door::Command => format!(
            "`{}`",
            ["tcolz", name]
                .into_iter()
                .chain(all.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(door: Door, spelled: &Spelled) -> String {
        let mut text = String::new();
        spelled.write(door, &mut text).unwrap();
        text
    }

    #[test]
    fn every_door_spells_options_in_its_own_way() {
        let (bare, with) = (option("batch_size"), given("finetune", "head"));
        assert_eq!(bare.to_string(), "`batch_size`", "Rust, where nobody said anything");
        assert_eq!(
            [&bare, &with].map(|x| said(Door::Rust, x)),
            ["`batch_size`", "`finetune: head`"]
        );
        assert_eq!(
            [&bare, &with].map(|x| said(Door::Command, x)),
            ["--batch-size", "--finetune head"]
        );
        assert_eq!(said(Door::Command, &given("learning_rate", 0.1)), "--lr 0.1");
    }

    #[test]
    fn every_door_spells_calls_in_its_own_way() {
        let call = |door| spelled_call(door, "repair", &["OUT"], &[("source", "SRC")]);
        assert_eq!(call(Door::Rust), "`repair(OUT, source: SRC)`");
        assert_eq!(call(Door::Command), "`tcolz repair OUT --source SRC`");
    }
}
