//! Cross entropy, as `torch.nn.functional.cross_entropy` with `reduction='mean'`.

use candle_core::{D, DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use tcolz_nn::ModelError;

/// What the loss weighs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LossOptions {
    /// The share of each label that is spread over all classes (Szegedy et al. 2015), from 0 up to 1.
    pub label_smoothing: f64,
    /// A factor for each class; `None`: all count the same.
    pub class_weights: Option<Vec<f64>>,
}

impl LossOptions {
    /// Tests the options against a number of classes.
    ///
    /// # Errors
    /// [`ModelError::Loss`].
    pub fn check(&self, classes: usize) -> Result<(), ModelError> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            let found = self.label_smoothing;
            return Err(ModelError::Loss(format!(
                "expected a label smoothing from 0 to 1, found {found}"
            )));
        }
        let Some(weights) = &self.class_weights else { return Ok(()) };
        if weights.len() != classes {
            let found = weights.len();
            return Err(ModelError::Loss(format!(
                "expected a weight for each of {classes} classes, found {found}"
            )));
        }
        let wrong = |weight: &&f64| !(weight.is_finite() && **weight >= 0.0);
        if let Some(found) = weights.iter().find(wrong) {
            return Err(ModelError::Loss(format!(
                "expected class weights of 0 or more, found {found}"
            )));
        }
        Ok(())
    }

    /// What a batch's mean is divided by: its samples, or the sum of the weights of their classes. Means of
    /// several batches, weighted by this, give the mean over all their samples.
    ///
    /// # Errors
    /// [`ModelError::Loss`] for a label beyond the class weights.
    pub fn batch_weight(&self, labels: &[u32]) -> Result<f64, ModelError> {
        let Some(weights) = &self.class_weights else { return Ok(labels.len() as f64) };
        let weight =
            |&label: &u32| weights.get(label as usize).ok_or_else(|| beyond(label, weights.len()));
        labels.iter().map(weight).sum()
    }
}

fn beyond(label: u32, classes: usize) -> ModelError {
    ModelError::Loss(format!(
        "expected labels below {classes}, as many as there are classes, found {label}"
    ))
}

/// Mean cross entropy of logits `[n, classes]` and labels `[n]` of u32, a scalar with gradient.
///
/// With w the class weights, ε the smoothing and C the classes, a sample with label y costs
/// −(1 − ε) · w_y · log p_y − ε/C · Σ_c w_c · log p_c; the sum over the batch is divided by Σ w_y, as PyTorch
/// does. Log p are the logits less their largest less the logarithm of the sum of exponentials of those, so
/// that nothing overflows.
///
/// # Errors
/// [`ModelError::Loss`]: options that do not fit, a label beyond the classes; when the device's memory is full.
pub fn cross_entropy(
    logits: &Tensor,
    labels: &Tensor,
    options: &LossOptions,
) -> Result<Tensor, ModelError> {
    let (samples, classes) = logits.dims2()?;
    options.check(classes)?;
    let labels: Vec<u32> = labels.to_vec1()?;
    if labels.len() != samples || samples == 0 {
        let found = labels.len();
        return Err(ModelError::Loss(format!(
            "expected a label for each of {samples} samples, and one at least, found {found}"
        )));
    }
    if let Some(&label) = labels.iter().find(|&&label| label as usize >= classes) {
        return Err(beyond(label, classes));
    }
    let weight =
        |class: usize| options.class_weights.as_ref().map_or(1.0, |weights| weights[class]);
    let (divisor, smoothing) = (options.batch_weight(&labels)?, options.label_smoothing);
    // What each log p is multiplied by: a constant.
    let mut factors = vec![0f32; samples * classes];
    for (row, &label) in factors.chunks_exact_mut(classes).zip(&labels) {
        for (class, factor) in row.iter_mut().enumerate() {
            let own = if class == label as usize { 1.0 - smoothing } else { 0.0 };
            let all = smoothing / classes as f64;
            *factor = (-weight(class) * (own + all) / divisor) as f32;
        }
    }
    let factors = Tensor::from_vec(factors, (samples, classes), logits.device())?;
    Ok((log_softmax(logits)? * factors)?.sum_all()?)
}

/// [`cross_entropy`] that neither reads labels nor sends factors: what it needs beside them lies on the device already,
/// so that the host need not wait.
#[derive(Debug)]
pub(super) struct DeviceLoss {
    /// The numbers of the classes, `[1, classes]` of u32.
    classes: Tensor,
    /// Their weights, `[1, classes]`.
    weights: Option<Tensor>,
    smoothing: f64,
}

/// What a batch came to on the device.
#[derive(Debug)]
pub(super) struct DeviceLosses {
    /// The mean, with gradient.
    pub(super) loss: Tensor,
    /// The mean, what it was divided by, right answers: `[3]` of f32, without gradient.
    pub(super) facts: Tensor,
}

impl DeviceLoss {
    pub(super) fn new(
        options: &LossOptions,
        classes: usize,
        device: &Device,
    ) -> Result<DeviceLoss, ModelError> {
        options.check(classes)?;
        let weights = options.class_weights.as_ref().map(|weights| {
            let weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
            Tensor::from_vec(weights, (1, classes), device)
        });
        Ok(DeviceLoss {
            classes: Tensor::arange(0, classes as u32, device)?.reshape((1, classes))?,
            weights: weights.transpose()?,
            smoothing: options.label_smoothing,
        })
    }

    /// The loss of logits `[n, classes]` and labels `[n]` of u32, which are below `classes`: as the dataset's are.
    pub(super) fn of(&self, logits: &Tensor, labels: &Tensor) -> Result<DeviceLosses, ModelError> {
        let (samples, classes) = logits.dims2()?;
        if labels.dims() != [samples] || self.classes.dims() != [1, classes] || samples == 0 {
            return Err(ModelError::Loss(format!(
                "expected a label for each of {samples} samples, and one at least, found {:?}",
                labels.dims()
            )));
        }
        let labels = labels.reshape((samples, 1))?;
        let own = labels.broadcast_eq(&self.classes)?.to_dtype(DType::F32)?;
        let all = self.smoothing / classes as f64;
        let mut factors = own.affine(1.0 - self.smoothing, all)?;
        let mut counted = own.clone();
        if let Some(weights) = &self.weights {
            factors = factors.broadcast_mul(weights)?;
            counted = own.broadcast_mul(weights)?;
        }
        let weight = counted.sum_all()?;
        let loss = ((log_softmax(logits)? * factors)?.sum_all()? / &weight)?.neg()?;
        let answers = logits.detach().argmax_keepdim(D::Minus1)?;
        let right = answers.eq(&labels)?.to_dtype(DType::F32)?.sum_all()?;
        let facts = Tensor::stack(&[loss.detach(), weight, right], 0)?;
        Ok(DeviceLosses { loss, facts })
    }
}

/// Logarithms of probabilities, row by row of `[n, classes]`.
///
/// # Errors
/// When the device's memory is full.
pub fn log_softmax(logits: &Tensor) -> Result<Tensor, ModelError> {
    // The largest cancels out: it has no gradient.
    let largest = logits.detach().max_keepdim(D::Minus1)?;
    let shifted = logits.broadcast_sub(&largest)?;
    let sum = shifted.exp()?.sum_keepdim(D::Minus1)?;
    Ok(shifted.broadcast_sub(&sum.log()?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    fn loss(logits: &Tensor, labels: &[u32], options: &LossOptions) -> Result<f32, ModelError> {
        let labels = Tensor::new(labels, logits.device())?;
        Ok(cross_entropy(logits, &labels, options)?.to_scalar()?)
    }

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let logits = Var::new(&[[1000f32, 0., -1000.], [-3e5, 3e5, 0.]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[2u32, 1], &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &labels, &LossOptions::default()).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), 1000.0);
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&logits).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(gradient, [[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]);
    }

    #[test]
    fn means_of_parts_weighed_by_their_weight_are_the_mean_of_the_whole() {
        let logits = Tensor::new(&[[0.3f32, -1.0], [2.0, 0.1], [-0.4, 0.4]], &Device::Cpu).unwrap();
        let labels = [0u32, 1, 1];
        for class_weights in [None, Some(vec![0.25, 3.0])] {
            let options = LossOptions { label_smoothing: 0.1, class_weights };
            let whole = loss(&logits, &labels, &options).unwrap();
            let (mut sum, mut weights) = (0.0, 0.0);
            for (first, count) in [(0, 1), (1, 2)] {
                let part = &labels[first..first + count];
                let weight = options.batch_weight(part).unwrap();
                let mean = loss(&logits.narrow(0, first, count).unwrap(), part, &options).unwrap();
                sum += f64::from(mean) * weight;
                weights += weight;
            }
            assert!((sum / weights - f64::from(whole)).abs() < 1e-6);
        }
    }

    #[test]
    fn the_loss_of_the_device_is_that_of_the_host_in_value_gradient_weight_and_answers() {
        let device = &Device::Cpu;
        let rows = [[0.3f32, -1.0, 0.1], [2.0, 0.1, -700.0], [-0.4, 0.4, 9.5], [0.0, -0.1, -0.2]];
        let labels = Tensor::new(&[0u32, 1, 2, 2], device).unwrap();
        for (smoothing, class_weights) in [
            (0.0, None),
            (0.1, None),
            (0.0, Some(vec![0.25, 3.0, 1.0])),
            (0.3, Some(vec![1.0, 0.0, 2.0])),
        ] {
            let options = LossOptions { label_smoothing: smoothing, class_weights };
            let logits = Var::new(&rows, device).unwrap();
            let expected = cross_entropy(&logits, &labels, &options).unwrap();
            let found = DeviceLoss::new(&options, 3, device).unwrap().of(&logits, &labels).unwrap();
            let gradient = |loss: &Tensor| {
                let gradient = loss.backward().unwrap().get(&logits).unwrap().clone();
                gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            for (found, expected) in gradient(&found.loss).iter().zip(gradient(&expected)) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
            let facts = found.facts.to_vec1::<f32>().unwrap();
            let expected = expected.to_scalar::<f32>().unwrap();
            assert!((facts[0] - expected).abs() < 1e-6 * expected.abs().max(1.0));
            let weight = options.batch_weight(&[0, 1, 2, 2]).unwrap();
            assert!((f64::from(facts[1]) - weight).abs() < 1e-6);
            assert_eq!(facts[2], 2.0, "the first and the third");
        }
        let loss = DeviceLoss::new(&LossOptions::default(), 3, device).unwrap();
        let logits = Tensor::new(&rows, device).unwrap();
        let few = Tensor::new(&[0u32], device).unwrap();
        assert!(loss.of(&logits, &few).unwrap_err().to_string().contains("each of 4 samples"));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let logits = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        let complaint = |labels: &[u32], options: &LossOptions| {
            loss(&logits, labels, options).unwrap_err().to_string()
        };
        let plain = LossOptions::default();
        assert!(
            complaint(&[0, 3], &plain).contains("labels below 3"),
            "{}",
            complaint(&[0, 3], &plain)
        );
        assert!(complaint(&[0], &plain).contains("each of 2 samples, and one at least, found 1"));
        let weighted = |weights: &[f64]| LossOptions {
            label_smoothing: 0.0,
            class_weights: Some(weights.to_vec()),
        };
        assert!(complaint(&[0, 1], &weighted(&[1.0])).contains("each of 3 classes, found 1"));
        assert!(complaint(&[0, 1], &weighted(&[1.0, -1.0, 1.0])).contains("found -1"));
        let smoothed = LossOptions { label_smoothing: 1.5, class_weights: None };
        assert!(complaint(&[0, 1], &smoothed).contains("from 0 to 1, found 1.5"));
    }
}
