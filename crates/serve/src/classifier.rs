//! What stands behind the service: something that prepares photos and gives probabilities.

use tcolz_base::usage::cores;
use tcolz_nn::{ModelError, ModelFacts};
use tcolz_photo::DecodeError;
use tcolz_photo::PhotoReader;
use tcolz_pixels::photo_info::PhotoInfo;
use tcolz_predict::Predictor;

/// Why a file gets no probabilities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It gives no photo.
    #[error(transparent)]
    Decode(#[from] DecodeError),
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

    /// Does before the first request what its first batch would do, and takes the memory that batches keep.
    ///
    /// # Errors
    /// [`Fault::Network`].
    fn warm_up(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// A photo, ready for the network.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// `[3, size, size]` u8, red, green, blue.
    pub planes: Vec<u8>,
    /// What decoding learned.
    pub photo: PhotoInfo,
}

/// Bytes of a file → planes.
pub trait Preparer {
    /// Prepares one file as the model's recipe says.
    ///
    /// # Errors
    /// [`Fault::Decode`].
    fn prepare(&mut self, file: &[u8]) -> Result<Prepared, Fault>;
}

/// The network itself. What it answers is what `tcolz predict` prints.
impl Classifier for Predictor {
    fn facts(&self) -> &ModelFacts {
        self.facts()
    }

    fn preparer(&self) -> Box<dyn Preparer + '_> {
        Box::new(Photos { reader: self.reader(), predictor: self })
    }

    fn probabilities(&self, prepared: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Fault> {
        Ok(self.probabilities(prepared)?)
    }

    fn warm_up(&self) -> Result<(), Fault> {
        let side = self.facts().size as usize;
        // Whole photos for every core, and one that has all cores: the two ways in which photos are computed.
        let black = vec![vec![0; 3 * side * side]; cores() + 1];
        self.probabilities(&black)?;
        Ok(())
    }
}

struct Photos<'a> {
    reader: PhotoReader,
    predictor: &'a Predictor,
}

impl Preparer for Photos<'_> {
    fn prepare(&mut self, file: &[u8]) -> Result<Prepared, Fault> {
        let photo = self.reader.read(file)?;
        Ok(Prepared { planes: self.predictor.planes(&self.reader).to_vec(), photo })
    }
}
