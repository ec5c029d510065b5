use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::simd::Level;
use super::{Engine, Folded, cpu, device, fold};
use crate::spec::{
    Activation, BatchNorm, Conv, Layer, Linear, Padding, Pool, Residual, Role, Spec,
};
use crate::{Net, Network, PaddingStyle, Pass};
use tcolz_base::random::Random;

/// Numbers from −1 to 1.
fn numbers(name: &str, seed: u64, count: usize) -> Vec<f32> {
    let mut random = Random::new(name, &[seed]);
    (0..count).map(|_| (2.0 * random.unit() - 1.0) as f32).collect()
}

/// Weights that keep numbers of about the same size from layer to layer, and BatchNorms far from identities.
fn weights(spec: &Spec, seed: u64) -> HashMap<String, Tensor> {
    let tensor = |parameter: &crate::spec::Parameter| {
        let inputs = parameter.elements() / parameter.shape[0];
        let of = |middle: f32, reach: f32| -> Vec<f32> {
            let numbers = numbers(&parameter.key, seed, parameter.elements());
            numbers.into_iter().map(|number| middle + reach * number).collect()
        };
        let numbers = match parameter.role {
            Role::Kernel | Role::Matrix => of(0.0, (6.0 / inputs as f32).sqrt()),
            Role::Bias | Role::NormBias | Role::NormMean => of(0.0, 0.3),
            Role::NormWeight => of(1.0, 0.3),
            Role::NormVariance => of(1.0, 0.5),
        };
        let tensor = Tensor::from_vec(numbers, parameter.shape.clone(), &Device::Cpu).unwrap();
        (parameter.key.clone(), tensor)
    };
    spec.parameters().iter().map(tensor).collect()
}

fn photos(n: usize, [height, width]: [usize; 2]) -> Tensor {
    let numbers = numbers("photos", n as u64, n * 3 * height * width);
    Tensor::from_vec(numbers, (n, 3, height, width), &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference, relative to the largest number.
fn apart(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let (a, b) = (flat(a), flat(b));
    let largest = b.iter().fold(0f32, |largest, number| largest.max(number.abs()));
    assert!(largest > 1e-3, "there is something to compare");
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    apart.fold(0f32, |most, apart| if apart.is_nan() { f32::NAN } else { most.max(apart) })
        / largest
}

fn engine(spec: &Spec, tensors: &HashMap<String, Tensor>, level: Level) -> Folded {
    let weights = fold::fold(spec, tensors).unwrap();
    let engine = Engine::Cpu(cpu::Engine::new(spec, &weights, level));
    Folded { spec: spec.clone(), device: Device::Cpu, engine }
}

/// Every level, and Candle's operations on the folded weights, against the plain network.
fn compare(spec: &Spec, images: &Tensor) {
    let tensors = weights(spec, 1);
    let net = Net::new(spec.clone(), &tensors, &Device::Cpu).unwrap();
    let features = net.features(images, Pass::INFER).unwrap();
    let logits = net.logits(&features, Pass::INFER).unwrap();
    let folded = fold::fold(spec, &tensors).unwrap();
    let elsewhere = device::Tensors::new(spec, &folded, &Device::Cpu).unwrap();
    let elsewhere =
        Folded { spec: spec.clone(), device: Device::Cpu, engine: Engine::Device(elsewhere) };
    let levels = Level::all().into_iter().map(|level| engine(spec, &tensors, level));
    for engine in levels.chain([elsewhere]) {
        let found = engine.features(images).unwrap();
        let far = apart(&found, &features);
        assert!(far < 1e-4, "{}: features {far}", spec.network);
        let far = apart(&engine.logits(images).unwrap(), &logits);
        assert!(far < 1e-4, "{}: logits {far}", spec.network);
    }
}

#[test]
fn mobilenet_v2_is_what_the_plain_network_computes() {
    for (padding, eps, size) in [
        (PaddingStyle::Symmetric, 1e-5, [45, 70]),
        (PaddingStyle::TfSame, 1e-3, [64, 64]),
        (PaddingStyle::RightBottom, 1e-5, [33, 32]),
    ] {
        let mut properties = Network::MobileNetV2.properties();
        (properties.padding, properties.eps) = (padding, eps);
        compare(&Network::MobileNetV2.spec(&properties, 7), &photos(2, size));
    }
}

#[test]
fn mobilenet_v1_is_what_the_plain_network_computes() {
    for (padding, eps, size) in [
        (PaddingStyle::RightBottom, 1e-3, [64, 64]),
        (PaddingStyle::TfSame, 1e-5, [49, 50]),
        (PaddingStyle::Symmetric, 1e-3, [37, 32]),
    ] {
        let mut properties = Network::MobileNetV1.properties();
        (properties.padding, properties.eps) = (padding, eps);
        compare(&Network::MobileNetV1.spec(&properties, 3), &photos(1, size));
    }
}

/// The four-thousand-wide layers would take the most of this test's time: here they are thirty-two wide.
fn narrow_vgg19() -> Spec {
    let mut spec = Network::Vgg19.spec(&Network::Vgg19.properties(), 3);
    let linears = spec.head.iter_mut().filter_map(|layer| match layer {
        Layer::Linear(linear) => Some(linear),
        _ => None,
    });
    for (linear, (inputs, outputs)) in linears.zip([(25_088, 32), (32, 40), (40, 3)]) {
        (linear.inputs, linear.outputs) = (inputs, outputs);
    }
    spec
}

#[test]
fn vgg19_is_what_the_plain_network_computes() {
    compare(&narrow_vgg19(), &photos(1, [32, 45]));
}

#[test]
fn inception_resnet_v2_is_what_the_plain_network_computes() {
    let spec = Network::InceptionResNetV2.spec(&Network::InceptionResNetV2.properties(), 5);
    compare(&spec, &photos(1, [80, 75]));
}

fn conv(name: &str, channels: [usize; 2], kernel: [usize; 2], stride: usize) -> Conv {
    Conv {
        name: name.to_owned(),
        inputs: channels[0],
        outputs: channels[1],
        kernel,
        stride,
        padding: Padding::Symmetric(kernel.map(|side| side / 2)),
        depthwise: false,
        bias: false,
        batch_norm: Some(BatchNorm { name: format!("{name}.norm"), eps: 1e-4 }),
        activation: Activation::Relu,
    }
}

fn depthwise(name: &str, channels: usize, kernel: [usize; 2], stride: usize) -> Layer {
    Layer::Conv(Conv { depthwise: true, ..conv(name, [channels; 2], kernel, stride) })
}

/// What none of the four networks has, and layers may say: a photo pooled at once, odd channels joined, a
/// depthwise end of a residual, a branch of nothing, a stride of 3, windows larger than the image.
#[test]
fn whatever_layers_say_is_computed() {
    let residual = |body, scale, activation| Layer::Residual(Residual { body, scale, activation });
    let means = Pool { kernel: 3, stride: 1, padding: Padding::Symmetric([1, 1]) };
    let strided = Pool { kernel: 2, stride: 3, padding: Padding::Same };
    let mut linear = Conv { activation: Activation::None, ..conv("c", [5, 3], [1, 1], 1) };
    (linear.batch_norm, linear.bias) = (None, true);
    let backbone = vec![
        residual(
            vec![Layer::Conv(conv("a", [3, 5], [3, 1], 1)), Layer::Conv(linear)],
            0.5,
            Activation::Relu6,
        ),
        Layer::Branches(vec![
            vec![],
            vec![Layer::Conv(conv("d", [3, 18], [1, 1], 1))],
            vec![Layer::AveragePool(means), Layer::Conv(conv("e", [3, 16], [5, 3], 1))],
        ]),
        residual(vec![depthwise("f", 37, [5, 3], 1)], 0.3, Activation::None),
        Layer::Conv(conv("g", [37, 32], [1, 1], 1)),
        Layer::Branches(vec![
            vec![
                Layer::Conv(conv("h", [32, 48], [7, 1], 1)),
                Layer::Dropout { number: 0, probability: 0.5 },
            ],
            vec![Layer::Branches(vec![
                vec![depthwise("i", 32, [3, 3], 1), Layer::Conv(conv("j", [32, 16], [1, 1], 1))],
                vec![residual(
                    vec![Layer::Conv(conv("k", [32, 32], [3, 3], 1))],
                    1.5,
                    Activation::Relu,
                )],
            ])],
            vec![Layer::MaxPool(means)],
        ]),
        Layer::Conv(conv("l", [128, 20], [3, 3], 3)),
        depthwise("m", 20, [9, 9], 1),
        Layer::MaxPool(strided),
        Layer::AdaptiveAveragePool { side: 3 },
        Layer::Flatten,
    ];
    let last = Layer::Linear(Linear {
        name: "n".to_owned(),
        inputs: 180,
        outputs: 4,
        activation: Activation::Relu,
    });
    let mut spec = Network::Vgg19.spec(&Network::Vgg19.properties(), 4);
    (spec.backbone, spec.head) = (backbone, vec![last]);
    compare(&spec, &photos(3, [14, 23]));
    // Depthwise layers come first.
    spec.backbone = vec![
        depthwise("f", 3, [3, 3], 2),
        Layer::Conv(conv("l", [3, 20], [1, 1], 1)),
        Layer::AdaptiveAveragePool { side: 3 },
        Layer::Flatten,
    ];
    compare(&spec, &photos(2, [14, 23]));
}

#[test]
fn threads_and_batches_do_not_change_a_bit() {
    for (spec, size) in [
        (Network::MobileNetV2.spec(&Network::MobileNetV2.properties(), 3), [96, 80]),
        (Network::MobileNetV1.spec(&Network::MobileNetV1.properties(), 3), [64, 64]),
        (narrow_vgg19(), [32, 32]),
    ] {
        let engine = Folded::new(&spec, &weights(&spec, 2), &Device::Cpu).unwrap();
        let images = photos(7, size);
        let together = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| flat(&engine.logits(&images).unwrap()))
        };
        let expected = together(1);
        assert!(expected.iter().any(|logit| *logit != expected[0]));
        for threads in [2, 3, 5] {
            assert_eq!(expected, together(threads), "{} in {threads} threads", spec.network);
        }
        for photo in 0..7 {
            let alone = flat(&engine.logits(&images.narrow(0, photo, 1).unwrap()).unwrap());
            assert_eq!(alone, expected[photo * 3..][..3], "{}, photo {photo}", spec.network);
        }
    }
}

#[test]
fn avx2_and_avx512_give_the_same_bits() {
    let levels: Vec<Level> =
        Level::all().into_iter().filter(|level| *level != Level::Plain).collect();
    let spec = Network::MobileNetV2.spec(&Network::MobileNetV2.properties(), 3);
    let tensors = weights(&spec, 3);
    let images = photos(1, [50, 64]);
    let logits =
        levels.iter().map(|&level| flat(&engine(&spec, &tensors, level).logits(&images).unwrap()));
    let logits: Vec<Vec<f32>> = logits.collect();
    assert!(logits.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn several_callers_share_one_network() {
    let spec = Network::MobileNetV2.spec(&Network::MobileNetV2.properties(), 3);
    let engine = Folded::new(&spec, &weights(&spec, 4), &Device::Cpu).unwrap();
    let sizes = [[64, 64], [40, 56]];
    let expected = sizes.map(|size| flat(&engine.logits(&photos(3, size)).unwrap()));
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let (engine, expected) = (&engine, &expected);
            scope.spawn(move || {
                for turn in 0..4 {
                    let which = (caller + turn) % 2;
                    let found = flat(&engine.logits(&photos(3, sizes[which])).unwrap());
                    assert_eq!(found, expected[which]);
                }
            });
        }
    });
}

#[test]
fn what_does_not_fit_is_said() {
    let spec = Network::MobileNetV2.spec(&Network::MobileNetV2.properties(), 3);
    let mut tensors = weights(&spec, 5);
    let engine = Folded::new(&spec, &tensors, &Device::Cpu).unwrap();
    let gray = Tensor::zeros((1, 1, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
    let error = engine.features(&gray).unwrap_err().to_string();
    assert!(error.contains("expected 3 channels, found 1"), "{error}");
    let error = engine.head(&photos(1, [1, 5]).flatten_from(1).unwrap()).unwrap_err().to_string();
    assert!(error.contains("expected 1280 features, found 15"), "{error}");
    assert_eq!(
        engine.logits(&photos(1, [64, 64]).narrow(0, 0, 0).unwrap()).unwrap().dims(),
        [0, 3]
    );
    tensors
        .insert("features.0.1.running_var".into(), Tensor::new(&[1f32; 3], &Device::Cpu).unwrap());
    let error = Folded::new(&spec, &tensors, &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("features.0.1.running_var") && error.contains("[32]"), "{error}");
    tensors.remove("features.0.1.running_var");
    assert!(matches!(
        Folded::new(&spec, &tensors, &Device::Cpu),
        Err(crate::ModelError::MissingKey { .. })
    ));
}

#[test]
fn what_is_no_number_stays_none() {
    let spec = Network::MobileNetV2.spec(&Network::MobileNetV2.properties(), 3);
    let tensors = weights(&spec, 6);
    let mut images = flat(&photos(1, [32, 32]));
    images[500] = f32::NAN;
    let images = Tensor::from_vec(images, (1, 3, 32, 32), &Device::Cpu).unwrap();
    for level in Level::all() {
        let logits = flat(&engine(&spec, &tensors, level).logits(&images).unwrap());
        assert!(logits.iter().all(|logit| logit.is_nan()), "{level:?}: {logits:?}");
    }
}
