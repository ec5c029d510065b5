//! What is said of files that are no weights, or no longer: what was found, and what to do.

use std::path::Path;

use hdf5_reader::error::Error as Hdf5Error;
use zip::result::ZipError;

use super::beside::shown;
use tcolz_pixels::file_kind::FileKind;

/// What helps against a file that is cut off or damaged.
pub(super) const DOWNLOAD_AGAIN: &str = "copy or download it again";
/// What helps against weights that are part of a program.
const SAVE_STATE_DICT: &str =
    "save its `state_dict()` with torch.save or as safetensors in the program that made it";
/// Endings of files of weights.
const ENDINGS: [&str; 8] = [".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".h5", ".hdf5", ".tar"];
/// Names of members that are shown.
const MAX_NAMES: usize = 3;

/// Whether a file is one of weights, by its name.
pub(super) fn is_weights(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// What is said of a file that ends before it should, or has other bytes than were written.
pub(super) fn damaged(bytes: u64) -> String {
    format!("damaged or cut off after {bytes} bytes: {DOWNLOAD_AGAIN}")
}

/// Why a pickle could not be read.
pub(super) fn of_pickle(reason: &str) -> String {
    format!(
        "its list of tensors (a pickle of Python) cannot be read: {reason}; the file is damaged or torch.save did not \
         write it: {DOWNLOAD_AGAIN}, or {SAVE_STATE_DICT}"
    )
}

/// Why a zip archive could not be read.
pub(super) fn of_zip_error(error: &ZipError, bytes: u64) -> String {
    match error {
        ZipError::CompressionMethodNotSupported(_) => {
            "a zip archive whose members are compressed, which torch.save never does: unpack it and give the file of \
             weights in it"
                .to_owned()
        }
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => {
            "a zip archive of a kind that torch.save does not write (encrypted, or in parts): unpack it and give the \
             file of weights in it"
                .to_owned()
        }
        _ => format!("a zip archive (PyTorch's, or another one) that is {}", damaged(bytes)),
    }
}

/// Whether the members of a zip archive are those of a program of torch.jit.
pub(super) fn is_torch_script(names: &[String]) -> bool {
    names.iter().any(|name| name.ends_with("/constants.pkl") || name.contains("/code/"))
}

/// What is said of a zip archive that is not torch.save's.
pub(super) fn of_zip(names: &[String]) -> String {
    let ends = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    let weights = names.iter().find(|name| is_weights(name));
    if names.iter().any(|name| name == "model.weights.h5") {
        "a `.keras` archive: unpack it (`unzip FILE model.weights.h5`) and give its `model.weights.h5`".to_owned()
    } else if is_torch_script(names) {
        "a program of TorchScript, not weights: save `torch.jit.load(FILE).state_dict()` with torch.save".to_owned()
    } else if ends(".npy") {
        format!("a NumPy archive (.npz): {SAVE_STATE_DICT}")
    } else if let Some(weights) = weights {
        format!("a zip archive of files: unpack it and give the `{}` in it", shown(weights))
    } else if names.is_empty() {
        format!("an empty zip archive: {DOWNLOAD_AGAIN}")
    } else {
        let shown: Vec<_> =
            names.iter().take(MAX_NAMES).map(|name| format!("`{}`", shown(name))).collect();
        format!(
            "a zip archive without `data.pkl`, not made by torch.save: it holds {} and so on; give a file of weights",
            shown.join(", ")
        )
    }
}

/// Why an HDF5 file could not be read.
pub(super) fn of_hdf5(error: &Hdf5Error, bytes: u64) -> String {
    let mut error = error;
    while let Hdf5Error::Context { source, .. } = error {
        error = source;
    }
    match error {
        Hdf5Error::UnsupportedFilter(filter) => format!(
            "an HDF5 file with the compression `{}`, which is not read: write it again with gzip or without compression",
            shown(filter)
        ),
        Hdf5Error::UnsupportedEncoding(_) | Hdf5Error::ResourceLimit(_) => {
            "an HDF5 file that stores its numbers in a way that is not read: write it again with Keras's \
             `model.save_weights(\"model.weights.h5\")`"
                .to_owned()
        }
        _ => format!("an HDF5 file that is {}", damaged(bytes)),
    }
}

/// What is said of a part of weights that lie in several files; `None` for any other name.
pub(super) fn of_part(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (before, rest) = name.split_once("-of-")?;
    let (stem, part) = before.rsplit_once('-')?;
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let (parts, ending) = rest.split_at_checked(5)?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| digits(text));
    let (part, parts) = (number(part)?, number(parts)?);
    if stem.ends_with(".data") {
        let known = "a part of a TensorFlow checkpoint, which is not read: save the weights as HDF5 with Keras's";
        return Some(format!("{known} `model.save_weights(\"model.weights.h5\")`"));
    }
    // Alone it is whole.
    (parts > 1).then(|| {
        format!(
            "part {part} of {parts} of weights in several files: {}",
            join(&format!("{stem}-*{ending}"), ending)
        )
    })
}

/// How to make one file of several.
fn join(pattern: &str, ending: &str) -> String {
    let (import, load) = match ending {
        ".safetensors" => ("safetensors.torch", "safetensors.torch.load_file(f)"),
        _ => ("torch", "torch.load(f, map_location='cpu')"),
    };
    format!(
        "join them with `python3 -c \"import glob, torch, {import}; torch.save({{k: v for f in sorted(glob.glob('{pattern}')) \
         for k, v in {load}.items()}}, 'joined.pth')\"` and give joined.pth"
    )
}

/// What is said of a file that begins with `start` and is of no format that is read.
pub(super) fn of_start(path: &Path, start: &[u8], bytes: u64) -> String {
    let expected = "expected safetensors, torch.save's (.pth) or Keras's HDF5 (.h5)";
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    let found = if bytes == 0 {
        format!("an empty file: {DOWNLOAD_AGAIN}")
    } else if start.iter().all(|&byte| byte == 0) {
        format!(
            "a file that begins with zeros, as an interrupted download leaves it: {DOWNLOAD_AGAIN}"
        )
    } else if lower.starts_with("version https://git-lfs") {
        "a pointer of Git LFS, not the weights themselves: `git lfs pull` in its repository fetches them".to_owned()
    } else if ["<!doctype", "<html", "<head", "<?xml", "<body"]
        .iter()
        .any(|tag| lower.starts_with(tag))
    {
        "a web page, not the file that it stands for: the address needs a login, a confirmation or another ending; \
         open it in a browser and download the file there"
            .to_owned()
    } else if text.starts_with('{') && lower.contains("\"weight_map\"")
        || path.to_string_lossy().ends_with(".index.json")
    {
        let ending = if text.contains(".safetensors") { ".safetensors" } else { ".bin" };
        let stem = path.file_name().and_then(|name| name.to_str()).unwrap_or("model");
        let stem = stem.trim_end_matches(".index.json").trim_end_matches(ending);
        format!(
            "the index of weights in several files: {}",
            join(&format!("{stem}-*-of-*{ending}"), ending)
        )
    } else if text.starts_with('{') {
        "a JSON file, such as a configuration: give the file of weights beside it".to_owned()
    } else if start.starts_with(b"GGUF") || start.get(4..8) == Some(b"TFL3") {
        format!("a model for another runtime (GGUF or TensorFlow Lite): {SAVE_STATE_DICT}")
    } else if is_onnx(path, start) {
        format!("an ONNX model, a program and not weights by their names: {SAVE_STATE_DICT}")
    } else if path.extension().is_some_and(|ending| ending == "pb") {
        "a graph of TensorFlow: save the weights as HDF5 with Keras's `model.save_weights(\"model.weights.h5\")`"
            .to_owned()
    } else if matches!(start, [0x80, 2..=5, ..]) {
        format!("a pickle that torch.save did not write: {SAVE_STATE_DICT}")
    } else {
        match FileKind::of(start) {
            Some(FileKind::Archive("tar")) => {
                "a tar archive: unpack it and give the file of weights in it".to_owned()
            }
            Some(FileKind::Archive(name)) => {
                format!("a {name} archive: unpack it and give the file of weights in it")
            }
            Some(kind) => format!("{} ({bytes} bytes): give a file of weights", kind.name()),
            None => {
                format!("bytes that begin with {}", start[..start.len().min(16)].escape_ascii())
            }
        }
    };
    format!("not a file of weights: {expected}, found {found}")
}

/// A message of protobuf whose first fields are ONNX's: its version, then who made it.
fn is_onnx(path: &Path, start: &[u8]) -> bool {
    path.extension().is_some_and(|ending| ending == "onnx")
        || matches!(start, [8, 1..=20, 0x12, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_several_files_is_told_by_its_name_and_a_file_of_one_part_is_whole() {
        let said = |name: &str| of_part(Path::new(name));
        let bin = said("w/pytorch_model-00001-of-00002.bin").unwrap();
        assert!(bin.contains("part 1 of 2") && bin.contains("'pytorch_model-*.bin'"), "{bin}");
        let safe = said("model-00002-of-00003.safetensors").unwrap();
        assert!(safe.contains("load_file") && safe.contains("joined.pth"), "{safe}");
        assert!(said("variables.data-00000-of-00001").unwrap().contains("TensorFlow"));
        for whole in
            ["model-00001-of-00001.safetensors", "best-of-five.pth", "a-1-of-2.pth", "x-of-ä"]
        {
            assert_eq!(said(whole), None, "{whole}");
        }
    }
}
