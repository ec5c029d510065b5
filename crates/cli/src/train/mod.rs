//! `tcolz train`.

mod args;
mod help;
mod progress;

use std::path::{Path, PathBuf};

use serde_json::json;
use tcolz_base::usage::keep_free_memory;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::Unseen;
use tcolz_loader::Select;
use tcolz_loader::augment::Augment;
use tcolz_train::evaluate::Proportion;
use tcolz_train::{
    CacheChoice, ClassWeights, FINDER_RATES, Finding, Finetune, RUN_FILE, TrainError, TrainOptions,
    TrainSummary, Validated, Validation, default_run_name, find_learning_rate, train,
};

pub(crate) use args::TrainArgs;
use args::ValidationArgs;
pub(super) use args::parse_gigabytes;
pub(super) use progress::TrainProgress;
pub(super) use progress::with_event;

use super::ending::Ending;
use super::output::{Facts, duration, one_line, plural, print, say, say_no_gpu, shown};
use super::progress::event;
use super::stop::stop_on_ctrl_c;

/// The split that is kept for the end, where there is one of this name.
const USUAL_TEST: &str = "test";
/// Where runs lie unless told otherwise.
const RUNS: &str = "runs";

pub(super) fn run(args: &TrainArgs) -> anyhow::Result<Ending> {
    let select = args.select.select(&Dataset::open(&args.dataset)?)?;
    let options = options(args, select);
    if args.out.as_ref().is_some_and(|out| *out != options.out) {
        let out = options.out.display();
        say!("note: going on in {out}, where an earlier version put runs with --percent");
    }
    say_no_gpu(options.device);
    let stop = stop_on_ctrl_c(
        "finishing the step in hand and writing a checkpoint; Ctrl-C again stops at once",
    )?;
    keep_free_memory();
    let mut progress = TrainProgress::new(args.json);
    if args.find_lr {
        let result = find_learning_rate(&options, &stop, &mut progress);
        progress.clear();
        return match result {
            Err(TrainError::Interrupted { .. }) => {
                say!("stopped: nothing is suggested");
                Ok(Ending::Interrupted)
            }
            result => found(&result?, args),
        };
    }
    let result = train(&options, &stop, &mut progress);
    progress.clear();
    let summary = match result {
        Err(error @ (TrainError::Interrupted { .. } | TrainError::InterruptedFeatures { .. })) => {
            say!("{error}");
            return Ok(Ending::Interrupted);
        }
        Err(error @ TrainError::BestLost { .. }) => anyhow::bail!("{error} with --restart"),
        result => result?,
    };
    if args.json {
        event(&with_event("finished", json!(summary)));
    } else {
        print(&text(&summary, args));
    }
    Ok(Ending::Done)
}

/// Says what the learning-rate finder found.
fn found(finding: &Finding, args: &TrainArgs) -> anyhow::Result<Ending> {
    if args.json {
        event(&with_event("finder", json!(finding)));
        return Ok(Ending::Done);
    }
    let files: Vec<String> = finding.files.iter().map(|file| shown(file)).collect();
    let files = files.join(", ");
    let text = match finding.suggested {
        Some(rate) => format!(
            "the loss falls fastest at --lr {rate:.1e}: begin there or a little below\n  files  {files}\n"
        ),
        None => format!(
            "the loss does not fall at any rate from {:e} to {:e}: look at {files}, and at the data\n",
            FINDER_RATES[0], FINDER_RATES[1]
        ),
    };
    print(&text);
    Ok(Ending::Done)
}

/// What the arguments ask for: a flag, else the preset's value, else the default.
fn options(args: &TrainArgs, select: Select) -> TrainOptions {
    let default = if args.weights.is_some() { Finetune::Head } else { Finetune::All };
    let finetune = args.finetune.unwrap_or(default);
    let out = out(args, finetune);
    let mut options = TrainOptions::new(&args.dataset, args.model, out);
    options.finetune = finetune;
    if let Some(preset) = args.preset {
        preset.apply(&mut options);
    }
    let (learning, machine) = (&args.learning, &args.machine);
    options.weights.clone_from(&args.weights);
    options.weights_key.clone_from(&args.weights_key);
    options.view.clone_from(&args.images.view);
    options.select = select;
    options.validation = validation(&args.validation);
    options.size = args.images.size;
    options.epochs = learning.epochs.unwrap_or(options.epochs);
    options.batch_size = learning.batch_size.map_or(options.batch_size, |size| size as usize);
    options.accumulate = learning.accumulate;
    options.learning_rate = learning.lr.or(options.learning_rate);
    options.sgd.momentum = learning.momentum.unwrap_or(options.sgd.momentum);
    options.sgd.weight_decay = learning.weight_decay.unwrap_or(options.sgd.weight_decay);
    options.sgd.decay = learning.decay.unwrap_or(options.sgd.decay);
    options.sgd.nesterov = learning.nesterov;
    options.schedule = learning.schedule.unwrap_or(options.schedule);
    options.label_smoothing = learning.label_smoothing;
    options.class_weights = learning.class_weights.clone().unwrap_or(ClassWeights::Equal);
    options.batch_norm = learning.batch_norm;
    options.augment = Augment { crop: args.images.crop, flip: args.images.flip.unwrap_or(0.0) };
    options.patience = learning.patience.or(options.patience);
    options.seed = learning.seed;
    options.device = machine.device;
    options.precision = machine.precision;
    options.threads = machine.threads.map(usize::from);
    options.workers = machine.workers.map(usize::from);
    options.cache = match &machine.cache {
        _ if machine.no_cache => CacheChoice::Off,
        Some(folder) => CacheChoice::Folder(folder.clone()),
        None => CacheChoice::Run,
    };
    options.memory_limit = machine.memory;
    options.checkpoint_every = machine.checkpoint_every;
    options.restart = args.restart;
    options
}

/// The run's folder: the one that was named, as it was named.
fn out(args: &TrainArgs, finetune: Finetune) -> PathBuf {
    let named =
        |out: &Path, name: &str| out.with_file_name(default_run_name(name, args.select.percent));
    let Some(out) = &args.out else {
        return named(&Path::new(RUNS).join("run"), &format!("{}-{finetune}", args.model.name()));
    };
    // Up to 0.2.0 a name that was given got the prefix, too: such a run goes on where it lies.
    let earlier = out.file_name().map(|name| named(out, &name.to_string_lossy()));
    match earlier {
        Some(earlier) if !args.restart && !out.exists() && earlier.join(RUN_FILE).exists() => {
            earlier
        }
        _ => out.clone(),
    }
}

fn validation(args: &ValidationArgs) -> Validation {
    match (args.holdout, &args.val_split, &args.val_subset) {
        (Some(share), ..) => Validation::Holdout(share),
        (None, None, None) => Validation::Auto,
        (None, split, subset) => {
            Validation::Select { split: split.clone(), subset: subset.clone() }
        }
    }
}

fn text(summary: &TrainSummary, args: &TrainArgs) -> String {
    let TrainSummary { best, rows, .. } = summary;
    let mut facts = Facts::default();
    match best.validation {
        Some(found) => facts.add("best epoch", format!("{} of {}", best.epoch, rows.len())).add(
            "validation",
            format!(
                "loss {:.4}, accuracy {} ({})",
                found.loss,
                accuracy(&found),
                plural(found.samples, "sample")
            ),
        ),
        None => {
            facts.add("kept epoch", format!("{}, the last one: there is no validation", best.epoch))
        }
    };
    facts.add(
        "training",
        format!("loss {:.4}, accuracy {:.3}", best.train_loss, best.train_accuracy),
    );
    facts.add("ended", &summary.ending);
    facts.add("time", duration(summary.seconds));
    let out = shown(&summary.out);
    facts.add("files", format!("{out}: log.csv, steps.csv, resources.csv, curves.png"));
    let model = shown(&summary.model);
    let first = if summary.finished_before {
        format!("{out} is finished already; nothing was changed\n")
    } else {
        format!("{model}\n")
    };
    format!("{first}{}{}", facts.text(), next(summary, &args.dataset))
}

/// Photos that the model has never seen, as `tcolz evaluate` is asked for them: a split of which it saw nothing, `test`
/// before others, else the split with the most unseen photos. What it has seen is `known`, or `--unseen` cannot be asked for.
fn next_selection(unseen: &[Unseen], known: bool) -> Option<String> {
    let whole = |split: &&Unseen| split.unseen > 0 && split.unseen == split.samples;
    let untouched = unseen.iter().filter(whole).min_by_key(|split| split.split != USUAL_TEST);
    let most = || unseen.iter().filter(|split| split.unseen > 0).max_by_key(|split| split.unseen);
    let (split, unseen) = match untouched {
        Some(split) => (split, ""),
        None => (most().filter(|_| known)?, " --unseen"),
    };
    let labelled = if split.unlabelled > 0 { " --where 'label >= 0'" } else { "" };
    Some(format!("--split {}{labelled}{unseen}", one_line(&split.split)))
}

/// `0.857, 95 % interval 0.487 to 0.974`
fn accuracy(found: &Validated) -> String {
    let right = (found.accuracy * found.samples as f64).round() as u64;
    let Proportion { value, low, high, .. } = Proportion::of(right, found.samples);
    format!("{value:.3}, 95 % interval {low:.3} to {high:.3}")
}

/// What to type next: an evaluation on photos that the model has never seen, where there are any.
fn next(summary: &TrainSummary, dataset: &Path) -> String {
    let (model, dataset) = (shown(&summary.model), shown(dataset));
    let evaluate = format!("tcolz evaluate {model} {dataset}");
    let (mut note, mut commands) = (String::new(), Vec::new());
    if let Some(reason) = &summary.seen_unknown {
        let reason = one_line(reason);
        note = format!("note: the model may have seen photos that are not known: {reason}\n");
    }
    let known = summary.seen_unknown.is_none();
    match (next_selection(&summary.unseen, known), &summary.holdout) {
        (Some(selection), _) => commands.push(format!("{evaluate} {selection}")),
        (None, holdout) => {
            if summary.unseen.iter().all(|split| split.unseen == 0) {
                note += &format!(
                    "note: {dataset} has no photo that this model has not seen; to know how good it is on new ones, keep some \
                     apart (`tcolz convert … --make-splits 80/10/10`) or evaluate it on another dataset\n"
                );
            }
            commands.extend(holdout.iter().map(|(split, file)| {
                let (split, subset) = (one_line(split), shown(file));
                format!("{evaluate} --split {split} --subset {subset}   # what it was validated on")
            }));
        }
    }
    commands.push(format!("tcolz predict {model} PHOTO…"));
    format!("{note}next: {}\n", commands.join("\n      "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use tcolz_train::schedule::Schedule;
    use tcolz_train::sgd::Decay;

    use super::super::args::{Args, Command};

    fn asked(words: &str) -> TrainOptions {
        let words = "tcolz train d --model vgg19 ".to_owned() + words;
        match Args::try_parse_from(words.split_whitespace()).unwrap().command {
            Command::Train(args) => {
                let percent = args.select.percent;
                options(&args, Select { percent, ..Select::split("train") })
            }
            _ => panic!("another command"),
        }
    }

    #[test]
    fn a_preset_gives_the_old_pipelines_values_and_other_flags_win() {
        let head = asked("--finetune head --preset b-t4sa-2018");
        assert_eq!((head.epochs, head.batch_size, head.patience), (15, 64, Some(5)));
        assert_eq!((head.schedule, head.base_rate()), (Schedule::BT4sa2018, 1e-3));
        assert_eq!((head.sgd.momentum, head.sgd.weight_decay), (0.9, 1e-5));
        assert_eq!(head.sgd.decay, Decay::Kernels);
        assert_eq!(asked("--finetune all --preset b-t4sa-2018").batch_size, 48);
        let flags = "--preset b-t4sa-2018 --epochs 3 --batch-size 8 --lr 0.5 --schedule constant --decay all";
        let mixed = asked(flags);
        assert_eq!((mixed.epochs, mixed.batch_size, mixed.base_rate()), (3, 8, 0.5));
        assert_eq!((mixed.schedule, mixed.sgd.decay), (Schedule::Constant, Decay::All));
        assert_eq!(mixed.patience, Some(5), "what no flag names stays the preset's");
    }

    #[test]
    fn the_next_evaluation_is_on_photos_that_were_never_seen_or_on_none() {
        let splits = |counts: &[(&str, u64, u64)]| -> Option<String> {
            let of = |&(split, samples, unseen): &(&str, u64, u64)| Unseen {
                split: split.to_owned(),
                samples,
                unseen,
                unlabelled: u64::from(split == "odd"),
            };
            next_selection(&counts.iter().map(of).collect::<Vec<_>>(), true)
        };
        assert_eq!(splits(&[("all", 90, 0)]), None);
        assert_eq!(splits(&[("train", 80, 0), ("val", 10, 0)]), None);
        assert_eq!(splits(&[("all", 90, 30)]).unwrap(), "--split all --unseen");
        let usual = splits(&[("train", 80, 0), ("val", 10, 10), ("test", 10, 10)]);
        assert_eq!(usual.unwrap(), "--split test");
        // Three photos of the test split are in the training split, too.
        let leaked = splits(&[("train", 80, 0), ("test", 10, 7)]);
        assert_eq!(leaked.unwrap(), "--split test --unseen");
        assert_eq!(splits(&[("odd", 10, 7)]).unwrap(), "--split odd --where 'label >= 0' --unseen");
        let split = Unseen { split: "all".to_owned(), samples: 9, unseen: 4, unlabelled: 0 };
        assert_eq!(next_selection(&[split], false), None, "evaluate would refuse --unseen");
    }

    #[test]
    fn a_name_that_was_given_is_kept_and_a_part_of_the_data_shows_in_the_default_name() {
        assert_eq!(asked("--percent 20").out, PathBuf::from("runs/test-p20-vgg19-all"));
        assert_eq!(asked("--percent 20 --out runs/ica").out, PathBuf::from("runs/ica"));
        let folder = tempfile::tempdir().unwrap();
        let (ica, earlier) = (folder.path().join("ica"), folder.path().join("test-p20-ica"));
        std::fs::create_dir(&earlier).unwrap();
        std::fs::write(earlier.join(RUN_FILE), "{}").unwrap();
        let named = format!("--percent 20 --out {}", ica.display());
        assert_eq!(asked(&named).out, earlier, "a run of an earlier version goes on");
        assert_eq!(asked(&format!("{named} --restart")).out, ica);
        std::fs::create_dir(&ica).unwrap();
        assert_eq!(asked(&named).out, ica);
    }

    #[test]
    fn without_flags_weights_get_a_new_head_and_random_ones_are_trained_whole() {
        let plain = asked("");
        assert_eq!(plain.finetune, Finetune::All);
        assert_eq!(plain.out, PathBuf::from("runs/vgg19-all"));
        assert_eq!(plain.augment, Augment::default());
        let head = asked("--weights w.pth");
        assert_eq!((head.finetune, head.out), (Finetune::Head, PathBuf::from("runs/vgg19-head")));
        let changed = asked("--flip --crop random:4 --holdout 10% --no-cache");
        assert_eq!((changed.augment.flip, changed.cache), (0.5, CacheChoice::Off));
        assert!(matches!(changed.validation, Validation::Holdout(_)));
    }
}
