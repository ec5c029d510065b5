//! Section `codec`: size and time of one tensor, one thread, beside PNG and plain zstd.

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use tcolz_format::shard::codec::{FrameDecoder, FrameEncoder, PixelTables, Upcoming};
use tcolz_pixels::View;

use crate::child;
use crate::report::{Sample, Table, count};
use crate::settings::Settings;
use crate::tensors::{interleaved, png, some_tensors, zstd};

const TENSORS: usize = 200;
const ROUNDS: usize = 7;
const SIDE: u32 = 224;

/// One way to make a tensor smaller, measured in turn with the others.
struct Way {
    name: &'static str,
    bytes: usize,
    encode: Sample,
    decode: Sample,
}

impl Way {
    fn new(name: &'static str) -> Way {
        Way { name, bytes: 0, encode: Sample::default(), decode: Sample::default() }
    }
}

pub(crate) fn section(settings: &Settings) -> String {
    let out = settings.work.path().join("converted");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    child::convert(&settings.dump, &out, threads, &[]);
    let tensors: Vec<Vec<u8>> =
        some_tensors(&out, TENSORS).into_iter().map(|(tensor, _)| tensor).collect();
    fs::remove_dir_all(&out).expect("a dataset of this run");
    let rgb: Vec<Vec<u8>> = tensors.iter().map(|tensor| interleaved(tensor)).collect();

    let mut encoder = FrameEncoder::new(SIDE, SIDE).expect("a side of 224");
    let mut decoder = FrameDecoder::new(SIDE, SIDE).expect("a side of 224");
    let mut pixels = vec![0; tensors[0].len()];
    let mut floats = vec![0f32; tensors[0].len()];
    let view = View::built_in("caffe").expect("caffe is built in");
    let tables = PixelTables::new(&view.tables(), view.order()).expect("channels below three");

    let mut ways = [
        Way::new("tcolz frames → u8"),
        Way::new("tcolz frames → f32, mean subtracted"),
        Way::new("PNG, default"),
        Way::new("zstd 1 of interleaved pixels"),
        Way::new("zstd 3 of interleaved pixels"),
    ];
    for _ in 0..ROUNDS {
        let [own, mapped, pngs, zstd_1, zstd_3] = &mut ways;
        let frames = timed(own, &tensors, |tensor| {
            let mut frame = Vec::new();
            encoder.encode(tensor, &mut frame).expect("a tensor of this shape");
            frame
        });
        own.decode.push(millis(&frames, |frame| {
            decoder.decode(frame, &mut pixels).expect("a frame made above");
            black_box(&mut pixels);
        }));
        mapped.bytes = own.bytes;
        mapped.encode.push(f64::NAN);
        mapped.decode.push(millis(&frames, |frame| {
            let decoded = decoder.decode_mapped(frame, &tables, &mut floats, Upcoming::default());
            decoded.expect("a frame made above");
            black_box(&mut floats);
        }));
        let frames = timed(pngs, &rgb, |rgb| png(rgb, SIDE));
        pngs.decode.push(millis(&frames, |file| {
            let reader = png::Decoder::new(std::io::Cursor::new(file)).read_info();
            reader.and_then(|mut r| r.next_frame(&mut pixels)).expect("a PNG made above");
            black_box(&mut pixels);
        }));
        for (way, level) in [(zstd_1, 1), (zstd_3, 3)] {
            let frames = timed(way, &rgb, |rgb| zstd(rgb, level));
            way.decode.push(millis(&frames, |frame| {
                zstd_safe::decompress(&mut pixels[..], frame).expect("a frame made above");
                black_box(&mut pixels);
            }));
        }
    }

    let raw: usize = tensors.iter().map(Vec::len).sum();
    let mut table = Table::new([
        "one tensor of 3 × 224 × 224",
        "times smaller",
        "encode, ms",
        "decode, ms",
        "decode, MB/s of u8",
    ]);
    for way in &ways {
        let ratio = raw as f64 / way.bytes as f64;
        let encode = way.encode.median();
        let decode = way.decode.median();
        let speed = pixels.len() as f64 / decode / 1e3;
        table.row([
            way.name.to_owned(),
            format!("{ratio:.3}"),
            if encode.is_nan() { String::new() } else { format!("{encode:.3}") },
            format!("{decode:.4} ({})", way.decode.spread(4)),
            format!("{speed:.0}"),
        ]);
    }
    let against_png = ways[2].decode.over(&ways[0].decode);
    format!(
        "## Codec\n\n{} tensors of the {} at 224 × 224, one thread, {ROUNDS} rounds in turn, medians (lowest–highest). \
         Frames decode {:.1} times as fast as PNG.\n\n{}",
        count(tensors.len() as u64),
        settings.photos(),
        against_png.median(),
        table.text()
    )
}

/// Encodes all, notes time and size, and gives the frames.
fn timed(
    way: &mut Way,
    inputs: &[Vec<u8>],
    mut encode: impl FnMut(&[u8]) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut frames = Vec::with_capacity(inputs.len());
    way.encode.push(millis(inputs, |input| frames.push(encode(input))));
    way.bytes = frames.iter().map(Vec::len).sum();
    frames
}

/// Milliseconds an input.
fn millis(inputs: &[Vec<u8>], mut work: impl FnMut(&[u8])) -> f64 {
    let begun = Instant::now();
    inputs.iter().for_each(|input| work(input));
    begun.elapsed().as_secs_f64() * 1e3 / inputs.len() as f64
}
