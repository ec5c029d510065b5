//! From a file to [`Weights`]: which network, which tensor is which, what they ask for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use candle_core::{Device, Tensor};

use super::contents::Contents;
use super::names::{Dialect, Names, Slot};
use super::properties::Failure;
use super::{Element, ModelError, Network, Source, Stored, Weights, properties};
use crate::model::file::{MODEL_KEY, ModelFacts};

/// Classes that labels can count.
const MAX_CLASSES: usize = 1 << 16;

/// Endings and parts of keys that are no weights, whoever's they are.
const COUNTERS: [&str; 2] = [".num_batches_tracked", "seed_generator"];
/// Groups of a Keras file that hold the state of an optimiser.
const OPTIMISER: [&str; 2] = ["optimizer_weights/", "optimizer/"];
/// Layers that a source has and this network here has not: the classifier of Keras's MobileNet V1, a convolution.
const REPLACED: [(Names, Network, &str); 1] = [(Names::Keras, Network::MobileNetV1, "conv_preds.")];

/// Which tensor of a file is which parameter.
struct Match {
    dialect: Dialect,
    /// Key in the file of each slot; `None`: the file has none.
    keys: Vec<Option<String>>,
    ignored: Vec<String>,
    unknown: Vec<String>,
}

impl Weights {
    /// Opens a file; the network is recognised by its keys. `network`: the one that is asked for.
    ///
    /// # Errors
    /// [`ModelError::Io`]; [`ModelError::File`] where the file cannot be read, is of no network that is known or of
    /// another one than asked for; [`ModelError::In`] where a tensor is missing, of another shape or has no place.
    pub fn open(path: &Path, network: Option<Network>) -> Result<Weights, ModelError> {
        let mut contents = Contents::open(path)?;
        let facts = contents.metadata.get(MODEL_KEY).map(|json| ModelFacts::parse(json));
        let facts = facts.transpose().map_err(|reason| ModelError::file(path, reason))?;
        let found = match &facts {
            Some(facts) => {
                let dialect = Dialect::new(Names::Tcolz, facts.network, facts.classes.len());
                find(&contents, dialect)
            }
            None => recognise(&contents).map_err(|reason| ModelError::file(path, reason))?,
        };
        let recognised = found.dialect.network;
        if let Some(asked) = network.filter(|asked| *asked != recognised) {
            return Err(ModelError::file(
                path,
                format!(
                    "expected weights of {asked}, found those of {recognised}: use `--model {recognised}`, or other weights"
                ),
            ));
        }
        let found = with_classes(&contents, found);
        check(&contents, &found, facts.is_some()).map_err(|error| error.within(path))?;
        let tensors = read(&mut contents, &found, path)?;
        let (properties, reasons) = match &facts {
            Some(facts) => properties::of_model(facts),
            None => {
                let about = (found.dialect.names, recognised);
                properties::of_file(about, &contents.metadata, &tensors).map_err(|failure| {
                    match failure {
                        Failure::Said(reason) => ModelError::file(path, reason),
                        Failure::Model(error) => error.within(path),
                    }
                })?
            }
        };
        let source = source(&contents, &found, reasons);
        let last = |slot: &&Slot| slot.parameter.last;
        let last =
            found.dialect.slots.iter().find(last).and_then(|slot| tensors.get(&slot.parameter.key));
        let classes = last.map(|tensor| tensor.dims()[0]);
        Ok(Weights { network: recognised, properties, tensors, classes, facts, source })
    }
}

/// Which tensor is which in the names of one source.
fn find(contents: &Contents, dialect: Dialect) -> Match {
    let mut slot_of = HashMap::new();
    for (index, slot) in dialect.slots.iter().enumerate() {
        slot_of.extend(slot.keys.iter().map(|key| (key.as_str(), index)));
    }
    let mut keys = vec![None; dialect.slots.len()];
    let (mut ignored, mut unknown) = (Vec::new(), Vec::new());
    for key in contents.stored.keys() {
        let names = contents.names(key);
        let replaced = |&(whose, network, layer): &(Names, Network, &str)| {
            (whose, network) == (dialect.names, dialect.network)
                && names.iter().any(|name| name.starts_with(layer))
        };
        let is_state = COUNTERS.iter().any(|part| key.contains(part))
            || OPTIMISER.iter().any(|group| key.starts_with(group));
        match names.iter().find_map(|name| slot_of.get(name.as_str())) {
            _ if is_state => ignored.push(key.clone()),
            Some(&index) if keys[index].is_none() => keys[index] = Some(key.clone()),
            None if REPLACED.iter().any(replaced) => ignored.push(key.clone()),
            _ => unknown.push(key.clone()),
        }
    }
    Match { dialect, keys, ignored, unknown }
}

/// The network and source that most keys are of.
fn recognise(contents: &Contents) -> Result<Match, String> {
    let matches = Dialect::all().into_iter().map(|dialect| find(contents, dialect));
    let count = |found: &Match| found.keys.iter().flatten().count();
    // Of equals the first: torchvision before timm where the backbone alone cannot tell.
    let best = matches.reduce(|best, next| if count(&next) > count(&best) { next } else { best });
    match best {
        Some(best) if count(&best) > 0 && count(&best) >= best.unknown.len() => Ok(best),
        _ => {
            let keys: Vec<_> =
                contents.stored.keys().take(3).map(|key| format!("`{key}`")).collect();
            let networks = Network::ALL.map(Network::name).join(", ");
            let found = match &keys[..] {
                [] => "no tensor".to_owned(),
                keys => format!("{} and so on", keys.join(", ")),
            };
            Err(format!(
                "weights of no network that is known ({networks}, with torchvision's, timm's or Keras's key names): \
                 found {found}"
            ))
        }
    }
}

/// The same, with as many classes as the file's last layer has.
fn with_classes(contents: &Contents, found: Match) -> Match {
    let slots = found.dialect.slots.iter().zip(&found.keys);
    let classes = slots.filter(|(slot, _)| slot.parameter.last).find_map(|(slot, key)| {
        let shape = &contents.stored.get(key.as_ref()?)?.shape;
        (shape.len() == 2).then(|| shape.get(slot.turn.outputs_side()).copied()).flatten()
    });
    match classes {
        Some(classes) if (1..=MAX_CLASSES).contains(&classes) => {
            let dialect = Dialect::new(found.dialect.names, found.dialect.network, classes);
            Match { dialect, ..found }
        }
        _ => found,
    }
}

/// Tests that nothing is missing, of another shape or unknown. A layer of the head may be missing as a whole,
/// except from a model that was trained here.
fn check(contents: &Contents, found: &Match, is_model: bool) -> Result<(), ModelError> {
    let network = found.dialect.network.name();
    let layer =
        |slot: &Slot| slot.parameter.key.rsplit_once('.').map(|(layer, _)| layer.to_owned());
    let slots = || found.dialect.slots.iter().zip(&found.keys);
    let there: HashSet<_> =
        slots().filter(|(_, key)| key.is_some()).filter_map(|(slot, _)| layer(slot)).collect();
    for (slot, key) in slots() {
        let expected = slot.shape_in_file();
        let Some(key) = key else {
            let may_miss =
                slot.parameter.in_head && layer(slot).is_none_or(|layer| !there.contains(&layer));
            if may_miss && !is_model {
                continue;
            }
            let key = slot.keys.join("` or `");
            return Err(ModelError::MissingKey { network, key, expected });
        };
        let Some(Stored { shape, element }) = contents.stored.get(key) else { continue };
        if *shape != expected {
            let (key, found) = (key.clone(), shape.clone());
            return Err(ModelError::Shape { network, key, expected, found });
        }
        if *element == Element::Other {
            return Err(ModelError::NotFloat { key: key.clone() });
        }
    }
    match found.unknown.first() {
        Some(key) => {
            let shape = contents.stored.get(key).map(|stored| stored.shape.clone());
            let (key, found) = (key.clone(), shape.unwrap_or_default());
            Err(ModelError::UnknownKey { network, key, found })
        }
        None => Ok(()),
    }
}

/// Reads what was found, each tensor turned into ours.
fn read(
    contents: &mut Contents,
    found: &Match,
    path: &Path,
) -> Result<HashMap<String, Tensor>, ModelError> {
    let mut tensors = HashMap::new();
    for (slot, key) in found.dialect.slots.iter().zip(&found.keys) {
        if let Some(key) = key {
            let tensor = read_one(contents, slot, key, path)?;
            tensors.insert(slot.parameter.key.clone(), tensor);
        }
    }
    Ok(tensors)
}

/// Reads one tensor, turned into ours.
fn read_one(
    contents: &mut Contents,
    slot: &Slot,
    key: &str,
    path: &Path,
) -> Result<Tensor, ModelError> {
    let values = contents.read(key)?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let reason = format!("`{key}`: number {at} is {}, expected finite ones", values[at]);
        return Err(ModelError::file(path, reason));
    }
    let tensor = Tensor::from_vec(values, slot.shape_in_file(), &Device::Cpu)?;
    Ok(slot.turn.apply(&tensor, &slot.parameter.shape)?)
}

fn source(contents: &Contents, found: &Match, reasons: Vec<super::Reason>) -> Source {
    let slots = || found.dialect.slots.iter().zip(&found.keys);
    let stored = slots().filter_map(|(_, key)| contents.stored.get(key.as_ref()?));
    let elements: BTreeSet<_> = stored.map(|stored| stored.element.name().to_owned()).collect();
    let missing = slots().filter(|(_, key)| key.is_none());
    Source {
        format: contents.format,
        names: found.dialect.names,
        bytes: contents.bytes,
        elements: elements.into_iter().collect(),
        reasons,
        ignored: found.ignored.clone(),
        missing: missing.map(|(slot, _)| slot.parameter.key.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::{fixture, made, rename, values};
    use super::*;
    use crate::model::spec::{Parameter, Role};
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
            let found = with_classes(&contents, recognise(&contents).unwrap());
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
        let found = |list: &str| recognise(&made(list)).unwrap();
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
        let found = with_classes(&contents, recognise(&contents).unwrap());
        check(&contents, &found, false).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_strange_or_wrong_tensor_is_refused_with_key_and_shapes() {
        let error = refused("keras-mobilenet.txt", &|contents| {
            contents.stored.remove("conv_dw_3/conv_dw_3/depthwise_kernel:0").unwrap();
        });
        assert!(
            error.contains("`conv_dw_3.kernel`") && error.contains("[3, 3, 128, 1]"),
            "{error}"
        );
        let error = refused("keras-mobilenet_v2.txt", &|contents| {
            contents.stored.remove("bn4_conv_4_bn_expand/bn4_conv_4_bn_expand/gamma:0").unwrap();
        });
        assert!(
            error.contains("`block_4_expand_BN.gamma` or `bn4_conv_4_bn_expand.gamma`"),
            "{error}"
        );
        let error = refused("torchvision-vgg19.txt", &|contents| {
            contents.stored.get_mut("features.7.weight").unwrap().shape = vec![128, 64, 3, 3];
        });
        assert!(
            error.contains("`features.7.weight`: expected the shape [128, 128, 3, 3]"),
            "{error}"
        );
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
            contents.stored.get_mut("conv_head.weight").unwrap().element = Element::Other;
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
        let found = with_classes(&contents, recognise(&contents).unwrap());
        check(&contents, &found, false).unwrap();
        assert_eq!(found.keys.iter().filter(|key| key.is_none()).count(), 6);
        let mut contents = made("timm-inception_resnet_v2.txt");
        contents.stored.get_mut("classif.weight").unwrap().shape = vec![1001, 1536];
        contents.stored.get_mut("classif.bias").unwrap().shape = vec![1001];
        let found = with_classes(&contents, recognise(&contents).unwrap());
        check(&contents, &found, false).unwrap();
        assert_eq!(found.dialect.slots.last().unwrap().parameter.shape, [1001]);
    }

    #[test]
    fn other_networks_are_not_recognised() {
        let mut contents = made("torchvision-vgg19.txt");
        let keys: Vec<_> = contents.stored.keys().cloned().collect();
        for (number, key) in keys.iter().enumerate().skip(1) {
            rename(&mut contents, key, &format!("layer1.{number}.conv1.weight"));
        }
        let error = recognise(&contents).err().unwrap();
        assert!(
            error.contains("no network that is known") && error.contains("mobilenet-v1"),
            "{error}"
        );
        contents.stored.clear();
        assert!(recognise(&contents).err().unwrap().contains("found no tensor"));
    }
}
