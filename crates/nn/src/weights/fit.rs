//! Weights into a network with other classes: the backbone as it is, the last layer drawn anew.

use std::collections::HashMap;

use candle_core::Tensor;

use super::source::Weights;
use crate::init::initial;
use crate::spec::Parameter;
use crate::{ModelError, Spec};

/// Which parameters of a network are not taken from weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fit {
    /// Keys of the last layer, which the weights have for other classes.
    pub dropped: Vec<String>,
    /// Keys that are drawn anew: those dropped, and those that the weights have not.
    pub drawn: Vec<String>,
}

impl Weights {
    /// The tensors of a network: all of its parameters. The last layer is kept where it has as many outputs as the
    /// network has classes, and drawn anew otherwise; so is what the file has not of the head.
    ///
    /// # Errors
    /// [`ModelError::OtherNetwork`], [`ModelError::Properties`]; [`ModelError::MissingKey`], [`ModelError::Shape`]
    /// where the backbone does not fit; when there is no memory.
    pub fn fit(&self, spec: &Spec, seed: u64) -> Result<HashMap<String, Tensor>, ModelError> {
        self.put(spec, seed, true)
    }

    /// As [`Weights::fit`], but the last layer is kept only where it is of these very classes: where the weights are
    /// a model that was trained here and has these names in this order.
    ///
    /// # Errors
    /// As [`Weights::fit`].
    pub fn fit_classes(
        &self,
        spec: &Spec,
        classes: &[String],
        seed: u64,
    ) -> Result<HashMap<String, Tensor>, ModelError> {
        let known = self.facts.as_ref().is_some_and(|facts| facts.classes == classes);
        self.put(spec, seed, known)
    }

    /// What [`Weights::fit`] drops and draws for so many classes.
    pub fn plan(&self, classes: usize) -> Fit {
        let spec = self.network.spec(&self.properties, classes);
        let mut fit = Fit::default();
        for parameter in spec.parameters() {
            match self.tensors.get(&parameter.key) {
                Some(_) if !self.is_dropped(&parameter, true) => {}
                found => {
                    if found.is_some() {
                        fit.dropped.push(parameter.key.clone());
                    }
                    fit.drawn.push(parameter.key);
                }
            }
        }
        fit
    }

    /// Whether a parameter is of the last layer, and that of other classes.
    fn is_dropped(&self, parameter: &Parameter, keep_last: bool) -> bool {
        let tensor = self.tensors.get(&parameter.key);
        let fits = tensor.is_some_and(|tensor| tensor.dims() == parameter.shape);
        parameter.last && !(keep_last && fits)
    }

    fn put(
        &self,
        spec: &Spec,
        seed: u64,
        keep_last: bool,
    ) -> Result<HashMap<String, Tensor>, ModelError> {
        let network = spec.network.name();
        if spec.network != self.network {
            let found = self.network.name();
            return Err(ModelError::OtherNetwork { expected: network, found });
        }
        if spec.properties != self.properties {
            let expected = Box::new(self.properties.clone());
            return Err(ModelError::Properties {
                expected,
                found: Box::new(spec.properties.clone()),
            });
        }
        let mut tensors = HashMap::new();
        for parameter in spec.parameters() {
            let tensor = match self.tensors.get(&parameter.key) {
                _ if self.is_dropped(&parameter, keep_last) => initial(&parameter, seed)?,
                Some(tensor) if tensor.dims() == parameter.shape => tensor.clone(),
                Some(tensor) => {
                    let (key, expected) = (parameter.key, parameter.shape);
                    let found = tensor.dims().to_vec();
                    return Err(ModelError::Shape { network, key, expected, found });
                }
                None if parameter.in_head => initial(&parameter, seed)?,
                None => {
                    let (key, expected) = (parameter.key, parameter.shape);
                    return Err(ModelError::MissingKey { network, key, expected });
                }
            };
            tensors.insert(parameter.key, tensor);
        }
        Ok(tensors)
    }
}
