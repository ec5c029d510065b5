//! safetensors: eight bytes of length, a JSON header, then the tensors one after the other.
//!
//! The header is parsed and tested by the crate `safetensors`: offsets without gaps or overlaps, lengths that
//! follow from shapes. What stands behind it is read and written tensor by tensor, so that no copy of a whole
//! file is held.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

use super::element::{Element, Stored};
use super::pieces::pieces;
use super::seal::{SEAL_KEY, seal};
use crate::ModelError;
use tcolz_base::durable::{DurableFile, HashedFile};

/// Bytes of the header's length; the header is filled up with spaces to a multiple of it.
const LENGTH_BYTES: u64 = 8;
/// A longer header is refused before it is read, as the crate does.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// An open file.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    header: Metadata,
    data_start: u64,
}

impl Reader {
    /// Reads and tests the header.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::File`].
    pub fn open(path: &Path) -> Result<Reader, ModelError> {
        let io = |error| ModelError::io(path, error);
        let bad = |reason: String| {
            let again = "copy or download it again";
            ModelError::file(
                path,
                format!("no safetensors file, or one that is damaged: {reason}; {again}"),
            )
        };
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let Some(behind) = length.checked_sub(LENGTH_BYTES) else {
            return Err(bad(format!("expected at least {LENGTH_BYTES} bytes, found {length}")));
        };
        let mut prefix = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut prefix).map_err(io)?;
        let announced = u64::from_le_bytes(prefix);
        if announced > MAX_HEADER_BYTES {
            let found = prefix.escape_ascii();
            return Err(bad(format!("it begins with {found}, which is no length of a header")));
        }
        if announced > behind {
            return Err(bad(format!("its header of {announced} bytes is cut off after {behind}")));
        }
        let mut json = vec![0; announced as usize];
        file.read_exact(&mut json).map_err(io)?;
        let header: Metadata = serde_json::from_slice(&json)
            .map_err(|_| bad("its header lists no tensors that fit together".into()))?;
        let (expected, found) = (header.data_len() as u64, behind - announced);
        if expected != found {
            return Err(bad(format!(
                "its header describes tensors of {expected} bytes, and {found} bytes follow it"
            )));
        }
        Ok(Reader { path: path.to_owned(), file, header, data_start: LENGTH_BYTES + announced })
    }

    /// What its header says beside the tensors.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let entries = self.header.metadata().iter().flatten();
        entries.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Its tensors by key.
    pub fn stored(&self) -> BTreeMap<String, Stored> {
        let tensors = self.header.tensors().into_iter();
        tensors.map(|(key, info)| (key, stored(info))).collect()
    }

    /// Reads a tensor.
    ///
    /// # Errors
    /// [`ModelError::Io`]; [`ModelError::File`] where it is not made of floating-point numbers.
    pub fn read(&mut self, key: &str) -> Result<Vec<f32>, ModelError> {
        let Some(info) = self.header.info(key) else {
            return Err(ModelError::file(&self.path, format!("there is no tensor `{key}`")));
        };
        let stored = stored(info);
        self.file
            .seek(SeekFrom::Start(self.data_start + info.data_offsets.0 as u64))
            .and_then(|_| stored.element.read(&mut self.file, stored.elements()))
            .map_err(|error| ModelError::io(&self.path, error))
    }
}

fn stored(info: &TensorInfo) -> Stored {
    let element = match info.dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 | Dtype::U64 => Element::Other("64-bit integers"),
        Dtype::I32 | Dtype::U32 => Element::Other("32-bit integers"),
        Dtype::I16 | Dtype::U16 => Element::Other("16-bit integers"),
        Dtype::I8 | Dtype::U8 => Element::Other("8-bit integers"),
        Dtype::BOOL => Element::Other("truth values"),
        _ => Element::Other("numbers of fewer than 16 bits, or complex ones"),
    };
    Stored { shape: info.shape.clone(), element }
}

/// The header of a file that is written here, in one order.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<&'a str, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

/// A file that is to be written: tensors as float32, sorted by key, and a text in the metadata with the `seal` of both
/// beside it. It has its name when all of it is on the disk. Equal input gives equal bytes.
#[derive(Debug)]
pub struct Sealed<'a> {
    path: &'a Path,
    header: Vec<u8>,
    tensors: &'a BTreeMap<&'a str, &'a Tensor>,
    /// The key of the first tensor with a number that is not finite.
    pub not_finite: Option<&'a str>,
}

impl<'a> Sealed<'a> {
    /// Hashes text and tensors.
    ///
    /// # Errors
    /// Those of Candle.
    pub fn new(
        path: &'a Path,
        (key, text): (&str, String),
        tensors: &'a BTreeMap<&'a str, &'a Tensor>,
    ) -> Result<Sealed<'a>, ModelError> {
        let mut end = 0;
        let infos = tensors.iter().map(|(&key, tensor)| {
            let begin = end;
            end += size_of::<f32>() * tensor.elem_count();
            let (shape, data_offsets) = (tensor.dims().to_vec(), (begin, end));
            (key, TensorInfo { dtype: Dtype::F32, shape, data_offsets })
        });
        let infos = infos.collect();
        let (hash, not_finite) = seal(&text, tensors)?;
        let header = Header { metadata: [(key, text), (SEAL_KEY, hash)].into(), tensors: infos };
        let json =
            serde_json::to_vec(&header).map_err(|error| ModelError::io(path, error.into()))?;
        let length = json.len().next_multiple_of(LENGTH_BYTES as usize);
        let mut header = (length as u64).to_le_bytes().to_vec();
        header.extend(json);
        header.resize(LENGTH_BYTES as usize + length, b' ');
        Ok(Sealed { path, header, tensors, not_finite })
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the disk refuses, or Candle.
    pub fn write(&self) -> Result<(), ModelError> {
        let io = |error| ModelError::io(self.path, error);
        let mut file = BufWriter::new(DurableFile::create(self.path).map_err(io)?);
        self.write_to(&mut file)?;
        file.into_inner().map_err(|error| io(error.into_error()))?.commit().map_err(io)
    }

    /// Writes it, and gives the BLAKE3 of all of it in hexadecimal.
    ///
    /// # Errors
    /// As [`Sealed::write`].
    pub fn write_hashed(&self) -> Result<String, ModelError> {
        let io = |error| ModelError::io(self.path, error);
        let mut file = HashedFile::create(self.path).map_err(io)?;
        self.write_to(&mut file)?;
        let (_, hash) = file.commit().map_err(io)?;
        Ok(hash.to_string())
    }

    fn write_to(&self, file: &mut impl Write) -> Result<(), ModelError> {
        let io = |error| ModelError::io(self.path, error);
        file.write_all(&self.header).map_err(io)?;
        for tensor in self.tensors.values() {
            for piece in pieces(tensor)? {
                file.write_all(&piece?).map_err(io)?;
            }
        }
        Ok(())
    }
}
