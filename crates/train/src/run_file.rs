//! `run.json`: what a run was asked for, and what of it a run that was begun before goes on with.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::{Result, TrainError};
use super::files::RUN_FILE;
use super::identity::{Identity, RunForm};
use super::names::HOLDOUT_OPTION;
use super::options::{DEFAULT_RANDOM_LEARNING_RATE, TrainOptions};
use super::samples::HOLDOUT_METHODS;
use tcolz_base::durable;

/// The file, as it is read and written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunFile {
    /// One of [`RunForm`]: how its options are called.
    format: String,
    tcolz_version: String,
    pub(super) options: Map<String, Value>,
    /// Epochs that it was asked for before, where more were asked for once it had finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) earlier_epochs: Vec<u32>,
}

/// Key of the BLAKE3 of all else in [`RUN_FILE`]; a file of 0.1.0 has none.
const HASH_KEY: &str = "blake3";

impl RunFile {
    pub(super) fn of(identity: &Identity) -> RunFile {
        RunFile {
            format: identity.form().name().to_owned(),
            tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
            options: identity.written(),
            earlier_epochs: Vec::new(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<RunFile> {
        let text = fs::read(path).map_err(TrainError::io(path))?;
        let damaged = |reason: String| TrainError::Damaged { path: path.to_owned(), reason };
        let mut json: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if let Some(expected) = json.remove(HASH_KEY) {
            let found = hash_of(&json);
            if expected != found {
                return Err(damaged(format!("it has the BLAKE3 {found}, expected {expected}")));
            }
        }
        let is_known = |format: &Value| RunForm::ALL.iter().any(|form| *format == form.name());
        if let Some(other) = json.get("format").filter(|format| !is_known(format)) {
            let reason = format!("its format is {other}, expected \"{}\"", RunForm::Fields.name());
            return Err(TrainError::OtherVersion { path: path.to_owned(), reason });
        }
        serde_json::from_value(json.into()).map_err(|error| damaged(error.to_string()))
    }

    /// How its options are called.
    pub(super) fn form(&self) -> RunForm {
        RunForm::ALL.into_iter().find(|form| self.format == form.name()).unwrap_or_default()
    }

    /// Its options by their fields.
    pub(super) fn fields(&self) -> Map<String, Value> {
        self.form().fields(&self.options)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut json = json!(self);
        json[HASH_KEY] = hash_of(&json).into();
        let text = format!("{json:#}\n");
        durable::write(path, text.as_bytes()).map_err(TrainError::io(path))
    }
}

/// BLAKE3 of JSON without white space.
fn hash_of(json: &impl Serialize) -> String {
    blake3::hash(json!(json).to_string().as_bytes()).to_string()
}

/// The same options, with the rate that their run was begun with where it was the default of its time: such a run
/// goes on to the same bits.
pub(super) fn with_begun_rate(options: &TrainOptions) -> TrainOptions {
    let mut options = options.clone();
    if options.had_another_default_rate() && !options.restart {
        let run = RunFile::read(&options.out.join(RUN_FILE)).ok();
        let begun = run.and_then(|run| run.fields().get("learning_rate").and_then(Value::as_f64));
        options.learning_rate = begun.filter(|rate| *rate == DEFAULT_RANDOM_LEARNING_RATE);
    }
    options
}

/// Which of [`HOLDOUT_METHODS`] a run holds samples out by: the one that it was begun with.
pub(super) fn holdout_of(options: &TrainOptions) -> &'static str {
    let [first, last] = HOLDOUT_METHODS;
    match RunFile::read(&options.out.join(RUN_FILE)) {
        // Runs that were begun before there was another one have no word of it.
        Ok(run) if !options.restart && !run.fields().contains_key(HOLDOUT_OPTION) => first,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Finetune;
    use super::*;
    use tcolz_nn::Network;

    #[test]
    fn a_run_of_vgg19_that_was_begun_with_the_old_default_rate_goes_on_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = TrainOptions::new("d", Network::Vgg19, folder.path().join("run"));
        options.finetune = Finetune::All;
        let rate = |options: &TrainOptions| with_begun_rate(options).base_rate();
        assert_eq!(rate(&options), 0.01, "nothing is there");
        fs::create_dir(&options.out).unwrap();
        let written = |form, rate: f64| {
            let fields = [("learning_rate".to_owned(), json!(rate))];
            let identity = Identity::made(Map::from_iter(fields), form);
            RunFile::of(&identity).write(&options.out.join(RUN_FILE)).unwrap();
        };
        let begun = |rate: f64| written(RunForm::Fields, rate);
        written(RunForm::Flags, 0.05);
        assert_eq!(rate(&options), 0.05);
        begun(0.05);
        assert_eq!(rate(&options), 0.05);
        assert_eq!(rate(&TrainOptions { restart: true, ..options.clone() }), 0.01);
        assert_eq!(rate(&TrainOptions { learning_rate: Some(0.5), ..options.clone() }), 0.5);
        // What was asked for is not taken for a default.
        begun(0.3);
        assert_eq!(rate(&options), 0.01);
    }
}
