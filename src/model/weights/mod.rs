//! Files of weights.

mod element;
pub(crate) mod safetensors;

use super::ModelError;
pub(super) use element::Element;

/// A tensor as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// What it is made of.
    pub(super) element: Element,
}

impl Stored {
    /// Numbers in it; of a shape that a reader has tested.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}
