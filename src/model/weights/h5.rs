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

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions};

use super::{Element, ModelError, Stored};

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
    datasets: BTreeMap<String, Entry>,
}

/// A dataset.
struct Entry {
    dataset: Dataset,
    stored: Stored,
    names: Vec<String>,
}

impl Reader {
    /// Opens a file and lists its datasets.
    pub(super) fn open(path: &Path) -> Result<Reader, ModelError> {
        // Every dataset is read once: nothing is worth keeping.
        let options = OpenOptions::default().with_chunk_cache_bytes(0);
        let mut walk = Walk { datasets: BTreeMap::new(), objects: 0 };
        Hdf5File::open_with_options(path, options)
            .and_then(|file| file.root_group())
            .map_err(|error| error.to_string())
            .and_then(|root| walk.group(&root, &mut Vec::new(), None))
            .map_err(|reason| {
                ModelError::file(path, format!("an HDF5 file that cannot be read: {reason}"))
            })?;
        Ok(Reader { path: path.to_owned(), datasets: walk.datasets })
    }

    /// Its datasets by path.
    pub(super) fn stored(&self) -> BTreeMap<String, Stored> {
        self.datasets.iter().map(|(path, entry)| (path.clone(), entry.stored.clone())).collect()
    }

    /// What a dataset may be: `layer.weight` for each group that it lies in, the innermost first.
    pub(super) fn names(&self, path: &str) -> &[String] {
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
            dataset.read_into(&mut values).map_err(|error| bad(error.to_string()))?;
            return Ok(values);
        }
        let bytes = dataset.read_native_bytes().map_err(|error| bad(error.to_string()))?;
        let values = stored.element.read(&mut bytes.as_slice(), stored.elements());
        values.map_err(|error| bad(error.to_string()))
    }
}

/// A walk through the groups.
struct Walk {
    datasets: BTreeMap<String, Entry>,
    objects: usize,
}

impl Walk {
    /// `groups`: the names above, the outermost first. `layer`: what the attribute of `vars` says.
    fn group(
        &mut self,
        group: &Group,
        groups: &mut Vec<String>,
        layer: Option<&str>,
    ) -> Result<(), String> {
        let (children, datasets) = group.members().map_err(|error| error.to_string())?;
        self.objects += children.len() + datasets.len();
        if groups.len() > MAX_DEPTH || self.objects > MAX_OBJECTS {
            return Err(format!("more than {MAX_DEPTH} levels or {MAX_OBJECTS} groups"));
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
        _ => Element::Other,
    };
    let sides = dataset.shape().iter().map(|&side| usize::try_from(side));
    let shape: Vec<usize> = sides.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    shape
        .iter()
        .try_fold(1usize, |product, &side| product.checked_mul(side))
        .filter(|elements| *elements <= isize::MAX as usize / size_of::<f64>())
        .ok_or_else(|| format!("`{}` has the shape {shape:?}", dataset.name()))?;
    let names = names(dataset.name(), groups, layer);
    Ok(Entry { dataset, stored: Stored { shape, element }, names })
}

/// `layer.weight`, for each group that may be the layer.
pub(super) fn names(dataset: &str, groups: &[String], layer: Option<&str>) -> Vec<String> {
    if let Some(layer) = layer {
        // Keras 3 numbers the weights of a layer in the order in which it makes them.
        let norm = ["gamma", "beta", "moving_mean", "moving_variance"];
        let other = ["kernel", "bias"];
        let number: Option<usize> = dataset.parse().ok();
        let of = |names: &[&str]| Some(format!("{layer}.{}", names.get(number?)?));
        return [of(&other), of(&norm)].into_iter().flatten().collect();
    }
    let plain = dataset.rsplit_once(':').map_or(dataset, |(name, _)| name);
    let mut names = Vec::new();
    for group in groups.iter().rev() {
        let weight = match older(plain, group).unwrap_or(plain) {
            "depthwise_kernel" | "W" => "kernel",
            "b" => "bias",
            "running_mean" => "moving_mean",
            // It holds variances all the same.
            "running_std" => "moving_variance",
            other => other,
        };
        names.push(format!("{group}.{weight}"));
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
            assert!(found.contains(&expected.to_owned()), "{groups:?} {dataset}: {found:?}");
        }
        let found = named(&["layers", "conv2d", "vars"], "0", Some("conv_pw_1"));
        assert_eq!(found, ["conv_pw_1.kernel", "conv_pw_1.gamma"]);
        assert_eq!(named(&["layers", "b", "vars"], "3", Some("bn")), ["bn.moving_variance"]);
        assert!(named(&["layers", "b", "vars"], "9", Some("bn")).is_empty());
    }
}
