//! `torch.save`: a pickle that names tensors, and their numbers beside it.
//!
//! ```text
//! since 2020   a zip archive, nothing compressed: NAME/data.pkl, NAME/data/0, NAME/data/1, …
//! before       five pickles (a magic number, a version, the machine, the object, the keys of storages), then each
//!              storage: a count (i64) and its numbers
//! ```
//!
//! torchvision's VGG19 is of the older kind. Source: `torch/serialization.py`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::pickle::{Id, Object, Pickle, word};
use super::{Element, ModelError, Stored};

/// How an older file begins: protocol 2, then the magic number.
pub(super) const LEGACY_MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// How a zip archive begins.
pub(super) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// Bytes of the count before each storage of the older kind.
const LEGACY_COUNT_BYTES: u64 = 8;
/// The version of the older kind.
const LEGACY_VERSION: i64 = 1001;
/// Names that a dictionary of weights is kept under in training checkpoints, the likeliest first.
const STATE_DICTS: [&str; 6] =
    ["state_dict", "model_state_dict", "model", "net", "network", "weights"];

/// An open file.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    container: Container,
    length: u64,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Debug)]
enum Container {
    Zip {
        archive: Box<ZipArchive<BufReader<File>>>,
        folder: String,
    },
    /// Where the numbers of each storage begin.
    Legacy {
        file: BufReader<File>,
        starts: BTreeMap<String, u64>,
    },
}

/// A tensor: a view of a storage.
#[derive(Debug, Clone)]
struct Tensor {
    storage: Storage,
    stored: Stored,
    /// Elements before its first one.
    offset: usize,
    /// Elements from one to the next, for each side.
    strides: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Storage {
    key: String,
    element: Element,
    element_bytes: usize,
    elements: usize,
}

impl Tensor {
    /// Elements from its first to behind its last; `None` where they lie outside its storage.
    fn extent(&self) -> Option<usize> {
        if self.stored.shape.contains(&0) {
            return Some(0);
        }
        let mut last = 0usize;
        for (side, stride) in self.stored.shape.iter().zip(&self.strides) {
            last = last.checked_add((side - 1).checked_mul(*stride)?)?;
        }
        let extent = last.checked_add(1)?;
        (self.offset.checked_add(extent)? <= self.storage.elements).then_some(extent)
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        self.stored.shape.iter().zip(&self.strides).rev().all(|(&side, &stride)| {
            let fits = side == 1 || stride == expected;
            expected = expected.saturating_mul(side);
            fits
        })
    }

    /// Its elements in order, from those between its first and its last.
    fn gather(&self, extent: &[f32]) -> Vec<f32> {
        let mut starts = vec![0];
        for (&side, &stride) in self.stored.shape.iter().zip(&self.strides) {
            starts = starts
                .iter()
                .flat_map(|start| (0..side).map(move |i| start + i * stride))
                .collect();
        }
        starts.into_iter().map(|start| extent[start]).collect()
    }
}

impl Reader {
    /// Opens a zip archive of `torch.save`.
    pub(super) fn open_zip(path: &Path) -> Result<Reader, ModelError> {
        let io = |error| ModelError::io(path, error);
        let bad = |reason: String| ModelError::file(path, reason);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| bad(format!("a zip archive that cannot be read: {error}")))?;
        let names: Vec<String> = (0..archive.len())
            .filter_map(|index| Some(archive.name_for_index(index)?.ok()?.into_owned()))
            .collect();
        let Some(folder) = names.iter().find_map(|name| name.strip_suffix("/data.pkl")) else {
            let hint = if names.iter().any(|name| name == "model.weights.h5") {
                "a `.keras` archive: unpack it and give its `model.weights.h5`"
            } else {
                "a zip archive without `data.pkl`: not made by torch.save"
            };
            return Err(bad(hint.to_owned()));
        };
        let mut read = |name: &str| -> Result<Pickle, String> {
            let entry = archive.by_name(name).map_err(|error| format!("`{name}`: {error}"))?;
            Pickle::read(&mut BufReader::new(entry)).map_err(|error| format!("`{name}`: {error}"))
        };
        let pickle = read(&format!("{folder}/data.pkl")).map_err(bad)?;
        let order = format!("{folder}/byteorder");
        if names.contains(&order) {
            let mut text = String::new();
            let read = archive.by_name(&order).map_err(io::Error::other);
            read.and_then(|entry| entry.take(16).read_to_string(&mut text))
                .map_err(|error| bad(format!("`{order}`: {error}")))?;
            if text.trim() != "little" {
                return Err(bad(format!(
                    "its numbers are stored `{}`-endian: save it on another machine",
                    text.trim()
                )));
            }
        }
        let tensors = tensors(&pickle).map_err(bad)?;
        let folder = folder.to_owned();
        let container = Container::Zip { archive: Box::new(archive), folder };
        Ok(Reader { path: path.to_owned(), container, length, tensors })
    }

    /// Opens a file of `torch.save` of the older kind.
    pub(super) fn open_legacy(path: &Path) -> Result<Reader, ModelError> {
        let io = |error| ModelError::io(path, error);
        let bad = |reason: String| ModelError::file(path, reason);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(LEGACY_MAGIC.len() as u64)).map_err(io)?;
        let mut next = || Pickle::read(&mut file).map_err(bad);
        let (version, machine, object, keys) = (next()?, next()?, next()?, next()?);
        if *version.get(version.root) != Object::Int(LEGACY_VERSION) {
            return Err(bad(format!("saved by torch in another version than {LEGACY_VERSION}")));
        }
        let machine_says = machine.entries(machine.root).unwrap_or_default();
        let is_big = |&(key, id): &(&str, Id)| {
            key == "little_endian" && *machine.get(id) == Object::Bool(false)
        };
        if machine_says.iter().any(is_big) {
            return Err(
                bad("its numbers are stored big-endian: save it on another machine".into()),
            );
        }
        let tensors = tensors(&object).map_err(bad)?;
        let mut storages = BTreeMap::new();
        for id in object.persistent() {
            let storage = storage(&object, id).map_err(bad)?;
            storages.insert(storage.key.clone(), storage);
        }
        let Object::List(list) = keys.get(keys.root) else {
            return Err(bad("saved by torch, but the list of its storages is missing".into()));
        };
        let mut starts = BTreeMap::new();
        let mut at = file.stream_position().map_err(io)?;
        for &id in list {
            let storage = keys.text(id).and_then(|key| storages.get(key));
            let Some(Storage { key, element_bytes, elements, .. }) = storage else {
                return Err(bad("it holds a storage that no tensor names".into()));
            };
            at += LEGACY_COUNT_BYTES;
            starts.insert(key.clone(), at);
            let bytes = (*elements as u64).checked_mul(*element_bytes as u64);
            at = match bytes.and_then(|bytes| at.checked_add(bytes)) {
                Some(end) if end <= length => end,
                _ => {
                    return Err(bad(format!(
                        "it ends early: {length} bytes, and the storage `{key}` of {elements} numbers \
                         begins at {at}"
                    )));
                }
            };
        }
        let container = Container::Legacy { file, starts };
        Ok(Reader { path: path.to_owned(), container, length, tensors })
    }

    /// Its tensors by key.
    pub(super) fn stored(&self) -> BTreeMap<String, Stored> {
        self.tensors.iter().map(|(key, tensor)| (key.clone(), tensor.stored.clone())).collect()
    }

    /// Reads a tensor.
    pub(super) fn read(&mut self, key: &str) -> Result<Vec<f32>, ModelError> {
        let bad = |reason: String| ModelError::file(&self.path, format!("`{key}`: {reason}"));
        let tensor = self.tensors.get(key).ok_or_else(|| bad("there is no such tensor".into()))?;
        let Storage { key: storage, element, element_bytes, .. } = &tensor.storage;
        let extent = tensor.extent().filter(|&extent| {
            // No file holds more than its length: nothing in it is compressed.
            extent.checked_mul(*element_bytes).is_some_and(|bytes| bytes as u64 <= self.length)
        });
        let extent = extent.ok_or_else(|| bad("it lies outside its storage".into()))?;
        let skip = (tensor.offset * element_bytes) as u64;
        let numbers = match &mut self.container {
            Container::Zip { archive, folder } => {
                let name = format!("{folder}/data/{storage}");
                let entry =
                    archive.by_name(&name).map_err(|error| bad(format!("`{name}`: {error}")))?;
                let mut entry = BufReader::new(entry);
                io::copy(&mut entry.by_ref().take(skip), &mut io::sink())
                    .and_then(|_| element.read(&mut entry, extent))
            }
            Container::Legacy { file, starts } => {
                let start = starts.get(storage);
                let start = start.ok_or_else(|| bad("its storage is not in the file".into()))?;
                file.seek(SeekFrom::Start(start + skip)).and_then(|_| element.read(file, extent))
            }
        };
        let numbers =
            numbers.map_err(|error| bad(format!("its numbers cannot be read: {error}")))?;
        Ok(if tensor.is_contiguous() { numbers } else { tensor.gather(&numbers) })
    }
}

/// The tensors of a dictionary of weights, which may lie in another dictionary.
fn tensors(pickle: &Pickle) -> Result<BTreeMap<String, Tensor>, String> {
    let Some(entries) = pickle.entries(pickle.root) else {
        return Err(format!(
            "expected a dictionary of tensors, found {}: save `model.state_dict()` instead of the model",
            word(pickle.get(pickle.root))
        ));
    };
    let found = tensors_of(pickle, &entries)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let mut nested = Vec::new();
    for (name, id) in &entries {
        if let Some(entries) = pickle.entries(*id) {
            let found = tensors_of(pickle, &entries)?;
            if !found.is_empty() {
                nested.push((*name, found));
            }
        }
    }
    let likeliest = STATE_DICTS.iter().find_map(|name| nested.iter().position(|n| n.0 == *name));
    match (likeliest, nested.len()) {
        (Some(index), _) => Ok(nested.swap_remove(index).1),
        (None, 1) => Ok(nested.swap_remove(0).1),
        (None, _) => {
            let names: Vec<_> = entries.iter().map(|(name, _)| format!("`{name}`")).collect();
            Err(format!(
                "expected tensors, or one dictionary of tensors under {}; found {}",
                STATE_DICTS.map(|name| format!("`{name}`")).join(", "),
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            ))
        }
    }
}

fn tensors_of(pickle: &Pickle, entries: &[(&str, Id)]) -> Result<BTreeMap<String, Tensor>, String> {
    let mut tensors = BTreeMap::new();
    for &(name, id) in entries {
        if let Some(tensor) = tensor(pickle, id).map_err(|error| format!("`{name}`: {error}"))? {
            tensors.insert(name.to_owned(), tensor);
        }
    }
    Ok(tensors)
}

/// A tensor, however it is wrapped; `None` for what is none.
fn tensor(pickle: &Pickle, id: Id) -> Result<Option<Tensor>, String> {
    let called = |callable: Id| match pickle.get(callable) {
        Object::Global(name) => name.as_str(),
        _ => "",
    };
    let Object::Call(mut callable, mut arguments) = *pickle.get(id) else { return Ok(None) };
    // A parameter, or a tensor with attributes, wraps a tensor: one within the other at most.
    for _ in 0..2 {
        let members = pickle.tuple(arguments).unwrap_or_default();
        match (called(callable), members) {
            (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                [inner, ..],
            ) => match *pickle.get(*inner) {
                Object::Call(c, a) => (callable, arguments) = (c, a),
                _ => return Ok(None),
            },
            ("torch._tensor._rebuild_from_type_v2", [function, _, inner, ..]) => {
                (callable, arguments) = (*function, *inner);
            }
            _ => break,
        }
    }
    if !matches!(
        called(callable),
        "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor"
    ) {
        return Ok(None);
    }
    let broken = || "a tensor that is not described as torch.save does".to_owned();
    let Some(&[place, offset, shape, strides, ..]) = pickle.tuple(arguments) else {
        return Err(broken());
    };
    let Object::Persistent(place) = *pickle.get(place) else { return Err(broken()) };
    let storage = storage(pickle, place)?;
    let sizes = pickle.size(offset).zip(pickle.sizes(shape)).zip(pickle.sizes(strides));
    let ((offset, shape), strides) = sizes.ok_or_else(broken)?;
    if shape.len() != strides.len() {
        return Err(broken());
    }
    let stored = Stored { shape, element: storage.element };
    Ok(Some(Tensor { storage, stored, offset, strides }))
}

/// `("storage", type, key, device, count, …)`
fn storage(pickle: &Pickle, id: Id) -> Result<Storage, String> {
    let broken = || "a storage that is not described as torch.save does".to_owned();
    let Some(&[_, class, key, _, count, ref rest @ ..]) = pickle.tuple(id) else {
        return Err(broken());
    };
    // A part of another storage: nothing has written that since 2017.
    if rest.iter().any(|&view| pickle.tuple(view).is_some()) {
        return Err("a storage that is part of another one: save it with a newer torch".to_owned());
    }
    let Object::Global(class) = pickle.get(class) else { return Err(broken()) };
    let (element, element_bytes) = match class.as_str() {
        "torch.DoubleStorage" => (Element::F64, 8),
        "torch.FloatStorage" => (Element::F32, 4),
        "torch.HalfStorage" => (Element::F16, 2),
        "torch.BFloat16Storage" => (Element::Bf16, 2),
        "torch.LongStorage" | "torch.ComplexFloatStorage" => (Element::Other, 8),
        "torch.IntStorage" => (Element::Other, 4),
        "torch.ShortStorage" => (Element::Other, 2),
        "torch.CharStorage" | "torch.ByteStorage" | "torch.BoolStorage" => (Element::Other, 1),
        "torch.ComplexDoubleStorage" => (Element::Other, 16),
        other => return Err(format!("numbers of the kind `{other}` cannot be read")),
    };
    let (key, elements) = pickle.text(key).zip(pickle.size(count)).ok_or_else(broken)?;
    Ok(Storage { key: key.to_owned(), element, element_bytes, elements })
}
