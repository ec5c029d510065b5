//! Everything that can be known is said before the first job, all of it at once.

use std::fs;

use super::{Folder, STUDY};

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let folder = Folder::new(STUDY);
    for (study, words) in [
        (STUDY.replace("\"dataset\"\n[training]", "\"nowhere\"\n[training]"), "tcolz convert SRC"),
        (
            STUDY.replace("model = \"head\"\nbenchmark", "model = \"hat\"\nbenchmark"),
            "expected one of small, head, found `hat`",
        ),
        (STUDY.replace("epochs = 1", "epoch = 1"), "unknown key `epoch`"),
        (
            STUDY.replace(
                "network = \"mobilenet-v1\"",
                "network = \"mobilenet-v1\"\nweights = \"none.pth\"",
            ),
            "none.pth",
        ),
    ] {
        fs::write(folder.path("study.toml"), study).unwrap();
        let text = folder.ends("out", &[], 1);
        assert!(text.contains(words), "{text} has no {words}");
        assert!(text.matches("tcolz convert").count() <= 1, "the same advice twice: {text}");
    }
    fs::write(folder.path("study.toml"), STUDY).unwrap();
    let text = folder.ends("out", &["--job", "train-nothing"], 1);
    assert!(text.contains("no job `train-nothing`") && text.contains("--list"), "{text}");
}

#[test]
fn what_a_model_is_trained_and_evaluated_on_is_said_before_the_first_job() {
    let leaking = "[[benchmarks]]\nname = \"leaking\"\ndataset = \"colours\"\nsplit = \"train\"\n\
                   where = \"label >= 0\"\nmodels = [\"small\"]\n";
    let folder = Folder::new(&(STUDY.to_owned() + leaking));
    let text = folder.ends("out", &["--list"], 0);
    let said = "warning: evaluate on leaking: small on colours: 18 of 18 photos are trained on";
    assert_eq!(text.matches(said).count(), 1, "seeds together: {text}");
    assert_eq!(text.matches("are trained on").count(), 1, "nothing else leaks: {text}");

    // Nor is a dataset a place for a report.
    let dataset = folder.path("dataset");
    let out = dataset.join("report");
    let text = folder.ends(out.to_str().unwrap(), &["--list"], 1);
    assert!(text.contains("lies in the dataset"), "{text}");
}

#[test]
fn everything_that_can_be_known_is_found_before_the_first_job_and_all_at_once() {
    let mut study = STUDY
        .replace("name = \"small\"", "name = \"small\"\nsize = 64\nflip = 2")
        .replace("finetune = \"head\"", "finetune = \"head\"\nweights = \"weights.pth\"")
        .replace("lr = 0.01", "lr = 0.01\nclass-weights = \"1,2,3\"")
        .replace("split = \"train\"\nwhere = \"label >= 0\"", "split = \"tarin\"")
        .replace("model = \"head\"\ntest-percent", "model = \"heda\"\ntest-percent");
    study.push_str(
        "[[benchmarks]]\nname = \"exam\"\ndataset = \"colours\"\nsplit = \"tset\"\n\
         [[benchmarks]]\nname = \"wide\"\ndataset = \"colours\"\nwhere = \"widht > 3\"\n\
         [[benchmarks]]\nname = \"agreed\"\ndataset = \"colours\"\nprotocol = \"ttd\"\nmodels = []\n\
         [[cross-validations]]\nname = \"lists\"\ndataset = \"colours\"\nsplit = \"train\"\nfolds = \"folds\"\n\
         models = [\"small\"]\n",
    );
    let folder = Folder::new(&study);
    fs::write(folder.path("weights.pth"), "no weights").unwrap();
    for (fold, id) in [(1, "00.png"), (2, "99.png")] {
        let lists = folder.path(&format!("folds/test{fold}"));
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("train.txt"), "01.png\n11.png\n").unwrap();
        fs::write(lists.join("test.txt"), format!("{id}\n")).unwrap();
    }
    for more in [&["--list"][..], &[], &["--list", "--json"]] {
        let text = folder.ends("out", more, 1);
        for words in [
            "study.toml: 10 faults",
            "[[models]] `small`, size 64: ",
            "[[models]] `small`, flip: expected 0 to 1, found 2",
            "[[models]] `head`, weights: ",
            "[training], class-weights: expected a number for each of 2 classes (blue, red), found 3",
            "[[benchmarks]] `exam`, split: expected one of train, val, test, found `tset`; did you mean `test`?",
            "[[benchmarks]] `wide`, where: condition `widht > 3`, character 1: no ledger column `widht`",
            "[[benchmarks]] `agreed`, protocol: ",
            "[[cross-validations]] `folds`, split: expected one of train, val, test, found `tarin`; did you mean `train`?",
            "[[cross-validations]] `lists`, folds: ",
            "line 1: the ledger has no sample `99.png`",
            "[[upper-limits]] `heda`, model: expected one of small, head, found `heda`; did you mean `head`?",
        ] {
            assert!(text.contains(words), "{text} has no {words}");
        }
        assert!(!folder.path("out/results").exists() && !folder.path("out/runs").exists());
    }
}

#[test]
fn a_model_that_a_benchmark_has_other_classes_than_is_told_before_the_first_job() {
    let folder =
        Folder::new(&STUDY.replace("[labels]", "[datasets.photos]\npath = \"animals\"\n[labels]"));
    let photos = folder.path("animals-photos");
    super::common::small_dump(&photos);
    let options =
        super::common::options(&photos, &folder.path("animals"), &[super::training::SIZE]);
    super::common::converted(&options);
    let study = fs::read_to_string(folder.path("study.toml")).unwrap();
    let benchmark = "[[benchmarks]]\nname = \"animals\"\ndataset = \"photos\"\nsplit = \"val\"\n";
    fs::write(folder.path("study.toml"), format!("{study}{benchmark}")).unwrap();
    let text = folder.ends("out", &["--list"], 1);
    for words in [
        "[[benchmarks]] `animals`, dataset: mobilenet-v1: the classes do not fit: the model knows blue, red",
        "has cat, dog",
        "[[benchmarks]] `animals`, dataset: mobilenet-v2: ",
    ] {
        assert!(text.contains(words), "{text} has no {words}");
    }
}

#[test]
fn a_device_that_is_not_there_is_told_before_the_first_job() {
    let folder = Folder::new(STUDY);
    let mut command = super::common::tcolz();
    command.arg("study").arg(folder.path("study.toml")).args(["--device", "cuda:9", "--list"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", super::said(&output));
    assert!(super::said(&output).contains("cuda:9"), "{}", super::said(&output));
}

#[test]
fn a_file_of_a_hundred_thousand_seeds_is_refused_before_it_is_planned() {
    let seeds = format!("[training]\nseeds = {:?}", (0..100_000).collect::<Vec<u32>>());
    let folder = Folder::new(&STUDY.replace("[training]", &seeds));
    let said = folder.ends("out", &["--list"], 1);
    assert!(said.contains("expected at most 5000") && said.contains("200000 are"), "{said}");
    assert!(!folder.path("out").exists());
}
