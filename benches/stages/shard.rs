//! Rows ↔ file: writing with its syncs, and reading through the map with every row's hash tested.
//! One iteration is a whole shard.

use std::path::Path;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tcolz_format::shard::{
    ShardReader, ShardRow, ShardSummary, ShardWriter, TensorColumn, TensorDecoder,
};
use tcolz_pixels::recipe::{Codec, Dtype};

use crate::codec::frames;
use crate::photos::tensors;

const ROWS: usize = 1000;
const CODECS: [&str; 2] = ["zstd", "raw"];

struct Rows {
    columns: Vec<TensorColumn>,
    stored: Vec<[Vec<u8>; 1]>,
    ids: Vec<String>,
}

impl Rows {
    fn new(codec: &str) -> Rows {
        let codec = Codec::parse(codec).expect("one of the two words above");
        let stored = if codec == Codec::Raw { tensors().to_vec() } else { frames() };
        Rows {
            columns: vec![TensorColumn::new(224, Dtype::U8, codec)],
            stored: stored.into_iter().map(|bytes| [bytes]).collect(),
            ids: (0..ROWS).map(|row| format!("data/76732/76732{row:013}-1.jpg")).collect(),
        }
    }

    fn write(&self, path: &Path) -> ShardSummary {
        let mut writer = ShardWriter::create(path, &self.columns).expect("a shard");
        for (id, stored) in self.ids.iter().zip(self.stored.iter().cycle()) {
            let row = ShardRow { sample_id: id, label: Some(1), stored, pixels: &[[0; 32]] };
            writer.push(row).expect("room for a row");
        }
        writer.finish().expect("room for a shard")
    }
}

/// Synced, renamed, its folder synced.
#[divan::bench(args = CODECS, sample_count = 10, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>, codec: &str) {
    let rows = Rows::new(codec);
    let folder = folder();
    counted(bencher).bench_local(|| rows.write(&folder.path().join("shard.arrow")));
}

/// The stored bytes of every row, their hash tested.
#[divan::bench(args = CODECS, sample_count = 20, sample_size = 1)]
fn read_stored(bencher: Bencher<'_, '_>, codec: &str) {
    let (rows, folder) = (Rows::new(codec), folder());
    let reader = written(&rows, folder.path());
    counted(bencher).bench_local(|| {
        for row in 0..reader.rows() {
            black_box(reader.stored(row, 0).expect("a row written above"));
        }
    });
}

/// Every row back to its tensor, its hash tested.
#[divan::bench(args = CODECS, sample_count = 20, sample_size = 1)]
fn read_tensors(bencher: Bencher<'_, '_>, codec: &str) {
    let (rows, folder) = (Rows::new(codec), folder());
    let reader = written(&rows, folder.path());
    let mut decoder = TensorDecoder::new(&rows.columns[0]);
    let mut tensor = vec![0; rows.columns[0].raw_bytes()];
    counted(bencher).bench_local(|| {
        for row in 0..reader.rows() {
            reader.read(row, 0, &mut decoder, &mut tensor).expect("a row written above");
            black_box(&tensor);
        }
    });
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to write to")
}

fn written(rows: &Rows, folder: &Path) -> ShardReader {
    let path = folder.join("shard.arrow");
    let summary = rows.write(&path);
    let reader = ShardReader::open(&path, &rows.columns, summary.bytes, summary.rows);
    reader.expect("a shard written above")
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    let bytes = ROWS * tensors()[0].len();
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(bytes))
}
