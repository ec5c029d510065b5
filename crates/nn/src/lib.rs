//! Networks: as data, as operations, as files of weights.
//!
//! ```text
//! Network ─ Properties ─▶ Spec (layers as data) ─▶ Net       trains: parameters are variables of Candle
//!                             ▲                └─▶ Folded    infers: BatchNorm folded, bias and activation fused
//!        weights: safetensors, .pth, .h5 ─ names ─┘
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`spec`] | a network as data: layers, shapes, the keys of its parameters |
//! | [`networks`] | the four networks |
//! | [`init`] | weights to begin with, from a seed |
//! | [`memory`] | what a training step takes, before it is made |
//! | [`ops`] | what Candle has not, has wrong or has slowly, each with its gradient |
//! | [`net`] | a network whose parameters can be trained |
//! | [`folded`] | a network for inference, with an engine of its own on the CPU |
//! | [`weights`] | files of weights, others' and our own |
//! | [`file`](mod@file) | MODEL: what was trained here, with what is needed to use it |
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use tcolz_nn::{Folded, Network, init::initial_weights};
//!
//! let network = Network::MobileNetV2;
//! let spec = network.spec(&network.properties(), 3);
//! let folded = Folded::new(&spec, &initial_weights(&spec, 42)?, &Device::Cpu)?;
//! let images = Tensor::zeros((1, 3, 96, 96), DType::F32, &Device::Cpu)?;
//! assert_eq!(folded.logits(&images)?.dims(), [1, 3]);
//! # Ok::<(), tcolz_nn::ModelError>(())
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod error;
pub mod file;
pub mod folded;
pub mod init;
pub mod memory;
pub mod net;
mod network;
pub mod networks;
pub mod ops;
pub mod precision;
pub mod spec;
pub mod weights;

pub use error::{ModelError, WordError};
pub use file::{Model, ModelFacts, Validation};
pub use folded::Folded;
pub use net::{BatchNormMode, Net, Pass};
pub use network::{Network, PaddingStyle, Properties};
pub use precision::Precision;
pub use spec::Spec;
pub use weights::Weights;
