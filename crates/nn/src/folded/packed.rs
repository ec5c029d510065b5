//! Weights of a product, in the order in which they are read.

use super::fold::Weights;
use super::lines::BLOCK;
use super::lines::Lines;

/// Output channels whose weights lie side by side: two vectors of AVX-512.
pub(super) const PANEL: usize = 2 * BLOCK;

/// How the inputs of a window are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By blocks of channels: (block, row, column, channel of the block).
    Blocked,
    /// Channels are planes of their own: (channel, row, column). For the three of a photo.
    Planar,
}

/// Weights in the order in which [`super::product::run`] reads them: panels of output channels, in each the inputs of a window, for
/// each the [`PANEL`] outputs (in the last panel maybe one [`BLOCK`]).
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) numbers: Lines,
    /// Padded to whole blocks.
    pub(super) bias: Lines,
    /// `[outputs, inputs, rows, columns]`
    pub(super) shape: [usize; 4],
    /// How the inputs are numbered.
    pub(super) order: Order,
}

impl Packed {
    /// Packs weights of this shape.
    pub(super) fn new(weights: &Weights, shape: [usize; 4], order: Order) -> Packed {
        let [outputs, inputs, rows, columns] = shape;
        let depth = inputs * rows * columns;
        let padded = outputs.next_multiple_of(BLOCK);
        let (mut numbers, mut bias) = (Lines::zeros(padded * depth), Lines::zeros(padded));
        bias.numbers_mut()[..outputs].copy_from_slice(&weights.bias);
        let mut places = Vec::with_capacity(depth);
        match order {
            Order::Planar => places.extend(0..depth),
            Order::Blocked => {
                for first in (0..inputs).step_by(BLOCK) {
                    for place in 0..rows * columns {
                        let channels = first..inputs.min(first + BLOCK);
                        places.extend(channels.map(|channel| channel * rows * columns + place));
                    }
                }
            }
        }
        let panels = numbers.numbers_mut().chunks_mut(PANEL * depth);
        for (panel, first) in panels.zip((0..outputs).step_by(PANEL)) {
            let width = PANEL.min(padded - first);
            let lanes = width.min(outputs - first);
            for (row, place) in panel.chunks_exact_mut(width).zip(&places) {
                for (lane, number) in row[..lanes].iter_mut().enumerate() {
                    *number = weights.kernel[(first + lane) * depth + place];
                }
            }
        }
        Packed { numbers, bias, shape, order }
    }

    /// Inputs of a window.
    pub(super) fn depth(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// How many panels there are.
    pub(super) fn panels(&self) -> usize {
        self.shape[0].div_ceil(PANEL)
    }

    /// Blocks of output channels.
    pub(super) fn blocks(&self) -> usize {
        self.shape[0].div_ceil(BLOCK)
    }

    /// Output channels of a panel, those that only fill a block among them.
    pub(super) fn width(&self, panel: usize) -> usize {
        PANEL.min(self.blocks() * BLOCK - panel * PANEL)
    }

    /// Where the numbers of a window lie, from its first one on, in an image whose channels (or blocks of them)
    /// are `plane` numbers apart and whose rows `row`.
    pub(super) fn runs(&self, plane: usize, row: usize) -> Runs {
        let [_, inputs, rows, columns] = self.shape;
        let mut runs =
            Runs { full: Vec::new(), full_count: BLOCK, rest: Vec::new(), rest_count: 0, reach: 0 };
        match self.order {
            Order::Planar => {
                runs.full_count = columns;
                for channel in 0..inputs {
                    runs.full.extend((0..rows).map(|r| channel * plane + r * row));
                }
            }
            Order::Blocked => {
                runs.rest_count = inputs % BLOCK;
                for block in 0..inputs.div_ceil(BLOCK) {
                    let to = if block < inputs / BLOCK { &mut runs.full } else { &mut runs.rest };
                    for place in 0..rows * columns {
                        to.push(block * plane + place / columns * row + place % columns * BLOCK);
                    }
                }
            }
        }
        runs.with_reach()
    }
}

/// Where the numbers of a window lie, in the order of the weights: runs of `full_count`, then of `rest_count`.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    pub(super) full: Vec<usize>,
    pub(super) full_count: usize,
    pub(super) rest: Vec<usize>,
    pub(super) rest_count: usize,
    /// How far the end of a window lies from its first number.
    pub(super) reach: usize,
}

impl Runs {
    fn with_reach(mut self) -> Runs {
        let last = |runs: &[usize], count: usize| runs.iter().max().map_or(0, |last| last + count);
        self.reach = last(&self.full, self.full_count).max(last(&self.rest, self.rest_count));
        self
    }
}
