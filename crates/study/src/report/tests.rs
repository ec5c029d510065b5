//! What a report promises.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::*;
use crate::published::PUBLISHED;
use crate::results::{Document, Rule};
use tcolz_charts::legible;
use tcolz_train::evaluate::{Folds, Proportion};

/// Files of a report: names below its folder, and bytes.
fn files(results: &Results) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let written = write_report(results, &out).unwrap();
    assert!(written.page.ends_with("index.html") && written.markdown.ends_with("report.md"));
    let files = written.files.iter().map(|path| {
        let name = path.strip_prefix(&out).unwrap().to_str().unwrap().replace('\\', "/");
        (name, fs::read(path).unwrap())
    });
    files.collect()
}

/// Files of the report of the made-up study, made once.
fn sampled() -> &'static BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| files(&sample::results()))
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

/// The tables of a report.
fn tables(
    files: &BTreeMap<String, Vec<u8>>,
) -> impl Iterator<Item = (&str, Vec<BTreeMap<String, String>>)> {
    files.iter().filter(|(name, _)| name.ends_with(".csv")).map(|(name, bytes)| {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        (name.as_str(), reader.deserialize().map(Result::unwrap).collect())
    })
}

/// All documents of a study by their file.
fn documents(results: &Results) -> BTreeMap<String, &Document> {
    let models = results
        .models
        .iter()
        .flat_map(|run| run.evaluations.iter().flatten().chain(&run.train).chain(&run.cost));
    let folds = results.cross_validations.iter().flat_map(|of| &of.evaluations);
    let folds = folds.filter_map(|fold| fold.document.as_ref());
    let points = results.learning_curves.iter().flat_map(|curve| &curve.points);
    let points = points.flat_map(|point| point.train.iter().chain(&point.evaluation));
    let limits = results.upper_limits.iter();
    let limits = limits.flat_map(|of| of.train.iter().chain(&of.evaluation).chain(&of.compared));
    let labels = results.labels.iter().filter_map(|named| named.document.as_ref());
    let all = models.chain(folds).chain(points).chain(limits).chain(labels);
    all.map(|document| (document.file.clone(), document)).collect()
}

/// Evaluates where a number says that it is from: `None` where that is no place in a document.
fn follow(source: &str, documents: &BTreeMap<String, &Document>) -> Option<f64> {
    let Some((function, arguments)) = source.split_once('(').filter(|_| source.ends_with(')'))
    else {
        let (file, pointer) = source.split_once('#')?;
        return Some(documents.get(file)?.number(pointer).unwrap());
    };
    let mut values = Vec::new();
    let (mut depth, mut from) = (0, 0);
    let arguments = &arguments[..arguments.len() - 1];
    for (place, character) in arguments.char_indices().chain([(arguments.len(), ';')]) {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ';' if depth == 0 => {
                values.push(follow(arguments[from..place].trim(), documents)?);
                from = place + 1;
            }
            _ => {}
        }
    }
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(match function {
        "mean" => Folds::of(values)?.mean,
        "sd" => Folds::of(values)?.sample_sd?,
        "sum" => values.iter().sum(),
        "count" => values.len() as f64,
        "ratio" => values[0] / values[1],
        "difference" => values[0] - values[1],
        "worth" => {
            let (low, high) = (least(&values[1..]), most(&values[1..]));
            (values[0] - low) / (high - low)
        }
        "log-worth" => {
            let (low, high) = (least(&values[1..]).ln(), most(&values[1..]).ln());
            (high - values[0].ln()) / (high - low)
        }
        other => panic!("{other} is no function of a report"),
    })
}

/// Checks a number against its source: true where documents say it, false where the user's file or a publication does.
fn checked(
    value: &str,
    source: &str,
    documents: &BTreeMap<String, &Document>,
    place: &str,
) -> bool {
    let number: f64 = value.parse().unwrap();
    if let Some(by) = source.strip_prefix("published: ") {
        let theirs = PUBLISHED.iter().filter(|published| published.source == by);
        let mut figures = theirs.flat_map(|published| {
            published.ttd.into_iter().chain([published.b_t4sa_test]).flatten()
        });
        assert!(figures.any(|figure| figure == number), "{place}: {value} of {by}");
        return false;
    }
    if source.starts_with("study.toml") || source.starts_with("ratio(study.toml") {
        return false;
    }
    if source.starts_with("this row") || source.starts_with("tables/choice.csv") {
        return false;
    }
    let found = follow(source, documents).unwrap_or_else(|| panic!("{place}: {source} is nowhere"));
    assert!((found - number).abs() <= 1e-12 * number.abs(), "{place}: {value}, {source}: {found}");
    true
}

#[test]
fn every_number_of_every_table_stands_in_the_document_that_it_names() {
    let results = sample::results();
    let (files, documents) = (sampled(), documents(&results));
    let (mut followed, mut others, mut names) = (0, 0, Vec::new());
    for (name, rows) in tables(files) {
        names.push(name.to_owned());
        for row in &rows {
            for (column, source) in
                row.iter().filter(|(column, _)| column.starts_with("source of "))
            {
                let value = &row[&column["source of ".len()..]];
                assert_eq!(value.is_empty(), source.is_empty(), "{name}: {column}");
                if !value.is_empty() {
                    let place = format!("{name}, {column}");
                    match checked(value, source, &documents, &place) {
                        true => followed += 1,
                        false => others += 1,
                    }
                }
            }
        }
    }
    assert!(followed > 900, "{followed} numbers were followed");
    // Published figures, the scores of the candidates, the weights of the rule.
    assert!((20..60).contains(&others), "{others}");
    for name in [
        "accuracy",
        "benchmarks",
        "scores",
        "classes-ttd",
        "training",
        "training-resources",
        "inference",
        "inference-runs",
        "size",
        "choice",
        "cross-validation",
        "folds",
        "learning-curves",
        "upper-limits",
        "text-agreement",
        "text-classes",
        "label-noise",
        "accuracy-10-percent",
        "training-10-percent",
    ] {
        assert!(names.contains(&format!("tables/{name}.csv")), "{name} is missing");
    }
}

#[test]
fn every_number_of_the_page_stands_in_the_document_that_it_names() {
    let results = sample::results();
    let (files, documents) = (sampled(), documents(&results));
    let page = text(files, "index.html");
    let mut followed = 0;
    for element in page.split("<data value=\"").skip(1) {
        let (value, rest) = element.split_once("\" title=\"").unwrap();
        let (source, rest) = rest.split_once("\">").unwrap();
        let shown = rest.split_once("</data>").unwrap().0;
        assert!(!shown.is_empty());
        let source = source.replace("&#39;", "'");
        followed += usize::from(checked(value, &source, &documents, shown));
    }
    assert!(followed > 700, "{followed}");
}

#[test]
fn what_is_shown_is_what_the_document_says() {
    let files = sampled();
    let markdown = text(files, "report.md");
    for words in [
        // 690 and 694 of 882: mean 0.785, sd of 0.78231 and 0.78685.
        "0.785 ± 0.003 (0.756–0.810)",
        // 61,200 s and two hundredths more: 17 h 20 min, not 62,424 hours.
        "17 h 20 min",
        // 4 bytes for each of 2,586,435 parameters.
        "10.3 MB",
        // 1,448.4 s, of which features took 60 %; the second seed found them: 0.4 × 1,476.8 + 2 s, and as long alone.
        "| mobilenet-v2-head | 1 | 368,586 | 51,000 | 9 | 6 | 24 min 08 s | made in 14 min 29 s | 9 min 39 s | 24 min 08 s \
         | 1.00 × |",
        "| mobilenet-v2-head | 2 | 368,586 | 51,000 | 9 | 6 | 9 min 53 s | found | 9 min 51 s | 24 min 20 s | 1.01 × |",
        "| vgg19-all | 1 | 368,586 | 51,000 | 9 | 6 | 17 h 20 min | none | 17 h 20 min | 17 h 20 min | 43.10 × |",
        // The middle of fifteen runs, and the fourth from either side.
        "| 31.82 ms (31.57–32.08) |",
        "| 1.02 × | 2 | A made-up CPU",
        "| mobilenet-v2-all | one image | 15 | 31.38 ms | 31.57 ms | 31.82 ms | 32.08 ms | 32.27 ms |",
        "| mobilenet-v2-all | 1 | 312 % | 4.8 GB | 96.4 GB | – | 4,000 |",
        // (25,890 + 25,980) / 2 of 51,000 are right: 0.5085.
        "| mobilenet-v2-all | B-T4SA test | 0.499 ± 0.001 | 0.509 ± 0.001 | 0.504 ± 0.001 | 0.791 ± 0.001 | 0.391 ± 0.001 \
         | 0.042 ± 0.000 | 0.131 ± 0.000 |",
        // (675 + 679) / 2 of 882: 0.7676, and by how much the sample moves each.
        "| mobilenet-v2-all | ≥5 | positive | 441 | 0.738 ± 0.003 | 0.783 ± 0.003 | 0.760 ± 0.003 |",
        "| published folds in folds/five\\_agrees | 10 | 1,770 | 0.890 ± 0.017 | 0.885 ± 0.017 |",
        "| TTD, published folds | mobilenet-v2-all | 2 | 5 | 177 | 0.915 (0.865–0.948) | 0.910 |",
        "| mobilenet-v2-all | B-T4SA test | 10 % | 36,858 | 2 | 0.455 ± 0.002 (0.451–0.459) |",
        "| 20 % | 376,469 | 0.535 (0.531–0.540) | B-T4SA test | 0.508 (0.503–0.512) | +0.028 | intervals are apart |",
        "| B-T4SA | 470,586 | 470,000 | 463,512 | 0.986 (0.986–0.987) |",
        "| B-T4SA | positive | 156,700 | 800 | 1,288 | 154,612 | – | – | – |",
        "| same file | 1,204 | 0.308 (0.283–0.335) | 0.171 (0.155–0.188) | 0.829 (0.812–0.845) |",
        "| the same or nearly the same picture | 0 | – | – | – |",
    ] {
        assert!(markdown.contains(words), "{words}");
    }
}

#[test]
fn published_figures_are_marked_and_stand_only_beside_what_they_are_of() {
    let mut results = sample::results();
    let found = sampled();
    let markdown = text(found, "report.md");
    let vit = markdown.lines().find(|line| line.starts_with("| ViT")).unwrap();
    assert!(vit.contains("0.812 †") && vit.contains("ViT † |"), "{vit}");
    let page = text(found, "index.html");
    assert!(page.contains("<tr class=\"published\">"));
    assert!(text(found, "pictures/accuracy-ttd.svg").contains("VGG19 FT-A, paper †"));
    for by in ["ICCVW 2017", "the replaced Keras pipeline"] {
        assert!(markdown.contains(by), "{by}");
    }
    // The same benchmarks under other names, measured on something else.
    results.benchmarks.iter_mut().for_each(|benchmark| benchmark.published = None);
    let without = files(&results);
    assert!(without.keys().eq(found.keys()));
    for name in ["report.md", "index.html", "pictures/accuracy-ttd.svg", "tables/accuracy.csv"] {
        let text = text(&without, name);
        assert!(!text.contains('†') && !text.contains("ViT"), "{name}");
    }
}

#[test]
fn what_saw_a_part_of_the_data_never_stands_with_what_saw_all() {
    let found = sampled();
    for (name, rows) in tables(found) {
        let of_parts = name.contains("-10-percent");
        let parts = rows
            .iter()
            .filter(|row| row.get("model").is_some_and(|model| model == "mobilenet-v2-part"));
        assert_eq!(parts.count(), if of_parts { rows.len() } else { 0 }, "{name}");
    }
    for (name, bytes) in found.iter().filter(|(name, _)| name.ends_with(".svg")) {
        let svg = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(svg.contains("mobilenet-v2-part"), name.contains("-10-percent"), "{name}");
        assert_eq!(svg.contains("trained on 10 %"), name.contains("-10-percent"), "{name}");
    }
    assert!(!text(found, "tables/choice.csv").contains("mobilenet-v2-part"));
    assert!(!text(found, "tables/accuracy-10-percent.csv").contains("published"));
}

#[test]
fn a_part_is_chosen_from_only_where_there_is_nothing_else_and_that_is_said_loudly() {
    let mut results = sample::results();
    results.models.retain(|run| run.percent.is_some());
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&results, folder.path()).unwrap();
    assert_eq!(written.chosen.as_deref(), Some("mobilenet-v2-part"));
    let page = fs::read_to_string(written.page).unwrap();
    let warning = page.split("<p class=\"warning\">").nth(1).unwrap();
    assert!(warning.starts_with("No model of this study saw all of the data."), "{warning:.200}");
    let markdown = fs::read_to_string(written.markdown).unwrap();
    assert!(markdown.contains("> **No model of this study saw all of the data."));
    assert!(
        !markdown.contains("ViT") && !markdown.contains('†'),
        "published figures are of all of the data"
    );
}

#[test]
fn the_choice_says_why_and_what_would_change_it() {
    let found = sampled();
    let markdown = text(found, "report.md");
    for words in [
        "accuracy on TTD ≥5 weighs 0.600, inference time of one image 0.200, size of the deployable weights 0.200",
        "By it mobilenet-v2-all is to be deployed: accuracy 0.768 (95 % interval 0.739–0.794), one image in 31.8 ms, \
         weights of 10.3 MB. Of 3 candidates it is the second most accurate, the quickest and the smallest.",
        "The runner-up is vgg19-all: score 0.600 against 0.804. Its accuracy is 0.017 higher, one image takes 13.2 \
         times as long, its weights are 54.0 times as large.",
        "overlap: this benchmark is too small to tell",
        "above 0.754 vgg19-all would be chosen; the rule has 0.600",
        "A tie between mobilenet-v2-all and mobilenet-v2-head within what was measured: what can be told apart does not \
         speak for mobilenet-v2-all. It is named by its score alone.",
    ] {
        assert!(markdown.contains(&table::escaped(words)), "{words}");
    }
    assert!(!markdown.contains("whatever the weights"), "nothing is beaten beyond the intervals");
    // Score: the sum of weight times worth, from the table alone.
    let rows = tables(found).find(|(name, _)| *name == "tables/choice.csv").unwrap().1;
    let number = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<f64>().unwrap();
    for row in &rows {
        let worths = ["worth: accuracy", "worth: time", "worth: size"].map(|of| number(row, of));
        let score = 0.6 * worths[0] + 0.2 * worths[1] + 0.2 * worths[2];
        assert!((score - number(row, "score")).abs() < 1e-12, "{row:?}");
    }
    let mut other = sample::results();
    other.rule.accuracy = 20.0;
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&other, folder.path()).unwrap();
    assert_eq!(written.chosen.as_deref(), Some("vgg19-all"), "above the weight that was named");
}

#[test]
fn what_is_beaten_beyond_the_intervals_is_said_and_a_tie_is_no_win() {
    let mut results = sample::results();
    // 500 of 882 are right: 0.567, and the intervals are apart.
    for run in results.models.iter_mut().filter(|run| run.name == "mobilenet-v2-head") {
        let scores = json!(Proportion::of(500, 882));
        run.evaluations[1].as_mut().unwrap().json["levels"][0]["scores"]["accuracy"] = scores;
    }
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&results, folder.path()).unwrap();
    assert_eq!((written.chosen.as_deref(), written.tied), (Some("mobilenet-v2-all"), vec![]));
    let markdown = fs::read_to_string(written.markdown).unwrap();
    for words in [
        "so never to be chosen whatever the weights: mobilenet-v2-head (by mobilenet-v2-all).",
        "beaten by mobilenet-v2-all |",
    ] {
        assert!(markdown.contains(&table::escaped(words).replace("\\|", "|")), "{words}");
    }
    assert!(!markdown.contains("A tie between"));
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&sample::results(), folder.path()).unwrap();
    assert_eq!(written.tied, ["mobilenet-v2-head"]);
}

#[test]
fn a_busy_machine_is_said_in_the_table_and_before_all_else_with_what_to_type() {
    let found = sampled();
    for words in ["was busy", "×, busy"] {
        assert!(!text(found, "report.md").contains(words), "a quiet one is not");
    }
    let mut results = sample::results();
    results.study_file = "my study.toml".to_owned();
    let busy = results.models.iter_mut().filter(|run| run.network == "vgg19");
    for cost in busy.filter_map(|run| run.cost.as_mut()) {
        cost.json = sample::cost("vgg19", 0.412, 139_582_531, 1.43);
    }
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&results, folder.path()).unwrap();
    assert_eq!(written.busy, ["vgg19 at 224 × 224 (1.43 ×)"]);
    let page = fs::read_to_string(&written.page).unwrap();
    let warning = page.split("<p class=\"warning\">").nth(1).unwrap();
    for words in [
        "The machine was busy",
        "vgg19 at 224",
        "do the study `my study.toml` again with `measure_again` and `threads: 2`",
    ] {
        assert!(warning.contains(words), "{warning:.600}");
    }
    assert!(!warning.contains(" --"), "no door is known where a file is read: {warning:.600}");
    let markdown = fs::read_to_string(written.markdown).unwrap();
    let row = markdown.lines().find(|line| line.starts_with("| vgg19-all | 7.72 s"));
    assert!(row.unwrap().contains("1.43 ×, busy"), "{row:?}");
}

#[test]
fn a_busy_machine_decides_nothing_between_models_that_a_quiet_one_may_find_alike() {
    let tied = |seconds: f64, slowdown: f64| {
        let mut results = sample::results();
        let same =
            results.models.iter().find(|run| run.name == "mobilenet-v2-all").unwrap().clone();
        for run in results.models.iter_mut().filter(|run| run.name == "vgg19-all") {
            run.evaluations = same.evaluations.clone();
            run.train.as_mut().unwrap().json["weights_bytes"] = json!(4 * 2_586_435);
            if let Some(cost) = &mut run.cost {
                cost.json = sample::cost("vgg19", seconds, 2_586_435, slowdown);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        write_report(&results, folder.path()).unwrap().tied
    };
    // 44.6 ms either way, against 31.8 ms.
    assert_eq!(tied(0.0437, 1.02), ["mobilenet-v2-head"]);
    assert_eq!(tied(0.0312, 1.43), ["vgg19-all", "mobilenet-v2-head"]);
}

#[test]
fn models_measured_on_two_machines_are_not_told_apart_by_time_and_that_is_said() {
    assert!(!text(sampled(), "report.md").contains("not measured on the same"));
    let mut results = sample::results();
    let others = results.models.iter_mut().filter(|run| run.network == "vgg19");
    others.filter_map(|run| run.cost.as_mut()).for_each(|cost| cost.json["threads"] = json!(16));
    let markdown = text(&files(&results), "report.md");
    for words in [
        "vgg19 on A made-up CPU, 2 cores with 16 threads; mobilenet-v2 on A made-up CPU, 2 cores with 2 threads.",
        "one image was measured on another processor or number of threads, its weights are 54.0 times as large",
    ] {
        assert!(markdown.contains(&table::escaped(words)), "{words}");
    }
}

#[test]
fn error_bars_of_times_never_reach_below_0() {
    let mut results = sample::results();
    // Two seeds that took 1 s and 900 s.
    for (place, run) in results.models.iter_mut().filter(|run| run.name == "vgg19-all").enumerate()
    {
        run.train.as_mut().unwrap().json["times"]["seconds"] = json!(1.0 + 899.0 * place as f64);
    }
    let svg = text(&files(&results), "pictures/training-time.svg");
    let numbers = svg.split(['"', ',', ' ']).filter_map(|word| word.parse::<f64>().ok());
    assert!(numbers.fold(0.0, f64::min) >= 0.0, "nothing is drawn to the left of the picture");
    // The axis stands left of every bar and of every interval.
    let lines = svg.split("points=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let lefts = lines.filter_map(|points| points.split(',').next()?.trim().parse::<f64>().ok());
    assert!(lefts.fold(f64::INFINITY, f64::min) >= 100.0, "{svg}");
}

#[test]
fn what_is_missing_is_a_dash_a_list_and_never_a_choice() {
    let mut results = sample::results();
    results.missing = vec!["cost of vgg19-all".to_owned(), "evaluate <b>mobilenet</b>".to_owned()];
    for run in &mut results.models {
        match run.name.as_str() {
            "vgg19-all" => run.cost = None,
            "mobilenet-v2-all" => run.evaluations = vec![None, None],
            _ => run.train = None,
        }
    }
    results.labels[0].document = None;
    results.upper_limits[0].compared = None;
    results.cross_validations[0].evaluations[3].document = None;
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&results, folder.path()).unwrap();
    assert_eq!(
        written.chosen.as_deref(),
        Some("mobilenet-v2-head"),
        "the only one with everything"
    );
    let markdown = fs::read_to_string(written.markdown).unwrap();
    for words in [
        "> **Not done yet",
        "- cost of vgg19-all\n- evaluate \\<b\\>mobilenet\\</b\\>\n",
        "vgg19-all (no inference time); mobilenet-v2-all (no accuracy)",
        "It is the only candidate.",
        "| mobilenet-v2-all | FT-A | this study | – | – | – | – | – |",
        "| 9 of 10 |",
    ] {
        assert!(markdown.contains(words), "{words}");
    }
}

#[test]
fn a_report_of_nothing_is_still_a_report() {
    let nothing = files(&Results::default());
    assert!(text(&nothing, "report.md").contains("The study has no models."));
    assert!(text(&nothing, "index.html").contains("<h1>A study</h1>"));
    let mut untrained = sample::results();
    for run in &mut untrained.models {
        (run.train, run.cost, run.evaluations) = (None, None, vec![]);
    }
    untrained.cross_validations[0].evaluations.iter_mut().for_each(|fold| fold.document = None);
    for point in untrained.learning_curves.iter_mut().flat_map(|curve| &mut curve.points) {
        (point.train, point.evaluation) = (None, None);
    }
    (untrained.upper_limits, untrained.labels) = (Vec::new(), Vec::new());
    let found = files(&untrained);
    assert!(text(&found, "report.md").contains("No choice yet"));
    assert!(found.keys().all(|name| !name.starts_with("pictures/")), "nothing to draw");
    let rule = Rule { benchmark: "ImageNet".to_owned(), ..Rule::default() };
    let other = files(&Results { rule, ..sample::results() });
    assert!(text(&other, "report.md").contains("the study has no such benchmark"));
}

#[test]
fn documents_with_odd_values_make_a_report_too() {
    fn spoil(document: &mut Document, value: &Value) {
        let Value::Object(members) = &mut document.json else { return };
        members.values_mut().for_each(|member| *member = value.clone());
    }
    for value in [json!(null), json!("text"), json!([]), json!({}), json!(-1), json!(1e300)] {
        let mut results = sample::results();
        for run in &mut results.models {
            let evaluations = run.evaluations.iter_mut().flatten();
            evaluations.chain(&mut run.train).chain(&mut run.cost).for_each(|of| spoil(of, &value));
        }
        for of in &mut results.labels {
            of.document.iter_mut().for_each(|document| spoil(document, &value));
        }
        let found = files(&results);
        assert!(found.contains_key("index.html"), "{value}");
    }
}

#[test]
fn hostile_names_are_escaped_and_stay_in_their_folder() {
    let mut results = sample::results();
    let name = "../<script>alert(1)</script>|x";
    results.title = "<img src=x onerror=alert(1)>".to_owned();
    results.benchmarks[0].name = name.to_owned();
    results.rule.benchmark = name.to_owned();
    for run in results.models.iter_mut().filter(|run| run.name == "vgg19-all") {
        run.name = name.to_owned();
        let train = run.train.as_mut().unwrap();
        train.file = format!("results/{name}\".json");
    }
    let found = files(&results);
    let page = text(&found, "index.html");
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(page.contains("&#60;script&#62;alert(1)"));
    assert!(!text(&found, "report.md").replace("\\<", "").contains('<'));
    for (name, bytes) in &found {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c);
        assert!(name.chars().all(plain) && !name.contains(".."), "{name}");
        if name.ends_with(".svg") {
            assert!(!String::from_utf8(bytes.clone()).unwrap().contains("<script"), "{name}");
        }
    }
    // Names that are the same as file names do not replace each other.
    results.benchmarks[0].name = "ttd".to_owned();
    let found = files(&results);
    for name in
        ["tables/classes-ttd.csv", "tables/classes-ttd-2.csv", "pictures/accuracy-ttd-2.svg"]
    {
        assert!(found.contains_key(name), "{name}");
    }
}

#[test]
fn the_page_needs_nothing_else_and_has_every_picture_for_light_and_dark() {
    let found = sampled();
    let page = text(found, "index.html");
    for outside in ["<script", "<link", "src=\"http", "url(\"http", "@import", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let pictures = found.keys().filter(|name| name.ends_with(".svg")).count();
    assert_eq!(page.matches("<svg ").count(), 2 * pictures, "each for wide screens and for phones");
    assert_eq!(pictures % 2, 0);
    for name in found.keys().filter(|name| name.ends_with(".svg")) {
        let svg = text(found, name);
        assert!(page.contains(svg.trim()), "{name}");
        assert!(found[&name.replace(".svg", ".png")].starts_with(b"\x89PNG"), "{name}");
    }
    let markdown = text(found, "report.md");
    for link in markdown.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
        assert!(found.contains_key(link), "{link}");
    }
}

#[test]
fn the_letters_of_every_picture_can_be_read_on_wide_screens_and_on_phones() {
    let mut noisy = sample::results();
    for (place, run) in noisy.models.iter_mut().enumerate() {
        run.name.push_str(" with a name that does not fit beside its bar");
        // Of a busy machine: intervals from nearly nothing to several times the time itself.
        let Some(cost) = &mut run.cost else { continue };
        for time in ["image_1", "images_15"] {
            let median = cost.json[time]["median"].as_f64().unwrap();
            cost.json[time]["low"] = json!(0.05 * median);
            cost.json[time]["high"] = json!((place + 2) as f64 * median);
        }
    }
    for results in [sample::results(), noisy] {
        let scopes = Scope::all(&results);
        let chosen = Chosen::of(&results, &scopes);
        let report = report(&results, &scopes, &chosen).unwrap();
        assert!(report.pictures().count() > 10);
        report.pictures().for_each(|picture| legible::check(&picture.drawn));
    }
}

#[test]
fn the_same_results_are_the_same_bytes_without_times_or_places() {
    let folder = tempfile::tempdir().unwrap();
    let written = write_report(&sample::results(), folder.path()).unwrap();
    let place = folder.path().to_str().unwrap();
    assert_eq!(written.files.len(), sampled().len());
    for path in written.files {
        let bytes = fs::read(&path).unwrap();
        let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap().replace('\\', "/");
        assert!(bytes == sampled()[&name], "{name}");
        assert!(!String::from_utf8_lossy(&bytes).contains(place), "{name}");
    }
}

#[test]
fn a_second_report_removes_what_it_no_longer_has_and_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    write_report(&sample::results(), out).unwrap();
    for name in ["pictures/holiday.png", "tables/mine.csv", "notes.md"] {
        fs::write(out.join(name), "mine").unwrap();
    }
    let mut results = sample::results();
    results.models.retain(|run| run.percent.is_none());
    let written = write_report(&results, out).unwrap();
    assert!(!out.join("tables/accuracy-10-percent.csv").exists());
    assert!(!out.join("pictures/accuracy-ttd-10-percent-dark.png").exists());
    assert!(written.files.iter().all(|path| path.exists()));
    for name in ["pictures/holiday.png", "tables/mine.csv", "notes.md"] {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), "mine", "{name}");
    }
    // A list that somebody else wrote names nothing outside.
    let list = json!({"format": "tcolz-study-report-v1",
        "files": ["notes.md", "tables/../notes.md", "/etc/hostname", "pictures/holiday.png"]});
    fs::write(out.join("report.json"), list.to_string()).unwrap();
    write_report(&results, out).unwrap();
    assert!(out.join("notes.md").exists());
    assert!(!out.join("pictures/holiday.png").exists(), "it was on the list");
    fs::write(out.join("report.json"), "no list").unwrap();
    write_report(&results, out).unwrap();
}

/// To be looked at: `TCOLZ_PICTURES=folder cargo test --lib study::report`.
#[test]
fn a_report_to_be_looked_at() {
    if let Some(folder) = std::env::var_os("TCOLZ_PICTURES") {
        write_report(&sample::results(), Path::new(&folder)).unwrap();
    }
}

#[test]
#[ignore = "needs Chromium and Node.js: make test-browser"]
fn the_page_of_a_study_fits_every_screen() {
    let folder = tempfile::tempdir().unwrap();
    write_report(&sample::results(), folder.path()).unwrap();
    let status = std::process::Command::new("node")
        .args(["--test", "--test-reporter=spec", "reports.test.mjs"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser"))
        .env("TCOLZ_PAGES", folder.path())
        .status()
        .unwrap();
    assert!(status.success());
}
