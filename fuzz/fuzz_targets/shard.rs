//! Any bytes as a shard, under each way of storing: an error or rows whose hashes are right.

#![no_main]

mod quiet;

use std::path::Path;

use arrow_buffer::Buffer;
use libfuzzer_sys::fuzz_target;
use tcolz_format::shard::ShardReader;
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_format::shard::{TensorColumn, TensorDecoder};

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let file = Buffer::from(bytes);
    for (codec, dtype) in [
        (Codec::Zstd, Dtype::U8),
        (Codec::Raw, Dtype::U8),
        (Codec::Zstd, Dtype::F32),
        (Codec::Raw, Dtype::F16),
    ] {
        let columns = [8, 17].map(|size| TensorColumn::new(size, dtype, codec));
        let Ok(reader) = ShardReader::from_buffer(Path::new("shard"), file.clone(), &columns)
        else {
            continue;
        };
        for (index, column) in columns.iter().enumerate() {
            let mut tensor = vec![0; column.raw_bytes()];
            let mut decoder = TensorDecoder::new(column);
            for row in 0..reader.rows() {
                let _ = reader.read(row, index, &mut decoder, &mut tensor);
                let _ = (reader.sample_id(row).len(), reader.label(row));
            }
        }
    }
    // The frame itself, which no row hash guards here.
    for column in [(Dtype::U8, 17), (Dtype::F32, 8)] {
        let column = TensorColumn::new(column.1, column.0, Codec::Zstd);
        let _ = TensorDecoder::new(&column).decode(bytes, &mut vec![0; column.raw_bytes()]);
    }
});
