//! `tcolz serve` as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::{get, predict};
use crate::common::{photo, tcolz};
use crate::service::save_model;

/// A process that is ended when a test fails.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command, where it listens, and its event that says so.
pub(crate) fn serve(model: &Path, arguments: &[&str]) -> (Process, SocketAddr, Value) {
    let mut command = tcolz();
    command.arg("serve").arg(model).args(["--bind", "127.0.0.1:0", "--json"]).args(arguments);
    serve_command(command)
}

/// Starts this command and waits until it listens.
fn serve_command(mut command: Command) -> (Process, SocketAddr, Value) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
        let mut said = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        panic!("{line}{said}")
    });
    assert_eq!((&event["event"], &event["model"]), (&"listening".into(), &"small".into()));
    let address = event["address"].as_str().unwrap().parse().unwrap();
    (process, address, event)
}

#[cfg(unix)]
#[test]
fn the_command_serves_until_it_is_told_to_stop_and_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, address, _) = serve(&save_model(folder.path()), &[]);
    assert!(address.ip().is_loopback());
    assert_eq!(get(address, "/health").json()["model"], "small");
    assert_eq!(predict(address, &photo(1, 60, 50)).status, 200);
    let told = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the model is on the disk: {left:?}");
}

/// Debug builds let a decoder panic on request.
#[cfg(all(unix, debug_assertions))]
#[test]
fn a_decoder_that_panics_is_an_answer_and_no_text_on_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tcolz();
    command.arg("serve").arg(save_model(folder.path())).args(["--bind", "127.0.0.1:0", "--json"]);
    command.env("TCOLZ_TEST_DECODER_PANICS", "png");
    let (mut process, address, _) = serve_command(command);
    let answer = predict(address, &photo(1, 60, 50));
    assert_eq!((answer.status, answer.code()), (422, "decoder-failed".to_owned()));
    assert!(
        Command::new("kill")
            .args(["-TERM", &process.0.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    process.0.wait().unwrap();
    let mut said = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!said.contains("panicked") && !said.contains("BACKTRACE"), "{said}");
}

#[test]
fn a_run_is_served_by_its_folder_and_called_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("small");
    std::fs::create_dir(&run).unwrap();
    std::fs::rename(save_model(folder.path()), run.join("best.safetensors")).unwrap();
    for path in [run.clone(), run.join("best.safetensors")] {
        let (_process, address, _) = serve(&path, &[]);
        assert_eq!(get(address, "/model").json()["name"], "small");
    }
}

#[test]
fn the_help_says_that_only_this_machine_is_served_and_how_to_ask() {
    let help = tcolz().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["[default: 127.0.0.1:5000]", "tcolz serve runs/NAME", "curl -F", "--json"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn it_answers_what_predict_prints() {
    let folder = tempfile::tempdir().unwrap();
    let model = save_model(folder.path());
    let photos: Vec<_> = [photo(1, 60, 50), photo(2, 200, 120)]
        .into_iter()
        .chain((0..3).map(|class| tcolz_demo::photo(40, class, (320, 240)).unwrap()))
        .enumerate()
        .map(|(number, bytes)| {
            let path = folder.path().join(format!("{number}.photo"));
            std::fs::write(&path, &bytes).unwrap();
            (path, bytes)
        })
        .collect();
    let (_process, address, _) = serve(&model, &["--device", "cpu"]);
    let mut predict_command = tcolz();
    predict_command.arg("predict").arg(&model).args(["--json", "--device", "cpu"]);
    predict_command.args(photos.iter().map(|(path, _)| path));
    let output = predict_command.output().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for ((_, bytes), image) in photos.iter().zip(printed["images"].as_array().unwrap()) {
        let answer = predict(address, bytes).json();
        let predictions = image["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 3, "{image}");
        assert_eq!(predictions[0]["class"], answer["label"]);
        for prediction in predictions {
            let printed = prediction["probability"].as_f64().unwrap();
            let served = answer[prediction["class"].as_str().unwrap()].as_f64().unwrap();
            assert!((printed - served).abs() < 1e-6, "{prediction} {answer}");
            assert_eq!(format!("{printed:.4}"), format!("{served:.4}"));
        }
    }
}

#[test]
fn what_cannot_be_served_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let said = |model: &Path, arguments: &[&str]| {
        let output = tcolz().arg("serve").arg(model).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = folder.path().join("missing.safetensors");
    let said_of_missing = said(&missing, &[]);
    assert!(said_of_missing.contains("missing.safetensors"), "{said_of_missing}");
    // The next command to type, with or without a folder there.
    assert!(said_of_missing.contains("`tcolz train DATASET --model"), "{said_of_missing}");
    let no_run = said(folder.path(), &[]);
    assert!(no_run.contains("without best.safetensors") && no_run.contains("--out"), "{no_run}");
    let wrong = folder.path().join("wrong.safetensors");
    std::fs::write(&wrong, "no model").unwrap();
    assert!(said(&wrong, &[]).contains("wrong.safetensors"));
    let model = save_model(folder.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(said(&model, &["--bind", &address]).contains("--bind"));
    let elsewhere = said(&model, &["--bind", "192.0.2.1:1"]);
    assert!(elsewhere.contains("cannot listen on 192.0.2.1:1"), "{elsewhere}");
}
