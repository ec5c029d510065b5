//! `tcolz inspect --duplicates`: groups of samples that are the same, the worst first.

use std::fmt::Write as _;

use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Label;
use tcolz_inspect::{DuplicateGroup, Duplicates, Relation};

use crate::output::{Facts, count, one_line, plural};

/// Groups shown on the screen; JSON has all.
const MAX_GROUPS: usize = 30;
/// Samples shown of a group.
const MAX_MEMBERS: usize = 5;

pub(super) fn text(found: &Duplicates, dataset: &Dataset) -> String {
    let mut text =
        format!("{}: {}", one_line(&found.dataset), plural(found.samples, "stored sample"));
    let groups = found.groups.len() as u64;
    let (_, members) = found.count(|_| true);
    let _ = match groups {
        0 => writeln!(text, ", no duplicates"),
        _ => {
            let extra = plural(members - groups, "sample");
            writeln!(text, ", {} of duplicates: {extra} too many", plural(groups, "group"))
        }
    };
    let mut facts = Facts::default();
    let mut add = |label: &str, what: &str, condition: &dyn Fn(&DuplicateGroup) -> bool| {
        let (groups, samples) = found.count(condition);
        let text = format!("{}, {}", plural(groups, "group"), plural(samples, "sample"));
        facts.add(label, if what.is_empty() { text } else { format!("{text}: {what}") });
    };
    add("same file", "", &|group| group.relation == Relation::SameFile);
    add("same pixels", "other files", &|group| group.relation == Relation::SamePixels);
    if found.near.is_some() {
        add("nearly the same", "other pixels", &|group| group.relation == Relation::Near);
    }
    add("across splits", "leakage: the same picture in several splits", &|group| {
        group.across_splits
    });
    add("labels differ", "the same picture with several labels", &|g| g.conflicting_labels);
    match &found.near {
        Some(near) => {
            facts.add(
                "near means",
                format!(
                    "hashes within {} bits and, on a grid of {} × {} cells, at most {} levels apart (root mean square); pixels of {} compared",
                    near.max_distance,
                    near.grid,
                    near.grid,
                    near.max_difference,
                    plural(near.compared, "pair")
                ),
            );
            if near.cut > 0 {
                let cut = plural(near.cut, "sample");
                facts.add(
                    "not complete",
                    format!(
                        "{cut} with very many others near by hash: compared with the most alike"
                    ),
                );
            }
        }
        None => {
            let dtype = dataset.meta().recipe.dtype;
            facts.add("near", format!("not looked for: {dtype} tensors are no pixels"));
        }
    }
    text.push_str(&facts.text());
    for group in found.groups.iter().take(MAX_GROUPS) {
        text.push('\n');
        text.push_str(&table(group, dataset));
    }
    if found.groups.len() > MAX_GROUPS {
        let rest = plural((found.groups.len() - MAX_GROUPS) as u64, "more group");
        let _ = writeln!(text, "\n… {rest}; --json lists them all");
    }
    text
}

/// What holds a group together, then a line for each sample.
fn table(group: &DuplicateGroup, dataset: &Dataset) -> String {
    let mut text = format!("{}\n", one_line(&group.describe()));
    let mut facts = Facts::default();
    for member in group.members.iter().take(MAX_MEMBERS) {
        let class = class(member.label, dataset);
        facts.add(format!("{} / {class}", member.split), &member.sample_id);
    }
    if group.members.len() > MAX_MEMBERS {
        let rest = count((group.members.len() - MAX_MEMBERS) as u64);
        facts.add("", format!("… {rest} more"));
    }
    text.push_str(&facts.text());
    text
}

fn class(label: Label, dataset: &Dataset) -> &str {
    let name = label.and_then(|label| dataset.meta().classes.get(usize::from(label)));
    name.map_or("no label", String::as_str)
}
