//! What inference and training cost is measured alike for what computes the same, and can be measured again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::{Folder, STUDY, common};

/// Two fine-tunings of one network, one of them with two seeds.
fn study() -> String {
    let models = "[[models]]\nname = \"all\"\nnetwork = \"mobilenet-v2\"\nfinetune = \"all\"\n[[benchmarks]]";
    let study = STUDY.split("[[cross-validations]]").next().unwrap();
    let study = study
        .replace("network = \"mobilenet-v1\"", "network = \"mobilenet-v2\"\nfinetune = \"head\"");
    study.replace("[[benchmarks]]", models)
}

/// Documents of jobs, by the file's name below `results/`.
fn documents(folder: &Folder, out: &str, name: &str) -> BTreeMap<String, Value> {
    let tree = common::tree(&folder.path(out).join("results")).into_iter();
    let named = tree.filter(|(file, _)| file.ends_with(name));
    named.map(|(file, bytes)| (file, serde_json::from_slice(&bytes).unwrap())).collect()
}

/// Changes a document; its job becomes one of an earlier version, which knows no hash of it.
fn write(folder: &Folder, out: &str, file: &str, value: &Value) {
    let path = folder.path(out).join("results").join(file);
    fs::write(&path, value.to_string()).unwrap();
    let job_file = path.with_file_name("job.json");
    let mut job: Value = serde_json::from_slice(&fs::read(&job_file).unwrap()).unwrap();
    job["format"] = json!("tcolz-study-job-v1");
    job.as_object_mut().unwrap().remove("files");
    fs::write(job_file, job.to_string()).unwrap();
}

#[test]
fn fine_tunings_of_one_network_share_a_measurement_and_it_can_be_taken_again() {
    let folder = Folder::new(&study());
    folder.ends("out", &[], 0);
    let costs = documents(&folder, "out", "cost.json");
    assert_eq!(costs.len(), 1, "three models of one network: {:?}", costs.keys());
    let (file, cost) = costs.iter().next().unwrap();
    assert_eq!(
        (&cost["format"], &cost["method"]),
        (&json!("tcolz-study-cost-v2"), &json!("median-v1"))
    );
    for timed in ["images_15", "image_1", "reference"] {
        let of = |number: &str| cost[timed][number].as_f64().unwrap();
        assert!(
            0.0 < of("low") && of("low") <= of("median") && of("median") <= of("high"),
            "{cost}"
        );
        assert!(of("runs") >= 7.0, "{cost}");
    }
    let rows = fs::read_to_string(folder.path("out/tables/inference.csv")).unwrap();
    let sources = rows.matches(&format!("results/{file}#/image_1/median")).count();
    assert_eq!(sources, 3, "each model's time is the same measurement: {rows}");
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    assert!(!report.contains("have seen is not known"), "{report}");
    // With all trained and measured, only the measurement is taken again.
    let trained = documents(&folder, "out", "train.json");
    let text = folder.ends("out", &["--measure-again"], 0);
    assert!(text.contains("measure inference of MobileNetV2 at 32 × 32"), "{text}");
    assert!(!text.contains("] train "), "{text}");
    assert_eq!(documents(&folder, "out", "train.json"), trained);
    let again = documents(&folder, "out", "cost.json");
    assert_ne!(again[file]["image_1"]["values"], cost["image_1"]["values"]);
    assert_eq!(folder.done("out").0, folder.done("out").1);
    // Times on other threads are other times.
    let open = |threads: &[&str]| -> Vec<String> {
        let output = elsewhere(&folder).args(["--list", "--json"]).args(threads).output().unwrap();
        let jobs: Value = serde_json::from_slice(&output.stdout).unwrap();
        let open = jobs.as_array().unwrap().iter().filter(|job| job["done"] == false);
        open.map(|job| job["job"].as_str().unwrap().to_owned()).collect()
    };
    let asked = open(&["--threads", "1"]);
    assert!(asked.len() == 1 && asked[0].starts_with("cost-mobilenet-v2-32-"), "{asked:?}");
    // Whoever asks for none takes what is there, on a machine with other cores, too; until it is measured again.
    assert_eq!(open(&[]), [""; 0]);
    let output = elsewhere(&folder).arg("--measure-again").output().unwrap();
    assert!(output.status.success(), "{}", super::said(&output));
    let threads = documents(&folder, "out", "cost.json").into_values();
    let mut threads: Vec<u64> = threads.map(|cost| cost["threads"].as_u64().unwrap()).collect();
    threads.sort_unstable();
    assert_eq!((threads, open(&[])), (vec![2, 3], vec![]));
    let results = fs::read_to_string(folder.path("out/results/results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    let cost =
        fs::read(folder.path("out").join(results["models"][0]["cost"]["file"].as_str().unwrap()));
    assert_eq!(serde_json::from_slice::<Value>(&cost.unwrap()).unwrap()["threads"], 3);
}

/// The same study on a machine with three cores.
fn elsewhere(folder: &Folder) -> std::process::Command {
    let mut command = common::tcolz();
    command.arg("study").arg(folder.path("study.toml")).arg("--out").arg(folder.path("out"));
    command.args(["--device", "cpu"]).env("RAYON_NUM_THREADS", "3");
    command
}

#[test]
fn a_busy_machine_is_said_on_the_screen_with_what_to_type() {
    let folder = Folder::new(STUDY.split("[[cross-validations]]").next().unwrap());
    folder.ends("out", &[], 0);
    let mut costs = documents(&folder, "out", "cost.json");
    assert_eq!(costs.len(), 2, "one for each network");
    // Nothing is as quick as the reference loop was beside the first one.
    let (first, second) = (costs.pop_first().unwrap(), costs.pop_first().unwrap());
    let (file, mut cost) = first;
    cost["reference"]["quickest"] = json!(1e-9);
    write(&folder, "out", &file, &cost);
    let job = second.0.replace("cost.json", "job.json");
    fs::remove_file(folder.path("out/results").join(job)).unwrap();
    let text = folder.ends("out", &[], 0);
    let network = second.1["network"].as_str().unwrap();
    assert!(text.contains(&format!("the machine was busy while {network} was measured")), "{text}");
    assert!(text.contains("/out --threads 2 --measure-again"), "{text}");
    assert!(text.contains(&format!("the machine, while {}", "mobilenet-v1 at 32 × 32")), "{text}");
    // What a quiet machine says is no warning.
    for (file, mut cost) in documents(&folder, "out", "cost.json") {
        for (key, value) in [("quickest", 0.010), ("upper_quartile", 0.011), ("slowdown", 1.1)] {
            cost["reference"][key] = json!(value);
        }
        write(&folder, "out", &file, &cost);
    }
    let text = folder.ends("out", &[], 0);
    assert!(!text.contains("the machine"), "{text}");
}

#[test]
fn seeds_that_found_features_are_told_from_the_one_that_made_them() {
    let folder = Folder::new(&study());
    // Seeds share a backbone where it comes from a file.
    folder.ends("first", &[], 0);
    let mut runs = common::tree(&folder.path("first/runs")).into_iter();
    let (_, best) = runs.find(|(file, _)| file.ends_with("best.safetensors")).unwrap();
    fs::write(folder.path("weights.safetensors"), best).unwrap();
    let weights = "epochs = 1\nweights = \"weights.safetensors\"";
    fs::write(folder.path("study.toml"), study().replace("epochs = 1", weights)).unwrap();
    folder.ends("out", &[], 0);
    let used = |seed: u64, finetune: &str| {
        let trained = documents(&folder, "out", "train.json").into_values();
        let mut trained = trained.filter(|train| train["finetune"] == finetune);
        trained.find(|train| train["seed"] == seed).unwrap()["times"]["features"].clone()
    };
    // `head` is the same as the first seed of `small`.
    let (first, second, all) = (used(0, "head"), used(1, "head"), used(0, "all"));
    assert_eq!((&first["samples"], &first["made"]), (&json!(24), &json!(24)));
    assert_eq!((&second["samples"], &second["made"]), (&json!(24), &json!(0)));
    assert_eq!(first["key"], second["key"]);
    assert_eq!(all["samples"], 0, "whoever trains all layers keeps none");
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    let row = |start: &str| report.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(row("| small | 0 | 18 ").contains("| made in "), "{report}");
    assert!(row("| small | 1 | 18 ").contains("| found |"), "{report}");
    assert!(row("| all | 0 | 16 ").contains("| none |"), "{report}");
    // Weights that are padded otherwise compute something else. The file stays as long as it was.
    let mut bytes = fs::read(folder.path("weights.safetensors")).unwrap();
    let (torch, keras) = (br#"\"symmetric\""#, br#"\"tf_same\"  "#);
    let at = bytes.windows(torch.len()).position(|window| window == torch).unwrap();
    bytes[at..at + torch.len()].copy_from_slice(keras);
    let hash = bytes.windows(12).position(|window| window == b"tcolz-blake3").unwrap();
    bytes[hash..hash + 5].copy_from_slice(b"their");
    fs::write(folder.path("keras.safetensors"), bytes).unwrap();
    let keras = "name = \"all\"\nweights = \"keras.safetensors\"";
    let study = fs::read_to_string(folder.path("study.toml")).unwrap();
    fs::write(folder.path("study.toml"), study.replace("name = \"all\"", keras)).unwrap();
    folder.ends("out", &["--measure-again"], 0);
    let costs = documents(&folder, "out", "cost.json").into_values();
    let paddings: BTreeSet<String> = costs.map(|cost| cost["padding"].to_string()).collect();
    assert_eq!(Vec::from_iter(paddings), [r#""symmetric""#, r#""tf_same""#]);
}

#[test]
fn a_folder_of_an_earlier_version_keeps_its_trainings_and_is_measured_anew() {
    let folder = Folder::new(&study());
    folder.ends("out", &[], 0);
    // As 0.2.0 left it: a cost for each model, and no word of features and seconds.
    for (file, mut job) in documents(&folder, "out", "job.json") {
        job.as_object_mut().unwrap().remove("seconds");
        write(&folder, "out", &file, &job);
    }
    for (file, mut train) in documents(&folder, "out", "train.json") {
        train["times"].as_object_mut().unwrap().remove("features");
        train.as_object_mut().unwrap().remove("weights_bytes");
        write(&folder, "out", &file, &train);
    }
    let costs = documents(&folder, "out", "cost.json");
    let job = costs.keys().next().unwrap().trim_end_matches("/cost.json");
    let old = folder.path("out/results/cost-mobilenet-v2-head-0a1b2c3d");
    fs::rename(folder.path("out/results").join(job), &old).unwrap();
    fs::write(old.join("cost.json"), json!({"format": "tcolz-study-cost-v1"}).to_string()).unwrap();
    let (done, all) = folder.done("out");
    assert_eq!(all - done, 1, "one measurement for each network");
    let text = folder.ends("out", &[], 0);
    assert!(text.contains(&format!("{all} of {all} done, {done} of them before")), "{text}");
    let report = fs::read_to_string(folder.path("out/report.md")).unwrap();
    let row = report.lines().find(|line| line.starts_with("| small | 1 | 18 ")).unwrap();
    assert!(
        row.contains(" s | – | ") || row.contains(" ms | – | "),
        "features are not known: {row}"
    );
    let sizes = report.lines().find(|line| line.starts_with("| all | mobilenet-v2 |"));
    assert!(sizes.unwrap().contains(" MB |"), "{report}");
}

#[test]
fn a_study_says_how_long_it_will_take_once_jobs_of_the_kind_are_done() {
    let folder = Folder::new(&study());
    let list = folder.ends("out", &["--list"], 0);
    assert!(!list.contains(" left"), "nothing is known yet: {list}");
    let text = folder.ends("out", &[], 0);
    let begun: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert!(begun[0].starts_with("[1 of ") && !begun[0].contains("left"), "{text}");
    assert!(begun.last().unwrap().contains("; about "), "{text}");
    assert!(text.contains("; more than "), "some kinds were timed, others not: {text}");
    // One training and what needs it is open.
    let jobs = documents(&folder, "out", "job.json");
    let train = jobs.iter().find(|(file, job)| {
        file.starts_with("train-mobilenet-v2-head") && job["definition"]["seed"] == 1
    });
    let (file, mut job) = train.map(|(file, job)| (file.clone(), job.clone())).unwrap();
    job["seconds"] = json!(7200.0);
    write(&folder, "out", &file, &job);
    let other = documents(&folder, "out", "job.json").into_keys();
    let other =
        other.filter(|file| file.starts_with("train-mobilenet-v2-head")).find(|name| *name != file);
    fs::remove_file(folder.path("out/results").join(other.unwrap())).unwrap();
    let list = folder.ends("out", &["--list"], 0);
    assert!(list.contains("jobs done; about 2.0 h left"), "{list}");
    let output = folder.command("out").args(["--list", "--json"]).output().unwrap();
    let jobs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let open = jobs.as_array().unwrap().iter().find(|job| job["done"] == false).unwrap();
    assert!((7100.0..=7200.0).contains(&open["seconds"].as_f64().unwrap()), "{open}");
}
