//! Every operation against its plain version, in value and gradient.

mod chains;
mod half;
mod torch;

use candle_core::{DType, Device, Result, Tensor, Var};
use proptest::prelude::*;

use super::*;
use tcolz_base::random::Random;

type Function<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;
type View = fn(&Tensor) -> Result<Tensor>;

/// Numbers from −1 to 1.
fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    let mut random = Random::new("ops-test", &[seed]);
    let count = shape.iter().product::<usize>();
    let numbers: Vec<f32> = (0..count).map(|_| (random.unit() * 2.0 - 1.0) as f32).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// The output of `f`, and the gradients of a weighted sum of it by each input.
fn with_gradients(inputs: &[Tensor], f: Function<'_>) -> Vec<Tensor> {
    let variables: Vec<Var> = inputs.iter().map(|input| Var::from_tensor(input).unwrap()).collect();
    let inputs: Vec<Tensor> = variables.iter().map(|input| input.as_tensor().clone()).collect();
    let output = f(&inputs).unwrap();
    let weights = numbers(99, output.dims());
    let gradients = (&output * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let of = |variable: &Var| gradients.get(variable).unwrap().clone();
    std::iter::once(output.clone()).chain(variables.iter().map(of)).collect()
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let [a, b] = [a, b].map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    let largest = b.iter().fold(1f32, |largest, b| largest.max(b.abs()));
    let pairs = a.iter().zip(&b);
    pairs.fold(0f32, |most, (a, b)| if a == b { most } else { most.max((a - b).abs() / largest) })
}

#[track_caller]
fn agree(what: &str, inputs: &[Tensor], ours: Function<'_>, plain: Function<'_>) {
    let expected = with_gradients(inputs, plain);
    let places = [
        ("the CPU", with_gradients(inputs, ours)),
        ("a GPU", as_on_gpu(|| with_gradients(inputs, ours))),
    ];
    for (place, found) in places {
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let difference = difference(found, expected);
            assert!(
                difference < 2e-5,
                "{what} of {place}: output and gradients, number {number}: {difference}"
            );
        }
    }
}

const F32: Precision = Precision::F32;
const ACTIVATIONS: [Activation; 3] = [Activation::None, Activation::Relu, Activation::Relu6];

fn sides([top, bottom, left, right]: [usize; 4]) -> Sides {
    Sides { top, bottom, left, right }
}

/// n, inputs, outputs; height, width; rows, columns; stride; sides.
type Case = ([usize; 3], [usize; 2], [usize; 2], usize, [usize; 4]);

const CASES: [Case; 16] = [
    ([2, 3, 4], [7, 9], [3, 3], 1, [1, 1, 1, 1]),
    ([1, 1, 1], [1, 1], [1, 1], 1, [0; 4]),
    ([1, 1, 1], [1, 1], [3, 3], 1, [1; 4]),
    ([3, 2, 5], [1, 1], [3, 3], 2, [1; 4]),
    ([2, 5, 3], [8, 8], [3, 3], 2, [0, 1, 0, 1]),
    ([2, 5, 3], [9, 7], [3, 3], 2, [1; 4]),
    ([1, 2, 6], [17, 33], [3, 3], 1, [1; 4]),
    ([2, 2, 2], [11, 10], [3, 3], 2, [0; 4]),
    ([2, 2, 2], [13, 12], [3, 3], 3, [1, 0, 2, 0]),
    ([2, 3, 4], [9, 8], [1, 7], 1, [0, 0, 3, 3]),
    ([2, 3, 4], [9, 8], [7, 1], 1, [3, 3, 0, 0]),
    ([2, 3, 4], [8, 9], [5, 5], 1, [2; 4]),
    ([2, 3, 4], [10, 9], [5, 5], 2, [2, 1, 0, 3]),
    ([2, 3, 4], [5, 6], [1, 1], 2, [0; 4]),
    ([2, 3, 4], [5, 6], [1, 1], 1, [1, 0, 0, 2]),
    ([7, 4, 33], [5, 13], [1, 1], 1, [0; 4]),
];

#[test]
fn convolutions_are_those_of_candle_whatever_window_stride_and_sides() {
    for (number, &([n, inputs, outputs], [height, width], [rows, columns], stride, around)) in
        CASES.iter().enumerate()
    {
        let what = format!("case {number}");
        let (x, sides) = (numbers(1, &[n, inputs, height, width]), sides(around));
        let kernel = numbers(2, &[outputs, inputs, rows, columns]);
        agree(&what, &[x.clone(), kernel], &|t| conv2d(&t[0], &t[1], stride, sides), &|t| {
            reference::conv2d(&t[0], &t[1], stride, sides)
        });
        let kernel = numbers(3, &[inputs, 1, rows, columns]);
        agree(&what, &[x.clone(), kernel], &|t| depthwise(&t[0], &t[1], stride, sides), &|t| {
            reference::depthwise(&t[0], &t[1], stride, sides)
        });
        if [rows, columns] == [1, 1] {
            agree(
                &what,
                &[x, numbers(4, &[outputs, inputs, 1, 1])],
                &|t| pointwise(&t[0], &t[1]),
                &|t| reference::pointwise(&t[0], &t[1]),
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_convolution_and_any_pool_agree_with_their_plain_versions(
        (n, inputs, outputs) in (1usize..4, 1usize..5, 1usize..5),
        (height, width) in (1usize..20, 1usize..20),
        (rows, columns, stride) in (1usize..5, 1usize..5, 1usize..4),
        around in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
    ) {
        let sides = sides(around);
        prop_assume!(height + sides.top + sides.bottom >= rows);
        prop_assume!(width + sides.left + sides.right >= columns);
        let x = numbers(1, &[n, inputs, height, width]);
        agree(
            "conv2d",
            &[x.clone(), numbers(2, &[outputs, inputs, rows, columns])],
            &|t| conv2d(&t[0], &t[1], stride, sides),
            &|t| reference::conv2d(&t[0], &t[1], stride, sides),
        );
        agree(
            "depthwise",
            &[x.clone(), numbers(2, &[inputs, 1, rows, columns])],
            &|t| depthwise(&t[0], &t[1], stride, sides),
            &|t| reference::depthwise(&t[0], &t[1], stride, sides),
        );
        // A window in the padding alone has no largest number and no mean.
        let most = around.iter().copied().max().unwrap_or(0);
        if most < rows && height.min(width) >= rows {
            agree(
                "max pool",
                std::slice::from_ref(&x),
                &|t| max_pool(&t[0], rows, stride, sides),
                &|t| reference::max_pool(&t[0], rows, stride, sides),
            );
            agree(
                "average pool",
                &[x],
                &|t| average_pool(&t[0], rows, stride, sides),
                &|t| reference::average_pool(&t[0], rows, stride, sides),
            );
        }
    }
}

/// Numbers of which a third is 0 and a third 6.
fn with_ties(seed: u64, shape: &[usize]) -> Tensor {
    let mut random = Random::new("ops-ties", &[seed]);
    let count = shape.iter().product::<usize>();
    let of = |kind: u64, value: f64| match kind {
        0 => 0.0,
        1 => 6.0,
        _ => (value * 16.0 - 5.0) as f32,
    };
    let numbers: Vec<f32> = (0..count).map(|_| of(random.below(3), random.unit())).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

#[test]
fn pools_and_activations_agree_where_numbers_are_equal_or_at_the_bends() {
    for (shape, kernel, stride, around) in [
        ([2, 3, 6, 8], 2, 2, [0; 4]),
        ([2, 3, 7, 9], 3, 2, [0; 4]),
        ([1, 1, 7, 7], 3, 2, [1; 4]),
        ([1, 2, 5, 6], 3, 1, [1; 4]),
        ([1, 2, 1, 1], 1, 1, [0; 4]),
    ] {
        let (x, sides) = (with_ties(1, &shape), sides(around));
        agree(
            "max pool",
            std::slice::from_ref(&x),
            &|t| max_pool(&t[0], kernel, stride, sides),
            &|t| reference::max_pool(&t[0], kernel, stride, sides),
        );
        for activation in ACTIVATIONS {
            agree("activation", std::slice::from_ref(&x), &|t| activate(&t[0], activation), &|t| {
                reference::activate(&t[0], activation)
            });
            agree(
                "residual",
                &[x.clone(), with_ties(2, &shape)],
                &|t| residual(&t[0], &t[1], 0.5, activation),
                &|t| reference::residual(&t[0], &t[1], 0.5, activation),
            );
        }
    }
    agree(
        "an activation of features",
        &[with_ties(3, &[5, 19])],
        &|t| activate(&t[0], Activation::Relu6),
        &|t| reference::activate(&t[0], Activation::Relu6),
    );
}

#[test]
fn adaptive_and_global_means_agree_for_grids_smaller_and_larger_than_the_image() {
    for (height, width) in [(7, 7), (8, 9), (14, 14), (3, 5), (1, 1)] {
        let x = numbers(1, &[2, 3, height, width]);
        for side in [1, 2, 7] {
            agree(
                "adaptive average pool",
                std::slice::from_ref(&x),
                &|t| adaptive_average_pool(&t[0], side),
                &|t| reference::adaptive_average_pool(&t[0], side),
            );
        }
        agree("mean", &[x], &|t| global_average_pool(&t[0]), &|t| t[0].flatten_from(2)?.mean(2));
    }
}

#[test]
fn biases_and_both_kinds_of_batch_norm_agree_with_each_activation() {
    for (shape, activation) in [[3, 5, 7, 6], [1, 1, 1, 2], [2, 40, 1, 1], [4, 2, 17, 3]]
        .iter()
        .zip(ACTIVATIONS.iter().cycle())
    {
        let (channels, activation) = (shape[1], *activation);
        let x = (numbers(1, shape) * 4.0).unwrap();
        let (weight, bias_) = (numbers(2, &[channels]), (numbers(3, &[channels]) + 1.0).unwrap());
        let (mean, variance) = (numbers(4, &[channels]), (numbers(5, &[channels]) + 1.5).unwrap());
        let inputs = [x, weight, bias_];
        agree(
            "bias",
            &[inputs[0].clone(), inputs[2].clone()],
            &|t| bias(&t[0], &t[1], activation),
            &|t| reference::bias(&t[0], &t[1], activation),
        );
        fn norm<'a>(t: &'a [Tensor], mean: &'a Tensor, variance: &'a Tensor) -> Norm<'a> {
            Norm { weight: &t[1], bias: &t[2], mean, variance, eps: 1e-3 }
        }
        agree(
            "stored",
            &inputs,
            &|t| norm_stored(&t[0], norm(t, &mean, &variance), activation),
            &|t| reference::norm_stored(&t[0], norm(t, &mean, &variance), activation),
        );
        agree(
            "batch",
            &inputs,
            &|t| Ok(norm_batch(&t[0], norm(t, &mean, &variance), activation)?.output),
            &|t| Ok(reference::norm_batch(&t[0], norm(t, &mean, &variance), activation)?.output),
        );
        let norm = norm(&inputs, &mean, &variance);
        let found = norm_batch(&inputs[0], norm, activation).unwrap();
        let expected = reference::norm_batch(&inputs[0], norm, activation).unwrap();
        assert!(difference(&found.mean, &expected.mean) < 1e-5);
        assert!(difference(&found.variance, &expected.variance) < 1e-5);
    }
}

#[test]
fn a_gradient_asked_for_twice_is_the_same() {
    let x = Var::from_tensor(&numbers(1, &[2, 3, 5, 5])).unwrap();
    let kernel = Var::from_tensor(&numbers(2, &[4, 3, 3, 3])).unwrap();
    let output =
        conv2d(x.as_tensor(), kernel.as_tensor(), 1, sides([1; 4])).unwrap().sum_all().unwrap();
    let (first, second) = (output.backward().unwrap(), output.backward().unwrap());
    for variable in [&x, &kernel] {
        let [first, second] = [&first, &second].map(|gradients| gradients.get(variable).unwrap());
        assert_eq!(difference(first, second), 0.0);
        assert!(first.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap() > 0.0);
    }
}

#[test]
fn linear_layers_agree_whatever_their_sizes() {
    for (samples, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (2, 300, 520), (9, 513, 3)] {
        for activation in ACTIVATIONS {
            agree(
                "linear",
                &[
                    numbers(1, &[samples, inputs]),
                    numbers(2, &[outputs, inputs]),
                    numbers(3, &[outputs]),
                ],
                &|t| linear(&t[0], &t[1], &t[2], activation, F32),
                &|t| reference::linear(&t[0], &t[1], &t[2], activation, F32),
            );
        }
    }
}

#[test]
fn dropout_is_its_definition_in_value_and_gradient() {
    let key = MaskKey { seed: 7, step: 3, layer: 1 };
    for (shape, probability) in
        [(vec![70_001], 0.5), (vec![3, 5], 0.2), (vec![2, 9], 0.0), (vec![6], 0.999)]
    {
        agree("dropout", &[numbers(1, &shape)], &|t| dropout(&t[0], probability, key), &|t| {
            reference::dropout(&t[0], probability, key)
        });
    }
    // The first numbers of the definition, which never change: 1 where they are kept.
    let ones = Tensor::ones(24, DType::F32, &Device::Cpu).unwrap();
    let mask = dropout(&ones, 0.5, key).unwrap().to_vec1::<f32>().unwrap();
    let mask: String = mask.iter().map(|&kept| if kept > 0.0 { '1' } else { '0' }).collect();
    assert_eq!(mask, DROPOUT_BITS);
}

const DROPOUT_BITS: &str = "100010100010110111111010";

/// Shapes as they are stored, and how images are seen in them: narrowed, turned, spread by broadcasting.
fn layouts(shape: [usize; 4]) -> Vec<(Vec<usize>, View)> {
    let [n, c, h, w] = shape;
    vec![
        (vec![n + 2, c, h, w], |x| x.narrow(0, 1, x.dim(0)? - 2)),
        (vec![n, c + 3, h, w], |x| x.narrow(1, 2, x.dim(1)? - 3)),
        (vec![n, c, h, w + 1], |x| x.narrow(3, 1, x.dim(3)? - 1)),
        (vec![n, c, w, h], |x| x.transpose(2, 3)),
        (vec![n, h, w, c], |x| x.permute((0, 3, 1, 2))),
        (vec![1, c, h, w], |x| x.broadcast_as((2, x.dim(1)?, x.dim(2)?, x.dim(3)?))),
    ]
}

#[test]
fn inputs_may_lie_in_memory_as_they_like() {
    let shape = [2, 3, 6, 5];
    for (stored, view) in layouts(shape) {
        let x = numbers(1, &stored);
        assert_eq!(view(&x).unwrap().dims(), shape);
        let sides = sides([1; 4]);
        // Kernels are turned, too.
        let kernels = [numbers(2, &[3, 3, 3, 4]), numbers(3, &[3, 3, 1, 3])];
        let used: Vec<Tensor> = std::iter::once(x.clone()).chain(kernels).collect();
        // Every input takes part, so that each has a gradient.
        let whole = |f: Function<'_>, t: &[Tensor]| -> Result<Tensor> {
            f(t)?.broadcast_add(&((t[1].sum_all()? + t[2].sum_all()?)? * 1e-3)?)
        };
        let both = |what: &str, ours: Function<'_>, plain: Function<'_>| {
            let what = format!("{what}, {stored:?}");
            agree(&what, &used, &|t| whole(ours, t), &|t| whole(plain, t));
        };
        both("conv2d", &|t| conv2d(&view(&t[0])?, &t[1].permute((3, 0, 1, 2))?, 1, sides), &|t| {
            let kernel = t[1].permute((3, 0, 1, 2))?.contiguous()?;
            reference::conv2d(&view(&t[0])?.contiguous()?, &kernel, 1, sides)
        });
        both(
            "depthwise",
            &|t| depthwise(&view(&t[0])?, &t[2].permute((3, 2, 0, 1))?, 2, sides),
            &|t| {
                let kernel = t[2].permute((3, 2, 0, 1))?.contiguous()?;
                reference::depthwise(&view(&t[0])?.contiguous()?, &kernel, 2, sides)
            },
        );
        both("max pool", &|t| max_pool(&view(&t[0])?, 2, 2, Sides::default()), &|t| {
            reference::max_pool(&view(&t[0])?.contiguous()?, 2, 2, Sides::default())
        });
        let key = MaskKey { seed: 1, step: 1, layer: 0 };
        both(
            "activation, residual, dropout",
            &|t| {
                let x = view(&t[0])?;
                let y = residual(&activate(&x, Activation::Relu)?, &x, 0.5, Activation::None)?;
                dropout(&y, 0.5, key)
            },
            &|t| {
                let x = view(&t[0])?.contiguous()?;
                let y = reference::activate(&x, Activation::Relu)?;
                reference::dropout(&reference::residual(&y, &x, 0.5, Activation::None)?, 0.5, key)
            },
        );
        // The gradient of an output that is read in another order comes in another layout.
        agree(
            "turned output",
            &[x],
            &|t| {
                max_pool(&view(&t[0])?, 2, 1, Sides::default())?
                    .transpose(1, 3)?
                    .sqr()?
                    .transpose(1, 2)
            },
            &|t| {
                let x = view(&t[0])?.contiguous()?;
                reference::max_pool(&x, 2, 1, Sides::default())?
                    .transpose(1, 3)?
                    .sqr()?
                    .transpose(1, 2)
            },
        );
    }
    let linear_inputs = [numbers(1, &[6, 4]), numbers(2, &[6, 5]), numbers(3, &[1])];
    agree(
        "linear",
        &linear_inputs,
        &|t| linear(&t[0].t()?, &t[1].t()?, &t[2].broadcast_as(5)?, Activation::Relu, F32),
        &|t| {
            reference::linear(
                &t[0].t()?.contiguous()?,
                &t[1].t()?.contiguous()?,
                &t[2].broadcast_as(5)?.contiguous()?,
                Activation::Relu,
                F32,
            )
        },
    );
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_both() {
    let x = numbers(1, &[1, 3, 4, 4]);
    let none = Sides::default();
    let errors = [
        conv2d(&x, &numbers(2, &[2, 4, 3, 3]), 1, none).unwrap_err(),
        conv2d(&x, &numbers(2, &[2, 3, 5, 5]), 1, none).unwrap_err(),
        depthwise(&x, &numbers(2, &[2, 1, 3, 3]), 1, none).unwrap_err(),
        bias(&x, &numbers(2, &[4]), Activation::None).unwrap_err(),
        max_pool(&x, 5, 1, none).unwrap_err(),
        max_pool(&x, 1, 1, sides([1; 4])).unwrap_err(),
        residual(&x, &numbers(2, &[1, 3, 4, 5]), 1.0, Activation::None).unwrap_err(),
        linear(
            &numbers(1, &[2, 3]),
            &numbers(2, &[4, 5]),
            &numbers(3, &[4]),
            Activation::None,
            F32,
        )
        .unwrap_err(),
        conv2d(&x.narrow(2, 0, 0).unwrap(), &numbers(2, &[2, 3, 1, 1]), 1, none).unwrap_err(),
    ];
    let words =
        ["3 channels", "5, 5", "3 channels", "3 channels", "5 × 5", "padding", "4, 5", "4, 5", "0"];
    for (error, words) in errors.iter().zip(words) {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn other_types_of_numbers_go_the_plain_way() {
    let x = numbers(1, &[1, 2, 4, 4]).to_dtype(DType::F64).unwrap();
    let pooled = max_pool(&x, 2, 2, Sides::default()).unwrap();
    assert_eq!((pooled.dtype(), pooled.dims()), (DType::F64, &[1, 2, 2, 2][..]));
}
