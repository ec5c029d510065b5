//! From a file to [`Weights`]: which network, which tensor is which, what they ask for.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use candle_core::{Device, Tensor};

use super::beside::{Beside, shown};
use super::choice::{self, Candidate, Place};
use super::contents::Contents;
use super::element::{Element, Stored};
use super::names::{Dialect, Names, Slot};
use super::prefix::unwrapped;
use super::properties;
use super::properties::Failure;
use super::source::{Reason, Source, Weights};
use super::state::{OPTIMISER, is_state};
use crate::file::{ModelFacts, check_hash};
use crate::{ModelError, Network};
use tcolz_base::door::{given, option};

/// Classes that labels can count.
const MAX_CLASSES: usize = 1 << 16;

/// The key of the metadata of a run's checkpoint.
const CHECKPOINT_KEY: &str = "tcolz-checkpoint";
/// Layers that a source has and this network here has not: the classifier of Keras's MobileNet V1, a convolution.
const REPLACED: [(Names, Network, &str); 1] = [(Names::Keras, Network::MobileNetV1, "conv_preds.")];

/// Which tensor of a file is which parameter.
struct Match {
    dialect: Dialect,
    /// Key in the file of each slot; `None`: the file has none.
    keys: Vec<Option<String>>,
    ignored: Vec<String>,
    unknown: Vec<String>,
    /// Keys that are not of the network's: those without its prefix, or without the name of one of its parts.
    left_out: Vec<String>,
}

/// Weights that were found, and what else there is.
struct Found {
    weights: Match,
    places: Places,
    /// What lies beside the dictionary that they lie in.
    beside: Vec<Beside>,
}

/// Where the weights of a file lie.
#[derive(Default)]
struct Places {
    taken: Option<Place>,
    others: Vec<Place>,
}

/// Which weights of a file are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The network; `None`: the one that is recognised.
    pub network: Option<Network>,
    /// Where they lie, in a file with several: a dictionary's key or a prefix of keys.
    pub key: Option<&'a str>,
}

impl Weights {
    /// Opens a file; the network is recognised by its keys. `network`: the one that is asked for.
    ///
    /// # Errors
    /// [`ModelError::Io`]; [`ModelError::File`] where the file cannot be read, is of no network that is known or of
    /// another one than asked for; [`ModelError::In`] where a tensor is missing, of another shape or has no place.
    pub fn open(path: &Path, network: Option<Network>) -> Result<Weights, ModelError> {
        Weights::open_wanted(path, Wanted { network, key: None })
    }

    /// The same, of a file that may hold several: averaged weights beside raw ones.
    ///
    /// # Errors
    /// Those of [`Weights::open`]; [`ModelError::File`] where the key names no weights, or where it is not to be
    /// known without one which are meant.
    pub fn open_wanted(path: &Path, wanted: Wanted) -> Result<Weights, ModelError> {
        let Wanted { network, key } = wanted;
        let mut contents = Contents::open(path)?;
        if contents.metadata.contains_key(CHECKPOINT_KEY) {
            return Err(ModelError::file(
                path,
                "the checkpoint of a run, which goes on by the command that began it: give the run's best.safetensors",
            ));
        }
        let metadata = contents.metadata.clone();
        let (facts, text) = ModelFacts::of_metadata(path, &metadata)?.unzip();
        let found = match &facts {
            Some(_) if key.is_some() => {
                let key = option("weights_key");
                Err(format!("a model of tcolz, which holds one set of weights: leave {key} out"))
            }
            Some(facts) => {
                let dialect = Dialect::new(Names::Tcolz, facts.network, facts.classes.len());
                let weights = find(&contents, dialect, "");
                Ok(Found { weights, places: Places::default(), beside: Vec::new() })
            }
            None => recognise(&mut contents, key, network),
        };
        let found = found.map_err(|reason| ModelError::file(path, reason))?;
        let recognised = found.weights.dialect.network;
        if let Some(asked) = network.filter(|asked| *asked != recognised) {
            return Err(ModelError::file(
                path,
                format!(
                    "expected weights of {asked}, found those of {recognised}: use {}, or other weights",
                    given("network", recognised)
                ),
            ));
        }
        let weights = with_classes(&contents, found.weights);
        check(&contents, &weights, facts.is_some()).map_err(|error| error.within(path))?;
        let tensors = read(&mut contents, &weights, path)?;
        if let Some(text) = text {
            check_hash(path, &metadata, text, &tensors)?;
        }
        let (properties, reasons) = match &facts {
            Some(facts) => properties::of_model(facts),
            None => {
                let about = (weights.dialect.names, recognised);
                properties::of_file(about, &contents.metadata, &tensors).map_err(|failure| {
                    match failure {
                        Failure::Said(reason) => ModelError::file(path, reason),
                        Failure::Model(error) => error.within(path),
                    }
                })?
            }
        };
        let mut source = source(&contents, &weights, reasons);
        let left_out = left_out(&contents, &weights, &found.places);
        source.beside = { found.beside }.into_iter().chain(left_out).collect();
        (source.taken, source.others) = (found.places.taken, found.places.others);
        let last = |slot: &&Slot| slot.parameter.last;
        let last = weights.dialect.slots.iter().find(last);
        let last = last.and_then(|slot| tensors.get(&slot.parameter.key));
        let classes = last.map(|tensor| tensor.dims()[0]);
        Ok(Weights { network: recognised, properties, tensors, classes, facts, source })
    }
}

/// Which tensor is which in the names of one source, behind a prefix.
fn find(contents: &Contents, dialect: Dialect, prefix: &str) -> Match {
    let mut slot_of = HashMap::new();
    for (index, slot) in dialect.slots.iter().enumerate() {
        slot_of.extend(slot.keys.iter().map(|key| (key.as_str(), index)));
    }
    let part = |name: &str| name.split('.').next().map(str::to_owned);
    let parts: HashSet<_> = slot_of.keys().filter_map(|name| part(name)).collect();
    let is_keras = dialect.names == Names::Keras;
    let mut keys = vec![None; dialect.slots.len()];
    let (mut ignored, mut unknown, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for key in contents.stored.keys() {
        let divisions = contents.divisions(key);
        let mut names = divisions.iter().filter(|division| division.0 == prefix);
        let replaced = |&(whose, network, layer): &(Names, Network, &str)| {
            (whose, network) == (dialect.names, dialect.network)
                && divisions.iter().any(|(_, name)| name.starts_with(layer))
        };
        match names.clone().find_map(|(_, name)| slot_of.get(name.as_str())) {
            _ if is_state(key) => ignored.push(key.clone()),
            Some(&index) if keys[index].is_none() => keys[index] = Some(key.clone()),
            None if REPLACED.iter().any(replaced) => ignored.push(key.clone()),
            // A part that the network has not, such as a loss, stands beside it; a layer within a part does not.
            // Keras's layers have no parts: what stands among them is one of them.
            None if !names
                .any(|(_, name)| is_keras || parts.contains(&part(name).unwrap_or_default())) =>
            {
                left_out.push(key.clone());
            }
            _ => unknown.push(key.clone()),
        }
    }
    // A layer of the head may lie further out than a backbone of Keras that is one layer of a model.
    let outer = |key: &String| {
        let divisions = contents.divisions(key).into_iter();
        let mut outer = divisions.filter(|(above, _)| is_above(above, prefix));
        outer.find_map(|(_, name)| slot_of.get(name.as_str()).copied())
    };
    left_out.retain(|key| match outer(key).filter(|_| is_keras) {
        Some(index) if keys[index].is_none() && dialect.slots[index].parameter.in_head => {
            keys[index] = Some(key.clone());
            false
        }
        _ => true,
    });
    Match { dialect, keys, ignored, unknown, left_out }
}

/// Whether groups of an HDF5 file lie around others.
fn is_above(above: &str, groups: &str) -> bool {
    above.is_empty() || groups.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// The weights that are meant: of one network, in the names of one source.
fn recognise(
    contents: &mut Contents,
    key: Option<&str>,
    network: Option<Network>,
) -> Result<Found, String> {
    let dialects = Dialect::all();
    let candidates = choice::candidates(contents, &dialects);
    let Some((chosen, others)) = choice::choose(candidates, key, network)? else {
        return Err(unknown(contents));
    };
    let Candidate { dictionary, prefix, names, network, complete, .. } = &chosen;
    contents.look_at(*dictionary);
    let is_its = |dialect: &Dialect| (dialect.names, dialect.network) == (*names, *network);
    let Some(dialect) = dialects.into_iter().find(is_its) else { return Err(unknown(contents)) };
    let weights = find(contents, dialect, prefix);
    let there = weights.keys.iter().flatten().count();
    if !complete && there < weights.unknown.len() + weights.left_out.len() {
        return Err(unknown(contents));
    }
    let beside = contents.beside(&choice::dictionaries(contents, &chosen, &others));
    Ok(Found { weights, places: Places { taken: Some(chosen.place()), others }, beside })
}

/// What is said of a file of tensors that are no network's.
fn unknown(contents: &mut Contents) -> String {
    contents.look_at(0);
    let keys: Vec<_> =
        contents.stored.keys().take(3).map(|key| format!("`{}`", shown(key))).collect();
    let networks = Network::ALL.map(Network::name).join(", ");
    let found = match &keys[..] {
        [] => "no tensor".to_owned(),
        keys => format!("{} and so on", keys.join(", ")),
    };
    format!(
        "weights of no network that is known ({networks}, with torchvision's, timm's or Keras's key names): found {found}"
    )
}

/// The tensors that are left out, those of one part together, but for other weights of a network.
fn left_out(contents: &Contents, found: &Match, places: &Places) -> Vec<Beside> {
    let dictionary = contents.dictionary().iter().map(|key| unwrapped(key));
    let dictionary: Vec<_> = dictionary.filter(|key| !key.is_empty()).collect();
    let taken = places.taken.as_ref().map_or("", |taken| &taken.key);
    let mut parts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let optimiser = |key: &&String| OPTIMISER.iter().any(|group| key.starts_with(group));
    for key in found.left_out.iter().chain(found.ignored.iter().filter(optimiser)) {
        let Some(stored) = contents.stored.get(key) else { continue };
        let name = unwrapped(key).replace('/', ".");
        let path: Vec<&str> =
            dictionary.iter().map(String::as_str).chain(name.split('.')).collect();
        let whole = path.join(".");
        let is_in = |other: &Place| {
            whole.strip_prefix(&other.key).is_some_and(|rest| rest.starts_with('.'))
        };
        if places.others.iter().any(is_in) {
            continue;
        }
        let shared = path.iter().zip(taken.split('.')).take_while(|(own, taken)| *own == taken);
        let part = path[..(shared.count() + 1).min(path.len())].join(".");
        let (tensors, bytes) = parts.entry(part).or_default();
        let elements = stored.shape.iter().fold(1u64, |all, &side| all.saturating_mul(side as u64));
        let size = stored.element.size_bytes().unwrap_or_default() as u64;
        (*tensors, *bytes) = (*tensors + 1, bytes.saturating_add(elements.saturating_mul(size)));
    }
    parts.iter().map(|(part, &(tensors, bytes))| Beside::tensors(part, tensors, bytes)).collect()
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
        if let Element::Other(found) = *element {
            return Err(ModelError::NotFloat { key: key.clone(), found });
        }
        if *shape != expected {
            let (key, found) = (key.clone(), shape.clone());
            return Err(ModelError::Shape { network, key, expected, found });
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

fn source(contents: &Contents, found: &Match, reasons: Vec<Reason>) -> Source {
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
        taken: None,
        others: Vec::new(),
        left_out: found.left_out.clone(),
        beside: Vec::new(),
    }
}
