//! Loops over slices of float32, row-major, which the operations and the folded network are made of.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`buffer`] | memory that is used again |
//! | [`depthwise`] | windows over one channel |
//! | [`patches`] | windows over all channels as the columns of a matrix, and back |
//! | [`pixels`] | activations, BatchNorm and sums over numbers that lie side by side |
//! | [`product`] | matrix products |
//!
//! Sums are taken in an order that depends on shapes only, so that results are the same bits whatever the
//! threads.

pub(crate) mod buffer;
pub(crate) mod depthwise;
pub(crate) mod patches;
pub(crate) mod pixels;
pub(crate) mod product;

use crate::spec::{Sides, windows};

/// Runs a loop with the widest vectors that this CPU has. The closure, and what it calls, must be inlined to
/// gain by it.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    /// pulp takes a value with a method, not a closure.
    struct Work<F>(F);

    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Work<F> {
        type Output = R;

        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }

    pulp::Arch::new().dispatch(Work(work))
}

/// Windows over images of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Height and width of an image.
    pub(crate) image: [usize; 2],
    /// Rows and columns of a window.
    pub(crate) kernel: [usize; 2],
    /// Step in both directions.
    pub(crate) stride: usize,
    /// What lies around the image.
    pub(crate) sides: Sides,
    /// Height and width of what comes out.
    pub(crate) output: [usize; 2],
}

impl Geometry {
    /// `None` where not one window fits.
    pub(crate) fn new(
        image: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        sides: Sides,
    ) -> Option<Geometry> {
        if stride == 0 || kernel.contains(&0) {
            return None;
        }
        let output = windows(image, kernel, stride, sides)?;
        Some(Geometry { image, kernel, stride, sides, output })
    }

    /// Pixels that go in.
    pub(crate) fn pixels(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Pixels that come out.
    pub(crate) fn output_pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Numbers of a window in one channel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The pixels of a row that a window's `column` meets as it goes along: first place in the output, one
    /// after the last, and the pixel of the first.
    pub(crate) fn inside(&self, column: usize) -> (usize, usize, usize) {
        let (left, width, stride) = (self.sides.left, self.image[1], self.stride);
        let first = left.saturating_sub(column).div_ceil(stride).min(self.output[1]);
        let end = (width + left).saturating_sub(column).div_ceil(stride).min(self.output[1]);
        (first, end.max(first), (first * stride + column).saturating_sub(left))
    }

    /// The row of the image that `row` of the window at place `output` meets.
    pub(crate) fn row(&self, output: usize, row: usize) -> Option<usize> {
        let row = (output * self.stride + row).checked_sub(self.sides.top)?;
        (row < self.image[0]).then_some(row)
    }
}
