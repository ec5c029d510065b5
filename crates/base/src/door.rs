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

/// Sets the door of this process. Call it before anything else; only the first call counts.
pub fn enter(door: Door) {
    let _ = DOOR.set(door);
}

fn door() -> Door {
    DOOR.get().copied().unwrap_or_default()
}

/// Fields whose flag has another name: field, flag.
const RENAMED: [(&str, &str); 12] = [
    ("check_space", "no_space_check"),
    ("condition", "where"),
    ("find_learning_rate", "find_lr"),
    ("hosts", "host"),
    ("jobs", "list"),
    ("learning_rate", "lr"),
    ("lists", "list"),
    ("memory_limit", "memory"),
    ("method", "split_method"),
    ("network", "model"),
    ("shard_bytes", "shard_mb"),
    ("sizes", "size"),
];

/// Functions whose command has another name: function, command, the flag that the command needs.
const COMMANDS: [(&str, &str, Option<&str>); 2] =
    [("bad_inputs", "inspect", Some("list_bad")), ("find", "show", None)];

/// The flag of a field: `--batch-size` of `batch_size`.
pub fn flag(field: &str) -> String {
    let renamed = RENAMED.iter().find(|(name, _)| *name == field);
    format!("--{}", renamed.map_or(field, |(_, flag)| flag).replace('_', "-"))
}

/// An option, with the value to give it or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    field: &'static str,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Absent,
    Given(String),
    Switch(bool),
}

/// An option by its field, as the door spells it: `batch_size` in backticks, or `--batch-size`.
pub fn option(field: &'static str) -> Spelled {
    Spelled { field, value: Value::Absent }
}

/// An option with a value: `finetune: head` in backticks, or `--finetune head`.
pub fn given(field: &'static str, value: impl Display) -> Spelled {
    Spelled { field, value: Value::Given(value.to_string()) }
}

/// A switch that is to be turned on or off: `restart: true` in backticks, or `--restart`, which has no value.
pub fn switch(field: &'static str, on: bool) -> Spelled {
    Spelled { field, value: Value::Switch(on) }
}

impl Spelled {
    fn write(&self, door: Door, f: &mut impl fmt::Write) -> fmt::Result {
        match (door, &self.value) {
            (Door::Rust, Value::Absent) => write!(f, "`{}`", self.field),
            (Door::Rust, Value::Given(value)) => write!(f, "`{}: {value}`", self.field),
            (Door::Rust, Value::Switch(on)) => write!(f, "`{}: {on}`", self.field),
            (Door::Command, Value::Absent | Value::Switch(_)) => f.write_str(&flag(self.field)),
            (Door::Command, Value::Given(value)) => write!(f, "{} {value}", flag(self.field)),
        }
    }
}

impl Display for Spelled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(door(), f)
    }
}

/// A call, with what it is given in order and by name: `repair(OUT, source: SRC)`, or `tcolz repair OUT --source SRC`,
/// both in backticks. An option without a value is a switch that is turned on.
pub fn call(name: &str, arguments: &[&str], options: &[(&'static str, &str)]) -> String {
    spelled_call(door(), name, arguments, options)
}

fn spelled_call(
    door: Door,
    name: &str,
    arguments: &[&str],
    options: &[(&'static str, &str)],
) -> String {
    let arguments = arguments.iter().map(|&argument| argument.to_owned());
    match door {
        Door::Rust => {
            let options = options.iter().map(|(field, value)| match value.is_empty() {
                true => format!("{field}: true"),
                false => format!("{field}: {value}"),
            });
            format!("`{name}({})`", arguments.chain(options).collect::<Vec<_>>().join(", "))
        }
        Door::Command => {
            let known = COMMANDS.iter().find(|(function, ..)| *function == name);
            let (command, needed) =
                known.map_or((name, None), |&(_, command, field)| (command, field));
            let options = options.iter().map(|(field, value)| match value.is_empty() {
                true => flag(field),
                false => format!("{} {value}", flag(field)),
            });
            let words = ["tcolz".to_owned(), command.to_owned()].into_iter().chain(arguments);
            let words = words.chain(needed.map(flag)).chain(options);
            format!("`{}`", words.collect::<Vec<_>>().join(" "))
        }
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
        let off = switch("check_space", false);
        assert_eq!(said(Door::Rust, &off), "`check_space: false`");
        assert_eq!(said(Door::Command, &off), "--no-space-check", "a switch has no value");
    }

    #[test]
    fn every_door_spells_calls_in_its_own_way() {
        let call = |door| spelled_call(door, "repair", &["OUT"], &[("source", "SRC")]);
        assert_eq!(call(Door::Rust), "`repair(OUT, source: SRC)`");
        assert_eq!(call(Door::Command), "`tcolz repair OUT --source SRC`");
        let call =
            |door| spelled_call(door, "bad_inputs", &["OUT"], &[("condition", "'width = 1'")]);
        assert_eq!(call(Door::Rust), "`bad_inputs(OUT, condition: 'width = 1')`");
        assert_eq!(call(Door::Command), "`tcolz inspect OUT --list-bad --where 'width = 1'`");
    }
}
