//! Section `plan`: what `tcolz plan` and a conversion's own look ahead say, and what comes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::child;
use crate::report::{Table, count};
use crate::settings::Settings;

/// Photos of the made-up dump: those of `tcolz demo`.
const MADE_UP: u32 = 300;

pub(crate) fn section(settings: &Settings) -> String {
    let demo = settings.work.path().join("demo");
    tcolz_demo::make_dump(&demo, MADE_UP).expect("made-up photos");
    let mut dumps: Vec<(&str, PathBuf)> = vec![("demo", demo)];
    dumps.extend(settings.ttd.clone().map(|ttd| ("TTD", ttd)));
    if !settings.made_up {
        dumps.push(("given photos", settings.dump.clone()));
    }
    let mut table = Table::new([
        "dump",
        "said by",
        "probed",
        "seconds",
        "MB on disk",
        "MB of memory",
        "verdict",
    ]);
    let mut missed = 0;
    for (name, dump) in &dumps {
        for round in 0..settings.rounds {
            eprintln!("{name}, round {round}");
            let planned = planned(dump)["forecast"].clone();
            let out = settings.work.path().join("converted");
            let ended = child::convert(dump, &out, 2, &[]);
            fs::remove_dir_all(&out).expect("a dataset of this run");
            let last = ended.stdout.lines().last().unwrap_or_default();
            let came: Value = serde_json::from_str(last).expect("a last event");
            for (by, forecast) in [("plan", &planned), ("convert", &came["forecast"])] {
                missed += u32::from(!row(&mut table, (name, by), forecast, &came));
            }
        }
    }
    let verdict = if missed == 0 {
        "All came inside their intervals.".to_owned()
    } else {
        format!("**{missed} rows came outside an interval.**")
    };
    format!(
        "## Forecasts\n\n`tcolz plan` probes up to 400 photos, `tcolz convert` one of a hundred before its first byte. \
         `a (b–c) → d`: a expected, b to c the interval, d came. Default recipe, 2 threads, {} rounds of plan, then \
         convert. {verdict}\n\n{}",
        settings.rounds,
        table.text()
    )
}

fn planned(dump: &Path) -> Value {
    let arguments: Vec<OsString> =
        vec!["plan".into(), dump.into(), "--json".into(), "--threads".into(), "2".into()];
    let ended = child::run(OsStr::new(env!("CARGO_BIN_EXE_tcolz")), &arguments, 2, &[]);
    assert_eq!(ended.code, Some(0), "tcolz plan");
    serde_json::from_str(&ended.stdout).expect("a plan")
}

/// Adds a row; true when everything came as it was said.
fn row(table: &mut Table, (name, by): (&str, &str), forecast: &Value, came: &Value) -> bool {
    let mut inside = true;
    let mut cell = |interval: &Value, came: &Value, unit: f64, digits: usize| {
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let [low, expected, high] =
            ["low", "expected", "high"].map(|end| number(&interval[end]) / unit);
        let came = number(came) / unit;
        inside &= (low..=high).contains(&came);
        format!("{expected:.digits$} ({low:.digits$}–{high:.digits$}) → {came:.digits$}")
    };
    let seconds = cell(&forecast["seconds"], &came["seconds"], 1.0, 1);
    let disk = cell(&forecast["dataset_bytes"], &came["written_bytes"], 1e6, 1);
    let memory = cell(&forecast["peak_memory_bytes"], &came["peak_memory_bytes"], 1e6, 0);
    let probed = count(forecast["probed"].as_u64().unwrap_or(0));
    let verdict = if inside { "inside" } else { "**outside**" };
    table.row([name.to_owned(), by.to_owned(), probed, seconds, disk, memory, verdict.to_owned()]);
    inside
}
