//! What weights ask for, and how that is known: nothing is guessed without a word.

use std::collections::{BTreeMap, HashMap};

use candle_core::Tensor;

use super::super::spec::Role;
use super::names::Names;
use super::source::Reason;
use crate::file::ModelFacts;
use crate::{ModelError, Network, PaddingStyle, Properties};
use tcolz_pixels::{BUILT_IN_VIEWS, View};

/// How far the variance of a folded BatchNorm may be from 1 or 1 − eps: float32's rounding.
const VARIANCE_TOLERANCE: f32 = 1e-6;
/// What other files call a view.
const INPUTS: [(&str, &str); 1] = [("rgb x/127.5-1", "tf")];

/// What the facts of a model say.
pub(super) fn of_model(facts: &ModelFacts) -> (Properties, Vec<Reason>) {
    let because = "the model says so";
    let mut reasons = Reasons::default();
    let properties = facts.properties.clone();
    reasons.all(facts.network, &properties, [because; 4]);
    (properties, reasons.0)
}

/// What such files ask for, where nothing else is known: the table of [`super`].
fn usual(names: Names, network: Network) -> Properties {
    let mut properties = network.properties();
    match (names, network) {
        (Names::Keras, Network::Vgg19) => "caffe".clone_into(&mut properties.view),
        (Names::Keras, Network::MobileNetV2) => {
            "tf".clone_into(&mut properties.view);
            (properties.padding, properties.eps) = (PaddingStyle::TfSame, 1e-3);
        }
        _ => {}
    }
    properties
}

/// What the metadata of a file says, its tensors show or such files usually ask for.
pub(super) fn of_file(
    (names, network): (Names, Network),
    metadata: &BTreeMap<String, String>,
    tensors: &HashMap<String, Tensor>,
) -> Result<(Properties, Vec<Reason>), Failure> {
    let mut properties = usual(names, network);
    let assumed = format!("not said by the file: as {}'s weights of {network}", names.name());
    let mut because = [(); 4].map(|()| assumed.clone());
    let says = |key: &str, value: &str| format!("the file's metadata: `{key}` is `{value}`");
    let refuse = |key: &str, value: &str, expected: &str| {
        Failure::Said(format!("its metadata says `{key}` = `{value}`, expected {expected}"))
    };
    if let Some(value) = metadata.get("padding") {
        let style = serde_json::from_value(serde_json::Value::from(value.as_str()));
        properties.padding =
            style.map_err(|_| refuse("padding", value, "symmetric, tf_same or right_bottom"))?;
        because[0] = says("padding", value);
    }
    if let Some((key, value)) = either(metadata, ["eps", "bn_eps"]) {
        let eps = value.parse().ok().filter(|eps: &f64| eps.is_finite() && *eps >= 0.0);
        properties.eps = eps.ok_or_else(|| refuse(key, value, "a number that is not negative"))?;
        because[1] = says(key, value);
    }
    if let Some((key, value)) = either(metadata, ["view", "input"]) {
        let view = INPUTS.iter().find(|(input, _)| *input == value).map_or(value, |(_, view)| view);
        if View::built_in(view).is_none() {
            let expected = format!("{} or `{}`", BUILT_IN_VIEWS.join(", "), INPUTS[0].0);
            return Err(refuse(key, value, &expected));
        }
        view.clone_into(&mut properties.view);
        because[2] = says(key, value);
    }
    let (folded, shown) = is_folded(network, properties.eps, tensors)?;
    (properties.batch_norm_folded, because[3]) = (folded, shown.to_owned());
    if let Some(value) = metadata.get("batch_norm_folded") {
        let said =
            value.parse().map_err(|_| refuse("batch_norm_folded", value, "true or false"))?;
        if said && !folded {
            return Err(refuse("batch_norm_folded", value, &format!("false: {shown}")));
        }
        (properties.batch_norm_folded, because[3]) = (said, says("batch_norm_folded", value));
    }
    let mut reasons = Reasons::default();
    reasons.all(network, &properties, because.each_ref().map(String::as_str));
    Ok((properties, reasons.0))
}

/// Why properties cannot be told.
pub(super) enum Failure {
    /// What the file says cannot be.
    Said(String),
    /// Candle failed.
    Model(ModelError),
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Failure {
        Failure::Model(error.into())
    }
}

fn either<'a>(
    metadata: &'a BTreeMap<String, String>,
    keys: [&'static str; 2],
) -> Option<(&'static str, &'a str)> {
    keys.into_iter().find_map(|key| Some((key, metadata.get(key)?.as_str())))
}

/// Whether every BatchNorm is an identity with a bias: its weights 1, its means 0, its variances 1 or 1 − eps, and
/// not all biases 0. With biases of 0 it is as it was drawn: such a network was never trained.
fn is_folded(
    network: Network,
    eps: f64,
    tensors: &HashMap<String, Tensor>,
) -> Result<(bool, &'static str), candle_core::Error> {
    let (mut norms, mut biased) = (0, false);
    let one_of = |value: f32| {
        let near = |one: f32| (value - one).abs() <= VARIANCE_TOLERANCE;
        near(1.0) || near((1.0 - eps) as f32)
    };
    for parameter in network.spec(&network.properties(), 1).parameters() {
        let Some(tensor) = tensors.get(&parameter.key) else { continue };
        let holds = |test: &dyn Fn(f32) -> bool| -> candle_core::Result<bool> {
            Ok(tensor.flatten_all()?.to_vec1()?.into_iter().all(test))
        };
        let identity = match parameter.role {
            Role::NormWeight => {
                norms += 1;
                holds(&|value| value == 1.0)?
            }
            Role::NormMean => holds(&|value| value == 0.0)?,
            Role::NormVariance => holds(&one_of)?,
            Role::NormBias => {
                biased |= !holds(&|value| value == 0.0)?;
                true
            }
            _ => true,
        };
        if !identity {
            return Ok((false, "not every BatchNorm is an identity"));
        }
    }
    Ok(match (norms, biased) {
        (0, _) => (false, "the network has no BatchNorm"),
        (_, false) => (false, "every BatchNorm is as it was drawn: never trained"),
        _ => (
            true,
            "every BatchNorm is an identity with a bias (weight 1, mean 0, variance 1 or 1 − eps)",
        ),
    })
}

#[derive(Default)]
struct Reasons(Vec<Reason>);

impl Reasons {
    /// Padding, eps, view, folded; what the network has not is left out.
    fn all(&mut self, network: Network, properties: &Properties, because: [&str; 4]) {
        let padding = match properties.padding {
            PaddingStyle::Symmetric => "symmetric",
            PaddingStyle::TfSame => "tf_same",
            PaddingStyle::RightBottom => "right_bottom",
        };
        let pads = matches!(network, Network::MobileNetV1 | Network::MobileNetV2);
        let norms = network != Network::Vgg19;
        let values = [
            (pads, "padding", padding.to_owned()),
            (norms, "eps", format!("{:e}", properties.eps)),
            (true, "view", properties.view.clone()),
            (norms, "batch_norm_folded", properties.batch_norm_folded.to_string()),
        ];
        for ((has, property, value), because) in values.into_iter().zip(because) {
            if has {
                self.0.push(Reason { property, value, because: because.to_owned() });
            }
        }
    }
}
