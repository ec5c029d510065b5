//! The odd lines and files of the demo, and what a conversion must make of each.

use serde::Serialize;

use super::draw::{Picture, SplitMix64};
use super::encode::{Kind, encode};
use super::error::DemoError;
use tcolz_format::sample::Status;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

/// Sides of the odd photos in pixels, where their size is not what is odd.
const SIDES: (u16, u16) = (640, 480);

/// What a server sends in place of a photo that is gone.
const WEB_PAGE: &[u8] = b"<!DOCTYPE html>\n<title>404</title>\n<p>This photo is gone.</p>\n";

/// A way in which a line of a list, or the file it names, differs from the rest. All of them are found in
/// real dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Oddity {
    /// A JPEG of one channel.
    Grayscale,
    /// A JPEG of four inks, inverted, with Adobe's marker.
    Cmyk,
    /// The same with luminance and chroma in place of the inks.
    Ycck,
    /// A JPEG in several scans.
    Progressive,
    /// A JPEG with a colour profile.
    ColourProfile,
    /// PNG bytes under a `.jpg` name.
    PngBytes,
    /// GIF bytes under a `.jpg` name.
    GifBytes,
    /// A PNG with a palette.
    PalettePng,
    /// A PNG with opacity.
    AlphaPng,
    /// A PNG of 16 bits a channel.
    SixteenBitPng,
    /// 4 × 5 pixels: the smallest photo of B-T4SA.
    Tiny,
    /// A JPEG that lacks its last third.
    Truncated,
    /// A JPEG that ends within its header.
    HeaderOnly,
    /// A web page under a `.jpg` name.
    WebPage,
    /// A file without a byte.
    Empty,
    /// A line without a file.
    Missing,
    /// A line with a label that no class has.
    UnknownLabel,
    /// A line that stands in its list twice.
    DuplicateLine,
    /// A photo that its list names twice, with two labels.
    LabelConflict,
    /// A photo of the training list that the test list names, too.
    Leakage,
}

/// What the ledger must say of an odd line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Its status.
    pub status: Status,
    /// The code word of its reason.
    pub reason: Option<&'static str>,
}

impl Oddity {
    /// Every oddity, in the order in which they are shown.
    pub const ALL: [Oddity; 20] = [
        Oddity::Grayscale,
        Oddity::Cmyk,
        Oddity::Ycck,
        Oddity::Progressive,
        Oddity::ColourProfile,
        Oddity::PngBytes,
        Oddity::GifBytes,
        Oddity::PalettePng,
        Oddity::AlphaPng,
        Oddity::SixteenBitPng,
        Oddity::Tiny,
        Oddity::Truncated,
        Oddity::HeaderOnly,
        Oddity::WebPage,
        Oddity::Empty,
        Oddity::Missing,
        Oddity::UnknownLabel,
        Oddity::DuplicateLine,
        Oddity::LabelConflict,
        Oddity::Leakage,
    ];

    /// What is odd, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Oddity::PngBytes => "PNG named .jpg",
            Oddity::GifBytes => "GIF named .jpg",
            Oddity::Grayscale => "grayscale JPEG",
            Oddity::Cmyk => "CMYK JPEG (Adobe)",
            Oddity::Ycck => "YCCK JPEG (Adobe)",
            Oddity::PalettePng => "PNG with a palette",
            Oddity::AlphaPng => "PNG with alpha",
            Oddity::SixteenBitPng => "PNG of 16 bits",
            Oddity::Progressive => "progressive JPEG",
            Oddity::ColourProfile => "JPEG with an ICC profile",
            Oddity::Tiny => "4 × 5 pixels",
            Oddity::Truncated => "truncated JPEG",
            Oddity::HeaderOnly => "JPEG cut in its header",
            Oddity::WebPage => "web page named .jpg",
            Oddity::Empty => "file of zero bytes",
            Oddity::Missing => "no such file",
            Oddity::UnknownLabel => "unknown label",
            Oddity::DuplicateLine => "the same line twice",
            Oddity::LabelConflict => "the same photo, two labels",
            Oddity::Leakage => "in train and in test",
        }
    }

    /// What the ledger must say.
    pub fn expected(self) -> Expected {
        let (status, reason) = match self {
            Oddity::Truncated => (Status::Stored, Some("truncated")),
            Oddity::HeaderOnly => (Status::Quarantined, Some("corrupt")),
            Oddity::WebPage => (Status::Quarantined, Some("unknown-format")),
            Oddity::Empty => (Status::Quarantined, Some("empty")),
            Oddity::UnknownLabel => (Status::Quarantined, Some("unknown-label")),
            Oddity::Missing => (Status::Missing, Some("missing")),
            Oddity::DuplicateLine => (Status::Duplicate, Some("duplicate")),
            Oddity::LabelConflict => (Status::Duplicate, Some("label conflict")),
            _ => (Status::Stored, None),
        };
        Expected { status, reason }
    }

    /// What decoding should have learned of the photo and did not; `None` when all is as it should be.
    pub(super) fn photo_fault(self, photo: &PhotoInfo) -> Option<String> {
        let format = match self {
            Oddity::PngBytes | Oddity::PalettePng | Oddity::AlphaPng | Oddity::SixteenBitPng => {
                SourceFormat::Png
            }
            Oddity::GifBytes => SourceFormat::Gif,
            _ => SourceFormat::Jpeg,
        };
        let size = (photo.width, photo.height);
        let share = photo.recovered_share;
        let (sound, expected) = match self {
            Oddity::Progressive => (photo.progressive, "several scans"),
            Oddity::Tiny => (size == (4, 5), "4 × 5 pixels"),
            Oddity::Truncated => ((0.3..1.0).contains(&share), "some of its rows"),
            _ => (share >= 1.0, "all of its rows"),
        };
        if photo.format != format {
            return Some(format!("expected a {format} file, found {}", photo.format));
        }
        (!sound).then(|| {
            let (width, height) = size;
            let kind = if photo.progressive { "progressive" } else { "baseline" };
            let rows = share * 100.0;
            format!(
                "expected {expected}, found {width} × {height}, {kind}, {rows:.0} % of the rows"
            )
        })
    }

    /// Whether the oddity is a second line about an ordinary photo, and has no photo of its own.
    pub fn is_second_line(self) -> bool {
        matches!(self, Oddity::DuplicateLine | Oddity::LabelConflict | Oddity::Leakage)
    }

    /// The bytes of its file, drawn as `class`; `None` where it has none.
    pub(super) fn file(self, class: usize) -> Result<Option<Vec<u8>>, DemoError> {
        // Apart from the seeds of ordinary photos, which are their numbers.
        let mut random = SplitMix64(u64::MAX - self as u64);
        let mut draw = |(width, height)| Picture::draw(&mut random, class, width, height);
        let baseline = Kind::Jpeg { progressive: false };
        let kind = match self {
            Oddity::PngBytes => Kind::Png,
            Oddity::GifBytes => Kind::Gif,
            Oddity::Grayscale => Kind::JpegGrey,
            Oddity::Cmyk => Kind::JpegCmyk,
            Oddity::Ycck => Kind::JpegYcck,
            Oddity::PalettePng => Kind::PngPalette,
            Oddity::AlphaPng => Kind::PngAlpha,
            Oddity::SixteenBitPng => Kind::PngWide,
            Oddity::Progressive => Kind::Jpeg { progressive: true },
            Oddity::ColourProfile => Kind::JpegWithProfile,
            Oddity::UnknownLabel => baseline,
            Oddity::Tiny => return encode(&draw((4, 5)), baseline).map(Some),
            Oddity::Truncated | Oddity::HeaderOnly => {
                let mut whole = encode(&draw(SIDES), baseline)?;
                let cut = if self == Oddity::HeaderOnly { 20 } else { whole.len() * 2 / 3 };
                whole.truncate(cut);
                return Ok(Some(whole));
            }
            Oddity::WebPage => return Ok(Some(WEB_PAGE.to_vec())),
            Oddity::Empty => return Ok(Some(Vec::new())),
            Oddity::Missing | Oddity::DuplicateLine | Oddity::LabelConflict | Oddity::Leakage => {
                return Ok(None);
            }
        };
        encode(&draw(SIDES), kind).map(Some)
    }
}
