//! Frames back to pixels.

use zstd_safe::DCtx;

use tcolz_base::out_of_memory::end;

use super::CodecError;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::kernels::SimdLevel;
use super::lanes::{LaneLayout, PlaneLanes};
use super::mapped::{Number, PixelTables, Upcoming, map_tensor};
use super::plain::content_size;
use super::predictor;
#[cfg(target_arch = "x86_64")]
use super::steps::StepPlanes;
use super::tile_reader::{Streams, fill_lanes};
use super::tiles::{TILE_PIXELS, TensorShape, Tile};

/// Decodes frames of one shape; owns all its scratch memory and allocates nothing per image.
pub struct FrameDecoder {
    shape: TensorShape,
    context: DCtx<'static>,
    content: Vec<u8>,
    engine: Engine,
}

/// What turns content into pixels, with its scratch memory.
enum Engine {
    Lanes(Lanes),
    #[cfg(target_arch = "x86_64")]
    /// The last is the tensor before its view: it stays in the caches.
    Steps(Avx512, StepPlanes, Vec<u8>),
}

struct Lanes {
    shape: TensorShape,
    level: SimdLevel,
    layout: LaneLayout,
    tiles: Vec<(Tile, usize)>,
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
        let content = vec![0; shape.max_content_bytes() + TILE_PIXELS];
        Ok(Self {
            shape,
            context: DCtx::try_create().unwrap_or_else(|| end()),
            content,
            engine: Engine::new(shape, level),
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
        let length = self.decompress(frame)?;
        let streams = Streams::new(self.shape, &self.content, length)?;
        match &mut self.engine {
            Engine::Lanes(lanes) => {
                lanes.decode(streams);
                lanes.level.run(
                    #[inline(always)]
                    || lanes.write_tensor(tensor),
                );
            }
            #[cfg(target_arch = "x86_64")]
            Engine::Steps(level, planes, own) => {
                level.fill(planes, streams);
                // 16 pixels of many rows at a time would miss the caches in the caller's memory.
                level.wave(planes, own);
                tensor.copy_from_slice(own);
            }
        }
        Ok(())
    }

    /// One frame through a table for each output channel, `[3, height, width]`, and `upcoming` meanwhile into the
    /// caches.
    ///
    /// # Errors
    /// As [`FrameDecoder::decode`].
    pub fn decode_mapped<T: Number>(
        &mut self,
        frame: &[u8],
        tables: &PixelTables<T>,
        out: &mut [T],
        upcoming: Upcoming<'_>,
    ) -> Result<(), CodecError> {
        self.check_length(out.len())?;
        let length = self.decompress(frame)?;
        let streams = Streams::new(self.shape, &self.content, length)?;
        match &mut self.engine {
            Engine::Lanes(lanes) => {
                lanes.decode(streams);
                lanes.level.run(
                    #[inline(always)]
                    || lanes.write_mapped(tables, out, upcoming),
                );
            }
            #[cfg(target_arch = "x86_64")]
            Engine::Steps(level, planes, tensor) => {
                level.fill(planes, streams);
                level.wave(planes, tensor);
                // Written out while the next pixels are decoded, it took longer: stores that wait for
                // memory hold up those to the caches.
                map_tensor(SimdLevel::from(*level), tensor, tables, out, upcoming)?;
            }
        }
        Ok(())
    }

    fn check_length(&self, got: usize) -> Result<(), CodecError> {
        let expected = self.shape.tensor_bytes();
        if got == expected { Ok(()) } else { Err(CodecError::TensorLength { expected, got }) }
    }

    /// The frame's content to the beginning of `content`; its length.
    fn decompress(&mut self, frame: &[u8]) -> Result<usize, CodecError> {
        let limit = self.content.len() - TILE_PIXELS;
        let size = content_size(frame)?;
        if size > limit as u64 {
            return Err(CodecError::ContentSize { limit, got: size });
        }
        let content = &mut self.content[..limit];
        let decompressed = self.context.decompress(content, frame);
        decompressed.map_err(|code| CodecError::zstd("decompress", code))
    }
}

impl Engine {
    fn new(shape: TensorShape, level: SimdLevel) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(level) = level.avx512() {
            return Self::Steps(level, StepPlanes::new(shape), vec![0; shape.tensor_bytes()]);
        }
        let layout = LaneLayout::new(shape);
        let planes = [(); 3].map(|()| PlaneLanes::new(&layout));
        let tiles = shape.tiles().map(|tile| (tile, layout.row_at(tile.y) + tile.x)).collect();
        Self::Lanes(Lanes { shape, level, layout, tiles, planes })
    }
}

impl Lanes {
    fn decode(&mut self, streams: Streams<'_>) {
        let Self { level, layout, tiles, planes, .. } = self;
        fill_lanes(*level, tiles, layout.lane_bytes(), streams, planes);
        let (luma, chroma) = planes.split_at_mut(1);
        for (lanes, coefficient) in chroma.iter_mut().zip(streams.coefficients) {
            if coefficient != 0 {
                level.run(
                    #[inline(always)]
                    || predictor::add_luma(&luma[0].bytes, coefficient, &mut lanes.bytes),
                );
            }
        }
        if !level.unpredict(layout, planes) {
            predictor::unpredict(layout, planes);
        }
    }

    #[inline(always)]
    fn write_tensor(&self, tensor: &mut [u8]) {
        let Self { shape, layout, planes, .. } = self;
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
    fn write_mapped<T: Number>(
        &self,
        tables: &PixelTables<T>,
        out: &mut [T],
        mut upcoming: Upcoming<'_>,
    ) {
        let Self { shape, layout, planes, .. } = self;
        let outputs = out.chunks_exact_mut(shape.plane_pixels()).enumerate();
        for ((output, plane), channel) in outputs.zip(tables.channel_order()) {
            let lanes = &planes[[1, 0, 2][channel]];
            let rows = plane.chunks_exact_mut(shape.columns()).enumerate();
            let rows = rows.map(|(y, out)| (&lanes.bytes[layout.row(y)], out));
            tables.map_rows(self.level, output, rows, &mut upcoming);
        }
    }
}
