//! Convolutions by cuDNN.
#![allow(unsafe_code, reason = "cuDNN is given pointers")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t as ByInputAlgorithm,
    cudnnConvolutionBwdFilterAlgo_t as ByKernelAlgorithm,
    cudnnConvolutionFwdAlgo_t as ForwardAlgorithm, cudnnConvolutionMode_t, cudnnMathType_t,
    cudnnTensorFormat_t,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvForward, Cudnn, CudnnDataType, CudnnError,
};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, DeviceId};
use candle_core::{CudaDevice, CudaStorage, DType, Result, Storage, Tensor, WithDType};
use half::{bf16, f16};

use super::{Geometry, Pass, WORKSPACE};
use crate::precision::Precision;

/// What is chosen once for a shape.
type Key = (Pass, Geometry, Precision);

/// An algorithm of one of the passes, and the bytes that it takes beside.
#[derive(Debug, Clone, Copy)]
struct Chosen<A> {
    algorithm: A,
    bytes: usize,
}

/// cuDNN on a device, for one thread: its handles are neither sent nor shared.
struct Handle {
    cudnn: Arc<Cudnn>,
    forward: RefCell<HashMap<Key, Chosen<ForwardAlgorithm>>>,
    by_input: RefCell<HashMap<Key, Chosen<ByInputAlgorithm>>>,
    by_kernel: RefCell<HashMap<Key, Chosen<ByKernelAlgorithm>>>,
}

thread_local! {
    static HANDLES: RefCell<HashMap<DeviceId, Arc<Handle>>> = RefCell::default();
}

fn handle(device: &CudaDevice) -> Result<Arc<Handle>> {
    HANDLES.with_borrow_mut(|handles| {
        if let Some(handle) = handles.get(&device.id()) {
            return Ok(Arc::clone(handle));
        }
        let cudnn = Cudnn::new(device.cuda_stream()).map_err(refused)?;
        #[allow(clippy::arc_with_non_send_sync, reason = "it stays in this thread")]
        let handle = Arc::new(Handle {
            cudnn,
            forward: RefCell::default(),
            by_input: RefCell::default(),
            by_kernel: RefCell::default(),
        });
        handles.insert(device.id(), Arc::clone(&handle));
        Ok(handle)
    })
}

fn refused(error: CudnnError) -> candle_core::Error {
    candle_core::Error::Msg(format!("cuDNN (libcudnn): {error:?}"))
}

/// The first of `candidates` that the shape has and whose workspace is not too large.
fn choose<A: Copy>(
    known: &RefCell<HashMap<Key, Chosen<A>>>,
    key: Key,
    candidates: impl FnOnce() -> std::result::Result<Vec<A>, CudnnError>,
    bytes: impl Fn(A) -> std::result::Result<usize, CudnnError>,
) -> Result<Chosen<A>> {
    if let Some(&chosen) = known.borrow().get(&key) {
        return Ok(chosen);
    }
    let fits = |algorithm: A| {
        let bytes = bytes(algorithm).ok().filter(|&bytes| bytes as u64 <= WORKSPACE)?;
        Some(Chosen { algorithm, bytes })
    };
    let chosen = candidates().map_err(refused)?.into_iter().find_map(fits);
    let Some(chosen) = chosen else {
        let (pass, geometry, precision) = key;
        candle_core::bail!(
            "cuDNN has no algorithm within {} MB for {pass:?} of {geometry:?} in {precision}",
            WORKSPACE >> 20
        );
    };
    known.borrow_mut().insert(key, chosen);
    Ok(chosen)
}

pub(super) fn run(
    device: &CudaDevice,
    pass: Pass,
    a: &Tensor,
    b: &Tensor,
    geometry: &Geometry,
    precision: Precision,
) -> Result<Storage> {
    let key = (pass, *geometry, precision);
    match a.dtype() {
        DType::F32 => typed::<f32>(device, key, a, b),
        DType::F16 => typed::<f16>(device, key, a, b),
        DType::BF16 => typed::<bf16>(device, key, a, b),
        dtype => candle_core::bail!("no convolution of {dtype:?}"),
    }
}

fn typed<T>(device: &CudaDevice, key: Key, a: &Tensor, b: &Tensor) -> Result<Storage>
where
    T: CudaDType + CudnnDataType + DeviceRepr + WithDType,
{
    let (pass, geometry, precision) = key;
    let Geometry { n, inputs, outputs, groups, image, output, window, stride, padding } = geometry;
    let int = |number: usize| number as std::ffi::c_int;
    let handle = handle(device)?;
    let cudnn = &handle.cudnn;
    let (format, mode) =
        (cudnnTensorFormat_t::CUDNN_TENSOR_NCHW, cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION);
    // Sums in float32, whatever is multiplied.
    let (padding, strides) = (padding.map(int), [int(stride); 2]);
    let mut conv = cudnn.create_conv2d::<f32>(padding, strides, [1, 1], mode).map_err(refused)?;
    conv.set_group_count(int(groups)).map_err(refused)?;
    let math = match precision {
        // Without a word cuDNN takes TF32 for float32.
        Precision::F32 => cudnnMathType_t::CUDNN_FMA_MATH,
        Precision::Tf32 => cudnnMathType_t::CUDNN_DEFAULT_MATH,
        Precision::F16 | Precision::Bf16 => cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
    };
    conv.set_math_type(math).map_err(refused)?;
    let [height, width] = image.map(int);
    let x = cudnn.create_4d_tensor::<T>(format, [int(n), int(inputs), height, width]);
    let [rows, columns] = window.map(int);
    let w =
        cudnn.create_4d_filter::<T>(format, [int(outputs), int(inputs / groups), rows, columns]);
    let [out_height, out_width] = output.map(int);
    let y = cudnn.create_4d_tensor::<T>(format, [int(n), int(outputs), out_height, out_width]);
    let (x, w, y) = (x.map_err(refused)?, w.map_err(refused)?, y.map_err(refused)?);

    let (a, b) = (a.storage_and_layout(), b.storage_and_layout());
    let (a, b) = (view::<T>(&a.0, a.1)?, view::<T>(&b.0, b.1)?);
    let area = |[height, width]: [usize; 2]| height * width;
    let count = match pass {
        Pass::Forward => n * outputs * area(output),
        Pass::ByInput => n * inputs * area(image),
        Pass::ByKernel => outputs * (inputs / groups) * area(window),
    };
    // SAFETY: cuDNN writes all of it (β is 0) before what is started later on the stream reads it.
    let mut result = unsafe { device.alloc::<T>(count.max(1)) }?;
    let scales = (T::from_f64(1.0), T::from_f64(0.0));
    match pass {
        Pass::Forward => {
            let op = ConvForward { conv: &conv, x: &x, w: &w, y: &y };
            let candidates = || {
                Ok(vec![
                    op.pick_algorithm()?,
                    ForwardAlgorithm::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                    ForwardAlgorithm::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
                ])
            };
            let bytes = |algorithm| op.get_workspace_size(algorithm);
            let chosen = choose(&handle.forward, key, candidates, bytes)?;
            let mut workspace = workspace(device, chosen.bytes)?;
            // SAFETY: the descriptors say the shapes of these tensors, contiguous and of type T.
            unsafe { op.launch(chosen.algorithm, workspace.as_mut(), scales, &a, &b, &mut result) }
        }
        Pass::ByInput => {
            let op = ConvBackwardData { conv: &conv, dx: &x, w: &w, dy: &y };
            let candidates = || {
                let picked = op.pick_algorithm()?;
                // Algorithm 0 adds in any order: other bits in every run.
                let ordered = ByInputAlgorithm::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
                let any = ByInputAlgorithm::CUDNN_CONVOLUTION_BWD_DATA_ALGO_0;
                Ok(if picked == any { vec![ordered, any] } else { vec![picked, ordered, any] })
            };
            let bytes = |algorithm| op.get_workspace_size(algorithm);
            let chosen = choose(&handle.by_input, key, candidates, bytes)?;
            let mut workspace = workspace(device, chosen.bytes)?;
            // SAFETY: as above; a is the output's gradient.
            unsafe { op.launch(chosen.algorithm, workspace.as_mut(), scales, &mut result, &b, &a) }
        }
        Pass::ByKernel => {
            let op = ConvBackwardFilter { conv: &conv, x: &x, dw: &w, dy: &y };
            let candidates = || {
                let picked = op.pick_algorithm()?;
                // Algorithms 0 and 3 add in any order.
                let ordered = ByKernelAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
                let any = [
                    ByKernelAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
                    ByKernelAlgorithm::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3,
                ];
                let first = if any.contains(&picked) { ordered } else { picked };
                Ok(vec![first, ordered, any[0], any[1]])
            };
            let bytes = |algorithm| op.get_workspace_size(algorithm);
            let chosen = choose(&handle.by_kernel, key, candidates, bytes)?;
            let mut workspace = workspace(device, chosen.bytes)?;
            // SAFETY: as above; b is the output's gradient.
            unsafe { op.launch(chosen.algorithm, workspace.as_mut(), scales, &a, &mut result, &b) }
        }
    }
    .map_err(refused)?;
    Ok(Storage::Cuda(CudaStorage::wrap_cuda_slice::<T>(result, device.clone())))
}

fn workspace(device: &CudaDevice, bytes: usize) -> Result<Option<CudaSlice<u8>>> {
    // SAFETY: cuDNN's own, which it writes before it reads.
    (bytes > 0).then(|| unsafe { device.alloc::<u8>(bytes) }).transpose()
}

/// The contiguous numbers of a tensor.
fn view<'a, T: CudaDType>(
    storage: &'a Storage,
    layout: &candle_core::Layout,
) -> Result<CudaView<'a, T>> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cuda(numbers), Some((first, end))) => {
            Ok(numbers.as_cuda_slice::<T>()?.slice(first..end))
        }
        _ => candle_core::bail!("expected contiguous numbers of a GPU, found {layout:?}"),
    }
}
