//! What can go wrong with a network and its weights.

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
}
