//! Promise: what `schemas/` says of columns is what the code writes.
//!
//! The two text files are compared with the schemas in the code; `TCOLZ_BLESS=1 cargo test --test
//! schemas` writes them anew (a change of version 1 must only ever add).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow_schema::Schema;
use tcolz_format::dataset::ledger_schema;
use tcolz_format::shard::TensorColumn;
use tcolz_format::shard::format::schema;
use tcolz_pixels::recipe::{Codec, Dtype};

fn text(schema: &Schema) -> String {
    let mut text = String::new();
    for field in schema.fields() {
        let null = if field.is_nullable() { "nullable" } else { "not null" };
        let _ = writeln!(text, "{}: {}, {null}", field.name(), field.data_type());
        for (key, value) in field.metadata() {
            let _ = writeln!(text, "    {key} = {value}");
        }
    }
    for (key, value) in schema.metadata() {
        let _ = writeln!(text, "schema metadata: {key} = {value}");
    }
    text
}

fn written_down(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    if std::env::var_os("TCOLZ_BLESS").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(expected, found, "schemas/{name} is not what the code writes");
}

#[test]
fn the_arrow_schema_of_a_shard_is_the_one_written_down() {
    let mut all = String::new();
    for (codec, dtype) in [
        (Codec::Zstd, Dtype::U8),
        (Codec::Zstd, Dtype::F16),
        (Codec::Zstd, Dtype::F32),
        (Codec::Raw, Dtype::U8),
        (Codec::Raw, Dtype::F16),
        (Codec::Raw, Dtype::F32),
    ] {
        let columns = [TensorColumn::new(224, dtype, codec)];
        let _ = writeln!(
            all,
            "# --codec {codec} --dtype {dtype} --size 224\n{}",
            text(&schema(&columns))
        );
    }
    written_down("shard_schema.txt", &all);
}

#[test]
fn the_parquet_schema_of_the_ledger_is_the_one_written_down() {
    let columns = [TensorColumn::new(224, Dtype::U8, Codec::Zstd)];
    written_down("ledger_schema.txt", &text(&ledger_schema(&columns)));
}
