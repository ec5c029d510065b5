//! The report of a study: tables, pictures and a reasoned choice, as Markdown, one HTML page, CSV, SVG and PNG.
//!
//! ```text
//! Results ─▶ entries: seeds together, parts of the data apart ─┬─▶ tables ────┐
//!                                                              ├─▶ pictures ──┼─▶ Report ─▶ report.md, index.html,
//!                                                              └─▶ choice ────┘             tables/, pictures/
//! ```
//! It is a function of [`Results`] and of nothing else: the same results give the same bytes. A number carries where
//! it is from: a document and a place in it, or a function of such, as `mean(a.json#/x; b.json#/x)`. Only published
//! figures are typed in; they are marked with †. What was trained on a part of the data has tables and pictures of its own.

mod accuracy;
mod choice;
mod chosen;
mod cost;
mod entries;
mod error;
mod files;
mod labels;
mod markdown;
mod page;
mod pictures;
mod piece;
mod repeated;
#[cfg(test)]
mod sample;
mod section;
mod seen;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod times;

use std::path::Path;

pub use error::StudyReportError;
use files::Named;
pub use files::Written;

use super::results::Results;
use chosen::Chosen;
use entries::{Measure, Scope};
use piece::Text;
use section::{Block, Report, Section};

/// Writes `report.md`, `index.html`, `tables/NAME.csv` and `pictures/NAME.svg`, `.png` (and `-dark`) into `out`, and
/// `report.json`, a list of them. Tables and pictures of an earlier report that this one does not have are removed.
///
/// What is missing in the results is a dash, and a list at the top says what is not done yet.
///
/// # Errors
/// [`StudyReportError`]: a picture cannot be drawn, a file cannot be written.
pub fn write_report(results: &Results, out: &Path) -> Result<Written, StudyReportError> {
    let scopes = Scope::all(results);
    let chosen = Chosen::of(results, &scopes);
    let names = Named {
        chosen: chosen.name().map(str::to_owned),
        tied: chosen.tied().into_iter().map(str::to_owned).collect(),
        busy: times::busy(results),
    };
    files::write(&report(results, &scopes, &chosen)?, out, names)
}

fn report(
    results: &Results,
    scopes: &[Scope<'_>],
    chosen: &Chosen<'_>,
) -> Result<Report, StudyReportError> {
    let mut sections = vec![choice(results, scopes, chosen)?];
    // What is about the same models stands together; parts of the data come last, unless there is nothing else.
    for (place, scope) in scopes.iter().enumerate() {
        if place == 1 {
            sections.extend([repeated(results)?, labels(results)]);
        }
        let name = if scope.percent == chosen.percent { chosen.name() } else { None };
        sections.extend([accuracy(results, scope, name)?, cost(results, scope)?, training(scope)?]);
    }
    if scopes.len() < 2 {
        sections.extend([repeated(results)?, labels(results)]);
    }
    let any = scopes.iter().any(|scope| scope.percent.is_none());
    sections.push(origins(results, any));
    sections.retain(|section| !section.blocks.is_empty());
    let title = if results.title.is_empty() { "A study" } else { &results.title };
    let report = Report { title: title.to_owned(), subtitle: subtitle(results, scopes), sections };
    Ok(report.with_distinct_names())
}

fn subtitle(results: &Results, scopes: &[Scope<'_>]) -> String {
    let models = scopes.iter().map(|scope| scope.entries.len()).sum::<usize>();
    let runs = results.models.len();
    let names: Vec<&str> = results.benchmarks.iter().map(|of| of.name.as_str()).collect();
    let file = &results.study_file;
    let plural = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    let on = match names.is_empty() {
        true => String::new(),
        false => format!("; evaluated on {}", names.join(", ")),
    };
    let of = if file.is_empty() { String::new() } else { format!(" · from {file}") };
    let runs = match runs == models {
        true => String::new(),
        false => format!(", {}", plural(runs, "training")),
    };
    format!("{}{runs}{on}{of}", plural(models, "model"))
}

/// What the study comes to, and what is not done yet.
fn choice(
    results: &Results,
    scopes: &[Scope<'_>],
    chosen: &Chosen<'_>,
) -> Result<Section, StudyReportError> {
    let mut section = Section::new("choice", "The model to deploy");
    if !results.missing.is_empty() {
        let words = "Not done yet; what it would tell is a dash (–) below:";
        section.blocks.push(Block::Warning(words.into()));
        let missing = results.missing.iter().map(|job| Text::from(job.as_str()));
        section.blocks.push(Block::List(missing.collect()));
    }
    if results.models.is_empty() {
        section.say("The study has no models.");
        return Ok(section);
    }
    let seen::Sentences { seen, unknown } = seen::sentences(results);
    if !seen.is_empty() {
        let words = "Evaluated on photos that the model had seen, so that these accuracies are too high for new ones:";
        section.blocks.extend([Block::Warning(words.into()), Block::List(seen)]);
    }
    if !unknown.is_empty() {
        let words = "What these models have seen is not known, so that their accuracies may be too high for new photos:";
        section.blocks.extend([Block::Warning(words.into()), Block::List(unknown)]);
    }
    section.blocks.extend(chosen.warning().map(|words| Block::Warning(words.into())));
    let about_times = [times::warning(results), times::machines_warning(results)];
    let about_times = about_times.into_iter().flatten();
    section.blocks.extend(about_times.map(|words| Block::Warning(words.into())));
    section.blocks.push(Block::List(chosen.sentences()));
    if let (Some(scope), Some(measure)) = (scopes.first(), chosen.measure()) {
        section.pictures(pictures::pareto(scope, measure, chosen.name())?);
    }
    if let Some(table) = chosen.table() {
        section.table(table);
    }
    Ok(section)
}

fn accuracy(
    results: &Results,
    scope: &Scope<'_>,
    chosen: Option<&str>,
) -> Result<Section, StudyReportError> {
    let id = format!("accuracy{}", scope.ending());
    let mut section = Section::new(id, format!("Accuracy{}", scope.words()));
    if results.benchmarks.is_empty() {
        return Ok(section);
    }
    section.table(accuracy::accuracies(results, scope, chosen));
    if scope.percent.is_none() {
        section.table(accuracy::benchmarks(results));
    }
    let places = 0..results.benchmarks.len();
    let drawn: Result<Vec<_>, _> =
        places.map(|place| pictures::accuracies(results, scope, place)).collect();
    section.pictures(drawn?.into_iter().flatten().collect());
    section.table(accuracy::scores(results, scope));
    accuracy::classes(results, scope).into_iter().for_each(|table| section.table(table));
    Ok(section)
}

fn cost(results: &Results, scope: &Scope<'_>) -> Result<Section, StudyReportError> {
    let id = format!("inference{}", scope.ending());
    let mut section = Section::new(id, format!("Inference and size{}", scope.words()));
    section.table(cost::inference(scope, &times::measurements(results)));
    section.table(cost::sizes(scope));
    section.pictures(pictures::inference(scope)?);
    section.table(cost::inference_runs(scope));
    Ok(section)
}

fn training(scope: &Scope<'_>) -> Result<Section, StudyReportError> {
    let id = format!("training{}", scope.ending());
    let mut section = Section::new(id, format!("Training{}", scope.words()));
    section.table(cost::training(scope));
    section.table(cost::resources(scope));
    section.pictures(pictures::training(scope)?.into_iter().collect());
    let drawn: Result<Vec<_>, _> =
        scope.entries.iter().map(|entry| pictures::epochs(scope, entry)).collect();
    section.pictures(drawn?.into_iter().flatten().collect());
    Ok(section)
}

fn repeated(results: &Results) -> Result<Section, StudyReportError> {
    let mut section = Section::new("repeated", "Folds, shares of the data, upper limits");
    section.table(repeated::cross_validations(results));
    section.table(repeated::folds(results));
    section.table(repeated::learning_curves(results));
    section.pictures(pictures::learning_curves(results)?);
    section.table(repeated::upper_limits(results));
    Ok(section)
}

fn labels(results: &Results) -> Section {
    let mut section = Section::new("labels", "Labels");
    section.table(labels::text_agreement(results));
    section.table(labels::text_classes(results));
    section.table(labels::label_noise(results));
    section
}

/// Where numbers come from; published ones stand beside models that saw all of the data only.
fn origins(results: &Results, any_saw_all: bool) -> Section {
    let mut section = Section::new("origins", "Where the numbers are from");
    section.say(
        "Every number stands in a JSON document in the study's folder or follows from such numbers. The columns “source of …” \
         of the CSV files name the document and the place in it (JSON pointer), and what was made of it: mean, sd (sample \
         standard deviation), sum, count, ratio and difference of two, worth (from the worst of the candidates to the best) \
         and log-worth (of logarithms, the smallest is the best).",
    );
    let measures = Measure::all(results);
    let shown = super::published::PUBLISHED.iter().filter(|theirs| {
        any_saw_all && measures.iter().any(|measure| accuracy::published(theirs, measure).is_some())
    });
    let mut sources: Vec<(&str, &str)> = Vec::new();
    for theirs in shown {
        let source = (theirs.short_source(), theirs.source);
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    if !sources.is_empty() {
        section.say("Figures with † are the only ones that are typed in. They are of:");
        let named = |(short, long)| Text::from(format!("{short}: {long}"));
        section.blocks.push(Block::List(sources.into_iter().map(named).collect()));
    }
    section
}
