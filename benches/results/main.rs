//! Measures against the floor and the peers, and writes what it finds into `benches/RESULTS.md`.
//!
//! ```text
//! cargo bench --bench results                       every section but the last two, on made-up photos
//! cargo bench --bench results -- convert codec      these sections only
//! ```
//!
//! Each section replaces its own part of the page and leaves the others alone. What is compared is
//! measured in one run, in turn (A B A B …), and a ratio is the median of the rounds' own ratios: on
//! a shared machine nothing else means anything. That is also why this is no benchmark of a framework,
//! which would measure all of A before all of B.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `TCOLZ_BENCH_DUMP` | raw dump to convert; made-up photos without it |
//! | `TCOLZ_BENCH_TTD` | the Twitter testing dataset, for the sections `size` and `plan` |
//! | `TCOLZ_BENCH_ROUNDS` | rounds of the sections `convert`, `read`, `plan`, `slow`, `cold`, `models`, `serve` and `before` (3) |
//! | `TCOLZ_BENCH_BEFORE` | checkout of an earlier version, for the section `before` |
//! | `TCOLZ_BENCH_SECONDS` | of a run of the section `read` (5; less only to try it out) |
//! | `TCOLZ_BENCH_VENV`, `TCOLZ_SHARED` | Python environment with the peers, and the folder with `bench/peers_convert.py` |
//! | `TCOLZ_BENCH_STORES` | folder where the peers' stores are kept for the next time (none are) |
//! | `TCOLZ_BENCH_OUT` | where datasets are written and removed again (the target folder) |
//! | `TCOLZ_BENCH_RESULTS` | the page (`benches/RESULTS.md`) |

mod before;
mod build;
mod child;
mod codec;
mod cold;
mod convert;
mod floor;
mod machine;
mod memory;
mod models;
mod plan;
mod read;
mod report;
mod serve;
mod settings;
mod size;
mod slow;
mod slow_disk;
mod tensors;
mod throttle;
#[path = "../common/turbo.rs"]
mod turbo;

use report::Page;
use settings::Settings;

const SECTIONS: [(&str, Section); 12] = [
    ("convert", convert::section),
    ("read", read::section),
    ("memory", memory::section),
    ("size", size::section),
    ("codec", codec::section),
    ("plan", plan::section),
    ("slow", slow::section),
    ("cold", cold::section),
    ("models", models::section),
    ("serve", serve::section),
    ("build", build::section),
    ("before", before::section),
];

type Section = fn(&Settings) -> String;

fn main() {
    // What cargo itself passes along begins with a dash.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if words.first().is_some_and(|word| word == floor::WORD) {
        return floor::run(&words[1..]);
    }
    if words.first().is_some_and(|word| word == models::WORD) {
        return models::run(&words[1..]);
    }
    if words.first().is_some_and(|word| read::WORDS.contains(&word.as_str())) {
        return read::run(&words);
    }
    for word in &words {
        let known = SECTIONS.map(|(name, _)| name);
        assert!(known.contains(&word.as_str()), "no section `{word}`; there are: {known:?}");
    }
    let settings = Settings::from_environment();
    let page = Page::new(settings.results.clone(), &SECTIONS.map(|(name, _)| name));
    for (name, section) in SECTIONS {
        // Compiling takes long, and there is not always an earlier version at hand: only when named.
        let asked = !["build", "before"].contains(&name);
        if (words.is_empty() && asked) || words.iter().any(|word| word == name) {
            let measured = section(&settings);
            let facts = machine::facts(&settings);
            let body = format!("{measured}\n{facts}\nAgain: `{}`\n", settings.command(name));
            println!("\n{body}");
            page.replace(name, &body);
        }
    }
    println!("written: {}", page.path().display());
}
