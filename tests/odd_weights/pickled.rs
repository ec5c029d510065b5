//! Python objects as `torch.save` writes them, made by hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::files::storages;

#[derive(Debug, Clone)]
pub(crate) enum Python {
    None,
    Bool(bool),
    Int(i32),
    Float(f64),
    Text(String),
    List(Vec<Python>),
    Tuple(Vec<Python>),
    Dict(Vec<(Python, Python)>),
    /// A class or function, by module and name.
    Global(String, String),
    Call(Box<Python>, Box<Python>, Option<Box<Python>>),
    Persistent(Box<Python>),
}

impl Python {
    /// A tensor of float32 numbers of one of [`storages`].
    pub(crate) fn tensor(storage: &str, shape: &[usize]) -> Python {
        Python::tensor_of(
            storage,
            if storage == "counter" { "LongStorage" } else { "FloatStorage" },
            shape,
        )
    }

    pub(crate) fn tensor_of(storage: &str, class: &str, shape: &[usize]) -> Python {
        let int = |n: usize| Python::Int(i32::try_from(n).unwrap());
        let text = |text: &str| Python::Text(text.to_owned());
        let mut strides: Vec<usize> = shape
            .iter()
            .rev()
            .scan(1, |all, &side| Some(std::mem::replace(all, *all * side)))
            .collect();
        strides.reverse();
        let place = Python::Persistent(Box::new(Python::Tuple(vec![
            text("storage"),
            Python::Global("torch".to_owned(), class.to_owned()),
            text(storage),
            text("cpu"),
            int(storages()[storage].len() / 4),
        ])));
        let sizes = |sizes: &[usize]| Python::Tuple(sizes.iter().map(|&n| int(n)).collect());
        Python::call(
            "torch._utils",
            "_rebuild_tensor_v2",
            vec![place, int(0), sizes(shape), sizes(&strides)],
        )
    }

    pub(crate) fn call(module: &str, name: &str, arguments: Vec<Python>) -> Python {
        let function = Python::Global(module.to_owned(), name.to_owned());
        Python::Call(Box::new(function), Box::new(Python::Tuple(arguments)), None)
    }

    /// An object of a class, with its attributes.
    pub(crate) fn object(module: &str, name: &str, state: Python) -> Python {
        let class = Python::Global(module.to_owned(), name.to_owned());
        Python::Call(Box::new(class), Box::new(Python::Tuple(Vec::new())), Some(Box::new(state)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let all = |members: &[Python], out: &mut Vec<u8>| members.iter().for_each(|m| m.write(out));
        match self {
            Python::None => out.push(b'N'),
            Python::Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
            Python::Int(value) => {
                out.push(b'J');
                out.extend(value.to_le_bytes());
            }
            Python::Float(value) => {
                out.push(b'G');
                out.extend(value.to_be_bytes());
            }
            Python::Text(text) => {
                out.push(b'X');
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
            Python::List(members) => {
                out.extend(b"](");
                all(members, out);
                out.push(b'e');
            }
            Python::Tuple(members) => {
                out.push(b'(');
                all(members, out);
                out.push(b't');
            }
            Python::Dict(entries) => {
                out.extend(b"}(");
                for (key, value) in entries {
                    key.write(out);
                    value.write(out);
                }
                out.push(b'u');
            }
            Python::Global(module, name) => out.extend(format!("c{module}\n{name}\n").bytes()),
            Python::Call(function, arguments, state) => {
                function.write(out);
                arguments.write(out);
                out.push(b'R');
                if let Some(state) = state {
                    state.write(out);
                    out.push(b'b');
                }
            }
            Python::Persistent(place) => {
                place.write(out);
                out.push(b'Q');
            }
        }
    }

    pub(crate) fn pickle(&self) -> Vec<u8> {
        let mut out = vec![0x80, 2];
        self.write(&mut out);
        out.push(b'.');
        out
    }
}

/// A zip archive with nothing compressed.
pub(crate) fn zip_bytes(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn zip(path: &Path, members: &[(&str, &[u8])]) {
    std::fs::write(path, zip_bytes(members)).unwrap();
}

/// The storages that a pickle names.
fn used(pickle: &[u8]) -> BTreeMap<&'static str, Vec<u8>> {
    let is_used = |storage: &str| {
        let length = (storage.len() as u32).to_le_bytes();
        let needle = [b"X", &length[..], storage.as_bytes()].concat();
        pickle.windows(needle.len()).any(|part| part == needle)
    };
    let all = storages().iter();
    all.filter(|(name, _)| is_used(name)).map(|(&name, bytes)| (name, bytes.clone())).collect()
}

/// As `torch.save` writes it today.
pub(crate) fn torch_file(path: &Path, object: &Python) {
    let pickle = object.pickle();
    let storages = used(&pickle);
    let names: Vec<_> = storages.keys().map(|name| format!("archive/data/{name}")).collect();
    let mut members: Vec<(&str, &[u8])> = vec![("archive/data.pkl", &pickle)];
    members.extend(
        names.iter().zip(storages.values()).map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    zip(path, &members);
}

/// As `torch.save` wrote it before 2020.
pub(crate) fn torch_file_legacy(path: &Path, object: &Python) {
    let pickle = object.pickle();
    let storages = used(&pickle);
    let mut file = File::create(path).unwrap();
    file.write_all(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.").unwrap();
    file.write_all(&Python::Int(1001).pickle()).unwrap();
    file.write_all(&Python::Dict(Vec::new()).pickle()).unwrap();
    file.write_all(&pickle).unwrap();
    let keys = storages.keys().map(|name| Python::Text((*name).to_owned())).collect();
    file.write_all(&Python::List(keys).pickle()).unwrap();
    for bytes in storages.values() {
        file.write_all(&(bytes.len() as u64 / 4).to_le_bytes()).unwrap();
        file.write_all(bytes).unwrap();
    }
}
