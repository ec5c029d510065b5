//! Files of weights, others' and our own, as weights of our networks.
//!
//! ```text
//! file ─▶ contents ──────▶ names ───────────────▶ properties ──────────▶ Weights ─ fit ─▶ tensors of a Spec
//!         safetensors,     whose keys, and        padding, eps, view,
//!         .pth, .h5        which network          and why
//! ```
//!
//! | network | names | input | BatchNorm eps | padding |
//! | --- | --- | --- | --- | --- |
//! | VGG19 | torchvision, timm (`vgg19.tv_in1k`) | `torch` | – | – |
//! | VGG19 | Keras, from Caffe | `caffe` | – | – |
//! | MobileNet V1 | Keras | `tf` | 1e-3 | right and bottom |
//! | MobileNetV2 | torchvision, timm (`mobilenetv2_100`) | `torch` | 1e-5 | symmetric |
//! | MobileNetV2 | Keras | `tf` | 1e-3 | as TensorFlow's `SAME` |
//! | InceptionResNetV2 | timm (`inception_resnet_v2.tf_in1k`) | `tf` | 1e-3 | – |
//!
//! What a file says of itself wins over the table. Both are kept with the weights, with the reason.

mod beside;
mod choice;
mod contents;
mod element;
mod fit;
mod h5;
mod names;
mod open;
mod pickle;
mod pieces;
mod prefix;
mod properties;
mod pth;
mod refused;
pub mod seal;
mod source;
mod state;
pub mod tensor_file;
mod tree;
mod turn;

pub use beside::Beside;
pub use choice::Place;
pub use contents::FileFormat;
pub(super) use element::Element;
pub use element::Stored;
pub use fit::Fit;
pub use names::Names;
pub use open::Wanted;
pub use source::{Reason, Source, Weights};

#[cfg(test)]
mod formula;
#[cfg(test)]
mod made;
