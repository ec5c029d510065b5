//! Counts and sums over rows of the ledger: of all of it, or of any selection.
//!
//! Everything is added up in whole numbers, so that the order of rows and the number of threads change
//! nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use tcolz_format::dataset::Counts;

use super::channels::ChannelStatistics;
use super::distribution::Distribution;
use super::histogram::Histograms;
use super::text_scores::TextScores;

/// What some rows of a ledger hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// What became of the inputs.
    pub counts: Counts,
    /// One for each split of the dataset, in its order.
    pub splits: Vec<SplitStatistics>,
    /// One for each class of the dataset, over all splits.
    pub class_statistics: Vec<ClassStatistics>,
    /// Inputs that were not stored, by reason code.
    pub reasons: BTreeMap<String, u64>,
    /// Stored samples with something to remark, by reason code.
    pub remarks: BTreeMap<String, u64>,
    /// Stored although truncated.
    pub recovered: u64,
    /// Stored samples by source format; progressive JPEGs apart from others.
    pub formats: BTreeMap<String, u64>,
    /// Source photos that are stored.
    pub source: SourceStatistics,
    /// Stored samples whose tweet has a text score.
    pub with_text_scores: u64,
    /// What these scores are, by class; `None` where there are none.
    pub text_scores: Option<TextScores>,
    /// Stored samples by the number of annotators that agreed, where that is known.
    pub agreement: BTreeMap<u8, u64>,
    /// How sizes, qualities and light are spread over stored samples.
    pub histograms: Histograms,
    /// One for each stored size, over everything stored.
    pub tensors: Vec<TensorStatistics>,
}

/// A split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitStatistics {
    /// Its name.
    pub name: String,
    /// What became of its inputs.
    pub counts: Counts,
    /// Stored samples.
    pub samples: u64,
    /// Stored samples of each class, in the order of the classes.
    pub by_class: Vec<u64>,
    /// Stored samples without a label.
    pub unlabelled: u64,
    /// One for each stored size.
    pub channels: Vec<ChannelStatistics>,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassStatistics {
    /// Its name.
    pub name: String,
    /// Stored samples.
    pub samples: u64,
    /// One for each stored size.
    pub channels: Vec<ChannelStatistics>,
}

/// The source photos of what is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatistics {
    /// Bytes of their files.
    pub bytes: Distribution,
    /// Width in pixels, before any scaling.
    pub width: Distribution,
    /// Height in pixels, before any scaling.
    pub height: Distribution,
    /// Quality (1–100) of the JPEGs.
    pub jpeg_quality: Distribution,
    /// Photos by EXIF orientation, where they carry one; noted and never applied.
    pub exif_orientation: BTreeMap<u8, u64>,
}

/// One stored size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorStatistics {
    /// Column name.
    pub column: String,
    /// Element type and shape, such as `u8:3x224x224`.
    pub tensor: String,
    /// What a stored tensor's bytes are, by name and version.
    pub codec: String,
    /// Bytes of all its tensors uncompressed.
    pub raw_bytes: u64,
    /// Its pixels.
    #[serde(flatten)]
    pub channels: ChannelStatistics,
}
