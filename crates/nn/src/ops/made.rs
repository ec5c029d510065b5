//! What was computed already, as an operation of Candle with a gradient.

use std::sync::Mutex;

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage,
    Tensor,
};

/// Gradients of the inputs from the inputs, the output and its gradient, which is contiguous.
pub(super) type Backward =
    Box<dyn Fn(&[&Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync>;

struct Made {
    name: &'static str,
    output: Mutex<Option<(Storage, Shape)>>,
    backward: Backward,
}

/// `output` as what an operation made of one to three inputs.
pub(super) fn with_gradient(
    name: &'static str,
    inputs: &[&Tensor],
    output: Storage,
    shape: impl Into<Shape>,
    backward: Backward,
) -> Result<Tensor> {
    let made = Made { name, output: Mutex::new(Some((output, shape.into()))), backward };
    match inputs {
        [a] => a.apply_op1(made),
        [a, b] => a.apply_op2(b, made),
        [a, b, c] => a.apply_op3(b, c, made),
        _ => candle_core::bail!("`{name}` has {} inputs, of three at most", inputs.len()),
    }
}

impl Made {
    fn take(&self) -> Result<(Storage, Shape)> {
        let output = self.output.lock().ok().and_then(|mut output| output.take());
        output.ok_or_else(|| candle_core::Error::Msg(format!("`{}` is run once", self.name)))
    }

    fn of_cpu(&self) -> Result<(CpuStorage, Shape)> {
        match self.take()? {
            (Storage::Cpu(output), shape) => Ok((output, shape)),
            _ => candle_core::bail!("`{}` has inputs of two devices", self.name),
        }
    }

    fn of_gpu(&self) -> Result<(CudaStorage, Shape)> {
        match self.take()? {
            (Storage::Cuda(output), shape) => Ok((output, shape)),
            _ => candle_core::bail!("`{}` has inputs of two devices", self.name),
        }
    }

    fn back<const N: usize>(
        &self,
        inputs: [&Tensor; N],
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; N]> {
        let found = (self.backward)(&inputs, output, &gradient.contiguous()?)?;
        let wrong = |found: Vec<_>| format!("`{}` has {} gradients", self.name, found.len());
        found.try_into().map_err(|found| candle_core::Error::Msg(wrong(found)))
    }
}

impl CustomOp1 for Made {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.of_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.of_gpu()
    }

    fn bwd(&self, a: &Tensor, output: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        self.back([a], output, gradient).map(|[a]| a)
    }
}

impl CustomOp2 for Made {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.of_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.of_gpu()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.back([a, b], output, gradient).map(|[a, b]| (a, b))
    }
}

impl CustomOp3 for Made {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.of_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.of_gpu()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.back([a, b, c], output, gradient).map(|[a, b, c]| (a, b, c))
    }
}
