//! Files of a report. A list of them stays behind, so that the next report removes what it no longer has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::StudyReportError;
use super::section::Report;
use super::{markdown, page};
use tcolz_base::durable;

/// Name of the list.
const LIST: &str = "report.json";
const FORMAT: &str = "tcolz-study-report-v1";

/// What a report left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The page: one self-contained file.
    pub page: PathBuf,
    /// The report as Markdown.
    pub markdown: PathBuf,
    /// All files.
    pub files: Vec<PathBuf>,
    /// Name of the model to deploy; `None` where there is no choice yet.
    pub chosen: Option<String>,
    /// Names of the models that cannot be told from it within what was measured.
    pub tied: Vec<String>,
    /// Networks that were measured on a busy machine.
    pub busy: Vec<String>,
}

/// What a report comes to.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) chosen: Option<String>,
    pub(super) tied: Vec<String>,
    pub(super) busy: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    format: String,
    files: Vec<String>,
}

/// Writes all files of a report into a folder, which is made where it is missing.
pub(super) fn write(
    report: &Report,
    out: &Path,
    names: Named,
) -> Result<Written, StudyReportError> {
    let failed = |path: &Path, source| StudyReportError::Write { path: path.to_owned(), source };
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for table in report.tables() {
        files.push((format!("tables/{}.csv", table.name), table.csv()?));
    }
    for picture in report.pictures() {
        let (light, dark) = (&picture.drawn.light, &picture.drawn.dark);
        for (ending, bytes) in [
            (".svg", light.svg.as_bytes()),
            (".png", &light.png),
            ("-dark.svg", dark.svg.as_bytes()),
            ("-dark.png", &dark.png),
        ] {
            files.push((format!("pictures/{}{ending}", picture.name), bytes.to_vec()));
        }
    }
    files.push(("report.md".to_owned(), markdown::render(report).into_bytes()));
    files.push(("index.html".to_owned(), page::render(report)?.into_bytes()));

    for folder in [out.to_owned(), out.join("tables"), out.join("pictures")] {
        durable::create_folder(&folder).map_err(|source| failed(&folder, source))?;
    }
    let list = out.join(LIST);
    let old = listed(&list).map_err(|source| failed(&list, source))?;
    let new: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    // Until all is done the list holds both: whoever is killed now leaves nothing that nobody knows of.
    let gone: Vec<String> = old.into_iter().filter(|name| !new.contains(name)).collect();
    let both = new.iter().chain(&gone).cloned().collect();
    write_list(&list, both).map_err(|source| failed(&list, source))?;
    for (name, bytes) in &files {
        let path = out.join(name);
        durable::write(&path, bytes).map_err(|source| failed(&path, source))?;
    }
    for name in gone {
        let path = out.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, error));
            }
            _ => {}
        }
    }
    write_list(&list, new.clone()).map_err(|source| failed(&list, source))?;
    Ok(Written {
        page: out.join("index.html"),
        markdown: out.join("report.md"),
        files: new.iter().map(|name| out.join(name)).chain([list]).collect(),
        chosen: names.chosen,
        tied: names.tied,
        busy: names.busy,
    })
}

fn write_list(path: &Path, files: Vec<String>) -> io::Result<()> {
    let list = List { format: FORMAT.to_owned(), files };
    let json = serde_json::to_string_pretty(&list).map_err(io::Error::other)?;
    durable::write(path, format!("{json}\n").as_bytes())
}

/// Tables and pictures of an earlier report: of a list that is ours, names that a report gives.
fn listed(path: &Path) -> io::Result<Vec<String>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let Ok(list) = serde_json::from_slice::<List>(&text) else { return Ok(Vec::new()) };
    let ours = |name: &String| {
        let file = name.strip_prefix("tables/").or_else(|| name.strip_prefix("pictures/"));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        file.is_some_and(|file| !file.starts_with('.') && file.chars().all(plain))
    };
    let known = list.format == FORMAT;
    Ok(list.files.into_iter().filter(|name| known && ours(name)).collect())
}
