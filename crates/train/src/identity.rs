//! What a run is, option by option: another run into its folder is refused by the first that differs.
//!
//! Not in it is what changes no number: threads, workers, cache, memory limit, how often a checkpoint is
//! written; and the device, on which the last bits of a number depend.

use serde_json::{Map, Value, json};

use super::error::Result;
use super::loss::LossOptions;
use super::options::{TrainOptions, Validation};
use super::samples::HOLDOUT_METHODS;
use super::setup::Setup;
use super::sgd::SgdOptions;
use super::weights;
use tcolz_nn::BatchNormMode;

/// The dataset, by its content.
pub(super) const DATASET_OPTION: &str = "DATASET";
/// How samples are held out, where they are.
pub(super) const HOLDOUT_OPTION: &str = "holdout method";
/// The option that may grow once a run is finished.
const EPOCHS: &str = "--epochs";

/// Options by the name that people give them by, each with what it was set to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Identity(Map<String, Value>);

impl Identity {
    pub(super) fn of(setup: &Setup) -> Result<Identity> {
        let Setup { options, dataset, samples, spec, .. } = setup;
        let TrainOptions { select, sgd, .. } = options;
        let SgdOptions { momentum, weight_decay, nesterov, decay } = sgd;
        let LossOptions { label_smoothing, .. } = &setup.loss;
        let hash = weights::hash(setup.weights.keys().map(String::as_str), &setup.weights)?;
        let batch_norm = match setup.batch_norm {
            BatchNormMode::Batch => "batch",
            BatchNormMode::Stored => "stored",
        };
        let validation = match &options.validation {
            Validation::Holdout(share) => format!("--holdout {share}"),
            _ => samples.words.clone(),
        };
        let held = samples.validation.as_ref().map(|part| part.hash());
        let named = [
            (DATASET_OPTION, json!(format!("content root {}", dataset.meta().content_root))),
            ("--model", json!(spec.network.name())),
            ("--finetune", json!(options.finetune.as_str())),
            ("--seed", json!(options.seed)),
            ("--split", json!(select.split)),
            ("--where", json!(select.condition)),
            ("--percent", json!(select.percent.map(|percent| percent.to_string()))),
            ("--percent-seed", json!(select.percent_seed)),
            ("validation", json!(validation)),
            (
                "--subset",
                json!(format!("{} samples, {}", samples.train.len(), samples.train.hash())),
            ),
            ("--val-subset", json!(held)),
            ("--size", json!(setup.size)),
            ("--view", json!(setup.view.name)),
            ("--weights", json!(format!("BLAKE3 {}", &hash.to_hex()[..16]))),
            (EPOCHS, json!(options.epochs)),
            ("--batch-size", json!(options.batch_size)),
            ("--accumulate", json!(options.accumulate)),
            ("--lr", json!(options.base_rate())),
            ("--momentum", json!(momentum)),
            ("--nesterov", json!(nesterov)),
            ("--weight-decay", json!(weight_decay)),
            ("--decay", json!(decay)),
            ("--schedule", json!(options.schedule)),
            ("--label-smoothing", json!(label_smoothing)),
            ("--class-weights", json!(options.class_weights.to_string())),
            ("--batch-norm", json!(batch_norm)),
            ("--crop and --flip", json!(options.augment.names().join(", "))),
            ("--patience", json!(options.patience)),
        ];
        // Runs that were begun before there was this option have no word of it.
        let key = options.weights_key.as_ref().map(|key| ("--weights-key", json!(key)));
        let holdout = (matches!(options.validation, Validation::Holdout(_))
            && setup.holdout != HOLDOUT_METHODS[0])
            .then(|| (HOLDOUT_OPTION, json!(setup.holdout)));
        let named = named.into_iter().chain(key).chain(holdout);
        Ok(Identity(named.map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    pub(super) fn options(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The same with other epochs.
    pub(super) fn with_epochs(&self, epochs: u32) -> Identity {
        let mut options = self.0.clone();
        options.insert(EPOCHS.to_owned(), json!(epochs));
        Identity(options)
    }

    /// The epochs of a run that was begun with fewer, and differs in nothing else.
    pub(super) fn fewer_epochs(&self, begun: &Map<String, Value>) -> Option<u32> {
        let of = |options: &Map<String, Value>| options.get(EPOCHS).and_then(Value::as_u64);
        let earlier = of(begun).filter(|&earlier| Some(earlier) < of(&self.0))?;
        let earlier = u32::try_from(earlier).ok()?;
        self.with_epochs(earlier).difference(begun).is_none().then_some(earlier)
    }

    /// The first option that differs from those of a run: its name, what the run was begun with, what is asked
    /// for.
    pub(super) fn difference(
        &self,
        begun: &Map<String, Value>,
    ) -> Option<(String, String, String)> {
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => "nothing".to_owned(),
            Some(Value::String(text)) if text.is_empty() => "nothing".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let names = self.0.keys().chain(begun.keys());
        let differs = |name: &&String| self.0.get(*name) != begun.get(*name);
        let name = { names }.find(differs)?;
        Some((name.clone(), text(begun.get(name)), text(self.0.get(name))))
    }

    /// Hash of all of it.
    pub(super) fn hash(&self) -> String {
        let text = Value::Object(self.0.clone()).to_string();
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_that_differs_is_named_with_both_values() {
        let of = |value: Value| match value {
            Value::Object(map) => map,
            _ => unreachable!("an object"),
        };
        let asked = Identity(of(json!({ "--lr": 0.1, "--patience": null })));
        assert_eq!(asked.difference(asked.options()), None);
        let begun = of(json!({ "--lr": 0.1, "--patience": 3 }));
        let found = asked.difference(&begun).unwrap();
        assert_eq!(found, ("--patience".to_owned(), "3".to_owned(), "nothing".to_owned()));
        let begun = of(json!({ "--lr": 0.1, "--patience": null, "--new": "x" }));
        assert_eq!(asked.difference(&begun).unwrap().0, "--new");
        assert_ne!(Identity(begun).hash(), asked.hash());
    }
}
