//! A network by name, and what its weights ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A network by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Simonyan & Zisserman 2014, configuration E.
    Vgg19,
    /// Howard et al. 2017, width 1.
    #[serde(rename = "mobilenet-v1")]
    MobileNetV1,
    /// Sandler et al. 2018, width 1.
    #[serde(rename = "mobilenet-v2")]
    MobileNetV2,
    /// Szegedy et al. 2016.
    #[serde(rename = "inception-resnet-v2")]
    InceptionResNetV2,
}

/// How windows of stride 2 are laid over an image of even size: a property of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaddingStyle {
    /// PyTorch: as much on each side.
    Symmetric,
    /// TensorFlow's `SAME`: where an odd row is needed, it lies below and right.
    TfSame,
    /// Keras's MobileNet V1: one row below and one column right, whatever the size.
    RightBottom,
}

/// What weights ask for of the network that they are put into, and of the images that it gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Properties {
    /// Padding of convolutions with stride 2.
    pub padding: PaddingStyle,
    /// eps of every BatchNorm.
    pub eps: f64,
    /// Name of the view that images are seen through.
    pub view: String,
    /// BatchNorm was folded into the convolutions before these weights were stored, so that its tensors are
    /// identities: batch statistics would destroy the network.
    pub batch_norm_folded: bool,
}

impl Network {
    /// All of them.
    pub const ALL: [Network; 4] =
        [Network::Vgg19, Network::MobileNetV1, Network::MobileNetV2, Network::InceptionResNetV2];

    /// The name it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Network::Vgg19 => "vgg19",
            Network::MobileNetV1 => "mobilenet-v1",
            Network::MobileNetV2 => "mobilenet-v2",
            Network::InceptionResNetV2 => "inception-resnet-v2",
        }
    }

    /// The network of a name.
    pub fn parse(name: &str) -> Option<Network> {
        Network::ALL.into_iter().find(|network| network.name() == name)
    }

    /// What weights from its usual source ask for, and random ones get.
    pub fn properties(self) -> Properties {
        let (padding, eps, view) = match self {
            Network::Vgg19 => (PaddingStyle::Symmetric, 1e-5, "torch"),
            Network::MobileNetV1 => (PaddingStyle::RightBottom, 1e-3, "tf"),
            Network::MobileNetV2 => (PaddingStyle::Symmetric, 1e-5, "torch"),
            Network::InceptionResNetV2 => (PaddingStyle::Symmetric, 1e-3, "tf"),
        };
        Properties { padding, eps, view: view.to_owned(), batch_norm_folded: false }
    }

    /// The side of the images that its published weights were trained on.
    pub fn usual_size(self) -> u32 {
        if self == Network::InceptionResNetV2 { 299 } else { 224 }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
