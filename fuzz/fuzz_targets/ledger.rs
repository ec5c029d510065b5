//! Any bytes as a ledger: an error or rows.

#![no_main]

mod quiet;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tcolz_format::dataset::read_ledger;
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_format::shard::TensorColumn;

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let columns = [8, 17].map(|size| TensorColumn::new(size, Dtype::U8, Codec::Zstd));
    let _ = read_ledger(bytes.to_vec(), &columns, Path::new("ledger.parquet"));
});
