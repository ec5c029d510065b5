//! The recipe: every choice between the bytes of a photo and the tensor that is stored.
//!
//! Two conversions with equal recipes and equal inputs write equal bytes. The recipe is kept in
//! `dataset.json`, and whoever prepares an image later (prediction, serving) reads it from there.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest side of a stored tensor. A limit against typing errors, far above any network's input.
pub const MAX_SIZE: u32 = 4096;

/// Largest photo (width × height) that is decoded when nothing else is asked for.
pub const DEFAULT_MAX_PIXELS: u64 = 40_000_000;

/// What becomes of the orientation that cameras note in a photo's EXIF data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orient {
    /// Nothing: the pixels as they are stored in the file.
    #[default]
    Stored,
    /// The photo is turned upright before it is resized, as by Pillow's `ImageOps.exif_transpose`.
    Exif,
}

/// How a photo of any shape becomes a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Width and height are each scaled to the size; the aspect ratio is lost, no pixel is.
    Squash,
    /// The largest centred square is cut out and scaled.
    Crop,
    /// The longer side is scaled to the size, the rest is black, the photo centred.
    Pad,
}

/// Interpolation, each as Pillow 11.3 does it: antialiased, in 8-bit fixed point, width first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The source pixel under each target pixel's centre; no antialiasing.
    Nearest,
    /// Triangle filter.
    Bilinear,
    /// Cubic filter, a = −0.5.
    Bicubic,
    /// Windowed sinc with three lobes.
    Lanczos3,
}

/// How much of a JPEG is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecodeMode {
    /// Every pixel: what Pillow gives.
    Exact,
    /// Scaled by the inverse DCT to the smallest size that is still at least the target; faster.
    Scaled,
}

/// How a tensor's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// One standard zstd frame a sample.
    Zstd,
    /// The bytes themselves, zero-copy from the memory map.
    Raw,
}

/// Element type of the stored tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Pixels as seen, one byte a channel. Views are applied when they are read.
    U8,
    /// IEEE 754 binary16, little-endian, with the recipe's view applied.
    F16,
    /// IEEE 754 binary32, little-endian, with the recipe's view applied.
    F32,
}

impl Orient {
    /// What a noted orientation did to the tensors.
    pub fn in_words(self) -> &'static str {
        match self {
            Orient::Stored => "noted, not applied",
            Orient::Exif => "applied",
        }
    }

    fn is_stored(&self) -> bool {
        *self == Orient::Stored
    }
}

impl Dtype {
    /// Bytes of one element.
    pub fn size_bytes(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F16 => 2,
            Dtype::F32 => 4,
        }
    }
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ }) => {
        impl $type {
            /// Every choice, in the order of the help text.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The word used on the command line and in `dataset.json`.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            /// The choice a word stands for.
            pub fn parse(word: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|choice| choice.as_str() == word)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(Orient { Stored = "stored", Exif = "exif" });
words!(Fit { Squash = "squash", Crop = "crop", Pad = "pad" });
words!(Filter {
    Nearest = "nearest",
    Bilinear = "bilinear",
    Bicubic = "bicubic",
    Lanczos3 = "lanczos3"
});
words!(DecodeMode { Exact = "exact", Scaled = "scaled" });
words!(Codec { Zstd = "zstd", Raw = "raw" });
words!(Dtype { U8 = "u8", F16 = "f16", F32 = "f32" });

/// Where the view `mean` gets its values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mean {
    /// The exact channel means of the stored training split (of everything, where no split is
    /// called `train`).
    Dataset,
    /// Given: red, green, blue.
    Values([f32; 3]),
}

/// Every choice between the bytes of a photo and the tensor that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Sides of the square tensors, in pixels, ascending, without repetition; one column each.
    pub sizes: Vec<u32>,
    /// Whether photos are turned upright; in no file where they are not, as older versions read and write it.
    #[serde(skip_serializing_if = "Orient::is_stored", default)]
    pub orient: Orient,
    /// How any shape becomes a square.
    pub fit: Fit,
    /// Interpolation.
    pub filter: Filter,
    /// How much of a JPEG is decoded.
    pub decode: DecodeMode,
    /// How the tensor's bytes are stored.
    pub codec: Codec,
    /// Element type of the stored tensors.
    pub dtype: Dtype,
    /// The view baked in by `f16` and `f32`, and given to a reader that asks for none.
    pub view: String,
    /// Where the view `mean` gets its values; no such view without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean: Option<Mean>,
    /// Photos with more pixels (width × height) are quarantined.
    pub max_pixels: u64,
    /// Whether a truncated JPEG gives no photo, instead of one as far as it goes; in no file where it is kept, as
    /// older versions read and write it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub refuse_truncated: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            sizes: vec![224],
            orient: Orient::Stored,
            fit: Fit::Squash,
            filter: Filter::Bilinear,
            decode: DecodeMode::Exact,
            codec: Codec::Zstd,
            dtype: Dtype::U8,
            view: "caffe".to_owned(),
            mean: None,
            max_pixels: DEFAULT_MAX_PIXELS,
            refuse_truncated: false,
        }
    }
}

impl Recipe {
    /// The side of the largest tensor: what one decode must be good enough for.
    pub fn largest_size(&self) -> u32 {
        self.sizes.iter().copied().max().unwrap_or(0)
    }

    /// True when the sizes are in range, ascending and not repeated.
    pub fn is_valid(&self) -> bool {
        let in_range = self.sizes.iter().all(|size| (1..=MAX_SIZE).contains(size));
        !self.sizes.is_empty() && in_range && self.sizes.is_sorted_by(|a, b| a < b)
    }
}
