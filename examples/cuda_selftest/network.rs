//! What networks and their training are made of, forward and backward.

use candle_core::{D, DType, Device, Result, Tensor, Var};

use super::compare::{Check, Computed};

/// Sums of many products in another order.
const SUMS: f64 = 1e-4;
/// Functions such as exp, of which each library has its own.
const FUNCTIONS: f64 = 1e-5;
/// Products of 8 and 11 bits, whose sums may be rounded on the way.
const BF16: f64 = 2e-2;
const F16: f64 = 2e-3;

/// Numbers from −1 to 1, the same on every device: a linear congruential generator (Numerical Recipes).
pub(crate) fn numbers(seed: u32, shape: &[usize], device: &Device) -> Result<Tensor> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = std::iter::repeat_with(next).take(shape.iter().product()).collect();
    Tensor::from_vec(values, shape, device)
}

/// The result of `f`, and the gradients of a weighted sum of it with respect to each input.
fn with_gradients(
    inputs: &[Tensor],
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let variables = inputs.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let output = f(&inputs)?;
    let weights = numbers(99, output.dims(), output.device())?;
    let gradients = (&output * weights)?.sum_all()?.backward()?;
    let mut all = vec![output];
    for (variable, number) in variables.iter().zip(0..) {
        let gradient = gradients.get(variable).cloned();
        all.push(
            gradient.ok_or_else(|| {
                candle_core::Error::Msg(format!("input {number} has no gradient"))
            })?,
        );
    }
    Ok(all)
}

/// A check of a function of tensors of these shapes and of its gradients.
pub(crate) fn forward_and_backward<const N: usize>(
    name: &str,
    relative: f64,
    shapes: [&'static [usize]; N],
    f: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Check {
    Check::new(name, relative, move |device| -> Computed {
        let inputs = shapes.iter().zip(1..).map(|(shape, seed)| numbers(seed, shape, device));
        Ok(with_gradients(&inputs.collect::<Result<Vec<_>>>()?, &f)?)
    })
}

fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)
}

fn softmax(x: &Tensor) -> Result<Tensor> {
    let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
}

/// Every operation that training a network on photographs is made of.
pub(crate) fn checks() -> Vec<Check> {
    let mut checks = vec![
        forward_and_backward(
            "conv2d 3×3, padding 1",
            SUMS,
            [&[4, 16, 28, 28], &[24, 16, 3, 3]],
            |x| x[0].conv2d(&x[1], 1, 1, 1, 1),
        ),
        forward_and_backward(
            "conv2d 3×3, stride 2",
            SUMS,
            [&[4, 16, 28, 28], &[24, 16, 3, 3]],
            |x| x[0].conv2d(&x[1], 1, 2, 1, 1),
        ),
        forward_and_backward("conv2d 1×1", SUMS, [&[4, 16, 28, 28], &[24, 16, 1, 1]], |x| {
            x[0].conv2d(&x[1], 0, 1, 1, 1)
        }),
        forward_and_backward(
            "conv2d depthwise 3×3",
            SUMS,
            [&[4, 8, 28, 28], &[8, 1, 3, 3]],
            |x| x[0].conv2d(&x[1], 1, 1, 1, 8),
        ),
        forward_and_backward("max pooling 2×2", SUMS, [&[4, 8, 28, 28]], |x| x[0].max_pool2d(2)),
        forward_and_backward("average pooling 2×2", SUMS, [&[4, 8, 28, 28]], |x| {
            x[0].avg_pool2d(2)
        }),
        forward_and_backward("mean over height and width", SUMS, [&[4, 8, 28, 28]], |x| {
            x[0].mean(3)?.mean(2)
        }),
        forward_and_backward("matmul", SUMS, [&[64, 300], &[300, 130]], |x| x[0].matmul(&x[1])),
        forward_and_backward("matmul of a transposed one", SUMS, [&[64, 300], &[130, 300]], |x| {
            x[0].matmul(&x[1].t()?)
        }),
        forward_and_backward("bias", SUMS, [&[64, 130], &[130]], |x| x[0].broadcast_add(&x[1])),
        forward_and_backward("relu", SUMS, [&[64, 130]], |x| x[0].relu()),
        forward_and_backward("relu6 of 8 times the input", SUMS, [&[64, 130]], |x| {
            x[0].affine(8.0, 0.0)?.clamp(0f32, 6f32)
        }),
        forward_and_backward(
            "batch norm, of the batch's own moments",
            SUMS,
            [&[16, 8, 14, 14]],
            |x| {
                let flat = x[0].transpose(0, 1)?.contiguous()?.flatten_from(1)?;
                let centred = flat.broadcast_sub(&flat.mean_keepdim(1)?)?;
                let variance = centred.sqr()?.mean_keepdim(1)?;
                centred.broadcast_div(&variance.affine(1.0, 1e-5)?.sqrt()?)
            },
        ),
        forward_and_backward("softmax", FUNCTIONS, [&[64, 10]], |x| softmax(&x[0])),
        forward_and_backward("log-softmax", FUNCTIONS, [&[64, 10]], |x| log_softmax(&x[0])),
        forward_and_backward("cross entropy", FUNCTIONS, [&[64, 10]], |x| {
            let classes: Vec<u32> = (0..64).map(|row| row * 7 % 10).collect();
            let classes = Tensor::from_vec(classes, (64, 1), x[0].device())?;
            log_softmax(&x[0])?.gather(&classes, 1)?.neg()
        }),
        forward_and_backward("dropout by a mask", SUMS, [&[64, 130]], |x| {
            let mask: Vec<u8> = (0..64 * 130).map(|i| u8::from(i % 3 > 0)).collect();
            let mask = Tensor::from_vec(mask, (64, 130), x[0].device())?;
            mask.where_cond(&x[0].affine(1.5, 0.0)?, &x[0].zeros_like()?)
        }),
        Check::new("argmax", 0.0, |device| Ok(vec![numbers(1, &[64, 10], device)?.argmax(1)?])),
        Check::new("SGD with momentum, 10 steps", SUMS, |device| Ok(vec![momentum(device)?])),
        Check::new("Adam, 10 steps", SUMS, |device| Ok(vec![adam(device)?])),
    ];
    for (dtype, relative) in [(DType::F16, F16), (DType::BF16, BF16)] {
        checks.push(Check::new(format!("matmul, {dtype:?}"), relative, move |device| {
            let inputs = halves(dtype, [&[64, 300], &[300, 130]], device)?;
            Ok(vec![inputs[0].matmul(&inputs[1])?.to_dtype(dtype)?])
        }));
        checks.push(Check::new(format!("conv2d 3×3, {dtype:?}"), relative, move |device| {
            let inputs = halves(dtype, [&[2, 8, 14, 14], &[8, 8, 3, 3]], device)?;
            Ok(vec![inputs[0].conv2d(&inputs[1], 1, 1, 1, 1)?.to_dtype(dtype)?])
        }));
    }
    checks
}

/// Numbers rounded to a type of 16 bits. On the CPU they are float32 again: Candle has no convolution of
/// bf16 there, and float32 is the better reference.
fn halves(dtype: DType, shapes: [&[usize]; 2], device: &Device) -> Result<Vec<Tensor>> {
    let inputs = shapes.into_iter().zip(1..).map(|(shape, seed)| {
        let rounded = numbers(seed, shape, device)?.to_dtype(dtype)?;
        if device.is_cpu() { rounded.to_dtype(DType::F32) } else { Ok(rounded) }
    });
    inputs.collect()
}

/// Gradients of a small regression, `mean((x·w − y)²)`.
fn gradient(weights: &Var, device: &Device) -> Result<Tensor> {
    let (x, y) = (numbers(5, &[32, 20], device)?, numbers(6, &[32, 4], device)?);
    let loss = x.matmul(weights.as_tensor())?.sub(&y)?.sqr()?.mean_all()?;
    let gradients = loss.backward()?;
    let none = || candle_core::Error::Msg("no gradient".to_owned());
    gradients.get(weights).cloned().ok_or_else(none)
}

fn momentum(device: &Device) -> Result<Tensor> {
    let weights = Var::from_tensor(&numbers(7, &[20, 4], device)?)?;
    let mut velocity = weights.zeros_like()?;
    for _ in 0..10 {
        velocity = (velocity.affine(0.9, 0.0)? + gradient(&weights, device)?)?;
        weights.set(&weights.sub(&velocity.affine(0.1, 0.0)?)?)?;
    }
    Ok(weights.as_detached_tensor())
}

/// Adam with its usual constants (Kingma and Ba 2015, algorithm 1).
fn adam(device: &Device) -> Result<Tensor> {
    let weights = Var::from_tensor(&numbers(7, &[20, 4], device)?)?;
    let (mut first, mut second) = (weights.zeros_like()?, weights.zeros_like()?);
    for step in 1..=10 {
        let gradient = gradient(&weights, device)?;
        first = (first.affine(0.9, 0.0)? + gradient.affine(0.1, 0.0)?)?;
        second = (second.affine(0.999, 0.0)? + gradient.sqr()?.affine(0.001, 0.0)?)?;
        let unbiased =
            |moment: &Tensor, beta: f64| moment.affine(1.0 / (1.0 - beta.powi(step)), 0.0);
        let scale = unbiased(&second, 0.999)?.sqrt()?.affine(1.0, 1e-8)?;
        let update = unbiased(&first, 0.9)?.div(&scale)?;
        weights.set(&weights.sub(&update.affine(0.01, 0.0)?)?)?;
    }
    Ok(weights.as_detached_tensor())
}
