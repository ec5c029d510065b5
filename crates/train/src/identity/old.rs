//! Runs that versions up to 0.2.0 began: their options are called by flags. The hash in their checkpoints is that of
//! these very words, so that such a run goes on with them.

use serde_json::{Map, Value, json};

use crate::names::{self, NAMES};

/// How a share that is held out begins, the one value that had a flag in it.
const HOLDOUT: &str = "--holdout ";

/// Options by fields → as such a run has them. Their order stays: the hash depends on it.
pub(super) fn by_flags(fields: &Map<String, Value>) -> Map<String, Value> {
    let renamed = fields.iter().map(|(field, value)| {
        let known = NAMES.iter().find(|(_, name)| name == field);
        let share = value.get(names::HOLDOUT).and_then(Value::as_str);
        let value = share.map_or_else(|| value.clone(), |share| json!(format!("{HOLDOUT}{share}")));
        (known.map_or(field.as_str(), |(flag, _)| flag).to_owned(), value)
    });
    renamed.collect()
}

/// Options as such a run has them → by fields.
pub(super) fn by_fields(flags: &Map<String, Value>) -> Map<String, Value> {
    let renamed = flags.iter().map(|(flag, value)| {
        let known = NAMES.iter().find(|(name, _)| name == flag);
        let share = value.as_str().and_then(|text| text.strip_prefix(HOLDOUT));
        let value = share.map_or_else(|| value.clone(), names::held_out);
        (known.map_or(flag.as_str(), |(_, field)| field).to_owned(), value)
    });
    renamed.collect()
}
