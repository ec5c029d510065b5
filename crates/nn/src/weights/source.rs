//! Weights of a network from a file, and how it is known what they are.

use std::collections::HashMap;

use candle_core::Tensor;
use serde::Serialize;

use super::beside::Beside;
use super::choice::Place;
use super::contents::FileFormat;
use super::names::Names;
use crate::file::ModelFacts;
use crate::network::{Network, Properties};
use tcolz_base::door::given;

/// Weights of a network, from a file.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Which network.
    pub network: Network,
    /// What they ask for.
    pub properties: Properties,
    /// Tensors under our keys: float32, on the CPU. All of the backbone; of the head what the file has.
    pub tensors: HashMap<String, Tensor>,
    /// Outputs of the last layer, where the file has one.
    pub classes: Option<usize>,
    /// What the file says of itself, where it is a model that was trained here.
    pub facts: Option<ModelFacts>,
    /// Where they come from.
    pub source: Source,
}

/// Where weights come from, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// How the file stores them.
    pub format: FileFormat,
    /// Whose key names it has.
    pub names: Names,
    /// Its length.
    pub bytes: u64,
    /// What its numbers are made of: `f32`, `f16`, …
    pub elements: Vec<String>,
    /// What they ask for, and how that is known.
    pub reasons: Vec<Reason>,
    /// Keys of the file that are not weights of the network's: counters, an optimiser's state, the classifier of
    /// a network that has another head here.
    pub ignored: Vec<String>,
    /// Parameters of the head that the file has not: they are drawn anew.
    pub missing: Vec<String>,
    /// Where in the file they lie; `None` for a model that was trained here.
    pub taken: Option<Place>,
    /// Other whole weights in the file, such as averages.
    pub others: Vec<Place>,
    /// Tensors that are not the network's, by key: those of a loss, of another head, of other weights.
    pub left_out: Vec<String>,
    /// What the file holds beside weights, and the tensors that are left out.
    pub beside: Vec<Beside>,
}

impl Source {
    /// What whoever takes these weights has to know: which of several they are, and what is left out.
    pub fn notes(&self, file: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(taken) = self.taken.as_ref().filter(|_| !self.others.is_empty()) {
            let others: Vec<_> = self.others.iter().map(Place::words).collect();
            notes.push(format!(
                "{file}: weights are taken from {}; there are also {}: choose with {}",
                taken.words(),
                others.join(", "),
                given("weights_key", "KEY")
            ));
        }
        let left_out: Vec<_> =
            self.beside.iter().filter(|beside| beside.is_left_out).map(Beside::words).collect();
        if !left_out.is_empty() {
            notes.push(format!("{file}: left out, not of the network: {}", left_out.join("; ")));
        }
        notes
    }
}

/// One of the [`Properties`], and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Its name.
    pub property: &'static str,
    /// Its value.
    pub value: String,
    /// How it is known: from the file, from its tensors, or from where such files come.
    pub because: String,
}
