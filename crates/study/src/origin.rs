//! The entry of a study's file whose jobs are being planned, and what an error says against it.

use super::StudyError;
use super::fault::{Fault, expected};
use super::spec::{StudySpec, TrainingSpec};
use tcolz_format::dataset::DatasetError;
use tcolz_loader::LoaderError;
use tcolz_train::TrainError;
use tcolz_train::evaluate::EvaluateError;

/// The entry whose jobs are being planned.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// As [`Fault::entry`].
    pub(super) entry: String,
    /// Keys that are the entry's own business, [`SAMPLES`] among them; what is wrong with others is the model's.
    keys: &'static [&'static str],
    /// The model that is trained.
    model: Option<String>,
    /// What the entry says of the training itself.
    over: TrainingSpec,
}

impl Origin {
    /// An entry of the models.
    pub(super) fn model(title: &str) -> Origin {
        let (entry, over) = (model_entry(title), TrainingSpec::default());
        Origin { entry, keys: &[], model: Some(title.to_owned()), over }
    }

    /// Another entry; `keys` are its own.
    pub(super) fn of(section: &str, name: &str, keys: &'static [&'static str]) -> Origin {
        let (entry, over) = (format!("[[{section}]] `{name}`"), TrainingSpec::default());
        Origin { entry, keys, model: None, over }
    }

    /// The same, with a model that it trains.
    pub(super) fn training(&self, title: &str, over: &TrainingSpec) -> Origin {
        Origin { model: Some(title.to_owned()), over: over.clone(), ..self.clone() }
    }

    /// What is wrong with the entry, with where it stands and the key of the file that names it, if one does.
    pub(super) fn fault(&self, error: &StudyError, spec: &StudySpec) -> Fault {
        let (about, words) = explained(error);
        let key = match about {
            LISTS => ["folds", "test-percent"].into_iter().find(|key| self.keys.contains(key)),
            SAMPLES | NONE => None,
            key => Some(key),
        };
        let what = key.map_or_else(|| words.clone(), |key| format!("{key}: {words}"));
        Fault { entry: self.entry_of(key.unwrap_or(about), spec), what }
    }

    /// The same where the key is known.
    pub(super) fn fault_of(&self, key: &str, error: &StudyError, spec: &StudySpec) -> Fault {
        let what = format!("{key}: {}", explained(error).1);
        Fault { entry: self.entry_of(key, spec), what }
    }

    /// Where a key stands that decides a training of this entry.
    pub(super) fn entry_of(&self, key: &str, spec: &StudySpec) -> String {
        let own = key == LISTS || self.keys.contains(&key);
        let Some(title) = self.model.as_deref().filter(|_| !own) else {
            return self.entry.clone();
        };
        if self.over.has(key) {
            return format!("{}, training", self.entry);
        }
        let own = spec.models.iter().zip(spec.every_model());
        let own = own.filter(|(_, merged)| merged.title() == title).map(|(own, _)| own).next();
        match own.is_some_and(|own| !own.has(key)) && spec.training.has(key) {
            true => "[training]".to_owned(),
            false => model_entry(title),
        }
    }
}

/// The name of an entry of the models.
pub(super) fn model_entry(title: &str) -> String {
    format!("[[models]] `{title}`")
}

/// What an error is about that no single key names: which samples are taken.
const SAMPLES: &str = "samples";
/// Lists of samples that are read or drawn.
const LISTS: &str = "lists";
/// An error that is about no key.
const NONE: &str = "";

/// What an error is about, a key or one of [`SAMPLES`], [`LISTS`], [`NONE`], and what it says of it.
fn explained(error: &StudyError) -> (&'static str, String) {
    match error {
        StudyError::Train(error) => of_train(error),
        StudyError::Evaluate(error) => of_evaluate(error),
        StudyError::Loader(error) => of_loader(error),
        StudyError::Dataset(error) => of_dataset(error),
        StudyError::Model(error) => ("weights", error.to_string()),
        StudyError::Folds { .. } => (LISTS, error.to_string()),
        error => (NONE, error.to_string()),
    }
}

fn of_train(error: &TrainError) -> (&'static str, String) {
    match error {
        TrainError::Dataset(error) => of_dataset(error),
        TrainError::Loader(error) => of_loader(error),
        TrainError::Model(error) => ("weights", error.to_string()),
        TrainError::Io { .. } => ("weights", error.to_string()),
        TrainError::Memory { .. } => ("batch-size", error.to_string()),
        TrainError::MissingClass { .. } | TrainError::Overlap { .. } => {
            (SAMPLES, error.to_string())
        }
        error => (NONE, error.to_string()),
    }
}

fn of_evaluate(error: &EvaluateError) -> (&'static str, String) {
    match error {
        EvaluateError::Dataset(error) => of_dataset(error),
        EvaluateError::Loader(error) => of_loader(error),
        EvaluateError::Unlabelled { .. } => ("where", error.to_string()),
        EvaluateError::Agreement { .. } => ("protocol", error.to_string()),
        EvaluateError::Recipe { .. } | EvaluateError::Classes { .. } => {
            ("dataset", error.to_string())
        }
        error => (NONE, error.to_string()),
    }
}

fn of_loader(error: &LoaderError) -> (&'static str, String) {
    match error {
        LoaderError::Dataset(error) => of_dataset(error),
        LoaderError::Condition { .. } | LoaderError::NotStored { .. } => {
            ("where", error.to_string())
        }
        LoaderError::SubsetFile { .. } | LoaderError::SubsetLine { .. } => {
            (LISTS, error.to_string())
        }
        LoaderError::Nothing { .. } => (SAMPLES, error.to_string()),
        error => (NONE, error.to_string()),
    }
}

fn of_dataset(error: &DatasetError) -> (&'static str, String) {
    match error {
        DatasetError::NotFound { what, name, known, .. } => {
            let known: Vec<&str> = known.split(", ").collect();
            let key = if *what == "view" { "view" } else { "split" };
            (key, expected(&known, name))
        }
        DatasetError::RepeatedSplit { .. } => ("split", error.to_string()),
        error => ("dataset", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_a_key_of_its_entry_or_none() {
        let text = "title = \"t\"\n[datasets]\n[[models]]\nname = \"m\"\n[[benchmarks]]\nname = \"b\"\ndataset = \"d\"\n";
        let spec = StudySpec::parse(text).unwrap();
        let folds = Origin::of("cross-validations", "c", &["folds", SAMPLES]);
        let limit = Origin::of("upper-limits", "m", &["test-percent", SAMPLES]);
        let limit = limit.training("m", &TrainingSpec::default());
        let said = |origin: &Origin, error: StudyError| origin.fault(&error, &spec).to_string();
        let lists = || StudyError::Folds { path: "l".into(), reason: "too few".to_owned() };
        assert_eq!(said(&folds, lists()), "[[cross-validations]] `c`, folds: l: too few");
        assert_eq!(said(&limit, lists()), "[[upper-limits]] `m`, test-percent: l: too few");
        assert_eq!(said(&Origin::model("m"), lists()), "[[models]] `m`, l: too few");
        let full =
            || StudyError::Io { path: "l".into(), source: std::io::ErrorKind::StorageFull.into() };
        assert_eq!(said(&folds, full()), "[[cross-validations]] `c`, l: no storage space");
        let class = || {
            let (class, split) = ("cat".to_owned(), "train".to_owned());
            StudyError::from(TrainError::MissingClass { class, split, samples: 3 })
        };
        assert!(
            said(&limit, class()).starts_with("[[upper-limits]] `m`, class `cat` has no sample")
        );
        assert!(said(&Origin::model("m"), class()).starts_with("[[models]] `m`, class `cat`"));
    }
}
