//! Which samples of a dataset a command reads: the flags that all such commands share.

use std::path::PathBuf;

use anyhow::Context;
use tcolz_format::dataset::Dataset;
use tcolz_loader::{LoaderError, Percent, Select, Selection};

/// The split that is read unless told otherwise, where there is one of this name.
const USUAL_SPLIT: &str = "train";

/// In the order in which they are taken: of the split the subset, of that what meets the conditions, of
/// that the share.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Samples")]
pub(crate) struct SelectArgs {
    /// Read this split, or several as one: train+val+test
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// Of it, only what the lines of FILE name: sample ids or list lines
    #[arg(long, value_name = "FILE")]
    pub(crate) subset: Option<PathBuf>,
    /// Of that, only what meets conditions on ledger columns: 'agreement >= 5 and width > 300', 'label = positive'
    #[arg(long = "where", value_name = "CONDITIONS")]
    pub(crate) condition: Option<String>,
    /// Of that, a share of every class: 10, 0.5%; a smaller share lies within a larger one
    #[arg(long, value_name = "P", value_parser = Percent::parse)]
    pub(crate) percent: Option<Percent>,
    /// Another seed takes another share
    #[arg(long, value_name = "N", default_value_t = 0, requires = "percent")]
    pub(crate) percent_seed: u64,
}

impl SelectArgs {
    /// What to read of `dataset`: without --split the split `train`, or the only one.
    pub(crate) fn select(&self, dataset: &Dataset) -> anyhow::Result<Select> {
        self.select_usually(dataset, USUAL_SPLIT)
    }

    /// What to read of `dataset`: without --split the split `usual`, or the only one.
    pub(crate) fn select_usually(&self, dataset: &Dataset, usual: &str) -> anyhow::Result<Select> {
        let split = match &self.split {
            Some(split) => split.clone(),
            None => usual_split(dataset, usual)?,
        };
        Ok(Select {
            split,
            subset: self.subset.clone(),
            condition: self.condition.clone(),
            unseen: None,
            percent: self.percent,
            percent_seed: self.percent_seed,
        })
    }

    /// What is selected of each split, for commands that look at everything unless told otherwise: `None`
    /// without any of these flags; without --split every split that has such samples.
    pub(crate) fn selections(&self, dataset: &Dataset) -> anyhow::Result<Option<Vec<Selection>>> {
        let SelectArgs { split, subset, condition, percent, percent_seed } = self;
        if split.is_none() && subset.is_none() && condition.is_none() && percent.is_none() {
            return Ok(None);
        }
        let every = || dataset.meta().splits.iter().map(|split| split.name.clone()).collect();
        let splits: Vec<String> = split.clone().map_or_else(every, |split| vec![split]);
        let (mut found, mut nothing) = (Vec::new(), None);
        for split in splits {
            let select = Select {
                split,
                subset: subset.clone(),
                condition: condition.clone(),
                unseen: None,
                percent: *percent,
                percent_seed: *percent_seed,
            };
            match Selection::of(dataset, &select) {
                Ok(selection) => found.push(selection),
                Err(error @ LoaderError::Nothing { .. }) => nothing = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        match nothing {
            Some(error) if found.is_empty() => Err(error.into()),
            _ => Ok(Some(found)),
        }
    }
}

fn usual_split(dataset: &Dataset, usual: &str) -> anyhow::Result<String> {
    let names = || dataset.meta().splits.iter().map(|split| split.name.as_str());
    let mut all = names();
    let usual = match (all.next(), all.next()) {
        (only, None) => only,
        _ => names().find(|name| *name == usual),
    };
    let found = || names().collect::<Vec<_>>().join(", ");
    let usual = usual.with_context(|| {
        format!("{} has the splits {}: say which with --split", dataset.root().display(), found())
    })?;
    Ok(usual.to_owned())
}
