//! `tcolz inspect`.

use tcolz::Dataset;
use tcolz::inspect::{Inspection, inspect};
use tcolz::recipe::Dtype;

use super::Ending;
use super::args::InspectArgs;
use super::output::{Facts, bytes, count, plural, print};

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<Ending> {
    let found = inspect(&Dataset::open(&args.dataset)?)?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&found)?))?;
    } else {
        print(&text(&found))?;
    }
    Ok(Ending::Done)
}

fn text(found: &Inspection) -> String {
    let mut text = format!("{}\n", found.dataset);
    let counts = found.counts;
    let mut facts = Facts::default();
    facts.add(
        "inputs",
        format!(
            "{} listed = {} stored + {} quarantined + {} missing + {} duplicate",
            count(counts.listed),
            count(counts.stored),
            count(counts.quarantined),
            count(counts.missing),
            count(counts.duplicate)
        ),
    );
    for (code, number) in &found.reasons {
        facts.add("", format!("{code}: {}", count(*number)));
    }
    if found.recovered > 0 {
        facts.add("", format!("{} truncated and kept as far as they go", count(found.recovered)));
    }
    for split in &found.splits {
        let classes = found.classes.iter().zip(&split.by_class).map(|(class, &number)| {
            let share = 100.0 * number as f64 / split.samples.max(1) as f64;
            format!("{class} {} ({share:.1} %)", count(number))
        });
        let mut classes: Vec<String> = classes.collect();
        if classes.len() > 12 {
            let rest = classes.len() - 12;
            classes.truncate(12);
            classes.push(format!("… {rest} more classes"));
        }
        if split.unlabelled > 0 {
            classes.push(format!("without a label {}", count(split.unlabelled)));
        }
        facts.add(
            format!("split {}", split.name),
            format!("{}: {}", plural(split.samples, "sample"), classes.join(", ")),
        );
    }
    let formats: Vec<String> = found
        .formats
        .iter()
        .map(|(format, number)| format!("{format} {}", count(*number)))
        .collect();
    facts.add("formats", formats.join(", "));
    let [width, height] = [found.source.width, found.source.height]
        .map(|[smallest, mean, largest]| format!("{smallest}–{largest} (mean {mean:.0})"));
    facts.add("photos", format!("{width} × {height} pixels, {}", bytes(found.source.bytes)));
    for tensor in &found.tensors {
        facts.add(&tensor.column, format!("{} stored as {}", tensor.tensor, tensor.codec));
        let triple = |values: [f64; 3]| values.map(|value| format!("{value:.4}")).join(", ");
        facts.add("  mean R, G, B", triple(tensor.mean));
        facts.add("  std  R, G, B", triple(tensor.std));
    }
    facts.add(
        "size",
        format!(
            "{} in {}: {:.2} times smaller than the plain tensors",
            bytes(found.stored_bytes),
            plural(found.shards, "shard"),
            found.ratio()
        ),
    );
    let recipe = &found.recipe;
    facts.add(
        "recipe",
        format!(
            "{} {}, {} decode, {} pixels at most, tcolz {}",
            recipe.fit,
            recipe.filter,
            recipe.decode,
            count(recipe.max_pixels),
            found.tcolz_version
        ),
    );
    let views = found.views.join(", ");
    facts.add(
        "views",
        match recipe.dtype {
            Dtype::U8 => format!(
                "pixels as seen; subtract by view: {views} (given when none is asked for: {})",
                recipe.view
            ),
            dtype => format!("the view {} is baked in as {dtype}", recipe.view),
        },
    );
    facts.add("content root", &found.content_root);
    text.push_str(&facts.text());
    text
}
