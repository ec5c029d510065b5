//! Numbers that follow from predictions alone: no tensors, no files.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`proportion`] | a share with its 95 % interval |
//! | [`confusion`] | which class was taken for which; precision, recall, F1 |
//! | [`calibration`] | whether probabilities mean what they say; log loss, Brier score |
//! | [`folds`] | mean and standard deviation over folds or seeds |

pub mod calibration;
pub mod confusion;
pub mod folds;
mod predicted;
pub mod proportion;
mod scores;

pub use calibration::{Bin, Calibration};
pub use confusion::{ClassScores, Confusion, MeanScores};
pub use folds::Folds;
pub use predicted::{Predicted, largest};
pub use proportion::Proportion;
pub use scores::Scores;
