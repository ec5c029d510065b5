//! Section `serve`: the micro-service under wrk, beside Flask + ONNX Runtime (`benches/serve/load.sh`).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::report::{Sample, Table};
use crate::settings::Settings;

const CLIENTS: [u32; 3] = [1, 8, 64];
/// As the script calls them, and as the page does.
const SERVICES: [(&str, &str); 3] = [
    ("tcolz", "`tcolz serve`"),
    ("flask-processes", "Flask + ONNX Runtime, a process of 1 thread for each core"),
    ("flask-threads", "Flask + ONNX Runtime, 1 process, all cores for each photo"),
];

/// What one service reached with one number of clients, run by run.
#[derive(Default)]
struct Row {
    rate: Sample,
    p50: Sample,
    p99: Sample,
    refused: f64,
    failed: f64,
}

pub(crate) fn section(settings: &Settings) -> String {
    let printed = run(settings);
    let row = |service: &str, clients: u32| {
        let mut row = Row::default();
        for found in lines(&printed, &format!("load {service} {clients} ")) {
            let [rate, p50, p99, refused, failed] = numbers(found);
            row.rate.push(rate);
            row.p50.push(p50);
            row.p99.push(p99);
            row.refused += refused;
            row.failed += failed;
        }
        row
    };
    let mut table = Table::new([
        "clients",
        "service",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "not answered with 200",
    ]);
    let mut ratios = Table::new([
        "clients",
        "tcolz against",
        "requests/s, times as many",
        "p50, share of its time",
        "p99, share of its time",
    ]);
    let shown = |sample: &Sample| format!("{:.1} ({})", sample.median(), sample.spread(1));
    let ratio = |a: &Sample, b: &Sample| {
        let over = a.over(b);
        format!("{:.2} ({})", over.median(), over.spread(2))
    };
    for clients in CLIENTS {
        let ours = row("tcolz", clients);
        for (service, words) in SERVICES {
            let row = row(service, clients);
            if row.rate.is_empty() {
                continue;
            }
            table.row([
                clients.to_string(),
                words.to_owned(),
                shown(&row.rate),
                shown(&row.p50),
                shown(&row.p99),
                format!("{}", row.refused + row.failed),
            ]);
            if service != "tcolz" {
                ratios.row([
                    clients.to_string(),
                    words.to_owned(),
                    ratio(&ours.rate, &row.rate),
                    ratio(&ours.p50, &row.p50),
                    ratio(&ours.p99, &row.p99),
                ]);
            }
        }
    }
    let quiet: Sample =
        lines(&printed, "quiet ").map(|share| 100.0 * numbers::<1>(share)[0]).collect();
    let minute = lines(&printed, "minute ").next().map(numbers::<9>).expect("a minute of load");
    let [seconds, rate, p50, p99, refused, failed, begin, most, end] = minute;
    format!(
        "## Serving\n\nMobileNetV2 of 3 classes with random weights (speed does not depend on them), 224 × 224, squash, \
         bilinear, full decode; whole JPEGs as bodies, 50 {} in turn; each client sends its next photo when it has its answer. \
         wrk runs on the same cores. {} rounds, everything in turn; medians (lowest–highest). The peer is written as such a \
         service usually is (`benches/serve/flask_app.py`: Pillow, NumPy, ONNX Runtime, gunicorn with 4 threads a process). At the \
         begin of the rounds busy loops got {} % of all cores' time; what is missing others took.\n\n{}\n{}\n\
         The same photo: {}.\n\nWith 64 clients for {seconds} s: {rate:.1} requests/s, p50 {p50:.1} ms, p99 {p99:.1} ms, \
         {refused} answers other than 200, {failed} broken connections; anonymous memory {begin} MB after the first seconds, \
         {most} MB at most, {end} MB at the end.\n",
        settings.photos(),
        settings.rounds,
        quiet.spread(0),
        table.text(),
        ratios.text(),
        agreement(&printed),
    )
}

/// What the script prints.
fn run(settings: &Settings) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/serve/load.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(env!("CARGO_BIN_EXE_tcolz"));
    command.arg(&settings.dump).arg(settings.rounds.to_string());
    match &settings.peers {
        Some((python, _)) => {
            command.arg(python);
        }
        None => {
            let model = settings.work.path().join("serve.safetensors");
            save_model(&model);
            command.env("MODEL", model);
        }
    }
    let output = command.stderr(Stdio::inherit()).output().expect("bash is there");
    assert!(output.status.success(), "benches/serve/load.sh failed");
    let printed = String::from_utf8(output.stdout).expect("words and numbers");
    print!("{printed}");
    printed
}

/// The model that `benches/serve/make_model.py` makes, but for its weights.
fn save_model(path: &Path) {
    use tcolz_nn::file::MODEL_FORMAT;
    use tcolz_nn::init::initial_weights;
    use tcolz_nn::{Model, ModelFacts, Network};
    let network = Network::MobileNetV2;
    let properties = network.properties();
    let facts = ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network,
        view: tcolz_pixels::View::built_in(&properties.view).expect("the network's own view"),
        properties,
        classes: ["negative", "neutral", "positive"].map(str::to_owned).to_vec(),
        recipe: tcolz_pixels::recipe::Recipe::default(),
        size: 224,
        finetune: None,
        percent: None,
        content_root: None,
        epochs: None,
        validation: None,
        seen: None,
    };
    let tensors = initial_weights(&facts.spec(), 1).expect("weights of the spec");
    Model { facts, tensors }.save(path).expect("room for a model");
}

fn lines<'a, 'b>(printed: &'a str, begin: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
    printed.lines().filter_map(move |line| line.strip_prefix(begin))
}

fn numbers<const N: usize>(words: &str) -> [f64; N] {
    let numbers: Vec<f64> = words.split_whitespace().map_while(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("expected {N} numbers: {words}"))
}

/// How far the services' answers for one photo are apart.
fn agreement(printed: &str) -> String {
    let answers: Vec<serde_json::Value> = SERVICES
        .iter()
        .filter_map(|(service, _)| {
            let begin = format!("answer {service} ");
            lines(printed, &begin).next()
        })
        .filter_map(|answer| serde_json::from_str(answer).ok())
        .collect();
    let mut apart = 0.0f64;
    for class in ["negative", "neutral", "positive"] {
        let of: Sample = answers.iter().filter_map(|answer| answer[class].as_f64()).collect();
        let (low, high) = of.iter().fold((1.0f64, 0.0f64), |(l, h), p| (l.min(p), h.max(p)));
        apart = apart.max(high - low);
    }
    format!("the probabilities of the {} services are at most {apart:.1e} apart", answers.len())
}
