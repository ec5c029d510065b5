//! What decoding learns of a photo beside its pixels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The encoding of a source file, told by its first bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// JPEG (baseline, extended or progressive).
    Jpeg,
    /// Portable Network Graphics.
    Png,
    /// GIF; only the first frame is used.
    Gif,
    /// WebP, lossy or lossless; only the first frame is used.
    Webp,
    /// Windows bitmap.
    Bmp,
}

impl SourceFormat {
    /// The word written into the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceFormat::Jpeg => "jpeg",
            SourceFormat::Png => "png",
            SourceFormat::Gif => "gif",
            SourceFormat::Webp => "webp",
            SourceFormat::Bmp => "bmp",
        }
    }

    /// The format a ledger word stands for.
    pub fn parse(word: &str) -> Option<SourceFormat> {
        use SourceFormat::{Bmp, Gif, Jpeg, Png, Webp};
        [Jpeg, Png, Gif, Webp, Bmp].into_iter().find(|format| format.as_str() == word)
    }
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What decoding learned about a source file; one part of its ledger row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoInfo {
    /// Encoding, from the first bytes.
    pub format: SourceFormat,
    /// JPEG coded in several scans, or PNG/GIF interlaced.
    pub progressive: bool,
    /// Width of the source in pixels, before any scaling.
    pub width: u32,
    /// Height of the source in pixels, before any scaling.
    pub height: u32,
    /// Quality setting (1–100) that the JPEG's luminance table corresponds to; `None` for other formats.
    pub jpeg_quality: Option<u8>,
    /// EXIF orientation (1–8) where the file carries one. It is noted whether it is applied ([`Orient`](crate::recipe::Orient)) or not.
    pub exif_orientation: Option<u8>,
    /// Share of the rows that the file's data reaches: 1.0 for a whole file, less for a truncated one.
    pub recovered_share: f32,
}

impl PhotoInfo {
    /// What is to be said of a photo beside its pixels: that it is truncated.
    pub fn notes(&self) -> Vec<String> {
        let truncated = self.recovered_share < 1.0;
        truncated
            .then(|| format!("truncated: {}", rows_there(self.recovered_share)))
            .into_iter()
            .collect()
    }
}

/// How much of a truncated photo is there: `53.2 % of its rows are there`. Never 100 %.
pub fn rows_there(recovered_share: f32) -> String {
    format!("{:.1} % of its rows are there", (f64::from(recovered_share) * 1000.0).floor() / 10.0)
}
