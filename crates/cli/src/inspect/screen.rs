//! The screen of `tcolz inspect`: what a dataset holds, to be read in ten seconds.

use std::collections::BTreeMap;

use tcolz_inspect::{Asked, Distribution, Inspection, Selected, SplitStatistics};
use tcolz_pixels::recipe::Dtype;

use crate::output::{Facts, against_plain, bytes, classes, count, one_line, plural, times_as_many};

/// With more classes than this a split shows its smallest and its largest, not each.
const MAX_CLASS_COLUMNS: usize = 5;

pub(super) fn text(found: &Inspection) -> String {
    let mut facts = Facts::default();
    let all = &found.statistics;
    inputs(found, &mut facts);
    facts.add("", "");
    splits(found, &mut facts);
    facts.add("", "");
    facts.add("formats", or_none(list(&all.formats)));
    if all.source.bytes.count > 0 {
        let sides = [&all.source.width, &all.source.height].map(|sides| range(sides, &count));
        facts.add("photos", format!("{} wide, {} high (pixels)", sides[0], sides[1]));
        let sizes = range(&all.source.bytes, &bytes);
        facts.add("", format!("{sizes} a file, {} in all", bytes(all.source.bytes.sum)));
    }
    if all.source.jpeg_quality.count > 0 {
        facts.add("", format!("JPEG quality {}", range(&all.source.jpeg_quality, &count)));
    }
    if !all.source.exif_orientation.is_empty() {
        let orientations = all.source.exif_orientation.iter();
        let text: Vec<String> =
            orientations.map(|(value, number)| format!("{value}: {}", count(*number))).collect();
        let applied = found.recipe.orient.in_words();
        facts.add("", format!("EXIF orientation {} ({applied})", text.join(", ")));
    }
    if all.with_text_scores > 0 {
        let number = plural(all.with_text_scores, "sample");
        facts.add("text scores", format!("{number} with the sentiment of their text"));
    }
    if !all.agreement.is_empty() {
        let agreement = all.agreement.iter();
        let text: Vec<String> =
            agreement.map(|(value, number)| format!("{value} of 5: {}", count(*number))).collect();
        facts.add("agreement", text.join(", "));
    }
    facts.add("", "");
    tensors(found, &mut facts);
    let title = format!(
        "{}: {} in {}, {}",
        one_line(&found.dataset),
        plural(
            all.counts.stored,
            if found.selected.is_some() { "selected sample" } else { "sample" }
        ),
        plural(all.splits.len() as u64, "split"),
        classes(found.classes.len()),
    );
    // Facts that stand apart are divided by a line without text.
    let body: Vec<String> = facts.text().lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{title}\n{}\n", body.join("\n"))
}

fn inputs(found: &Inspection, facts: &mut Facts) {
    let counts = found.statistics.counts;
    if let Some(selected) = &found.selected {
        facts.add("asked for", found.asked.as_ref().map_or_else(String::new, Asked::to_string));
        for of in selected {
            let Selected { split, stored, subset, condition, percent } = of;
            let mut words = vec![format!("{} stored", count(*stored))];
            for (left, before, what) in [
                (subset, stored, "in the subset"),
                (condition, subset, "meet the conditions"),
                (percent, condition, "in the share"),
            ] {
                if left != before {
                    words.push(format!("{} {what}", count(*left)));
                }
            }
            facts.add(format!("selected {split}"), words.join(", "));
        }
        return;
    }
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
    if !found.statistics.reasons.is_empty() {
        facts.add("not stored", list(&found.statistics.reasons));
    }
    for damage in &found.source_damage {
        facts.add("damaged source", damage);
    }
    let recovered = found.statistics.recovered;
    if recovered > 0 {
        let photos = plural(recovered, "truncated photo");
        facts.add("recovered", format!("{photos}, kept to where the data end"));
    }
}

/// A table: a line for each split, a column for each class.
fn splits(found: &Inspection, facts: &mut Facts) {
    let all = &found.statistics;
    let few = found.classes.len() <= MAX_CLASS_COLUMNS;
    let mut head = vec!["samples".to_owned()];
    if few {
        head.extend(found.classes.iter().cloned());
    } else {
        head.extend(["smallest class", "largest class"].map(str::to_owned));
    }
    let without_label = all.splits.iter().any(|split| split.unlabelled > 0);
    if without_label {
        head.push("no label".to_owned());
    }
    head.push("shards".to_owned());
    let mut table = vec![head];
    for (split, storage) in all.splits.iter().zip(&found.storage) {
        let mut cells = vec![count(split.samples)];
        if few {
            cells.extend(split.by_class.iter().map(|&number| share(number, split.samples)));
        } else {
            cells.extend(extremes(split, &found.classes));
        }
        if without_label {
            cells.push(share(split.unlabelled, split.samples));
        }
        cells.push(format!("{}, {}", count(storage.shards), bytes(storage.bytes)));
        table.push(cells);
    }
    let widths: Vec<usize> = (0..table[0].len())
        .map(|cell| table.iter().map(|row| row[cell].chars().count()).max().unwrap_or(0))
        .collect();
    let names = std::iter::once("split").chain(all.splits.iter().map(|split| split.name.as_str()));
    for (name, cells) in names.zip(&table) {
        let cells = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}"));
        facts.add(name, cells.collect::<Vec<_>>().join("   "));
    }
    if found.classes.len() > 1 && all.counts.stored > 0 {
        let sizes = || all.class_statistics.iter().map(|class| class.samples);
        let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
        let text = match (least, most) {
            (0, _) => {
                let empty = sizes().filter(|&samples| samples == 0).count();
                let without = if empty == 1 { "has" } else { "have" };
                format!("{} of {} {without} no sample", empty, classes(found.classes.len()))
            }
            (least, most) if least == most => "every class has as many samples".to_owned(),
            (least, most) if most < least + least.div_ceil(100) => {
                "the classes differ in size by less than 1 %".to_owned()
            }
            (least, most) => {
                let times = most as f64 / least as f64;
                format!("the largest class has {}", times_as_many(times, "samples", "the smallest"))
            }
        };
        facts.add("balance", text);
    }
}

/// The smallest and the largest class of a split.
fn extremes(split: &SplitStatistics, classes: &[String]) -> [String; 2] {
    let ends = |index: Option<usize>| match index {
        Some(index) => format!("{} {}", classes[index], count(split.by_class[index])),
        None => String::new(),
    };
    let indices = || 0..split.by_class.len();
    // The first of equals, at both ends.
    let least = indices().min_by_key(|&index| split.by_class[index]);
    let most = indices().rev().max_by_key(|&index| split.by_class[index]);
    [ends(least), ends(most)]
}

fn tensors(found: &Inspection, facts: &mut Facts) {
    for tensor in &found.statistics.tensors {
        facts.add(&tensor.column, format!("{} stored as {}", tensor.tensor, tensor.codec));
        let triple = |values: Option<[f64; 3]>| match values {
            Some(values) => values.map(|value| format!("{value:.4}")).join(", "),
            None => "of no pixels".to_owned(),
        };
        facts.add("  mean R, G, B", triple(tensor.channels.mean));
        facts.add("  std  R, G, B", triple(tensor.channels.std));
    }
    let ratio = against_plain(found.ratio);
    let shards = plural(found.shards, "shard");
    facts.add("size", format!("{} in {shards} and the ledger: {ratio}", bytes(found.stored_bytes)));
    let recipe = &found.recipe;
    facts.add(
        "recipe",
        format!(
            "{} {}, {} decode, {} pixels at most{}, tcolz {}",
            recipe.fit,
            recipe.filter,
            recipe.decode,
            count(recipe.max_pixels),
            if recipe.refuse_truncated { ", truncated photos refused" } else { "" },
            found.tcolz_version
        ),
    );
    let views = or_none(found.views.join(", "));
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
}

/// `12 (33.3 %)`.
fn share(number: u64, of: u64) -> String {
    format!("{} ({:.1} %)", count(number), 100.0 * number as f64 / of.max(1) as f64)
}

/// `jpeg 12, png 3`: the most frequent first.
fn list(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by_key(|&(name, &number)| (std::cmp::Reverse(number), name));
    let words: Vec<String> =
        counts.iter().map(|(name, number)| format!("{name} {}", count(**number))).collect();
    words.join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

/// `100–1,200, median 600`, or the one value there is.
fn range(found: &Distribution, number: &dyn Fn(u64) -> String) -> String {
    if found.smallest == found.largest {
        return number(found.smallest);
    }
    let [_, median, _] = found.quartiles;
    format!("{}–{} (median {})", number(found.smallest), number(found.largest), number(median))
}
