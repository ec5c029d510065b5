//! Keys of every published file land tensor by tensor; what does not fit is refused with its name.

use super::super::formula::values;
use super::super::made::{fixture, made, made_below, rename};
use super::*;
use crate::spec::{Parameter, Role};
use rayon::prelude::*;

/// Elements of a tensor that are looked at; of larger ones every so many-th.
const LOOKED_AT: usize = 20_000;

/// Lists of keys in the order of their model's layers. That order is ours, too, which says without any table of
/// names which tensor is which.
const LISTS: [(&str, Names, Network); 11] = [
    ("torchvision-vgg19", Names::Torchvision, Network::Vgg19),
    ("torchvision-mobilenet_v2", Names::Torchvision, Network::MobileNetV2),
    ("timm-vgg19", Names::Timm, Network::Vgg19),
    ("timm-mobilenetv2_100", Names::Timm, Network::MobileNetV2),
    ("timm-inception_resnet_v2", Names::Timm, Network::InceptionResNetV2),
    ("keras-vgg19", Names::Keras, Network::Vgg19),
    ("keras-mobilenet", Names::Keras, Network::MobileNetV1),
    ("keras-mobilenet_v2", Names::Keras, Network::MobileNetV2),
    ("keras3-vgg19", Names::Keras, Network::Vgg19),
    ("keras3-mobilenet", Names::Keras, Network::MobileNetV1),
    ("keras3-mobilenet_v2", Names::Keras, Network::MobileNetV2),
];

/// Where element `index` of a parameter lies in the file.
fn place(names: Names, parameter: &Parameter, index: usize) -> usize {
    let shape = &parameter.shape;
    match (names, parameter.role) {
        (Names::Keras, Role::Kernel) => {
            let [o, i, rows, columns] = shape[..] else { panic!("{shape:?}") };
            let (at_o, at_i) = (index / (i * rows * columns), index / (rows * columns) % i);
            let (row, column) = (index / columns % rows, index % columns);
            let depthwise = i == 1 && o > 1;
            let (last, at_last, third, at_third) =
                if depthwise { (i, at_i, o, at_o) } else { (o, at_o, i, at_i) };
            ((row * columns + column) * third + at_third) * last + at_last
        }
        (Names::Keras, Role::Matrix) => {
            let [outputs, inputs] = shape[..] else { panic!("{shape:?}") };
            let (output, input) = (index / inputs, index % inputs);
            let input = if inputs == 512 * 7 * 7 {
                // Here channel, row, column; in Keras row, column, channel.
                let (channel, row, column) = (input / 49, input / 7 % 7, input % 7);
                (row * 7 + column) * 512 + channel
            } else {
                input
            };
            input * outputs + output
        }
        _ => index,
    }
}

#[test]
fn every_published_list_of_keys_lands_tensor_by_tensor_and_number_by_number() {
    LISTS.into_par_iter().for_each(|(list, names, network)| {
        let mut contents = made(&format!("{list}.txt"));
        let found = recognise(&mut contents, None, None).unwrap().weights;
        let found = with_classes(&contents, found);
        assert_eq!((found.dialect.names, found.dialect.network), (names, network), "{list}");
        check(&contents, &found, false).unwrap();
        let text = std::fs::read_to_string(fixture(&format!("{list}.txt")));
        let text = text.unwrap();
        let keys = text.lines().filter_map(|line| line.split(' ').next());
        let weights = keys.filter(|key| !found.ignored.iter().any(|ignored| ignored == key));
        let weights: Vec<_> = weights.collect();
        let has_own_head = names == Names::Keras && network == Network::MobileNetV1;
        let slots = found.dialect.slots.iter().zip(&found.keys);
        let (theirs, ours): (Vec<_>, Vec<_>) =
            slots.clone().partition(|(slot, _)| !(has_own_head && slot.parameter.in_head));
        assert!(ours.iter().all(|(_, key)| key.is_none()), "{list}");
        assert_eq!(theirs.len(), weights.len(), "{list}");
        for ((slot, key), expected) in theirs.into_iter().zip(weights) {
            let key = key.as_deref().unwrap();
            assert_eq!(key, expected, "{list}: {}", slot.parameter.key);
            let elements = slot.parameter.elements();
            if elements > 5_000_000 {
                // fc1 and fc2 of VGG19: half a gigabyte. Their turns are tested with small ones, in `turn`.
                assert_eq!(contents.stored[key].elements(), elements);
                continue;
            }
            let tensor = read_one(&mut contents, slot, key, Path::new(list)).unwrap();
            assert_eq!(tensor.dims(), slot.parameter.shape, "{list}: {key}");
            let tensor: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
            let in_file = values(key, elements);
            for index in (0..elements).step_by(elements.div_ceil(LOOKED_AT)) {
                let expected = in_file[place(names, &slot.parameter, index)];
                assert_eq!(tensor[index], expected, "{list}: {key}, number {index}");
            }
        }
    });
}

#[test]
fn counters_and_replaced_classifiers_are_ignored_by_name_and_nothing_else() {
    let found = |list: &str| recognise(&mut made(list), None, None).unwrap().weights;
    assert_eq!(found("keras-vgg19.txt").ignored, Vec::<String>::new());
    let ignored = found("keras-mobilenet.txt").ignored;
    assert_eq!(ignored, ["conv_preds/conv_preds/bias:0", "conv_preds/conv_preds/kernel:0"]);
    let counters = found("torchvision-mobilenet_v2.txt").ignored;
    assert_eq!(counters.len(), 52);
    assert!(counters.iter().all(|key| key.ends_with(".num_batches_tracked")));
}

/// What is said of a list after a change.
fn refused(list: &str, change: &dyn Fn(&mut Contents)) -> String {
    let mut contents = made(list);
    change(&mut contents);
    let found = recognise(&mut contents, None, None).unwrap().weights;
    let found = with_classes(&contents, found);
    check(&contents, &found, false).unwrap_err().to_string()
}

#[test]
fn a_missing_strange_or_wrong_tensor_is_refused_with_key_and_shapes() {
    let error = refused("keras-mobilenet.txt", &|contents| {
        contents.stored.remove("conv_dw_3/conv_dw_3/depthwise_kernel:0").unwrap();
    });
    assert!(error.contains("`conv_dw_3.kernel`") && error.contains("[3, 3, 128, 1]"), "{error}");
    let error = refused("keras-mobilenet_v2.txt", &|contents| {
        contents.stored.remove("bn4_conv_4_bn_expand/bn4_conv_4_bn_expand/gamma:0").unwrap();
    });
    assert!(error.contains("`block_4_expand_BN.gamma` or `bn4_conv_4_bn_expand.gamma`"), "{error}");
    let error = refused("torchvision-vgg19.txt", &|contents| {
        contents.stored.get_mut("features.7.weight").unwrap().shape = vec![128, 64, 3, 3];
    });
    assert!(error.contains("`features.7.weight`: expected the shape [128, 128, 3, 3]"), "{error}");
    assert!(error.contains("found [128, 64, 3, 3]"), "{error}");
    let error = refused("torchvision-vgg19.txt", &|contents| {
        let stored = contents.stored["features.0.bias"].clone();
        rename(contents, "features.0.bias", "features.1.bias");
        contents.stored.insert("features.0.bias".to_owned(), stored);
    });
    assert!(
        error.contains("vgg19 has no place for `features.1.bias`, of the shape [64]"),
        "{error}"
    );
    let error = refused("timm-mobilenetv2_100.txt", &|contents| {
        contents.stored.get_mut("conv_head.weight").unwrap().element = Element::Other("integers");
    });
    assert!(error.contains("`conv_head.weight`: expected floating-point numbers"), "{error}");
    // Half a layer of the head is missing, not a head.
    let error = refused("torchvision-vgg19.txt", &|contents| {
        contents.stored.remove("classifier.3.bias").unwrap();
    });
    assert!(error.contains("`classifier.3.bias`"), "{error}");
    // The last layer takes other features.
    let error = refused("timm-inception_resnet_v2.txt", &|contents| {
        contents.stored.get_mut("classif.weight").unwrap().shape = vec![1000, 2048];
    });
    assert!(error.contains("`classif.weight`: expected the shape [1000, 1536]"), "{error}");
}

#[test]
fn a_file_without_a_head_fits_and_one_with_other_classes_has_that_many() {
    let mut contents = made("keras-vgg19.txt");
    contents.stored.retain(|key, _| !key.starts_with("fc") && !key.starts_with("predictions"));
    let found = recognise(&mut contents, None, None).unwrap().weights;
    let found = with_classes(&contents, found);
    check(&contents, &found, false).unwrap();
    assert_eq!(found.keys.iter().filter(|key| key.is_none()).count(), 6);
    let mut contents = made("timm-inception_resnet_v2.txt");
    contents.stored.get_mut("classif.weight").unwrap().shape = vec![1001, 1536];
    contents.stored.get_mut("classif.bias").unwrap().shape = vec![1001];
    let found = recognise(&mut contents, None, None).unwrap().weights;
    let found = with_classes(&contents, found);
    check(&contents, &found, false).unwrap();
    assert_eq!(found.dialect.slots.last().unwrap().parameter.shape, [1001]);
}

/// A model of Keras that is one layer of another model, whose own layers stand around it.
#[test]
fn layers_around_a_backbone_of_keras_are_left_out_but_for_the_networks_own_head() {
    for list in ["keras-vgg19.txt", "keras-mobilenet_v2.txt"] {
        let mut contents = made_below("model_weights/outer/", list);
        let is_head = |key: &&String| key.contains("predictions") || key.contains("Logits");
        let head: Vec<_> = contents.stored.keys().filter(is_head).cloned().collect();
        for key in &head {
            rename(&mut contents, key, &key.replace("outer/", ""));
        }
        let dense = contents.stored[&head[0].replace("outer/", "")].clone();
        for key in ["model_weights/dense/dense/kernel:0", "optimizer_weights/v/dense/kernel:0"] {
            contents.stored.insert(key.to_owned(), dense.clone());
        }
        let found = recognise(&mut contents, None, None).unwrap().weights;
        let found = with_classes(&contents, found);
        check(&contents, &found, false).unwrap();
        assert!(found.keys.iter().all(Option::is_some), "{list}");
        assert_eq!(found.left_out, ["model_weights/dense/dense/kernel:0"], "{list}");
    }
    // Among the network's own layers nothing is left out: it may be one of them.
    let mut contents = made("keras-vgg19.txt");
    let norm = contents.stored["fc1/fc1_b_1:0"].clone();
    contents.stored.insert("block1_bn/block1_bn/gamma:0".to_owned(), norm);
    let found = recognise(&mut contents, None, None).unwrap().weights;
    assert_eq!(found.unknown, ["block1_bn/block1_bn/gamma:0"]);
}

#[test]
fn other_networks_are_not_recognised() {
    let mut contents = made("torchvision-vgg19.txt");
    let keys: Vec<_> = contents.stored.keys().cloned().collect();
    for (number, key) in keys.iter().enumerate().skip(1) {
        rename(&mut contents, key, &format!("layer1.{number}.conv1.weight"));
    }
    let error = recognise(&mut contents, None, None).err().unwrap();
    assert!(
        error.contains("no network that is known") && error.contains("mobilenet-v1"),
        "{error}"
    );
    contents.stored.clear();
    assert!(recognise(&mut contents, None, None).err().unwrap().contains("found no tensor"));
}
