//! Section `models`: inference and training steps of our networks, against PyTorch and ONNX Runtime.

use std::ffi::{OsStr, OsString};
use std::time::Instant;

use candle_core::{Device, Tensor};
use tcolz_nn::init::initial_weights;
use tcolz_nn::{BatchNormMode, Folded, Net, Network, Pass};
use tcolz_train::loss::{LossOptions, cross_entropy};
use tcolz_train::sgd::{Decay, Sgd, SgdOptions};

use crate::child;
use crate::report::{Goal, Sample, Table};
use crate::settings::Settings;

/// The word by which this program measures a network in a process of its own.
pub(crate) const WORD: &str = "models-ours";

const CLASSES: usize = 3;
const SIZE: usize = 224;
const THREADS: usize = 2;

/// Images of a call, repetitions: as `bench/peers_models.py` counts them, after two calls that do not count.
const INFER_MANY: (usize, usize) = (15, 3);
const INFER_ONE: (usize, usize) = (1, 5);
const TRAIN: (usize, usize) = (8, 2);

/// A network here and its name at the peers.
const NETWORKS: [(Network, &str); 2] =
    [(Network::MobileNetV2, "mobilenet_v2"), (Network::Vgg19, "vgg19")];

/// What is measured, in milliseconds a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Many,
    One,
    Train,
}

const WHATS: [(What, &str); 3] =
    [(What::Many, "15 images"), (What::One, "1 image"), (What::Train, "training step of 8")];

/// Milliseconds of all rounds: here, PyTorch, ONNX Runtime.
#[derive(Default)]
struct Row {
    ours: Sample,
    torch: Sample,
    onnx: Sample,
}

pub(crate) fn section(settings: &Settings) -> String {
    let mut rows: Vec<(Network, What, Row)> = NETWORKS
        .iter()
        .flat_map(|&(network, _)| WHATS.map(|(what, _)| (network, what, Row::default())))
        .collect();
    for round in 0..settings.rounds {
        println!("round {}: peers", round + 1);
        let peers = peers(settings);
        for (network, name) in NETWORKS {
            println!("round {}: {network}", round + 1);
            let ours = start(network);
            for (what, milliseconds) in WHATS.map(|(what, _)| what).into_iter().zip(ours) {
                let row = rows.iter_mut().find(|(n, w, _)| (*n, *w) == (network, what));
                let row = &mut row.expect("a row of each").2;
                row.ours.push(milliseconds);
                let (torch, onnx) = of_peers(&peers, name, what);
                torch.into_iter().for_each(|value| row.torch.push(value));
                onnx.into_iter().for_each(|value| row.onnx.push(value));
            }
        }
    }
    let head = ["network", "call", "here", "PyTorch eager", "ONNX Runtime"];
    let mut times = Table::new(head);
    let mut verdicts = Table::new(["what", "goal", "median", "rounds", "verdict"]);
    for (network, what, row) in &rows {
        let words = WHATS.iter().find(|(known, _)| known == what).map_or("", |(_, words)| words);
        let cell = |sample: &Sample| {
            let [median, spread] = [format!("{:.1}", sample.median()), sample.spread(1)];
            if sample.is_empty() { String::new() } else { format!("{median} ({spread})") }
        };
        let cells = [&row.ours, &row.torch, &row.onnx].map(cell);
        let [ours, torch, onnx] = cells;
        times.row([network.to_string(), words.to_owned(), ours, torch, onnx]);
        for (peer, sample, goal) in goals(*network, *what, row) {
            if sample.is_empty() {
                continue;
            }
            let ratio = row.ours.over(sample);
            verdicts.row([
                format!("{network}, {words}, against {peer}"),
                goal.map_or("stated".to_owned(), |goal| goal.words("×")),
                format!("{:.2}×", ratio.median()),
                ratio.spread(2),
                goal.map_or("", |goal| goal.verdict(ratio.median())).to_owned(),
            ]);
        }
    }
    format!(
        "## Networks\n\nMilliseconds a call on {THREADS} threads, {SIZE} × {SIZE} pixels, {CLASSES} classes, random weights; {} rounds, \
         everything in turn, each in a process of its own, after two calls that do not count. Peers by `bench/peers_models.py`. \
         A training step is forward with batch statistics, cross entropy, backward and SGD with momentum. A ratio below 1 is faster.\n\n{}\n{}",
        settings.rounds,
        times.text(),
        verdicts.text(),
    )
}

/// What a figure is held against: peer, its figures, the goal.
fn goals(network: Network, what: What, row: &Row) -> Vec<(&'static str, &Sample, Option<Goal>)> {
    let small = network == Network::MobileNetV2;
    let (torch, onnx) = match what {
        // At most PyTorch eager's time; the aim stands against ONNX Runtime.
        What::Many => (Goal::AtMost(1.0, 1.0), Some(Goal::AtMost(2.0, 2.0))),
        What::One => (Goal::AtMost(1.0, 1.0), Some(Goal::AtMost(2.0, 2.0))),
        What::Train => (Goal::AtMost(1.5, 1.0), None),
    };
    let of = |goal| small.then_some(goal);
    let mut goals = vec![("PyTorch eager", &row.torch, of(torch))];
    if let Some(onnx) = onnx {
        goals.push(("ONNX Runtime", &row.onnx, of(onnx)));
    }
    goals
}

/// Lines of `bench/peers_models.py`; none without peers.
fn peers(settings: &Settings) -> Vec<String> {
    let Some((python, script)) = &settings.peers else { return Vec::new() };
    let script = script.with_file_name("peers_models.py");
    let arguments: [OsString; 2] = [script.into(), settings.work.path().into()];
    let ended = child::run(python.as_os_str(), &arguments, THREADS, &[]);
    assert_eq!(ended.code, Some(0), "bench/peers_models.py failed");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// Milliseconds of PyTorch and ONNX Runtime: the number behind `ms` or behind `b1`.
fn of_peers(lines: &[String], network: &str, what: What) -> (Option<f64>, Option<f64>) {
    let find = |peer: &str, action: &str, mark: &str| {
        let line = lines.iter().find(|line| {
            line.starts_with(network) && line.contains(peer) && line.contains(action)
        })?;
        let mut words = line.split_whitespace().skip_while(|word| *word != mark);
        words.nth(1)?.parse().ok()
    };
    match what {
        What::Many => (find("torch", "infer", "ms"), find("onnxruntime", "infer", "ms")),
        What::One => (find("torch", "infer", "b1"), find("onnxruntime", "infer", "b1")),
        What::Train => (find("torch", "train", "ms"), None),
    }
}

fn start(network: Network) -> [f64; 3] {
    let own = std::env::current_exe().expect("this program has a path");
    let arguments: [OsString; 2] = [WORD.into(), network.name().into()];
    let ended = child::run(OsStr::new(&own), &arguments, THREADS, &[]);
    assert_eq!(ended.code, Some(0), "{arguments:?} failed");
    let numbers: Vec<f64> =
        ended.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().expect("three numbers")
}

/// In a process of its own: prints milliseconds of the three calls.
pub(crate) fn run(words: &[String]) {
    let network = words.first().and_then(|name| Network::parse(name)).expect("a network's name");
    let spec = network.spec(&network.properties(), CLASSES);
    let weights = initial_weights(&spec, 1).expect("weights of the spec");
    let device = Device::Cpu;
    let images = |count: usize| {
        Tensor::randn(0f32, 1.0, (count, 3, SIZE, SIZE), &device).expect("memory for images")
    };
    let folded = Folded::new(&spec, &weights, &device).expect("weights of the spec");
    for (count, times) in [INFER_MANY, INFER_ONE] {
        let images = images(count);
        println!("{}", milliseconds(times, || drop(folded.logits(&images).expect("logits"))));
    }
    drop(folded);
    // As `tcolz train` does.
    tcolz_base::usage::keep_free_memory();
    let net = Net::new(spec, &weights, &device).expect("weights of the spec");
    let trained = net.parameters().filter(|(parameter, _)| parameter.role.is_trained());
    let options =
        SgdOptions { momentum: 0.9, weight_decay: 0.0, nesterov: false, decay: Decay::All };
    let mut sgd = Sgd::new(trained, options);
    let (count, times) = TRAIN;
    let images = images(count);
    let labels: Vec<u32> = (0..count as u32).map(|n| n % CLASSES as u32).collect();
    let labels = Tensor::new(labels, &device).expect("memory for labels");
    let mut step = 0;
    let one = || {
        let pass =
            Pass { batch_norm: BatchNormMode::Batch, dropout: Some((1, step)), gradients: true };
        step += 1;
        let logits = net.forward(&images, pass).expect("logits");
        let loss = cross_entropy(&logits, &labels, &LossOptions::default()).expect("a loss");
        let gradients = loss.backward().expect("gradients");
        sgd.accumulate(gradients, count as f64).expect("gradients of all");
        sgd.step(1e-3).expect("a step");
    };
    println!("{}", milliseconds(times, one));
}

/// The mean of `times` calls, after two that do not count.
fn milliseconds(times: usize, mut call: impl FnMut()) -> f64 {
    call();
    call();
    let begun = Instant::now();
    (0..times).for_each(|_| call());
    begun.elapsed().as_secs_f64() * 1e3 / times as f64
}
