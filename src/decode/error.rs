//! What can be wrong with a source file.

use crate::sample::SourceFormat;

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
    #[error(
        "expected JPEG, PNG, GIF, WebP or BMP, found a file that begins with {}",
        in_hex(first_bytes)
    )]
    UnknownFormat {
        /// At most the first eight bytes.
        first_bytes: Vec<u8>,
    },
    /// The header claims more pixels than the limit; nothing was allocated for them.
    #[error(
        "expected at most {limit} pixels (--max-pixels), found {width}×{height} = {}",
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
    /// The decoder got no memory. The file itself may be good.
    #[error("not enough memory to decode this {format} file")]
    OutOfMemory {
        /// Encoding of the file.
        format: SourceFormat,
    },
}

impl DecodeError {
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
            DecodeError::OutOfMemory { .. } => "out-of-memory",
        }
    }
}

fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_was_expected_and_what_was_found() {
        let error = DecodeError::TooManyPixels { width: 60_000, height: 60_000, limit: 40_000_000 };
        assert_eq!(
            error.to_string(),
            "expected at most 40000000 pixels (--max-pixels), found 60000×60000 = 3600000000"
        );
        let error = DecodeError::UnknownFormat { first_bytes: b"<html".to_vec() };
        assert!(error.to_string().ends_with("begins with 3c 68 74 6d 6c"), "{error}");
    }
}
