//! Any bytes as dataset.json, as they are and with the checksum that fits them.

#![no_main]

mod quiet;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tcolz_format::dataset::DatasetMeta;

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let path = Path::new("dataset.json");
    let _ = DatasetMeta::from_bytes(bytes, path);
    let key = b"\"checksum\": \"";
    let end = bytes.windows(key.len()).rposition(|window| window == key).unwrap_or(bytes.len());
    let checksum = blake3::hash(&bytes[..end]).to_string();
    let right = [&bytes[..end], key, checksum.as_bytes(), b"\"\n}\n"].concat();
    if let Ok(meta) = DatasetMeta::from_bytes(&right, path) {
        let again = DatasetMeta::from_bytes(&meta.to_bytes(), path);
        assert_eq!(again.expect("what was accepted is accepted again"), meta);
    }
});
