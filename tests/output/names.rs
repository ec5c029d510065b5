//! What others wrote steers no terminal and forges no line, in whatever command it is quoted.

use tcolz_nn::Model;

use super::*;

/// No character that does something, no line that is not the command's own.
#[track_caller]
fn assert_harmless(words: &str, text: &str) {
    let steers = |character: char| {
        character != '\n' && character.is_control()
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(steers), "{words}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("error: FORGED")), "{words}: {text}");
}

const STUDY: &str = r#"
title = "^"
[datasets]
pets.path = "~/data"
[training]
dataset = "pets"
epochs = 1
batch-size = 4
lr = 0.01
[[models]]
name = "small"
network = "mobilenet-v1"
[[benchmarks]]
name = "val"
dataset = "pets"
split = "val"
"#;

#[test]
fn no_command_sends_what_others_wrote_to_the_terminal_as_it_is() {
    let place = Place::new();
    let quoted = |text: &str| -> String {
        text.chars().map(|character| format!("\\U{:08X}", u32::from(character))).collect()
    };
    let path = quoted(place.path.to_str().unwrap());
    fs::write(place.at("study.toml"), STUDY.replace('^', &quoted(HOSTILE)).replace('~', &path))
        .unwrap();
    let trained = place.train();
    assert_eq!(trained.status.code(), Some(0), "{}", said(&trained));
    assert_harmless("train", &said(&trained));
    let mut model = Model::open(&place.at("run/best.safetensors")).unwrap();
    model.facts.classes[0] = HOSTILE.to_owned();
    model.save(&place.at("odd.safetensors")).unwrap();
    for (words, code) in [
        ("convert ~/photos ~/new --size 32 --max-bad 100%", 0),
        ("convert ~/photos ~/new --size 32 --max-bad 100% --json", 0),
        ("convert ~/photos ~/new --size 32 --max-bad 0%", 3),
        ("convert ~/photos ~/new --size 48", 1),
        ("convert ~/^ ~/other", 1),
        ("convert ~/photos ~/other --list ^=~/subset.txt", 2),
        ("plan ~/photos ~/other", 0),
        ("plan ~/photos --json", 0),
        ("verify ~/data", 0),
        ("verify ~/data --source ~/photos --json", 0),
        ("verify ~/^", 1),
        ("inspect ~/data", 0),
        ("inspect ~/data --json", 0),
        ("inspect ~/data --list-bad", 0),
        ("inspect ~/data --list-bad --json", 0),
        ("inspect ~/data --duplicates", 0),
        ("inspect ~/data --html ~/page.html --sheet ~/sheet.png", 0),
        ("inspect ~/data --subset ~/subset.txt", 1),
        ("inspect ~/data --split ^", 1),
        ("inspect ~/data --where ^", 1),
        ("show ~/data 3\u{202e}gnp.png", 0),
        ("show ~/data 3\u{202e}gnp.png --json", 0),
        ("show ~/data 3\u{202e}gnp.png --png ~/one.png", 0),
        ("show ~/data ^", 1),
        ("repair ~/data --source ~/photos", 0),
        ("repair ~/^ --source ~/photos", 1),
        ("bench ~/data --split train --seconds 0.01", 0),
        ("train ~/data --model mobilenet-v1 --out ~/run --epochs 2 --batch-size 4 --lr 0.01", 0),
        ("train ~/data --model mobilenet-v1 --weights ~/^ --out ~/run-2", 1),
        ("evaluate ~/run ~/data --split val --out ~/evaluation", 0),
        ("evaluate ~/run ~/data --split val --json", 0),
        ("evaluate ~/^ ~/data", 1),
        ("predict ~/run ~/photos/3\u{202e}gnp.png", 0),
        ("predict ~/run ~/photos/3\u{202e}gnp.png ~/^ ~/gone^.png", 1),
        ("predict ~/run ~/^ --json", 1),
        ("weights ~/run/best.safetensors", 0),
        ("weights ~/run/best.safetensors --json", 0),
        ("weights ~/^", 1),
        ("weights ~/odd.safetensors", 0),
        ("predict ~/odd.safetensors ~/photos/3\u{202e}gnp.png", 0),
        ("evaluate ~/odd.safetensors ~/data --split val", 1),
        ("serve ~/^", 1),
        ("study ~/study.toml --out ~/study --list", 0),
        ("study ~/study.toml --out ~/study", 0),
        ("study ~/study.toml --out ~/study --json", 0),
        ("study ~/^ --out ~/study", 1),
        ("demo ~", 1),
        ("demo ~/demo --photos 12 --no-train", 0),
        ("^", 2),
        ("inspect --^", 2),
        ("convert ~/photos ~/other --size ^", 2),
        ("convert ~/photos ~/other --codec ^", 2),
        ("convert ~/photos s3://^", 2),
    ] {
        let output = place.run(words);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words}: {text}");
        assert_harmless(words, &text);
        assert!(text.lines().count() > 0, "{words}");
    }
}

#[test]
fn a_hostile_name_is_shown_and_json_keeps_it() {
    let place = Place::new();
    let text = String::from_utf8(place.run("show ~/data 3\u{202e}gnp.png").stdout).unwrap();
    assert!(text.contains(r"sample    3\u202egnp.png"), "{text}");
    let json = place.run("show ~/data 3\u{202e}gnp.png --json").stdout;
    let rows: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(rows[0]["sample_id"], "3\u{202e}gnp.png");
    let wrong = String::from_utf8(place.run("conv\u{1b}[31mert\nerror:").stderr).unwrap();
    assert!(wrong.contains(r"'conv\u001b[31mert\nerror:'"), "{wrong}");
}
