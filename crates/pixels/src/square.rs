//! One size of a [`Resizer`](super::Resizer): its weights, its ring of rows, its planes.

use super::fit::Placement;
use super::kernels::{self, STEP_BYTES, Turned};
use super::turn::GROUP_ROWS;
use super::weights::Weights;
use crate::recipe::{Filter, Fit};

/// What one size needs while a photo arrives.
#[derive(Debug)]
pub(super) struct Square {
    /// Side of the square, in pixels.
    pub(super) size: u32,
    /// `[3, size, size]`; whole once the last row of the photo has arrived.
    pub(super) planes: Vec<u8>,
    place: Placement,
    across: Weights,
    down: Weights,
    /// The last rows with scaled width, `stride` bytes each: reds, greens, blues, padding.
    ring: Vec<u8>,
    stride: usize,
    /// The row (counted from the first used one) at the front of the ring.
    ring_first: usize,
    /// Rows in the ring.
    ring_rows: usize,
    /// Target rows that are done.
    done: usize,
    /// One finished row, `stride` bytes.
    row: Vec<u8>,
}

impl Square {
    pub(super) fn new(size: u32) -> Square {
        Square {
            size,
            planes: vec![0; 3 * size as usize * size as usize],
            place: Placement::new(Fit::Squash, size, size, size),
            across: Weights::default(),
            down: Weights::default(),
            ring: Vec::new(),
            stride: 0,
            ring_first: 0,
            ring_rows: 0,
            done: 0,
            row: Vec::new(),
        }
    }

    /// Begins a photo that is placed like this.
    pub(super) fn start(&mut self, place: Placement, filter: Filter) {
        self.place = place;
        self.across.prepare(filter, place.width, place.scaled_width);
        self.down.prepare(filter, place.height, place.scaled_height);
        self.stride = (3 * place.scaled_width as usize).next_multiple_of(STEP_BYTES);
        // twice the window, so that rows are moved to the front only once in a window
        let rows = self.down.widest() * 2 + 2 * GROUP_ROWS;
        if filter != Filter::Nearest {
            self.ring.resize(rows * self.stride, 0);
            self.row.resize(self.stride, 0);
        }
        (self.ring_first, self.ring_rows, self.done) = (0, 0, 0);
        if place.leaves_border(self.size) {
            self.planes.fill(0);
        }
    }

    /// Takes the rows of a group that lie inside the placement.
    pub(super) fn group(
        &mut self,
        simd: bool,
        first_row: u32,
        rgb: &[u8],
        row_bytes: usize,
        turned: &mut Turned,
    ) {
        let place = self.place;
        let end_row = (first_row + (rgb.len() / row_bytes) as u32).min(place.top + place.height);
        let from_row = first_row.max(place.top);
        if from_row >= end_row {
            return;
        }
        let used = &rgb[(from_row - first_row) as usize * row_bytes..];
        let count = (end_row - from_row) as usize;
        let columns = place.left as usize * 3..(place.left + place.width) as usize * 3;
        // a short group repeats its last row; what comes of it is not counted
        let rows: [&[u8]; GROUP_ROWS] = std::array::from_fn(|row| {
            &used[row.min(count - 1) * row_bytes..][..row_bytes][columns.clone()]
        });
        self.make_room();
        let room = &mut self.ring[self.ring_rows * self.stride..][..GROUP_ROWS * self.stride];
        kernels::horizontal(simd, &rows, &self.across, turned, room, self.stride);
        self.ring_rows += count;
        self.finish_rows(simd);
    }

    /// Moves the rows that are still needed to the front where a group has no room behind them.
    fn make_room(&mut self) {
        if (self.ring_rows + GROUP_ROWS) * self.stride <= self.ring.len() {
            return;
        }
        let needed = self.down.windows().get(self.done).map(|window| window.start);
        let drop = needed.map_or(self.ring_rows, |start| start - self.ring_first);
        let drop = drop.min(self.ring_rows);
        self.ring.copy_within(drop * self.stride..self.ring_rows * self.stride, 0);
        self.ring_first += drop;
        self.ring_rows -= drop;
    }

    /// Makes every target row whose window has arrived.
    fn finish_rows(&mut self, simd: bool) {
        let available = self.ring_first + self.ring_rows;
        let width = self.place.scaled_width as usize;
        while let Some(window) = self.down.windows().get(self.done) {
            if window.end > available {
                break;
            }
            let source = &self.ring[(window.start - self.ring_first) * self.stride..];
            kernels::vertical(simd, source, self.stride, self.down.taps(window), &mut self.row);
            let y = self.place.y as usize + self.done;
            let size = self.size as usize;
            for (channel, values) in self.row.chunks_exact(width).take(3).enumerate() {
                let at = (channel * size + y) * size + self.place.x as usize;
                self.planes[at..at + width].copy_from_slice(values);
            }
            self.done += 1;
        }
    }

    /// Nearest: takes the pixels of one row wherever they are wanted.
    pub(super) fn pick(&mut self, row: u32, pixels: &[u8]) {
        let place = self.place;
        let size = self.size as usize;
        let Some(used) = row.checked_sub(place.top) else { return };
        let pixels = &pixels[place.left as usize * 3..][..place.width as usize * 3];
        while let Some(window) = self.down.windows().get(self.done) {
            if window.start != used as usize {
                break;
            }
            let at = (place.y as usize + self.done) * size + place.x as usize;
            for (x, window) in self.across.windows().iter().enumerate() {
                for (channel, &value) in pixels[window.start * 3..][..3].iter().enumerate() {
                    self.planes[channel * size * size + at + x] = value;
                }
            }
            self.done += 1;
        }
    }

    /// Bytes kept for later photos, the planes not counted.
    pub(super) fn scratch_bytes(&self) -> usize {
        let weights = self.across.capacity_bytes() + self.down.capacity_bytes();
        self.ring.capacity() + self.row.capacity() + weights
    }

    /// Frees what [`Square::scratch_bytes`] counts.
    pub(super) fn give_back(&mut self) {
        self.ring = Vec::new();
        self.row = Vec::new();
        self.across = Weights::default();
        self.down = Weights::default();
    }
}
