//! What was tested already of a study that is being planned.

use std::collections::{HashMap, HashSet};

use tcolz_format::dataset::Dataset;
use tcolz_nn::file::ModelFacts;
use tcolz_nn::{PaddingStyle, Properties};
use tcolz_train::{TrainError, TrainOptions, first_properties};

/// What was tested already: seeds differ in nothing that could be wrong.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) properties: HashMap<String, Option<Properties>>,
    pub(super) outlooks: HashMap<String, Option<ModelFacts>>,
    /// Of the jobs of trainings, by their index.
    pub(super) facts: HashMap<usize, Option<ModelFacts>>,
    pub(super) samples: HashSet<String>,
    pub(super) models: HashSet<String>,
}

impl Checks {
    /// The padding that the weights of a training ask for; `None` where something is wrong with it.
    pub(super) fn padding(&self, train: usize) -> Option<PaddingStyle> {
        Some(self.facts.get(&train)?.as_ref()?.properties.padding)
    }

    /// What the weights of a training say of themselves; what is wrong with them is told once.
    pub(super) fn properties(
        &mut self,
        options: &TrainOptions,
        dataset: &Dataset,
        told: impl FnOnce(TrainError),
    ) -> Option<Properties> {
        let classes = &dataset.meta().classes;
        let TrainOptions { network, weights, weights_key, view, .. } = options;
        let alike = format!("{network} {weights:?} {weights_key:?} {view:?} {classes:?}");
        let found = self
            .properties
            .entry(alike)
            .or_insert_with(|| first_properties(options, classes).map_err(told).ok());
        found.clone()
    }
}
