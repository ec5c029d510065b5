//! Residuals to content: puts the tiles into their streams.

use super::kernels::get_rows;
use super::tiles::{ChromaCoding, Coding, PlaceCoding, STREAMS, TILE_PIXELS, TensorShape, Tile};

/// Writes all tiles behind the map; `starts` says where each stream begins in `content`.
#[inline(always)]
pub(super) fn write_tiles(
    shape: TensorShape,
    map: &[u8],
    residuals: &[Vec<u8>; 3],
    starts: [usize; STREAMS + 1],
    content: &mut [u8],
) {
    let mut writer = StreamWriter { content, next: starts, width: shape.columns() };
    let [g, red, blue] = residuals;
    for (tile, &code) in shape.tiles().zip(map) {
        let coding = PlaceCoding::of_code(code);
        writer.single(tile, coding.luma, g);
        match coding.chroma {
            ChromaCoding::Single(first, second) => {
                writer.single(tile, first, red);
                writer.single(tile, second, blue);
            }
            ChromaCoding::Pair(stream) => writer.pair(tile, stream, red, blue),
        }
    }
}

/// Where each stream goes on.
struct StreamWriter<'a> {
    content: &'a mut [u8],
    next: [usize; STREAMS + 1],
    width: usize,
}

impl StreamWriter<'_> {
    #[inline(always)]
    fn take(&mut self, stream: usize, bytes: usize) -> &mut [u8] {
        let start = self.next[stream];
        self.next[stream] = start + bytes;
        &mut self.content[start..start + bytes]
    }

    #[inline(always)]
    fn single(&mut self, tile: Tile, coding: Coding, residuals: &[u8]) {
        let Some((stream, bytes)) = coding.stream_bytes(tile.pixels()) else { return };
        let width = self.width;
        let out = self.take(stream, bytes);
        let cut = cut(residuals, width, tile);
        if tile.is_full() {
            let (low, high) = cut.split_at(TILE_PIXELS / 2);
            match coding {
                Coding::Half(_) => join_halves(low, high, &mut out[..TILE_PIXELS / 2]),
                _ => out[..TILE_PIXELS].copy_from_slice(&cut),
            }
        } else {
            match coding {
                // behind the last residual of an odd number follows a zero
                Coding::Half(_) => join_halves(&cut[..bytes], &cut[bytes..], out),
                _ => out.copy_from_slice(&cut[..bytes]),
            }
        }
    }

    #[inline(always)]
    fn pair(&mut self, tile: Tile, stream: usize, red: &[u8], blue: &[u8]) {
        let (red, blue) = (cut(red, self.width, tile), cut(blue, self.width, tile));
        let out = self.take(stream, tile.pixels());
        if tile.is_full() {
            join_halves(&red, &blue, &mut out[..TILE_PIXELS]);
        } else {
            join_halves(&red, &blue, out);
        }
    }
}

/// The residuals of a tile row by row, zeros behind them.
#[inline(always)]
fn cut(plane: &[u8], width: usize, tile: Tile) -> [u8; TILE_PIXELS] {
    let plane = &plane[tile.y * width + tile.x..];
    if tile.is_full() { get_rows(plane, width) } else { cut_edge(plane, width, tile) }
}

#[inline(never)]
fn cut_edge(plane: &[u8], width: usize, tile: Tile) -> [u8; TILE_PIXELS] {
    let mut bytes = [0; TILE_PIXELS];
    for (y, row) in bytes.chunks_exact_mut(tile.width).take(tile.height).enumerate() {
        row.copy_from_slice(&plane[y * width..][..tile.width]);
    }
    bytes
}

#[inline(always)]
fn join_halves(low: &[u8], high: &[u8], out: &mut [u8]) {
    let (low, high) = (&low[..out.len()], &high[..out.len()]);
    for i in 0..out.len() {
        out[i] = (low[i] & 15) | (high[i] << 4);
    }
}
