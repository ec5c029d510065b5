//! What is put around an image, and how many windows then fit.

/// Rows and columns put around an image before its windows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// As many above as below, as many left as right.
    Symmetric([usize; 2]),
    /// TensorFlow's `SAME`: ⌈size / stride⌉ windows; of what that needs the smaller half above and left.
    Same,
    /// One row below and one column right, whatever the size.
    RightBottom,
}

/// Rows and columns around an image, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sides {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns left.
    pub left: usize,
    /// Columns right.
    pub right: usize,
}

impl Padding {
    /// No padding.
    pub const NONE: Padding = Padding::Symmetric([0, 0]);

    /// The sides for an image of this height and width.
    pub fn sides(self, image: [usize; 2], kernel: [usize; 2], stride: usize) -> Sides {
        match self {
            Padding::Symmetric([rows, columns]) => {
                Sides { top: rows, bottom: rows, left: columns, right: columns }
            }
            Padding::Same => {
                let of = |size: usize, kernel: usize| {
                    let all = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
                    (all / 2, all - all / 2)
                };
                let ((top, bottom), (left, right)) =
                    (of(image[0], kernel[0]), of(image[1], kernel[1]));
                Sides { top, bottom, left, right }
            }
            Padding::RightBottom => Sides { top: 0, bottom: 1, left: 0, right: 1 },
        }
    }
}

/// Height and width of what windows give; `None` where not one fits.
pub fn windows(
    image: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    sides: Sides,
) -> Option<[usize; 2]> {
    let of = |size: usize, kernel: usize| Some(size.checked_sub(kernel)? / stride + 1);
    let height = of(image[0] + sides.top + sides.bottom, kernel[0])?;
    Some([height, of(image[1] + sides.left + sides.right, kernel[1])?])
}
