//! What was asked for: the words that stand over every report and picture of a part of a dataset.

use std::fmt;

use serde::Serialize;

use tcolz_format::dataset::Dataset;
use tcolz_loader::select::{Select, Selection};

/// What was asked for, where not everything is looked at: `split train, subset list.txt, where width > 300,
/// 20 % of every class`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The splits with selected samples; `None` where these are all that have samples.
    pub splits: Option<Vec<String>>,
    /// The file of the subset.
    pub subset: Option<String>,
    /// The conditions on ledger columns.
    pub condition: Option<String>,
    /// The share of every class.
    pub percent: Option<String>,
    /// Which share it is.
    pub percent_seed: Option<u64>,
    /// All but the splits, in words ([`Select::part`]).
    #[serde(skip)]
    pub part: String,
}

impl Asked {
    /// What these selections were made by. They differ in their splits alone.
    pub fn of(dataset: &Dataset, selections: &[Selection]) -> Asked {
        let all = dataset.meta().splits.iter().filter(|split| split.rows > 0);
        let names = || selections.iter().flat_map(|selection| selection.parts().names());
        let every = all.map(|split| &*split.name).all(|split| names().any(|name| name == split));
        let select = selections.first().map(Selection::select);
        let percent = select.and_then(|select| select.percent);
        let subset = select.and_then(|select| select.subset.as_ref());
        Asked {
            splits: (!every).then(|| names().map(str::to_owned).collect()),
            subset: subset.map(|path| path.display().to_string()),
            condition: select.and_then(|select| select.condition.clone()),
            percent: percent.map(|percent| percent.to_string()),
            percent_seed: percent.and(select).map(|select| select.percent_seed),
            part: select.map_or_else(String::new, Select::part),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match self.splits.as_deref() {
            None => {}
            Some([split]) => words.push(format!("split {split}")),
            Some(splits) => words.push(format!("splits {}", splits.join(" and "))),
        }
        words.extend(Some(&self.part).filter(|part| !part.is_empty()).cloned());
        if words.is_empty() {
            words.push("everything".to_owned());
        }
        f.write_str(&words.join(", "))
    }
}
