//! What stands behind the service: something that prepares photos and gives probabilities.

use crate::decode::DecodeError;
use crate::model::{ModelError, ModelFacts};
use crate::predict::Predictor;
use crate::transform::PhotoReader;

/// Why a file gets no probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It gives no photo.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its photo ends too early.
    #[error("expected a whole photo, found one of which only {percent} % is there", percent = (recovered_share * 100.0).floor())]
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

/// The network itself. What it answers is what `tcolz predict` prints.
impl Classifier for Predictor {
    fn facts(&self) -> &ModelFacts {
        self.facts()
    }

    fn preparer(&self) -> Box<dyn Preparer + '_> {
        Box::new(WholePhotos { reader: self.reader(), predictor: self })
    }

    fn probabilities(&self, prepared: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Fault> {
        Ok(self.probabilities(prepared)?)
    }
}

/// Refuses photos that are cut off: whoever sends one is better told than given a label of grey rows.
struct WholePhotos<'a> {
    reader: PhotoReader,
    predictor: &'a Predictor,
}

impl Preparer for WholePhotos<'_> {
    fn prepare(&mut self, file: &[u8]) -> Result<Vec<u8>, Fault> {
        let recovered_share = self.reader.read(file)?.recovered_share;
        if recovered_share < 1.0 {
            return Err(Fault::Incomplete { recovered_share });
        }
        Ok(self.predictor.planes(&self.reader).to_vec())
    }
}
