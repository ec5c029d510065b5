//! Stages one after the other as one operation.

use super::*;

/// Stages as those of an inverted residual between a strided convolution and one with a bias.
pub(super) fn stages(t: &[Tensor], is_batch: bool) -> Vec<Stage<'_>> {
    let norm = |at: usize| {
        let norm = Norm {
            weight: &t[at],
            bias: &t[at + 1],
            mean: &t[at + 2],
            variance: &t[at + 3],
            eps: 1e-3,
        };
        if is_batch { After::Batch(norm) } else { After::Stored(norm) }
    };
    let convolution = |at: usize, stride, around, depthwise| {
        Some(Convolution { kernel: &t[at], stride, sides: sides(around), depthwise })
    };
    vec![
        Stage {
            convolution: convolution(1, 2, [0, 1, 0, 1], false),
            after: norm(2),
            activation: Activation::Relu6,
        },
        Stage {
            convolution: convolution(6, 1, [0; 4], false),
            after: norm(7),
            activation: Activation::Relu,
        },
        Stage {
            convolution: convolution(11, 2, [1; 4], true),
            after: norm(12),
            activation: Activation::Relu6,
        },
        Stage { convolution: None, after: After::Nothing, activation: Activation::Relu },
        Stage {
            convolution: convolution(16, 1, [0; 4], false),
            after: norm(17),
            activation: Activation::None,
        },
        Stage {
            convolution: convolution(21, 1, [0, 0, 2, 1], false),
            after: After::Bias(&t[22]),
            activation: Activation::Relu,
        },
    ]
}

pub(super) fn inputs_of_stages(n: usize) -> Vec<Tensor> {
    let mut inputs = vec![numbers(1, &[n, 3, 21, 18])];
    let kernels: [(&[usize], usize); 4] =
        [(&[8, 3, 3, 3], 8), (&[24, 8, 1, 1], 24), (&[24, 1, 3, 3], 24), (&[10, 24, 1, 1], 10)];
    for (seed, (shape, channels)) in kernels.into_iter().enumerate() {
        let seed = 10 * seed as u64 + 2;
        inputs.push(numbers(seed, shape));
        inputs.push((numbers(seed + 1, &[channels]) + 1.2).unwrap());
        inputs.push((numbers(seed + 2, &[channels]) + 0.7).unwrap());
        inputs.push(numbers(seed + 3, &[channels]));
        inputs.push((numbers(seed + 4, &[channels]) + 1.5).unwrap());
    }
    inputs.push(numbers(50, &[7, 10, 1, 4]));
    inputs.push(numbers(51, &[7]));
    inputs
}

/// Only what has a gradient is an input of the test; the rest stands still.
pub(super) fn trained(inputs: &[Tensor]) -> (Vec<usize>, Vec<Tensor>) {
    let is_trained = |at: &usize| !matches!(at, 4 | 5 | 9 | 10 | 14 | 15 | 19 | 20);
    let places: Vec<usize> = (0..inputs.len()).filter(is_trained).collect();
    let tensors = places.iter().map(|&at| inputs[at].clone()).collect();
    (places, tensors)
}

pub(super) fn filled(all: &[Tensor], places: &[usize], t: &[Tensor]) -> Vec<Tensor> {
    let mut all = all.to_vec();
    for (&place, tensor) in places.iter().zip(t) {
        all[place] = tensor.clone();
    }
    all
}

#[test]
fn a_chain_is_its_stages_one_after_the_other_in_value_gradients_and_moments() {
    for (n, is_batch) in [(1, true), (3, true), (19, true), (1, false), (3, false)] {
        let all = inputs_of_stages(n);
        let (places, inputs) = trained(&all);
        agree(
            &format!("{n} images, batch statistics: {is_batch}"),
            &inputs,
            &|t| {
                let all = filled(&all, &places, t);
                Ok(chain(&all[0], &stages(&all, is_batch), F32)?.output)
            },
            &|t| {
                let all = filled(&all, &places, t);
                Ok(reference::chain(&all[0], &stages(&all, is_batch), F32)?.output)
            },
        );
        let moments = || chain(&all[0], &stages(&all, is_batch), F32).unwrap().moments;
        let (found, on_gpu) = (moments(), as_on_gpu(moments));
        let expected = reference::chain(&all[0], &stages(&all, is_batch), F32).unwrap().moments;
        assert_eq!([found.len(), on_gpu.len()], [expected.len(); 2]);
        let twice = found.iter().zip(&expected).chain(on_gpu.iter().zip(&expected));
        for (found, expected) in twice {
            assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                assert!(difference(&found.mean, &expected.mean) < 1e-5);
                assert!(difference(&found.variance, &expected.variance) < 1e-5);
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let all = inputs_of_stages(9);
    let (places, inputs) = trained(&all);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let tensors = with_gradients(&inputs, &|t| {
                let all = filled(&all, &places, t);
                Ok(chain(&all[0], &stages(&all, true), F32)?.output)
            });
            let bits = |tensor: &Tensor| -> Vec<u32> {
                let numbers = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                numbers.into_iter().map(f32::to_bits).collect()
            };
            tensors.iter().map(bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
}
