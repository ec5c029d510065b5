//! Photos → probabilities, by a model's own recipe.
//!
//! ```text
//! bytes ─ PhotoReader (recipe) ─▶ pixels ─ the model's view ─▶ [n, 3, size, size] ─ Folded ─▶ logits ─ softmax ─▶ probabilities
//! ```
//!
//! Decoding, resizing and view are the functions that made the tensors of the training, with the recipe that
//! is kept in the model: a photo of the dataset becomes the very numbers that the training saw.

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use tcolz_nn::{Folded, Model, ModelError, ModelFacts};
use tcolz_photo::DecodeError;
use tcolz_photo::PhotoReader;
use tcolz_pixels::f16;
use tcolz_pixels::photo_info::PhotoInfo;
use tcolz_pixels::recipe::Dtype;

/// A model, ready for photos. Any number of threads may use one at once.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use candle_core::Device;
/// use tcolz_predict::Predictor;
///
/// let predictor = Predictor::open("runs/a/best.safetensors".as_ref(), &Device::Cpu)?;
/// let prediction = predictor.predict(&std::fs::read("photo.jpg")?)?;
/// for (class, probability) in predictor.facts().classes.iter().zip(&prediction.probabilities) {
///     println!("{class}: {probability}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Predictor {
    facts: ModelFacts,
    folded: Folded,
    tables: [[f32; 256]; 3],
    size_index: usize,
    /// Readers that are not in use.
    readers: Mutex<Vec<PhotoReader>>,
}

/// What a model says of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// For each class of [`ModelFacts::classes`] a number from 0 to 1; together 1.
    pub probabilities: Vec<f32>,
    /// What decoding learned; [`PhotoInfo::notes`] says whether the photo is truncated.
    pub photo: PhotoInfo,
}

impl Prediction {
    /// Class numbers and probabilities, the likeliest first; equal ones in the order of the classes.
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<_> = self.probabilities.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The photo is at fault.
    #[error(transparent)]
    Photo(#[from] DecodeError),
    /// The model is, or the device.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Predictor {
    /// Opens a model's file.
    ///
    /// # Errors
    /// As [`Model::open`] and [`Folded::new`].
    pub fn open(path: &Path, device: &Device) -> Result<Predictor, ModelError> {
        Predictor::new(&Model::open(path)?, device)
    }

    /// Takes a model. Nothing of it is kept but its facts.
    ///
    /// # Errors
    /// As [`Folded::new`]; [`ModelError::Input`] where its size is none of its recipe's.
    pub fn new(model: &Model, device: &Device) -> Result<Predictor, ModelError> {
        let facts = model.facts.clone();
        let (size, sizes) = (facts.size, &facts.recipe.sizes);
        let size_index = sizes.iter().position(|&other| other == size);
        let Some(size_index) = size_index.filter(|_| facts.recipe.is_valid()) else {
            return Err(ModelError::Input {
                network: facts.network.name(),
                height: size as usize,
                width: size as usize,
                reason: format!("its recipe makes photos of {sizes:?}"),
            });
        };
        Ok(Predictor {
            folded: Folded::new(&facts.spec(), &model.tensors, device)?,
            tables: facts.view.tables(),
            facts,
            size_index,
            readers: Mutex::default(),
        })
    }

    /// The same, which gives no prediction for a truncated photo, whatever the model's recipe says.
    pub fn refusing_truncated(mut self) -> Predictor {
        self.facts.recipe.refuse_truncated = true;
        self
    }

    /// What is known of the model.
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        self.folded.device()
    }

    /// Looks at one photo, given as the bytes of its file.
    ///
    /// # Errors
    /// [`PredictError::Photo`] with the reason why it gives no picture; [`PredictError::Model`] when the device's memory
    /// is full.
    pub fn predict(&self, bytes: &[u8]) -> Result<Prediction, PredictError> {
        let mut found = self.predict_batch(&[bytes])?;
        // One went in.
        Ok(found.remove(0)?)
    }

    /// Looks at several photos at once, in parallel. Each gets the bits that it gets alone, or its own error.
    ///
    /// # Errors
    /// When the device's memory is full.
    pub fn predict_batch(
        &self,
        photos: &[&[u8]],
    ) -> Result<Vec<Result<Prediction, DecodeError>>, ModelError> {
        let side = self.facts.size as usize;
        let numbers = 3 * side * side;
        let mut inputs = vec![0f32; photos.len() * numbers];
        let read = photos.par_iter().zip(inputs.par_chunks_exact_mut(numbers)).with_max_len(1);
        let read: Vec<Result<PhotoInfo, DecodeError>> =
            read.map(|(bytes, input)| self.read(bytes, input)).collect();
        let logits = self.logits(inputs, &read)?;
        let mut logits = logits.chunks_exact(self.facts.classes.len());
        let predictions = read.into_iter().map(|photo| {
            let photo = photo?;
            // There is a row of logits for each photo that was read.
            let probabilities = logits.next().map(softmax).unwrap_or_default();
            Ok(Prediction { probabilities, photo })
        });
        Ok(predictions.collect())
    }

    /// Something that reads photos as [`Predictor::predict_batch`] does; one a thread.
    pub fn reader(&self) -> PhotoReader {
        PhotoReader::new(&self.facts.recipe)
    }

    /// The pixels of the photo that a [`Predictor::reader`] read last: `[3, size, size]`.
    ///
    /// # Panics
    /// As [`PhotoReader::planes`].
    pub fn planes<'a>(&self, reader: &'a PhotoReader) -> &'a [u8] {
        reader.planes(self.size_index)
    }

    /// Probabilities of photos that were read already, given as [`Predictor::planes`]. Each gets the bits that it gets alone.
    ///
    /// # Errors
    /// When the device's memory is full.
    ///
    /// # Panics
    /// If planes are not of `[3, size, size]`.
    pub fn probabilities(
        &self,
        planes: &[impl AsRef<[u8]> + Sync],
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let side = self.facts.size as usize;
        let numbers = 3 * side * side;
        let mut inputs = vec![0f32; planes.len() * numbers];
        let read = planes.par_iter().zip(inputs.par_chunks_exact_mut(numbers));
        read.for_each(|(planes, input)| self.view(planes.as_ref(), input));
        if planes.is_empty() {
            return Ok(Vec::new());
        }
        let logits = self.infer(inputs, [planes.len(), side])?;
        Ok(logits.chunks_exact(self.facts.classes.len()).map(softmax).collect())
    }

    /// One photo → `[3, size, size]`, as the loader gives it.
    fn read(&self, bytes: &[u8], input: &mut [f32]) -> Result<PhotoInfo, DecodeError> {
        let readers = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = readers().pop();
        let mut reader = kept.unwrap_or_else(|| self.reader());
        let photo = reader.read(bytes);
        if photo.is_ok() {
            self.view(self.planes(&reader), input);
        }
        readers().push(reader);
        photo
    }

    /// Pixels → the numbers that the network sees.
    fn view(&self, planes: &[u8], input: &mut [f32]) {
        self.facts.view.apply_tables(&self.tables, planes, input);
        // Such a dataset holds the view's numbers in half precision.
        if self.facts.recipe.dtype == Dtype::F16 {
            input.iter_mut().for_each(|number| *number = f16::from_f32(*number).to_f32());
        }
    }

    /// The logits of the photos that could be read, one row after the other.
    fn logits(
        &self,
        mut inputs: Vec<f32>,
        read: &[Result<PhotoInfo, DecodeError>],
    ) -> Result<Vec<f32>, ModelError> {
        let side = self.facts.size as usize;
        let numbers = 3 * side * side;
        let mut good = 0;
        for (number, photo) in read.iter().enumerate() {
            if photo.is_ok() {
                inputs.copy_within(number * numbers..(number + 1) * numbers, good * numbers);
                good += 1;
            }
        }
        if good == 0 {
            return Ok(Vec::new());
        }
        inputs.truncate(good * numbers);
        self.infer(inputs, [good, side])
    }

    /// Images → logits, one row after the other.
    fn infer(&self, inputs: Vec<f32>, [images, side]: [usize; 2]) -> Result<Vec<f32>, ModelError> {
        let inputs = Tensor::from_vec(inputs, (images, 3, side, side), &Device::Cpu)?;
        let logits = self.folded.logits(&inputs.to_device(self.device())?)?;
        Ok(logits.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
    }
}

/// exp(x) / Σ exp(x), in float64 and rounded once.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
    let powers = logits.iter().map(|&logit| f64::from(logit - largest).exp());
    let powers: Vec<f64> = powers.collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_nn::file::MODEL_FORMAT;
    use tcolz_nn::init::initial_weights;
    use tcolz_nn::{Network, Pass};
    use tcolz_pixels::View;
    use tcolz_pixels::picture::encode_png;
    use tcolz_pixels::recipe::Recipe;

    fn model() -> Model {
        let network = Network::MobileNetV2;
        let properties = network.properties();
        let facts = ModelFacts {
            format: MODEL_FORMAT.to_owned(),
            network,
            view: View::built_in(&properties.view).unwrap(),
            properties,
            classes: ["negative", "neutral", "positive"].map(str::to_owned).to_vec(),
            recipe: Recipe { sizes: vec![32, 48], ..Recipe::default() },
            size: 48,
            finetune: None,
            percent: None,
            content_root: None,
            seen: None,
            epochs: None,
            validation: None,
        };
        let mut tensors = initial_weights(&facts.spec(), 1).unwrap();
        // As first drawn, every class is about as likely.
        let last = "classifier.1.weight";
        tensors.insert(last.to_owned(), (&tensors[last] * 50.0).unwrap());
        Model { facts, tensors }
    }

    fn photo(number: u8) -> Vec<u8> {
        let rgb: Vec<u8> = (0..3 * 60 * 50u32)
            .map(|at| (at * (u32::from(number) + 3) / 7 + at / 180 * u32::from(number)) as u8)
            .collect();
        encode_png(60, 50, &rgb).unwrap()
    }

    #[test]
    fn probabilities_are_those_of_the_plain_network_and_their_sum_is_one() {
        let model = model();
        let predictor = Predictor::new(&model, &Device::Cpu).unwrap();
        let found = predictor.predict(&photo(1)).unwrap();
        let mut reader = PhotoReader::new(&model.facts.recipe);
        reader.read(&photo(1)).unwrap();
        let mut input = vec![0.0; 3 * 48 * 48];
        model.facts.view.apply(reader.planes(1), &mut input);
        let input = Tensor::from_vec(input, (1, 3, 48, 48), &Device::Cpu).unwrap();
        let net = tcolz_nn::Net::new(model.spec(), &model.tensors, &Device::Cpu).unwrap();
        let logits = net.forward(&input, Pass::INFER).unwrap().flatten_all().unwrap();
        let logits: Vec<f64> =
            logits.to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect();
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        for (found, logit) in found.probabilities.iter().zip(&logits) {
            assert!((f64::from(*found) - logit.exp() / sum).abs() < 1e-4, "{found}: {logits:?}");
        }
        assert!((found.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let spread = logits.iter().copied().fold(0.0, |most: f64, logit| most.max(logit.abs()));
        assert!(spread > 0.1, "the classes differ: {logits:?}");
        assert_eq!(found.ranked().len(), 3);
        assert!(found.ranked().is_sorted_by(|a, b| a.1 >= b.1));
    }

    #[test]
    fn a_bad_photo_has_its_error_and_the_others_the_bits_that_they_have_alone() {
        let predictor = Predictor::new(&model(), &Device::Cpu).unwrap();
        let photos = [photo(1), b"<!DOCTYPE html>".to_vec(), photo(2), Vec::new(), photo(3)];
        let photos: Vec<&[u8]> = photos.iter().map(Vec::as_slice).collect();
        let found = predictor.predict_batch(&photos).unwrap();
        assert_eq!(found.len(), 5);
        for (photo, found) in photos.iter().zip(&found) {
            match (predictor.predict(photo), found) {
                (Ok(alone), Ok(found)) => assert_eq!(&alone, found),
                (Err(PredictError::Photo(alone)), Err(found)) => assert_eq!(&alone, found),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(found.iter().filter(|found| found.is_err()).count(), 2);
        assert_ne!(found[0], found[2]);
        assert!(predictor.predict_batch(&[]).unwrap().is_empty());
        assert!(predictor.predict_batch(&photos[3..4]).unwrap()[0].is_err());
    }

    #[test]
    fn photos_that_were_read_before_get_the_bits_that_they_get_in_one_go() {
        let predictor = Predictor::new(&model(), &Device::Cpu).unwrap();
        let mut reader = predictor.reader();
        let photos = [photo(1), photo(2), photo(3)];
        let planes: Vec<Vec<u8>> = photos
            .iter()
            .map(|photo| {
                reader.read(photo).unwrap();
                predictor.planes(&reader).to_vec()
            })
            .collect();
        let found = predictor.probabilities(&planes).unwrap();
        for (photo, found) in photos.iter().zip(found) {
            assert_eq!(predictor.predict(photo).unwrap().probabilities, found);
        }
        assert!(predictor.probabilities(&planes[..0]).unwrap().is_empty());
    }

    #[test]
    fn a_model_without_its_size_is_refused() {
        let mut model = model();
        model.facts.size = 64;
        let error = Predictor::new(&model, &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("64 × 64") && error.contains("[32, 48]"), "{error}");
    }
}
