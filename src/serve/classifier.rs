//! What stands behind the service: something that prepares photos and gives probabilities.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::decode::{DecodeError, DecodeLimits, Decoder, ScaleTo};
use crate::model::{Model, ModelError, ModelFacts, Net, Pass};
use crate::recipe::DecodeMode;
use crate::transform::Resizer;

/// Why a file gets no probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It gives no photo.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its photo ends too early.
    #[error("expected a whole photo, found one of which only {percent} % are there", percent = (recovered_share * 100.0).floor())]
    Incomplete {
        /// The share of its rows that are there, 0 to 1.
        recovered_share: f32,
    },
    /// The network failed: mostly, no memory was left.
    #[error(transparent)]
    Network(#[from] ModelError),
}

/// Prepares photos and gives probabilities; many threads use one.
pub trait Classifier: Send + Sync {
    /// What is known of the model; its classes are the order of the probabilities.
    fn facts(&self) -> &ModelFacts;

    /// Something that prepares photos; one a thread.
    fn preparer(&self) -> Box<dyn Preparer + '_>;

    /// Probabilities `[n][classes]` of prepared photos.
    ///
    /// # Errors
    /// [`Fault::Network`].
    fn probabilities(&self, prepared: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Fault>;
}

/// Bytes of a file → planes `[3, size, size]` u8, red, green, blue.
pub trait Preparer {
    /// Prepares one file as the model's recipe says.
    ///
    /// # Errors
    /// [`Fault::Decode`], [`Fault::Incomplete`].
    fn prepare(&mut self, file: &[u8]) -> Result<Vec<u8>, Fault>;
}

/// The classifier of a model, on the CPU.
///
/// # Errors
/// When its weights do not fit, or no memory is left.
pub fn classifier(model: &Model) -> Result<Arc<dyn Classifier>, ModelError> {
    Ok(Arc::new(ModelClassifier::new(model, &Device::Cpu)?))
}

/// A model's network.
struct ModelClassifier {
    facts: ModelFacts,
    net: Net,
    tables: [[f32; 256]; 3],
    device: Device,
}

impl ModelClassifier {
    fn new(model: &Model, device: &Device) -> Result<ModelClassifier, ModelError> {
        Ok(ModelClassifier {
            facts: model.facts.clone(),
            net: Net::new(model.spec(), &model.tensors, device)?,
            tables: model.facts.view.tables(),
            device: device.clone(),
        })
    }
}

struct PhotoPreparer {
    decoder: Decoder,
    resizer: Resizer,
    scale: Option<ScaleTo>,
}

impl Preparer for PhotoPreparer {
    fn prepare(&mut self, file: &[u8]) -> Result<Vec<u8>, Fault> {
        let photo = self.decoder.decode(file, self.scale, &mut self.resizer)?;
        if photo.recovered_share < 1.0 {
            return Err(Fault::Incomplete { recovered_share: photo.recovered_share });
        }
        Ok(self.resizer.planes(0).to_vec())
    }
}

impl Classifier for ModelClassifier {
    fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    fn preparer(&self) -> Box<dyn Preparer + '_> {
        let recipe = &self.facts.recipe;
        let limits = DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() };
        let scale = ScaleTo { size: recipe.largest_size(), fit: recipe.fit };
        Box::new(PhotoPreparer {
            decoder: Decoder::new(limits),
            resizer: Resizer::new(&[self.facts.size], recipe.fit, recipe.filter),
            scale: (recipe.decode == DecodeMode::Scaled).then_some(scale),
        })
    }

    fn probabilities(&self, prepared: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Fault> {
        let side = self.facts.size as usize;
        let mut values = vec![0.0; prepared.iter().map(Vec::len).sum()];
        for (planes, values) in prepared.iter().zip(values.chunks_mut(3 * side * side)) {
            self.facts.view.apply_tables(&self.tables, planes, values);
        }
        let shape = (prepared.len(), 3, side, side);
        let images = Tensor::from_vec(values, shape, &self.device).map_err(ModelError::from)?;
        let logits = self.net.forward(&images, Pass::INFER)?;
        let rows: Vec<Vec<f32>> = logits.to_vec2().map_err(ModelError::from)?;
        Ok(rows.iter().map(|row| softmax(row)).collect())
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}
