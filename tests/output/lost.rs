//! What cannot be printed ends no work: notes and progress are dropped, a result that is lost is an error at the end.

use super::*;

/// The words of a conversion that is no part of any other test.
const CONVERT: &str = "convert ~/photos ~/new --size 32 --max-bad 100%";

#[test]
fn a_full_or_broken_standard_error_ends_no_work() {
    let place = Place::new();
    let expected = common::tree(&place.at("data"));
    for stderr in [full, broken] {
        let output = place.command(CONVERT).stderr(stderr()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(common::tree(&place.at("new")) == expected);
        fs::remove_dir_all(place.at("new")).unwrap();
    }
    let ends = |words: &str, code: i32| {
        let status = place.command(words).stdout(Stdio::null()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{words}");
    };
    ends("train ~/data --model mobilenet-v1 --out ~/run --epochs 1 --batch-size 4 --lr 0.01", 0);
    ends("evaluate ~/run ~/data --split val --out ~/evaluation", 0);
    assert!(place.at("evaluation/evaluation.json").exists());
    ends("predict ~/run ~/gone.png ~/photos/3\u{202e}gnp.png", 1);
    ends("show ~/data 3\u{202e}gnp.png --png ~/one.png", 0);
    ends("inspect ~/data --html ~/page.html --sheet ~/sheet.png", 0);
    ends("convert ~/photos ~/data --size 32 --max-bad 0%", 3);
    ends("verify ~/nowhere", 1);
    ends("frobnicate", 2);
    let shard = place.at("data/val/00000.arrow");
    let mut bytes = fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&shard, bytes).unwrap();
    ends("repair ~/data --source ~/photos", 0);
    assert!(common::tree(&place.at("data")) == expected);
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error_once_the_work_is_done() {
    let place = Place::new();
    assert_eq!(place.train().status.code(), Some(0));
    let expected = common::tree(&place.at("data"));
    let ends = |words: &str, code: i32| {
        let output = place.command(words).stdout(full()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {said}");
        let told = "error: standard output: No space left on device";
        assert_eq!(said.matches(told).count(), 1, "{words}: {said}");
        assert!(!said.contains("panicked"), "{words}: {said}");
    };
    ends(&format!("{CONVERT} --json"), 1);
    assert!(common::tree(&place.at("new")) == expected, "the events are lost, the dataset is not");
    ends("convert ~/photos ~/new --size 32 --max-bad 0%", 3);
    for words in [
        "plan ~/photos",
        "verify ~/data",
        "inspect ~/data --html ~/page.html --sheet ~/sheet.png",
        "inspect ~/data --list-bad",
        "show ~/data 3\u{202e}gnp.png",
        "repair ~/data --source ~/photos",
        "bench ~/data --split train --seconds 0.01 --json",
        "train ~/data --model mobilenet-v1 --out ~/run --epochs 1 --batch-size 4 --lr 0.01",
        "evaluate ~/run ~/data --split val --out ~/evaluation",
        "predict ~/run ~/photos/3\u{202e}gnp.png",
        "weights ~/run/best.safetensors",
        "demo ~/demo --photos 12 --no-train",
        "completions bash",
        "--help",
        "--version",
    ] {
        ends(words, 1);
    }
    for made in ["page.html", "sheet.png", "evaluation/evaluation.json", "demo/oddities.png"] {
        assert!(place.at(made).exists(), "{made}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error_and_ends_no_conversion() {
    let place = Place::new();
    for words in [&format!("{CONVERT} --json"), "inspect ~/data", "--help"] {
        let output = place.command(words).stdout(broken()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words}: {}", said(&output));
    }
    assert!(common::tree(&place.at("new")) == common::tree(&place.at("data")));
}

/// The first files that are opened would get the numbers of the streams, and what is printed would go into them.
#[test]
fn streams_that_are_closed_put_no_word_into_a_dataset() {
    let place = Place::new();
    let command = place.command(CONVERT);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 0<&- 1>&- 2>&-", "sh"]).arg(command.get_program());
    assert!(shell.args(command.get_args()).status().unwrap().success());
    assert!(common::tree(&place.at("new")) == common::tree(&place.at("data")));
}
