//! `tcolz evaluate`: how good a model is on a dataset, to be read in ten seconds.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};
use tcolz_device::device;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::SeenPhotos;
use tcolz_loader::Selection;
use tcolz_train::evaluate::{
    EvaluateOptions, Evaluation, KnownSeen, Level, Protocol, Scores, SeenCounts, evaluate,
    find_model, prepare_folder, write_files,
};
use tcolz_train::seen_by;

use super::args::EvaluateArgs;
use super::ending::Ending;
use super::output::{
    Facts, count, duration, one_line, plain, plural, print, rate, say, say_no_gpu, says_little,
};
use super::progress::bar_style;

/// The split that is evaluated unless told otherwise, where there is one of this name.
const USUAL_SPLIT: &str = "test";
/// With more classes than this the screen shows the worst of them, and no confusion matrix.
const MAX_CLASSES: usize = 8;
/// Mistakes on the screen; JSON has more, the contact sheet shows them.
const MAX_MISTAKES: usize = 3;
/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn run(args: &EvaluateArgs) -> anyhow::Result<Ending> {
    let (file, model) = find_model(&args.model, &args.dataset)?;
    let dataset = Dataset::open(&args.dataset)?;
    let seen = seen_by(&file, &model.facts).map(Arc::new);
    let mut select = args.select.select_usually(&dataset, USUAL_SPLIT)?;
    if args.unseen {
        let all = all_that_it_saw(&file, &seen)?;
        let found = SeenCounts::of(&dataset, &select, &seen)?;
        let samples = Selection::of(&dataset, &select)?.len() as u64;
        let known = found.trained.unwrap_or(0) + found.validated.unwrap_or(0);
        anyhow::ensure!(
            known < samples,
            "--unseen: the model was trained or validated on all {} of {}; take another --split or dataset",
            plural(samples, "photo"),
            match &*select.part() {
                "" => format!("split {}", select.split),
                part => format!("split {}, {part}", select.split),
            }
        );
        select.unseen = Some(all);
    }
    let mut options = EvaluateOptions::split(&select.split, seen);
    options.select = select;
    options.protocol = args.protocol;
    options.batch_size = args.batch_size;
    options.workers = args.threads.map(usize::from);
    options.device = device(&args.device)?;
    say_no_gpu(&args.device);
    if let Some(folder) = &args.out {
        prepare_folder(folder)?;
    }
    let mut progress = PhotoProgress::new(args.json);
    let mut found =
        evaluate(&model, &dataset, &options, &mut |done, all| progress.done(done, all))?;
    found.model.file = Some(file.display().to_string());
    let seconds = progress.finish();
    if args.json {
        print(&found.json());
    } else {
        let speed = match says_little(seconds) {
            true => String::new(),
            false => format!(", {} photos/s", rate(found.samples as f64 / seconds)),
        };
        let speed = format!("{}{speed} on {}", duration(seconds), found.device);
        print(&text(&found, &speed));
    }
    if let Some(folder) = &args.out {
        let written = write_files(&found, &dataset, folder)?;
        say!("wrote {} into {}", plural(written.files.len() as u64, "file"), folder.display());
        for note in written.notes {
            say!("note: {}", plain(&note));
        }
    }
    Ok(Ending::Done)
}

/// Everything that the model has seen; an error where something of it is not known.
fn all_that_it_saw(model: &Path, seen: &KnownSeen) -> anyhow::Result<Arc<SeenPhotos>> {
    let unknown = match seen {
        Ok(seen) => seen.unknown().map(str::to_owned),
        Err(reason) => Some(reason.to_string()),
    };
    match (seen, unknown) {
        (Ok(seen), None) => Ok(Arc::clone(seen)),
        (_, reason) => anyhow::bail!(
            "--unseen: which photos {} has seen is not known: {}",
            model.display(),
            reason.unwrap_or_default()
        ),
    }
}

/// A bar on a terminal, plain lines elsewhere, nothing for scripts.
pub(super) struct PhotoProgress {
    bar: ProgressBar,
    begun: Instant,
    last_line: Instant,
    quiet: bool,
}

impl PhotoProgress {
    pub(super) fn new(quiet: bool) -> PhotoProgress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let now = Instant::now();
        PhotoProgress { bar, begun: now, last_line: now, quiet }
    }

    pub(super) fn done(&mut self, done: u64, all: u64) {
        if done == 0 {
            self.begun = Instant::now();
        }
        if self.bar.length() != Some(all) {
            self.bar.set_style(bar_style("", all, " photos", "123,000/s"));
            self.bar.set_length(all);
        }
        self.bar.set_message(format!("{}/s", rate(self.bar.per_sec())));
        self.bar.set_position(done);
        if self.bar.is_hidden() && !self.quiet && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let speed = done as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
            let left = duration((all - done) as f64 / speed.max(1e-3));
            let (done, all, speed) = (count(done), count(all), rate(speed));
            say!("{done} of {all}: {speed} photos/s, about {left} left");
        }
    }

    /// Seconds since the first sample.
    pub(super) fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.begun.elapsed().as_secs_f64()
    }
}

fn text(found: &Evaluation, speed: &str) -> String {
    let model = found.model.file.as_deref().unwrap_or(&found.model.network);
    let title = one_line(&format!("{model} on {}, {}", found.dataset, found.selection.words()))
        .into_owned();
    let mut text = format!("{title}: {}, each counted once\n", plural(found.samples, "sample"));
    text.push_str(&before_any_number(found));
    let mut facts = Facts::default();
    summary(found, &mut facts);
    facts.add("", "");
    classes(&found.scores, &mut facts);
    facts.add("", "");
    confusion(found, &mut facts);
    for (number, mistake) in found.mistakes.iter().take(MAX_MISTAKES).enumerate() {
        let label = if number == 0 { "worst mistakes" } else { "" };
        let (is, said) = (&mistake.label, &mistake.prediction);
        let probability = mistake.probability;
        facts.add(label, format!("{}: {is}, said {said} ({probability:.3})", mistake.sample_id));
    }
    facts.add("took", speed);
    // Facts that stand apart are divided by a line without text.
    for line in facts.text().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What of the samples the model has seen: nothing behind it means much to who does not know that.
fn before_any_number(found: &Evaluation) -> String {
    let mut text = String::new();
    if let Some(warning) = found.seen.warning(found.samples) {
        let seen = [found.seen.trained, found.seen.validated];
        let some = seen.into_iter().flatten().sum::<u64>() < found.samples;
        let advice = if some { "; --unseen leaves them out" } else { "" };
        text.push_str(&format!("warning: {}{advice}\n", one_line(&warning)));
    }
    if let Some(reason) = &found.seen.unknown {
        let same = found.model.content_root.as_ref() == Some(&found.content_root);
        let same = if same { "; it was trained on photos of this very dataset" } else { "" };
        let reason = one_line(reason);
        text.push_str(&format!(
            "note: which photos the model has seen is not known: {reason}{same}\n"
        ));
    }
    text
}

fn summary(found: &Evaluation, facts: &mut Facts) {
    let Scores { accuracy, majority, log_loss, brier, calibration, .. } = &found.scores;
    let percent = found.model.percent.as_ref();
    let part = percent.map(|percent| format!(", trained on {percent} % of its data"));
    facts.add("network", format!("{}{}", found.model.network, part.unwrap_or_default()));
    if found.seen.warning(found.samples).is_none() && found.seen.unknown.is_none() {
        facts.add("seen before", "none of these photos");
    }
    if found.protocol == Protocol::Ttd {
        facts.add("protocol", "ttd: neutral dropped, the larger of negative and positive taken");
    }
    for Level { agreement, scores } in found.levels.iter().flatten() {
        let words = format!("{} (always one class: {:.3})", shares(scores), scores.majority);
        facts.add(format!("agreement ≥{agreement}"), words);
    }
    if found.levels.is_none() {
        let words = format!("{} (always one class: {majority:.3})", shares(&found.scores));
        facts.add("accuracy", words);
    }
    debug_assert_eq!(accuracy.of, found.samples);
    facts.add(
        "probabilities",
        format!(
            "log loss {log_loss:.3}, Brier {brier:.3}, calibration error {:.3} ({} bins)",
            calibration.expected_error,
            calibration.bins.len()
        ),
    );
}

/// `0.871, 95 % interval 0.847 to 0.892: 768 of 882`
fn shares(scores: &Scores) -> String {
    let accuracy = scores.accuracy;
    format!(
        "{:.3}, 95 % interval {:.3} to {:.3}: {} of {}",
        accuracy.value,
        accuracy.low,
        accuracy.high,
        count(accuracy.count),
        count(accuracy.of)
    )
}

/// A table: a line for each class, with many classes for the worst.
fn classes(scores: &Scores, facts: &mut Facts) {
    let line = |samples: &str, [precision, recall, f1]: [String; 3]| {
        format!("{samples:>9}  {precision:>9}  {recall:>6}  {f1:>6}")
    };
    let words = ["precision", "recall", "F1"].map(str::to_owned);
    facts.add("class", line("samples", words));
    let share =
        |value: f64, of: u64| if of == 0 { "–".to_owned() } else { format!("{value:.3}") };
    let mut classes: Vec<_> = scores.classes.iter().collect();
    if classes.len() > MAX_CLASSES {
        classes.retain(|class| class.support > 0);
        classes.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        classes.truncate(MAX_CLASSES);
    }
    for class in &classes {
        let scores = [
            share(class.precision, class.predicted),
            share(class.recall, class.support),
            share(class.f1, class.support + class.predicted),
        ];
        facts.add(&*class.class, line(&count(class.support), scores));
    }
    if scores.classes.len() > classes.len() {
        let rest = scores.classes.len() - classes.len();
        facts.add("", format!("… the worst; {} more in --json", count(rest as u64)));
    }
    for (name, mean) in [("mean", &scores.macro_mean), ("weighted mean", &scores.weighted_mean)] {
        let scores = [mean.precision, mean.recall, mean.f1].map(|value| format!("{value:.3}"));
        facts.add(name, line("", scores));
    }
}

/// Counts: a line for each label, a column for each prediction.
fn confusion(found: &Evaluation, facts: &mut Facts) {
    let names = &found.predictions.classes;
    if names.len() > MAX_CLASSES {
        return;
    }
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(16);
    let cells = |cells: Vec<String>| {
        let padded: Vec<String> = cells.into_iter().map(|cell| format!("{cell:>width$}")).collect();
        padded.join("  ")
    };
    facts.add("label → said", cells(names.clone()));
    for (name, row) in names.iter().zip(found.scores.confusion.counts()) {
        let all = row.iter().sum::<u64>().max(1) as f64;
        let share =
            |&number: &u64| format!("{} ({:.1} %)", count(number), 100.0 * number as f64 / all);
        facts.add(name, cells(row.iter().map(share).collect()));
    }
    facts.add("", "");
}
