//! Section `read`: from shards to batches, against readers of the same photos and against memory itself.

mod allocator;
mod child;
mod grown;
mod peers;

use std::path::{Path, PathBuf};

use tcolz_convert::dump::Dump;
use tcolz_format::dataset::Dataset;

use child::{BATCH, Measured, Stream, What};
pub(crate) use child::{WORDS, run};
use peers::{PEERS, Peer};

use crate::child::run as run_child;
use crate::report::{Goal, Sample, Table, count};
use crate::settings::Settings;

/// Share of its cores' time that copying memory gets on a machine with nothing else to do.
const QUIET: f64 = 0.93;

/// A stream that is measured in every round.
struct Row {
    words: &'static str,
    codec: &'static str,
    view: &'static str,
    dtype: &'static str,
    what: What,
    /// With one worker, too.
    alone: bool,
}

const fn row(
    words: &'static str,
    codec: &'static str,
    view: &'static str,
    dtype: &'static str,
    what: What,
) -> Row {
    let alone = matches!(what, What::Batches) && matches!(view.as_bytes(), b"caffe");
    Row { words, codec, view, dtype, what, alone }
}

/// The first two are what the peers are held against.
const ROWS: [Row; 16] = [
    row("zstd → f32, caffe", "zstd", "caffe", "f32", What::Batches),
    row("raw → f32, caffe", "raw", "caffe", "f32", What::Batches),
    row("zstd → f32, torch", "zstd", "torch", "f32", What::Batches),
    row("zstd → f16, caffe", "zstd", "caffe", "f16", What::Batches),
    row("zstd → bf16, caffe", "zstd", "caffe", "bf16", What::Batches),
    row("zstd → u8", "zstd", "caffe", "u8", What::Batches),
    row("raw → u8", "raw", "caffe", "u8", What::Batches),
    row("zstd: stored bytes alone, hash tested", "zstd", "raw", "u8", What::Storage),
    row("zstd: and decompressed", "zstd", "raw", "u8", What::Decompression),
    row("zstd → f32, copied to Candle tensors", "zstd", "torch", "f32", What::Copied),
    row("zstd → f32, handed to Candle and recycled", "zstd", "torch", "f32", What::Recycled),
    row("the same, dropped, `KeepingAllocator`", "zstd", "torch", "f32", What::DroppedKept),
    row("the same, dropped, the system's allocator", "zstd", "torch", "f32", What::Dropped),
    row("zstd → u8, handed to Candle and recycled", "zstd", "caffe", "u8", What::Recycled),
    row("the same, dropped, `KeepingAllocator`", "zstd", "caffe", "u8", What::DroppedKept),
    row("the same, dropped, the system's allocator", "zstd", "caffe", "u8", What::Dropped),
];

/// Numbers in [`ROWS`] of plain batches, and of the same ones handed to Candle: recycled, dropped, dropped.
const HANDED_OVER: [(&str, usize, [usize; 3]); 2] =
    [("f32", 2, [10, 11, 12]), ("u8", 5, [13, 14, 15])];

/// Figures of all rounds.
#[derive(Default)]
struct Series {
    /// A second, by one worker and by two.
    speed: [Sample; 2],
    bytes: Sample,
    anonymous_bytes: u64,
}

impl Series {
    fn push(&mut self, workers: usize, measured: Measured) {
        self.speed[workers - 1].push(measured.a_second);
        if workers == 2 {
            self.bytes.push(measured.bytes_a_second);
            self.anonymous_bytes = self.anonymous_bytes.max(measured.anonymous_bytes);
        }
    }

    /// From one worker to two.
    fn scaling(&self) -> Sample {
        self.speed[1].over(&self.speed[0])
    }
}

#[derive(Default)]
struct Figures {
    rows: [Series; ROWS.len()],
    memcpy: Series,
    share: Sample,
    peers: [Sample; PEERS.len()],
    /// Peers whose counted epochs were shorter than what counts.
    too_short: Vec<&'static str>,
    torch: Sample,
    torch_with: String,
    /// Seconds to the first batch: of the photos, and of 470,586 samples.
    opening: [Sample; 2],
}

pub(crate) fn section(settings: &Settings) -> String {
    let seconds = std::env::var("TCOLZ_BENCH_SECONDS").ok();
    let seconds: f64 = seconds.and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let datasets = ["zstd", "raw"].map(|codec| converted(settings, codec));
    let [zstd, _] = &datasets;
    let split =
        Dataset::open(zstd).unwrap_or_else(|error| panic!("{error}")).meta().splits[0].clone();
    let photos = Dump::open(&settings.dump, None).map_or(0, |dump| dump.inputs.len());
    let grown = settings.work.path().join("grown");
    grown::write(&grown);
    let stores = peers::stores(settings);
    let mut figures = Figures::default();
    for round in 0..settings.rounds {
        eprintln!("round {}", round + 1);
        for (row, series) in ROWS.iter().zip(&mut figures.rows) {
            let dataset = &datasets[usize::from(row.codec == "raw")];
            let Row { view, dtype, what, .. } = *row;
            for workers in if row.alone { vec![2, 1] } else { vec![2] } {
                eprintln!("{}, {workers} workers", row.words);
                let stream = Stream { dataset, view, dtype, workers, what, seconds };
                series.push(workers, stream.run());
            }
        }
        for threads in [2, 1] {
            let copied = child::memcpy(threads, seconds.min(2.0));
            figures.share.push(copied.share);
            figures.memcpy.push(threads, copied);
        }
        for ((peer, speeds), number) in PEERS.iter().zip(&mut figures.peers).zip(0..) {
            if let Some(epochs) = peer.run(settings, &stores, photos, seconds) {
                speeds.push(epochs.photos_a_second);
                if !epochs.long_enough && !figures.too_short.contains(&PEERS[number].words) {
                    figures.too_short.push(PEERS[number].words);
                }
            }
        }
        if let Some((speed, with)) = peers::torch_dataset(settings, zstd, &split.name, seconds) {
            figures.torch.push(speed);
            figures.torch_with = with;
        }
        for (dataset, opening) in [zstd, &grown].into_iter().zip(&mut figures.opening) {
            opening.push(child::open(dataset, "caffe"));
        }
    }
    text(settings, &figures, photos, split.rows, seconds)
}

/// The dump's photos in one split, as the peers keep them, where it has the layout that their scripts read.
fn converted(settings: &Settings, codec: &str) -> PathBuf {
    let out = settings.work.path().join(codec);
    let photos = settings.dump.join("data");
    let (source, layout) =
        if photos.is_dir() { (&photos, "folder") } else { (&settings.dump, "auto") };
    let mut arguments = vec!["convert".into(), source.into(), out.clone().into_os_string()];
    let options = ["--layout", layout, "--codec", codec, "--json"];
    arguments.extend(options.iter().map(Into::into));
    let ended = run_child(Path::new(env!("CARGO_BIN_EXE_tcolz")).as_os_str(), &arguments, 2, &[]);
    assert!(matches!(ended.code, Some(0 | 3)), "tcolz convert ended with {:?}", ended.code);
    out
}

fn text(settings: &Settings, figures: &Figures, photos: usize, rows: u64, seconds: f64) -> String {
    let figure = |sample: &Sample| match sample.is_empty() {
        true => String::new(),
        false => format!("{} ({})", count(sample.median().round() as u64), sample.spread(0)),
    };
    let gigabytes = |bytes: &Sample| format!("{:.2}", bytes.median() / 1e9);
    let mut speeds = Table::new([
        "photos a second",
        "1 worker",
        "2 workers",
        "GB/s that come out",
        "peak RssAnon",
    ]);
    for (row, series) in ROWS.iter().zip(&figures.rows) {
        let [one, two] = series.speed.each_ref().map(figure);
        let peak = format!("{:.0} MB", series.anonymous_bytes as f64 / 1e6);
        speeds.row([row.words.to_owned(), one, two, gigabytes(&series.bytes), peak]);
    }
    let empty = String::new;
    for (peer, sample) in PEERS.iter().zip(&figures.peers).filter(|(_, s)| !s.is_empty()) {
        speeds.row([peer.words.to_owned(), empty(), figure(sample), empty(), empty()]);
    }
    if !figures.torch.is_empty() {
        let words = format!("`examples/torch_dataset.py`, zstd ({})", figures.torch_with);
        speeds.row([words, empty(), figure(&figures.torch), empty(), empty()]);
    }
    let memory = figures.memcpy.speed.each_ref().map(|copies| {
        let bytes: Sample =
            copies.iter().map(|a| a * (BATCH * 4) as f64 * child::RAW_BYTES).collect();
        format!("{} GB/s", gigabytes(&bytes))
    });
    let [one, two] = memory;
    speeds.row(["memory copied, batch by batch".to_owned(), one, two, empty(), empty()]);

    let quiet = figures.share.median() >= QUIET;
    let too_short = match figures.too_short[..] {
        [] => String::new(),
        ref names => format!("Shorter runs than that: {}.\n", names.join("; ")),
    };
    let missing = if figures.peers.iter().any(Sample::is_empty) {
        "Peers that are not in the table did not run.\n"
    } else {
        ""
    };
    format!(
        "## Reading\n\n{} {} at 224 × 224 in {} rows of one split; batches of {BATCH}, shuffled, files in the page cache; \
         {} rounds, everything in turn, each a child process on as many cores as it has workers, \
         after a first epoch at least {seconds} seconds and (in full settings) 2 GB of raw pixels. Peers read the same photos from \
         stores of their own by `bench/peers_read.py` (float32, mean subtracted) and count from their third epoch on, by the median of epochs. \
         Copying memory got {:.0} % of its cores' time: {}.\n\n{}\n{}\n{too_short}{missing}",
        count(photos as u64),
        settings.photos(),
        count(rows),
        settings.rounds,
        figures.share.median() * 100.0,
        if quiet {
            "the machine was quiet"
        } else {
            "**the machine was not quiet: read the ratios with care**"
        },
        speeds.text(),
        verdicts(figures),
    )
}

fn verdicts(figures: &Figures) -> String {
    let mut table = Table::new(["what", "goal", "median", "rounds", "verdict"]);
    let mut judge = |what: String, goal: Goal, unit: &str, values: &Sample| {
        if values.is_empty() {
            return;
        }
        let (median, rounds) = (format!("{:.3}{unit}", values.median()), values.spread(3));
        table.row([
            what,
            goal.words(unit),
            median,
            rounds,
            goal.verdict(values.median()).to_owned(),
        ]);
    };
    let [zstd, raw, ..] = &figures.rows;
    let against = |own: &Series, peer: &Sample| own.speed[1].over(peer);
    for (Peer { words, goal, .. }, speed) in PEERS.iter().zip(&figures.peers) {
        judge(format!("zstd shards, against {words}"), *goal, "", &against(zstd, speed));
    }
    let ffcv = &figures.peers[0];
    let what = format!("raw shards, against {}", PEERS[0].words);
    judge(what, Goal::AtLeast(2.0, 3.5), "", &against(raw, ffcv));
    for (series, name) in [(zstd, "zstd"), (raw, "raw")] {
        let what = format!("1 to 2 workers, {name} shards, against memcpy's own scaling");
        let ratio = series.scaling().over(&figures.memcpy.scaling());
        judge(what, Goal::AtLeast(0.92, 0.98), "", &ratio);
    }
    for (dtype, plain, rows) in HANDED_OVER {
        let plain = &figures.rows[plain].speed[1];
        let [recycled, kept, dropped] = rows.map(|row| figures.rows[row].speed[1].over(plain));
        let mut handed = |how: &str, goal, ratio: &Sample| {
            judge(format!("{dtype} tensors, {how}, against plain batches"), goal, "", ratio);
        };
        handed("recycled", Goal::AtLeast(0.9, 0.97), &recycled);
        handed("dropped, `KeepingAllocator`", Goal::AtLeast(0.7, 0.9), &kept);
        handed("dropped, the system's allocator", Goal::AtLeast(0.7, 0.9), &dropped);
    }
    let [photos, grown] = &figures.opening;
    let goal = Goal::AtMost(0.5, 0.1);
    judge("opening and the first batch, these photos".to_owned(), goal, " s", photos);
    let what = format!(
        "the same, {} samples (grown: real ledger, tensors of 8 × 8)",
        count(grown::SAMPLES.into())
    );
    judge(what, goal, " s", grown);
    table.text()
}
