//! What datasets, weights and options say against a study: every job is tested when it is planned, so that nothing that
//! can be known fails hours later.

use super::StudyError;
use super::fault::Faults;
use super::job::Work;
use super::making::Making;
use super::origin::Origin;
use super::spec::StudySpec;
use tcolz_loader::Select;
use tcolz_train::evaluate::{Protocol, check_model, check_samples};
use tcolz_train::{OptionFault, TrainError, TrainOptions, TrainingOutlook};

impl Making<'_> {
    /// Notes what is wrong with the entry that is being planned.
    pub(super) fn note(&mut self, error: StudyError) {
        match error {
            StudyError::Faults { faults, .. } => self.faults.0.extend(faults),
            error => note(&mut self.faults, &self.origin, self.spec, &error),
        }
    }

    /// Tests a training that was planned.
    pub(super) fn check_training(&mut self, index: usize) {
        let Making { checks: Some(checks), faults, origin, spec, jobs, datasets, .. } = self else {
            return;
        };
        let Work::Train { options, dataset } = &jobs.list[index].work else { return };
        if checks.facts.contains_key(&index) {
            return;
        }
        let alike = {
            let mut options = TrainOptions::clone(options);
            options.seed = 0;
            options.out = "".into();
            options
        };
        let alike = format!("{alike:?}");
        let dataset = &datasets[dataset];
        let facts = match checks.outlooks.get(&alike) {
            Some(facts) => facts.clone(),
            None => {
                let facts = checks.properties(options, dataset, |error| {
                    note(faults, origin, spec, &StudyError::from(error));
                });
                let facts = facts.and_then(|properties| {
                    let outlook = TrainingOutlook::of(options, dataset, &properties);
                    for fault in outlook.faults {
                        note_option(faults, origin, spec, fault);
                    }
                    outlook.facts
                });
                checks.outlooks.insert(alike, facts.clone());
                facts
            }
        };
        checks.facts.insert(index, facts);
    }

    /// Tests samples that models are to be evaluated on.
    pub(super) fn check_samples(&mut self, name: &str, select: &Select, protocol: Protocol) {
        let Making { checks: Some(checks), faults, origin, spec, datasets, .. } = self else {
            return;
        };
        if checks.samples.insert(format!("{name} {select:?} {protocol:?}"))
            && let Err(error) = check_samples(&datasets[name], select, protocol)
        {
            note(faults, origin, spec, &StudyError::from(error));
        }
    }

    /// Tests that the model of a training can be evaluated on a dataset.
    pub(super) fn check_model(&mut self, train: usize, name: &str, protocol: Protocol) {
        let Making { checks: Some(checks), faults, origin, datasets, .. } = self else { return };
        let Some(facts) = checks.facts.get(&train).cloned().flatten() else { return };
        let alike = format!("{} {name} {protocol:?} {facts:?}", origin.entry);
        if checks.models.insert(alike)
            && let Err(error) = check_model(&facts, &datasets[name], protocol)
        {
            faults.add(&origin.entry, format!("dataset: {}: {error}", facts.network));
        }
    }
}

fn note(faults: &mut Faults, origin: &Origin, spec: &StudySpec, error: &StudyError) {
    if let StudyError::Train(error) = error {
        match &**error {
            TrainError::Options(words) => return faults.add(origin.entry_of("", spec), words),
            TrainError::BadOption { option, value, reason } => {
                let key = key_of(option);
                let value = value.as_ref().map_or(String::new(), |value| format!(" {value}"));
                let words = format!("{key}{value}: {reason}");
                return faults.add(origin.entry_of(&key, spec), words);
            }
            _ => {}
        }
    }
    faults.note(origin.fault(error, spec));
}

fn note_option(faults: &mut Faults, origin: &Origin, spec: &StudySpec, fault: OptionFault) {
    let OptionFault { option, error } = fault;
    let is_said = matches!(error, TrainError::Options(_) | TrainError::BadOption { .. });
    let error = StudyError::from(error);
    match option {
        option if !is_said && !option.is_empty() => {
            faults.note(origin.fault_of(&key_of(option), &error, spec));
        }
        _ => note(faults, origin, spec, &error),
    }
}

/// The key of the file for an option of a training, by its field.
fn key_of(option: &str) -> String {
    match option {
        "learning_rate" => "lr".to_owned(),
        _ => option.replace('_', "-"),
    }
}
