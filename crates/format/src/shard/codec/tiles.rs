//! The shared nouns of both directions: shape, tiles, classes and the class map.

use super::CodecError;

/// Rows and columns of a full tile; tiles at the right and lower edge are cut off.
pub const TILE: usize = 8;
/// Pixels of a full tile.
pub(super) const TILE_PIXELS: usize = TILE * TILE;
/// Largest height and width that a frame may have.
pub const MAX_SIDE: u32 = 4096;

/// Bytes in front of the class map: format, two colour coefficients, zero.
pub(super) const HEADER_BYTES: usize = 4;
/// First content byte of every frame of this format.
pub(super) const FORMAT: u8 = 1;

/// Classes with one residual a byte, quiet to busy.
pub(super) const WIDE_CLASSES: usize = 2;
/// Classes of one plane's tile with two residuals a byte.
pub(super) const HALF_CLASSES: usize = 2;
/// Classes of two chroma tiles with both planes' residuals in one byte.
pub(super) const PAIR_CLASSES: usize = 2;
/// First stream of the pairs.
pub(super) const PAIR_STREAM: usize = WIDE_CLASSES + HALF_CLASSES;
/// All classes that own bytes, in the order of their streams.
pub(super) const STREAMS: usize = WIDE_CLASSES + HALF_CLASSES + PAIR_CLASSES;

/// What one plane's tile can be: zero, one of the wide classes, one of the half classes.
pub(super) const PLANE_CODES: u8 = 1 + (WIDE_CLASSES + HALF_CLASSES) as u8;
/// First chroma code that stands for a pair; below it, a code is `5·red + blue`.
pub(super) const FIRST_PAIR: u8 = PLANE_CODES * PLANE_CODES;
/// What the chroma tiles of one place can be.
pub(super) const CHROMA_CODES: u8 = FIRST_PAIR + PAIR_CLASSES as u8;
/// What the tiles of one place can be: its byte of the class map is `27·luma + chroma`.
pub(super) const PLACE_CODES: u8 = PLANE_CODES * CHROMA_CODES;

/// Height and width of a three-channel tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// Rows, 1 to [`MAX_SIDE`].
    pub height: u32,
    /// Columns, 1 to [`MAX_SIDE`].
    pub width: u32,
}

impl TensorShape {
    /// Checks that both sides lie in 1 to [`MAX_SIDE`].
    ///
    /// # Errors
    /// [`CodecError::Shape`] otherwise.
    pub fn new(height: u32, width: u32) -> Result<Self, CodecError> {
        let sides = 1..=MAX_SIDE;
        if sides.contains(&height) && sides.contains(&width) {
            Ok(Self { height, width })
        } else {
            Err(CodecError::Shape { height, width })
        }
    }

    /// Pixels of one plane.
    pub fn plane_pixels(self) -> usize {
        self.rows() * self.columns()
    }

    /// Bytes of the u8 tensor `[3, height, width]`.
    pub fn tensor_bytes(self) -> usize {
        3 * self.plane_pixels()
    }

    /// No content of this shape is longer: header, map and every residual in its own byte.
    pub fn max_content_bytes(self) -> usize {
        HEADER_BYTES + self.tile_count() + self.tensor_bytes()
    }

    pub(super) fn rows(self) -> usize {
        self.height as usize
    }

    pub(super) fn columns(self) -> usize {
        self.width as usize
    }

    /// Tiles from left to right.
    pub(super) fn tile_columns(self) -> usize {
        self.columns().div_ceil(TILE)
    }

    /// Tiles of one plane.
    pub(super) fn tile_count(self) -> usize {
        self.rows().div_ceil(TILE) * self.tile_columns()
    }

    /// All tiles, row by row from the upper left.
    pub(super) fn tiles(self) -> impl Iterator<Item = Tile> {
        let (rows, columns) = (self.rows(), self.columns());
        (0..rows).step_by(TILE).flat_map(move |y| {
            (0..columns).step_by(TILE).map(move |x| Tile {
                y,
                x,
                height: TILE.min(rows - y),
                width: TILE.min(columns - x),
            })
        })
    }
}

/// One tile's place and size in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub(super) y: usize,
    pub(super) x: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Tile {
    pub(super) fn is_full(self) -> bool {
        self.height == TILE && self.width == TILE
    }

    pub(super) fn pixels(self) -> usize {
        self.height * self.width
    }
}

/// What stands in a stream for one tile of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Nothing: all residuals are zero.
    Zero,
    /// One byte a residual, row by row.
    Wide(usize),
    /// Two residuals a byte: the low half of byte i is residual i, its high half residual
    /// i + ⌈n/2⌉.
    Half(usize),
}

impl Coding {
    /// The coding of a plane code below [`PLANE_CODES`].
    pub(super) const fn of_plane_code(code: u8) -> Self {
        match (code as usize).checked_sub(1) {
            None => Self::Zero,
            Some(class) if class < WIDE_CLASSES => Self::Wide(class),
            Some(class) => Self::Half(class),
        }
    }

    /// Stream that holds it and its length there in bytes, for a tile of so many pixels.
    pub(super) fn stream_bytes(self, pixels: usize) -> Option<(usize, usize)> {
        match self {
            Self::Zero => None,
            Self::Wide(stream) => Some((stream, pixels)),
            Self::Half(stream) => Some((stream, pixels.div_ceil(2))),
        }
    }
}

/// What stands in the streams for the two chroma tiles of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChromaCoding {
    /// Each plane's tile for itself: R−G, then B−G.
    Single(Coding, Coding),
    /// One byte a pixel: the low half is R−G's residual, the high half B−G's.
    Pair(usize),
}

/// What stands in the streams for the tiles of one place, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceCoding {
    pub(super) luma: Coding,
    pub(super) chroma: ChromaCoding,
}

impl PlaceCoding {
    /// The coding of a map byte below [`PLACE_CODES`].
    pub(super) const fn of_code(code: u8) -> Self {
        let (luma, chroma) = (code / CHROMA_CODES, code % CHROMA_CODES);
        let chroma = match chroma.checked_sub(FIRST_PAIR) {
            Some(class) => ChromaCoding::Pair(PAIR_STREAM + class as usize),
            None => ChromaCoding::Single(
                Coding::of_plane_code(chroma / PLANE_CODES),
                Coding::of_plane_code(chroma % PLANE_CODES),
            ),
        };
        Self { luma: Coding::of_plane_code(luma), chroma }
    }

    fn add_bytes(self, lengths: &mut [isize; STREAMS], pixels: usize, times: isize) {
        let mut add = |coding: Coding| {
            if let Some((stream, bytes)) = coding.stream_bytes(pixels) {
                lengths[stream] += times * bytes as isize;
            }
        };
        add(self.luma);
        match self.chroma {
            ChromaCoding::Single(red, blue) => {
                add(red);
                add(blue);
            }
            ChromaCoding::Pair(stream) => lengths[stream] += times * pixels as isize,
        }
    }
}

/// Where each stream begins in the content, and where the last one ends.
///
/// # Errors
/// [`CodecError::Class`] for a map byte that does not exist.
pub(super) fn stream_starts(
    shape: TensorShape,
    map: &[u8],
) -> Result<[usize; STREAMS + 1], CodecError> {
    let mut counts = [0isize; 256];
    for &code in map {
        counts[usize::from(code)] += 1;
    }
    if let Some(code) = (PLACE_CODES..=255).find(|&code| counts[usize::from(code)] > 0) {
        return Err(CodecError::Class { code });
    }
    let mut lengths = [0isize; STREAMS];
    for (code, &count) in (0..PLACE_CODES).zip(&counts) {
        if count > 0 {
            PlaceCoding::of_code(code).add_bytes(&mut lengths, TILE_PIXELS, count);
        }
    }
    if !shape.rows().is_multiple_of(TILE) || !shape.columns().is_multiple_of(TILE) {
        for (tile, &code) in shape.tiles().zip(map).filter(|(tile, _)| !tile.is_full()) {
            let coding = PlaceCoding::of_code(code);
            coding.add_bytes(&mut lengths, TILE_PIXELS, -1);
            coding.add_bytes(&mut lengths, tile.pixels(), 1);
        }
    }
    let mut starts = [HEADER_BYTES + map.len(); STREAMS + 1];
    for stream in 0..STREAMS {
        starts[stream + 1] = starts[stream] + lengths[stream].unsigned_abs();
    }
    Ok(starts)
}
