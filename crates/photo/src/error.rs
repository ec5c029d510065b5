//! What can be wrong with a source file.

use tcolz_pixels::file_kind::FileKind;
use tcolz_pixels::photo_info::SourceFormat;

/// Why a file gives no photo.
///
/// [`code`](DecodeError::code) is the short word for the ledger; `Display` is the sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("expected a photo, found an empty file")]
    Empty,
    /// The first bytes are those of none of the formats read here.
    #[error("expected JPEG, PNG, GIF, WebP or BMP, found {}", in_words(first_bytes, *found))]
    UnknownFormat {
        /// At most the first eight bytes.
        first_bytes: Vec<u8>,
        /// What the file is, where that can be told.
        found: Option<FileKind>,
    },
    /// The header claims more pixels than the limit; nothing was allocated for them.
    #[error(
        "expected at most {limit} pixels, found {width}×{height} = {}: make it smaller",
        u64::from(*width) * u64::from(*height)
    )]
    TooManyPixels {
        /// Width in the header, in pixels.
        width: u32,
        /// Height in the header, in pixels.
        height: u32,
        /// The limit on width × height.
        limit: u64,
    },
    /// A JPEG of so many scans that decoding it would take unreasonably long.
    #[error("expected at most {limit} scans in a JPEG, found more")]
    TooManyScans {
        /// The limit on the number of scans.
        limit: u32,
    },
    /// The data end before there is a photo: in a JPEG before its first rows, in other formats anywhere.
    #[error("expected a whole {format} file, found one that ends too early: {reason}")]
    Truncated {
        /// Encoding of the file.
        format: SourceFormat,
        /// What was missing.
        reason: String,
    },
    /// The data contradict the format.
    #[error("expected a well-formed {format} file, found: {reason}")]
    Corrupt {
        /// Encoding of the file.
        format: SourceFormat,
        /// What the decoder said.
        reason: String,
    },
    /// A well-formed file of a kind that is not read here.
    #[error("expected a common kind of {format} file, found: {reason}")]
    Unsupported {
        /// Encoding of the file.
        format: SourceFormat,
        /// What kind it is.
        reason: String,
    },
    /// The decoder of this format gave up in a way that it does not foresee: its code panicked. Nothing of the file is kept.
    #[error(
        "the {format} decoder stopped at something that it does not foresee, so nothing of this file was kept; \
         please report it"
    )]
    DecoderFailed {
        /// Encoding of the file.
        format: SourceFormat,
    },
    /// The decoder got no memory. The file itself may be good.
    #[error("not enough memory to decode this {format} file")]
    OutOfMemory {
        /// Encoding of the file.
        format: SourceFormat,
    },
}

impl DecodeError {
    /// The code of [`DecodeError::DecoderFailed`].
    pub const DECODER_FAILED: &str = "decoder-failed";

    /// A stable word for the ledger's reason.
    pub fn code(&self) -> &'static str {
        match self {
            DecodeError::Empty => "empty",
            DecodeError::UnknownFormat { .. } => "unknown-format",
            DecodeError::TooManyPixels { .. } => "too-many-pixels",
            DecodeError::TooManyScans { .. } => "too-many-scans",
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::Corrupt { .. } => "corrupt",
            DecodeError::Unsupported { .. } => "unsupported",
            DecodeError::DecoderFailed { .. } => Self::DECODER_FAILED,
            DecodeError::OutOfMemory { .. } => "out-of-memory",
        }
    }
}

/// What a file is that is no photo, and what to do about it.
fn in_words(first_bytes: &[u8], found: Option<FileKind>) -> String {
    let advice = match found {
        Some(FileKind::OtherPicture(name)) => {
            return format!("{name}: convert it to JPEG or PNG first");
        }
        Some(FileKind::Archive(name)) => format!(" ({name}): unpack it first"),
        Some(FileKind::Other(name @ "Git LFS pointer")) => {
            format!(" ({name}): fetch the file itself with `git lfs pull`")
        }
        Some(FileKind::Other(name @ "web page")) => {
            format!(" ({name}, as servers send in place of a photo): download it again")
        }
        Some(kind) => format!(" ({})", kind.name()),
        None => String::new(),
    };
    let hex: Vec<String> = first_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("a file that begins with {}{advice}", hex.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_was_expected_and_what_was_found() {
        let error = DecodeError::TooManyPixels { width: 60_000, height: 60_000, limit: 40_000_000 };
        assert_eq!(
            error.to_string(),
            "expected at most 40000000 pixels, found 60000×60000 = 3600000000: make it smaller"
        );
        let unknown = |found| {
            let first_bytes = b"<?php".to_vec();
            DecodeError::UnknownFormat { first_bytes, found }.to_string()
        };
        assert!(unknown(None).ends_with("found a file that begins with 3c 3f 70 68 70"));
        assert_eq!(
            unknown(Some(FileKind::OtherPicture("HEIC"))),
            "expected JPEG, PNG, GIF, WebP or BMP, found HEIC: convert it to JPEG or PNG first"
        );
        assert!(unknown(Some(FileKind::Archive("zip"))).ends_with("70 (zip): unpack it first"));
        assert!(unknown(Some(FileKind::Other("Git LFS pointer"))).contains("git lfs pull"));
        assert!(unknown(Some(FileKind::Other("MP4 video"))).ends_with("70 (MP4 video)"));
    }
}
