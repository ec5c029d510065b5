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

use super::beside::Beside;
use super::element::Stored;
use super::pickle::{Id, Object, Pickle};
use super::refused;
use super::tree::{self, Dictionary, Storage};
use crate::ModelError;

/// How an older file begins: protocol 2, then the magic number.
pub(super) const LEGACY_MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// How a zip archive begins.
pub(super) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// Bytes of the count before each storage of the older kind.
const LEGACY_COUNT_BYTES: u64 = 8;
/// The version of the older kind.
const LEGACY_VERSION: i64 = 1001;
/// An open file.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    container: Container,
    length: u64,
    pickle: Pickle,
    dictionaries: Vec<Dictionary>,
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

impl Reader {
    /// Opens a zip archive of `torch.save`.
    pub(super) fn open_zip(path: &Path) -> Result<Reader, ModelError> {
        let io = |error| ModelError::io(path, error);
        let bad = |reason: String| ModelError::file(path, reason);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| bad(refused::of_zip_error(&error, length)))?;
        let names: Vec<String> = (0..archive.len())
            .filter_map(|index| Some(archive.name_for_index(index)?.ok()?.into_owned()))
            .collect();
        let folder = names.iter().find_map(|name| name.strip_suffix("/data.pkl"));
        let Some(folder) = folder.filter(|_| !refused::is_torch_script(&names)) else {
            return Err(bad(refused::of_zip(&names)));
        };
        let name = format!("{folder}/data.pkl");
        let entry = archive
            .by_name(&name)
            .map_err(|error| bad(format!("`{name}`: {}", refused::of_zip_error(&error, length))))?;
        let pickle = Pickle::read(&mut BufReader::new(entry))
            .map_err(|reason| bad(refused::of_pickle(&reason)))?;
        let order = format!("{folder}/byteorder");
        if names.contains(&order) {
            let mut text = String::new();
            let read = archive.by_name(&order).map_err(io::Error::other);
            read.and_then(|entry| entry.take(16).read_to_string(&mut text))
                .map_err(|_| bad(refused::damaged(length)))?;
            if text.trim() != "little" {
                return Err(bad(format!(
                    "its numbers are stored `{}`-endian: save it on another machine",
                    text.trim()
                )));
            }
        }
        let dictionaries = tree::dictionaries(&pickle).map_err(bad)?;
        let folder = folder.to_owned();
        let container = Container::Zip { archive: Box::new(archive), folder };
        Ok(Reader { path: path.to_owned(), container, length, pickle, dictionaries })
    }

    /// Opens a file of `torch.save` of the older kind.
    pub(super) fn open_legacy(path: &Path) -> Result<Reader, ModelError> {
        let io = |error| ModelError::io(path, error);
        let bad = |reason: String| ModelError::file(path, reason);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(LEGACY_MAGIC.len() as u64)).map_err(io)?;
        let mut next =
            || Pickle::read(&mut file).map_err(|reason| bad(refused::of_pickle(&reason)));
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
        let dictionaries = tree::dictionaries(&object).map_err(bad)?;
        let mut storages = BTreeMap::new();
        for id in object.persistent() {
            let storage = tree::storage(&object, id).map_err(bad)?;
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
                         begins at {at}: {}",
                        refused::DOWNLOAD_AGAIN
                    )));
                }
            };
        }
        let container = Container::Legacy { file, starts };
        let (path, pickle) = (path.to_owned(), object);
        Ok(Reader { path, container, length, pickle, dictionaries })
    }

    /// Keys from the root to each of its dictionaries of tensors.
    pub(super) fn dictionaries(&self) -> Vec<Vec<String>> {
        self.dictionaries.iter().map(|dictionary| dictionary.path.clone()).collect()
    }

    /// The tensors of a dictionary by key.
    pub(super) fn stored(&self, dictionary: usize) -> BTreeMap<String, Stored> {
        let tensors = self.dictionaries.get(dictionary).map(|dictionary| &dictionary.tensors);
        let tensors = tensors.into_iter().flatten();
        tensors.map(|(key, tensor)| (key.clone(), tensor.stored.clone())).collect()
    }

    /// What it holds beside the dictionaries with these paths.
    pub(super) fn beside(&self, paths: &[Vec<String>]) -> Vec<Beside> {
        let found = tree::at_the_sides(&self.pickle, paths);
        found.iter().map(|(name, id)| Beside::object(&self.pickle, name, *id)).collect()
    }

    /// Reads a tensor of a dictionary.
    pub(super) fn read(&mut self, dictionary: usize, key: &str) -> Result<Vec<f32>, ModelError> {
        let bad = |reason: String| ModelError::file(&self.path, format!("`{key}`: {reason}"));
        let tensors = self.dictionaries.get(dictionary).map(|dictionary| &dictionary.tensors);
        let tensor = tensors.and_then(|tensors| tensors.get(key));
        let tensor = tensor.ok_or_else(|| bad("there is no such tensor".into()))?;
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
                let entry = archive
                    .by_name(&name)
                    .map_err(|error| bad(refused::of_zip_error(&error, self.length)))?;
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
        let numbers = numbers.map_err(|_| bad(refused::damaged(self.length)))?;
        Ok(if tensor.is_contiguous() { numbers } else { tensor.gather(&numbers) })
    }
}
