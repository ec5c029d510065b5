//! What can go wrong with a demo.

use std::io;
use std::path::PathBuf;

use jpeg_encoder::EncodingError;
use tcolz_format::dataset::DatasetError;
use tcolz_pixels::picture::PictureError;

/// A demo that cannot be made or looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A JPEG could not be made.
    #[error("making a JPEG: {0}")]
    Jpeg(#[from] EncodingError),
    /// A PNG or GIF could not be made.
    #[error("making a picture: {0}")]
    Picture(#[from] PictureError),
    /// The dataset made of the dump cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}
