//! Content to residuals, step by step of the wavefront: takes the tiles out of their streams, puts luma's
//! share back, and spreads them over the blocks of their group.

use std::arch::x86_64::*;

use super::avx512::{Line, load, look_up_byte, store};
use super::predictor::luma_share;
use super::steps::{GROUP_DELAY, GROUPS, StepPlanes};
use super::tile_reader::Streams;
use super::tiles::{
    ChromaCoding, Coding, PLACE_CODES, PlaceCoding, STREAMS, TILE, TILE_PIXELS, TensorShape, Tile,
};

/// How the bytes of a tile become residuals: in place, or a residual from each half of a byte.
struct Unpacking {
    /// The eight bytes that each eight residuals are made of.
    words: Line,
    /// Bits by which each residual is moved within them.
    shifts: Line,
    /// Where whole bytes are residuals.
    wide: u64,
}

const fn shifts(first: [u8; 8]) -> Line {
    let mut line = [0; 64];
    let mut i = 0;
    while i < 64 {
        line[i] = (8 * (i % 8)) as u8 + first[i / 8];
        i += 1;
    }
    Line(line)
}

const fn words(words: [u8; 8]) -> Line {
    let mut line = [0; 64];
    let mut i = 0;
    while i < 8 {
        line[8 * i] = words[i];
        i += 1;
    }
    Line(line)
}

/// How one plane's tile is read: without a branch, because the classes of neighbours differ.
#[derive(Clone, Copy)]
struct Source {
    stream: u8,
    /// Bytes of a full tile by which the stream moves on.
    bytes: u8,
    /// Bytes of a full tile by which it is read again: B−G's halves lie in the bytes of R−G's.
    back: u8,
    /// Index into [`UNPACKINGS`].
    unpacking: u8,
}

const WIDE: u8 = 0;
const HALF: u8 = 1;
const PAIR_LOW: u8 = 2;
const PAIR_HIGH: u8 = 3;

impl Source {
    const fn of(coding: Coding) -> Self {
        let (stream, bytes, unpacking) = match coding {
            // reads the zeros behind the content
            Coding::Zero => (STREAMS, 0, WIDE),
            Coding::Wide(stream) => (stream, TILE_PIXELS, WIDE),
            Coding::Half(stream) => (stream, TILE_PIXELS / 2, HALF),
        };
        Self { stream: stream as u8, bytes: bytes as u8, back: 0, unpacking }
    }

    /// Sources of G, R−G and B−G, in the order in which they are read.
    const fn of_place(coding: PlaceCoding) -> [Self; 3] {
        let luma = Self::of(coding.luma);
        match coding.chroma {
            ChromaCoding::Single(red, blue) => [luma, Self::of(red), Self::of(blue)],
            ChromaCoding::Pair(stream) => {
                let (stream, bytes) = (stream as u8, TILE_PIXELS as u8);
                let red = Self { stream, bytes, back: 0, unpacking: PAIR_LOW };
                [luma, red, Self { stream, bytes: 0, back: bytes, unpacking: PAIR_HIGH }]
            }
        }
    }
}

/// The sources of each map byte; those that do not exist are refused before.
static PLACE_SOURCES: [[Source; 3]; 256] = {
    let mut sources = [[Source::of(Coding::Zero); 3]; 256];
    let mut code = 0;
    while code < PLACE_CODES {
        sources[code as usize] = Source::of_place(PlaceCoding::of_code(code));
        code += 1;
    }
    sources
};

/// By [`Source::unpacking`].
static UNPACKINGS: [Unpacking; 4] = [
    Unpacking { words: words([0, 1, 2, 3, 4, 5, 6, 7]), shifts: shifts([0; 8]), wide: u64::MAX },
    Unpacking {
        words: words([0, 1, 2, 3, 0, 1, 2, 3]),
        shifts: shifts([0, 0, 0, 0, 4, 4, 4, 4]),
        wide: 0,
    },
    Unpacking { words: words([0, 1, 2, 3, 4, 5, 6, 7]), shifts: shifts([0; 8]), wide: 0 },
    Unpacking { words: words([0, 1, 2, 3, 4, 5, 6, 7]), shifts: shifts([4; 8]), wide: 0 },
];

/// Signed value of the lower half of a byte, for every six bits.
static HALVES: Line = {
    let mut line = [0; 64];
    let mut i = 0;
    while i < 64 {
        line[i] = ((i as u8 & 15) ^ 8).wrapping_sub(8);
        i += 1;
    }
    Line(line)
};

/// Where a block's bytes come from: byte 8s + i, which is step s of lane i, is column s − 2i of row i. As
/// indices into (this tile, the one before), and below it into the one before that.
static SPREAD: Line = spread(false);
static SPREAD_LAST: Line = spread(true);
/// The bytes that the tile two before gives.
const FROM_LAST: u64 = {
    let mut mask = 0;
    let mut i = 0;
    while i < 64 {
        if i / 8 + 8 < 2 * (i % 8) {
            mask |= 1 << i;
        }
        i += 1;
    }
    mask
};

const fn spread(last: bool) -> Line {
    let mut line = [0; 64];
    let mut i = 0;
    while i < 64 {
        let (step, lane) = (i / 8, i % 8);
        let column = step + 16 - 2 * lane;
        line[i] = match column / 8 {
            2 => 8 * lane + column % 8,
            1 => 64 + 8 * lane + column % 8,
            _ if last => 8 * lane + column % 8,
            _ => 0,
        } as u8;
        i += 1;
    }
    Line(line)
}

/// Spreads all tiles; what they say has been checked.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn fill(planes: &mut StepPlanes, streams: Streams<'_>) {
    let shares = streams.coefficients.map(|coefficient| {
        std::array::from_fn::<u8, 256, _>(|luma| luma_share(luma as u8, coefficient))
    });
    let shape = planes.shape;
    let (row_blocks, group_blocks) = (planes.row_blocks(), planes.group_blocks());
    let (across, down) = (shape.tile_columns(), shape.rows().div_ceil(TILE));
    let (full_rows, full_columns) = (shape.rows() / TILE, shape.columns() / TILE);
    let mut next: Next = [0; 8];
    next[..=STREAMS].copy_from_slice(&streams.starts);
    let zero = _mm512_setzero_si512();
    let mut before = [[zero; 6]; GROUPS];
    for (row, map) in streams.map.chunks_exact(across).enumerate() {
        let (group, band) = (row % GROUPS, row / GROUPS);
        let start = group * group_blocks + band * row_blocks + GROUP_DELAY * group;
        // A tile reaches into the two blocks behind its own. Where the lane goes on at once, the tiles of
        // the next row fill them.
        let free = if row + GROUPS < down { row_blocks - across } else { GROUP_DELAY };
        let own = start..start + across + free.min(GROUP_DELAY);
        let [luma_out, red_out, blue_out] = planes.blocks_mut(own);
        let mut outs = luma_out.iter_mut().zip(red_out).zip(blue_out);
        let [mut luma_2, mut luma_1, mut red_2, mut red_1, mut blue_2, mut blue_1] = before[group];
        let full = if row < full_rows { full_columns } else { 0 };
        for (column, ((luma_out, red_out), blue_out)) in outs.by_ref().enumerate() {
            let (luma, mut red, mut blue);
            if column < full {
                let sources = &PLACE_SOURCES[usize::from(map[column])];
                luma = take(&streams, &mut next, &sources[0]);
                red = take(&streams, &mut next, &sources[1]);
                blue = take(&streams, &mut next, &sources[2]);
            } else if column < across {
                let sources = &PLACE_SOURCES[usize::from(map[column])];
                let tile = tile_at(shape, row, column);
                luma = take_edge(&streams, &mut next, &sources[0], tile);
                red = take_edge(&streams, &mut next, &sources[1], tile);
                blue = take_edge(&streams, &mut next, &sources[2], tile);
            } else {
                (luma, red, blue) = (zero, zero, zero);
            }
            if column < across {
                red = _mm512_add_epi8(red, look_up_byte(luma, &shares[0]));
                blue = _mm512_add_epi8(blue, look_up_byte(luma, &shares[1]));
            }
            store(&mut luma_out.0, spread_tile(luma, luma_1, luma_2));
            store(&mut red_out.0, spread_tile(red, red_1, red_2));
            store(&mut blue_out.0, spread_tile(blue, blue_1, blue_2));
            (luma_2, red_2, blue_2) = (luma_1, red_1, blue_1);
            (luma_1, red_1, blue_1) = (luma, red, blue);
        }
        before[group] = [luma_2, luma_1, red_2, red_1, blue_2, blue_1];
    }
}

/// Where each stream goes on; the last one is not used.
type Next = [usize; 8];

/// The residuals of a full tile, row by row.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn take(streams: &Streams<'_>, next: &mut Next, source: &Source) -> __m512i {
    let next = &mut next[usize::from(source.stream & 7)];
    let start = *next - usize::from(source.back);
    *next += usize::from(source.bytes);
    let bytes = streams.content[start..].first_chunk().expect("a tile's bytes lie before the end");
    let bytes = load(bytes);
    let unpacking = &UNPACKINGS[usize::from(source.unpacking & 3)];
    let words = _mm512_permutexvar_epi64(load(&unpacking.words.0), bytes);
    let moved = _mm512_multishift_epi64_epi8(load(&unpacking.shifts.0), words);
    let halves = _mm512_permutexvar_epi8(moved, load(&HALVES.0));
    _mm512_mask_blend_epi8(unpacking.wide, halves, bytes)
}

/// The block that ends a tile's share: of the tile, the one before it and the one before that.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn spread_tile(tile: __m512i, before: __m512i, last: __m512i) -> __m512i {
    let block = _mm512_permutex2var_epi8(tile, load(&SPREAD.0), before);
    _mm512_mask_permutexvar_epi8(block, FROM_LAST, load(&SPREAD_LAST.0), last)
}

fn tile_at(shape: TensorShape, row: usize, column: usize) -> Tile {
    let (y, x) = (row * TILE, column * TILE);
    Tile { y, x, height: TILE.min(shape.rows() - y), width: TILE.min(shape.columns() - x) }
}

/// [`take`] for a tile that is cut off; zeros stand outside the image.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline(never)]
fn take_edge(streams: &Streams<'_>, next: &mut Next, source: &Source, tile: Tile) -> __m512i {
    let (pixels, half) = (tile.pixels(), tile.pixels().div_ceil(2));
    let (length, back) = match source.unpacking {
        PAIR_HIGH => (0, pixels),
        HALF => (half, 0),
        _ if source.bytes == 0 => (0, 0),
        _ => (pixels, 0),
    };
    let start = next[usize::from(source.stream)] - back;
    next[usize::from(source.stream)] = start + back + length;
    let bytes = &streams.content[start..][..TILE_PIXELS];
    let low = |byte: u8| HALVES.0[usize::from(byte & 15)];
    let mut residuals = [0; TILE_PIXELS];
    for i in 0..pixels {
        residuals[i / tile.width * TILE + i % tile.width] = match source.unpacking {
            PAIR_LOW => low(bytes[i]),
            PAIR_HIGH => low(bytes[i] >> 4),
            HALF if i < half => low(bytes[i]),
            HALF => low(bytes[i - half] >> 4),
            _ => bytes[i],
        };
    }
    load(&residuals)
}
