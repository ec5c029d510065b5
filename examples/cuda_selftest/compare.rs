//! The same computation on two devices, and how far apart the results are.

use std::error::Error;

use candle_core::{DType, Device, Tensor};

/// What a check computes: tensors on the device, or why not.
pub(crate) type Computed = Result<Vec<Tensor>, Box<dyn Error>>;

/// A computation that must come out alike on every device.
pub(crate) struct Check {
    /// What it is, in the words of the table.
    pub(crate) name: String,
    /// How far apart results may be, as a share of the largest number of the reference; 0 asks for the
    /// same bits.
    pub(crate) relative: f64,
    /// The computation; its inputs do not depend on the device.
    pub(crate) run: Box<dyn Fn(&Device) -> Computed>,
}

impl Check {
    pub(crate) fn new(
        name: impl Into<String>,
        relative: f64,
        run: impl Fn(&Device) -> Computed + 'static,
    ) -> Check {
        Check { name: name.into(), relative, run: Box::new(run) }
    }

    /// Runs it on both devices.
    pub(crate) fn compare(&self, reference: &Device, device: &Device) -> Outcome {
        let outcome = (self.run)(reference)
            .and_then(|expected| Ok((expected, (self.run)(device)?)))
            .and_then(|(expected, found)| self.outcome(&expected, &found));
        outcome.unwrap_or_else(|error| Outcome {
            name: self.name.clone(),
            difference: f64::NAN,
            tolerance: 0.0,
            // Candle's errors may carry the lines of a backtrace.
            verdict: Verdict::Failed(
                error.to_string().lines().next().unwrap_or_default().to_owned(),
            ),
        })
    }

    fn outcome(&self, expected: &[Tensor], found: &[Tensor]) -> Result<Outcome, Box<dyn Error>> {
        if expected.is_empty() || expected.len() != found.len() {
            let (expected, found) = (expected.len(), found.len());
            return Err(format!("expected {expected} tensors, at least one, found {found}").into());
        }
        let (mut difference, mut largest, mut same_bits) = (0f64, 0f64, true);
        for (expected, found) in expected.iter().zip(found) {
            let kinds = [expected, found].map(|tensor| (tensor.dims().to_vec(), tensor.dtype()));
            if kinds[0] != kinds[1] {
                return Err(format!("expected {:?}, found {:?}", kinds[0], kinds[1]).into());
            }
            let (expected, found) = (numbers_of(expected)?, numbers_of(found)?);
            if expected.iter().chain(&found).any(|number| number.is_nan()) {
                return Err("a result is not a number".into());
            }
            for (expected, found) in expected.iter().zip(&found) {
                same_bits &= expected.to_bits() == found.to_bits();
                difference = difference.max((expected - found).abs());
                largest = largest.max(expected.abs());
            }
        }
        let tolerance = self.relative * largest;
        let verdict = match (same_bits, self.relative > 0.0 && difference <= tolerance) {
            (true, _) => Verdict::Same,
            (false, true) => Verdict::Near,
            (false, false) => Verdict::Off,
        };
        Ok(Outcome { name: self.name.clone(), difference, tolerance, verdict })
    }
}

/// Every number, exactly: float64 holds each of the other types.
fn numbers_of(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    // Converted on the CPU: a conversion on the device is one of the things that are tested.
    tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// How a check came out.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Every bit is the same.
    Same,
    /// Within the tolerance.
    Near,
    /// Too far apart.
    Off,
    /// It could not be computed, or not be compared.
    Failed(String),
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    /// Largest absolute difference of two numbers.
    pub(crate) difference: f64,
    /// Largest absolute difference allowed.
    pub(crate) tolerance: f64,
    pub(crate) verdict: Verdict,
}

impl Outcome {
    /// True when the devices agree.
    pub(crate) fn is_sound(&self) -> bool {
        matches!(self.verdict, Verdict::Same | Verdict::Near)
    }

    /// The row, in columns as wide as those of [`head`].
    pub(crate) fn row(&self) -> String {
        let Outcome { name, difference, tolerance, verdict } = self;
        let verdict = match verdict {
            Verdict::Same => "same bits".to_owned(),
            Verdict::Near => "within tolerance".to_owned(),
            Verdict::Off => "OFF".to_owned(),
            Verdict::Failed(error) => format!("FAILED: {error}"),
        };
        format!("{name:<44} {difference:>12.3e} {tolerance:>12.3e}  {verdict}")
    }
}

/// The head of the table.
pub(crate) fn head() -> String {
    format!("{:<44} {:>12} {:>12}  verdict", "operation", "max abs diff", "tolerance")
}
