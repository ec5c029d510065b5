//! Convolutions as one operation of Candle in every precision: by cuDNN on a GPU, by plain loops on the CPU.
//!
//! The plain loops are what training in float16 takes on the CPU, and what tests hold against the CPU's float32
//! kernels: padding, groups and the way back are the same code on every device.

#[cfg(feature = "cudnn")]
mod cudnn;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};
use half::{bf16, f16};

use super::made::with_gradient;
use super::reference;
use super::stages::Convolution;
use crate::precision::Precision;
use crate::spec::Sides;

/// Bytes that a convolution may take beside its tensors on a GPU.
pub(crate) const WORKSPACE: u64 = 512 << 20;

/// Shapes of a convolution of `[n, inputs, height, width]`, with the same padding on opposite sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Geometry {
    n: usize,
    inputs: usize,
    outputs: usize,
    groups: usize,
    image: [usize; 2],
    output: [usize; 2],
    window: [usize; 2],
    stride: usize,
    padding: [usize; 2],
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pass {
    /// The output from input and kernel.
    Forward,
    /// The input's gradient from the output's and the kernel.
    ByInput,
    /// The kernel's gradient from the input and the output's gradient.
    ByKernel,
}

/// Whether convolutions of a device go through here.
#[cfg_attr(not(any(feature = "cuda", test)), allow(dead_code, reason = "asked on a GPU"))]
pub(super) fn is_here(device: &Device) -> bool {
    device.is_cpu() || (device.is_cuda() && cfg!(feature = "cudnn"))
}

/// The convolution of float32 images in a precision, as float32.
pub(super) fn convolve(
    x: &Tensor,
    convolution: &Convolution<'_>,
    precision: Precision,
) -> Result<Tensor> {
    let &Convolution { kernel, stride, sides, depthwise } = convolution;
    // Unequal sides are put around it first: cuDNN knows one padding for both.
    let Sides { top, bottom, left, right } = sides;
    let equal = top == bottom && left == right;
    let x = if equal { x.clone() } else { reference::padded(x, sides)? };
    let padding = if equal { [top, left] } else { [0, 0] };
    let (n, inputs, height, width) = x.dims4()?;
    let (outputs, of_group, rows, columns) = kernel.dims4()?;
    let groups = if depthwise { inputs } else { 1 };
    if of_group * groups != inputs || outputs % groups.max(1) != 0 {
        candle_core::bail!("a kernel of {:?} does not fit {:?}", kernel.dims(), x.dims());
    }
    let places = |size: usize, window: usize, padding: usize| {
        (size + 2 * padding).checked_sub(window).map(|room| room / stride + 1)
    };
    let output = places(height, rows, padding[0]).zip(places(width, columns, padding[1]));
    let Some((out_height, out_width)) = output else {
        candle_core::bail!("a window of {rows} × {columns} does not fit into {height} × {width}");
    };
    let geometry = Geometry {
        n,
        inputs,
        outputs,
        groups,
        image: [height, width],
        output: [out_height, out_width],
        window: [rows, columns],
        stride,
        padding,
    };
    let dtype = precision.dtype();
    let (x, kernel) = (x.to_dtype(dtype)?.contiguous()?, kernel.to_dtype(dtype)?.contiguous()?);
    let output = run(Pass::Forward, &x, &kernel, &geometry, precision)?;
    let shape = (n, outputs, out_height, out_width);
    let backward = move |inputs: &[&Tensor], _: &Tensor, gradient: &Tensor| {
        let by = |pass, a: &Tensor, b: &Tensor, like: &Tensor| {
            // Images from a loader and frozen kernels have no use for a gradient.
            if !like.track_op() {
                return Ok(None);
            }
            let gradient = run(pass, a, b, &geometry, precision)?;
            let shape = like.shape().clone();
            Result::Ok(Some(Tensor::from_storage(
                gradient,
                shape,
                candle_core::op::BackpropOp::none(),
                false,
            )))
        };
        Ok(vec![
            by(Pass::ByInput, gradient, inputs[1], inputs[0])?,
            by(Pass::ByKernel, inputs[0], gradient, inputs[1])?,
        ])
    };
    let output =
        with_gradient("tcolz-convolution", &[&x, &kernel], output, shape, Box::new(backward))?;
    output.to_dtype(DType::F32)
}

fn run(
    pass: Pass,
    a: &Tensor,
    b: &Tensor,
    geometry: &Geometry,
    precision: Precision,
) -> Result<Storage> {
    match a.device() {
        Device::Cpu => plain(pass, a, b, geometry),
        #[cfg(feature = "cudnn")]
        Device::Cuda(device) => cudnn::run(device, pass, a, b, geometry, precision),
        device => candle_core::bail!("no convolution in {precision} on {device:?}"),
    }
}

/// The plain loops; sums in float32.
fn plain(pass: Pass, a: &Tensor, b: &Tensor, geometry: &Geometry) -> Result<Storage> {
    let dtype = a.dtype();
    let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
    let (a, b) = (numbers(a)?, numbers(b)?);
    let &Geometry { n, inputs, outputs, groups, image, output, window, .. } = geometry;
    let area = |[height, width]: [usize; 2]| height * width;
    let mut sums = vec![
        0f32;
        match pass {
            Pass::Forward => n * outputs * area(output),
            Pass::ByInput => n * inputs * area(image),
            Pass::ByKernel => outputs * (inputs / groups) * area(window),
        }
    ];
    geometry.each_product(|at_output, at_input, at_kernel| match pass {
        Pass::Forward => sums[at_output] += a[at_input] * b[at_kernel],
        Pass::ByInput => sums[at_input] += a[at_output] * b[at_kernel],
        Pass::ByKernel => sums[at_kernel] += a[at_input] * b[at_output],
    });
    Ok(Storage::Cpu(match dtype {
        DType::F32 => CpuStorage::F32(sums),
        DType::F16 => CpuStorage::F16(sums.into_iter().map(f16::from_f32).collect()),
        DType::BF16 => CpuStorage::BF16(sums.into_iter().map(bf16::from_f32).collect()),
        dtype => candle_core::bail!("no convolution of {dtype:?}"),
    }))
}

impl Geometry {
    /// Calls `product` with the places in output, input and kernel of every product that is summed.
    fn each_product(&self, mut product: impl FnMut(usize, usize, usize)) {
        let &Geometry { n, inputs, outputs, groups, image, output, window, stride, padding } = self;
        let (of_group, to_group) = (inputs / groups, outputs / groups);
        // Where the window's row or column meets the image.
        let inside = |at: usize, offset: usize, side: usize| {
            (at * stride + offset).checked_sub(padding[side]).filter(|&place| place < image[side])
        };
        for sample in 0..n {
            for channel in 0..outputs {
                for of in 0..of_group {
                    let input = sample * inputs + channel / to_group * of_group + of;
                    for place in 0..window[0] * window[1] {
                        let (row, column) = (place / window[1], place % window[1]);
                        let kernel = (channel * of_group + of) * window[0] * window[1] + place;
                        for y in 0..output[0] {
                            let Some(from) = inside(y, row, 0) else { continue };
                            let line = ((sample * outputs + channel) * output[0] + y) * output[1];
                            for x in 0..output[1] {
                                let Some(at) = inside(x, column, 1) else { continue };
                                let at = (input * image[0] + from) * image[1] + at;
                                product(line + x, at, kernel);
                            }
                        }
                    }
                }
            }
        }
    }
}
