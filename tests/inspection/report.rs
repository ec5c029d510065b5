//! Promises of the page: its numbers are those of the JSON form, nothing in it runs or is fetched whatever
//! samples are called, the same dataset gives the same bytes, and odd datasets give a sensible page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::ledger;
use crate::shared;

use std::fs;
use std::path::Path;
use std::process::Command;

use ledger::{Made, noise};
use tcolz_inspect::report::Report;
use tcolz_inspect::{find_duplicates, inspect, mean_images};
use tcolz_loader::{Select, Selection};
use tcolz_pixels::recipe::{Codec, DecodeMode, Dtype};

/// The page and the JSON form that the command gives.
fn made(dataset: &Path, folder: &Path, more: &[&str]) -> (String, String) {
    let html = folder.join("report.html");
    let mut command = common::tcolz();
    let command = command.arg("inspect").arg(dataset).arg("--html").arg(&html).arg("--json");
    let output = command.args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (fs::read_to_string(&html).unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Python reads page and JSON form and holds them against each other.
fn agree(dataset: &Path, folder: &Path, more: &[&str]) -> (String, serde_json::Value) {
    let (page, json) = made(dataset, folder, more);
    let value = serde_json::from_str(&json).unwrap();
    for word in ["NaN", "inf ", "null"] {
        let text: Vec<&str> = page.split('>').filter(|text| text.starts_with(word)).collect();
        assert!(text.is_empty(), "{word}: {text:?}");
    }
    let Some(python) = shared::python() else { return (page, value) };
    let said = folder.join("report.json");
    fs::write(&said, json).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python)
        .arg(root.join("tests/python/report_equals_json.py"))
        .args([dataset, &folder.join("report.html"), &said, &root.join("schemas")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    (page, value)
}

#[test]
fn every_number_of_the_page_is_in_the_json_form_and_mean_images_are_numpys() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[33, 112]);
    let (page, json) = agree(dataset.root(), folder.path(), &[]);
    // Through text, whose floating-point numbers serde_json reads back to the last digit but one.
    let said = |text: serde_json::Result<String>| -> serde_json::Value {
        serde_json::from_str(&text.unwrap()).unwrap()
    };
    let inspection = said(serde_json::to_string(&inspect(&dataset).unwrap()));
    assert_eq!(json["inspection"], inspection, "as `inspect --json` says it");
    let duplicates = said(serde_json::to_string(&find_duplicates(&dataset).unwrap()));
    assert_eq!(json["duplicates"], duplicates, "as `inspect --duplicates --json` says it");
    for part in
        ["splits", "photos", "light", "means", "text", "samples", "quarantine", "duplicates"]
    {
        assert!(page.contains(&format!("<section id=\"{part}\"")), "{part}");
    }
    assert!(page.contains("<section id=\"conversion\"") && json["throughput"]["threads"] == 2);
}

#[test]
fn the_page_of_ttd_agrees_with_its_json_form_and_with_numpy() {
    let Some(ttd) = shared::ttd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut options = common::options(&ttd, &folder.path().join("out"), &[64]);
    (options.recipe.codec, options.recipe.decode) = (Codec::Raw, DecodeMode::Scaled);
    let (page, json) = agree(common::converted(&options).dataset.root(), folder.path(), &[]);
    assert_eq!(json["mean_images"]["read"], 1269);
    assert!(page.contains("nearly the same"));
}

#[test]
fn the_same_dataset_gives_the_same_page_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[48]);
    let page = Report::of(&dataset, None).unwrap().html().unwrap();
    for threads in ["1", "3"] {
        let html = folder.path().join(format!("{threads}.html"));
        let mut command = common::tcolz();
        command.arg("inspect").arg(dataset.root()).arg("--html").arg(&html);
        assert!(command.env("RAYON_NUM_THREADS", threads).output().unwrap().status.success());
        assert!(fs::read_to_string(&html).unwrap() == page, "{threads} threads");
    }
}

#[test]
fn names_that_look_like_html_are_shown_and_never_become_html() {
    let folder = tempfile::tempdir().unwrap();
    let (script, image) = ("<script>alert('x')&.png", "\"><img src=x onerror=alert(1)>");
    let photos = folder.path().join("photos");
    for (number, split) in ["train", "train", "val"].into_iter().enumerate() {
        let class = if number == 1 { "plain" } else { image };
        let path = photos.join(split).join(class).join(format!("{number}{script}"));
        common::write(&path, &common::photo(number as u32 / 2, 40, 30));
    }
    common::write(&photos.join("val").join(image).join("<b>bad</b>".replace('/', "")), b"no photo");
    let out = folder.path().join("<i>out.tcolz");
    common::converted(&common::options(&photos, &out, &[32]));
    let (page, _) = agree(&out, folder.path(), &[]);
    for harm in ["<script", "<img src=x", "<i>", "<b>"] {
        assert!(!page.contains(harm), "{harm}");
    }
    assert!(page.contains("&#60;script&#62;alert(&#39;x&#39;)&#38;.png"), "the name is shown");
    assert!(page.contains("&lt;img src=x"), "and in charts");
}

fn classes(number: usize) -> Vec<String> {
    (0..number).map(|class| format!("class-{class:03} with a rather long name {class}")).collect()
}

fn stored(number: u64, split: usize, label: Option<u16>, size: u32) -> Made {
    Made { split, label, planes: Some(noise(number, size)), source: number }
}

#[test]
fn a_thousand_classes_fit_on_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let samples = (0..6000).map(|number| {
        stored(number, usize::from(number >= 4500), Some((number % 1000) as u16), 96)
    });
    ledger::write(&out, 96, &["train", "val"], &classes(1000), samples);
    let (page, json) = agree(&out, folder.path(), &[]);
    assert!(page.contains("Of 1,000 classes the 48 largest are shown."));
    assert_eq!(json["mean_images"]["classes"].as_array().unwrap().len(), 48);
    // Noise is what compresses worst.
    assert!(page.len() < 10_000_000, "{} bytes", page.len());
    assert!(json["throughput"].is_null() && !page.contains("id=\"conversion\""));
}

#[test]
fn one_sample_an_empty_split_one_class_and_nothing_at_all_give_sensible_pages() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("one");
    ledger::write(&out, 4, &["all"], &classes(1), std::iter::once(stored(1, 0, Some(0), 4)));
    let (page, _) = agree(&out, folder.path(), &[]);
    assert!(!page.contains("Class balance") && !page.contains("id=\"quarantine\""));
    assert!(page.contains("Samples by class and split"), "one class has a table, not a chart");

    let out = folder.path().join("empty-split");
    let samples = (0..4).map(|number| stored(number, 0, Some((number % 2) as u16), 8));
    ledger::write(&out, 8, &["train", "val"], &classes(3), samples);
    let (page, _) = agree(&out, folder.path(), &[]);
    assert!(page.contains("Class balance"));

    let out = folder.path().join("nothing-stored");
    let bad = |source| Made { split: 0, label: None, planes: None, source };
    ledger::write(&out, 4, &["train"], &[], (0..100).map(bad));
    let (page, json) = agree(&out, folder.path(), &[]);
    assert!(json["mean_images"].is_null() && !page.contains("id=\"photos\""));
    assert!(page.contains("the first 60 in the ledger&#39;s order"));
}

#[test]
fn a_dataset_with_a_baked_view_has_a_page_without_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::F32);
    let (page, json) = agree(dataset.root(), folder.path(), &[]);
    assert!(json["mean_images"].is_null() && !page.contains("<img"));
    assert!(page.contains("is baked in as f32"));
}

#[test]
fn a_page_of_a_selection_counts_what_was_selected() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[24]);
    let more = ["--split", "train", "--where", "label = 1"];
    let (page, json) = agree(dataset.root(), folder.path(), &more);
    let select = Select { condition: Some("label = 1".to_owned()), ..Select::split("train") };
    let selected = Selection::of(&dataset, &select).unwrap().len();
    assert_eq!(json["inspection"]["counts"]["stored"], selected);
    assert_eq!(json["mean_images"]["read"], selected);
    assert_eq!(json["mean_images"]["classes"].as_array().unwrap().len(), 1);
    assert!(page.contains(" selected samples"));
}

#[test]
fn a_page_of_a_selection_names_it_over_every_picture() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::demo(folder.path(), &[24]);
    let list = folder.path().join("list.txt");
    let ids: Vec<String> = dataset.ledger().unwrap().into_iter().map(|row| row.sample_id).collect();
    fs::write(&list, ids.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    let more = ["--split", "train", "--subset", list, "--where", "label != 9", "--percent", "50"];
    let asked = "split train, subset list.txt, where label != 9, 50 % of every class".to_owned();
    let (page, json) = agree(dataset.root(), folder.path(), &more);
    let said = &json["inspection"]["asked"];
    assert_eq!(said["splits"], serde_json::json!(["train"]));
    assert_eq!((said["subset"].as_str(), said["percent"].as_str()), (Some(list), Some("50")));
    assert_eq!(
        (said["condition"].as_str(), said["percent_seed"].as_u64()),
        (Some("label != 9"), Some(0))
    );
    let titles = |opens: &str, closes: &str| -> Vec<String> {
        let parts = page.split(opens).skip(1);
        parts.map(|part| part.split_once(closes).unwrap().0.to_owned()).collect()
    };
    assert!(titles("<h1>", "</h1>")[0].ends_with(&asked), "{:?}", titles("<h1>", "</h1>"));
    assert!(titles("<title>", "</title>")[0].contains(&asked));
    let whole = page.find("<section id=\"duplicates\"").unwrap();
    let pictures = titles("<h3>", "</h3>");
    let of_part = page[..whole].matches("<h3>").count();
    assert!(
        of_part > 8 && pictures[..of_part].iter().all(|title| title.contains(&asked)),
        "{pictures:?}"
    );
    assert!(pictures[of_part..].iter().all(|title| !title.contains(&asked)), "{pictures:?}");
    assert!(page[whole..].contains("Of the whole dataset, whatever was selected."));

    let mut command = common::tcolz();
    let screen = command.arg("inspect").arg(dataset.root()).args(more).output().unwrap().stdout;
    assert!(String::from_utf8(screen).unwrap().contains(&asked));
    // The sheet has two more lines above its rows: the title, wrapped at the width of eight tiles.
    let height = |name: &str, more: &[&str]| {
        let png = folder.path().join(name);
        let mut command = common::tcolz();
        command.arg("inspect").arg(dataset.root()).arg("--sheet").arg(&png).args(more);
        assert!(command.output().unwrap().status.success());
        let bytes = fs::read(png).unwrap();
        u32::from_be_bytes(bytes[20..24].try_into().unwrap())
    };
    let lines = asked.len().div_ceil(8 * 136 / 8 - 1) as u32;
    let (part, whole) = (height("part.png", &more), height("whole.png", &[]));
    assert!((part - whole).abs_diff(lines * 11 + 8) <= 11, "{part} {whole}");
}

#[test]
fn mean_images_beyond_the_budget_are_of_the_same_share_of_every_class() {
    let folder = tempfile::tempdir().unwrap();
    let samples = (0..3000).map(|number| {
        stored(number, usize::from(number >= 2000), Some((number % 10 / 7) as u16), 8)
    });
    let out = folder.path().join("out");
    let dataset = ledger::write(&out, 8, &["train", "val"], &classes(2), samples);
    let splits = ["train", "val"].map(|s| Selection::of(&dataset, &Select::split(s)).unwrap());
    let all = mean_images(&dataset, &splits, 3000).unwrap().unwrap();
    assert_eq!((all.read, all.percent.as_deref()), (3000, None));
    let some = mean_images(&dataset, &splits, 600).unwrap().unwrap();
    assert_eq!((some.read, some.samples, some.percent.as_deref()), (600, 3000, Some("20")));
    assert_eq!(some.classes.iter().map(|class| class.samples).collect::<Vec<_>>(), [420, 180]);
    assert_eq!(mean_images(&dataset, &splits, 600).unwrap().unwrap(), some, "the same again");
    // Of noise every mean is the middle, and the nearer the more samples there are.
    for (means, most) in [(&all, 12), (&some, 24)] {
        let planes = means.classes.iter().flat_map(|class| &class.planes);
        assert!(planes.clone().all(|&level| level.abs_diff(127) < most), "{:?}", planes.max());
    }
    let tiny = mean_images(&dataset, &splits, 1).unwrap().unwrap();
    assert!(tiny.classes.iter().all(|class| class.samples >= 1));
}

#[test]
fn a_damaged_shard_is_named_and_no_page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Raw, Dtype::U8);
    let shard = dataset.root().join(&common::shard_files(&dataset)[0]);
    let mut bytes = fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let html = folder.path().join("report.html");
    let mut command = common::tcolz();
    let output =
        command.arg("inspect").arg(dataset.root()).arg("--html").arg(&html).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("00000.arrow") && !html.exists(), "{error}");
}

#[test]
#[ignore = "needs Chromium and Node.js: make test-browser"]
fn the_page_fits_every_screen() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    fs::create_dir(&pages).unwrap();
    made(common::demo(folder.path(), &[112]).root(), &pages, &[]);
    // Names that are long, many classes, duplicates across splits and labels.
    let out = folder.path().join("long");
    let samples = (0..40u64).map(|number| {
        stored(number % 30, usize::from(number >= 27), Some((number % 7) as u16), 32)
    });
    ledger::write(&out, 32, &["train", "val"], &classes(7), samples);
    let (page, _) = made(&out, folder.path(), &[]);
    assert!(page.contains("labels differ") && page.contains("across splits"));
    fs::write(pages.join("long.html"), page).unwrap();
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "reports.test.mjs"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"))
        .env("TCOLZ_PAGES", &pages)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn every_caption_of_a_group_of_duplicates_says_split_and_label_and_its_tooltip_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let samples = [(0, 0), (1, 1)].map(|(split, label)| stored(7, split, Some(label), 8));
    ledger::write(&out, 8, &["train", "val"], &classes(2), samples.into_iter());
    let (page, json) = made(&out, folder.path(), &[]);
    assert_eq!(json.matches("\"conflicting_labels\": true").count(), 1);
    let part = page.split("<section id=\"duplicates\"").nth(1).unwrap();
    for (split, class) in ["train", "val"].into_iter().zip(classes(2)) {
        let caption = format!(">{split} / {class}\n");
        assert!(part.contains(&caption), "{caption}");
        assert!(part.contains(&format!("({class}, {split})\">")), "{class}");
    }
    // What is below a picture is never cut to some lines.
    assert!(!page.contains("line-clamp"));
}
