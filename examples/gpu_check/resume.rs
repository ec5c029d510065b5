//! Section `resume`: a run in two parts against the same run in one.

use std::collections::HashMap;
use std::error::Error;

use candle_core::{DType, Device, Tensor};
use tcolz::nn::Network;
use tcolz::train::{Finetune, TrainOptions};
use tcolz_train::{CHECKPOINT_FILE, LAST_FOLDER};

use super::page::Section;
use super::settings::Place;
use super::training::{self, Until};

const STEPS: u64 = 24;
const SMALL_STEPS: u64 = 4;
const BATCH: usize = 8;
/// How far a number may be off where a device adds up in another order each time, as a share of the largest of its tensor.
const NEAR: f64 = 1e-3;

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let steps = if place.small { SMALL_STEPS } else { STEPS };
    let run = |name: &str, parts: &[u64]| -> Result<_, Box<dyn Error>> {
        let out = place.folder.path().join(name);
        let mut options = training::options(place, Network::MobileNetV2, Finetune::All, &out);
        options.size = Some(place.small_size);
        options.batch_size = BATCH;
        for &steps in parts {
            training::run(&options, Until { steps, time: place.left() })?;
        }
        checkpoint(&options)
    };
    let (whole, again) = (run("whole", &[steps])?, run("again", &[steps])?);
    let halves = run("halves", &[steps / 2, steps])?;
    // A device that does not repeat itself cannot give the same bits when it resumes, either.
    let (repeated, resumed) = (difference(&whole, &again)?, difference(&whole, &halves)?);
    let words = |off: f64| match off {
        0.0 => "the same bits".to_owned(),
        off => format!("numbers that are off by {off:.1e} of the largest of their tensor"),
    };
    let allowed = if place.device.is_cpu() { 0.0 } else { NEAR };
    let is_sound = repeated <= allowed && resumed <= allowed;
    let text = format!(
        "{steps} steps of mobilenet-v2, all layers; weights and momentum behind the last step.\n\n\
         - The same run again gives {}.\n- The run that was left behind step {} and resumed gives {}.\n- Allowed: {}.\n",
        words(repeated),
        steps / 2,
        words(resumed),
        if allowed > 0.0 { format!("{allowed:.0e}") } else { "the same bits".to_owned() }
    );
    Ok(Section { text, is_sound })
}

type Tensors = HashMap<String, Tensor>;

fn checkpoint(options: &TrainOptions) -> Result<Tensors, Box<dyn Error>> {
    let path = options.out.join(LAST_FOLDER).join(CHECKPOINT_FILE);
    Ok(candle_core::safetensors::load(path, &Device::Cpu)?)
}

/// The largest difference of two numbers, as a share of the largest number of their tensor.
fn difference(expected: &Tensors, found: &Tensors) -> Result<f64, Box<dyn Error>> {
    let mut largest = 0f64;
    for (name, expected) in expected {
        let found = found.get(name).ok_or_else(|| format!("there is no {name}"))?;
        let numbers =
            |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let (expected, found) = (numbers(expected)?, numbers(found)?);
        let scale = expected.iter().fold(0f64, |most, number| most.max(number.abs()));
        for (expected, found) in expected.iter().zip(&found) {
            if expected.to_bits() != found.to_bits() {
                largest = largest.max((expected - found).abs() / scale.max(f64::MIN_POSITIVE));
            }
        }
    }
    Ok(largest)
}
