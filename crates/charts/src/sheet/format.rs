//! The files that a contact sheet is written to.

use std::path::Path;

use tcolz_pixels::picture::{PictureError, encode_jpeg, encode_png};

use super::canvas::Canvas;

/// Quality of JPEGs: letters of eight pixels stay sharp.
const QUALITY: u8 = 90;

/// What a page of a sheet is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SheetFormat {
    /// Every pixel as it is.
    #[default]
    Png,
    /// Smaller.
    Jpeg,
}

impl SheetFormat {
    /// The format that the ending of a file's name asks for; `None` for any but `.png`, `.jpg` and `.jpeg`.
    pub fn of(path: &Path) -> Option<SheetFormat> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "png" => Some(SheetFormat::Png),
            "jpg" | "jpeg" => Some(SheetFormat::Jpeg),
            _ => None,
        }
    }

    pub(super) fn encode(self, canvas: &Canvas) -> Result<Vec<u8>, PictureError> {
        let (width, height) = (canvas.width as u32, canvas.height as u32);
        match self {
            SheetFormat::Png => encode_png(width, height, &canvas.rgb),
            SheetFormat::Jpeg => encode_jpeg(width, height, &canvas.rgb, QUALITY),
        }
    }
}
