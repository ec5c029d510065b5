//! A flipped bit anywhere is reported with its file, and where it lies in a row's data with row and
//! sample; it never comes back as data.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::root_as_footer;
use arrow_schema::Schema;
use tcolz_format::dataset::{Dataset, DatasetError, verify};
use tcolz_format::dataset::{DatasetMeta, Fault};
use tcolz_format::sample::Label;
use tcolz_format::shard::codec::{FrameEncoder, encode_plain};
use tcolz_format::shard::format::schema;
use tcolz_format::shard::{
    ShardError, ShardReader, ShardRow, ShardWriter, TensorColumn, TensorDecoder,
};
use tcolz_pixels::recipe::{Codec, Dtype};

/// What a reader gives of one row: id, label, tensors.
type Row = (String, Label, Vec<Vec<u8>>);

/// A shard in memory, its columns, and what its rows are.
struct Sound {
    bytes: Vec<u8>,
    columns: Vec<TensorColumn>,
    rows: Vec<Row>,
}

impl Sound {
    /// A shard of `rows` small tensors; every third row has no label.
    fn new(columns: Vec<TensorColumn>, rows: u32) -> Sound {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000.arrow");
        let mut writer = ShardWriter::create(&path, &columns).unwrap();
        for row in 0..rows {
            let stored: Vec<Vec<u8>> = columns.iter().map(|column| stored(column, row)).collect();
            let label = (row % 3 != 2).then_some(row as u16 % 3);
            let sample_id = format!("data/784{row}/7847609-{row}.jpg");
            let (sample_id, pixels) = (&sample_id, &vec![[0; 32]; columns.len()]);
            writer.push(ShardRow { sample_id, label, stored: &stored, pixels }).unwrap();
        }
        writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let reader = open(&bytes, &columns).unwrap();
        let rows = (0..rows).map(|row| read(&reader, row).unwrap()).collect();
        Sound { bytes, columns, rows }
    }
}

fn stored(column: &TensorColumn, row: u32) -> Vec<u8> {
    let tensor: Vec<u8> =
        (0..column.raw_bytes()).map(|i| (i as u32 * 7 % 50 + row * 11 % 90) as u8).collect();
    let mut frame = Vec::new();
    match (column.codec, column.dtype) {
        (Codec::Raw, _) => return tensor,
        (Codec::Zstd, Dtype::U8) => {
            let mut encoder = FrameEncoder::new(column.size(), column.size()).unwrap();
            encoder.encode(&tensor, &mut frame).unwrap();
        }
        (Codec::Zstd, _) => encode_plain(&tensor, &mut frame).unwrap(),
    }
    frame
}

fn open(bytes: &[u8], columns: &[TensorColumn]) -> Result<ShardReader, ShardError> {
    ShardReader::from_buffer(Path::new("train/00000.arrow"), Buffer::from(bytes), columns)
}

fn read(reader: &ShardReader, row: u32) -> Result<Row, ShardError> {
    let mut tensors = Vec::new();
    for (index, column) in reader.columns().iter().enumerate() {
        let mut tensor = vec![0; column.raw_bytes()];
        reader.read(row, index, &mut TensorDecoder::new(column), &mut tensor)?;
        tensors.push(tensor);
    }
    Ok((reader.sample_id(row).to_owned(), reader.label(row), tensors))
}

/// Bytes of the file that hold data of one row, by row: stored bytes, id, label and hashes.
fn row_data(bytes: &[u8], columns: &[TensorColumn]) -> Vec<(Range<usize>, u32)> {
    let file = Buffer::from(bytes);
    let base = file.as_ptr() as usize;
    let place =
        |slice: &[u8]| slice.as_ptr() as usize - base..slice.as_ptr() as usize - base + slice.len();
    let mut places = Vec::new();
    let reader = ShardReader::from_buffer(Path::new("x"), file.clone(), columns).unwrap();
    for row in 0..reader.rows() {
        for column in 0..columns.len() {
            places.push((place(reader.stored(row, column).unwrap()), row));
        }
    }
    let mut first = 0;
    for batch in batches(&file, Arc::new(schema(columns))) {
        let (ids, labels) = (batch.column(0).as_string::<i32>(), batch.column(1));
        let labels = labels.as_primitive::<UInt16Type>();
        for row in 0..batch.num_rows() {
            let number = first + row as u32;
            places.push((place(ids.value(row).as_bytes()), number));
            // The value under a null means nothing, and is padding.
            if labels.is_valid(row) {
                places.push((place(&labels.values().inner()[2 * row..2 * row + 2]), number));
            }
            for column in 0..columns.len() {
                let hashes = batch.column(3 + 2 * column).as_primitive::<UInt64Type>();
                places.push((place(&hashes.values().inner()[8 * row..8 * row + 8]), number));
            }
        }
        first += batch.num_rows() as u32;
    }
    places
}

fn batches(file: &Buffer, schema: Arc<Schema>) -> Vec<RecordBatch> {
    let trailer = file.len() - 10;
    let length = read_footer_length(file[trailer..].try_into().unwrap()).unwrap();
    let footer = root_as_footer(&file[trailer - length..trailer]).unwrap();
    let decoder = FileDecoder::new(schema, footer.version());
    let read = |block: &arrow_ipc::Block| {
        let length = block.metaDataLength() as usize + block.bodyLength() as usize;
        let bytes = file.slice_with_length(block.offset() as usize, length);
        decoder.read_record_batch(block, &bytes).unwrap().unwrap()
    };
    footer.recordBatches().unwrap().iter().map(read).collect()
}

/// The layouts a shard can have, small.
fn layouts() -> Vec<Vec<TensorColumn>> {
    let column = TensorColumn::new;
    vec![
        vec![column(8, Dtype::U8, Codec::Zstd)],
        vec![column(5, Dtype::U8, Codec::Raw)],
        vec![column(3, Dtype::F32, Codec::Zstd), column(4, Dtype::F32, Codec::Zstd)],
        vec![column(3, Dtype::F16, Codec::Raw), column(4, Dtype::F16, Codec::Raw)],
    ]
}

#[test]
fn no_flipped_bit_of_a_shard_comes_back_as_data() {
    for columns in layouts() {
        let sound = Sound::new(columns, 4);
        let places = row_data(&sound.bytes, &sound.columns);
        let mut bytes = sound.bytes.clone();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let at = places.iter().find(|(place, _)| place.contains(&(bit / 8)));
            match open(&bytes, &sound.columns) {
                // Whatever lies in one row must not cost the others.
                Err(error) => assert!(at.is_none(), "bit {bit} in row {at:?}: {error}"),
                Ok(reader) => check_rows(&reader, &sound.rows, at.map(|(_, row)| *row), bit),
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

fn check_rows(reader: &ShardReader, rows: &[Row], damaged: Option<u32>, bit: usize) {
    for row in 0..reader.rows() {
        match read(reader, row) {
            Ok(found) => {
                assert_eq!(Some(&found), rows.get(row as usize), "bit {bit}");
                assert_ne!(damaged, Some(row), "bit {bit} of row {row} went unseen");
            }
            Err(ShardError::Damaged { row: named, .. }) => {
                assert_eq!(named, row);
                assert!(damaged.is_none_or(|damaged| damaged == row), "bit {bit}: row {row}");
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn no_flipped_bit_of_the_footer_puts_one_batch_in_the_place_of_another() {
    // Three batches and more, so that the numbers that say where they lie differ by single bits.
    let sound = Sound::new(vec![TensorColumn::new(1, Dtype::U8, Codec::Raw)], 4 * 256 + 3);
    let mut bytes = sound.bytes.clone();
    for bit in 8 * (bytes.len() - 1200)..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(reader) = open(&bytes, &sound.columns) {
            for (row, truth) in (0..reader.rows()).zip(&sound.rows).step_by(64) {
                let found = read(&reader, row).unwrap_or_else(|_| truth.clone());
                assert!(found == *truth, "bit {bit}: row {row} is {}", found.0);
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// A small dataset on disk: folder and dataset.
fn dataset(codec: Codec, dtype: Dtype) -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    common::small_dump(&folder.path().join("photos"));
    let mut options =
        common::options(&folder.path().join("photos"), &folder.path().join("out"), &[8, 12]);
    (options.recipe.codec, options.recipe.dtype) = (codec, dtype);
    let dataset = common::converted(&options).dataset;
    (folder, dataset)
}

/// Flips a bit of a file, looks, and flips it back.
fn with_flipped<T>(path: &Path, bit: usize, look: impl FnOnce() -> T) -> T {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, &bytes).unwrap();
    let result = look();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, &bytes).unwrap();
    result
}

#[test]
fn verify_reports_every_flipped_bit_with_file_and_row_and_sample() {
    for (codec, dtype) in
        [(Codec::Zstd, Dtype::U8), (Codec::Raw, Dtype::U8), (Codec::Zstd, Dtype::F32)]
    {
        let (_folder, dataset) = dataset(codec, dtype);
        assert_eq!(verify(dataset.root(), &|_| ()).unwrap().faults, []);
        for file in common::shard_files(&dataset) {
            let path = dataset.root().join(&file);
            let bytes = fs::read(&path).unwrap();
            let places = row_data(&bytes, &dataset.meta().columns);
            let reader = open(&bytes, &dataset.meta().columns).unwrap();
            // A prime step, so that every kind of place and every bit of a byte is met.
            for bit in (0..8 * bytes.len()).step_by(251) {
                let faults: Vec<Fault> =
                    with_flipped(&path, bit, || verify(dataset.root(), &|_| ()).unwrap().faults);
                assert!(!faults.is_empty(), "{file}: bit {bit} went unseen");
                assert!(faults.iter().all(|fault| fault.file == file), "bit {bit}: {faults:?}");
                if let Some((_, row)) = places.iter().find(|(place, _)| place.contains(&(bit / 8)))
                {
                    let id = Some(reader.sample_id(*row).to_owned());
                    let named = |fault: &Fault| fault.row == Some(*row) && fault.sample_id == id;
                    assert!(faults.iter().all(named), "bit {bit} of row {row}: {faults:?}");
                }
            }
        }
    }
}

#[test]
fn reading_samples_of_a_damaged_dataset_gives_the_true_pixels_or_an_error() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let ledger = dataset.ledger().unwrap();
    let truth: Vec<Vec<u8>> =
        ledger.iter().map(|row| dataset.read_tensor(row, 1).unwrap()).collect();
    for file in common::shard_files(&dataset) {
        let path = dataset.root().join(&file);
        for bit in (0..8 * fs::metadata(&path).unwrap().len() as usize).step_by(307) {
            with_flipped(&path, bit, || {
                for (row, truth) in ledger.iter().zip(&truth) {
                    if let Ok(found) = dataset.read_tensor(row, 1) {
                        assert!(found == *truth, "{file}, bit {bit}: {}", row.sample_id);
                    }
                }
            });
        }
    }
}

#[test]
fn every_flipped_bit_of_dataset_json_is_an_error_that_names_it() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let path = dataset.root().join("dataset.json");
    let mut bytes = fs::read(&path).unwrap();
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = DatasetMeta::from_bytes(&bytes, &path).expect_err("a flipped bit");
        assert!(error.to_string().contains("dataset.json"), "bit {bit}: {error}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for bit in (0..8 * bytes.len()).step_by(211) {
        with_flipped(&path, bit, || {
            assert!(verify(dataset.root(), &|_| ()).is_err(), "bit {bit}");
            assert!(Dataset::open(dataset.root()).is_err(), "bit {bit}");
        });
    }
}

#[test]
fn every_flipped_bit_of_the_ledger_stops_the_opening_and_is_named_by_verify() {
    let (_folder, dataset) = dataset(Codec::Zstd, Dtype::U8);
    let path = dataset.root().join("ledger.parquet");
    let bits = 8 * fs::metadata(&path).unwrap().len() as usize;
    for bit in (0..bits).step_by(211) {
        with_flipped(&path, bit, || {
            let error = Dataset::open(dataset.root()).expect_err("a flipped bit");
            let DatasetError::Checksum { path: named, .. } = &error else { panic!("{error}") };
            assert_eq!(*named, path);
            let faults = verify(dataset.root(), &|_| ()).unwrap().faults;
            assert!(
                faults.iter().any(|fault| fault.file == "ledger.parquet"),
                "bit {bit}: {faults:?}"
            );
            assert!(
                faults.iter().all(|fault| fault.file == "ledger.parquet"),
                "bit {bit}: {faults:?}"
            );
        });
    }
}
