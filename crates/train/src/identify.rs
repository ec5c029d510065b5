//! What a run is, from its setup: each option with what it was set to.

use serde_json::json;

use super::error::Result;
use super::identity::{EPOCHS, Identity, RunForm, VALIDATION};
use super::loss::LossOptions;
use super::names::{DATASET_OPTION, HOLDOUT_OPTION, held_out};
use super::options::{TrainOptions, Validation};
use super::samples::HOLDOUT_METHODS;
use super::setup::Setup;
use super::sgd::SgdOptions;
use super::weights;
use tcolz_nn::{BatchNormMode, Precision};

impl Identity {
    /// Of a run.
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
            Validation::Holdout(share) => held_out(&share.to_string()),
            _ => json!(samples.words),
        };
        let held = samples.validation.as_ref().map(|part| part.hash());
        let named = [
            (DATASET_OPTION, json!(format!("content root {}", dataset.meta().content_root))),
            ("network", json!(spec.network.name())),
            ("finetune", json!(options.finetune.as_str())),
            ("seed", json!(options.seed)),
            ("split", json!(select.split)),
            ("condition", json!(select.condition)),
            ("percent", json!(select.percent.map(|percent| percent.to_string()))),
            ("percent_seed", json!(select.percent_seed)),
            (VALIDATION, validation),
            ("subset", json!(format!("{} samples, {}", samples.train.len(), samples.train.hash()))),
            ("val_subset", json!(held)),
            ("size", json!(setup.size)),
            ("view", json!(setup.view.name)),
            ("weights", json!(format!("BLAKE3 {}", &hash.to_hex()[..16]))),
            (EPOCHS, json!(options.epochs)),
            ("batch_size", json!(options.batch_size)),
            ("accumulate", json!(options.accumulate)),
            ("learning_rate", json!(options.base_rate())),
            ("momentum", json!(momentum)),
            ("nesterov", json!(nesterov)),
            ("weight_decay", json!(weight_decay)),
            ("decay", json!(decay)),
            ("schedule", json!(options.schedule)),
            ("label_smoothing", json!(label_smoothing)),
            ("class_weights", json!(options.class_weights.to_string())),
            ("batch_norm", json!(batch_norm)),
            ("augment", json!(options.augment.names().join(", "))),
            ("patience", json!(options.patience)),
        ];
        // Runs that were begun before there was this option have no word of it.
        let key = options.weights_key.as_ref().map(|key| ("weights_key", json!(key)));
        let precision = options.precision;
        let precision =
            (precision != Precision::F32).then(|| ("precision", json!(precision.to_string())));
        let holdout = (matches!(options.validation, Validation::Holdout(_))
            && setup.holdout != HOLDOUT_METHODS[0])
            .then(|| (HOLDOUT_OPTION, json!(setup.holdout)));
        let named = named.into_iter().chain(key).chain(holdout).chain(precision);
        let options = named.map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Identity::made(options, RunForm::default()))
    }
}
