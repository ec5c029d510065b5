//! Every operation against PyTorch, in value and gradient: tests/fixtures/ops, with the script that made it.

use std::collections::{HashMap, HashSet};

use super::*;

type Tensors = HashMap<String, Tensor>;

fn fixture() -> Tensors {
    let bytes = include_bytes!("../../../../../tests/fixtures/ops/ops.safetensors");
    candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap()
}

fn check(tensors: &Tensors, name: &str, f: Function<'_>) {
    compare(tensors, name, f);
    as_on_gpu(|| compare(tensors, &format!("{name}, as on a GPU"), f));
}

fn compare(tensors: &Tensors, name: &str, f: Function<'_>) {
    let what = name;
    let name = name.trim_end_matches(", as on a GPU");
    let of = |ending: &str| tensors.get(&format!("{name}.{ending}"));
    let inputs: Vec<Var> = (0..)
        .map_while(|number| of(&number.to_string()))
        .map(|input| Var::from_tensor(input).unwrap())
        .collect();
    let plain: Vec<Tensor> = inputs.iter().map(|input| input.as_tensor().clone()).collect();
    let output = f(&plain).unwrap();
    let off = difference(&output, of("out").unwrap());
    assert!(off < 2e-5, "{what}: {off}");
    let gradients = (output * of("w").unwrap()).unwrap().sum_all().unwrap().backward().unwrap();
    for (number, input) in inputs.iter().enumerate() {
        let expected = of(&format!("g{number}")).unwrap();
        let off = difference(gradients.get(input).unwrap(), expected);
        assert!(off < 5e-5, "{what}, gradient {number}: {off}");
    }
}

fn norm<'a>(t: &'a [Tensor], at: usize, mean: &'a Tensor, variance: &'a Tensor) -> Norm<'a> {
    Norm { weight: &t[at], bias: &t[at + 1], mean, variance, eps: 1e-3 }
}

#[test]
fn values_and_gradients_are_those_of_pytorch_at_ties_and_bends_too() {
    let tensors = fixture();
    let (one, none, below) = (sides([1; 4]), Sides::default(), sides([0, 1, 0, 1]));
    let (across, down) = (sides([0, 0, 3, 3]), sides([3, 3, 0, 0]));
    let [mean, variance] = ["mean", "var"].map(|of| tensors[&format!("norm stored.{of}")].clone());
    let unused = numbers(1, &[4]);
    let unused6 = numbers(1, &[6]);
    let mut tested = HashSet::new();
    let mut case = |name: &'static str, f: Function<'_>| {
        check(&tensors, name, f);
        tested.insert(name);
    };
    case("conv 3x3", &|t| conv2d(&t[0], &t[1], 1, one));
    case("conv 3x3 stride 2", &|t| conv2d(&t[0], &t[1], 2, one));
    case("conv 3x3 stride 2 below", &|t| conv2d(&t[0], &t[1], 2, below));
    case("conv 1x7", &|t| conv2d(&t[0], &t[1], 1, across));
    case("conv 7x1", &|t| conv2d(&t[0], &t[1], 1, down));
    case("conv 5x5", &|t| conv2d(&t[0], &t[1], 1, sides([2; 4])));
    case("conv 1x1", &|t| pointwise(&t[0], &t[1]));
    case("conv of one pixel", &|t| conv2d(&t[0], &t[1], 1, one));
    case("depthwise", &|t| depthwise(&t[0], &t[1], 1, one));
    case("depthwise stride 2", &|t| depthwise(&t[0], &t[1], 2, one));
    case("depthwise stride 2 below", &|t| depthwise(&t[0], &t[1], 2, below));
    case("relu", &|t| activate(&t[0], Activation::Relu));
    case("relu6", &|t| activate(&t[0], Activation::Relu6));
    case("bias relu6", &|t| bias(&t[0], &t[1], Activation::Relu6));
    case("max 2x2", &|t| max_pool(&t[0], 2, 2, none));
    case("max 3x3 stride 2", &|t| max_pool(&t[0], 3, 2, none));
    case("max 3x3 stride 2 padded", &|t| max_pool(&t[0], 3, 2, one));
    case("mean 3x3 padded", &|t| average_pool(&t[0], 3, 1, one));
    case("mean 2x2", &|t| average_pool(&t[0], 2, 2, none));
    case("adaptive 7 of 9x8", &|t| adaptive_average_pool(&t[0], 7));
    case("adaptive 7 of 3x5", &|t| adaptive_average_pool(&t[0], 7));
    case("global mean", &|t| global_average_pool(&t[0]));
    case("residual", &|t| residual(&t[0], &t[1], 0.17, Activation::Relu));
    case("linear", &|t| linear(&t[0], &t[1], &t[2], Activation::Relu, F32));
    case("norm of a batch", &|t| {
        let norm = norm(t, 1, &unused, &unused);
        Ok(norm_batch(&t[0], norm, Activation::Relu6)?.output)
    });
    case("norm stored", &|t| norm_stored(&t[0], norm(t, 1, &mean, &variance), Activation::Relu));
    case("inverted residual", &|t| {
        let stage = |at: usize, stride, sides, depthwise, activation| {
            let unused = if at == 7 { &unused } else { &unused6 };
            Stage {
                convolution: Some(Convolution { kernel: &t[at], stride, sides, depthwise }),
                after: After::Batch(norm(t, at + 1, unused, unused)),
                activation,
            }
        };
        let stages = [
            stage(1, 1, none, false, Activation::Relu6),
            stage(4, 2, one, true, Activation::Relu6),
            stage(7, 1, none, false, Activation::None),
        ];
        Ok(chain(&t[0], &stages, F32)?.output)
    });
    for key in tensors.keys().filter_map(|key| key.strip_suffix(".out")) {
        assert!(tested.contains(key), "{key} is not tested");
    }
}
