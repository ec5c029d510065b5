//! MODEL: a network that was trained here, with what is needed to use it: one safetensors file.
//!
//! ```text
//! model.safetensors = length │ header: tensors, __metadata__ { "tcolz": JSON of ModelFacts, "tcolz-blake3" } │ tensors, float32
//! ```
//!
//! Its tensors are those of [`Spec::parameters`], all of them and no others, under torchvision's, timm's and
//! Keras's names, so that other programs load the file, too. It is written down in `schemas/model.md`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::weights::seal::{SEAL_KEY, seal_fault};
use super::weights::{Element, tensor_file};
use super::{ModelError, Network, Properties, Spec};
use tcolz_base::door::call;
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;

/// The value of `format`.
pub const MODEL_FORMAT: &str = "tcolz-model-v1";
/// The key of the facts in the file's metadata.
pub const MODEL_KEY: &str = "tcolz";

/// A network that was trained here.
#[derive(Debug, Clone)]
pub struct Model {
    /// What is known of it.
    pub facts: ModelFacts,
    /// Its parameters by key: float32, in the memory of the CPU where it was opened.
    pub tensors: HashMap<String, Tensor>,
}

/// What a model's file says of it. JSON schema: `schemas/model.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Always [`MODEL_FORMAT`].
    pub format: String,
    /// Which network.
    pub network: Network,
    /// What its weights ask for.
    pub properties: Properties,
    /// The view that images are seen through, with its values: the one that `properties` names.
    pub view: View,
    /// Class names, indexed by label: one for each logit.
    pub classes: Vec<String>,
    /// How photos became the tensors that it was trained on.
    pub recipe: Recipe,
    /// Which of the recipe's sizes it was trained on, in pixels.
    pub size: u32,
    /// What was fine-tuned: `head` or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finetune: Option<String>,
    /// The part of the training split that it saw, as asked for: `1`, `12.5`; absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    /// Content root of the dataset that it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_root: Option<String>,
    /// BLAKE3 of the file beside it that names the photos that it has seen
    /// (`seen.parquet`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Epochs it was trained for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// What it reached on samples that it was not trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// What a model reached on samples that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Share of right answers, from 0 to 1.
    pub accuracy: f64,
    /// How many samples.
    pub samples: u64,
}

impl ModelFacts {
    /// The network as data, with a logit for each class.
    pub fn spec(&self) -> Spec {
        self.network.spec(&self.properties, self.classes.len())
    }

    /// The sentence that says what cannot be.
    fn fault(&self) -> Option<String> {
        let Properties { eps, view, .. } = &self.properties;
        let distinct: HashSet<_> = self.classes.iter().collect();
        let finite = |validation: &Validation| {
            validation.loss.is_finite() && (0.0..=1.0).contains(&validation.accuracy)
        };
        if self.format != MODEL_FORMAT {
            Some(format!("`format` is `{}`, expected `{MODEL_FORMAT}`", self.format))
        } else if self.classes.is_empty() || distinct.len() < self.classes.len() {
            Some(format!("expected classes, each once, found {:?}", self.classes))
        } else if !(eps.is_finite() && *eps >= 0.0) {
            Some(format!("the eps of BatchNorm is {eps}, expected a number that is not negative"))
        } else if *view != self.view.name {
            Some(format!(
                "its weights ask for the view `{view}`, found the view `{}`",
                self.view.name
            ))
        } else if !self.recipe.is_valid() || !self.recipe.sizes.contains(&self.size) {
            let sizes = &self.recipe.sizes;
            Some(format!("its size is {}, which is none of its recipe's: {sizes:?}", self.size))
        } else if let Some(validation) = self.validation.filter(|found| !finite(found)) {
            Some(format!(
                "expected a finite loss and an accuracy from 0 to 1, found {validation:?}"
            ))
        } else {
            self.spec().check_input([self.size as usize; 2]).err().map(|error| error.to_string())
        }
    }

    /// The facts of a model in the file `path`; `None` where it is none that was trained here.
    pub fn of_file(path: &Path) -> Option<ModelFacts> {
        let reader = tensor_file::Reader::open(path).ok()?;
        ModelFacts::parse(path, reader.metadata().get(MODEL_KEY)?).ok()
    }

    /// The facts in the metadata of the file `path` and their text; `None` where it is none that was trained here.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Format`].
    pub(super) fn of_metadata<'a>(
        path: &Path,
        metadata: &'a BTreeMap<String, String>,
    ) -> Result<Option<(ModelFacts, &'a str)>, ModelError> {
        match metadata.get(MODEL_KEY) {
            Some(json) => Ok(Some((ModelFacts::parse(path, json)?, json))),
            None if metadata.contains_key(SEAL_KEY) => {
                let fault = format!("its metadata has a `{SEAL_KEY}` and no `{MODEL_KEY}`");
                Err(ModelError::file(path, damaged(&fault)))
            }
            None => Ok(None),
        }
    }

    fn parse(path: &Path, json: &str) -> Result<ModelFacts, ModelError> {
        let bad = |reason: String| ModelError::file(path, reason);
        let unread = |error: serde_json::Error| bad(format!("`{MODEL_KEY}`: {error}"));
        let value: serde_json::Value = serde_json::from_str(json).map_err(unread)?;
        // The version first: another one may say everything else differently.
        let format = value.get("format").and_then(|format| format.as_str());
        match format {
            Some(MODEL_FORMAT) => {}
            Some(other) => {
                let (path, found) = (path.to_owned(), other.to_owned());
                return Err(ModelError::Format { path, found, expected: MODEL_FORMAT });
            }
            None => {
                return Err(bad(format!(
                    "`{MODEL_KEY}` says no format, expected `{MODEL_FORMAT}`"
                )));
            }
        }
        let facts: ModelFacts = serde_json::from_value(value).map_err(unread)?;
        facts.fault().map_or(Ok(facts), |fault| Err(bad(fault)))
    }
}

impl Model {
    /// Opens a file and tests all of it: facts, keys, shapes, and the hash of facts and tensors. Models of 0.1.0 have no
    /// hash.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::File`], [`ModelError::Format`]; [`ModelError::In`] where a tensor is missing,
    /// of another shape or has no place.
    pub fn open(path: &Path) -> Result<Model, ModelError> {
        if let Some(found) = other_weights(path) {
            let path_shown = path.display().to_string();
            return Err(ModelError::file(
                path,
                format!(
                    "not a model of tcolz but {found}: train one that begins with it, {}",
                    call("train", &["DATASET"], &[("network", "NAME"), ("weights", &path_shown)])
                ),
            ));
        }
        let mut reader = tensor_file::Reader::open(path)?;
        let metadata = reader.metadata();
        let facts = ModelFacts::of_metadata(path, &metadata)?;
        let (facts, text) = facts.ok_or_else(|| {
            ModelError::file(
                path,
                format!(
                    "not a model of tcolz: its metadata has no `{MODEL_KEY}`; {} says what it is",
                    call("weights", &[&path.display().to_string()], &[])
                ),
            )
        })?;
        let stored = reader.stored();
        let shapes = stored.iter().map(|(key, stored)| (key.as_str(), &*stored.shape)).collect();
        check(&facts.spec(), &shapes).map_err(|error| error.within(path))?;
        let mut tensors = HashMap::new();
        for (key, stored) in stored {
            if stored.element != Element::F32 {
                let found = stored.element.name();
                return Err(ModelError::file(
                    path,
                    format!("`{key}`: expected f32, found {found}"),
                ));
            }
            let values = reader.read(&key)?;
            tensors.insert(key, Tensor::from_vec(values, stored.shape, &Device::Cpu)?);
        }
        check_hash(path, &metadata, text, &tensors)?;
        Ok(Model { facts, tensors })
    }

    /// Writes the file, whole or not at all; its folder must exist. Equal models give equal bytes. Gives the file's
    /// BLAKE3 in hexadecimal.
    ///
    /// # Errors
    /// When the facts contradict each other or the tensors do not fit them ([`ModelError::In`],
    /// [`ModelError::File`]), or the disk refuses.
    pub fn save(&self, path: &Path) -> Result<String, ModelError> {
        if let Some(reason) = self.facts.fault() {
            return Err(ModelError::file(path, format!("cannot be written: {reason}")));
        }
        let tensors = by_key(&self.tensors);
        let shapes = tensors.iter().map(|(&key, tensor)| (key, tensor.dims())).collect();
        check(&self.spec(), &shapes).map_err(|error| error.within(path))?;
        let json = serde_json::to_string(&self.facts)
            .map_err(|error| ModelError::io(path, error.into()))?;
        tensor_file::Sealed::new(path, (MODEL_KEY, json), &tensors)?.write_hashed()
    }

    /// The network as data.
    pub fn spec(&self) -> Spec {
        self.facts.spec()
    }
}

/// Tests facts and tensors of a model's file against the hash in its metadata.
///
/// # Errors
/// [`ModelError::File`].
pub(super) fn check_hash(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    text: &str,
    tensors: &HashMap<String, Tensor>,
) -> Result<(), ModelError> {
    match seal_fault(metadata, text, &by_key(tensors))? {
        Some(fault) => Err(ModelError::file(path, damaged(&fault))),
        None => Ok(()),
    }
}

fn by_key(tensors: &HashMap<String, Tensor>) -> BTreeMap<&str, &Tensor> {
    tensors.iter().map(|(key, tensor)| (key.as_str(), tensor)).collect()
}

/// What is said of a model that is not as it was written.
fn damaged(fault: &str) -> String {
    format!("damaged: {fault}; copy it again, or repeat the training that made it")
}

/// What a file of somebody else's weights is that is no safetensors file; `None` for those and for all else.
fn other_weights(path: &Path) -> Option<&'static str> {
    let mut start = Vec::new();
    std::fs::File::open(path).ok()?.take(16).read_to_end(&mut start).ok()?;
    match &*start {
        [b'P', b'K', 3, 4, ..] | [0x80, 2, 0x8a, ..] => Some("a file of PyTorch"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file"),
        _ => None,
    }
}

/// Tests that shapes are those of a network, no more and no less.
fn check(spec: &Spec, shapes: &BTreeMap<&str, &[usize]>) -> Result<(), ModelError> {
    let network = spec.network.name();
    let parameters = spec.parameters();
    for parameter in &parameters {
        let (key, expected) = (parameter.key.clone(), parameter.shape.clone());
        match shapes.get(&*key) {
            None => return Err(ModelError::MissingKey { network, key, expected }),
            Some(&found) if found != expected => {
                let found = found.to_vec();
                return Err(ModelError::Shape { network, key, expected, found });
            }
            Some(_) => {}
        }
    }
    let known: HashSet<_> = parameters.iter().map(|parameter| parameter.key.as_str()).collect();
    match shapes.iter().find(|(key, _)| !known.contains(*key)) {
        Some((key, found)) => {
            let (key, found) = ((*key).to_owned(), found.to_vec());
            Err(ModelError::UnknownKey { network, key, found })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn facts(network: Network) -> ModelFacts {
        let properties = network.properties();
        ModelFacts {
            format: MODEL_FORMAT.to_owned(),
            network,
            view: View::built_in(&properties.view).unwrap(),
            properties,
            classes: ["negative", "neutral", "positive"].map(str::to_owned).to_vec(),
            recipe: Recipe { sizes: vec![96, 224], ..Recipe::default() },
            size: 96,
            finetune: Some("head".to_owned()),
            percent: Some("12.5".to_owned()),
            content_root: Some("00".repeat(32)),
            seen: Some("11".repeat(32)),
            epochs: Some(15),
            validation: Some(Validation { loss: 0.71, accuracy: 0.625, samples: 8 }),
        }
    }

    /// Every number another one.
    fn model(network: Network) -> Model {
        let facts = facts(network);
        let mut next = 0u32;
        let mut tensors = HashMap::new();
        for parameter in facts.spec().parameters() {
            let values = (0..parameter.elements()).map(|_| {
                next += 1;
                next as f32 * 0.25
            });
            let values: Vec<f32> = values.collect();
            let tensor = Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap();
            tensors.insert(parameter.key, tensor);
        }
        Model { facts, tensors }
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn what_is_saved_is_opened_and_equal_models_give_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        let model = model(Network::MobileNetV2);
        model.save(&first).unwrap();
        let opened = Model::open(&first).unwrap();
        assert_eq!(opened.facts, model.facts);
        assert_eq!(opened.tensors.len(), model.tensors.len());
        for (key, tensor) in &model.tensors {
            assert_eq!(opened.tensors[key].dims(), tensor.dims(), "{key}");
            assert_eq!(values(&opened.tensors[key]), values(tensor), "{key}");
        }
        opened.save(&second).unwrap();
        assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap());
    }

    #[test]
    fn a_transposed_tensor_is_saved_as_it_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let mut model = model(Network::MobileNetV1);
        let dense = model.tensors["head.dense.weight"].clone();
        let turned = dense.t().unwrap().contiguous().unwrap().t().unwrap();
        model.tensors.insert("head.dense.weight".to_owned(), turned);
        model.save(&path).unwrap();
        let opened = Model::open(&path).unwrap();
        assert_eq!(values(&opened.tensors["head.dense.weight"]), values(&dense));
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused_by_key_and_shape_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let refused = |change: &dyn Fn(&mut Model)| {
            let mut model = model(Network::MobileNetV1);
            change(&mut model);
            let error = model.save(&path).unwrap_err().to_string();
            assert!(!path.exists(), "{error}");
            error
        };
        let error = refused(&|model| drop(model.tensors.remove("conv_dw_3.weight")));
        assert!(
            error.contains("`conv_dw_3.weight`") && error.contains("[128, 1, 3, 3]"),
            "{error}"
        );
        let error = refused(&|model| {
            let kernel = model.tensors["conv1.weight"].t().unwrap();
            model.tensors.insert("conv_pw_1_bn.bias".to_owned(), kernel);
        });
        assert!(error.contains("`conv_pw_1_bn.bias`: expected the shape [64]"), "{error}");
        let error = refused(&|model| {
            let bias = model.tensors["head.last.bias"].clone();
            model.tensors.insert("conv1.bias".to_owned(), bias);
        });
        assert!(error.contains("no place for `conv1.bias`, of the shape [3]"), "{error}");
        let error = refused(&|model| model.facts.validation.as_mut().unwrap().loss = f64::NAN);
        assert!(error.contains("finite loss"), "{error}");
        let error = refused(&|model| model.facts.view = View::built_in("caffe").unwrap());
        assert!(error.contains("`tf`") && error.contains("`caffe`"), "{error}");
        let error = refused(&|model| model.facts.size = 299);
        assert!(error.contains("299") && error.contains("[96, 224]"), "{error}");
        let error = refused(&|model| model.facts.classes[1] = "negative".to_owned());
        assert!(error.contains("each once"), "{error}");
    }

    #[test]
    fn facts_of_another_format_or_with_unknown_keys_are_refused_by_name() {
        let json = serde_json::to_string(&facts(Network::Vgg19)).unwrap();
        let parse = |json: &str| {
            ModelFacts::parse(Path::new("model"), json).map_err(|error| error.to_string())
        };
        assert_eq!(parse(&json).unwrap(), facts(Network::Vgg19));
        let error = parse(&json.replace("model-v1", "model-v2")).unwrap_err();
        assert!(error.contains("tcolz-model-v2") && error.contains("newer tcolz"), "{error}");
        let error = parse(&json.replace("\"epochs\"", "\"epoch\"")).unwrap_err();
        assert!(error.contains("`epoch`"), "{error}");
        let error = parse(&json.replace("vgg19", "vgg16")).unwrap_err();
        assert!(error.contains("vgg16"), "{error}");
        let error = parse("{}").unwrap_err();
        assert!(error.contains("no format"), "{error}");
        parse("{").unwrap_err();
    }

    #[test]
    fn a_network_that_cannot_take_the_size_is_refused() {
        let mut facts = facts(Network::InceptionResNetV2);
        (facts.recipe.sizes, facts.size) = (vec![32], 32);
        let fault = facts.fault().unwrap();
        assert!(fault.contains("inception-resnet-v2 cannot take images of 32 × 32"), "{fault}");
    }

    /// `model.schema.json` names the keys that are written, and requires those that always are.
    #[test]
    fn the_schema_names_every_fact() {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/model.schema.json");
        let schema: serde_json::Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
        let mut all = facts(Network::MobileNetV1);
        all.recipe.orient = tcolz_pixels::recipe::Orient::Exif;
        all.recipe.refuse_truncated = true;
        all.recipe.mean = Some(tcolz_pixels::recipe::Mean::Values([1.0, 2.0, 3.0]));
        let mut least = ModelFacts {
            finetune: None,
            percent: None,
            content_root: None,
            seen: None,
            epochs: None,
            validation: None,
            ..all.clone()
        };
        least.recipe.mean = None;
        least.recipe.orient = tcolz_pixels::recipe::Orient::Stored;
        least.recipe.refuse_truncated = false;
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let json = |facts: &ModelFacts| serde_json::to_value(facts).unwrap();
        let (all, least) = (json(&all), json(&least));
        for part in ["", "/properties", "/view", "/recipe", "/validation"] {
            let of = if part.is_empty() { String::new() } else { format!("/properties{part}") };
            let object = schema.pointer(&of).unwrap();
            assert_eq!(object["additionalProperties"], false, "{part}");
            assert_eq!(keys(&object["properties"]), keys(all.pointer(part).unwrap()), "{part}");
            let required = least.pointer(part).or(all.pointer(part)).unwrap();
            assert_eq!(object["required"], serde_json::json!(keys(required)), "{part}");
        }
        let names: Vec<_> = Network::ALL.iter().map(|network| network.name()).collect();
        assert_eq!(schema["properties"]["network"]["enum"], serde_json::json!(names));
        assert_eq!(schema["properties"]["format"]["const"], MODEL_FORMAT);
        assert_eq!(
            Network::ALL.map(|network| serde_json::to_value(network).unwrap()).to_vec(),
            names
        );
    }
}
