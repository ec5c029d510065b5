//! A photo, arriving in strips of rows, becomes one square tensor for each size asked for.
//!
//! ```text
//! strip of rows ──► 8 rows ──► width scaled (L1) ──► ring of the last rows ──► height scaled ──► planes
//! ```
//!
//! Pillow scales the width first, then the height, in 8-bit fixed point. Width needs one row, and a
//! target row needs only the source rows in its window: so neither the photo nor its scaled-width
//! copy is ever held whole, and several sizes are made from one decode. Scratch grows with the sides
//! of a photo and not with its area: at 224, 74 KB for 1024 × 768 and 1.4 MB for 7 × 65,535 (bilinear;
//! lanczos3 144 KB and 4.8 MB).

use super::fit::Placement;
use super::kernels::Turned;
use super::square::Square;
use super::turn::GROUP_ROWS;
use crate::RowSink;
use crate::recipe::{Filter, Fit};

/// Scratch above this many bytes is given back when the next photo starts.
const KEEP_BYTES: usize = 4 << 20;

/// Scales photos to planar squares, with the pixels of Pillow 11.3; one for each worker.
///
/// It owns its scratch and recycles it: photos of ordinary shapes cost no allocation once it has
/// seen a few. Every filter equals Pillow's `Image.resize` bit for bit, on every CPU, however the
/// rows were cut into strips.
///
/// ```
/// use tcolz_pixels::recipe::{Filter, Fit};
/// use tcolz_pixels::{Resizer, RowSink};
///
/// let mut resizer = Resizer::new(&[2], Fit::Squash, Filter::Bilinear);
/// resizer.start(4, 2);
/// resizer.rows(0, &[10; 12]);
/// resizer.rows(1, &[30; 12]);
/// assert_eq!(resizer.planes(0), [10, 10, 30, 30, 10, 10, 30, 30, 10, 10, 30, 30]);
/// ```
#[derive(Debug)]
pub struct Resizer {
    squares: Vec<Square>,
    fit: Fit,
    filter: Filter,
    simd: bool,
    width: u32,
    height: u32,
    next_row: u32,
    /// Rows that wait until a group is full, interleaved RGB.
    waiting: Vec<u8>,
    turned: Turned,
}

impl Resizer {
    /// A resizer for squares of these sides, in pixels; each side at least 1. Takes its SIMD
    /// setting from [`simd_enabled`](super::simd_enabled).
    ///
    /// # Panics
    /// If a side is 0.
    pub fn new(sizes: &[u32], fit: Fit, filter: Filter) -> Resizer {
        assert!(sizes.iter().all(|&size| size > 0), "a tensor's side is at least 1 pixel");
        Resizer {
            squares: sizes.iter().map(|&size| Square::new(size)).collect(),
            fit,
            filter,
            simd: super::simd_enabled(),
            width: 0,
            height: 0,
            next_row: 0,
            waiting: Vec::new(),
            turned: Turned::default(),
        }
    }

    /// Switches the use of the CPU's SIMD extensions on or off. The pixels are the same.
    pub fn with_simd(mut self, simd: bool) -> Resizer {
        self.simd = simd;
        self
    }

    /// The sides of the squares, in the order given to [`Resizer::new`].
    pub fn sizes(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.squares.iter().map(|square| square.size)
    }

    /// The pixels for the size at this index: planar `[3, size, size]`, red, green, blue.
    ///
    /// # Panics
    /// If no photo was started, or not all of its rows have arrived.
    pub fn planes(&self, size_index: usize) -> &[u8] {
        assert!(
            self.height > 0 && self.next_row == self.height,
            "{} of {} rows arrived before the pixels were asked for",
            self.next_row,
            self.height
        );
        &self.squares[size_index].planes
    }

    /// Bytes of scratch kept for the next photo, the squares themselves not counted.
    pub fn scratch_bytes(&self) -> usize {
        let squares: usize = self.squares.iter().map(Square::scratch_bytes).sum();
        squares + self.waiting.capacity() + self.turned.capacity_bytes()
    }
}

impl RowSink for Resizer {
    /// Begins a photo; an unfinished one is dropped.
    ///
    /// # Panics
    /// If a side is 0.
    fn start(&mut self, width: u32, height: u32) {
        assert!(width > 0 && height > 0, "a photo of {width} × {height} pixels has no pixels");
        if self.scratch_bytes() > KEEP_BYTES {
            self.waiting = Vec::new();
            self.turned = Turned::default();
            self.squares.iter_mut().for_each(Square::give_back);
        }
        (self.width, self.height, self.next_row) = (width, height, 0);
        self.waiting.clear();
        for square in &mut self.squares {
            square.start(Placement::new(self.fit, square.size, width, height), self.filter);
        }
    }

    /// # Panics
    /// If the rows are not whole, not the next ones, or more than the photo has.
    fn rows(&mut self, first_row: u32, rgb: &[u8]) {
        let row_bytes = self.width as usize * 3;
        assert_eq!(first_row, self.next_row, "rows arrive from the top to the bottom");
        assert!(rgb.len().is_multiple_of(row_bytes), "{} bytes are not whole rows", rgb.len());
        let count = rgb.len() / row_bytes;
        assert!(count as u64 <= u64::from(self.height - first_row), "more rows than the photo has");
        self.next_row += count as u32;

        if self.filter == Filter::Nearest {
            for (row, pixels) in (first_row..).zip(rgb.chunks_exact(row_bytes)) {
                self.squares.iter_mut().for_each(|square| square.pick(row, pixels));
            }
            return;
        }
        let mut rgb = rgb;
        // the row after the ones that wait
        let mut row = first_row;
        let group_bytes = row_bytes * GROUP_ROWS;
        if !self.waiting.is_empty() {
            let missing = (group_bytes - self.waiting.len()).min(rgb.len());
            let (now, later) = rgb.split_at(missing);
            let waiting_rows = (self.waiting.len() / row_bytes) as u32;
            self.waiting.extend_from_slice(now);
            row += (missing / row_bytes) as u32;
            rgb = later;
            if self.waiting.len() == group_bytes || row == self.height {
                let first = first_row - waiting_rows;
                let waiting = std::mem::take(&mut self.waiting);
                self.group(first, &waiting);
                self.waiting = waiting;
                self.waiting.clear();
            }
        }
        while rgb.len() >= group_bytes || (row < self.height && self.next_row == self.height) {
            let (now, later) = rgb.split_at(group_bytes.min(rgb.len()));
            self.group(row, now);
            row += (now.len() / row_bytes) as u32;
            rgb = later;
        }
        self.waiting.extend_from_slice(rgb);
    }
}

impl Resizer {
    /// Feeds up to [`GROUP_ROWS`] rows to every square.
    fn group(&mut self, first_row: u32, rgb: &[u8]) {
        let row_bytes = self.width as usize * 3;
        for square in &mut self.squares {
            square.group(self.simd, first_row, rgb, row_bytes, &mut self.turned);
        }
    }
}
