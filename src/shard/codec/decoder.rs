//! Frames back to pixels.

use zstd_safe::DCtx;

use super::CodecError;
use super::kernels::SimdLevel;
use super::lanes::{LaneLayout, PlaneLanes};
use super::mapped::{Table, check_channels};
use super::plain::content_size;
use super::predictor;
use super::tile_reader::fill_lanes;
use super::tiles::{TILE_PIXELS, TensorShape, Tile};

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
        check_channels(channel_order)?;
        self.decode_planes(frame)?;
        let Self { shape, level, layout, planes, .. } = self;
        level.run(
            #[inline(always)]
            || write_mapped(*level, *shape, layout, planes, tables, channel_order, out),
        );
        Ok(())
    }

    fn check_length(&self, got: usize) -> Result<(), CodecError> {
        let expected = self.shape.tensor_bytes();
        if got == expected { Ok(()) } else { Err(CodecError::TensorLength { expected, got }) }
    }

    fn decode_planes(&mut self, frame: &[u8]) -> Result<(), CodecError> {
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
        let coefficients = fill_lanes(
            self.shape,
            self.level,
            &self.tiles,
            self.layout.lane_bytes(),
            &self.content,
            length,
            &mut self.planes,
        )?;
        let (luma, chroma) = self.planes.split_at_mut(1);
        for (lanes, coefficient) in chroma.iter_mut().zip(coefficients) {
            if coefficient != 0 {
                self.level.run(
                    #[inline(always)]
                    || predictor::add_luma(&luma[0].bytes, coefficient, &mut lanes.bytes),
                );
            }
        }
        if !self.level.unpredict(&self.layout, &mut self.planes) {
            predictor::unpredict(&self.layout, &mut self.planes);
        }
        Ok(())
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
fn write_mapped(
    level: SimdLevel,
    shape: TensorShape,
    layout: &LaneLayout,
    planes: &[PlaneLanes; 3],
    tables: &[[f32; 256]; 3],
    channel_order: [usize; 3],
    out: &mut [f32],
) {
    let width = shape.columns();
    let outputs = out.chunks_exact_mut(shape.plane_pixels());
    for ((plane, table), channel) in outputs.zip(tables).zip(channel_order) {
        let table = Table::new(table);
        let lanes = &planes[[1, 0, 2][channel]];
        let rows = plane.chunks_exact_mut(width).enumerate();
        table.map(level, rows.map(|(y, out)| (&lanes.bytes[layout.row(y)], out)));
    }
}
