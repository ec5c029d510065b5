//! `tcolz plan`.

use std::ops::ControlFlow;

use serde_json::json;
use tcolz_base::durable;
use tcolz_convert::dump::Dump;
use tcolz_convert::{ConvertOptions, Observer};
use tcolz_convert::{Forecast, plan};

use super::args::PlanArgs;
use super::ending::Ending;
use super::forecast_text::{nothing_there, room, sizes, times};
use super::output::{Facts, bytes, count, plural, print, shown};
use super::progress::{ConvertProgress, read_as};

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<Ending> {
    let out = args.out.clone().unwrap_or_else(|| ".".into());
    let mut options = ConvertOptions::new(&args.source, &out);
    options.recipe = args.recipe.recipe();
    options.dump = args.dump.options(&args.source);
    if let Some(threads) = args.threads {
        options.threads = usize::from(threads);
    }
    let mut progress = ConvertProgress::new(args.json);
    let dump = options.dump.open(&mut |done, all| {
        progress.listing(done, all);
        ControlFlow::Continue(())
    })?;
    progress.clear();
    let forecast = plan(&options, &dump, args.photos as usize)?;
    let free = durable::free_bytes(&out).ok();
    if args.json {
        let value = json!({
            "layout": dump.reading.layout,
            "reading": dump.reading,
            "listed": dump.inputs.len(),
            "splits": dump.splits,
            "classes": dump.classes,
            "unlisted": dump.unlisted,
            "skipped": dump.skipped,
            "notes": dump.notes,
            "damage": dump.damage,
            "forecast": forecast,
            "free_bytes": free,
        });
        print(&format!("{value:#}\n"));
    } else {
        print(&text(args, &dump, &forecast, free));
    }
    Ok(Ending::Done)
}

fn text(args: &PlanArgs, dump: &Dump, forecast: &Forecast, free: Option<u64>) -> String {
    let mut facts = Facts::default();
    facts.add(
        "dump",
        format!(
            "{} in {}, {}",
            plural(dump.inputs.len() as u64, "photo"),
            plural(dump.splits.len() as u64, "split"),
            super::output::classes(dump.classes.len()),
        ),
    );
    facts.add("read as", read_as(dump));
    for note in &dump.notes {
        facts.add("note", note.as_str());
    }
    for damage in &dump.damage {
        facts.add("warning", damage.as_str());
    }
    facts.add("probed", format!("{}: {}", plural(forecast.probed, "photo"), stored(forecast)));
    if let Some(warning) = nothing_there(forecast) {
        facts.add("warning", warning);
    }
    facts.add("source", format!("{} to read", sizes(forecast.source_bytes)));
    facts.add(
        "time",
        format!("{} on {}", times(forecast.seconds), plural(forecast.threads, "thread")),
    );
    for codec in &forecast.codecs {
        let chosen = if codec.codec == args.recipe.codec { "" } else { "  (not chosen)" };
        facts.add(format!("size, {}", codec.codec), sizes(codec.dataset_bytes) + chosen);
    }
    if let Some(memory) = forecast.peak_memory_bytes {
        facts.add("memory", format!("at most {}", bytes(memory.high as u64)));
    }
    if let Some(free) = free {
        facts.add("free", format!("{}{}", bytes(free), room(forecast, free)));
    }
    let source = shown(&args.source);
    let out = args.out.as_deref().map_or("OUT".to_owned(), shown);
    format!("{source}\n{}next: tcolz convert {source} {out}, with the same options\n", facts.text())
}

fn stored(forecast: &Forecast) -> String {
    let share = 100.0 * forecast.stored.expected / (forecast.inputs as f64).max(1.0);
    let missing = match forecast.probed_missing {
        0 => String::new(),
        missing => format!(", {} of the probed missing", count(missing)),
    };
    format!("about {share:.1} % of all lines will be stored{missing}")
}
