//! Keras's `.h5`: groups of layers, in them a dataset for each weight.
//!
//! ```text
//! save_weights           block1_conv1/block1_conv1/kernel:0      before 2017: block1_conv1/block1_conv1_W_1:0
//! save                   model_weights/conv1/conv1/kernel:0      Keras 3: without the `:0`
//! a model in a model     model_weights/vgg19/block1_conv1/kernel:0
//! Keras 3 save_weights   layers/conv2d/vars/0                    the attribute `name` of `vars` is the layer's
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions};

use super::beside::shown;
use super::element::{Element, Stored};
use super::refused;
use crate::ModelError;

/// How a file begins.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Groups within groups.
const MAX_DEPTH: usize = 16;
/// Groups and datasets of a file: InceptionResNetV2 has some two thousand.
const MAX_OBJECTS: usize = 100_000;
/// The group of a layer's weights in a file of Keras 3.
const VARIABLES: &str = "vars";

/// An open file.
pub(super) struct Reader {
    path: PathBuf,
    bytes: u64,
    datasets: BTreeMap<String, Entry>,
    attributes: BTreeMap<String, String>,
}

/// A dataset.
struct Entry {
    dataset: Dataset,
    stored: Stored,
    /// A prefix, and the name behind it.
    names: Vec<(String, String)>,
}

impl Reader {
    /// Opens a file and lists its datasets.
    pub(super) fn open(path: &Path) -> Result<Reader, ModelError> {
        // Every dataset is read once: nothing is worth keeping.
        let options = OpenOptions::default().with_chunk_cache_bytes(0);
        let bytes = path.metadata().map_err(|error| ModelError::io(path, error))?.len();
        let mut walk = Walk { datasets: BTreeMap::new(), objects: 0, bytes };
        let read = |error: Error| refused::of_hdf5(&error, bytes);
        let read = Hdf5File::open_with_options(path, options)
            .and_then(|file| file.root_group())
            .map_err(read)
            .and_then(|root| {
                walk.group(&root, &mut Vec::new(), None)?;
                Ok(attributes(&root))
            });
        let attributes = read.map_err(|reason| ModelError::file(path, reason))?;
        Ok(Reader { path: path.to_owned(), bytes, datasets: walk.datasets, attributes })
    }

    /// What the file says of itself: `keras_version`, `model_config`, …
    pub(super) fn attributes(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }

    /// Its datasets by path.
    pub(super) fn stored(&self) -> BTreeMap<String, Stored> {
        self.datasets.iter().map(|(path, entry)| (path.clone(), entry.stored.clone())).collect()
    }

    /// What a dataset may be: `layer.weight` for each group that it lies in, the innermost first; before it the groups
    /// above that one.
    pub(super) fn names(&self, path: &str) -> &[(String, String)] {
        self.datasets.get(path).map_or(&[], |entry| &entry.names)
    }

    /// Reads a dataset.
    pub(super) fn read(&mut self, key: &str) -> Result<Vec<f32>, ModelError> {
        let bad = |reason: String| ModelError::file(&self.path, format!("`{key}`: {reason}"));
        let Some(Entry { dataset, stored, .. }) = self.datasets.get(key) else {
            return Err(bad("there is no such dataset".into()));
        };
        if stored.element == Element::F32 {
            let mut values = vec![0.0; stored.elements()];
            dataset
                .read_into(&mut values)
                .map_err(|error| bad(refused::of_hdf5(&error, self.bytes)))?;
            return Ok(values);
        }
        let bytes = dataset
            .read_native_bytes()
            .map_err(|error| bad(refused::of_hdf5(&error, self.bytes)))?;
        let values = stored.element.read(&mut bytes.as_slice(), stored.elements());
        values.map_err(|_| bad(refused::damaged(self.bytes)))
    }
}

/// A walk through the groups.
struct Walk {
    datasets: BTreeMap<String, Entry>,
    objects: usize,
    bytes: u64,
}

/// Texts that an object has as attributes; what is no text is left out.
fn attributes(group: &Group) -> BTreeMap<String, String> {
    let attributes = group.attributes().unwrap_or_default().into_iter();
    attributes.filter_map(|said| Some((said.name.clone(), said.read_string().ok()?))).collect()
}

impl Walk {
    /// `groups`: the names above, the outermost first. `layer`: what the attribute of `vars` says.
    fn group(
        &mut self,
        group: &Group,
        groups: &mut Vec<String>,
        layer: Option<&str>,
    ) -> Result<(), String> {
        let (children, datasets) =
            group.members().map_err(|error| refused::of_hdf5(&error, self.bytes))?;
        self.objects += children.len() + datasets.len();
        if groups.len() > MAX_DEPTH || self.objects > MAX_OBJECTS {
            return Err(format!(
                "an HDF5 file of more than {MAX_DEPTH} levels or {MAX_OBJECTS} groups: expected weights of one network"
            ));
        }
        for dataset in datasets {
            let path = groups.iter().map(String::as_str).chain([dataset.name()]);
            let path = path.collect::<Vec<_>>().join("/");
            self.datasets.insert(path, entry(dataset, groups, layer)?);
        }
        for child in children {
            let name = child.name().to_owned();
            let said = child.attribute("name").and_then(|name| name.read_string()).ok();
            let layer = said.filter(|_| name == VARIABLES);
            groups.push(name);
            self.group(&child, groups, layer.as_deref())?;
            groups.pop();
        }
        Ok(())
    }
}

fn entry(dataset: Dataset, groups: &[String], layer: Option<&str>) -> Result<Entry, String> {
    let element = match dataset.dtype() {
        Datatype::FloatingPoint { size: 8, .. } => Element::F64,
        Datatype::FloatingPoint { size: 4, .. } => Element::F32,
        Datatype::FloatingPoint { size: 2, .. } => Element::F16,
        Datatype::FixedPoint { .. } => Element::Other("integers"),
        _ => Element::Other("no floating-point numbers"),
    };
    let sides = dataset.shape().iter().map(|&side| usize::try_from(side));
    let wrong = || {
        let (name, shape) = (shown(dataset.name()), dataset.shape());
        format!("an HDF5 file whose `{name}` has the shape {shape:?}: no file holds so much")
    };
    let shape: Vec<usize> = sides.collect::<Result<_, _>>().map_err(|_| wrong())?;
    shape
        .iter()
        .try_fold(1usize, |product, &side| product.checked_mul(side))
        .filter(|elements| *elements <= isize::MAX as usize / size_of::<f64>())
        .ok_or_else(wrong)?;
    let names = names(dataset.name(), groups, layer);
    Ok(Entry { dataset, stored: Stored { shape, element }, names })
}

/// `layer.weight`, for each group that may be the layer; before it the groups above the layer.
pub(super) fn names(
    dataset: &str,
    groups: &[String],
    layer: Option<&str>,
) -> Vec<(String, String)> {
    let last = groups.len().saturating_sub(1);
    if let Some(layer) = layer {
        // Keras 3 numbers the weights of a layer in the order in which it makes them.
        let norm = ["gamma", "beta", "moving_mean", "moving_variance"];
        let other = ["kernel", "bias"];
        let number: Option<usize> = dataset.parse().ok();
        let above = groups[..last.saturating_sub(1)].join("/");
        let of = |names: &[&str]| Some((above.clone(), format!("{layer}.{}", names.get(number?)?)));
        return [of(&other), of(&norm)].into_iter().flatten().collect();
    }
    let plain = dataset.rsplit_once(':').map_or(dataset, |(name, _)| name);
    let mut names = Vec::new();
    for (at, group) in groups.iter().enumerate().rev() {
        let weight = match older(plain, group).unwrap_or(plain) {
            "depthwise_kernel" | "W" => "kernel",
            "b" => "bias",
            "running_mean" => "moving_mean",
            // It holds variances all the same.
            "running_std" => "moving_variance",
            other => other,
        };
        // A layer's group lies in a group of the same name, or the other way round.
        let repeated = groups[..at].iter().rev().take_while(|above| *above == group).count();
        names.push((groups[..at - repeated].join("/"), format!("{group}.{weight}")));
    }
    names
}

/// The weight in a name of Keras 1: `W` in `block1_conv1_W_1`.
fn older<'a>(dataset: &'a str, layer: &str) -> Option<&'a str> {
    let rest = dataset.strip_prefix(layer)?.strip_prefix('_')?;
    let numbered = rest.rsplit_once('_').filter(|(_, number)| number.parse::<u32>().is_ok());
    Some(numbered.map_or(rest, |(weight, _)| weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_named_after_its_layer_whoever_wrote_it() {
        let named = |groups: &[&str], dataset: &str, layer: Option<&str>| {
            names(dataset, &groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>(), layer)
        };
        for (groups, dataset, expected) in [
            (&["fc1", "fc1"][..], "kernel:0", "fc1.kernel"),
            (&["fc1"], "fc1_W_1:0", "fc1.kernel"),
            (&["fc1"], "fc1_b_1:0", "fc1.bias"),
            (&["bn"], "bn_running_std_1:0", "bn.moving_variance"),
            (&["bn"], "bn_gamma:0", "bn.gamma"),
            (&["model_weights", "conv1_bn", "conv1_bn"], "gamma", "conv1_bn.gamma"),
            (
                &["model_weights", "conv_dw_1", "conv_dw_1"],
                "depthwise_kernel:0",
                "conv_dw_1.kernel",
            ),
            (&["model_weights", "vgg19", "fc1"], "bias:0", "fc1.bias"),
            // A session that made the model twice.
            (&["conv1", "conv1_3"], "kernel:0", "conv1.kernel"),
        ] {
            let found = named(groups, dataset, None);
            let is_expected = |(_, name): &(String, String)| name == expected;
            assert!(found.iter().any(is_expected), "{groups:?} {dataset}: {found:?}");
        }
        let found = named(&["layers", "conv2d", "vars"], "0", Some("conv_pw_1"));
        let pair = |prefix: &str, name: &str| (prefix.to_owned(), name.to_owned());
        assert_eq!(found, [pair("layers", "conv_pw_1.kernel"), pair("layers", "conv_pw_1.gamma")]);
        let found = named(&["layers", "b", "vars"], "3", Some("bn"));
        assert_eq!(found, [pair("layers", "bn.moving_variance")]);
        let found = named(&["model_weights", "outer", "fc1", "fc1"], "kernel:0", None);
        assert_eq!(found[0], pair("model_weights/outer", "fc1.kernel"));
        assert!(named(&["layers", "b", "vars"], "9", Some("bn")).is_empty());
    }
}
