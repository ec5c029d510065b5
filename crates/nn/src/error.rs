//! What can go wrong with a network and its weights.

use std::io;
use std::path::{Path, PathBuf};

use super::network::Properties;

/// A word that is none of those an option takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
#[non_exhaustive]
pub struct WordError {
    /// The words that it takes.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl WordError {
    /// `found` where `expected` are the words.
    pub fn new(expected: impl Into<String>, found: &str) -> WordError {
        WordError { expected: expected.into(), found: found.to_owned() }
    }
}

/// A network that cannot be built, or weights that do not fit it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// An operation of Candle failed: mostly, no memory was left.
    #[error("{0}")]
    Candle(#[from] candle_core::Error),
    /// An input that the network is too deep for.
    #[error("{network} cannot take images of {height} × {width}: {reason}")]
    Input {
        /// The network.
        network: &'static str,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// The layer that has nothing left, or the size expected.
        reason: String,
    },
    /// A parameter that the weights do not hold.
    #[error("the weights have no `{key}`, which {network} needs with the shape {expected:?}")]
    MissingKey {
        /// The network.
        network: &'static str,
        /// The key.
        key: String,
        /// The shape of the parameter.
        expected: Vec<usize>,
    },
    /// A parameter of another shape.
    #[error("`{key}`: expected the shape {expected:?} for {network}, found {found:?}")]
    Shape {
        /// The network.
        network: &'static str,
        /// The key.
        key: String,
        /// The shape of the parameter.
        expected: Vec<usize>,
        /// The shape in the weights.
        found: Vec<usize>,
    },
    /// A parameter that should be trained and has no gradient.
    #[error("`{key}` has no gradient: no loss that depends on it was taken in since the last step")]
    NoGradient {
        /// The key.
        key: String,
    },
    /// An optimiser's state that does not fit.
    #[error("momentum of `{key}`: expected the shape {expected:?}, found {}", found.as_ref().map_or("none".to_owned(), |found| format!("{found:?}")))]
    State {
        /// The key.
        key: String,
        /// The shape of the parameter.
        expected: Vec<usize>,
        /// The shape in the state; `None`: not there.
        found: Option<Vec<usize>>,
    },
    /// A loss that cannot be computed: labels or options that do not fit.
    #[error("loss: {0}")]
    Loss(String),
    /// A tensor that the network has no place for.
    #[error("{network} has no place for `{key}`, of the shape {found:?}")]
    UnknownKey {
        /// The network.
        network: &'static str,
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A parameter that is stored as something else than floating-point numbers.
    #[error(
        "`{key}`: expected floating-point numbers, found {found}: save the weights before they are quantised or cast"
    )]
    NotFloat {
        /// The key.
        key: String,
        /// What it is made of.
        found: &'static str,
    },
    /// Weights that are put into a network that computes with them otherwise.
    #[error(
        "the weights ask for {expected:?}, the network was made with {found:?}: make it with the weights' properties"
    )]
    Properties {
        /// What the weights ask for.
        expected: Box<Properties>,
        /// What the network was made with.
        found: Box<Properties>,
    },
    /// Weights of another network.
    #[error("expected weights of {expected}, found those of {found}")]
    OtherNetwork {
        /// The network that is to have them.
        expected: &'static str,
        /// The network that they are of.
        found: &'static str,
    },
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is not what it should be, or is damaged.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected, what was found, what to try.
        reason: String,
    },
    /// A model that another version wrote.
    #[error(
        "{path}: a model of the format `{found}`, but this tcolz reads `{expected}`: use a newer tcolz",
        path = path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format that is read.
        expected: &'static str,
    },
    /// What is wrong with the weights of a file.
    #[error("{path}: {source}", path = path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<ModelError>,
    },
}

impl ModelError {
    /// What the system said of a file.
    pub(super) fn io(path: &Path, source: io::Error) -> ModelError {
        ModelError::Io { path: path.to_owned(), source }
    }

    /// What is wrong with a file, in a sentence.
    pub(super) fn file(path: &Path, reason: impl Into<String>) -> ModelError {
        ModelError::File { path: path.to_owned(), reason: reason.into() }
    }

    /// The same, said of a file.
    pub(super) fn within(self, path: &Path) -> ModelError {
        ModelError::In { path: path.to_owned(), source: Box::new(self) }
    }
}
