//! Tensor ↔ frame, beside zstd as it comes. One iteration is every tensor.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tcolz_format::shard::codec::{
    FrameDecoder, FrameEncoder, PixelTables, Upcoming, decode_plain, encode_plain,
};
use tcolz_pixels::View;

use crate::photos::tensors;

const SIDE: u32 = 224;

/// What the frames weigh; divan measures time only.
pub(crate) fn print_ratio() {
    let raw: usize = tensors().iter().map(Vec::len).sum();
    let ratio = |frames: &[Vec<u8>]| raw as f64 / frames.iter().map(Vec::len).sum::<usize>() as f64;
    let (own, plain) = (ratio(&frames()), ratio(&plain_frames()));
    println!("{} tensors: frames {own:.3}× smaller, plain zstd {plain:.3}×", tensors().len());
}

#[divan::bench(sample_count = 15, sample_size = 1)]
fn encode(bencher: Bencher<'_, '_>) {
    let mut encoder = FrameEncoder::new(SIDE, SIDE).expect("a side of 224");
    let mut frame = Vec::new();
    counted(bencher).bench_local(|| {
        for tensor in tensors() {
            encoder.encode(tensor, &mut frame).expect("a tensor of this shape");
            black_box(&frame);
        }
    });
}

#[divan::bench(sample_count = 15, sample_size = 1)]
fn decode(bencher: Bencher<'_, '_>) {
    let frames = frames();
    let mut decoder = FrameDecoder::new(SIDE, SIDE).expect("a side of 224");
    let mut pixels = vec![0; tensors()[0].len()];
    counted(bencher).bench_local(|| {
        for frame in &frames {
            decoder.decode(frame, &mut pixels).expect("a frame made above");
            black_box(&pixels);
        }
    });
}

/// Through a view's table to f32.
#[divan::bench(sample_count = 15, sample_size = 1)]
fn decode_mapped(bencher: Bencher<'_, '_>) {
    let frames = frames();
    let mut decoder = FrameDecoder::new(SIDE, SIDE).expect("a side of 224");
    let view = View::built_in("caffe").expect("caffe is built in");
    let tables = PixelTables::new(&view.tables(), view.order()).expect("channels below three");
    let mut floats = vec![0f32; tensors()[0].len()];
    counted(bencher).bench_local(|| {
        for frame in &frames {
            let decoded = decoder.decode_mapped(frame, &tables, &mut floats, Upcoming::default());
            decoded.expect("a frame made above");
            black_box(&floats);
        }
    });
}

#[divan::bench(sample_count = 15, sample_size = 1)]
fn plain_zstd_encode(bencher: Bencher<'_, '_>) {
    let mut frame = Vec::new();
    counted(bencher).bench_local(|| {
        for tensor in tensors() {
            encode_plain(tensor, &mut frame).expect("memory for a frame");
            black_box(&frame);
        }
    });
}

#[divan::bench(sample_count = 15, sample_size = 1)]
fn plain_zstd_decode(bencher: Bencher<'_, '_>) {
    let frames = plain_frames();
    let mut pixels = vec![0; tensors()[0].len()];
    counted(bencher).bench_local(|| {
        for frame in &frames {
            decode_plain(frame, &mut pixels).expect("a frame made above");
            black_box(&pixels);
        }
    });
}

/// The tensors as frames.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let mut encoder = FrameEncoder::new(SIDE, SIDE).expect("a side of 224");
    let encode = |tensor: &Vec<u8>| {
        let mut frame = Vec::new();
        encoder.encode(tensor, &mut frame).expect("a tensor of this shape");
        frame
    };
    tensors().iter().map(encode).collect()
}

fn plain_frames() -> Vec<Vec<u8>> {
    let encode = |tensor: &Vec<u8>| {
        let mut frame = Vec::new();
        encode_plain(tensor, &mut frame).expect("memory for a frame");
        frame
    };
    tensors().iter().map(encode).collect()
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    let bytes: usize = tensors().iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(tensors().len())).counter(BytesCount::new(bytes))
}
