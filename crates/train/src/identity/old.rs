//! Runs that versions up to 0.2.0 began: their options are called by flags. The hash in their checkpoints is that of
//! these very words, so that such a run goes on with them.

use serde_json::{Map, Value, json};

/// What options are called in such a run, and what now: mostly a flag and a field.
pub(super) const NAMES: [(&str, &str); 30] = [
    ("DATASET", "dataset"),
    ("--model", "network"),
    ("--finetune", "finetune"),
    ("--seed", "seed"),
    ("--split", "split"),
    ("--where", "condition"),
    ("--percent", "percent"),
    ("--percent-seed", "percent_seed"),
    ("validation", "validation"),
    ("--subset", "subset"),
    ("--val-subset", "val_subset"),
    ("--size", "size"),
    ("--view", "view"),
    ("--weights", "weights"),
    ("--epochs", "epochs"),
    ("--batch-size", "batch_size"),
    ("--accumulate", "accumulate"),
    ("--lr", "learning_rate"),
    ("--momentum", "momentum"),
    ("--nesterov", "nesterov"),
    ("--weight-decay", "weight_decay"),
    ("--decay", "decay"),
    ("--schedule", "schedule"),
    ("--label-smoothing", "label_smoothing"),
    ("--class-weights", "class_weights"),
    ("--batch-norm", "batch_norm"),
    ("--crop and --flip", "augment"),
    ("--patience", "patience"),
    ("--weights-key", "weights_key"),
    ("holdout method", "holdout_method"),
];

/// How a share that is held out begins, the one value that had a flag in it.
const HOLDOUT: &str = "--holdout ";

/// Options by fields → as such a run has them. Their order stays: the hash depends on it.
pub(super) fn by_flags(fields: &Map<String, Value>) -> Map<String, Value> {
    let renamed = fields.iter().map(|(field, value)| {
        let known = NAMES.iter().find(|(_, name)| name == field);
        let share = value.get(super::HOLDOUT).and_then(Value::as_str);
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
        let value = share.map_or_else(|| value.clone(), super::held_out);
        (known.map_or(flag.as_str(), |(_, field)| field).to_owned(), value)
    });
    renamed.collect()
}
