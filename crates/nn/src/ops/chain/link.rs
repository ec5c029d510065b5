//! An operation of Candle has three inputs at most. A chain has as many parameters as it likes: they are tied
//! together, two at a time, into a tensor of one number that the chain takes for an input. Candle asks the chain
//! for its gradients first; it leaves those of the parameters here, and each knot hands out its two.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor};

/// Gradients of a chain's parameters, from when the chain was asked for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Gradients(Arc<Mutex<Vec<Vec<f32>>>>);

impl Gradients {
    pub(super) fn set(&self, gradients: Vec<Vec<f32>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gradients;
    }

    fn take(&self, number: usize, like: &Tensor) -> Result<Option<Tensor>> {
        let mut gradients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = gradients.get_mut(number).map(std::mem::take).unwrap_or_default();
        Tensor::from_vec(gradient, like.shape(), like.device()).map(Some)
    }

    /// Ties parameters together.
    pub(super) fn link(&self, parameters: &[&Tensor], device: &Device) -> Result<Tensor> {
        let mut link = Tensor::new(&[0f32], device)?;
        for (number, pair) in parameters.chunks(2).enumerate() {
            let knot = Knot { first: 2 * number, gradients: self.clone() };
            link = match pair {
                [one, other] => link.apply_op3(one, other, knot)?,
                [one] => link.apply_op2(one, knot)?,
                _ => unreachable!("chunks of two"),
            };
        }
        Ok(link)
    }
}

struct Knot {
    /// Number of its first parameter.
    first: usize,
    gradients: Gradients,
}

const NAME: &str = "tcolz-link";

fn nothing() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), Shape::from(1))
}

impl CustomOp2 for Knot {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(nothing())
    }

    fn bwd(
        &self,
        link: &Tensor,
        one: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(link.zeros_like()?), self.gradients.take(self.first, one)?))
    }
}

impl CustomOp3 for Knot {
    fn name(&self) -> &'static str {
        NAME
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
        Ok(nothing())
    }

    fn bwd(
        &self,
        link: &Tensor,
        one: &Tensor,
        other: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let one = self.gradients.take(self.first, one)?;
        Ok((Some(link.zeros_like()?), one, self.gradients.take(self.first + 1, other)?))
    }
}
