//! Promises of a shard that is read by its file: a record batch is opened when one of its rows is asked for
//! and not before, and whatever is wrong with it is an error that names the shard.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use arrow_ipc::reader::read_footer_length;
use arrow_ipc::root_as_footer;
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Label;
use tcolz_format::shard::codec::FrameEncoder;
use tcolz_format::shard::{
    ShardError, ShardFile, ShardReader, ShardRow, ShardWriter, TensorColumn,
};
use tcolz_pixels::recipe::{Codec, Dtype};

/// Three record batches: of 256, 256 and 88 rows.
const ROWS: u32 = 600;
const KEY: &[u8] = b"tcolz.batch_rows";
const KEY_VALUE: &[u8] = b"256,256,88";

struct Shard {
    _folder: tempfile::TempDir,
    path: PathBuf,
    columns: Vec<TensorColumn>,
    bytes: Vec<u8>,
}

/// Id, label and stored bytes.
type Row = (String, Label, Vec<u8>);

impl Shard {
    fn new(codec: Codec, rows: u32) -> Shard {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000.arrow");
        let columns = [2, 3].map(|size| TensorColumn::new(size, Dtype::U8, codec)).to_vec();
        let mut writer = ShardWriter::create(&path, &columns).unwrap();
        for row in 0..rows {
            let stored = columns.iter().map(|column| {
                let pixels = (0..column.raw_bytes()).map(|at| (at as u32 * 5 + row) as u8);
                let (pixels, mut frame) = (pixels.collect::<Vec<u8>>(), Vec::new());
                if codec == Codec::Raw {
                    return pixels;
                }
                let mut encoder = FrameEncoder::new(column.size(), column.size()).unwrap();
                encoder.encode(&pixels, &mut frame).unwrap();
                frame
            });
            let stored: Vec<Vec<u8>> = stored.collect();
            let label = (row % 3 != 2).then_some(row as u16 % 3);
            let sample_id = format!("data/{row}.jpg");
            let pixels = [[row as u8; 32]; 2];
            writer
                .push(ShardRow { sample_id: &sample_id, label, stored: &stored, pixels: &pixels })
                .unwrap();
        }
        writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        Shard { _folder: folder, path, columns, bytes }
    }

    /// Puts other bytes of the same length in the place of the only ones that are these.
    fn replace(&self, old: &[u8], new: &[u8]) {
        assert_eq!(old.len(), new.len());
        let mut places = self.bytes.windows(old.len()).enumerate().filter(|(_, at)| *at == old);
        let (at, _) = places.next().unwrap();
        assert!(places.next().is_none(), "only once");
        let mut bytes = self.bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        fs::write(&self.path, bytes).unwrap();
    }

    /// Where the record batches begin.
    fn blocks(&self) -> Vec<usize> {
        let trailer = self.bytes.len() - 10;
        let length = read_footer_length(self.bytes[trailer..].try_into().unwrap()).unwrap();
        let footer = root_as_footer(&self.bytes[trailer - length..trailer]).unwrap();
        footer.recordBatches().unwrap().iter().map(|block| block.offset() as usize).collect()
    }

    /// Damages the mark that a record batch begins with.
    fn damage_batch(&self, batch: usize) {
        let mut bytes = self.bytes.clone();
        bytes[self.blocks()[batch]] ^= 1;
        // In place: as a disk does it, and the file that is open is this one.
        fs::write(&self.path, bytes).unwrap();
    }

    fn open(&self) -> Result<ShardFile, ShardError> {
        let bytes = self.bytes.len() as u64;
        ShardFile::open(&self.path, &self.columns, bytes, u64::from(ROWS))
    }

    fn open_map(&self) -> Result<ShardReader, ShardError> {
        let bytes = self.bytes.len() as u64;
        ShardReader::open(&self.path, &self.columns, bytes, u64::from(ROWS))
    }

    #[track_caller]
    fn assert_names_me(&self, error: &ShardError) {
        assert!(error.to_string().contains(&*self.path.to_string_lossy()), "{error}");
    }
}

fn read(shard: &ShardFile, row: u32, column: usize) -> Result<Row, ShardError> {
    let (row, mut stored) = (shard.row(row, column)?, Vec::new());
    row.read_stored(&mut stored)?;
    assert_eq!(row.span().end - row.span().start, stored.len() as u64);
    Ok((row.sample_id().to_owned(), row.label(), stored))
}

fn read_map(shard: &ShardReader, row: u32, column: usize) -> Row {
    let stored = shard.stored(row, column).unwrap().to_vec();
    (shard.sample_id(row).to_owned(), shard.label(row), stored)
}

#[test]
fn rows_and_their_places_are_those_of_the_map_whether_the_footer_counts_them_or_not() {
    for codec in [Codec::Zstd, Codec::Raw] {
        let shard = Shard::new(codec, ROWS);
        let map = shard.open_map().unwrap();
        for counted in [true, false] {
            if !counted {
                shard.replace(KEY, b"tcolz.other_rows");
                let again = shard.open_map().unwrap();
                assert!((0..ROWS).all(|row| read_map(&again, row, 1) == read_map(&map, row, 1)));
            }
            let file = shard.open().unwrap();
            for column in [1, 0] {
                for row in (0..ROWS).rev() {
                    assert!(read(&file, row, column).unwrap() == read_map(&map, row, column));
                    assert_eq!(file.row(row, column).unwrap().span(), map.span(row, column));
                }
            }
            let error = file.row(ROWS, 0).unwrap_err();
            assert!(matches!(error, ShardError::Structure { .. }), "{error}");
        }
    }
}

#[test]
fn a_shard_without_record_batches_has_no_rows() {
    let shard = Shard::new(Codec::Zstd, 0);
    let file = ShardFile::open(&shard.path, &shard.columns, shard.bytes.len() as u64, 0).unwrap();
    assert!(!file.is_open(0, 0));
    shard.assert_names_me(&file.row(0, 0).unwrap_err());
}

#[test]
fn no_record_batch_is_opened_that_nobody_asks_for_and_a_damaged_one_is_an_error_of_its_rows_alone()
{
    for codec in [Codec::Zstd, Codec::Raw] {
        let shard = Shard::new(codec, ROWS);
        let truth = shard.open_map().unwrap();
        let truth: Vec<Row> = (0..ROWS).map(|row| read_map(&truth, row, 0)).collect();
        shard.damage_batch(1);
        let file = shard.open().unwrap();
        assert!(shard.open_map().is_err(), "a map opens them all");
        assert!((0..ROWS).all(|row| !file.is_open(row, 0)));
        for row in (0..256).chain(512..ROWS) {
            assert!(read(&file, row, 0).unwrap() == truth[row as usize]);
        }
        for row in [256, 300, 511] {
            let error = file.row(row, 0).unwrap_err();
            assert!(matches!(error, ShardError::Structure { .. }), "{error}");
            shard.assert_names_me(&error);
            assert!(!file.is_open(row, 0));
        }
        // Repaired, it is opened; and one that is open is not read again.
        shard.damage_batch(2);
        for row in 0..ROWS {
            assert!(read(&file, row, 0).unwrap() == truth[row as usize]);
        }
        assert!(!file.is_open(0, 1), "a reader of one size does not touch the other");
    }
}

#[test]
fn a_record_batch_with_other_rows_than_the_footer_says_is_refused_and_so_is_a_count_that_does_not_fit()
 {
    let shard = Shard::new(Codec::Zstd, ROWS);
    let structure = |error: &ShardError| matches!(error, ShardError::Structure { .. });
    for wrong in
        ["256,344,00", "256,256,8x", "256,256,+ ", "256,000344", "2,254,256,", ",,,,,,,,,,"]
    {
        shard.replace(KEY_VALUE, wrong.as_bytes());
        for error in [shard.open().unwrap_err(), shard.open_map().unwrap_err()] {
            assert!(structure(&error) && error.to_string().contains("tcolz.batch_rows"), "{error}");
            shard.assert_names_me(&error);
        }
    }
    // As many rows as dataset.json says, otherwise divided.
    shard.replace(KEY_VALUE, b"255,257,88");
    assert!(structure(&shard.open_map().unwrap_err()));
    let file = shard.open().unwrap();
    for row in [0, 255, 511] {
        let error = file.row(row, 0).unwrap_err();
        assert!(structure(&error), "{error}");
        shard.assert_names_me(&error);
    }
    assert!(read(&file, 512, 0).is_ok(), "the third is as it says");
    // Other rows than dataset.json says.
    shard.replace(KEY_VALUE, b"256,256,89");
    let error = shard.open().unwrap_err();
    assert!(matches!(error, ShardError::Rows { expected: 600, found: 601, .. }), "{error}");
    assert!(structure(&shard.open_map().unwrap_err()));
}

#[test]
fn a_shard_whose_footer_does_not_count_has_all_its_record_batches_tested_at_once() {
    let shard = Shard::new(Codec::Raw, ROWS);
    shard.replace(KEY, b"tcolz.other_rows");
    let file = shard.open().unwrap();
    assert!((0..ROWS).all(|row| file.is_open(row, 0) && file.is_open(row, 1)));
    let mut bytes = fs::read(&shard.path).unwrap();
    bytes[shard.blocks()[2]] ^= 1;
    fs::write(&shard.path, bytes).unwrap();
    assert!(matches!(shard.open().unwrap_err(), ShardError::Structure { .. }));
}

#[test]
fn datasets_that_were_written_before_footers_counted_are_read_by_file_as_through_the_map() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format_v1");
    for name in ["zstd-u8", "raw-u8", "zstd-f32", "raw-f16"] {
        let dataset = Dataset::open(fixtures.join(name)).unwrap();
        for split in &dataset.meta().splits {
            for shard in 0..split.shards.len() as u32 {
                let map = dataset.open_shard(&split.name, shard).unwrap();
                let file = dataset.open_shard_file(&split.name, shard).unwrap();
                for row in 0..map.rows() {
                    assert!(file.is_open(row, 0), "all at once");
                    assert!(read(&file, row, 1).unwrap() == read_map(&map, row, 1), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_short_or_grows_before_a_record_batch_is_opened_is_an_error() {
    let shard = Shard::new(Codec::Zstd, ROWS);
    let length = shard.bytes.len() as u64;
    let resize = |length: u64| {
        OpenOptions::new().write(true).open(&shard.path).unwrap().set_len(length).unwrap();
    };
    for found in [0, 100, shard.blocks()[2] as u64, length - 1, length + 1] {
        fs::write(&shard.path, &shard.bytes).unwrap();
        let file = shard.open().unwrap();
        read(&file, 0, 0).unwrap();
        resize(found);
        let error = file.row(300, 0).unwrap_err();
        let ShardError::Length { expected, found: named, .. } = &error else { panic!("{error}") };
        assert_eq!((*expected, *named), (length, found));
        shard.assert_names_me(&error);
        // Of one that was open, what still lies in the file can be read; what does not is an error.
        let again = read(&file, 0, 0);
        assert_eq!(again.is_ok(), found > shard.blocks()[1] as u64, "{found}: {again:?}");
        if let Err(error) = again {
            assert!(matches!(error, ShardError::CutShort { row: 0, .. }), "{error}");
        }
    }
}

#[test]
fn no_flipped_bit_of_a_shard_that_is_read_by_its_file_comes_back_as_data() {
    for codec in [Codec::Zstd, Codec::Raw] {
        let shard = Shard::new(codec, 5);
        let open = || ShardFile::open(&shard.path, &shard.columns, shard.bytes.len() as u64, 5);
        let rows = |file: &ShardFile| -> Vec<Result<Row, ShardError>> {
            (0..10).map(|row| read(file, row / 2, row as usize % 2)).collect()
        };
        let truth: Vec<Row> = rows(&open().unwrap()).into_iter().map(Result::unwrap).collect();
        let mut bytes = shard.bytes.clone();
        // A prime step, so that every bit of a byte is met.
        for bit in (0..8 * bytes.len()).step_by(5) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&shard.path, &bytes).unwrap();
            if let Ok(file) = open() {
                for (found, truth) in rows(&file).into_iter().zip(&truth) {
                    assert!(found.as_ref().map_or(true, |found| found == truth), "bit {bit}");
                }
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
