//! Matrix products over features.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernels::pixels::Affine;
use super::kernels::product::{Matrix, product};
use super::numbers::{Numbers, slice};
use crate::spec::Activation;

/// Features of one thread's piece.
const PIECE: usize = 256;

struct Linear {
    samples: usize,
    inputs: usize,
    outputs: usize,
    activation: Activation,
}

pub(super) fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    let ((samples, inputs), (outputs, takes)) = (x.dims2()?, weight.dims2()?);
    if takes != inputs || bias.dims() != [outputs] {
        candle_core::bail!(
            "a matrix of {:?} with a bias of {:?} does not fit features of {:?}",
            weight.dims(),
            bias.dims(),
            x.dims()
        );
    }
    let op = Linear { samples, inputs, outputs, activation };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)
}

/// A matrix of `rows` × `columns` made in pieces of some columns each: `fill` is given the first column of a piece
/// and its numbers, row after row.
fn by_columns(
    rows: usize,
    columns: usize,
    fill: impl Fn(usize, usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let pieces: Vec<Vec<f32>> = (0..columns.div_ceil(PIECE))
        .into_par_iter()
        .map(|piece| {
            let width = PIECE.min(columns - piece * PIECE);
            let mut numbers = vec![0f32; rows * width];
            fill(piece * PIECE, width, &mut numbers);
            numbers
        })
        .collect();
    let mut whole = vec![0f32; rows * columns];
    for (row, whole) in whole.chunks_exact_mut(columns.max(1)).enumerate() {
        for (whole, piece) in whole.chunks_mut(PIECE).zip(&pieces) {
            whole.copy_from_slice(&piece[row * whole.len()..][..whole.len()]);
        }
    }
    whole
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "tcolz-linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let &Linear { samples, inputs, outputs, activation } = self;
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let bias = slice(bias, bias_layout)?;
        let x = Matrix::new(x, samples, inputs);
        let output = by_columns(samples, outputs, |first, width, output| {
            let weight = Matrix::new(&weight[first * inputs..], width, inputs);
            product(output, width, false, x, weight.t());
            for row in output.chunks_exact_mut(width) {
                for (number, bias) in row.iter_mut().zip(&bias[first..]) {
                    *number = activation.of(*number + bias);
                }
            }
        });
        Ok((CpuStorage::F32(output), Shape::from((samples, outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let &Linear { samples, inputs, outputs, activation } = self;
        let tensors = (Numbers::of(x)?, Numbers::of(weight)?, Numbers::of(output)?);
        let (x_numbers, weight_numbers, output) = (&*tensors.0, &*tensors.1, &*tensors.2);
        let mut gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        Affine { scale: 1.0, shift: 0.0, activation }.mask(output, 0.0, &mut gradient);
        let matrix = Matrix::new(&gradient, samples, outputs);
        let of_x = x.track_op().then(|| {
            by_columns(samples, inputs, |first, width, of_x| {
                let weight = Matrix::with_pitch(&weight_numbers[first..], outputs, width, inputs);
                product(of_x, width, false, matrix, weight);
            })
        });
        let mut of_weight = vec![0f32; outputs * inputs];
        let pieces = of_weight.par_chunks_mut((PIECE * inputs).max(1)).enumerate();
        pieces.for_each(|(piece, of_weight)| {
            let (first, rows) = (piece * PIECE, of_weight.len() / inputs);
            let gradient = Matrix::with_pitch(&gradient[first..], samples, rows, outputs);
            let x = Matrix::new(x_numbers, samples, inputs);
            product(of_weight, inputs, false, gradient.t(), x);
        });
        let sum = |output: usize| -> f64 {
            (0..samples).map(|sample| f64::from(gradient[sample * outputs + output])).sum()
        };
        let of_bias: Vec<f32> = (0..outputs).map(|output| sum(output) as f32).collect();
        let tensor =
            |numbers, like: &Tensor| Tensor::from_vec(numbers, like.shape(), like.device());
        Ok((
            of_x.map(|of_x| tensor(of_x, x)).transpose()?,
            Some(tensor(of_weight, weight)?),
            Some(tensor(of_bias, bias)?),
        ))
    }
}
