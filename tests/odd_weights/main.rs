//! Promise: files of weights as people really have them are read, or refused by name with what to do next; which of
//! several weights are taken is said and can be changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
mod files;
mod pickled;

use std::path::Path;

use tcolz_nn::Network;
use tcolz_nn::weights::{Wanted, Weights};

use files::{AVERAGED, RAW, dictionary, parameters, safetensors};
use pickled::{Python, torch_file, torch_file_legacy};

fn open(path: &Path, key: Option<&str>) -> Result<Weights, String> {
    Weights::open_wanted(path, Wanted { network: None, key }).map_err(|error| error.to_string())
}

/// What every number of the weights is.
fn number(weights: &Weights) -> f32 {
    let tensor = &weights.tensors["features.0.0.weight"];
    tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
}

fn text(text: &str) -> Python {
    Python::Text(text.to_owned())
}

fn dict(entries: Vec<(&str, Python)>) -> Python {
    Python::Dict(entries.into_iter().map(|(key, value)| (text(key), value)).collect())
}

#[test]
fn whatever_stands_before_all_names_is_taken_off_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    for prefix in [
        "",
        "_orig_mod.",
        "module.",
        "model.",
        "net.",
        "network.",
        "backbone.",
        "encoder.",
        "ema_model.",
        "model.model.",
        "module._orig_mod.model.",
        "_orig_mod.module.",
        "model._orig_mod.",
        "anything.at.all.",
        "a.b.c.d.e.f.g.h.i.j.",
    ] {
        let state = dictionary(prefix, RAW);
        let plain = prefix.split('.').filter(|part| !["", "_orig_mod", "module"].contains(part));
        let plain = plain.collect::<Vec<_>>().join(".");
        for nested in
            [&[][..], &["state_dict"], &["checkpoint", "state_dict"], &["a", "b", "c", "d"]]
        {
            let file = nested.iter().rev().fold(state.clone(), |inner, name| {
                dict(vec![("epoch", Python::Int(7)), (name, inner)])
            });
            torch_file(&path, &file);
            let weights =
                open(&path, None).unwrap_or_else(|error| panic!("{prefix} {nested:?}: {error}"));
            assert_eq!((weights.network, number(&weights)), (Network::MobileNetV2, RAW));
            let mut key: Vec<_> = nested.to_vec();
            key.extend(plain.split('.').filter(|part| !part.is_empty()));
            let key = if key.is_empty() { ".".to_owned() } else { key.join(".") };
            let taken = weights.source.taken.as_ref().unwrap();
            assert_eq!((&taken.key, taken.tensors), (&key, parameters().len() as u64), "{prefix}");
            assert!(weights.source.others.is_empty() && weights.source.left_out.is_empty());
            let epochs =
                weights.source.beside.iter().filter(|beside| beside.name.ends_with("epoch"));
            assert_eq!(epochs.count(), nested.len());
        }
    }
    let path = folder.path().join("weights.safetensors");
    for prefix in ["module._orig_mod.model.", "encoder."] {
        safetensors(&path, &[(prefix, RAW)], &[], &[("format", "pt")]);
        assert_eq!(number(&open(&path, None).unwrap()), RAW, "{prefix}");
    }
    let path = folder.path().join("legacy.pth");
    torch_file_legacy(&path, &dict(vec![("net", dictionary("model.", AVERAGED))]));
    assert_eq!(number(&open(&path, None).unwrap()), AVERAGED);
}

#[test]
fn wrappers_of_inner_modules_are_taken_off_and_two_tensors_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let renamed = |change: &dyn Fn(&str) -> String| match dictionary("", RAW) {
        Python::Dict(entries) => Python::Dict(
            entries
                .into_iter()
                .map(|(key, value)| match key {
                    Python::Text(key) => (text(&change(&key)), value),
                    _ => unreachable!("keys are texts"),
                })
                .collect(),
        ),
        _ => unreachable!("a dictionary"),
    };
    for inner in [
        "features._orig_mod.",
        "features.module.",
        "features._fsdp_wrapped_module._checkpoint_wrapped_module.",
    ] {
        torch_file(&path, &renamed(&|key| key.replace("features.", inner)));
        assert_eq!(number(&open(&path, None).unwrap()), RAW, "{inner}");
    }
    torch_file(&path, &renamed(&|key| key.replace(".conv.", "._orig_mod.conv.")));
    assert_eq!(number(&open(&path, None).unwrap()), RAW);
    let Python::Dict(mut twice) = dictionary("", RAW) else { unreachable!("a dictionary") };
    twice.extend(match dictionary("_orig_mod.", AVERAGED) {
        Python::Dict(entries) => entries,
        _ => unreachable!("a dictionary"),
    });
    torch_file(&path, &Python::Dict(twice));
    let error = open(&path, None).unwrap_err();
    assert!(error.contains("mobilenet-v2 has no place for"), "{error}");
}

#[test]
fn of_several_weights_the_usual_ones_are_taken_the_others_said_and_a_key_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let (raw, averaged) = (|| dictionary("", RAW), || dictionary("", AVERAGED));
    let joined = |parts: &[(&str, f32)]| {
        let parts = parts.iter().flat_map(|(prefix, value)| match dictionary(prefix, *value) {
            Python::Dict(entries) => entries,
            _ => unreachable!("a dictionary"),
        });
        Python::Dict(parts.collect())
    };
    // File, key of the raw ones, key of the averaged ones.
    let files = [
        (
            dict(vec![("state_dict_ema", averaged()), ("state_dict", raw())]),
            "state_dict",
            "state_dict_ema",
        ),
        (dict(vec![("ema", averaged()), ("model", raw())]), "model", "ema"),
        (
            dict(vec![("model", raw()), ("model_ema", dictionary("module.", AVERAGED))]),
            "model",
            "model_ema",
        ),
        (
            dict(vec![("state_dict", raw()), ("ema_state_dict", averaged())]),
            "state_dict",
            "ema_state_dict",
        ),
        (
            dict(vec![
                ("state_dict", dictionary("model.", RAW)),
                (
                    "callbacks",
                    dict(vec![(
                        "EMACallback",
                        dict(vec![("ema_state_dict", dictionary("model.", AVERAGED))]),
                    )]),
                ),
            ]),
            "state_dict.model",
            "ema_state_dict",
        ),
        (
            dict(vec![("state_dict", joined(&[("model.", RAW), ("ema_model.module.", AVERAGED)]))]),
            "state_dict.model",
            "ema_model",
        ),
        (dict(vec![("net", raw()), ("averaged_model", averaged())]), "net", "averaged_model"),
        (joined(&[("", RAW), ("ema_model.", AVERAGED)]), ".", "ema_model"),
    ];
    for (file, raw_key, averaged_key) in files {
        torch_file(&path, &file);
        let weights = open(&path, None).unwrap_or_else(|error| panic!("{averaged_key}: {error}"));
        let taken = weights.source.taken.as_ref().unwrap();
        assert_eq!((number(&weights), &*taken.key, taken.averaged), (RAW, raw_key, false));
        let [other] = &weights.source.others[..] else { panic!("{:?}", weights.source.others) };
        assert!(other.key.contains(averaged_key) && other.averaged, "{other:?}");
        assert!(weights.source.beside.is_empty(), "{:?}", weights.source.beside);
        let note = weights.source.notes("weights.pth").join("\n");
        assert!(note.contains(&other.key) && note.contains("`weights_key: KEY`"), "{note}");
        for key in [averaged_key, &other.key] {
            let weights = open(&path, Some(key)).unwrap();
            assert_eq!(number(&weights), AVERAGED, "{key}");
            assert_eq!(weights.source.others.len(), 1);
        }
        assert_eq!(
            number(&open(&path, Some(raw_key)).unwrap_or_else(|_| open(&path, None).unwrap())),
            RAW
        );
        let error = open(&path, Some("nonsense")).unwrap_err();
        assert!(error.contains("`weights_key: nonsense`") && error.contains(&other.key), "{error}");
    }
    // torch's AveragedModel alone: there is nothing to choose.
    let mut swa = dictionary("module.", AVERAGED);
    if let Python::Dict(entries) = &mut swa {
        entries.push((text("n_averaged"), Python::tensor("counter", &[])));
    }
    torch_file(&path, &swa);
    let weights = open(&path, None).unwrap();
    assert!(weights.source.taken.as_ref().unwrap().averaged);
    assert_eq!(weights.source.ignored, ["n_averaged"]);
}

#[test]
fn what_is_as_likely_as_another_is_never_taken_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    torch_file(
        &path,
        &dict(vec![("student", dictionary("", RAW)), ("teacher", dictionary("net.", AVERAGED))]),
    );
    let error = open(&path, None).unwrap_err();
    for part in ["`student`", "`teacher.net`", "`weights_key: KEY`", "mobilenet-v2"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(number(&open(&path, Some("teacher")).unwrap()), AVERAGED);
    let both = dict(vec![
        ("a", dict(vec![("ema", dictionary("", RAW))])),
        ("b", dict(vec![("ema", dictionary("", AVERAGED))])),
    ]);
    torch_file(&path, &both);
    let error = open(&path, Some("ema")).unwrap_err();
    assert!(error.contains("expected one of `a.ema`") && error.contains("`b.ema`"), "{error}");
    assert_eq!(number(&open(&path, Some("b.ema")).unwrap()), AVERAGED);
    let path = folder.path().join("weights.safetensors");
    safetensors(&path, &[("student.", RAW), ("teacher.", AVERAGED)], &[], &[]);
    assert!(open(&path, None).unwrap_err().contains("`teacher`"));
    assert_eq!(number(&open(&path, Some("teacher.")).unwrap()), AVERAGED);
}

#[test]
fn what_lies_beside_the_weights_is_listed_with_kind_count_size_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.pth");
    let momentum = Python::Dict(vec![(
        Python::Int(0),
        dict(vec![("momentum_buffer", Python::tensor("raw", &[32, 3, 3, 3]))]),
    )]);
    let file = dict(vec![
        ("epoch", Python::Int(41)),
        ("arch", text("mobilenet_v2\u{1b}[31m")),
        ("best_acc1", Python::Float(71.25)),
        ("scheduler", Python::None),
        ("amp", Python::Bool(true)),
        ("class_names", Python::List(vec![text("cat"), text("dog"), text("owl")])),
        (
            "optimizer",
            dict(vec![
                ("state", momentum),
                ("param_groups", Python::List(vec![dict(vec![("lr", Python::Float(0.1))])])),
            ]),
        ),
        (
            "args",
            Python::object(
                "argparse",
                "Namespace",
                dict(vec![("lr", Python::Float(0.1)), ("data", text("/d"))]),
            ),
        ),
        ("state_dict", {
            let mut state = dictionary("model.", RAW);
            if let Python::Dict(entries) = &mut state {
                entries.push((text("criterion.weight"), Python::tensor("raw", &[3])));
                entries.push((text("metrics.total"), Python::tensor("raw", &[5])));
            }
            state
        }),
    ]);
    torch_file(&path, &file);
    let weights = open(&path, None).unwrap();
    let said: Vec<String> = weights.source.beside.iter().map(|beside| beside.words()).collect();
    let expected = [
        "`epoch` (a number): 41",
        "`arch` (a text): mobilenet_v2\\u{1b}[31m",
        "`best_acc1` (a number): 71.25",
        "`scheduler` (nothing): None",
        "`amp` (a truth value): true",
        "`class_names` (a list, 3 members): cat, dog, owl",
        "`optimizer` (a dictionary, 2 members, 1 tensor, 3.5 kB)",
        "`args` (an object of the class argparse.Namespace, 2 members): lr 0.1, data /d",
        "`state_dict.criterion` (a tensor, 12 bytes)",
        "`state_dict.metrics` (a tensor, 20 bytes)",
    ];
    assert_eq!(said, expected);
    assert_eq!(weights.source.left_out, ["criterion.weight", "metrics.total"]);
    let notes = weights.source.notes("checkpoint.pth");
    assert!(notes[0].contains("`state_dict.criterion`") && notes.len() == 1, "{notes:?}");

    let output = common::tcolz().args(["weights", "--json"]).arg(&path).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let optimizer = &json["source"]["beside"][6];
    assert_eq!((&optimizer["name"], &optimizer["tensors"]), (&"optimizer".into(), &1.into()));
    assert_eq!(json["source"]["taken"]["key"], "state_dict.model");
    let output = common::tcolz().arg("weights").arg(&path).output().unwrap();
    let screen = String::from_utf8(output.stdout).unwrap();
    for part in ["`state_dict.model`", "`class_names`", "left out: not of the network"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    // The head of somebody's own is beside a backbone.
    let mut own = dictionary("backbone.", RAW);
    if let Python::Dict(entries) = &mut own {
        entries.retain(|(key, _)| !matches!(key, Python::Text(key) if key.contains("classifier")));
        entries.push((text("fc.weight"), Python::tensor("raw", &[3, 1280])));
    }
    torch_file(&path, &own);
    let weights = open(&path, None).unwrap();
    assert_eq!((&*weights.source.left_out, weights.classes), (&["fc.weight".to_owned()][..], None));
    let path = folder.path().join("weights.safetensors");
    safetensors(
        &path,
        &[("", RAW)],
        &[("ema.decay", &[1])],
        &[("format", "pt"), ("license", "mit")],
    );
    let weights = open(&path, None).unwrap();
    let said: Vec<String> = weights.source.beside.iter().map(|beside| beside.words()).collect();
    assert_eq!(
        said,
        ["`format` (a text): pt", "`license` (a text): mit", "`ema` (a tensor, 4 bytes)"]
    );
}

#[test]
fn a_run_and_a_study_keep_which_weights_they_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    common::small_dump(&path("photos"));
    common::converted(&common::options(&path("photos"), &path("data"), &[32]));
    let two = dict(vec![
        ("state_dict_ema", dictionary("", AVERAGED)),
        ("state_dict", dictionary("module.", RAW)),
    ]);
    torch_file(&path("two.pth"), &two);
    let train = |out: &str, key: Option<&str>| {
        let mut command = common::tcolz();
        command.current_dir(folder.path()).args([
            "train",
            "data",
            "--model",
            "mobilenet-v2",
            "--weights",
            "two.pth",
        ]);
        command.args(["--epochs", "1", "--threads", "2", "--out", out]);
        let output = command.args(key.map(|key| format!("--weights-key={key}"))).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = train("usual", None);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("taken from `state_dict`") && text.contains("`state_dict_ema`"),
        "{text}"
    );
    let (code, text) = train("usual", Some("state_dict_ema"));
    assert!(code == Some(1) && text.contains("was begun with --weights"), "{text}");
    assert_eq!(train("usual", None).0, Some(0), "the same command changes nothing");
    for _ in 0..2 {
        let (code, text) = train("averaged", Some("state_dict_ema"));
        assert_eq!(code, Some(0), "{text}");
    }
    let run = |out: &str| std::fs::read_to_string(path(out).join("run.json")).unwrap();
    assert!(run("averaged").contains("\"weights_key\": \"state_dict_ema\""));
    assert!(!run("usual").contains("weights_key"), "as runs were written before");
    let (code, text) = train("wrong", Some("nonsense"));
    assert!(code == Some(1) && text.contains("`state_dict_ema`"), "{text}");

    let list = |key: &str| {
        let study = format!(
            "title = 'x'\n[datasets.a]\npath = 'data'\n[[models]]\nnetwork = 'mobilenet-v2'\ndataset = 'a'\n\
             weights = 'two.pth'\n{key}\n[[benchmarks]]\nname = 't'\ndataset = 'a'\nsplit = 'val'\n"
        );
        std::fs::write(path("study.toml"), study).unwrap();
        let output = common::tcolz()
            .current_dir(folder.path())
            .args(["study", "study.toml", "--list"])
            .output()
            .unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let (usual, averaged) = (list(""), list("weights-key = 'state_dict_ema'"));
    assert!(
        usual.contains("train-mobilenet-v2-head") && averaged.contains("0 of 3 jobs"),
        "{averaged}"
    );
    assert_ne!(usual, averaged, "another job");
}

/// File name, its bytes and what is said of it.
#[test]
fn what_is_no_weights_is_refused_by_name_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, says) in files::refused() {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = open(&path, None).unwrap_err();
        for part in says {
            assert!(error.contains(part), "{name}: {part}: {error}");
        }
        for inner in
            ["Error(", "InvalidArchive", "EOCD", "superblock", "Io(", "os error", "stack", "opcode"]
        {
            assert!(!error.contains(inner), "{name}: {inner}: {error}");
        }
    }
    let error = open(folder.path(), None).unwrap_err();
    assert!(
        error.contains("a folder, expected a file of weights") && error.contains("give "),
        "{error}"
    );
    let run = folder.path().join("checkpoint.safetensors");
    safetensors(
        &run,
        &[("parameter.", RAW), ("momentum.", RAW)],
        &[],
        &[("tcolz-checkpoint", "{}")],
    );
    assert!(open(&run, None).unwrap_err().contains("give the run's best.safetensors"));
}

#[test]
fn tensors_that_cannot_be_read_are_named_where_they_are_needed_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let quantised = || Python::call("torch._utils", "_rebuild_qtensor", vec![]);
    let with = |key: &str, value: Python| {
        let mut state = dictionary("", RAW);
        if let Python::Dict(entries) = &mut state {
            entries.retain(|(old, _)| !matches!(old, Python::Text(old) if old == key));
            entries.push((text(key), value));
        }
        dict(vec![("state_dict", state), ("other", dict(vec![("q", quantised())]))])
    };
    for (value, found) in [
        (quantised(), "quantised numbers"),
        (Python::call("torch._utils", "_rebuild_sparse_tensor", vec![]), "a sparse tensor"),
        (Python::tensor_of("raw", "LongStorage", &[32, 3, 3, 3]), "64-bit integers"),
        (Python::tensor_of("raw", "SomeStorage", &[32, 3, 3, 3]), "not described"),
    ] {
        torch_file(&path, &with("features.0.0.weight", value));
        let error = open(&path, None).unwrap_err();
        assert!(
            error.contains("`features.0.0.weight`: expected floating-point numbers")
                && error.contains(found),
            "{error}"
        );
    }
    torch_file(&path, &with("extra.q", quantised()));
    assert_eq!(open(&path, None).unwrap().source.left_out, ["extra.q"]);
    for (module, name, value) in [("", "the file", None), ("model", "under `model`", Some("model"))]
    {
        let whole = Python::object(
            "torchvision.models",
            "MobileNetV2",
            dict(vec![("_modules", dict(vec![]))]),
        );
        let file =
            value.map_or(whole.clone(), |key| dict(vec![(key, whole), ("epoch", Python::Int(1))]));
        torch_file(&path, &file);
        let error = open(&path, None).unwrap_err();
        assert!(
            error.contains("torchvision.models.MobileNetV2")
                && error.contains("model.state_dict()"),
            "{error}"
        );
        assert!(module.is_empty() || error.contains(name), "{error}");
    }
}

/// Lists in lists, dictionaries in themselves, thousands of names: a sentence, soon.
#[test]
fn odd_nesting_ends_with_weights_or_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let deep = (0..40).fold(dictionary("", RAW), |inner, _| dict(vec![("x", inner)]));
    torch_file(&path, &deep);
    assert!(open(&path, None).unwrap_err().contains("expected a dictionary of tensors"));
    let wide = (0..20_000).map(|n| (text(&format!("k{n}")), dict(vec![("y", Python::Int(1))])));
    let wide = [(text("state_dict"), dictionary("", RAW))].into_iter().chain(wide).collect();
    torch_file(&path, &Python::Dict(wide));
    assert_eq!(number(&open(&path, None).unwrap()), RAW);
    // fastai and others: a list or a tuple around the weights.
    torch_file(
        &path,
        &Python::List(vec![dictionary("", RAW), dict(vec![("lr", Python::Float(0.1))])]),
    );
    let weights = open(&path, None).unwrap();
    assert_eq!(weights.source.taken.as_ref().unwrap().key, "0");
    // A dictionary that holds itself.
    let bytes = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.";
    pickled::zip(&path, &[("archive/data.pkl", bytes)]);
    assert!(open(&path, None).unwrap_err().contains("expected a dictionary of tensors"));
}
