//! Both directions written plainly, pixel by pixel: what the fast paths are tested against.

use super::CodecError;
use super::tiles::{
    ChromaCoding, Coding, FORMAT, HEADER_BYTES, PlaceCoding, STREAMS, TensorShape, Tile,
    stream_starts,
};

/// Residual planes of one image, each row-major: G, R−G, B−G.
pub type Residuals = [Vec<u8>; 3];

/// Value that stands above the first row.
const ABOVE: u8 = 128;

/// Prediction of the pixel at (y, x) from the pixels before it in a row-major plane.
///
/// W + N − NW, limited to the range of W, N and NE. This is the limited gradient of MED
/// (Weinberger, Seroussi, Sapiro: LOCO-I, 1996) with NE taken into the range. At the left edge W
/// and NW are N, at the right edge NE is N; above the first row stands 128.
pub fn predict(plane: &[u8], width: usize, y: usize, x: usize) -> u8 {
    let above = |x: usize| if y == 0 { ABOVE } else { plane[(y - 1) * width + x] };
    let n = above(x);
    let w = if x == 0 { n } else { plane[y * width + x - 1] };
    let nw = if x == 0 { n } else { above(x - 1) };
    let ne = if x + 1 == width { n } else { above(x + 1) };
    let gradient = i32::from(w) + i32::from(n) - i32::from(nw);
    let (low, high) = (w.min(n).min(ne), w.max(n).max(ne));
    gradient.clamp(i32::from(low), i32::from(high)) as u8
}

/// Luma's share in a chroma residual: `(coefficient·luma + 4) >> 3` modulo 256, both taken as
/// signed bytes.
pub fn chroma_from_luma(luma: u8, coefficient: i8) -> u8 {
    ((i32::from(coefficient) * i32::from(luma as i8) + 4) >> 3) as u8
}

/// Planes G, R−G+128, B−G+128 (modulo 256) of a tensor `[3, height, width]` in the order R, G, B.
pub fn to_planes(shape: TensorShape, tensor: &[u8]) -> [Vec<u8>; 3] {
    let pixels = shape.plane_pixels();
    let (r, g, b) = (&tensor[..pixels], &tensor[pixels..2 * pixels], &tensor[2 * pixels..]);
    let minus_g = |plane: &[u8]| {
        plane.iter().zip(g).map(|(&v, &g)| v.wrapping_sub(g).wrapping_add(128)).collect()
    };
    [g.to_vec(), minus_g(r), minus_g(b)]
}

/// Residuals of all planes, with luma's share taken out of both chroma planes.
pub fn residuals(shape: TensorShape, tensor: &[u8], coefficients: [i8; 2]) -> Residuals {
    let (rows, columns) = (shape.rows(), shape.columns());
    let mut residuals = to_planes(shape, tensor).map(|plane| {
        let mut residual = vec![0; plane.len()];
        for y in 0..rows {
            for x in 0..columns {
                let at = y * columns + x;
                residual[at] = plane[at].wrapping_sub(predict(&plane, columns, y, x));
            }
        }
        residual
    });
    let [luma, red, blue] = &mut residuals;
    for (chroma, coefficient) in [(red, coefficients[0]), (blue, coefficients[1])] {
        for (own, &luma) in chroma.iter_mut().zip(luma.iter()) {
            *own = own.wrapping_sub(chroma_from_luma(luma, coefficient));
        }
    }
    residuals
}

/// Content bytes of an image whose classes and coefficients are given: the plain twin of the
/// encoder's transform.
///
/// # Errors
/// [`CodecError::Class`] for a code that does not exist.
pub fn to_content(
    shape: TensorShape,
    tensor: &[u8],
    coefficients: [i8; 2],
    map: &[u8],
) -> Result<Vec<u8>, CodecError> {
    let planes = residuals(shape, tensor, coefficients);
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    let cut = |plane: usize, tile: Tile| -> Vec<u8> {
        let width = shape.columns();
        (0..tile.pixels())
            .map(|i| planes[plane][(tile.y + i / tile.width) * width + tile.x + i % tile.width])
            .collect()
    };
    let mut put = |coding: Coding, cut: &[u8]| match coding {
        Coding::Zero => {}
        Coding::Wide(stream) => streams[stream].extend_from_slice(cut),
        Coding::Half(stream) => {
            let half = cut.len().div_ceil(2);
            streams[stream].extend(
                (0..half).map(|i| (cut[i] & 15) | (cut.get(i + half).copied().unwrap_or(0) << 4)),
            );
        }
    };
    let mut pairs: [Vec<u8>; STREAMS] = Default::default();
    stream_starts(shape, map)?;
    for (tile, &code) in shape.tiles().zip(map) {
        let coding = PlaceCoding::of_code(code);
        put(coding.luma, &cut(0, tile));
        let (red, blue) = (cut(1, tile), cut(2, tile));
        match coding.chroma {
            ChromaCoding::Single(first, second) => {
                put(first, &red);
                put(second, &blue);
            }
            ChromaCoding::Pair(stream) => {
                pairs[stream].extend(red.iter().zip(&blue).map(|(&r, &b)| (r & 15) | (b << 4)));
            }
        }
    }
    let mut content = vec![FORMAT, coefficients[0] as u8, coefficients[1] as u8, 0];
    content.extend_from_slice(map);
    for stream in streams.iter().chain(&pairs) {
        content.extend_from_slice(stream);
    }
    Ok(content)
}

/// The tensor `[3, height, width]` of one frame's content, written for reading, not for speed.
///
/// # Errors
/// [`CodecError::Format`], [`CodecError::Class`] or [`CodecError::ContentLength`], as the fast
/// decoder.
pub fn from_content(shape: TensorShape, content: &[u8]) -> Result<Vec<u8>, CodecError> {
    let body = HEADER_BYTES + shape.tile_count();
    if content.len() < body {
        return Err(CodecError::ContentLength { expected: body, got: content.len() });
    }
    if content[0] != FORMAT || content[3] != 0 {
        return Err(CodecError::Format { got: [content[0], content[3]] });
    }
    let coefficients = [content[1] as i8, content[2] as i8];
    let map = &content[HEADER_BYTES..body];
    let starts = stream_starts(shape, map)?;
    if content.len() != starts[STREAMS] {
        return Err(CodecError::ContentLength { expected: starts[STREAMS], got: content.len() });
    }
    let mut next = starts;
    let columns = shape.columns();
    let mut planes = [(); 3].map(|()| vec![0u8; shape.plane_pixels()]);
    let nibble = |byte: u8| ((byte & 15) ^ 8).wrapping_sub(8);
    let mut paste = |plane: usize, tile: Tile, i: usize, residual: u8| {
        planes[plane][(tile.y + i / tile.width) * columns + tile.x + i % tile.width] = residual;
    };
    let mut single = |next: &mut [usize], plane: usize, tile: Tile, coding: Coding| {
        let pixels = tile.pixels();
        if let Some((stream, bytes)) = coding.stream_bytes(pixels) {
            let cut = &content[next[stream]..next[stream] + bytes];
            next[stream] += bytes;
            for i in 0..pixels {
                let residual = match coding {
                    Coding::Half(_) if i >= bytes => nibble(cut[i - bytes] >> 4),
                    Coding::Half(_) => nibble(cut[i]),
                    _ => cut[i],
                };
                paste(plane, tile, i, residual);
            }
        }
    };
    let mut paired = Vec::new();
    for (tile, &code) in shape.tiles().zip(map) {
        let coding = PlaceCoding::of_code(code);
        single(&mut next, 0, tile, coding.luma);
        match coding.chroma {
            ChromaCoding::Single(red, blue) => {
                single(&mut next, 1, tile, red);
                single(&mut next, 2, tile, blue);
            }
            ChromaCoding::Pair(stream) => {
                paired.push((tile, next[stream]));
                next[stream] += tile.pixels();
            }
        }
    }
    for (tile, start) in paired {
        for i in 0..tile.pixels() {
            paste(1, tile, i, nibble(content[start + i]));
            paste(2, tile, i, nibble(content[start + i] >> 4));
        }
    }
    let [luma, red, blue] = &mut planes;
    for (chroma, coefficient) in [(red, coefficients[0]), (blue, coefficients[1])] {
        for (own, &luma) in chroma.iter_mut().zip(luma.iter()) {
            *own = own.wrapping_add(chroma_from_luma(luma, coefficient));
        }
    }
    for plane in &mut planes {
        for y in 0..shape.rows() {
            for x in 0..columns {
                let at = y * columns + x;
                plane[at] = plane[at].wrapping_add(predict(plane, columns, y, x));
            }
        }
    }
    let [g, red, blue] = planes;
    let plus_g = |plane: &[u8]| -> Vec<u8> {
        plane.iter().zip(&g).map(|(&v, &g)| v.wrapping_add(g).wrapping_sub(128)).collect()
    };
    Ok([plus_g(&red), g.clone(), plus_g(&blue)].concat())
}
