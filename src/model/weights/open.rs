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
        check(&contents, &found).map_err(|error| error.within(path))?;
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
        let class_names = facts.map(|facts| facts.classes);
        Ok(Weights { network: recognised, properties, tensors, classes, class_names, source })
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

/// Tests that nothing is missing, of another shape or unknown. A layer of the head may be missing as a whole.
fn check(contents: &Contents, found: &Match) -> Result<(), ModelError> {
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
            if may_miss && found.dialect.names != Names::Tcolz {
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
        let Some(key) = key else { continue };
        let values = contents.read(key)?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let reason = format!("`{key}`: number {at} is {}, expected finite ones", values[at]);
            return Err(ModelError::file(path, reason));
        }
        let tensor = Tensor::from_vec(values, slot.shape_in_file(), &Device::Cpu)?;
        let tensor = slot.turn.apply(&tensor, &slot.parameter.shape)?;
        tensors.insert(slot.parameter.key.clone(), tensor);
    }
    Ok(tensors)
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
