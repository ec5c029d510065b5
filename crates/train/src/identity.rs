//! What a run is, option by option: another run into its folder is refused by the first that differs.
//!
//! Not in it is what changes no number: threads, workers, cache, memory limit, how often a checkpoint is
//! written; and the device, on which the last bits of a number depend.

mod old;

use serde_json::{Map, Value, json};

use super::names::HOLDOUT;
use tcolz_base::door::given;

/// The option that may grow once a run is finished.
pub(super) const EPOCHS: &str = "epochs";
/// What samples are validated on, in words or as [`held_out`](super::names::held_out) says.
pub(super) const VALIDATION: &str = "validation";

/// How a run calls its options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum RunForm {
    /// By flags, as runs were begun up to 0.2.0.
    Flags,
    /// By the names of their fields.
    #[default]
    Fields,
}

impl RunForm {
    pub(super) const ALL: [RunForm; 2] = [RunForm::Flags, RunForm::Fields];

    /// What a run's file says of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            RunForm::Flags => "tcolz-run-v1",
            RunForm::Fields => "tcolz-run-v2",
        }
    }

    /// Options of this form by their fields.
    pub(super) fn fields(self, options: &Map<String, Value>) -> Map<String, Value> {
        match self {
            RunForm::Flags => old::by_fields(options),
            RunForm::Fields => options.clone(),
        }
    }
}

/// Options by the names of their fields, each with what it was set to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Identity {
    options: Map<String, Value>,
    form: RunForm,
}

impl Identity {
    /// Of options by their fields.
    pub(super) fn made(options: Map<String, Value>, form: RunForm) -> Identity {
        Identity { options, form }
    }

    /// How the run calls its options.
    pub(super) fn form(&self) -> RunForm {
        self.form
    }

    /// The same in another form.
    pub(super) fn in_form(&self, form: RunForm) -> Identity {
        Identity { form, ..self.clone() }
    }

    /// The options as the run's file holds them.
    pub(super) fn written(&self) -> Map<String, Value> {
        match self.form {
            RunForm::Flags => old::by_flags(&self.options),
            RunForm::Fields => self.options.clone(),
        }
    }

    /// The same with other epochs.
    pub(super) fn with_epochs(&self, epochs: u32) -> Identity {
        let mut identity = self.clone();
        identity.options.insert(EPOCHS.to_owned(), json!(epochs));
        identity
    }

    /// The epochs of a run that was begun with fewer, and differs in nothing else. `begun`: its options by their fields.
    pub(super) fn fewer_epochs(&self, begun: &Map<String, Value>) -> Option<u32> {
        let of = |options: &Map<String, Value>| options.get(EPOCHS).and_then(Value::as_u64);
        let earlier = of(begun).filter(|&earlier| Some(earlier) < of(&self.options))?;
        let earlier = u32::try_from(earlier).ok()?;
        self.with_epochs(earlier).difference(begun).is_none().then_some(earlier)
    }

    /// The first option that differs from those of a run, by their fields: its name, what the run was begun with, what
    /// is asked for.
    pub(super) fn difference(
        &self,
        begun: &Map<String, Value>,
    ) -> Option<(String, String, String)> {
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "nothing".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "nothing".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => match value.get(HOLDOUT).and_then(Value::as_str) {
                Some(share) => given(HOLDOUT, share).to_string(),
                None => value.to_string(),
            },
        };
        let names = self.options.keys().chain(begun.keys());
        let differs = |name: &&String| self.options.get(*name) != begun.get(*name);
        let name = { names }.find(differs)?;
        Some((name.clone(), text(begun.get(name)), text(self.options.get(name))))
    }

    /// Hash of all of it, as it is written.
    pub(super) fn hash(&self) -> String {
        let text = Value::Object(self.written()).to_string();
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::held_out;

    fn of(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => unreachable!("an object"),
        }
    }

    fn identity(value: Value) -> Identity {
        Identity::made(of(value), RunForm::default())
    }

    #[test]
    fn the_option_that_differs_is_named_with_both_values() {
        let asked = identity(json!({ "learning_rate": 0.1, "patience": null }));
        assert_eq!(asked.difference(&asked.written()), None);
        let begun = of(json!({ "learning_rate": 0.1, "patience": 3 }));
        let found = asked.difference(&begun).unwrap();
        assert_eq!(found, ("patience".to_owned(), "3".to_owned(), "nothing".to_owned()));
        let begun = json!({ "learning_rate": 0.1, "patience": null, "new": "x" });
        assert_eq!(asked.difference(&of(begun.clone())).unwrap().0, "new");
        assert_ne!(identity(begun).hash(), asked.hash());
        let held = identity(json!({ "validation": held_out("10") }));
        let (_, found, asked) = held.difference(&of(json!({ "validation": "split val" }))).unwrap();
        assert_eq!([&*found, &*asked], ["split val", "`holdout: 10`"]);
    }

    /// A run that 0.2.0 began when its options were still called by flags, and the hash in its checkpoint.
    const OLD: (&str, &str) = (
        include_str!("../../../tests/fixtures/runs/by-flags.json"),
        include_str!("../../../tests/fixtures/runs/by-flags.hash"),
    );

    #[test]
    fn a_run_whose_options_are_called_by_flags_keeps_its_words_and_its_hash() {
        let run: Value = serde_json::from_str(OLD.0).unwrap();
        assert_eq!(run["format"], RunForm::Flags.name());
        let written = of(run["options"].clone());
        let options = RunForm::Flags.fields(&written);
        let text = json!(options).to_string();
        assert!(
            !text.contains("--") && text.contains(r#""validation":{"holdout":"25"}"#),
            "{text}"
        );
        let new = Identity { options, form: RunForm::Fields };
        let old = new.in_form(RunForm::Flags);
        assert_eq!(json!(old.written()).to_string(), json!(written).to_string(), "order, too");
        assert_eq!(old.hash(), OLD.1.trim());
        assert_ne!(new.hash(), old.hash());
        let other = old.with_epochs(9);
        assert_eq!(other.fewer_epochs(&old.options), Some(2));
    }
}
