//! Frames back to pixels.

use zstd_safe::DCtx;

use super::CodecError;
use super::kernels::{SimdLevel, put_rows};
use super::lanes::{LaneLayout, PlaneLanes};
use super::plain::content_size;
use super::predictor;
use super::tiles::{
    ChromaCoding, Coding, FORMAT, HEADER_BYTES, PLACE_CODES, PlaceCoding, STREAMS, TILE_PIXELS,
    TensorShape, Tile, stream_starts,
};

/// Decodes frames of one shape; owns all its scratch memory and allocates nothing per image.
pub struct FrameDecoder {
    shape: TensorShape,
    level: SimdLevel,
    layout: LaneLayout,
    tiles: Vec<(Tile, usize)>,
    context: DCtx<'static>,
    content: Vec<u8>,
    /// Residuals of G, R−G and B−G, then the pixels of G, R and B.
    planes: [PlaneLanes; 3],
}

impl FrameDecoder {
    /// A decoder for u8 tensors `[3, height, width]` at the best SIMD level of this CPU.
    ///
    /// # Errors
    /// [`CodecError::Shape`] for sides outside 1 to 4096.
    pub fn new(height: u32, width: u32) -> Result<Self, CodecError> {
        Self::with_level(height, width, SimdLevel::detect())
    }

    /// The same at a given SIMD level; all levels give the same pixels.
    ///
    /// # Errors
    /// [`CodecError::Shape`] for sides outside 1 to 4096.
    pub fn with_level(height: u32, width: u32, level: SimdLevel) -> Result<Self, CodecError> {
        let shape = TensorShape::new(height, width)?;
        let layout = LaneLayout::new(shape);
        let planes = [(); 3].map(|()| PlaneLanes::new(&layout));
        let tiles = shape.tiles().map(|tile| (tile, layout.row_at(tile.y) + tile.x)).collect();
        Ok(Self {
            shape,
            level,
            layout,
            tiles,
            context: DCtx::create(),
            content: vec![0; shape.max_content_bytes() + TILE_PIXELS],
            planes,
        })
    }

    /// One frame to the tensor `[3, height, width]` in the order R, G, B.
    ///
    /// # Errors
    /// [`CodecError::TensorLength`] where `tensor` has another length; every other variant for a
    /// frame that the encoder cannot have made. Where damage gives a well-formed frame, the pixels
    /// are other ones: a checksum of the frame has to guard against that.
    pub fn decode(&mut self, frame: &[u8], tensor: &mut [u8]) -> Result<(), CodecError> {
        self.check_length(tensor.len())?;
        self.decode_planes(frame)?;
        let Self { shape, level, layout, planes, .. } = self;
        level.run(
            #[inline(always)]
            || write_tensor(*shape, layout, planes, tensor),
        );
        Ok(())
    }

    /// One frame through a table for each output channel: plane c of `out` is
    /// `tables[c][pixel of input channel channel_order[c]]`, `[3, height, width]` f32.
    ///
    /// # Errors
    /// As [`FrameDecoder::decode`]; [`CodecError::ChannelOrder`] for a channel above 2.
    pub fn decode_mapped(
        &mut self,
        frame: &[u8],
        tables: &[[f32; 256]; 3],
        channel_order: [usize; 3],
        out: &mut [f32],
    ) -> Result<(), CodecError> {
        self.check_length(out.len())?;
        if channel_order.iter().any(|&channel| channel > 2) {
            return Err(CodecError::ChannelOrder { got: channel_order });
        }
        self.decode_planes(frame)?;
        let Self { shape, level, layout, planes, .. } = self;
        let level = *level;
        level.run(
            #[inline(always)]
            || write_mapped(*shape, level, layout, planes, tables, channel_order, out),
        );
        Ok(())
    }

    fn check_length(&self, got: usize) -> Result<(), CodecError> {
        let expected = self.shape.tensor_bytes();
        if got == expected { Ok(()) } else { Err(CodecError::TensorLength { expected, got }) }
    }

    fn decode_planes(&mut self, frame: &[u8]) -> Result<(), CodecError> {
        let t0 = std::time::Instant::now();
        let limit = self.content.len() - TILE_PIXELS;
        let size = content_size(frame)?;
        if size > limit as u64 {
            return Err(CodecError::ContentSize { limit, got: size });
        }
        let content = &mut self.content[..limit];
        let length = self
            .context
            .decompress(content, frame)
            .map_err(|code| CodecError::zstd("decompress", code))?;
        let t1 = std::time::Instant::now();
        let coefficients = fill_lanes(
            self.shape,
            self.level,
            &self.tiles,
            self.layout.lane_bytes(),
            &self.content,
            length,
            &mut self.planes,
        )?;
        let t2 = std::time::Instant::now();
        let (luma, chroma) = self.planes.split_at_mut(1);
        for (lanes, coefficient) in chroma.iter_mut().zip(coefficients) {
            if coefficient != 0 {
                self.level.run(
                    #[inline(always)]
                    || predictor::add_luma(&luma[0].bytes, coefficient, &mut lanes.bytes),
                );
            }
        }
        let t3 = std::time::Instant::now();
        if !self.level.unpredict(&self.layout, &mut self.planes) {
            predictor::unpredict(&self.layout, &mut self.planes);
        }
        let t4 = std::time::Instant::now();
        if let Ok(mut v) = T.lock() {
            v.push([t1 - t0, t2 - t1, t3 - t2, t4 - t3].map(|d| d.as_nanos() as u32));
        }
        Ok(())
    }
}

/// Checks a frame's content and spreads its residuals over the lanes; returns luma's coefficients.
fn fill_lanes(
    shape: TensorShape,
    level: SimdLevel,
    tiles: &[(Tile, usize)],
    lane_bytes: usize,
    content: &[u8],
    length: usize,
    planes: &mut [PlaneLanes; 3],
) -> Result<[i8; 2], CodecError> {
    let body = HEADER_BYTES + tiles.len();
    if length < body {
        return Err(CodecError::ContentLength { expected: body, got: length });
    }
    if content[0] != FORMAT || content[3] != 0 {
        return Err(CodecError::Format { got: [content[0], content[3]] });
    }
    let map = &content[HEADER_BYTES..body];
    let starts = stream_starts(shape, map)?;
    if length != starts[STREAMS] {
        return Err(CodecError::ContentLength { expected: starts[STREAMS], got: length });
    }
    level.run(
        #[inline(always)]
        || {
            let mut filler = Filler { content, next: [0; STREAMS + 1], lane_bytes };
            filler.next = starts;
            // zero tiles read the zeros behind the content
            filler.next[STREAMS] = content.len() - TILE_PIXELS;
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
    Ok([content[1] as i8, content[2] as i8])
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

#[inline(always)]
fn write_tensor(
    shape: TensorShape,
    layout: &LaneLayout,
    planes: &[PlaneLanes; 3],
    tensor: &mut [u8],
) {
    let (r, rest) = tensor.split_at_mut(shape.plane_pixels());
    let (g, b) = rest.split_at_mut(shape.plane_pixels());
    let width = shape.columns();
    let outputs =
        r.chunks_exact_mut(width).zip(g.chunks_exact_mut(width)).zip(b.chunks_exact_mut(width));
    for (y, ((r, g), b)) in outputs.enumerate() {
        let [green, red, blue] = planes.each_ref().map(|lanes| &lanes.bytes[layout.row(y)]);
        r.copy_from_slice(red);
        g.copy_from_slice(green);
        b.copy_from_slice(blue);
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments)]
fn write_mapped(
    shape: TensorShape,
    level: SimdLevel,
    layout: &LaneLayout,
    planes: &[PlaneLanes; 3],
    tables: &[[f32; 256]; 3],
    channel_order: [usize; 3],
    out: &mut [f32],
) {
    let width = shape.columns();
    let outputs = out.chunks_exact_mut(shape.plane_pixels());
    for ((plane, table), channel) in outputs.zip(tables).zip(channel_order) {
        let offset = offset_of(table);
        let lanes = &planes[[1, 0, 2][channel]];
        for (y, out) in plane.chunks_exact_mut(width).enumerate() {
            let pixels = &lanes.bytes[layout.row(y)];
            if let Some(offset) = offset {
                for (out, &pixel) in out.iter_mut().zip(pixels) {
                    *out = f32::from(pixel) + offset;
                }
            } else if !level.look_up(pixels, table, out) {
                for (out, &pixel) in out.iter_mut().zip(pixels) {
                    *out = table[usize::from(pixel)];
                }
            }
        }
    }
}

/// The number that a table adds to every pixel, if adding it gives the table bit for bit.
#[inline(always)]
fn offset_of(table: &[f32; 256]) -> Option<f32> {
    let offset = table[0];
    let mut different = 0;
    for (pixel, &value) in (0..=255u8).zip(table) {
        different |= (f32::from(pixel) + offset).to_bits() ^ value.to_bits();
    }
    (different == 0).then_some(offset)
}

#[allow(missing_docs)]
pub static T: std::sync::Mutex<Vec<[u32; 4]>> = std::sync::Mutex::new(Vec::new());
