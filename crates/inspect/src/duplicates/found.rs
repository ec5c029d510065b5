//! What a search for duplicates finds: groups, their members and what holds them together.

use serde::Serialize;

use tcolz_format::sample::Label;

/// In which sense two samples are the same; the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Their source files have the same bytes.
    SameFile,
    /// Their tensors have the same bytes.
    SamePixels,
    /// They look alike.
    Near,
}

/// Every group of duplicates of a dataset. The JSON form is `tcolz inspect --duplicates --json`; its schema is
/// `schemas/duplicates.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicates {
    /// The dataset's folder.
    pub dataset: String,
    /// Stored samples, all of which were looked at.
    pub samples: u64,
    /// What counts as near; `None` where only equal files and pixels were looked for, because the tensors
    /// are no pixels: a view is baked in.
    pub near: Option<NearSearch>,
    /// The groups: those across splits and those with conflicting labels first, then in the ledger's order.
    pub groups: Vec<DuplicateGroup>,
}

/// The search for near duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NearSearch {
    /// Bits in which hashes may differ.
    pub max_distance: u32,
    /// Cells a side of the grid.
    pub grid: usize,
    /// Largest root mean square difference on the grid, in levels.
    pub max_difference: f64,
    /// Pairs whose pixels were compared.
    pub compared: u64,
    /// Samples with so many others near by hash that they were compared with the most alike only.
    pub cut: u64,
}

/// Samples that are the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateGroup {
    /// The weakest relation that holds it together.
    pub relation: Relation,
    /// Its samples stand in several splits: leakage.
    pub across_splits: bool,
    /// Its samples have different labels.
    pub conflicting_labels: bool,
    /// The samples, in the ledger's order; at least two.
    pub members: Vec<Member>,
    /// What holds them together: one link fewer than members, the closest there are.
    pub links: Vec<Link>,
}

/// A sample of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The sample.
    pub sample_id: String,
    /// Its split.
    pub split: String,
    /// Its class.
    pub label: Label,
    /// Its row in the ledger, from 0.
    pub ledger_row: u64,
}

/// Two members that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Link {
    /// Index of a member.
    pub first: usize,
    /// Index of another.
    pub second: usize,
    /// In which sense.
    pub relation: Relation,
    /// Bits in which their hashes differ.
    pub distance: u32,
    /// Difference on the grid, in levels.
    pub difference: f64,
}

impl Duplicates {
    /// Groups that satisfy a condition, and the samples in them.
    pub fn count(&self, condition: impl Fn(&DuplicateGroup) -> bool) -> (u64, u64) {
        let groups = self.groups.iter().filter(|group| condition(group));
        groups.fold((0, 0), |(groups, samples), group| {
            (groups + 1, samples + group.members.len() as u64)
        })
    }
}
