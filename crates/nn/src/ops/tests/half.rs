//! Convolutions and matrix products in float16 against float32, and dropout's draws on a GPU.

use super::chains::{filled, inputs_of_stages, stages, trained};
use super::*;

/// What float16 keeps of a number are eleven bits; sums and the next layers make of a unit in the last place so much.
const ROOM: f32 = 4e-3;
/// The same behind four convolutions and back.
const ROOM_OF_CHAIN: f32 = 4e-2;

#[test]
fn float16_is_float32_but_for_its_rounding_in_value_and_gradients() {
    for n in [1, 3] {
        let all = inputs_of_stages(n);
        let (places, inputs) = trained(&all);
        let run = |precision: Precision| {
            with_gradients(&inputs, &|t| {
                let all = filled(&all, &places, t);
                // The stored moments: those of a batch of one or two numbers multiply what is rounded.
                Ok(chain(&all[0], &stages(&all, false), precision)?.output)
            })
        };
        let (whole, half) = (run(Precision::F32), run(Precision::F16));
        let on_gpu = as_on_gpu(|| run(Precision::F16));
        for (number, ((whole, half), on_gpu)) in whole.iter().zip(&half).zip(&on_gpu).enumerate() {
            let off = difference(half, whole);
            assert!(off < ROOM_OF_CHAIN, "number {number}: {off}");
            assert!(number > 0 || off > 1e-6, "nothing was rounded");
            let off = difference(on_gpu, half);
            assert!(off < ROOM_OF_CHAIN, "number {number}, as on a GPU: {off}");
            assert_eq!(half.dtype(), DType::F32);
        }
    }
}

#[test]
fn a_linear_layer_in_float16_is_that_of_float32_but_for_its_rounding() {
    let inputs = [numbers(1, &[3, 40]), numbers(2, &[5, 40]), numbers(3, &[5])];
    let run = |precision: Precision| {
        with_gradients(&inputs, &|t| linear(&t[0], &t[1], &t[2], Activation::Relu, precision))
    };
    let (whole, half) = (run(Precision::F32), run(Precision::F16));
    let on_gpu = as_on_gpu(|| run(Precision::F16));
    for ((whole, half), on_gpu) in whole.iter().zip(&half).zip(&on_gpu) {
        assert!(difference(half, whole) < ROOM && difference(on_gpu, half) < ROOM);
    }
    assert!(difference(&half[0], &whole[0]) > 1e-6, "nothing was rounded");
}

#[test]
fn bfloat16_convolutions_are_float32_but_for_their_rounding() {
    let inputs = [numbers(1, &[2, 3, 9, 8]), numbers(2, &[4, 3, 3, 3])];
    let run = |precision: Precision| {
        with_gradients(&inputs, &|t| {
            let convolution =
                Convolution { kernel: &t[1], stride: 2, sides: sides([1; 4]), depthwise: false };
            let (after, activation) = (After::Nothing, Activation::None);
            let stage = Stage { convolution: Some(convolution), after, activation };
            Ok(chain(&t[0], &[stage], precision)?.output)
        })
    };
    let (whole, brain) = (run(Precision::F32), run(Precision::Bf16));
    for (whole, brain) in whole.iter().zip(&brain) {
        let off = difference(brain, whole);
        assert!(off < 3e-2 && off > 1e-5, "{off}");
    }
}

#[test]
fn dropout_of_a_gpu_draws_the_bits_of_the_cpu() {
    let x = numbers(1, &[3, 5, 7, 11]);
    for (step, probability) in [(0, 0.5), (7, 0.2), (1 << 40, 0.9)] {
        let key = MaskKey { seed: u64::MAX - 3, step, layer: 2 };
        let bits = |x: Tensor| -> Vec<u32> {
            let numbers = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            numbers.into_iter().map(f32::to_bits).collect()
        };
        let here = bits(dropout(&x, probability, key).unwrap());
        assert_eq!(here, bits(as_on_gpu(|| dropout(&x, probability, key)).unwrap()));
    }
}

#[test]
fn what_is_frozen_costs_no_gradient() {
    let kernel = numbers(2, &[4, 3, 3, 3]);
    let x = Var::from_tensor(&numbers(1, &[2, 3, 6, 5])).unwrap();
    let output = as_on_gpu(|| conv2d(x.as_tensor(), &kernel, 1, sides([1; 4]))).unwrap();
    let gradients = output.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some() && gradients.get(&kernel).is_none());
}
