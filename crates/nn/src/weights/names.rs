//! The names that others give to the layers of our networks.

use serde::Serialize;

use super::super::spec::{Parameter, Role, Shape, output};
use super::super::{Network, Spec};
use super::turn::Turn;

/// Whose key names a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// Our own, where they are nobody else's: those of MobileNet V1, and of a model that was trained here.
    Tcolz,
    /// torchvision's.
    Torchvision,
    /// timm's.
    Timm,
    /// Keras's layers.
    Keras,
}

impl Names {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Names::Tcolz => "tcolz",
            Names::Torchvision => "torchvision",
            Names::Timm => "timm",
            Names::Keras => "Keras",
        }
    }
}

/// One network in the names of one source.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) names: Names,
    pub(super) network: Network,
    pub(super) slots: Vec<Slot>,
}

/// Where a parameter lies in a file.
#[derive(Debug)]
pub(super) struct Slot {
    /// What it is here.
    pub(super) parameter: Parameter,
    /// What it may be called there; nothing where that source has no such layer.
    pub(super) keys: Vec<String>,
    /// What turns it into ours.
    pub(super) turn: Turn,
}

impl Slot {
    /// The shape that it must have in the file.
    pub(super) fn shape_in_file(&self) -> Vec<usize> {
        self.turn.shape_in_file(&self.parameter.shape)
    }
}

/// Which names which networks are published under.
const DIALECTS: [(Names, Network); 8] = [
    (Names::Torchvision, Network::Vgg19),
    (Names::Timm, Network::Vgg19),
    (Names::Keras, Network::Vgg19),
    (Names::Tcolz, Network::MobileNetV1),
    (Names::Keras, Network::MobileNetV1),
    (Names::Torchvision, Network::MobileNetV2),
    (Names::Timm, Network::MobileNetV2),
    (Names::Keras, Network::MobileNetV2),
];

/// Classes of ImageNet: what a file's last layer has where nothing else is known.
pub(super) const IMAGENET_CLASSES: usize = 1000;

impl Dialect {
    /// All that are known.
    pub(super) fn all() -> Vec<Dialect> {
        let inception = (Names::Timm, Network::InceptionResNetV2);
        let dialects = DIALECTS.into_iter().chain([inception]);
        dialects.map(|(names, network)| Dialect::new(names, network, IMAGENET_CLASSES)).collect()
    }

    /// The names of a network with so many classes.
    pub(super) fn new(names: Names, network: Network, classes: usize) -> Dialect {
        let spec = network.spec(&network.properties(), classes);
        let window = flattened_window(&spec);
        let parameters = spec.parameters();
        let first = parameters.iter().find(|parameter| parameter.role == Role::Matrix);
        let first = first.map(|parameter| parameter.key.clone());
        let slot = |parameter: Parameter| {
            let behind_flatten = first.as_ref() == Some(&parameter.key);
            let window = window.filter(|_| behind_flatten);
            let turn = turn(names, network, &parameter, window);
            Slot { keys: keys(names, network, &parameter), turn, parameter }
        };
        Dialect { names, network, slots: parameters.into_iter().map(slot).collect() }
    }
}

/// Rows and columns of the image that is flattened before the head, where one is.
fn flattened_window(spec: &Spec) -> Option<[usize; 2]> {
    let side = spec.network.usual_size() as usize;
    let at = spec.backbone.iter().position(|layer| *layer == super::super::spec::Layer::Flatten)?;
    match output(&spec.backbone[..at], Shape::Image([3, side, side])) {
        Ok(Shape::Image([_, rows, columns])) => Some([rows, columns]),
        _ => None,
    }
}

fn turn(names: Names, network: Network, parameter: &Parameter, window: Option<[usize; 2]>) -> Turn {
    let depthwise = parameter.shape.get(1) == Some(&1);
    match (names, parameter.role) {
        (Names::Keras, Role::Kernel) if depthwise => Turn::Depthwise,
        (Names::Keras, Role::Kernel) => Turn::Kernel,
        (Names::Keras, Role::Matrix) => window.map_or(Turn::Matrix, Turn::Flattened),
        // timm's VGG19 has convolutions for its two hidden layers.
        (Names::Timm, Role::Matrix) if network == Network::Vgg19 && !parameter.last => {
            Turn::Window(window.unwrap_or([1, 1]))
        }
        _ => Turn::Keep,
    }
}

/// The keys of a parameter in a file.
fn keys(names: Names, network: Network, parameter: &Parameter) -> Vec<String> {
    let Some((layer, ending)) = parameter.key.rsplit_once('.') else { return Vec::new() };
    let ending = match (names, parameter.role) {
        (Names::Keras, Role::Kernel | Role::Matrix) => "kernel",
        (Names::Keras, Role::Bias) => "bias",
        (Names::Keras, Role::NormWeight) => "gamma",
        (Names::Keras, Role::NormBias) => "beta",
        (Names::Keras, Role::NormMean) => "moving_mean",
        (Names::Keras, Role::NormVariance) => "moving_variance",
        _ => ending,
    };
    let layers = match (names, network) {
        (Names::Keras, Network::Vgg19) => keras_vgg19(layer),
        // Our names are those of Keras's layers; the head is our own.
        (Names::Keras, Network::MobileNetV1) if parameter.in_head => Vec::new(),
        (Names::Keras, Network::MobileNetV2) => keras_mobilenet_v2(layer),
        (Names::Timm, Network::Vgg19) => timm_vgg19(layer),
        (Names::Timm, Network::MobileNetV2) => timm_mobilenet_v2(layer),
        _ => vec![layer.to_owned()],
    };
    layers.into_iter().map(|layer| format!("{layer}.{ending}")).collect()
}

fn keras_vgg19(layer: &str) -> Vec<String> {
    let name = match layer {
        "classifier.0" => "fc1".to_owned(),
        "classifier.3" => "fc2".to_owned(),
        "classifier.6" => "predictions".to_owned(),
        _ => {
            // torchvision counts convolutions, activations and pools: groups of 2, 2, 4, 4, 4 begin at these.
            let number: Option<usize> =
                layer.strip_prefix("features.").and_then(|n| n.parse().ok());
            let Some(number) = number else { return Vec::new() };
            let starts = [0, 5, 10, 19, 28];
            let group = starts.iter().rposition(|start| *start <= number).unwrap_or(0);
            format!("block{}_conv{}", group + 1, (number - starts[group]) / 2 + 1)
        }
    };
    vec![name]
}

fn timm_vgg19(layer: &str) -> Vec<String> {
    let name = match layer {
        "classifier.0" => "pre_logits.fc1",
        "classifier.3" => "pre_logits.fc2",
        "classifier.6" => "head.fc",
        features => features,
    };
    vec![name.to_owned()]
}

/// A layer of torchvision's MobileNetV2.
enum Part {
    First,
    Last,
    Classifier,
    /// Of the inverted residual with this number, from 1.
    Block(usize, Step),
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Expand,
    Depthwise,
    Project,
}

/// What a layer of ours is in MobileNetV2, and whether it is a BatchNorm.
fn mobilenet_v2_part(layer: &str) -> Option<(Part, bool)> {
    let parts: Vec<&str> = layer.split('.').collect();
    let number = |text: &str| text.parse::<usize>().ok();
    Some(match parts[..] {
        ["classifier", _] => (Part::Classifier, false),
        ["features", "0", which] => (Part::First, which == "1"),
        ["features", "18", which] => (Part::Last, which == "1"),
        // A convolution with an activation is a group of its own; the last one stands alone with its BatchNorm.
        ["features", block, "conv", step, which] => {
            let block = number(block)?;
            let step = match (block, step) {
                (1, _) | (_, "1") => Step::Depthwise,
                _ => Step::Expand,
            };
            (Part::Block(block, step), which == "1")
        }
        ["features", block, "conv", which] => {
            let block = number(block)?;
            let norm = which == if block == 1 { "2" } else { "3" };
            (Part::Block(block, Step::Project), norm)
        }
        _ => return None,
    })
}

/// Keras's names today, and those in the file that Keras publishes: it is read by the order of the layers, so that
/// nobody had to rename them.
fn keras_mobilenet_v2(layer: &str) -> Vec<String> {
    let Some((part, norm)) = mobilenet_v2_part(layer) else { return Vec::new() };
    let names = match (part, norm) {
        (Part::First, false) => ["Conv1", "Conv1"].map(str::to_owned),
        (Part::First, true) => ["bn_Conv1", "bn_Conv1"].map(str::to_owned),
        (Part::Last, false) => ["Conv_1", "Conv_1"].map(str::to_owned),
        (Part::Last, true) => ["Conv_1_bn", "Conv_1_bn"].map(str::to_owned),
        (Part::Classifier, _) => ["predictions", "Logits"].map(str::to_owned),
        (Part::Block(number, step), norm) => {
            let number = number - 1;
            let step = match step {
                Step::Expand => "expand",
                Step::Depthwise => "depthwise",
                Step::Project => "project",
            };
            let block = match number {
                0 => "expanded_conv".to_owned(),
                _ => format!("block_{number}"),
            };
            if norm {
                [format!("{block}_{step}_BN"), format!("bn{number}_conv_{number}_bn_{step}")]
            } else {
                [format!("{block}_{step}"), format!("mobl{number}_conv_{number}_{step}")]
            }
        }
    };
    let [today, published] = names;
    if today == published { vec![today] } else { vec![today, published] }
}

fn timm_mobilenet_v2(layer: &str) -> Vec<String> {
    let Some((part, norm)) = mobilenet_v2_part(layer) else { return Vec::new() };
    let name = match (part, norm) {
        (Part::First, false) => "conv_stem".to_owned(),
        (Part::First, true) => "bn1".to_owned(),
        (Part::Last, false) => "conv_head".to_owned(),
        (Part::Last, true) => "bn2".to_owned(),
        (Part::Classifier, _) => "classifier".to_owned(),
        (Part::Block(number, step), norm) => {
            // Stages of 1, 2, 3, 4, 3, 3, 1 blocks.
            let starts = [1, 2, 4, 7, 11, 14, 17];
            let stage = starts.iter().rposition(|start| *start <= number).unwrap_or(0);
            let block = number - starts[stage];
            // The first block does not expand.
            let name = match (number == 1, step, norm) {
                (_, Step::Depthwise, false) => "conv_dw",
                (true, Step::Project, false) | (false, Step::Expand, false) => "conv_pw",
                (false, Step::Project, false) => "conv_pwl",
                (true, Step::Depthwise, true) | (_, Step::Expand, _) => "bn1",
                (true, Step::Project, true) | (false, Step::Depthwise, true) => "bn2",
                (false, Step::Project, true) => "bn3",
            };
            format!("blocks.{stage}.{block}.{name}")
        }
    };
    vec![name]
}
