//! Inputs of which nothing is stored: quarantined, missing and duplicate ones, with what the ledger says of each.

use serde::Serialize;

use tcolz_format::dataset::{Dataset, reason_code};
use tcolz_format::sample::Status;
use tcolz_loader::LoaderError;
use tcolz_loader::select::{Condition, Select};

/// The inputs of a dataset that are not stored. The JSON form is `tcolz inspect --list-bad --json`; its schema is
/// `schemas/bad-inputs.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadInputs {
    /// The dataset's folder.
    pub dataset: String,
    /// The splits that were asked for; `None` for all.
    pub split: Option<String>,
    /// What the inputs had to meet.
    pub condition: Option<String>,
    /// Lines of all lists of the dataset, stored or not.
    pub listed: u64,
    /// Of the inputs below: present but refused.
    pub quarantined: u64,
    /// No such file.
    pub missing: u64,
    /// Listed before in the same split.
    pub duplicate: u64,
    /// The inputs, in the ledger's order.
    pub inputs: Vec<BadInput>,
}

/// An input that is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadInput {
    /// The path as listed.
    pub sample_id: String,
    /// Its split.
    pub split: String,
    /// The list that names it.
    pub list: String,
    /// Line in the list, from 1.
    pub line: u32,
    /// Name of its class, where it has one.
    pub class: Option<String>,
    /// `quarantined`, `missing` or `duplicate`.
    pub status: Status,
    /// Code word of the reason.
    pub reason: String,
    /// The reason in words.
    pub detail: String,
}

/// Lists the inputs that are not stored: of all splits or of `split` (one, or several joined by `+`), and of these
/// those that meet `condition`, which sees every column of the ledger.
///
/// # Errors
/// [`LoaderError::Condition`]; [`LoaderError::Dataset`] for a split that is not there and as
/// [`Dataset::scan_ledger`].
pub fn bad_inputs(
    dataset: &Dataset,
    split: Option<&str>,
    condition: Option<&str>,
) -> Result<BadInputs, LoaderError> {
    let parts = split.map(|name| dataset.split_parts(name)).transpose()?;
    let select = Select { condition: condition.map(str::to_owned), ..Select::default() };
    let test = select.condition_of(dataset)?;
    let mut names = vec!["sample_id", "split", "list", "line", "label", "status", "reason"];
    names.extend(test.iter().flat_map(Condition::columns));
    let classes = &dataset.meta().classes;
    let found = dataset.scan_ledger(&names, |batch| {
        let (id, split, list) =
            (batch.text("sample_id")?, batch.text("split")?, batch.text("list")?);
        let (line, label) = (batch.u32("line")?, batch.u16("label")?);
        let (status, reason) = (batch.status()?, batch.text("reason")?);
        let holds = test.as_ref().map(|test| test.holds(batch)).transpose()?;
        let mut found = Vec::new();
        for index in 0..batch.rows() {
            let (status, split) = (status(index)?, split(index).unwrap_or_default());
            let is_wanted = status != Status::Stored
                && parts.as_ref().is_none_or(|parts| parts.names().any(|name| name == split))
                && holds.as_ref().is_none_or(|holds| holds[index]);
            if !is_wanted {
                continue;
            }
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let whole = reason(index).unwrap_or_default();
            let code = reason_code(whole);
            let detail = whole[code.len()..].trim_start_matches(':').trim_start();
            let class = label(index).and_then(|label| classes.get(usize::from(label)).cloned());
            found.push(BadInput {
                sample_id: text(id(index)),
                split: split.to_owned(),
                list: text(list(index)),
                line: line(index).unwrap_or_default(),
                class,
                status,
                reason: code.to_owned(),
                detail: detail.to_owned(),
            });
        }
        Ok(found)
    })?;
    let inputs: Vec<BadInput> = found.into_iter().flatten().collect();
    let count = |status| inputs.iter().filter(|input| input.status == status).count() as u64;
    Ok(BadInputs {
        dataset: dataset.root().display().to_string(),
        split: split.map(str::to_owned),
        condition: condition.map(str::to_owned),
        listed: dataset.meta().counts.listed,
        quarantined: count(Status::Quarantined),
        missing: count(Status::Missing),
        duplicate: count(Status::Duplicate),
        inputs,
    })
}
