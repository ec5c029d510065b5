//! Promise: whoever types a command wrong is told what was found, what was expected and what to type next, in words;
//! advice names only flags that the command has, and nothing says what a library calls things inside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What only a programmer would understand.
const INSIDE: [&str; 16] = [
    "os error",
    "Os {",
    "unwrap()",
    "panicked",
    "invalid digit",
    "float literal",
    "socket address syntax",
    "valid UTF-8",
    "u32",
    "f64",
    "TOML parse",
    "EOCD",
    "InvalidArchive",
    ".tcolz-unfinished",
    "Error(",
    "Error {",
];
/// Flags of cargo and curl in our advice.
const OF_OTHERS: [&str; 6] =
    ["--features", "--data-binary", "--lib", "--new", "--test", "--test-reporter"];

/// Words that begin with two dashes.
fn flags(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("--").filter(|(at, _)| !text[..*at].ends_with('-'));
    let flag = |(at, _): (usize, &str)| {
        let rest = &text[at + 2..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
        rest[..end.unwrap_or(rest.len())].trim_end_matches('-').to_owned()
    };
    let words = starts.map(flag).filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    words.map(|word| format!("--{word}")).collect()
}

/// The flags of each command, by its help.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let help = |words: &[&str]| {
        let output = common::tcolz().args(words).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&[]);
    let listed = all.split_once("Commands:\n").unwrap().1;
    let names = listed.lines().take_while(|line| !line.is_empty());
    let names =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    // Only what stands at the beginning of a line is a flag of the command; the rest is advice.
    let own = |name: &str| {
        let help = help(&[name]);
        let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
        lines.flat_map(flags).collect::<BTreeSet<_>>()
    };
    names.map(|name| (name.to_owned(), own(name))).collect()
}

/// What reads the flags that runs of earlier versions hold.
const OLD_RUNS: [&str; 2] = ["crates/train/src/names.rs", "crates/train/src/identity/old.rs"];

/// The `.rs` files below a folder, with what they hold.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The lines that are no comments; a comment behind code stays.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What stands in the brackets that `text` begins within.
fn in_brackets(text: &str) -> &str {
    let mut open = 1;
    let end = text.find(|c: char| {
        open += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
        open == 0
    });
    &text[..end.unwrap_or(text.len())]
}

/// The name in quotes that `text` begins with.
fn quoted(text: &str) -> Option<&str> {
    Some(text.trim_start().strip_prefix('"')?.split_once('"')?.0)
}

/// The text behind each `name(` that begins a word.
fn behind<'a>(code: &'a str, name: &str) -> Vec<&'a str> {
    let begins = |at: &usize| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let found = code.match_indices(name).map(|(at, _)| at).filter(begins);
    let rest = found.map(|at| code[at + name.len()..].strip_prefix('('));
    rest.flatten().collect()
}

/// The fields that code has spelled: of `option("…")`, `given("…", …)`, `switch("…", …)`, and of the options in
/// `call("…", &[…], &[("…", …)])`.
fn spelled_fields(code: &str) -> Vec<&str> {
    let mut fields: Vec<&str> = ["option", "given", "switch"]
        .iter()
        .flat_map(|name| behind(code, name))
        .filter_map(quoted)
        .collect();
    for call in behind(code, "call").into_iter().filter(|call| quoted(call).is_some()) {
        let all = in_brackets(call);
        let options = all.match_indices("&[").map(|(at, found)| &all[at + found.len()..]).last();
        let tuples = options.map_or_else(Vec::new, |options| {
            let options = in_brackets(options);
            options.match_indices('(').map(|(at, _)| &options[at + 1..]).collect()
        });
        fields.extend(tuples.into_iter().filter_map(quoted));
    }
    fields
}

#[test]
fn spelled_fields_are_found_in_code() {
    let code = r#"
        option("batch_size"), given( "finetune", "head"), switch("restart", true), Some_option("no"),
        call("verify", &["DATASET"], &[]), option(name), recall("x", &[], &[("no", "")]),
        call("repair", &[&out.display().to_string()], &[("source", &path(a)), ("strict", "")]),
    "#;
    let found = ["batch_size", "finetune", "restart", "source", "strict"];
    assert_eq!(spelled_fields(code), found);
}

#[test]
fn every_flag_that_is_named_anywhere_in_the_program_exists() {
    let known = known();
    assert!(known.len() > 5, "{known:?}");
    let of_all: BTreeSet<_> = known.values().flatten().cloned().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hidden = ["--child".to_owned(), "--help".to_owned()];
    for (path, text) in sources(&root.join("crates/cli/src")) {
        for flag in flags(&text) {
            let exists =
                of_all.contains(&flag) || hidden.contains(&flag) || OF_OTHERS.contains(&&*flag);
            assert!(exists, "{}: no command has {flag}", path.display());
        }
    }
    // Elsewhere flags are spelled by the door, from the names of fields.
    let crates = fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> =
        crates.map(|path| path.join("src")).chain([root.join("src")]).collect();
    let (mut files, mut fields) = (0, BTreeSet::new());
    for (path, text) in folders.iter().flat_map(|folder| sources(folder)) {
        let code = code(&text);
        let is_below = |name: &str| path.starts_with(root.join("crates").join(name));
        let is_door = path.ends_with("crates/base/src/door.rs");
        if !is_door {
            for field in spelled_fields(&code) {
                let flag = tcolz_base::door::flag(field);
                assert!(of_all.contains(&flag), "{}: no command has {flag}", path.display());
                fields.insert(field.to_owned());
            }
        }
        if !is_door && !is_below("cli") && !OLD_RUNS.iter().any(|old| path.ends_with(old)) {
            let literal: BTreeSet<_> =
                flags(&code).into_iter().filter(|flag| !OF_OTHERS.contains(&&**flag)).collect();
            assert!(
                literal.is_empty(),
                "{}: {literal:?}: spelled by tcolz_base::door instead",
                path.display()
            );
        }
        files += 1;
    }
    assert!(files > 100, "{files}");
    for field in ["check_space", "condition", "lists", "shard_bytes", "source"] {
        assert!(fields.contains(field), "{field}: {fields:?}");
    }
}

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    common::small_dump(&path.join("photos"));
    common::converted(&common::options(&path.join("photos"), &path.join("data"), &[32]));
    fs::write(path.join("junk"), [0x9C, 0x81, 0, 7].repeat(300)).unwrap();
    fs::write(path.join("empty.txt"), "\n \n").unwrap();
    fs::write(path.join("latin.txt"), b"train/cat/photo-0.png\ncaf\xE9.png\n").unwrap();
    fs::write(path.join("zero.txt"), b"train/cat/photo-0.png\0").unwrap();
    Place { _folder: folder, path }
}

/// Runs a mistake; what it says, after the tests that hold for all of them.
fn said(place: &Place, known: &BTreeMap<String, BTreeSet<String>>, command: &str) -> String {
    let words: Vec<String> =
        command.split_whitespace().map(|word| word.replace('~', " ")).collect();
    let output = common::tcolz().current_dir(&place.path).args(&words).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{command}: {:?}: {text}", output.status);
    for inside in INSIDE {
        assert!(!text.contains(inside), "{command}: `{inside}` in: {text}");
    }
    // A flag behind `tcolz NAME` is of that command, any other of the one that was typed.
    for (number, part) in text.split("tcolz ").enumerate() {
        let named = part.split_whitespace().next().filter(|_| number > 0);
        let own = named.and_then(|name| known.get(name)).unwrap_or(&known[&words[0]]);
        for flag in flags(part) {
            let asked = words.iter().any(|word| word.starts_with(&flag));
            let exists = own.contains(&flag) || asked || OF_OTHERS.contains(&&*flag);
            assert!(exists, "{command}: {flag} in: {text}");
        }
    }
    text
}

fn all_say(mistakes: &[(&str, &[&str])]) {
    let (place, known) = (place(), known());
    for (command, says) in mistakes {
        let text = said(&place, &known, command);
        for part in *says {
            assert!(text.contains(part), "{command}: {part}: {text}");
        }
    }
}

#[test]
fn mistakes_with_datasets_are_said_with_what_to_type() {
    all_say(&[
        ("inspect nothing", &["not a dataset", "tcolz convert SRC nothing"]),
        ("inspect junk", &["not a dataset: it is a file"]),
        ("inspect photos", &["not a dataset", "`tcolz convert photos OUT` makes one"]),
        ("inspect data/dataset.json", &["not a dataset", "expected the folder of a dataset, data"]),
        ("inspect data --split trian", &["no split `trian`", "train, val"]),
        ("inspect data --where ~", &["expected a condition such as `agreement >= 5`"]),
        ("inspect data --where colour~=~3", &["no ledger column `colour`", "width"]),
        ("inspect data --where ;width", &["no ledger column `;width`"]),
        ("inspect data --where =3", &["expected a ledger column, found `=3`"]),
        ("inspect data --where width~>~3~and", &["found the end"]),
        ("inspect data --where width~>~x", &["holds numbers"]),
        (
            "inspect data --subset nothing.txt",
            &["nothing.txt: No such file or folder: check the name"],
        ),
        ("inspect data --subset photos", &["photos: Is a directory: a file is expected"]),
        ("inspect data --subset empty.txt", &["names no sample", "tcolz show"]),
        ("inspect data --subset latin.txt", &["line 2 is not UTF-8", "save it as UTF-8"]),
        ("inspect data --subset zero.txt", &["line 1 holds a byte 0"]),
        ("inspect data --percent 0", &["expected a number above 0"]),
        (
            "inspect data --html nowhere/x.html",
            &["nowhere/x.html: No such file or folder: check the name"],
        ),
        ("inspect data --sheet-by class", &["--sheet <FILE>"]),
        ("show data nothing", &["no sample `nothing`", "train/cat/photo-0.png"]),
        ("show data train/cat/photo-0.png --size 99", &["99", "32"]),
        ("show data train/cat/photo-0.png --png nowhere/x.png", &["No such file or folder"]),
        ("verify nothing", &["not a dataset"]),
        ("verify data --source nothing", &["nothing: No such file"]),
        ("verify data --source junk", &["junk: expected a folder of photos"]),
        ("repair data --source nothing", &["nothing: No such file"]),
        (
            "bench data --where status~=~missing",
            &["`tcolz inspect data --list-bad --where 'status = missing'`"],
        ),
        (
            "bench data --where label~>=~0~and~width~<~1",
            &["ask for less with --subset, --where or --percent"],
        ),
        ("bench data --view colour", &["no view `colour`", "caffe"]),
        ("bench data --size 77", &["expected one of 32, found 77"]),
        ("bench data --batch-size abc", &["expected a whole number"]),
        ("bench data --batch-size 100000", &["--batch-size: expected at most", "found 100000"]),
        ("bench data --batch-size 0", &["--batch-size: expected 1 to"]),
        ("bench data -j 99999999999999999999", &["too large"]),
        ("bench data --seconds 0", &["expected seconds, 0.01 to 86400"]),
        ("demo data", &["expected a new folder or an earlier demo"]),
        ("demo junk", &["a file stands where a folder is expected"]),
        ("completions ksh", &["zsh"]),
    ]);
}

#[test]
fn mistakes_with_models_are_said_with_what_to_type() {
    let (train, evaluate) = ("train data --model mobilenet-v1 --out r", "evaluate");
    let commands: &[(&str, &[&str])] = &[
        ("--weights nothing.pth", &["nothing.pth: No such file or folder"]),
        ("--weights junk", &["not a file of weights", "safetensors"]),
        ("--weights photos", &["a folder, expected a file of weights"]),
        ("--weights-key ema", &["--weights <FILE>"]),
        ("--size 77", &["data holds tensors of 32", "convert it with --size 77"]),
        ("--lr -1", &["--lr: expected a number above 0, found -1"]),
        ("--lr abc", &["expected a number, such as 0.01"]),
        ("--epochs many", &["expected a whole number"]),
        ("--seed -4", &["expected a whole number"]),
        ("--momentum -2", &["--momentum: expected 0 to 1, found -2"]),
        ("--flip 3", &["--flip: expected 0 to 1, found 3"]),
        ("--label-smoothing 2", &["--label-smoothing"]),
        (
            "--class-weights 1,2,3",
            &["each of 2 classes (cat, dog), found 3", "--class-weights balanced"],
        ),
        ("--class-weights weights.txt", &["expected `balanced` or a number for each class"]),
        ("--schedule foo", &["cosine"]),
        ("--crop foo", &["random-resized"]),
        ("--device tpu", &["cuda:N"]),
        ("--view colour", &["no view `colour`"]),
        ("--split nothing", &["no split `nothing`"]),
        ("--val-subset nothing", &["No such file or folder"]),
        ("--memory 0.0001", &["--batch-size", "--memory"]),
        ("--preset 2019", &["b-t4sa-2018"]),
        ("--holdout 0", &["expected a number above 0"]),
        ("--out junk", &["a file stands where a folder is expected"]),
        ("--out photos", &["no run of tcolz", "--out"]),
    ];
    let typed: Vec<_> = commands
        .iter()
        .map(|(more, says)| (format!("{train} {more}").replace(" --out r --out", " --out"), *says))
        .collect();
    all_say(&typed.iter().map(|(command, says)| (command.as_str(), *says)).collect::<Vec<_>>());
    let fixture = format!("{}/tests/fixtures/weights/small-f32.pth", env!("CARGO_MANIFEST_DIR"));
    let other = |command: &str| format!("{command} {fixture} data");
    all_say(&[
        (
            "train data --model inception-resnet-v2",
            &["cannot take images of 32 × 32", "convert it with --size 299"],
        ),
        ("evaluate nothing data", &["no finished model", "tcolz train data"]),
        ("evaluate junk data", &["junk: no safetensors file", "no length of a header"]),
        (&other(evaluate), &["tcolz train data", "--weights"]),
        ("predict nothing photos/train/cat/photo-0.png", &["no finished model"]),
        ("predict data photos/train/cat/photo-0.png", &["expected a model", "found a dataset"]),
        ("predict junk photos/train/cat/photo-0.png", &["no safetensors file"]),
        ("weights nothing", &["nothing: No such file or folder: check the name"]),
        ("weights photos", &["a folder, expected a file of weights"]),
        ("weights photos/train/cat/photo-0.png", &["png", "give a file of weights"]),
        ("weights junk --model vgg", &["mobilenet-v2"]),
    ]);
    all_say(&[
        ("serve nothing", &["no finished model"]),
        ("serve junk", &["no safetensors file"]),
        (
            "serve nothing --bind x",
            &["expected a port, or an address and a port, such as 127.0.0.1:5000"],
        ),
        ("serve nothing --bind 127.0.0.1:99999", &["expected a port, or an address and a port"]),
        ("serve nothing --bind 5000", &["no finished model"]),
        ("serve nothing --bind localhost:5001", &["no finished model"]),
    ]);
}

#[test]
fn a_studys_file_is_read_in_every_encoding_and_its_faults_are_said_in_words() {
    let (place, known) = (place(), known());
    let whole = "title = \"x\"\r\n[datasets.a]\r\npath = \"data\"\r\n[[models]]\r\nnetwork = \"mobilenet-v1\"\r\n\
                 dataset = \"a\"\r\n[[benchmarks]]\r\nname = \"t\"\r\ndataset = \"a\"\r\nsplit = \"val\"\r\n";
    let file = place.path.join("study.toml");
    let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [
        whole.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", whole.as_bytes()].concat(),
        [b"\xFF\xFE", &*utf16].concat(),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = common::tcolz()
            .current_dir(&place.path)
            .args(["study", "study.toml", "--list"])
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains("0 of 3 jobs done"), "{text}");
    }
    for (old, new, says) in [
        ("[[benchmarks]]", "[[marks]]", &["unknown key `marks`", "line 7", "schemas/study.md"][..]),
        (
            "dataset = \"a\"\r\n[[",
            "epochs = \"x\"\r\n[[",
            &["found the text \"x\", expected a whole number", "line 6"],
        ),
        ("mobilenet-v1", "resnet", &["expected one of vgg19", "found `resnet`"]),
        ("title = \"x\"", "", &["missing: the key `title`"]),
        ("title = \"x\"", "title = \"x\0\"", &["line 1 holds a byte 0"]),
        (
            "path = \"data\"",
            "path = \"s3://b/data\"",
            &["s3://b/data: a URL", "path of this machine"],
        ),
        (
            "dataset = \"a\"\r\n[[",
            "dataset = \"a\"\r\nweights = \"https://host/w.pth\"\r\n[[",
            &["download it first"],
        ),
        ("title = \"x\"", "title = 3", &["found the number `3`, expected a text in quotes"]),
    ] {
        fs::write(&file, whole.replace(old, new)).unwrap();
        let text = said(&place, &known, "study study.toml --list");
        for part in says {
            assert!(text.contains(part), "{new}: {part}: {text}");
        }
    }
    assert!(
        said(&place, &known, "study nothing.toml").contains("nothing.toml: No such file or folder")
    );
    assert!(said(&place, &known, "study junk").contains("junk: "));
    fs::write(&file, whole).unwrap();
    assert!(said(&place, &known, "study study.toml --job x").contains("no job `x`"));
}

#[test]
fn a_subset_is_read_in_every_encoding_and_with_every_line_end() {
    let place = place();
    let ids = ["train/cat/photo-0.png", "train/dog/photo-1.png"];
    let utf16: Vec<u8> = ids.join("\r\n").encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        ids.join("\n").into_bytes(),
        ids.join("\r\n").into_bytes(),
        ids.join("\r").into_bytes(),
        [b"\xEF\xBB\xBF", ids.join("\n").as_bytes()].concat(),
        [b"\xFE\xFF", &*utf16].concat(),
        utf16,
    ] {
        fs::write(place.path.join("subset.txt"), bytes).unwrap();
        let words = ["inspect", "data", "--split", "train", "--subset", "subset.txt", "--json"];
        let output = common::tcolz().current_dir(&place.path).args(words).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["counts"]["stored"], 2, "{json}");
    }
    let words = ["inspect", "data", "--where", "\u{feff}width > 10"];
    let output = common::tcolz().current_dir(&place.path).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_page_and_a_list_of_duplicates_are_made_by_one_command() {
    let place = place();
    let again = place.path.join("photos/val/cat/again.png");
    fs::copy(place.path.join("photos/train/cat/photo-0.png"), again).unwrap();
    let photos = place.path.join("photos");
    common::converted(&common::options(&photos, &place.path.join("twice"), &[32]));
    let run = |words: &[&str]| {
        let output = common::tcolz().current_dir(&place.path).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let alone = run(&["inspect", "twice", "--duplicates"]);
    let both =
        run(&["inspect", "twice", "--duplicates", "--html", "both.html", "--sheet", "sheet.png"]);
    assert_eq!(both, alone);
    run(&["inspect", "twice", "--html", "page.html"]);
    assert_eq!(
        fs::read(place.path.join("both.html")).unwrap(),
        fs::read(place.path.join("page.html")).unwrap()
    );
    assert!(fs::read(place.path.join("sheet.png")).unwrap().starts_with(b"\x89PNG"));
    let json: serde_json::Value = serde_json::from_str(&run(&[
        "inspect",
        "twice",
        "--duplicates",
        "--html",
        "both.html",
        "--json",
    ]))
    .unwrap();
    assert!(json["duplicates"]["groups"].is_array() && json["inspection"].is_object());
}
