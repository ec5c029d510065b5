//! The four networks, each a function from what its weights ask for to layers.

mod inception_resnet_v2;
mod layers;
mod mobilenet_v1;
mod mobilenet_v2;
mod vgg19;

pub use super::network::{Network, PaddingStyle, Properties};
use super::spec::Spec;

impl Network {
    /// The network as data.
    pub fn spec(self, properties: &Properties, classes: usize) -> Spec {
        let (backbone, head) = match self {
            Network::Vgg19 => vgg19::layers(classes),
            Network::MobileNetV1 => mobilenet_v1::layers(properties, classes),
            Network::MobileNetV2 => mobilenet_v2::layers(properties, classes),
            Network::InceptionResNetV2 => inception_resnet_v2::layers(properties, classes),
        };
        Spec { network: self, properties: properties.clone(), classes, backbone, head }
    }
}

#[cfg(test)]
mod tests;
