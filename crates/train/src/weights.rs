//! What a run begins with.

use std::collections::HashMap;

use candle_core::Tensor;

use super::error::{Result, TrainError};
use super::options::TrainOptions;
use tcolz_base::door::option;
use tcolz_nn::init::initial_weights;
use tcolz_nn::weights::seal::hash_tensor;
use tcolz_nn::weights::{Wanted, Weights};
use tcolz_nn::{Properties, Spec};

/// A network and its first weights.
pub(super) struct Initial {
    pub(super) spec: Spec,
    /// Every parameter, on the CPU.
    pub(super) tensors: HashMap<String, Tensor>,
    /// Where they come from, in words.
    pub(super) source: String,
    /// What the file holds beside them, in words.
    pub(super) notes: Vec<String>,
}

/// The weights that are asked for: of a file, with a new last layer unless it has one of these very classes, or random ones.
///
/// # Errors
/// Whatever is wrong with the file; [`TrainError::BadOption`] for another view than the weights'.
pub(super) fn open(options: &TrainOptions, classes: &[String]) -> Result<Initial> {
    let network = options.network;
    let Some(path) = &options.weights else {
        let properties = usual_properties(options);
        let spec = network.spec(&properties, classes.len());
        let tensors = initial_weights(&spec, options.seed)?;
        let (source, notes) = ("random weights".to_owned(), Vec::new());
        return Ok(Initial { spec, tensors, source, notes });
    };
    let wanted = Wanted { network: Some(network), key: options.weights_key.as_deref() };
    let weights = Weights::open_wanted(path, wanted)?;
    let own = &weights.properties.view;
    if let Some(view) = options.view.as_ref().filter(|view| *view != own) {
        let reason = format!(
            "{} was made with the view {own}, and with another one its accuracy is lost; leave {} out",
            path.display(),
            option("view")
        );
        return Err(TrainError::bad_value("view", view, reason));
    }
    let spec = network.spec(&weights.properties, classes.len());
    let tensors = weights.fit_classes(&spec, classes, options.seed)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let notes = weights.source.notes(&name);
    Ok(Initial { spec, tensors, source: name, notes })
}

/// Of a network that begins with random weights.
pub(super) fn usual_properties(options: &TrainOptions) -> Properties {
    let mut properties = options.network.properties();
    if let Some(view) = &options.view {
        properties.view.clone_from(view);
    }
    properties
}

/// BLAKE3 of tensors, by key: shape and float32 bits.
pub(super) fn hash<'a>(
    keys: impl Iterator<Item = &'a str>,
    tensors: &HashMap<String, Tensor>,
) -> Result<blake3::Hash> {
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    let mut hash = blake3::Hasher::new();
    for key in keys {
        let tensor = tensors
            .get(key)
            .ok_or_else(|| TrainError::Options(format!("the weights lack `{key}`")))?;
        hash_tensor(&mut hash, key, tensor)?;
    }
    Ok(hash.finalize())
}
