//! Whatever the bytes of a shard, of dataset.json or of the ledger: an error or true data, never a panic,
//! and never an allocation that the file's own length does not explain.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_buffer::Buffer;
use proptest::prelude::*;
use proptest::sample::Index;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::{DatasetMeta, read_ledger};
use tcolz_format::shard::{ShardFile, ShardReader, TensorColumn, TensorDecoder};
use tcolz_pixels::recipe::{Codec, Dtype};

/// The largest piece of memory that anything here may ask for. The files are of some kilobytes.
const LARGEST_ALLOCATION_BYTES: usize = 64_000_000;

/// The system's allocator, which remembers the largest request and refuses absurd ones.
struct Capped;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the arguments as they came, or gives null,
// which is how an allocator refuses.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        if layout.size() > 8 * LARGEST_ALLOCATION_BYTES {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        if layout.size() > 8 * LARGEST_ALLOCATION_BYTES {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Capped = Capped;

#[track_caller]
fn assert_modest() {
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest <= LARGEST_ALLOCATION_BYTES, "{largest} bytes were asked for in one piece");
}

/// Rows of the shard of [`Files`].
const SHARD_ROWS: u64 = 6;

/// The files of a small dataset, for each way of storing.
struct Files {
    columns: Vec<TensorColumn>,
    shard: Vec<u8>,
    ledger: Vec<u8>,
    dataset_json: Vec<u8>,
}

static DATASETS: LazyLock<Vec<Files>> = LazyLock::new(|| {
    // A panic inside a third-party reader is caught and becomes an error; its line is only noise.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or("", |location| location.file());
        if !place.contains("/arrow")
            && !place.contains("/parquet")
            && !place.contains("/flatbuffers")
        {
            usual(panic);
        }
    }));
    [
        (Codec::Zstd, Dtype::U8),
        (Codec::Raw, Dtype::U8),
        (Codec::Zstd, Dtype::F32),
        (Codec::Raw, Dtype::F16),
    ]
    .map(|(codec, dtype)| {
        let folder = tempfile::tempdir().unwrap();
        let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
        common::small_dump(&photos);
        common::write(&photos.join("train/cat/text.jpg"), b"no photo");
        let mut options = common::options(&photos, &out, &[8, 17]);
        (options.recipe.codec, options.recipe.dtype) = (codec, dtype);
        let dataset: Dataset = common::converted(&options).dataset;
        let read = |name: &str| fs::read(out.join(name)).unwrap();
        assert_eq!(dataset.split("train").unwrap().shards[0].rows, SHARD_ROWS);
        Files {
            columns: dataset.meta().columns.clone(),
            shard: read("train/00000.arrow"),
            ledger: read("ledger.parquet"),
            dataset_json: read("dataset.json"),
        }
    })
    .into()
});

/// Opens bytes as a shard and reads every row, as a reader would.
fn read_shard(bytes: &[u8], columns: &[TensorColumn]) {
    read_shard_by_file(bytes, columns);
    let Ok(reader) = ShardReader::from_buffer(Path::new("x.arrow"), Buffer::from(bytes), columns)
    else {
        return;
    };
    for (index, column) in columns.iter().enumerate() {
        let (mut decoder, mut tensor) = (TensorDecoder::new(column), vec![0; column.raw_bytes()]);
        for row in 0..reader.rows() {
            let _ = reader.read(row, index, &mut decoder, &mut tensor);
            // Past the hash, as after an unlucky collision: the codec must not trust the bytes either.
            if let Ok(stored) = reader.stored(row, index) {
                let _ = decoder.decode(stored, &mut tensor);
            }
            let _ = (reader.sample_id(row).len(), reader.label(row));
        }
    }
}

/// The same by a file, whose record batches are opened one by one; the rows are those of the sound shard.
fn read_shard_by_file(bytes: &[u8], columns: &[TensorColumn]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let Ok(shard) = ShardFile::open(file.path(), columns, bytes.len() as u64, SHARD_ROWS) else {
        return;
    };
    let mut stored = Vec::new();
    for column in 0..columns.len() {
        for row in 0..=SHARD_ROWS as u32 {
            if let Ok(row) = shard.row(row, column) {
                let _ = row.read_stored(&mut stored);
                let _ = (row.sample_id().len(), row.label(), row.span());
            }
        }
    }
}

/// A change of some bytes at one place.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Number(Index, u64),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Copy(Index, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let odd = prop_oneof![
        Just(0u64),
        Just(u64::MAX),
        Just(i64::MAX as u64),
        Just(i32::MAX as u64),
        Just(u64::from(u32::MAX)),
        Just(i64::MIN as u64),
        any::<u64>(),
        0u64..5000,
    ];
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (any::<Index>(), odd).prop_map(|(at, number)| Change::Number(at, number)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>(), 1..200usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

/// Changes bytes; `from` keeps changes away from what lies before it.
fn apply(bytes: &mut Vec<u8>, changes: &[Change], from: usize) {
    for change in changes {
        let from = from.min(bytes.len().saturating_sub(1));
        let size = bytes.len() - from;
        if size == 0 {
            return;
        }
        match change {
            Change::Set(at, byte) => bytes[from + at.index(size)] = *byte,
            Change::Flip(at, bit) => bytes[from + at.index(size)] ^= 1 << bit,
            Change::Number(at, number) => {
                let start = from + at.index(size);
                let end = bytes.len().min(start + 8);
                bytes[start..end].copy_from_slice(&number.to_le_bytes()[..end - start]);
            }
            Change::Cut(at) => bytes.truncate(from + at.index(size)),
            Change::Insert(at, more) => {
                let at = from + at.index(size);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Copy(source, target, length) => {
                let (source, target) = (from + source.index(size), from + target.index(size));
                let piece = bytes[source..bytes.len().min(source + length)].to_vec();
                let end = bytes.len().min(target + piece.len());
                bytes[target..end].copy_from_slice(&piece[..end - target]);
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..6)
}

/// Gives dataset.json the checksum that fits its bytes, so that the checksum hides nothing.
fn with_right_checksum(bytes: &[u8]) -> Vec<u8> {
    let key = b"\"checksum\": \"";
    let end = bytes.windows(key.len()).rposition(|window| window == key).unwrap_or(bytes.len());
    let checksum = blake3::hash(&bytes[..end]);
    [&bytes[..end], key, checksum.to_string().as_bytes(), b"\"\n}\n"].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(3000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_no_shard(bytes in prop::collection::vec(any::<u8>(), 0..2000), which: Index) {
        read_shard(&bytes, &which.get(&DATASETS).columns);
        // With the frame of a file around them, they get further.
        let mut framed = b"ARROW1\0\0".to_vec();
        framed.extend(&bytes);
        framed.extend((bytes.len() as u32).to_le_bytes());
        framed.extend(b"ARROW1");
        read_shard(&framed, &which.get(&DATASETS).columns);
        assert_modest();
    }

    #[test]
    fn a_changed_shard_never_panics(changes in changes(), which: Index) {
        let files = which.get(&DATASETS);
        let mut bytes = files.shard.clone();
        apply(&mut bytes, &changes, 0);
        read_shard(&bytes, &files.columns);
        assert_modest();
    }

    #[test]
    fn a_changed_footer_or_record_batch_header_never_panics(changes in changes(), which: Index, footer: bool) {
        let files = which.get(&DATASETS);
        let mut bytes = files.shard.clone();
        let footer_bytes = u32::from_le_bytes(bytes[bytes.len() - 10..bytes.len() - 6].try_into().unwrap());
        let footer_start = bytes.len() - 10 - footer_bytes as usize;
        if footer {
            apply(&mut bytes, &changes, footer_start);
        } else {
            // Schema and record batch headers are the first bytes: the rest is put back as it was.
            let mut head = bytes[..2048].to_vec();
            apply(&mut head, &changes, 64);
            head.resize(2048, 0);
            bytes[..2048].copy_from_slice(&head);
        }
        read_shard(&bytes, &files.columns);
        // Read as a dataset with other columns, too.
        read_shard(&bytes, &DATASETS[0].columns);
        assert_modest();
    }

    #[test]
    fn any_bytes_are_no_dataset_json(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let path = Path::new("dataset.json");
        prop_assert!(DatasetMeta::from_bytes(&bytes, path).is_err());
        prop_assert!(DatasetMeta::from_bytes(&with_right_checksum(&bytes), path).is_err());
        assert_modest();
    }

    #[test]
    fn a_changed_dataset_json_with_a_right_checksum_never_panics(changes in changes(), which: Index) {
        let mut bytes = which.get(&DATASETS).dataset_json.clone();
        apply(&mut bytes, &changes, 0);
        let path = Path::new("dataset.json");
        let _ = DatasetMeta::from_bytes(&bytes, path);
        if let Ok(meta) = DatasetMeta::from_bytes(&with_right_checksum(&bytes), path) {
            // What is accepted once is written and accepted again.
            prop_assert_eq!(&DatasetMeta::from_bytes(&meta.to_bytes(), path).unwrap(), &meta);
        }
        assert_modest();
    }

    #[test]
    fn any_bytes_are_no_ledger(bytes in prop::collection::vec(any::<u8>(), 0..2000), which: Index) {
        let columns = &which.get(&DATASETS).columns;
        prop_assert!(read_ledger(bytes.clone(), columns, Path::new("ledger.parquet")).is_err());
        let mut framed = b"PAR1".to_vec();
        framed.extend(&bytes);
        framed.extend((bytes.len() as u32).to_le_bytes());
        framed.extend(b"PAR1");
        prop_assert!(read_ledger(framed, columns, Path::new("ledger.parquet")).is_err());
        assert_modest();
    }

    #[test]
    fn a_changed_ledger_never_panics(changes in changes(), which: Index, footer: bool) {
        let files = which.get(&DATASETS);
        let mut bytes = files.ledger.clone();
        let footer_bytes = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
        let from = if footer { bytes.len() - 8 - footer_bytes as usize } else { 0 };
        apply(&mut bytes, &changes, from);
        let _ = read_ledger(bytes, &files.columns, Path::new("ledger.parquet"));
        assert_modest();
    }
}

#[test]
fn deeply_nested_or_endless_json_is_an_error() {
    for text in
        ["[".repeat(1_000_000), "{\"a\":".repeat(100_000), "\"".repeat(99_999), "9".repeat(99_999)]
    {
        let bytes = with_right_checksum(text.as_bytes());
        assert!(DatasetMeta::from_bytes(&bytes, Path::new("dataset.json")).is_err());
    }
}
