//! The micro-service: photos over HTTP → how positive, neutral or negative they are, and a page to try it on.
//!
//! ```text
//!             connections     uploads          tcolz-decode-N       tcolz-infer
//! clients ──▶ listen ──▶ http ──▶ upload ──▶ queue ──▶ planes ──▶ batch ──▶ probabilities ──▶ JSON
//!             at most N       bounded bytes    bounded images       while others are decoded, at most a few ms
//! ```
//!
//! Everything that waits is bounded: connections, bytes of uploads, images in hand. What is beyond is told so
//! (503 and when to come back) and nothing grows beyond [`Server::most_memory_bytes`]. Where something runs out, the client
//! that has the most gives up a part (`docs/decisions/0004-shares-of-a-service.md`). Uploads live in memory only. A photo is prepared by the
//! model's own recipe with the code of the conversion, so the answer is that of `tcolz predict`.
//!
//! | module | what it does |
//! | --- | --- |
//! | `options` | limits, and why each is what it is |
//! | `classifier` | what stands behind the service: a network, or a test's stand-in |
//! | `client` | who asks; queues in which clients have turns |
//! | `cost` | what decoding a photo will cost, by its header |
//! | `queue`, `batcher`, `decoding`, `inferring` | what is in hand; the threads, those that decode, the one that infers whole batches |
//! | `occlusion` | which parts of a photo spoke for its label |
//! | `upload`, `parts`, `budget` | the body of a request → image files; multipart bodies; the memory for all of them |
//! | `answer`, `refusal` | what is answered: probabilities, or a reason in words |
//! | `service`, `routes` | what requests share; paths → handlers; headers that every answer carries |
//! | `hosts` | which names are answered, and whose pages |
//! | `listen`, `places` | connections: how slow, how they end; who gives one up when they are scarce |
//! | `memory` | the most memory that it takes, and giving back what it no longer needs |
//! | `page` | the page, its content security policy, its sample images |
//! | `metrics` | what Prometheus asks for |
//!
//! ```
//! use std::sync::Arc;
//! use tcolz_predict::Predictor;
//! use tcolz_serve::{ServeError, ServeOptions, Server};
//!
//! fn serve(model: Predictor) -> Result<(), ServeError> {
//!     let server = Server::bind(&ServeOptions::new("best"), Arc::new(model))?;
//!     println!("http://{}", server.address());
//!     server.run(); // until server.stopper() says so
//!     Ok(())
//! }
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod answer;
mod batcher;
mod budget;
mod classifier;
mod client;
mod cost;
mod decoding;
mod hosts;
mod inferring;
mod listen;
mod memory;
mod metrics;
mod occlusion;
mod options;
mod page;
mod parts;
mod places;
mod queue;
mod refusal;
mod routes;
mod service;
mod upload;

use std::io;
use std::net::SocketAddr;

use tcolz_base::door::{given, option};

pub use classifier::{Classifier, Fault, Prepared, Preparer};
pub use listen::{Server, Stopper};
pub use options::{DEFAULT_BIND, Limits, ServeOptions};

/// A service that cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken, or not one of this machine's.
    #[error(
        "cannot listen on {address}: {source} ({} takes any free one)",
        given("bind", "127.0.0.1:0")
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A thread or the event loop cannot be started.
    #[error("the service cannot start: {0}")]
    Start(io::Error),
    /// A class whose name the answer needs for something else.
    #[error("the model has a class `{0}`, which is the name of another part of the answer")]
    ClassName(String),
    /// The network fails at its first batch.
    #[error("the network cannot be run: {0}")]
    WarmUp(Box<Fault>),
    /// Something else than the name or address of a host.
    #[error(
        "{}: expected a name or an address, such as photos.example, found `{}`",
        option("hosts"),
        .0
    )]
    Host(String),
    /// A limit that leaves no room for anything.
    #[error("{0}")]
    Limit(String),
    /// A sample image cannot be drawn.
    #[error("the page's sample images: {0}")]
    Sample(Box<tcolz_demo::DemoError>),
}
