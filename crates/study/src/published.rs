//! Accuracies that others published: the only numbers of a report that are typed in.

use serde::{Deserialize, Serialize};

/// What published figures were measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Benchmark {
    /// The test split of B-T4SA: 51,000 photos, three classes.
    BT4saTest,
    /// The Twitter Testing Dataset without the output `neutral`: five, four, three agreeing annotators.
    Ttd,
}

/// A model of somebody else, or of the pipeline that this project replaces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// The model and how it was fine-tuned.
    pub model: &'static str,
    /// Who measured it.
    pub source: &'static str,
    /// Accuracy on TTD for at least five, four, three agreeing annotators.
    pub ttd: [Option<f64>; 3],
    /// Accuracy on the test split of B-T4SA.
    pub b_t4sa_test: Option<f64>,
}

/// The paper that B-T4SA comes from.
pub const PAPER: &str =
    "Vadicamo et al., Cross-Media Learning for Image Sentiment Analysis in the Wild, ICCVW 2017";
/// Its authors' released weights, run again.
pub const RELEASED: &str = "the paper's released weights, run again";
/// The Keras pipeline of 2018 that this project replaces.
pub const REPLACED: &str = "the replaced Keras pipeline (2018)";
/// A later model.
pub const VIT: &str = "ViT trained on B-T4SA (2023)";

/// All of them, image only.
pub const PUBLISHED: [Published; 11] = [
    published("VGG19 FT-F", PAPER, [Some(0.768), Some(0.737), Some(0.715)], Some(0.506)),
    published("VGG19 FT-A", PAPER, [Some(0.785), Some(0.755), Some(0.725)], Some(0.513)),
    published("VGG19 FT-A", RELEASED, [Some(0.788), Some(0.766), Some(0.737)], Some(0.519)),
    published("Hybrid FT-F", RELEASED, [Some(0.789), Some(0.759), Some(0.735)], Some(0.506)),
    published("VGG19 FT-F", REPLACED, [Some(0.740), None, None], Some(0.504)),
    published("VGG19 FT-A", REPLACED, [Some(0.755), None, None], Some(0.510)),
    published("MobileNet FT-F", REPLACED, [Some(0.722), None, None], Some(0.482)),
    published("MobileNet FT-A", REPLACED, [Some(0.757), None, None], Some(0.511)),
    published("InceptionResNetV2 FT-F", REPLACED, [Some(0.714), None, None], Some(0.473)),
    published("InceptionResNetV2 FT-A", REPLACED, [Some(0.769), None, None], Some(0.508)),
    published("ViT", VIT, [Some(0.812), None, None], None),
];

impl Published {
    /// Who measured it, in a word or two: for pictures.
    pub fn short_source(&self) -> &'static str {
        match self.source {
            PAPER => "paper",
            RELEASED => "released weights",
            REPLACED => "Keras 2018",
            VIT => "2023",
            other => other,
        }
    }
}

const fn published(
    model: &'static str,
    source: &'static str,
    ttd: [Option<f64>; 3],
    b_t4sa_test: Option<f64>,
) -> Published {
    Published { model, source, ttd, b_t4sa_test }
}
