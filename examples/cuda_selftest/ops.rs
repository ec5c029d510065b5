//! The operations of the networks of tcolz: by its kernels for the CPU and for CUDA.

use candle_core::{Result, Tensor};
use tcolz::nn::Precision;
use tcolz::nn::ops::{
    self, After, Convolution, MaskKey, Norm, Stage, adaptive_average_pool, average_pool, max_pool,
};
use tcolz::nn::spec::{Activation, Sides};

use super::compare::Check;
use super::network::{forward_and_backward, numbers};

/// Sums of many products in another order.
const SUMS: f64 = 1e-4;
const AROUND: Sides = Sides { top: 1, bottom: 1, left: 1, right: 1 };
const BELOW: Sides = Sides { top: 0, bottom: 1, left: 0, right: 1 };
const WIDE: Sides = Sides { top: 0, bottom: 0, left: 3, right: 3 };
const NONE: Sides = Sides { top: 0, bottom: 0, left: 0, right: 0 };

/// Numbers of which many are equal, or at the bends of ReLU6, where gradients are a matter of definition.
fn coarse(x: &Tensor) -> Result<Tensor> {
    // The rounding has no gradient: what is added is a constant.
    let rounded = x.affine(4.0, 3.0)?.round()?.detach();
    rounded + x.affine(1.0, 0.0)?.sub(&x.detach())?
}

fn norm<'a>(x: &'a [Tensor], at: usize, moments: &'a [Tensor; 2]) -> Norm<'a> {
    let [mean, variance] = moments;
    Norm { weight: &x[at], bias: &x[at + 1], mean, variance, eps: 1e-3 }
}

fn moments(channels: usize, x: &Tensor) -> Result<[Tensor; 2]> {
    let variance = numbers(8, &[channels], x.device())?.affine(1.0, 1.5)?;
    Ok([numbers(7, &[channels], x.device())?, variance])
}

/// Every operation of `tcolz::nn::ops` with its gradients.
pub(crate) fn checks() -> Vec<Check> {
    let mut checks = vec![
        forward_and_backward(
            "tcolz: conv2d 3×3, sides",
            SUMS,
            [&[4, 8, 15, 14], &[12, 8, 3, 3]],
            |x| ops::conv2d(&x[0], &x[1], 1, AROUND),
        ),
        forward_and_backward("tcolz: conv2d 1×7", SUMS, [&[4, 8, 15, 14], &[12, 8, 1, 7]], |x| {
            ops::conv2d(&x[0], &x[1], 1, WIDE)
        }),
        forward_and_backward(
            "tcolz: conv2d, stride 2, one side",
            SUMS,
            [&[4, 3, 28, 28], &[12, 3, 3, 3]],
            |x| ops::conv2d(&x[0], &x[1], 2, BELOW),
        ),
        forward_and_backward("tcolz: pointwise", SUMS, [&[4, 24, 14, 14], &[16, 24, 1, 1]], |x| {
            ops::pointwise(&x[0], &x[1])
        }),
        forward_and_backward("tcolz: depthwise", SUMS, [&[4, 24, 15, 14], &[24, 1, 3, 3]], |x| {
            ops::depthwise(&x[0], &x[1], 1, AROUND)
        }),
        forward_and_backward(
            "tcolz: depthwise, stride 2, one side",
            SUMS,
            [&[4, 24, 28, 28], &[24, 1, 3, 3]],
            |x| ops::depthwise(&x[0], &x[1], 2, BELOW),
        ),
        forward_and_backward("tcolz: bias, relu", SUMS, [&[4, 8, 14, 14], &[8]], |x| {
            ops::bias(&x[0], &x[1], Activation::Relu)
        }),
        forward_and_backward("tcolz: linear, relu", SUMS, [&[16, 300], &[40, 300], &[40]], |x| {
            ops::linear(&x[0], &x[1], &x[2], Activation::Relu, Precision::F32)
        }),
        forward_and_backward("tcolz: relu6 with ties", SUMS, [&[64, 130]], |x| {
            ops::activate(&coarse(&x[0])?, Activation::Relu6)
        }),
        forward_and_backward("tcolz: residual", SUMS, [&[4, 8, 9, 9], &[4, 8, 9, 9]], |x| {
            ops::residual(&x[0], &x[1], 0.17, Activation::Relu)
        }),
        forward_and_backward("tcolz: max pool 2×2 with ties", SUMS, [&[4, 8, 14, 14]], |x| {
            max_pool(&coarse(&x[0])?, 2, 2, NONE)
        }),
        forward_and_backward("tcolz: max pool 3×3, stride 2", SUMS, [&[4, 8, 15, 15]], |x| {
            max_pool(&coarse(&x[0])?, 3, 2, AROUND)
        }),
        forward_and_backward("tcolz: average pool 3×3, sides", SUMS, [&[4, 8, 15, 15]], |x| {
            average_pool(&x[0], 3, 1, AROUND)
        }),
        forward_and_backward("tcolz: adaptive average pool", SUMS, [&[4, 8, 9, 11]], |x| {
            adaptive_average_pool(&x[0], 7)
        }),
        forward_and_backward("tcolz: global average pool", SUMS, [&[4, 8, 9, 11]], |x| {
            ops::global_average_pool(&x[0])
        }),
        forward_and_backward("tcolz: dropout", SUMS, [&[64, 130]], |x| {
            ops::dropout(&x[0], 0.5, MaskKey { seed: 1, step: 2, layer: 0 })
        }),
        forward_and_backward(
            "tcolz: BatchNorm, stored, relu6",
            SUMS,
            [&[4, 8, 9, 9], &[8], &[8]],
            |x| ops::norm_stored(&x[0], norm(x, 1, &moments(8, &x[0])?), Activation::Relu6),
        ),
        forward_and_backward(
            "tcolz: BatchNorm, of the batch, relu",
            SUMS,
            [&[4, 8, 9, 9], &[8], &[8]],
            |x| {
                let normed =
                    ops::norm_batch(&x[0], norm(x, 1, &moments(8, &x[0])?), Activation::Relu)?;
                Ok(normed.output)
            },
        ),
    ];
    checks.push(forward_and_backward(
        "tcolz: an inverted residual's body",
        SUMS,
        [
            &[4, 8, 14, 14],
            &[24, 8, 1, 1],
            &[24],
            &[24],
            &[24, 1, 3, 3],
            &[24],
            &[24],
            &[8, 24, 1, 1],
            &[8],
            &[8],
        ],
        |x| {
            let (wide, narrow) = (moments(24, &x[0])?, moments(8, &x[0])?);
            let stage = |at: usize, sides, depthwise, moments, activation| Stage {
                convolution: Some(Convolution { kernel: &x[at], stride: 1, sides, depthwise }),
                after: After::Batch(norm(x, at + 1, moments)),
                activation,
            };
            let stages = [
                stage(1, NONE, false, &wide, Activation::Relu6),
                stage(4, AROUND, true, &wide, Activation::Relu6),
                stage(7, NONE, false, &narrow, Activation::None),
            ];
            Ok(ops::chain(&x[0], &stages, Precision::F32)?.output)
        },
    ));
    for (precision, relative) in
        [(Precision::Tf32, 4e-3), (Precision::F16, 4e-3), (Precision::Bf16, 3e-2)]
    {
        let shapes: [&[usize]; 2] = [&[4, 8, 15, 14], &[12, 8, 3, 3]];
        let name = format!("tcolz: conv2d in {precision}");
        checks.push(forward_and_backward(&name, relative, shapes, move |x| {
            let convolution =
                Convolution { kernel: &x[1], stride: 1, sides: AROUND, depthwise: false };
            let (after, activation) = (After::Nothing, Activation::None);
            let stage = Stage { convolution: Some(convolution), after, activation };
            Ok(ops::chain(&x[0], &[stage], precision)?.output)
        }));
    }
    checks
}
