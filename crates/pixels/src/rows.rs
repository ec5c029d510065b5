//! Where decoded rows go.

/// Receives a photo row by row, so that no stage holds a whole photo unless it must.
///
/// A decoder calls [`start`](RowSink::start) once, then [`rows`](RowSink::rows) until every row has been given exactly once,
/// top to bottom. When it returns an error instead, the rows given so far mean nothing.
pub trait RowSink {
    /// Width and height, in pixels, of the decoded (possibly scaled) picture; both are at least 1.
    fn start(&mut self, width: u32, height: u32);

    /// One or more whole rows: interleaved RGB, 3 bytes a pixel, no padding. `first_row` counts from 0.
    fn rows(&mut self, first_row: u32, rgb: &[u8]);
}

/// A whole photo in memory: a [`RowSink`] that collects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RgbImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `[height, width, 3]`, row-major, RGB.
    pub pixels: Vec<u8>,
}

impl RgbImage {
    /// An empty image, to be filled by a decoder. It can be filled again and keeps its allocation.
    pub fn new() -> RgbImage {
        RgbImage::default()
    }
}

impl RowSink for RgbImage {
    fn start(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        self.pixels.clear();
        self.pixels.reserve_exact(width as usize * height as usize * 3);
    }

    fn rows(&mut self, _first_row: u32, rgb: &[u8]) {
        self.pixels.extend_from_slice(rgb);
    }
}
