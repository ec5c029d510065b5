//! Weights of MobileNetV2 in which every number is the same, and files that are no weights.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::OnceLock;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tcolz_nn::Network;

use super::pickled::{Python, zip_bytes};

/// The numbers of raw weights, and of averaged ones.
pub(crate) const RAW: f32 = 0.25;
pub(crate) const AVERAGED: f32 = 0.5;

/// Keys and shapes of MobileNetV2 with three classes, as torchvision names them.
pub(crate) fn parameters() -> &'static [(String, Vec<usize>)] {
    static PARAMETERS: OnceLock<Vec<(String, Vec<usize>)>> = OnceLock::new();
    PARAMETERS.get_or_init(|| {
        let network = Network::MobileNetV2;
        let parameters = network.spec(&network.properties(), 3).parameters();
        parameters.into_iter().map(|parameter| (parameter.key, parameter.shape)).collect()
    })
}

/// Storages by name. All tensors of a file begin at the start of one of them.
pub(crate) fn storages() -> &'static BTreeMap<&'static str, Vec<u8>> {
    static STORAGES: OnceLock<BTreeMap<&str, Vec<u8>>> = OnceLock::new();
    STORAGES.get_or_init(|| {
        let sizes = parameters().iter().map(|(_, shape)| shape.iter().product::<usize>());
        let largest = sizes.max().unwrap();
        let of = |value: f32| value.to_le_bytes().repeat(largest);
        BTreeMap::from([
            ("raw", of(RAW)),
            ("averaged", of(AVERAGED)),
            ("counter", vec![1, 0, 0, 0, 0, 0, 0, 0]),
        ])
    })
}

/// A state dict whose keys have a prefix.
pub(crate) fn dictionary(prefix: &str, value: f32) -> Python {
    let storage = if value == RAW { "raw" } else { "averaged" };
    let entry = |(key, shape): &(String, Vec<usize>)| {
        (Python::Text(format!("{prefix}{key}")), Python::tensor(storage, shape))
    };
    Python::Dict(parameters().iter().map(entry).collect())
}

/// A safetensors file of weights behind prefixes, of other tensors and of metadata.
pub(crate) fn safetensors(
    path: &Path,
    weights: &[(&str, f32)],
    more: &[(&str, &[usize])],
    metadata: &[(&str, &str)],
) {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut insert = |key: String, shape: &[usize], value: f32| {
        let bytes = value.to_le_bytes().repeat(shape.iter().product());
        tensors.insert(key, (shape.to_vec(), bytes));
    };
    for (prefix, value) in weights {
        parameters()
            .iter()
            .for_each(|(key, shape)| insert(format!("{prefix}{key}"), shape, *value));
    }
    more.iter().for_each(|(key, shape)| insert((*key).to_owned(), shape, RAW));
    let views = tensors.iter().map(|(key, (shape, bytes))| {
        (key, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    std::fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

/// Name, bytes, and what is said of it.
pub(crate) fn refused() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let pickle = dictionary("", RAW).pickle();
    let whole =
        zip_bytes(&[("archive/data.pkl", &pickle), ("archive/data/raw", &storages()["raw"])]);
    let keras = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/weights/small-keras2.h5"
    ))
    .unwrap();
    let legacy = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/weights/small-legacy.pth"
    ))
    .unwrap();
    let header = br#"{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let small = [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 8]].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    let index = r#"{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors"}}"#;
    vec![
        ("empty.pth", Vec::new(), &["an empty file", "download it again"]),
        ("zeros.pth", vec![0; 4096], &["zeros", "interrupted download"]),
        (
            "lfs.safetensors",
            text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
            &["Git LFS", "git lfs pull"],
        ),
        (
            "page.pth",
            text("\n<!DOCTYPE html><html><title>Sign in</title>"),
            &["a web page", "browser"],
        ),
        ("page.h5", text("\u{feff}<html>429"), &["a web page"]),
        ("error.pth", text("{\"error\": \"Invalid credentials\"}"), &["a JSON file"]),
        (
            "model.safetensors.index.json",
            text(index),
            &["index of weights in several files", "model-*-of-*.safetensors", "load_file"],
        ),
        (
            "pytorch_model.bin.index.json",
            text(&index.replace("safetensors", "bin")),
            &["pytorch_model-*-of-*.bin", "torch.load"],
        ),
        ("pytorch_model-00001-of-00002.bin", whole.clone(), &["part 1 of 2", "joined.pth"]),
        ("model-00002-of-00002.safetensors", small.clone(), &["part 2 of 2", "joined.pth"]),
        ("variables.data-00000-of-00001", vec![1; 64], &["TensorFlow checkpoint"]),
        (
            "cut.pth",
            whole[..whole.len() / 2].to_vec(),
            &["a zip archive", "cut off after", "download it again"],
        ),
        (
            "cut-legacy.pth",
            legacy[..legacy.len() - 100].to_vec(),
            &["it ends early", "download it again"],
        ),
        ("cut-header.pth", legacy[..200].to_vec(), &["list of tensors", "download it again"]),
        ("cut.h5", keras[..keras.len() / 2].to_vec(), &["HDF5", "cut off", "download it again"]),
        (
            "cut.safetensors",
            small[..small.len() - 3].to_vec(),
            &["safetensors", "download it again"],
        ),
        ("cut-in-header.safetensors", small[..20].to_vec(), &["safetensors", "download it again"]),
        (
            "photos.pth",
            zip_bytes(&[("cat/1.jpg", b"x"), ("dog/2.jpg", b"y")]),
            &["not made by torch.save", "`cat/1.jpg`"],
        ),
        (
            "packed.pth",
            zip_bytes(&[("weights/best.pth", b"x")]),
            &["unpack it", "`weights/best.pth`"],
        ),
        ("nothing.pth", zip_bytes(&[]), &["zip archive"]),
        ("weights.npz", zip_bytes(&[("a.npy", b"x")]), &["NumPy archive"]),
        (
            "model.keras",
            zip_bytes(&[("config.json", b"{}"), ("model.weights.h5", b"x")]),
            &["`.keras` archive", "model.weights.h5"],
        ),
        (
            "script.pt",
            zip_bytes(&[
                ("m/data.pkl", b"\x80\x02}."),
                ("m/code/a.py", b""),
                ("m/constants.pkl", b""),
            ]),
            &["TorchScript", "torch.jit.load"],
        ),
        ("model.onnx", b"\x08\x07\x12\x07pytorch\x1a\x031.0".to_vec(), &["ONNX"]),
        ("unnamed", b"\x08\x08\x12\x07pytorch\x1a\x031.0".to_vec(), &["ONNX"]),
        ("model.tflite", b"\x1c\0\0\0TFL3\0\0\0\0".to_vec(), &["TensorFlow Lite"]),
        ("model.gguf", b"GGUF\x03\0\0\0".to_vec(), &["GGUF"]),
        ("saved_model.pb", b"\x0a\x01".to_vec(), &["TensorFlow"]),
        ("weights.pth.gz", b"\x1f\x8b\x08\0".to_vec(), &["gzip", "unpack it"]),
        ("plain.pkl", b"\x80\x04}\x94.".to_vec(), &["a pickle that torch.save did not write"]),
        ("photo.pth", b"\xff\xd8\xff\xe0JFIF".to_vec(), &["jpeg"]),
        (
            "no-tensors.pth",
            zip_bytes(&[("a/data.pkl", b"\x80\x02}X\x01\x00\x00\x00eK\x01s.")]),
            &["expected a dictionary of tensors", "`e`"],
        ),
        (
            "bad-pickle.pth",
            zip_bytes(&[("a/data.pkl", b"\x80\x02t.")]),
            &["list of tensors", "damaged"],
        ),
        ("other.safetensors", small, &["no network that is known", "`a.weight`"]),
    ]
}
