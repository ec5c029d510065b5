//! The same steps in PyTorch, where Python has it: the networks' layers go there as JSON.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tcolz::nn::spec::{Activation, Conv, Layer, Padding};
use tcolz::nn::{Network, PaddingStyle, Properties};
use tcolz::train::Finetune;

use super::process::{self, Finished};
use super::settings::Place;

const SCRIPT: &str = include_str!("torch_step.py");

/// What PyTorch takes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    /// Which of the configurations.
    pub(crate) number: usize,
    /// Products may be of numbers of 19 bits (TensorFloat-32).
    pub(crate) tf32: bool,
    /// Milliseconds of a step, or why there are none.
    pub(crate) milliseconds: Option<f64>,
    pub(crate) error: Option<String>,
}

/// PyTorch's version, and its steps of each configuration; in words why there are none.
pub(crate) type Answer = Result<(String, Vec<Step>), String>;

/// Asks PyTorch.
///
/// # Errors
/// When the script cannot be written.
pub(crate) fn steps(
    place: &Place,
    configurations: &[(Network, Finetune, usize)],
    classes: usize,
    time: Duration,
) -> Result<Answer, Box<dyn Error>> {
    let of = |&(network, finetune, batch): &(Network, Finetune, usize)| {
        // Sides that differ would be an operation of their own in PyTorch.
        let properties = Properties { padding: PaddingStyle::Symmetric, ..network.properties() };
        let spec = network.spec(&properties, classes);
        json!({
            "backbone": layers(&spec.backbone),
            "head": layers(&spec.head),
            "frozen": finetune == Finetune::Head,
            "batch": batch,
        })
    };
    let asked = json!({
        "device": if place.device.is_cpu() { "cpu" } else { "cuda" },
        "size": place.size,
        "classes": classes,
        // Importing and the first steps take about as long as the steps that count.
        "seconds": time.as_secs_f64() / (4 * configurations.len()) as f64,
        "configurations": configurations.iter().map(of).collect::<Vec<_>>(),
    });
    let (script, input) =
        (place.folder.path().join("torch_step.py"), place.folder.path().join("torch.json"));
    std::fs::write(&script, SCRIPT)?;
    std::fs::write(&input, asked.to_string())?;
    let mut command = Command::new(&place.python);
    let finished = match process::run(command.arg(script).arg(input), time) {
        Ok(finished) => finished,
        Err(error) => return Ok(Err(format!("Python cannot be started: {error}"))),
    };
    let Finished { status, said, complained } = finished;
    let mut lines = said.lines();
    let Some(version) = lines.next() else {
        let reason = complained.lines().last().unwrap_or("it said nothing").to_owned();
        return Ok(Err(if status.is_none() { "it took too long".to_owned() } else { reason }));
    };
    // What it had no time for is left out.
    let steps = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok(Ok((version.to_owned(), steps)))
}

fn layers(layers: &[Layer]) -> Value {
    layers.iter().map(layer).collect()
}

fn layer(layer: &Layer) -> Value {
    match layer {
        Layer::Conv(conv) => convolution(conv),
        Layer::Linear(linear) => json!({
            "kind": "linear",
            "sides": [linear.inputs, linear.outputs],
            "activation": word(linear.activation),
        }),
        Layer::MaxPool(pool) => json!({
            "kind": "max_pool",
            "window": [pool.kernel, pool.stride],
            "padding": padding(pool.padding),
        }),
        Layer::AveragePool(pool) => json!({
            "kind": "average_pool",
            "window": [pool.kernel, pool.stride],
            "padding": padding(pool.padding),
        }),
        Layer::AdaptiveAveragePool { side } => json!({ "kind": "adaptive", "side": side }),
        Layer::GlobalAveragePool => json!({ "kind": "global" }),
        Layer::Flatten => json!({ "kind": "flatten" }),
        Layer::Dropout { probability, .. } => {
            json!({ "kind": "dropout", "probability": probability })
        }
        Layer::Residual(residual) => json!({
            "kind": "residual",
            "body": layers(&residual.body),
            "scale": residual.scale,
            "activation": word(residual.activation),
        }),
        Layer::Branches(branches) => json!({
            "kind": "branches",
            "branches": branches.iter().map(|branch| layers(branch)).collect::<Vec<_>>(),
        }),
    }
}

fn convolution(conv: &Conv) -> Value {
    json!({
        "kind": "conv",
        "sides": [conv.inputs, conv.outputs],
        "kernel": conv.kernel,
        "stride": conv.stride,
        "padding": padding(conv.padding),
        "groups": if conv.depthwise { conv.inputs } else { 1 },
        "bias": conv.bias,
        "eps": conv.batch_norm.as_ref().map(|norm| norm.eps),
        "activation": word(conv.activation),
    })
}

/// Rows and columns around an image; of a window of 3 where they depend on the image.
fn padding(padding: Padding) -> [usize; 2] {
    match padding {
        Padding::Symmetric(sides) => sides,
        Padding::Same | Padding::RightBottom => [1, 1],
    }
}

fn word(activation: Activation) -> &'static str {
    match activation {
        Activation::None => "none",
        Activation::Relu => "relu",
        Activation::Relu6 => "relu6",
    }
}
