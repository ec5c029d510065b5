//! Tensors of a dataset, spread over all of it.

use std::path::Path;

use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;
use tcolz_format::shard::ShardReader;
use tcolz_format::shard::TensorDecoder;

/// Up to `most` tensors `[3, 224, 224]`, with the frames they were stored as.
pub(crate) fn some_tensors(dataset: &Path, most: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let dataset = Dataset::open(dataset).unwrap_or_else(|error| panic!("{error}"));
    let rows = dataset.ledger().unwrap_or_else(|error| panic!("{error}"));
    let places: Vec<_> = rows
        .iter()
        .filter(|row| row.status == Status::Stored)
        .filter_map(|row| Some((row.split.clone(), row.place?)))
        .collect();
    let column = &dataset.meta().columns[0];
    let mut decoder = TensorDecoder::new(column);
    let mut open: Option<(_, ShardReader)> = None;
    let step = places.len().div_ceil(most).max(1);
    places
        .into_iter()
        .step_by(step)
        .map(|(split, (shard, row))| {
            let key = (split, shard);
            if open.as_ref().is_none_or(|(held, _)| *held != key) {
                let reader = dataset.open_shard(&key.0, key.1);
                open = Some((key, reader.unwrap_or_else(|error| panic!("{error}"))));
            }
            let (_, reader) = open.as_ref().expect("opened above");
            let mut tensor = vec![0; column.raw_bytes()];
            reader.read(row, 0, &mut decoder, &mut tensor).unwrap_or_else(|e| panic!("{e}"));
            let frame = reader.stored(row, 0).unwrap_or_else(|e| panic!("{e}")).to_vec();
            (tensor, frame)
        })
        .collect()
}

/// Planes `[3, n]` → interleaved `[n, 3]`: what PNG and most stores keep.
pub(crate) fn interleaved(planes: &[u8]) -> Vec<u8> {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(planes.len() / 3);
    red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]).collect()
}

/// A PNG at the crate's default compression, every filter tried on every row.
pub(crate) fn png(rgb: &[u8], side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a PNG header");
    writer.write_image_data(rgb).expect("pixels of this size");
    writer.finish().expect("memory for a PNG");
    bytes
}

/// One zstd frame of these bytes as they are.
pub(crate) fn zstd(bytes: &[u8], level: i32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    zstd_safe::compress(&mut frame, bytes, level).expect("room for a frame");
    frame
}
