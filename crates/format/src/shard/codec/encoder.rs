//! Pixels to frames.

use zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_end, ZSTD_e_flush};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ParamSwitch, ResetDirective};

use tcolz_base::out_of_memory::end;

use super::CodecError;
use super::classes::{Group, TileSums, assign_codes};
use super::kernels::SimdLevel;
use super::predictor::{self, ABOVE};
use super::tile_writer::write_tiles;
use super::tiles::{FORMAT, HEADER_BYTES, STREAMS, TensorShape, stream_starts};

/// zstd as a pure Huffman coder: at its lowest level it looks for no matches.
const HUFFMAN_LEVEL: i32 = -131_072;
/// Smallest table of matches that zstd takes; it is cleared for every frame.
const HASH_LOG: u32 = 6;

/// Encodes tensors of one shape; owns all its scratch memory and allocates nothing per image.
pub struct FrameEncoder {
    shape: TensorShape,
    level: SimdLevel,
    context: CCtx<'static>,
    work: Workspace,
    content: Vec<u8>,
}

/// Planes, residuals and tile statistics of one image.
struct Workspace {
    planes: [Vec<u8>; 3],
    residuals: [Vec<u8>; 3],
    above: Vec<u8>,
    sums: TileSums,
    map: Vec<u8>,
    group: Group,
}

impl FrameEncoder {
    /// An encoder for u8 tensors `[3, height, width]` at the best SIMD level of this CPU.
    ///
    /// # Errors
    /// [`CodecError::Shape`] for sides outside 1 to 4096.
    pub fn new(height: u32, width: u32) -> Result<Self, CodecError> {
        Self::with_level(height, width, SimdLevel::detect())
    }

    /// The same at a given SIMD level; all levels give the same bytes.
    ///
    /// # Errors
    /// [`CodecError::Shape`] for sides outside 1 to 4096; [`CodecError::Zstd`] where zstd refuses
    /// its parameters.
    pub fn with_level(height: u32, width: u32, level: SimdLevel) -> Result<Self, CodecError> {
        let shape = TensorShape::new(height, width)?;
        let mut context = CCtx::try_create().unwrap_or_else(|| end());
        for parameter in [
            CParameter::CompressionLevel(HUFFMAN_LEVEL),
            CParameter::LiteralCompressionMode(ParamSwitch::Enable),
            CParameter::HashLog(HASH_LOG),
            CParameter::ContentSizeFlag(true),
            CParameter::ChecksumFlag(false),
        ] {
            context
                .set_parameter(parameter)
                .map_err(|code| CodecError::zstd("set a parameter", code))?;
        }
        let plane = || vec![0; shape.plane_pixels()];
        let work = Workspace {
            planes: [plane(), plane(), plane()],
            residuals: [plane(), plane(), plane()],
            above: vec![ABOVE; shape.columns()],
            sums: TileSums::new(shape),
            map: vec![0; shape.tile_count()],
            group: Group::default(),
        };
        let content = vec![0; shape.max_content_bytes()];
        Ok(Self { shape, level, context, work, content })
    }

    /// The tensor `[3, height, width]` in the order R, G, B as one zstd frame; `frame` is
    /// overwritten. The same tensor always gives the same bytes.
    ///
    /// # Errors
    /// [`CodecError::TensorLength`] where `tensor` has another length; [`CodecError::Zstd`] where
    /// zstd refuses, as for lack of memory.
    pub fn encode(&mut self, tensor: &[u8], frame: &mut Vec<u8>) -> Result<(), CodecError> {
        let expected = self.shape.tensor_bytes();
        if tensor.len() != expected {
            return Err(CodecError::TensorLength { expected, got: tensor.len() });
        }
        let Self { shape, level, work, content, .. } = self;
        let starts = level.run(
            #[inline(always)]
            || to_content(*shape, tensor, work, content),
        )?;
        self.compress(&starts, frame)
    }

    /// One block of the frame for header and class map, one for each stream.
    fn compress(&mut self, ends: &[usize], frame: &mut Vec<u8>) -> Result<(), CodecError> {
        let length = ends[STREAMS];
        frame.clear();
        frame.reserve(zstd_safe::compress_bound(length) + 64 * ends.len());
        let context = &mut self.context;
        context
            .reset(ResetDirective::SessionOnly)
            .and_then(|_| context.set_pledged_src_size(Some(length as u64)))
            .map_err(|code| CodecError::zstd("begin a frame", code))?;
        let mut output = OutBuffer::around(frame);
        let mut start = 0;
        for (i, &end) in ends.iter().enumerate() {
            let last = i == STREAMS;
            if start == end && !last {
                continue;
            }
            let directive: ZSTD_EndDirective = if last { ZSTD_e_end } else { ZSTD_e_flush };
            let mut input = InBuffer::around(&self.content[start..end]);
            loop {
                let left = context
                    .compress_stream2(&mut output, &mut input, directive)
                    .map_err(|code| CodecError::zstd("compress", code))?;
                if left == 0 {
                    break;
                }
            }
            start = end;
        }
        Ok(())
    }
}

/// Writes header, class map and streams; returns where the streams begin and end.
#[inline(always)]
fn to_content(
    shape: TensorShape,
    tensor: &[u8],
    work: &mut Workspace,
    content: &mut [u8],
) -> Result<[usize; STREAMS + 1], CodecError> {
    split_planes(tensor, &mut work.planes);
    let width = shape.columns();
    for (plane, residuals) in work.planes.iter().zip(&mut work.residuals) {
        predictor::predict(width, &work.above, plane, residuals);
    }
    let (luma, chroma) = work.residuals.split_at_mut(1);
    let mut coefficients = [0i8; 2];
    for (coefficient, chroma) in coefficients.iter_mut().zip(chroma) {
        *coefficient = predictor::fit_luma(width, &luma[0], chroma);
        if *coefficient != 0 {
            predictor::subtract_luma(&luma[0], *coefficient, chroma);
        }
    }
    work.sums.measure(shape, &work.residuals);
    assign_codes(&work.sums, &mut work.group, &mut work.map);
    let starts = stream_starts(shape, &work.map)?;
    content[..HEADER_BYTES].copy_from_slice(&[
        FORMAT,
        coefficients[0] as u8,
        coefficients[1] as u8,
        0,
    ]);
    content[HEADER_BYTES..][..work.map.len()].copy_from_slice(&work.map);
    write_tiles(shape, &work.map, &work.residuals, starts, content);
    Ok(starts)
}

/// Planes G, R−G+128, B−G+128, modulo 256.
#[inline(always)]
fn split_planes(tensor: &[u8], planes: &mut [Vec<u8>; 3]) {
    let [luma, red, blue] = planes;
    let pixels = luma.len();
    let (r, rest) = tensor.split_at(pixels);
    let (g, b) = rest.split_at(pixels);
    luma.copy_from_slice(g);
    for (plane, channel) in [(red, r), (blue, b)] {
        for ((out, &v), &g) in plane.iter_mut().zip(channel).zip(g) {
            *out = v.wrapping_sub(g).wrapping_add(128);
        }
    }
}
