//! What options are called: in a run's file, and in messages.

use serde_json::{Value, json};

use tcolz_base::door::option;

/// The dataset, by its content.
pub(super) const DATASET_OPTION: &str = "dataset";
/// How samples are held out, where they are.
pub(super) const HOLDOUT_OPTION: &str = "holdout_method";
/// The share that is held out and validated on.
pub(super) const HOLDOUT: &str = "holdout";

/// What options are called in a run that versions up to 0.2.0 began, and what now: mostly a flag and a field.
pub(super) const NAMES: [(&str, &str); 31] = [
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
    ("--precision", "precision"),
];

/// A share that is held out and validated on.
pub(super) fn held_out(share: &str) -> Value {
    json!({ HOLDOUT: share })
}

/// What a message calls an option: as the door spells it, where it is one.
pub(super) fn spelled(name: &str) -> String {
    match NAMES.iter().find(|(_, field)| *field == name) {
        Some((_, "augment")) => format!("{} and {}", option("crop"), option("flip")),
        // A flag, and so an option.
        Some((flag, field)) if flag.starts_with("--") => option(field).to_string(),
        _ => name.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_calls_options_as_the_door_does() {
        let words =
            ["learning_rate", "augment", "holdout_method", "validation", "later"].map(spelled);
        let expected =
            ["`learning_rate`", "`crop` and `flip`", "holdout method", "validation", "later"];
        assert_eq!(words, expected);
    }
}
