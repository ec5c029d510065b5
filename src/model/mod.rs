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
//! | [`ops`] | what Candle has not, has wrong or has slowly, each with its gradient |
//! | [`net`] | a network whose parameters can be trained |

mod error;
pub mod init;
pub mod net;
pub mod networks;
pub mod ops;
pub mod spec;

pub use error::ModelError;
pub use net::{BatchNormMode, Net, Pass};
pub use networks::{Network, PaddingStyle, Properties};
pub use spec::Spec;
