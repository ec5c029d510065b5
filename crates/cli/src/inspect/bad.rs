//! `tcolz inspect --list-bad`: the inputs that are not stored, a line for each.

use std::fmt::Write as _;

use tcolz_inspect::{BadInput, BadInputs};

use crate::output::{count, one_line, plural};

/// Wider columns than this are not filled up for the sake of one long path.
const MAX_WIDTH: usize = 60;

pub(super) fn text(found: &BadInputs) -> String {
    let all = plural(found.listed, "listed input");
    let mut of = String::new();
    if let Some(split) = &found.split {
        let _ = write!(of, " in {split}");
    }
    if let Some(condition) = &found.condition {
        let _ = write!(of, " where {}", one_line(condition));
    }
    let dataset = one_line(&found.dataset);
    if found.inputs.is_empty() {
        return match of.is_empty() {
            true => format!("{dataset}: {all}, every one is stored\n"),
            false => format!("{dataset}: {all}; all of those{of} are stored\n"),
        };
    }
    let BadInputs { quarantined, missing, duplicate, inputs, .. } = found;
    let mut text = format!(
        "{dataset}: {}{of} not stored, of {all} in all: {} quarantined, {} missing, {} duplicate\n",
        plural(inputs.len() as u64, "input"),
        count(*quarantined),
        count(*missing),
        count(*duplicate)
    );
    let mut lines = vec![["split", "id", "status", "reason", "detail"].map(str::to_owned)];
    lines.extend(inputs.iter().map(|input| {
        let BadInput { sample_id, split, status, reason, detail, .. } = input;
        [split, sample_id, status.as_str(), reason, detail].map(|cell| one_line(cell).into_owned())
    }));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0).min(MAX_WIDTH)
    });
    for line in &lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}
