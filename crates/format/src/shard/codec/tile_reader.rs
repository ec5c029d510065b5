//! Content to residuals: takes the tiles out of their streams and spreads them over the lanes.

use super::CodecError;
use super::kernels::{SimdLevel, put_rows};
use super::lanes::PlaneLanes;
use super::tiles::{
    ChromaCoding, Coding, FORMAT, HEADER_BYTES, PLACE_CODES, PlaceCoding, STREAMS, TILE_PIXELS,
    TensorShape, Tile, stream_starts,
};

/// What a frame's content says, checked.
#[derive(Clone, Copy)]
pub(super) struct Streams<'a> {
    /// The content, zeros for one tile behind it.
    pub(super) content: &'a [u8],
    pub(super) map: &'a [u8],
    /// Where each stream begins; behind the last one that of the zero tiles, which read zeros.
    pub(super) starts: [usize; STREAMS + 1],
    /// Luma's coefficients for R−G and B−G.
    pub(super) coefficients: [i8; 2],
}

impl<'a> Streams<'a> {
    /// Checks the first `length` bytes of `content`.
    ///
    /// # Errors
    /// [`CodecError::Format`], [`CodecError::Class`], [`CodecError::ContentLength`].
    pub(super) fn new(
        shape: TensorShape,
        content: &'a [u8],
        length: usize,
    ) -> Result<Self, CodecError> {
        let body = HEADER_BYTES + shape.tile_count();
        if length < body {
            return Err(CodecError::ContentLength { expected: body, got: length });
        }
        if content[0] != FORMAT || content[3] != 0 {
            return Err(CodecError::Format { got: [content[0], content[3]] });
        }
        let map = &content[HEADER_BYTES..body];
        let mut starts = stream_starts(shape, map)?;
        if length != starts[STREAMS] {
            return Err(CodecError::ContentLength { expected: starts[STREAMS], got: length });
        }
        starts[STREAMS] = content.len() - TILE_PIXELS;
        Ok(Self { content, map, starts, coefficients: [content[1] as i8, content[2] as i8] })
    }
}

/// Spreads a frame's residuals over the lanes.
pub(super) fn fill_lanes(
    level: SimdLevel,
    tiles: &[(Tile, usize)],
    lane_bytes: usize,
    streams: Streams<'_>,
    planes: &mut [PlaneLanes; 3],
) {
    let Streams { content, map, starts, .. } = streams;
    level.run(
        #[inline(always)]
        || {
            let mut filler = Filler { content, next: starts, lane_bytes };
            for (&(tile, at), &code) in tiles.iter().zip(map) {
                let [g, red, blue] = planes;
                let sources = &PLACE_SOURCES[usize::from(code)];
                filler.single(tile, at, &sources.luma, &mut g.bytes);
                match &sources.chroma {
                    ChromaSource::Pair(stream) => {
                        let stream = usize::from(*stream);
                        filler.pair(tile, at, stream, &mut red.bytes, &mut blue.bytes);
                    }
                    ChromaSource::Single(first, second) => {
                        filler.single(tile, at, first, &mut red.bytes);
                        filler.single(tile, at, second, &mut blue.bytes);
                    }
                }
            }
        },
    );
}

/// How one plane's tile is read: without a branch, because the classes of neighbours differ.
#[derive(Clone, Copy)]
struct Source {
    stream: u8,
    /// Bytes of a full tile.
    bytes: u8,
    /// 0xff where a byte is a residual, 0 where it is two.
    wide: u8,
}

#[derive(Clone, Copy)]
enum ChromaSource {
    Single(Source, Source),
    Pair(u8),
}

#[derive(Clone, Copy)]
struct PlaceSources {
    luma: Source,
    chroma: ChromaSource,
}

impl Source {
    const fn of(coding: Coding) -> Self {
        match coding {
            Coding::Zero => Self { stream: STREAMS as u8, bytes: 0, wide: 0 },
            Coding::Wide(stream) => {
                Self { stream: stream as u8, bytes: TILE_PIXELS as u8, wide: 0xff }
            }
            Coding::Half(stream) => {
                Self { stream: stream as u8, bytes: TILE_PIXELS as u8 / 2, wide: 0 }
            }
        }
    }
}

/// The sources of each map byte; those that do not exist are refused before.
static PLACE_SOURCES: [PlaceSources; 256] = {
    let zero = Source::of(Coding::Zero);
    let none = PlaceSources { luma: zero, chroma: ChromaSource::Single(zero, zero) };
    let mut sources = [none; 256];
    let mut code = 0;
    while code < PLACE_CODES {
        let coding = PlaceCoding::of_code(code);
        sources[code as usize] = PlaceSources {
            luma: Source::of(coding.luma),
            chroma: match coding.chroma {
                ChromaCoding::Pair(stream) => ChromaSource::Pair(stream as u8),
                ChromaCoding::Single(red, blue) => {
                    ChromaSource::Single(Source::of(red), Source::of(blue))
                }
            },
        };
        code += 1;
    }
    sources
};

/// Reads the streams in the order of the tiles.
struct Filler<'a> {
    content: &'a [u8],
    next: [usize; STREAMS + 1],
    lane_bytes: usize,
}

impl<'a> Filler<'a> {
    /// The next bytes of a stream; what lies behind them is read, too, and not used.
    #[inline(always)]
    fn take(&mut self, stream: usize, bytes: usize) -> &'a [u8; TILE_PIXELS] {
        let start = self.next[stream];
        self.next[stream] = start + bytes;
        self.content[start..].first_chunk().expect("a tile's bytes lie behind the content")
    }

    #[inline(always)]
    fn single(&mut self, tile: Tile, at: usize, source: &Source, lanes: &mut [u8]) {
        if !tile.is_full() {
            return self.single_at_edge(tile, at, source, lanes);
        }
        let bytes = self.take(usize::from(source.stream), usize::from(source.bytes));
        let (mut low, mut high) = ([0; TILE_PIXELS / 2], [0; TILE_PIXELS / 2]);
        split_halves(&bytes[..TILE_PIXELS / 2], &mut low, &mut high);
        let mut residuals = [0; TILE_PIXELS];
        for i in 0..TILE_PIXELS / 2 {
            residuals[i] = (bytes[i] & source.wide) | (low[i] & !source.wide);
            let other = i + TILE_PIXELS / 2;
            residuals[other] = (bytes[other] & source.wide) | (high[i] & !source.wide);
        }
        put_rows(&residuals, &mut lanes[at..], self.lane_bytes);
    }

    #[inline(always)]
    fn pair(&mut self, tile: Tile, at: usize, stream: usize, red: &mut [u8], blue: &mut [u8]) {
        let bytes = self.take(stream, tile.pixels());
        let (mut low, mut high) = ([0; TILE_PIXELS], [0; TILE_PIXELS]);
        split_halves(bytes, &mut low, &mut high);
        if tile.is_full() {
            put_rows(&low, &mut red[at..], self.lane_bytes);
            put_rows(&high, &mut blue[at..], self.lane_bytes);
        } else {
            put_edge(&low, tile, red, at, self.lane_bytes);
            put_edge(&high, tile, blue, at, self.lane_bytes);
        }
    }

    #[inline(never)]
    fn single_at_edge(&mut self, tile: Tile, at: usize, source: &Source, lanes: &mut [u8]) {
        let (pixels, half) = (tile.pixels(), tile.pixels().div_ceil(2));
        let length = if source.bytes == 0 {
            0
        } else if source.wide == 0 {
            half
        } else {
            pixels
        };
        let bytes = self.take(usize::from(source.stream), length);
        let (mut low, mut high) = ([0; TILE_PIXELS], [0; TILE_PIXELS]);
        split_halves(bytes, &mut low, &mut high);
        low[half..pixels].copy_from_slice(&high[..pixels - half]);
        put_edge(if source.wide == 0 { &low } else { bytes }, tile, lanes, at, self.lane_bytes);
    }
}

/// The two signed residuals of each byte.
#[inline(always)]
fn split_halves(bytes: &[u8], low: &mut [u8], high: &mut [u8]) {
    let low = &mut low[..bytes.len()];
    let high = &mut high[..bytes.len()];
    for i in 0..bytes.len() {
        low[i] = ((bytes[i] & 15) ^ 8).wrapping_sub(8);
        high[i] = ((bytes[i] >> 4) ^ 8).wrapping_sub(8);
    }
}

fn put_edge(residuals: &[u8], tile: Tile, lanes: &mut [u8], at: usize, lane_bytes: usize) {
    for (y, row) in residuals[..tile.pixels()].chunks(tile.width).enumerate() {
        lanes[at + y * lane_bytes..][..row.len()].copy_from_slice(row);
    }
}
