//! A file of weights, whatever its format: keys, shapes and, when asked for, numbers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::beside::Beside;
use super::element::Stored;
use super::{h5, prefix, pth, refused, tensor_file};
use crate::ModelError;
use tcolz_pixels::file_kind::FIRST_BYTES;

/// How a file stores its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// safetensors.
    Safetensors,
    /// `torch.save`: a zip archive.
    Pytorch,
    /// `torch.save` before 2020, and since then when asked for.
    PytorchLegacy,
    /// HDF5, as Keras writes it.
    Hdf5,
}

impl FileFormat {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Safetensors => "safetensors",
            FileFormat::Pytorch => "PyTorch (zip)",
            FileFormat::PytorchLegacy => "PyTorch (before 2020)",
            FileFormat::Hdf5 => "HDF5 of Keras",
        }
    }
}

/// An open file.
pub(super) struct Contents {
    pub(super) format: FileFormat,
    pub(super) bytes: u64,
    /// What a safetensors file says beside its tensors.
    pub(super) metadata: BTreeMap<String, String>,
    /// The tensors of the dictionary that is looked at, by key.
    pub(super) stored: BTreeMap<String, Stored>,
    /// Keys from the root of the file to each of its dictionaries of tensors. Only torch.save's files have others
    /// than the root itself.
    pub(super) dictionaries: Vec<Vec<String>>,
    /// The number of the one that is looked at.
    current: usize,
    reader: Reader,
}

enum Reader {
    Safetensors(tensor_file::Reader),
    Pth(pth::Reader),
    H5(h5::Reader),
    /// A file that was not made, for the tests: what each tensor may be called.
    #[cfg(test)]
    Made(BTreeMap<String, Vec<(String, String)>>),
}

impl Contents {
    /// Opens a file; its first bytes say what it is, whatever its name.
    pub(super) fn open(path: &Path) -> Result<Contents, ModelError> {
        let io = |error| ModelError::io(path, error);
        let mut start = Vec::new();
        if path.is_dir() {
            return Err(ModelError::file(path, of_folder(path)));
        }
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        file.take(FIRST_BYTES as u64).read_to_end(&mut start).map_err(io)?;
        if let Some(reason) = refused::of_part(path) {
            return Err(ModelError::file(path, reason));
        }
        // Behind the length of a header, which is no text.
        let is_header = start.get(8) == Some(&b'{') && start[..8].contains(&0);
        let (format, reader) = if start.starts_with(h5::MAGIC) {
            (FileFormat::Hdf5, Reader::H5(h5::Reader::open(path)?))
        } else if start.starts_with(pth::ZIP_MAGIC) {
            (FileFormat::Pytorch, Reader::Pth(pth::Reader::open_zip(path)?))
        } else if start.starts_with(pth::LEGACY_MAGIC) {
            (FileFormat::PytorchLegacy, Reader::Pth(pth::Reader::open_legacy(path)?))
        } else if is_header {
            (FileFormat::Safetensors, Reader::Safetensors(tensor_file::Reader::open(path)?))
        } else {
            return Err(ModelError::file(path, refused::of_start(path, &start, bytes)));
        };
        let metadata = match &reader {
            Reader::Safetensors(reader) => reader.metadata(),
            _ => BTreeMap::new(),
        };
        let dictionaries = match &reader {
            Reader::Pth(reader) => reader.dictionaries(),
            _ => vec![Vec::new()],
        };
        let stored = BTreeMap::new();
        let mut contents =
            Contents { format, bytes, metadata, stored, dictionaries, current: 0, reader };
        contents.look_at(0);
        Ok(contents)
    }

    /// Keys from the root to the dictionary that is looked at.
    pub(super) fn dictionary(&self) -> &[String] {
        &self.dictionaries[self.current]
    }

    /// Looks at another of its dictionaries.
    pub(super) fn look_at(&mut self, dictionary: usize) {
        self.current = dictionary;
        match &self.reader {
            Reader::Safetensors(reader) => self.stored = reader.stored(),
            Reader::Pth(reader) => self.stored = reader.stored(dictionary),
            Reader::H5(reader) => self.stored = reader.stored(),
            #[cfg(test)]
            Reader::Made(_) => {}
        }
    }

    /// A file that was not made.
    #[cfg(test)]
    pub(super) fn made(
        stored: BTreeMap<String, Stored>,
        names: BTreeMap<String, Vec<(String, String)>>,
    ) -> Contents {
        let (format, metadata) = (FileFormat::Safetensors, BTreeMap::new());
        let (dictionaries, reader) = (vec![Vec::new()], Reader::Made(names));
        Contents { format, bytes: 0, metadata, stored, dictionaries, current: 0, reader }
    }

    /// What a tensor may be called in the tables of [`super::names`]: a prefix, and the name behind it.
    pub(super) fn divisions(&self, key: &str) -> Vec<(String, String)> {
        match &self.reader {
            Reader::H5(reader) => reader.names(key).to_vec(),
            #[cfg(test)]
            Reader::Made(names) if names.contains_key(key) => names[key].clone(),
            #[cfg(test)]
            Reader::Made(names) if !names.is_empty() => {
                super::formula::names_of(key).unwrap_or_default()
            }
            _ => prefix::divisions(key),
        }
    }

    /// What it holds beside the dictionaries with these numbers.
    pub(super) fn beside(&self, dictionaries: &[usize]) -> Vec<Beside> {
        let text = |(key, value): (&String, &String)| Beside::text(key, value);
        match &self.reader {
            Reader::Pth(reader) => {
                let paths = dictionaries.iter().map(|&number| self.dictionaries[number].clone());
                reader.beside(&paths.collect::<Vec<_>>())
            }
            Reader::H5(reader) => reader.attributes().iter().map(text).collect(),
            _ => self.metadata.iter().map(text).collect(),
        }
    }

    /// Reads a tensor. The caller has tested its shape: it says how much memory is asked for.
    pub(super) fn read(&mut self, key: &str) -> Result<Vec<f32>, ModelError> {
        match &mut self.reader {
            Reader::Safetensors(reader) => reader.read(key),
            Reader::Pth(reader) => reader.read(self.current, key),
            Reader::H5(reader) => reader.read(key),
            #[cfg(test)]
            Reader::Made(_) => Ok(super::formula::values(key, self.stored[key].elements())),
        }
    }
}

/// What is said of a folder: which files of weights lie in it.
fn of_folder(path: &Path) -> String {
    let names = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| refused::is_weights(name));
    names.sort_unstable();
    match names.first() {
        Some(first) => format!(
            "a folder, expected a file of weights: it holds {}; give {}",
            names.join(", "),
            path.join(first).display()
        ),
        None => "a folder, expected a file of weights (.safetensors, .pth, .h5)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::super::formula::values;
    use super::super::made::fixture;
    use super::*;

    const FIRST: [(&str, &[usize]); 5] = [
        ("features.0.0.weight", &[32, 3, 3, 3]),
        ("features.0.1.bias", &[32]),
        ("features.0.1.running_mean", &[32]),
        ("features.0.1.running_var", &[32]),
        ("features.0.1.weight", &[32]),
    ];

    #[test]
    fn whatever_torch_saved_is_read_number_by_number() {
        use FileFormat::{Pytorch, PytorchLegacy};
        for (name, format, element) in [
            ("small-f32.pth", Pytorch, Element::F32),
            ("small-f16.pth", Pytorch, Element::F16),
            ("small-bf16.pth", Pytorch, Element::Bf16),
            ("small-f64.pth", Pytorch, Element::F64),
            ("small-nested.pth", Pytorch, Element::F32),
            ("small-nested-other.pth", Pytorch, Element::F32),
            ("small-parallel.pth", Pytorch, Element::F32),
            ("small-protocol4.pth", Pytorch, Element::F32),
            ("small-views.pth", Pytorch, Element::F32),
            ("small-views-legacy.pth", PytorchLegacy, Element::F32),
            ("small-legacy.pth", PytorchLegacy, Element::F32),
            ("small-legacy-f16.pth", PytorchLegacy, Element::F16),
        ] {
            let mut contents = Contents::open(&fixture(name)).unwrap();
            assert_eq!(contents.format, format, "{name}");
            let prefix = if name == "small-parallel.pth" { "module." } else { "" };
            let counter = format!("{prefix}features.0.1.num_batches_tracked");
            let counter = contents.stored.remove(&counter).unwrap();
            assert_eq!(counter.element, Element::Other("64-bit integers"), "{name}");
            assert_eq!(contents.stored.len(), FIRST.len(), "{name}");
            for (key, shape) in FIRST {
                let in_file = format!("{prefix}{key}");
                let division = (String::new(), key.to_owned());
                assert!(contents.divisions(&in_file).contains(&division), "{name}");
                let stored = &contents.stored[&in_file];
                assert_eq!((&*stored.shape, stored.element), (shape, element), "{name}: {key}");
                let expected = values(key, stored.elements());
                assert_eq!(contents.read(&in_file).unwrap(), expected, "{name}: {key}");
            }
        }
    }

    /// Candle's reader is the reference where it reads the same.
    #[test]
    fn the_reader_agrees_with_candles() {
        for name in ["small-f32.pth", "small-f16.pth", "small-bf16.pth", "small-f64.pth"] {
            let mut contents = Contents::open(&fixture(name)).unwrap();
            let candle = candle_core::pickle::read_all(fixture(name)).unwrap();
            assert_eq!(candle.len(), contents.stored.len(), "{name}");
            for (key, tensor) in candle {
                assert_eq!(tensor.dims(), contents.stored[&key].shape, "{name}: {key}");
                if !key.ends_with("num_batches_tracked") {
                    let tensor = tensor.to_dtype(candle_core::DType::F32).unwrap();
                    let expected: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
                    assert_eq!(contents.read(&key).unwrap(), expected, "{name}: {key}");
                }
            }
        }
    }

    #[test]
    fn whatever_keras_saved_is_read_number_by_number() {
        let norm = ["gamma", "beta", "moving_mean", "moving_variance"];
        let layers: [(&str, &[&str], &[usize]); 4] = [
            ("conv1", &["kernel"], &[3, 3, 3, 32]),
            ("conv1_bn", &norm, &[32]),
            ("conv_dw_1", &["kernel"], &[3, 3, 32, 1]),
            ("conv_dw_1_bn", &norm, &[32]),
        ];
        for (name, element) in [
            ("small-keras3.h5", Element::F32),
            ("small-keras3.weights.h5", Element::F32),
            ("small-keras3-nested.h5", Element::F32),
            ("small-keras2.h5", Element::F32),
            ("small-keras1.h5", Element::F32),
            ("small-keras2-twice.h5", Element::F32),
            ("small-keras2-f16-gzip.h5", Element::F16),
            ("small-keras2-f64.h5", Element::F64),
            ("small-keras2-big-endian.h5", Element::F32),
        ] {
            let mut contents = Contents::open(&fixture(name)).unwrap();
            let mut found = 0;
            for (layer, weights, shape) in layers {
                for weight in weights {
                    let called = format!("{layer}.{weight}");
                    let keys = contents.stored.keys().filter(|key| {
                        contents.divisions(key).iter().any(|(_, name)| *name == called)
                            && contents.stored[*key].shape == shape
                    });
                    let keys: Vec<_> = keys.cloned().collect();
                    let [key] = &keys[..] else { panic!("{name}: {called}: {keys:?}") };
                    assert_eq!(contents.stored[key].element, element, "{name}: {key}");
                    // Keras 3 calls the kernel of a depthwise layer `kernel`, as the formula does.
                    let expected = values(&called, shape.iter().product());
                    assert_eq!(contents.read(key).unwrap(), expected, "{name}: {called}");
                    found += 1;
                }
            }
            assert_eq!(found, 10);
        }
    }

    #[test]
    fn what_is_no_file_of_weights_is_refused_with_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            Contents::open(&path).err().unwrap().to_string()
        };
        assert!(refused(b"").contains("expected safetensors"));
        assert!(refused(b"GIF89a and so on").contains("gif (16 bytes)"));
        assert!(refused(b"weights and so on").contains("weights and so o"));
        assert!(refused(b"PK\x03\x04 and nothing").contains("zip archive"));
        let open = |name: &str| Contents::open(&fixture(name)).err().unwrap().to_string();
        let error = open("small-module.pth");
        assert!(error.contains("model.state_dict()") && error.contains("class"), "{error}");
        assert!(open("missing.pth").contains("missing.pth"));
    }

    /// Every format, cut off or with bytes changed: tensors or a sentence, never a panic. Most changes leave a header
    /// that can be read, so that the numbers are reached, too.
    #[test]
    fn any_bytes_are_tensors_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut random = tcolz_base::random::Random::new("any bytes of weights", &[1]);
        let header =
            br#"{"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}"#;
        let small = [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 8]].concat();
        let names = [
            "small-f16.pth",
            "small-legacy.pth",
            "small-views.pth",
            "small-nested.pth",
            "small-keras1.h5",
            "small-keras2-f16-gzip.h5",
            "small-keras2-big-endian.h5",
            "small-keras3.weights.h5",
        ];
        let files = names.map(|name| std::fs::read(fixture(name)).unwrap());
        let (mut read, mut refused) = (0, 0);
        for original in files.iter().chain([&small]) {
            for round in 0..ROUNDS {
                let mut bytes = original.clone();
                let length = bytes.len() as u64;
                match round % 4 {
                    0 => bytes.truncate(random.below(length) as usize),
                    // Headers and tables lie at the ends, and everywhere in HDF5.
                    kind => {
                        let near = if kind == 1 { length } else { length.min(900) };
                        let base = if kind == 3 { length - near } else { 0 };
                        for _ in 0..=random.below(4) {
                            let at = (base + random.below(near)) as usize;
                            let any = random.below(256) as u8;
                            bytes[at] = [0, 0xFF, 0x7F, any][random.below(4) as usize];
                        }
                    }
                }
                std::fs::write(&path, &bytes).unwrap();
                let Ok(mut contents) = Contents::open(&path) else {
                    refused += 1;
                    continue;
                };
                // As the caller does: what no network has is not read.
                let fits = |stored: &Stored| {
                    stored.shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side))
                };
                let tensors = contents
                    .stored
                    .iter()
                    .filter(|(_, stored)| fits(stored).is_some_and(|n| n < 10_000));
                for key in tensors.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                    match contents.read(&key) {
                        Ok(values) => assert_eq!(values.len(), contents.stored[&key].elements()),
                        Err(error) => assert!(error.to_string().contains("file")),
                    }
                    read += 1;
                }
            }
        }
        assert!(read > ROUNDS && refused > ROUNDS, "{read} read, {refused} refused");
    }

    const ROUNDS: u64 = 60;
}
