//! Sends a few photos through the pipeline and measures, before anything is written.

use std::ops::Range;

use crate::dump::{Dump, Input};
use tcolz_base::usage::anonymous_bytes;
use tcolz_format::sample::Status;
use tcolz_format::shard::codec::{FrameEncoder, encode_plain};
use tcolz_format::shard::{TensorColumn, simd_level};
use tcolz_pixels::View;
use tcolz_pixels::recipe::{Codec, Dtype};

use super::error::ConvertError;
use super::forecast::{CodecForecast, Forecast, Interval, Measured};
use super::options::ConvertOptions;
use super::pipeline;

/// Photos that are probed one after the other, as the conversion will read them.
const RUN: usize = 8;
/// Tensors that are tried with the codec that was not asked for.
const TRIED_TENSORS: usize = 48;
/// What an Arrow row needs beside id and tensors: label, offsets, hashes, padding.
const ROW_BYTES: [f64; 3] = [16.0, 40.0, 90.0];
/// Memory beyond what the probe showed: shard buffers, a full window, large photos.
const MEMORY_BEYOND: [f64; 3] = [0.0, 24e6, 230e6];
/// Memory of an input: ledger rows of a shard, hashes for the content root.
const INPUT_MEMORY_BYTES: [f64; 3] = [0.0, 120.0, 600.0];

/// Probes at most `photos` of the inputs from number `first` on and says what converting them will take.
/// `both_codecs` also tries the one that the recipe does not name.
///
/// # Errors
/// As a conversion: when the source is gone, or for a defect of this program.
pub(super) fn forecast(
    options: &ConvertOptions,
    dump: &Dump,
    view: &View,
    first: usize,
    photos: usize,
    both_codecs: bool,
) -> Result<Forecast, ConvertError> {
    let rest = &dump.inputs[first..];
    let probes = chosen(rest, photos);
    let part = dump.part(probes);
    let recipe = &options.recipe;
    let threads = options.threads.max(1);
    let columns = TensorColumn::of_recipe(recipe);
    let mut measured = Measured {
        inputs: rest.len() as u64,
        openable: rest.iter().filter(|input| input.problem.is_none()).count() as u64,
        ..Measured::default()
    };
    let every = (part.inputs.len() / TRIED_TENSORS).max(1);
    let mut tensors: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut id_bytes = Vec::new();
    let mut peak = anonymous_bytes();
    pipeline::run(&part, 0, recipe, view, threads, |input, outcome| {
        measured.add(outcome.effort);
        measured.missing += u64::from(outcome.status == Status::Missing);
        measured.source_bytes.extend(outcome.source.map(|(bytes, _)| bytes as f64));
        if let Some(prepared) = outcome.prepared {
            let stored: usize = prepared.stored.iter().map(Vec::len).sum();
            measured.stored_bytes.push(stored as f64);
            id_bytes.push(input.sample_id.len() as f64);
            let number = measured.stored_bytes.len();
            if both_codecs && recipe.codec == Codec::Raw && number.is_multiple_of(every) {
                tensors.push(prepared.stored);
            }
        }
        peak = peak.max(anonymous_bytes());
        Ok(())
    })?;

    let mean = |values: &[f64]| Interval::mean(values, measured.openable);
    let row = Interval::from(ROW_BYTES).plus(mean(&id_bytes));
    let size = |values: &[f64]| measured.dataset_bytes(mean(values).plus(row));
    let dataset_bytes = size(&measured.stored_bytes);
    let mut codecs = Vec::new();
    if both_codecs {
        let raw: usize = columns.iter().map(TensorColumn::raw_bytes).sum();
        let other = match recipe.codec {
            Codec::Zstd => vec![raw as f64; measured.stored_bytes.len()],
            Codec::Raw => compressed(&columns, &tensors)?,
        };
        for codec in Codec::ALL.iter().copied() {
            let own = codec == recipe.codec;
            let dataset_bytes = if own { dataset_bytes } else { size(&other) };
            codecs.push(CodecForecast { codec, dataset_bytes });
        }
    }
    let inputs = Interval::exact(measured.inputs as f64);
    Ok(Forecast {
        inputs: measured.inputs,
        probed: measured.work.len() as u64,
        probed_missing: measured.missing,
        threads: threads as u64,
        stored: measured.stored(),
        source_bytes: measured.all_source_bytes(),
        seconds: measured.seconds(dataset_bytes, threads, options.shard_bytes),
        dataset_bytes,
        codecs,
        peak_memory_bytes: peak.map(|bytes| {
            let seen = bytes as f64;
            Interval { low: 0.5 * seen, expected: seen, high: 1.2 * seen }
                .plus(MEMORY_BEYOND.into())
                .plus(inputs.times(INPUT_MEMORY_BYTES.into()))
        }),
    })
}

/// The inputs that stand for all: short runs of neighbours, evenly spread.
fn chosen(inputs: &[Input], photos: usize) -> Vec<Input> {
    let openable = |input: &&Input| input.problem.is_none();
    if inputs.len() <= photos {
        return inputs.iter().filter(openable).cloned().collect();
    }
    let runs = photos.div_ceil(RUN).max(1);
    let run = |number: usize| -> Range<usize> {
        let middle = (2 * number + 1) * inputs.len() / (2 * runs);
        let begin = middle.saturating_sub(RUN / 2);
        begin..(begin + RUN.min(photos)).min(inputs.len())
    };
    let mut indices: Vec<usize> = (0..runs).flat_map(run).collect();
    indices.sort_unstable();
    indices.dedup();
    indices.iter().map(|&index| &inputs[index]).filter(openable).cloned().collect()
}

/// Lengths of raw tensors (`tensors[photo][column]`), compressed.
fn compressed(
    columns: &[TensorColumn],
    tensors: &[Vec<Vec<u8>>],
) -> Result<Vec<f64>, ConvertError> {
    let mut frame = Vec::new();
    let mut lengths = vec![0.0; tensors.len()];
    for (index, column) in columns.iter().enumerate() {
        let mut encoder = FrameEncoder::with_level(column.size(), column.size(), simd_level())
            .expect("sides that the recipe's check accepts");
        for (length, tensor) in lengths.iter_mut().zip(tensors) {
            let encoded = match column.dtype {
                Dtype::U8 => encoder.encode(&tensor[index], &mut frame),
                _ => encode_plain(&tensor[index], &mut frame),
            };
            encoded.map_err(|source| ConvertError::Codec {
                sample_id: "a probed photo".to_owned(),
                source,
            })?;
            *length += frame.len() as f64;
        }
    }
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_spread_over_all_inputs_and_none_is_taken_twice() {
        let folder = tempfile::tempdir().unwrap();
        let list: String = (0..1000).map(|number| format!("{number:04}.jpg 0\n")).collect();
        std::fs::write(folder.path().join("b-t4sa_train.txt"), list).unwrap();
        let dump = Dump::open(folder.path(), None).unwrap();
        for photos in [1, 8, 9, 48, 400, 999, 1000, 5000] {
            let lines: Vec<u32> =
                chosen(&dump.inputs, photos).iter().map(|input| input.line).collect();
            assert!(lines.is_sorted_by(|a, b| a < b), "{photos}");
            assert!(lines.len() <= photos.next_multiple_of(RUN), "{photos}: {}", lines.len());
            assert!(lines.len() >= photos.min(1000), "{photos}: {}", lines.len());
            // Runs may touch where nearly all are probed.
            let few: Vec<u32> =
                chosen(&dump.inputs[..10], photos).iter().map(|input| input.line).collect();
            assert!(few.is_sorted_by(|a, b| a < b), "{photos} of 10: {few:?}");
            if photos >= 48 {
                assert!(lines[0] < 100 && lines[lines.len() - 1] > 900, "{photos}");
            }
        }
    }
}
