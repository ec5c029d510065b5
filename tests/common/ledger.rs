//! A dataset of many small samples, written without photos: what half a million rows cost can be looked at
//! without sixty gigabytes of JPEGs.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::{
    Counts, DATASET_FILE, DatasetMeta, FORMAT_NAME, FORMAT_VERSION, FileMeta, LEDGER_FILE,
    LedgerRow, LedgerWriter, RootLine, SplitMeta, TensorFacts, content_root,
};
use tcolz_format::sample::{Label, Status};
use tcolz_format::shard::{ShardRow, ShardWriter, TensorColumn};
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};
use tcolz_pixels::recipe::Codec;
use tcolz_pixels::recipe::Recipe;
use tcolz_pixels::{ChannelSums, View, dhash};

/// Rows of a shard.
const SHARD_ROWS: usize = 100_000;

/// A sample to be made up.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Its split, an index.
    pub(crate) split: usize,
    /// Its class.
    pub(crate) label: Label,
    /// Planes `[3, size, size]`; a quarantined input without.
    pub(crate) planes: Option<Vec<u8>>,
    /// What makes its source file: equal numbers, equal files.
    pub(crate) source: u64,
}

/// Writes a dataset of `samples`, which stand split by split, with raw tensors of `size` pixels a side.
pub(crate) fn write(
    out: &Path,
    size: u32,
    splits: &[&str],
    classes: &[String],
    samples: impl Iterator<Item = Made>,
) -> Dataset {
    let recipe = Recipe { sizes: vec![size], codec: Codec::Raw, ..Recipe::default() };
    let columns = TensorColumn::of_recipe(&recipe);
    fs::create_dir_all(out).unwrap();
    let mut ledger = LedgerWriter::create(&out.join(LEDGER_FILE), &columns).unwrap();
    let names: Vec<Arc<str>> = splits.iter().map(|&name| name.into()).collect();
    let mut metas: Vec<SplitMeta> = splits
        .iter()
        .map(|&name| SplitMeta {
            name: name.to_owned(),
            rows: 0,
            receipt: None,
            shards: Vec::new(),
        })
        .collect();
    let (mut counts, mut lines) = (Counts::default(), Vec::new());
    let mut open: Option<(usize, String, ShardWriter)> = None;
    let finish = |open: Option<(usize, String, ShardWriter)>, metas: &mut Vec<SplitMeta>| {
        let Some((split, file, writer)) = open else { return };
        let summary = writer.finish().unwrap();
        let (rows, bytes, blake3) = (summary.rows, summary.bytes, summary.blake3.to_string());
        metas[split].rows += rows;
        metas[split].shards.push(FileMeta { file, rows, bytes, blake3 });
    };
    for (number, sample) in samples.enumerate() {
        let sample_id = format!("data/{:05}/{number}.jpg", number / 100);
        let status = if sample.planes.is_some() { Status::Stored } else { Status::Quarantined };
        let mut row = LedgerRow {
            list: format!("{}.txt", splits[sample.split]).into(),
            line: number as u32 + 1,
            path: sample_id.clone(),
            sample_id,
            tweet_id: Some(1 << 59 | number as u64),
            split: Arc::clone(&names[sample.split]),
            label: sample.label,
            status,
            reason: sample.planes.is_none().then(|| "corrupt: made up".to_owned()),
            place: None,
            source: Some((
                40_000 + sample.source * 7919 % 300_000,
                *blake3::hash(&sample.source.to_le_bytes()).as_bytes(),
            )),
            photo: None,
            tensors: Vec::new(),
            dhash: None,
            text_scores: (number % 3 == 0).then_some([0.1, 0.2, 0.7]),
            agreement: None,
        };
        if let Some(planes) = &sample.planes {
            let full = open.as_ref().is_some_and(|(split, _, writer)| {
                *split != sample.split || writer.rows() as usize == SHARD_ROWS
            });
            if full {
                finish(open.take(), &mut metas);
            }
            let (_, _, writer) = open.get_or_insert_with(|| {
                let number = metas[sample.split].shards.len();
                let file = format!("{}/{number:05}.arrow", splits[sample.split]);
                fs::create_dir_all(out.join(splits[sample.split])).unwrap();
                let writer = ShardWriter::create(&out.join(&file), &columns).unwrap();
                (sample.split, file, writer)
            });
            let (blake3, sums) = (blake3::hash(planes).into(), ChannelSums::of_planes(planes));
            let (sample_id, label) = (&row.sample_id, sample.label);
            let (stored, pixels) = (std::slice::from_ref(planes), &[blake3]);
            let place = writer.push(ShardRow { sample_id, label, stored, pixels }).unwrap();
            row.place = Some((metas[sample.split].shards.len() as u32, place));
            row.photo = Some(PhotoInfo {
                format: SourceFormat::Jpeg,
                progressive: number % 2 == 0,
                width: 300 + number as u32 * 31 % 1748,
                height: 200 + number as u32 * 17 % 1848,
                jpeg_quality: Some(60 + (number % 36) as u8),
                exif_orientation: None,
                recovered_share: 1.0,
            });
            row.dhash = Some(dhash(planes, size));
            row.tensors = vec![TensorFacts { blake3, sums }];
            lines.push((sample.split, row.sample_id.clone(), sample.label, row.tensors.clone()));
        }
        counts.add(status);
        ledger.push(row).unwrap();
    }
    finish(open, &mut metas);
    let lines = lines.iter().map(|(split, sample_id, label, tensors)| RootLine {
        split: splits[*split],
        sample_id,
        label: *label,
        tensors,
    });
    let meta = DatasetMeta {
        format: FORMAT_NAME.to_owned(),
        format_version: FORMAT_VERSION,
        critical_features: Vec::new(),
        tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
        libraries: [].into(),
        content_root: content_root(classes, &columns, lines.collect()).to_string(),
        recipe,
        source_damage: Vec::new(),
        classes: classes.to_vec(),
        views: View::all_built_in(),
        made_splits: None,
        columns,
        splits: metas,
        ledger: ledger.finish().unwrap(),
        counts,
    };
    fs::write(out.join(DATASET_FILE), meta.to_bytes()).unwrap();
    Dataset::open(out).unwrap()
}

/// Planes of noise, the same for the same number.
pub(crate) fn noise(number: u64, size: u32) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) as u8
    };
    (0..3 * size * size).map(|_| next()).collect()
}
