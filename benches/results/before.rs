//! Section `before`: every figure of other sections, of an earlier version and of this one in turn.
//!
//! The earlier version is a checkout (`TCOLZ_BENCH_BEFORE`); its own bench program measures it, with
//! the same photos. What is compared are the cells of the tables that both pages have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::{Sample, Table};
use crate::settings::Settings;

/// What is measured of both, and how the other sections call it.
const SECTIONS: [&str; 4] = ["codec", "read", "convert", "models"];

/// A ratio of time (or of speed) further from 1 than this is worth a look.
const NOISE: f64 = 0.05;

pub(crate) fn section(settings: &Settings) -> String {
    let Some(checkout) = &settings.before else {
        return "## Before and after\n\nNo earlier checkout was given (`TCOLZ_BENCH_BEFORE`).\n"
            .to_owned();
    };
    let programs = [bench_program(checkout), std::env::current_exe().expect("this program")];
    let folders = [checkout.as_path(), Path::new(env!("CARGO_MANIFEST_DIR"))];
    let mut rows: Vec<Row> = Vec::new();
    for round in 0..settings.rounds {
        for (version, (program, folder)) in programs.iter().zip(folders).enumerate() {
            println!("round {}: {}", round + 1, ["before", "now"][version]);
            let page = measure(program, folder, settings, &settings.work.path().join("page.md"));
            for (name, value) in figures(&page) {
                let at = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
                    rows.push(Row { name, values: Default::default() });
                    rows.len() - 1
                });
                rows[at].values[version].push(value);
            }
        }
    }
    let mut table = Table::new(["section, row, column", "before", "now", "now ÷ before", ""]);
    for Row { name, values: [before, now] } in &rows {
        if before.is_empty() || now.is_empty() {
            continue;
        }
        let ratio = now.over(before);
        // All rounds on one side, and further than noise goes.
        let differs =
            ratio.iter().all(|r| r > 1.0 + NOISE) || ratio.iter().all(|r| r < 1.0 - NOISE);
        let cell = |sample: &Sample| format!("{:.4}", sample.median());
        let median = format!("{:.3} ({})", ratio.median(), ratio.spread(3));
        table.row([name.clone(), cell(before), cell(now), median, mark(differs).to_owned()]);
    }
    let commit = commit(checkout);
    format!(
        "## Before and after\n\nCommit {commit} and this one measured in turn, {} rounds, each by its own `benches/results`; figures as the sections \
         print them, times and speeds alike. Marked where every round differs by more than {NOISE}.\n\n{}",
        settings.rounds,
        table.text()
    )
}

/// One figure of both versions, of all rounds: before, now.
struct Row {
    name: String,
    values: [Sample; 2],
}

fn mark(differs: bool) -> &'static str {
    if differs { "**differs**" } else { "" }
}

/// Builds the bench program of a checkout and says where it lies.
fn bench_program(checkout: &Path) -> PathBuf {
    let arguments =
        ["bench", "--no-run", "--locked", "--bench", "results", "--message-format=json"];
    let output = Command::new("cargo").args(arguments).current_dir(checkout).output();
    let output = output.expect("cargo is there");
    assert!(output.status.success(), "the earlier version's bench program does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let made = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let executable = |message: serde_json::Value| {
        let named = message["target"]["name"] == "results";
        named.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    };
    made.filter_map(executable).next_back().expect("cargo names the program")
}

/// Runs the sections once and reads the page that they wrote.
fn measure(program: &Path, folder: &Path, settings: &Settings, page: &Path) -> String {
    let _ = fs::remove_file(page);
    let mut command = Command::new(program);
    command.args(SECTIONS).current_dir(folder);
    command.env("TCOLZ_BENCH_ROUNDS", "1").env("TCOLZ_BENCH_RESULTS", page);
    command.env("TCOLZ_BENCH_DUMP", &settings.dump).env_remove("TCOLZ_BENCH_VENV");
    let status = command.status().expect("the bench program starts");
    assert!(status.success(), "{} ended with {status}", program.display());
    fs::read_to_string(page).expect("the page was written")
}

/// The numbers of a page's tables, each with its section, row and column.
fn figures(page: &str) -> Vec<(String, f64)> {
    let (mut section, mut heads) = ("", Vec::new());
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            section = name;
        }
        let Some(row) = line.strip_prefix("| ") else {
            heads.clear();
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        if heads.is_empty() {
            heads = cells.iter().map(|&cell| cell.to_owned()).collect();
            continue;
        }
        // What begins with a number is a figure, all before the first one is the row's name.
        let first = cells.iter().skip(1).position(|cell| number(cell).is_some());
        let Some(first) = first.map(|at| at + 1) else { continue };
        for (cell, head) in cells.iter().zip(&heads).skip(first) {
            if let (Some(value), false) = (number(cell), head == "verdict") {
                found.push((format!("{section}: {}, {head}", cells[..first].join(", ")), value));
            }
        }
    }
    found
}

/// "1,480 (1450–1500)" → 1480; none of "15 images".
fn number(cell: &str) -> Option<f64> {
    let (word, rest) = cell.split_once(' ').unwrap_or((cell, ""));
    let value = word.trim_end_matches('×').replace(',', "").parse().ok()?;
    (rest.is_empty() || rest.starts_with('(')).then_some(value)
}

fn commit(checkout: &Path) -> String {
    let output =
        Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(checkout).output();
    output.map_or_else(|_| "?".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
