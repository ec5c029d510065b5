//! `tcolz weights`.

use serde_json::json;
use tcolz_nn::weights::{Fit, Place, Wanted, Weights};

use super::args::WeightsArgs;
use super::ending::Ending;
use super::output::{Facts, bytes, one_line, plural, print, shown};

/// Keys that are listed one by one.
const MAX_SHOWN: usize = 4;
/// What lies beside the weights is listed up to so many.
const MAX_BESIDE: usize = 24;

pub(super) fn run(args: &WeightsArgs) -> anyhow::Result<Ending> {
    let wanted = Wanted { network: args.model, key: args.weights_key.as_deref() };
    let weights = Weights::open_wanted(&args.file, wanted)?;
    // Any other number of classes says what becomes of the last layer.
    let plan = weights.plan(weights.classes.map_or(1, |classes| classes + 1));
    if args.json {
        print(&format!("{:#}\n", json(args, &weights, &plan)));
    } else {
        print(&text(args, &weights, &plan));
    }
    Ok(Ending::Done)
}

fn parameters(weights: &Weights) -> u64 {
    weights.tensors.values().map(|tensor| tensor.elem_count() as u64).sum()
}

fn json(args: &WeightsArgs, weights: &Weights, plan: &Fit) -> serde_json::Value {
    json!({
        "file": args.file,
        "network": weights.network,
        "source": weights.source,
        "properties": weights.properties,
        "tensors": weights.tensors.len(),
        "parameters": parameters(weights),
        "classes": weights.classes,
        "usual_size": weights.network.usual_size(),
        "model": weights.facts,
        "for_other_classes": { "dropped": plan.dropped, "drawn": plan.drawn },
    })
}

fn text(args: &WeightsArgs, weights: &Weights, plan: &Fit) -> String {
    let (network, source) = (weights.network, &weights.source);
    let whose = match weights.facts {
        Some(_) => "a model that was trained here".to_owned(),
        None => format!("{}'s key names", source.names.name()),
    };
    let mut facts = Facts::default();
    facts.add(
        "file",
        format!(
            "{}, {}, {}, {whose}",
            source.format.name(),
            bytes(source.bytes),
            source.elements.join(" and ")
        ),
    );
    let classes = match weights.classes {
        Some(classes) => plural(classes as u64, "output"),
        None => "no last layer".to_owned(),
    };
    let tensors = plural(weights.tensors.len() as u64, "tensor");
    facts.add(
        "holds",
        format!("{} in {tensors}; {classes}", plural(parameters(weights), "parameter")),
    );
    if let Some(taken) =
        source.taken.as_ref().filter(|taken| taken.key != "." || !source.others.is_empty())
    {
        facts.add("taken from", taken.words());
    }
    let others: Vec<_> = source.others.iter().map(Place::words).collect();
    if let Some(other) = source.others.first() {
        let choose = format!("--weights-key {} takes them", other.key);
        facts.add("also there", format!("{}; {choose}", others.join(", ")));
    }
    for reason in &source.reasons {
        let (label, value) = match (reason.property, reason.value.as_str()) {
            ("batch_norm_folded", "true") => ("BatchNorm", "folded into the convolutions"),
            ("batch_norm_folded", _) => ("BatchNorm", "not folded"),
            (property, value) => (property, value),
        };
        facts.add(label, format!("{value} ({})", reason.because));
    }
    if weights.properties.batch_norm_folded {
        facts.add("", "fine-tuning keeps it as it is: `--batch-norm batch` is refused, batch statistics would destroy the network");
    }
    if let Some(model) = &weights.facts {
        facts.add("classes", model.classes.join(", "));
        let recipe = &model.recipe;
        facts.add("recipe", format!("{} × {0}, {}, {}", model.size, recipe.fit, recipe.filter));
        let said = [
            ("fine-tuned", model.finetune.clone()),
            ("percent", model.percent.clone()),
            ("dataset", model.content_root.as_ref().map(|root| format!("content root {root}"))),
            ("epochs", model.epochs.map(|epochs| epochs.to_string())),
            (
                "validation",
                model.validation.map(|found| {
                    let samples = plural(found.samples, "sample");
                    format!("loss {:.4}, accuracy {:.4}, {samples}", found.loss, found.accuracy)
                }),
            ),
        ];
        for (label, value) in said {
            if let Some(value) = value {
                facts.add(label, value);
            }
        }
    }
    if !source.ignored.is_empty() {
        facts.add("ignored", format!("{}: no weights of this network", keys(&source.ignored)));
    }
    for (number, beside) in source.beside.iter().take(MAX_BESIDE).enumerate() {
        let label = if number == 0 { "beside them" } else { "" };
        let left_out = if beside.is_left_out { ", left out: not of the network" } else { "" };
        facts.add(label, beside.words() + left_out);
    }
    if let Some(more) = source.beside.len().checked_sub(MAX_BESIDE).filter(|more| *more > 0) {
        facts.add("", format!("and {more} more: --json lists them"));
    }
    if !source.missing.is_empty() {
        facts.add("not there", format!("{}: drawn anew", keys(&source.missing)));
    }
    let dropped = if plan.dropped.is_empty() { "nothing".to_owned() } else { keys(&plan.dropped) };
    facts.add("new classes", format!("dropped: {dropped}; drawn anew: {}", keys(&plan.drawn)));
    format!(
        "{file}: weights of {network}, and they fit\n{facts}next: tcolz train DATASET --model {network} --weights {file}{key}\n",
        file = shown(&args.file),
        key = args
            .weights_key
            .as_ref()
            .map_or(String::new(), |key| format!(" --weights-key {}", one_line(key))),
        facts = facts.text(),
    )
}

/// Some keys, and how many more.
fn keys(keys: &[String]) -> String {
    let shown = keys[..keys.len().min(MAX_SHOWN)].join(", ");
    match keys.len().saturating_sub(MAX_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
