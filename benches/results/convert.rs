//! Section `convert`: from photos to shards, against libjpeg-turbo alone and against the peers.

use std::fs;
use std::path::Path;

use tcolz_convert::dump::Dump;
use tcolz_format::dataset::Dataset;

use crate::child::{self, Ended};
use crate::floor;
use crate::report::{Goal, Sample, Table, count};
use crate::settings::Settings;

/// Peers of `bench/peers_convert.py`, what they do, and what they are compared with.
const PEERS: [Peer; 3] = [
    Peer {
        name: "memmap-simplejpeg",
        words: "simplejpeg (scaled) + OpenCV → memmap, 2 processes",
        scaled: true,
        goal: Goal::AtLeast(1.1, 1.25),
    },
    Peer {
        name: "memmap-torchvision",
        words: "torchvision → memmap, 2 processes",
        scaled: false,
        goal: Goal::AtLeast(1.5, 1.8),
    },
    Peer {
        name: "bcolz-seed",
        words: "the replaced pipeline: Pillow, float32, bcolz, 1 thread",
        scaled: false,
        goal: Goal::AtLeast(3.3, 4.0),
    },
];

/// Share of its cores' time that the floor gets on a machine with nothing else to do; it waits for
/// nothing but its own start and end.
const QUIET: f64 = 0.93;

struct Peer {
    name: &'static str,
    words: &'static str,
    scaled: bool,
    goal: Goal,
}

/// Photos/s of one way, and what else its children showed.
#[derive(Default)]
struct Series {
    speed: Sample,
    /// Milliseconds of CPU a photo.
    cpu: Sample,
    /// Share of its cores' time that it got; the rest was waiting, or went to others.
    share: Sample,
    peak_bytes: u64,
}

impl Series {
    fn push(&mut self, photos: usize, threads: usize, ended: &Ended) {
        self.share.push(ended.cpu_seconds / ended.seconds / threads as f64);
        self.speed.push(photos as f64 / ended.seconds);
        self.cpu.push(ended.cpu_seconds * 1e3 / photos as f64);
        self.peak_bytes = self.peak_bytes.max(ended.peak_anonymous_bytes);
    }
}

pub(crate) fn section(settings: &Settings) -> String {
    let photos = read_all(&settings.dump);
    // [threads − 1][scaled]
    let mut floors: [[Series; 2]; 2] = Default::default();
    let mut converts: [[Series; 2]; 2] = Default::default();
    let mut peers = [const { Vec::new() }; PEERS.len()].map(Sample::from_iter::<Vec<f64>>);
    let mut stored = None;
    for round in 0..settings.rounds {
        for threads in [2, 1] {
            for scaled in [true, false] {
                eprintln!("round {}: {threads} threads, scaled {scaled}", round + 1);
                let (row, column) = (threads - 1, usize::from(scaled));
                let ended = floor::start(&settings.dump, threads, scaled);
                floors[row][column].push(photos, threads, &ended);
                let out = settings.work.path().join("converted");
                let options: &[&str] = if scaled { &["--decode", "scaled"] } else { &[] };
                let ended = child::convert(&settings.dump, &out, threads, options);
                converts[row][column].push(photos, threads, &ended);
                stored.get_or_insert_with(|| sizes(&out));
                fs::remove_dir_all(&out).expect("a dataset of this run");
            }
        }
        for (peer, speeds) in PEERS.iter().zip(&mut peers) {
            if let Some(speed) = run_peer(settings, peer) {
                speeds.push(speed);
            }
        }
    }
    let (stored_bytes, raw_bytes) = stored.unwrap_or_default();
    text(settings, photos, &floors, &converts, &peers, stored_bytes, raw_bytes)
}

fn text(
    settings: &Settings,
    photos: usize,
    floors: &[[Series; 2]; 2],
    converts: &[[Series; 2]; 2],
    peers: &[Sample],
    stored_bytes: u64,
    raw_bytes: u64,
) -> String {
    let mut speeds = Table::new([
        "photos a second",
        "1 thread",
        "2 threads",
        "CPU ms a photo, 2 threads",
        "peak RssAnon",
    ]);
    let goals = [Goal::AtLeast(0.75, 0.85), Goal::AtLeast(0.8, 0.9)];
    let mut verdicts = Table::new(["what", "goal", "median", "rounds", "by CPU time", "verdict"]);
    let mut judge = |what: String, goal: Goal, ratio: Sample, by_cpu: Option<Sample>| {
        let median = ratio.median();
        let verdict = goal.verdict(median).to_owned();
        let by_cpu = by_cpu.map_or(String::new(), |ratio| format!("{:.3}", ratio.median()));
        let median = format!("{median:.3}");
        verdicts.row([what, goal.words(""), median, ratio.spread(3), by_cpu, verdict]);
    };
    for scaled in [true, false] {
        let column = usize::from(scaled);
        let (decode, recipe) =
            if scaled { ("scaled", "`--decode scaled`") } else { ("full", "default recipe") };
        for (name, series) in [
            (format!("libjpeg-turbo alone, {decode} decode"), floors),
            (format!("tcolz convert, {recipe}"), converts),
        ] {
            let figure = |row: usize| {
                let speed = &series[row][column].speed;
                format!("{:.0} ({})", speed.median(), speed.spread(0))
            };
            let peak = series[1][column].peak_bytes as f64 / 1e6;
            let cpu = format!("{:.2}", series[1][column].cpu.median());
            speeds.row([name, figure(0), figure(1), cpu, format!("{peak:.0} MB")]);
        }
        for (row, threads) in [(1, "2 threads"), (0, "1 thread on 1 core")] {
            judge(
                format!("convert, {recipe}, against libjpeg-turbo alone, {threads}"),
                goals[column],
                converts[row][column].speed.over(&floors[row][column].speed),
                Some(floors[row][column].cpu.over(&converts[row][column].cpu)),
            );
        }
        let own = converts[1][column].speed.over(&converts[0][column].speed);
        let floor = floors[1][column].speed.over(&floors[0][column].speed);
        judge(
            format!("1 to 2 threads, {recipe}, against the floor's own scaling"),
            Goal::AtLeast(0.92, 0.98),
            own.over(&floor),
            None,
        );
    }
    for (peer, speed) in PEERS.iter().zip(peers) {
        if speed.is_empty() {
            continue;
        }
        let figure = format!("{:.0} ({})", speed.median(), speed.spread(0));
        let empty = String::new;
        speeds.row([peer.words.to_owned(), empty(), figure, empty(), empty()]);
        let own = &converts[1][usize::from(peer.scaled)].speed;
        judge(format!("2 threads, against {}", peer.words), peer.goal, own.over(speed), None);
    }
    let shares = floors.iter().flatten().map(|series| series.share.median());
    let share = shares.fold(f64::INFINITY, f64::min);
    let quiet = if share >= QUIET {
        "the machine was quiet"
    } else {
        "**the machine was not quiet: only the ratios of CPU time are worth reading**"
    };
    let missing = if peers.iter().any(Sample::is_empty) {
        "Peers that are not in the table did not run.\n"
    } else {
        ""
    };
    let largest = converts.iter().flatten().map(|series| series.peak_bytes).max().unwrap_or(0);
    let share = share * 100.0;
    format!(
        "## Converting\n\n{} {} to 224 × 224, squash, bilinear, zstd; {} rounds, everything in turn. \
         Tcolz and the floor are child processes, timed from start to end (listing, syncs and all) with the files in the \
         page cache; n threads are pinned to n cores. CPU time (floor ÷ tcolz) is what other \
         users of the machine disturb least. \
         The peers time themselves, without their start. The floor got {share:.0} % of its cores' time: {quiet}.\n\n{}\n{}{missing}\n\
         Stored: {:.1} MB for {:.1} MB of raw u8, {:.3} times smaller. Highest RssAnon of any convert: {:.0} MB.\n",
        count(photos as u64),
        settings.photos(),
        settings.rounds,
        speeds.text(),
        verdicts.text(),
        stored_bytes as f64 / 1e6,
        raw_bytes as f64 / 1e6,
        raw_bytes as f64 / stored_bytes as f64,
        largest as f64 / 1e6,
    )
}

/// Reads every file once, so that all find them in the page cache. Returns the number of inputs.
fn read_all(dump: &Path) -> usize {
    let dump = Dump::open(dump, None).unwrap_or_else(|error| panic!("{error}"));
    let mut bytes = Vec::new();
    for input in &dump.inputs {
        let _ = dump.read(&input.sample_id, &mut bytes);
    }
    dump.inputs.len()
}

/// Bytes of all shards, and of the same tensors raw.
pub(crate) fn sizes(dataset: &Path) -> (u64, u64) {
    let dataset = Dataset::open(dataset).unwrap_or_else(|error| panic!("{error}"));
    let meta = dataset.meta();
    let shards = meta.splits.iter().flat_map(|split| &split.shards);
    let raw: usize = meta.columns.iter().map(|column| column.raw_bytes()).sum();
    (shards.map(|shard| shard.bytes).sum(), raw as u64 * meta.counts.stored)
}

/// The peer's own figure, photos/s; `None` where it cannot run.
fn run_peer(settings: &Settings, peer: &Peer) -> Option<f64> {
    let (python, script) = settings.peers.as_ref()?;
    eprintln!("{}", peer.name);
    let out = settings.work.path().join("peer");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).expect("a folder for a peer");
    let arguments =
        [script.into(), peer.name.into(), settings.dump.clone().into(), out.join("out").into()];
    let cores = std::thread::available_parallelism().map_or(2, usize::from).min(2);
    let ended = child::run(python.as_os_str(), &arguments, cores, &[("OMP_NUM_THREADS", "1")]);
    let _ = fs::remove_dir_all(&out);
    // "memmap-simplejpeg     484.1 img/s …"
    let mut words = ended.stdout.split_whitespace();
    words.find(|&word| word == peer.name)?;
    words.next()?.parse().ok()
}
