//! `tcolz demo`: every stage on a made-up dump, each with the command to type.

mod learn;
mod places;
mod sheet;
mod text;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;
use tcolz_base::durable;
use tcolz_convert::{ConvertOptions, Observer, convert};
use tcolz_demo::{DemoDump, Oddity, compare, make_dump, read_back};
use tcolz_format::dataset::Dataset;
use tcolz_train::TrainObserver;

use super::args::{DemoArgs, InspectArgs, VerifyArgs};
use super::ending::Ending;
use super::output::{print, print_styled, shown};
use super::progress::ConvertProgress;
use super::train::TrainProgress;
use super::{inspect, verify};
use places::Places;
use sheet::{class_sheet, oddity_sheet};

/// Sides of the tensors: a small one to learn from, and the usual one.
const SIZES: [u32; 2] = [96, 224];

/// Tiles of each class on the contact sheet.
const TILES: usize = 8;

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Ending> {
    let begun = Instant::now();
    let places = Places::new(&args.out);
    let say = |text: &str| {
        if !args.json {
            print(text);
        }
    };
    let (source, out) = (shown(&places.dump), shown(&places.dataset));
    places.make_room()?;

    say("1. a made-up dump in the shape of B-T4SA\n");
    let dump = make_dump(&places.dump, args.photos)?;
    say(&text::dump(&dump));

    // Without it the command would end with exit code 3, as it must on so many bad inputs.
    let max_bad = text::bad_percent(&dump);
    say(&format!(
        "\n2. tcolz convert {source} {out} --size {} --size {} --max-bad {max_bad}%\n",
        SIZES[0], SIZES[1]
    ));
    let mut progress = ConvertProgress::new(false);
    let observer: &mut dyn Observer = if args.json { &mut () } else { &mut progress };
    let mut options = ConvertOptions::new(&places.dump, &places.dataset);
    options.recipe.sizes = SIZES.to_vec();
    let summary = convert(&options, &AtomicBool::new(false), observer)?;
    progress.clear();
    let dataset = &summary.dataset;
    say(&text::converted(&summary));

    say("\n3. what was odd, and what the ledger says became of it\n");
    let findings = compare(&dump, &dataset.ledger()?);
    say(&text::findings(&findings));

    say(&format!("\n4. tcolz verify {out}\n"));
    let sound = if args.json {
        tcolz_format::dataset::verify(&places.dataset, &|_| ())?.faults.is_empty()
    } else {
        let dataset = places.dataset.clone();
        matches!(verify::run(&VerifyArgs { dataset, source: None, json: false })?, Ending::Done)
    };

    say("\n5. every tensor read back through the memory map\n");
    let read = read_back(dataset)?;
    if !args.json {
        print_styled(&text::read_back(&read));
    }

    say(&format!("\n6. tcolz inspect {out}\n"));
    if !args.json {
        inspect::run(&InspectArgs::of(places.dataset.clone()))?;
    }

    say("\n7. contact sheets of what is stored\n");
    let oddities = write_sheets(&places, &dump, dataset)?;
    say(&text::sheets(&places, &oddities));

    let learnt = learn(args, &places, dataset)?;
    let enough = learnt.as_ref().is_none_or(learn::Learnt::is_enough);

    let well = findings.as_expected() && sound && read.wrong.is_empty() && enough;
    let seconds = begun.elapsed().as_secs_f64();
    if args.json {
        let lists = dump.lists.each_ref().map(|list| dump.root.join(list));
        let mut report = json!({
            "ok": well,
            "seconds": seconds,
            "dump": dump.root,
            "lists": lists,
            "text_sentiment": dump.root.join(&dump.text_sentiment),
            "dataset": places.dataset,
            "log": places.log,
            "sheets": [places.classes, places.oddities],
            "photos": dump.photos.len(),
            "tweets": dump.tweets,
            "counts": dataset.meta().counts,
            "findings": findings,
            "verified": sound,
            "read_back": read,
        });
        if let Some(learnt) = &learnt {
            let accuracy = learnt.accuracy();
            report["training"] = json!({ "run": learnt.summary, "test_accuracy": accuracy });
        }
        print(&format!("{report:#}\n"));
    } else {
        print(&text::look_at(&places, &dump, dataset));
        print(&text::verdict(well, seconds));
    }
    Ok(if well { Ending::Done } else { Ending::Failed })
}

/// Trains a small network, where there is enough to learn from and nobody said no.
fn learn(
    args: &DemoArgs,
    places: &Places,
    dataset: &Dataset,
) -> anyhow::Result<Option<learn::Learnt>> {
    let say = |text: &str| {
        if !args.json {
            print(text);
        }
    };
    if args.no_train {
        return Ok(None);
    }
    if args.photos < learn::LEAST_PHOTOS {
        say(&format!(
            "\n8. no training: fewer than {} photos teach a network nothing\n",
            learn::LEAST_PHOTOS
        ));
        return Ok(None);
    }
    say(&format!("\n8. {}\n", learn::command(&places.dataset, &places.run)));
    let mut progress = TrainProgress::new(false);
    let observer: &mut dyn TrainObserver = if args.json { &mut () } else { &mut progress };
    let learnt = learn::learn(dataset, &places.run, observer)?;
    progress.clear();
    say(&learn::text(&learnt));
    Ok(Some(learnt))
}

/// Writes both contact sheets; gives what the second one shows.
fn write_sheets(
    places: &Places,
    dump: &DemoDump,
    dataset: &Dataset,
) -> anyhow::Result<Vec<Oddity>> {
    let write = |path: &Path, png: &[u8]| {
        durable::write(path, png).with_context(|| path.display().to_string())
    };
    write(&places.classes, &class_sheet(dump, dataset, TILES)?)?;
    let (png, shown) = oddity_sheet(dump, dataset)?;
    write(&places.oddities, &png)?;
    Ok(shown)
}
