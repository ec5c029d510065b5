//! A module uses what stands below it and nothing above; each third-party crate has its home folder;
//! `unsafe` has few homes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Modules from the bottom to the top. Those of one line may not use each other.
const LEVELS: &[&[&str]] = &[
    &[
        "sample",
        "recipe",
        "durable",
        "usage",
        "out_of_memory",
        "storage",
        "positioned",
        "random",
        "child",
        "text_file",
        "nearest",
        "visible",
    ],
    &["file_kind"],
    &["dump"],
    &["decode"],
    &["transform"],
    &["shard"],
    &["dataset"],
    &["convert"],
    &["loader"],
    &["inspect"],
    &["report"],
    &["model"],
    &["train"],
    &["evaluate", "predict"],
    &["study"],
    &["demo"],
    &["serve"],
    &["cli", "main"],
];

/// Crates that are used in few places only, so that they can be exchanged: crate, where.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["src/cli/", "src/main.rs"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("clap_complete", &["src/cli/"]),
    ("ctrlc", &["src/cli/"]),
    ("indicatif", &["src/cli/"]),
    ("arrow", &["src/shard/", "src/dataset/"]),
    ("bytes", &["src/dataset/"]),
    ("parquet", &["src/dataset/"]),
    ("memmap2", &["src/shard/", "src/serve/budget.rs"]),
    ("libc", &["src/shard/sigbus.rs", "src/usage.rs", "src/out_of_memory.rs"]),
    ("twox_hash", &["src/shard/"]),
    ("zstd_safe", &["src/shard/"]),
    ("tempfile", &["src/durable.rs"]),
    ("fs4", &["src/durable.rs"]),
    ("rustix", &["src/usage.rs", "src/storage.rs", "src/child.rs"]),
    ("csv", &["src/dump/", "src/study/report/"]),
    ("tar", &["src/dump/source/"]),
    ("unicode_normalization", &["src/dump/resolve.rs"]),
    ("gif", &["src/decode/"]),
    ("image", &["src/decode/"]),
    ("png", &["src/decode/"]),
    ("turbojpeg_sys", &["src/decode/"]),
    ("half", &["src/transform/", "src/model/weights/element.rs"]),
    ("jpeg_encoder", &["src/decode/picture.rs", "src/demo/"]),
    ("font8x8", &["src/inspect/"]),
    ("strsim", &["src/nearest.rs"]),
    (
        "candle_core",
        &[
            "src/model/",
            "src/train/",
            "src/predict.rs",
            "src/evaluate/",
            "src/study/cost.rs",
            "src/loader/tensors/",
        ],
    ),
    ("gemm", &["src/model/"]),
    ("pulp", &["src/model/ops/"]),
    ("safetensors", &["src/model/", "src/train/checkpoint.rs"]),
    ("hdf5_reader", &["src/model/weights/"]),
    ("zip", &["src/model/weights/"]),
    ("plotters", &["src/report/"]),
    ("askama", &["src/report/", "src/study/"]),
    ("base64", &["src/report/", "src/serve/", "src/study/"]),
    ("toml", &["src/study/spec.rs"]),
    ("axum", &["src/serve/"]),
    ("http_body_util", &["src/serve/"]),
    ("hyper", &["src/serve/"]),
    ("hyper_util", &["src/serve/"]),
    ("prometheus_client", &["src/serve/"]),
    ("sha2", &["src/serve/"]),
    ("tokio", &["src/serve/"]),
    ("tokio_io_timeout", &["src/serve/"]),
    ("tower_http", &["src/serve/"]),
];

/// Where `unsafe` may stand: the memory map and what names it when it is lost, pages, SIMD kernels, libjpeg's
/// error code.
const UNSAFE_HOMES: &[&str] = &[
    "src/usage.rs",
    "src/out_of_memory.rs",
    "src/shard/map.rs",
    "src/shard/sigbus.rs",
    "src/shard/codec/avx512.rs",
    "src/shard/codec/kernels.rs",
    "src/shard/codec/mapped.rs",
    "src/transform/kernels.rs",
    "src/transform/turn.rs",
    "src/decode/libjpeg.rs",
    "src/model/ops/kernels/product.rs",
    "src/model/folded/depthwise.rs",
    "src/model/folded/lines.rs",
    "src/model/folded/product.rs",
    "src/model/folded/run.rs",
    "src/model/folded/separable.rs",
    "src/model/folded/simd.rs",
];

/// A source file: path below the repository with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The code: no comments, no text in quotes, and nothing after the first `#[cfg(test)]`, whose
    /// modules may use what they like to set up a test; so may a file of tests.
    fn code(&self) -> String {
        if self.path.ends_with("/tests.rs") {
            return String::new();
        }
        let end = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        let lines = self.text[..end].lines();
        let code: Vec<String> = lines.map(without_comment_and_quotes).collect();
        code.join("\n")
    }

    /// The module that the file belongs to: the first name below `src/`. `lib.rs` belongs to none.
    fn module(&self) -> &str {
        let rest = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let name = rest.split('/').next().unwrap_or(rest);
        name.strip_suffix(".rs").unwrap_or(name)
    }
}

/// Good enough for this repository: no raw strings that hold quotes, no block comments.
fn without_comment_and_quotes(line: &str) -> String {
    let mut code = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted => drop(characters.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && characters.peek() == Some(&'/') => break,
            _ if quoted => {}
            _ => code.push(character),
        }
    }
    code
}

/// Words of code that are followed by `::`, with what stands before them: (`crate`, `decode`), …
fn paths(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut before = String::new();
    let mut word = String::new();
    let mut rest = code.chars().peekable();
    while let Some(character) = rest.next() {
        if is_word(character) {
            word.push(character);
            continue;
        }
        let joins = character == ':' && rest.peek() == Some(&':');
        if joins {
            rest.next();
        }
        if !word.is_empty() {
            found.push((before.clone(), word.clone()));
        }
        before = if joins { std::mem::take(&mut word) } else { String::new() };
        word.clear();
    }
    found
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

/// Modules of this crate that the code names: `crate::x`, `tcolz::x`, and those of `crate::{x, y::z}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = paths(code)
        .into_iter()
        .filter(|(before, _)| before == "crate" || before == "tcolz")
        .map(|(_, module)| module)
        .collect();
    for group in code.split("crate::{").skip(1).chain(code.split("tcolz::{").skip(1)) {
        let mut depth = 0;
        let mut at_start = true;
        let mut word = String::new();
        for character in group.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                ' ' | '\n' => {}
                ':' => at_start = false,
                _ if depth == 0 && at_start => {
                    word.push(character);
                    continue;
                }
                _ => {}
            }
            used.insert(std::mem::take(&mut word));
        }
        used.insert(word);
    }
    used.retain(|module| level(module).is_some());
    used
}

/// Everything that breaks the rules, as sentences.
fn complaints(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let code = source.code();
        let path = &source.path;
        let module = source.module();
        match level(module) {
            Some(own) => {
                for used in used_modules(&code) {
                    if used != module && level(&used).is_some_and(|used| used >= own) {
                        complaints
                            .push(format!("{path}: {module} uses {used}, which stands above it"));
                    }
                }
            }
            // lib.rs names every module.
            None if module == "lib" => {}
            None => complaints.push(format!("{path}: {module} has no place in LEVELS")),
        }
        let named: BTreeSet<String> = paths(&code)
            .into_iter()
            .filter(|(before, _)| before.is_empty())
            .map(|(_, name)| name)
            .collect();
        for (name, homes) in HOMES {
            let used = named.contains(*name)
                && (code.contains(&format!("use {name}::"))
                    || code.contains(&format!("use {name};"))
                    || starts_a_path(&code, name));
            if used && !homes.iter().any(|home| path.starts_with(home)) {
                complaints.push(format!("{path}: {name} lives in {}", homes.join(", ")));
            }
        }
        let is_unsafe =
            code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        if is_unsafe && !UNSAFE_HOMES.contains(&path.as_str()) {
            complaints.push(format!("{path}: unsafe lives in {}", UNSAFE_HOMES.join(", ")));
        }
    }
    complaints
}

/// True where `name::` stands with nothing that it could belong to in front: no `super::gif::`, no
/// `mod gif` of our own.
fn starts_a_path(code: &str, name: &str) -> bool {
    let own = code.contains(&format!("mod {name};"));
    let start = format!("{name}::");
    !own && code.match_indices(&start).any(|(at, _)| {
        !code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'))
    })
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut folders) = (Vec::new(), vec![root.join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    sources
}

#[test]
fn no_arrow_points_up_and_every_crate_and_every_unsafe_is_at_home() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources are found");
    let complaints = complaints(&sources);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    // The rules are about something: each home is really used as one.
    let all = |home: &str| {
        sources.iter().any(|source| source.path == home && source.code().contains("unsafe"))
    };
    for home in UNSAFE_HOMES {
        assert!(all(home), "{home} holds no unsafe any more: take it from UNSAFE_HOMES");
    }
}

#[test]
fn a_broken_rule_is_found() {
    let complaints_of = |path: &str, text: &str| {
        complaints(&[Source { path: path.to_owned(), text: text.to_owned() }])
    };
    let broken = [
        ("src/dump/mod.rs", "use tcolz_photo::probe;"),
        ("src/sample.rs", "use tcolz_pixels::recipe::Recipe;"),
        ("src/shard/a.rs", "fn f() { tcolz_format::dataset::open() }"),
        ("src/shard/a.rs", "use crate::{\n    sample::Label,\n    dataset::{Dataset, verify},\n};"),
        ("src/inspect/mod.rs", "use tcolz_demo::make_dump;"),
        ("src/new_thing/mod.rs", ""),
        ("src/dump/mod.rs", "use arrow::array::Array;"),
        ("src/dataset/mod.rs", "let error = anyhow::anyhow!(1);"),
        ("src/convert/mod.rs", "use tempfile;"),
        ("src/transform/fit.rs", "unsafe { go() }"),
        ("src/decode/png.rs", "#[cfg(test)]\nfn helper() {}\nuse tcolz_format::shard::T;"),
    ];
    for (path, text) in broken {
        assert_eq!(complaints_of(path, text).len(), 1, "{path}: {text}");
    }
    let sound = [
        ("src/decode/mod.rs", "mod gif;\nfn f() { gif::probe() }"),
        ("src/shard/a.rs", "use crate::{sample::Label, shard::format};\nuse arrow::array::Array;"),
        (
            "src/shard/a.rs",
            "//! unlike [`tcolz_format::dataset`]\nlet text = \"use tcolz_convert::x; unsafe\";",
        ),
        ("src/shard/map.rs", "// SAFETY: …\nunsafe { map() }"),
        ("src/dump/list.rs", "#[cfg(test)]\nmod tests { fn f() { tempfile::tempdir() } }"),
        ("src/cli/show.rs", "use tcolz_format::dataset::LedgerRow;\nuse anyhow::bail;"),
        ("src/lib.rs", "pub use convert::convert;\npub use tcolz_format::dataset::Dataset;"),
    ];
    for (path, text) in sound {
        assert_eq!(complaints_of(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
