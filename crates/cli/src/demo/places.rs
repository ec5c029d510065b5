//! Where the parts of a demo lie.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Marks a folder that an earlier demo made, and whose parts this one may replace.
const MARK: &str = "made-by-tcolz-demo";

/// Where everything lies.
pub(super) struct Places {
    pub(super) out: PathBuf,
    pub(super) dump: PathBuf,
    pub(super) dataset: PathBuf,
    pub(super) log: PathBuf,
    pub(super) classes: PathBuf,
    pub(super) oddities: PathBuf,
    pub(super) run: PathBuf,
}

impl Places {
    pub(super) fn new(out: &Path) -> Places {
        Places {
            out: out.to_owned(),
            dump: out.join("dump"),
            dataset: out.join("dataset"),
            log: out.join("dataset.log.jsonl"),
            classes: out.join("classes.png"),
            oddities: out.join("oddities.png"),
            run: out.join("run"),
        }
    }

    /// Makes an empty place for each part. What else lies in the folder of an earlier demo stays.
    pub(super) fn make_room(&self) -> anyhow::Result<()> {
        let out = &self.out;
        let named = || out.display().to_string();
        let used = out.exists() && fs::read_dir(out).with_context(named)?.next().is_some();
        if used && !out.join(MARK).exists() {
            bail!(
                "{}: expected a new folder or an earlier demo, found other files; name another folder: \
                 tcolz demo OUT",
                named()
            );
        }
        fs::create_dir_all(out).with_context(named)?;
        fs::write(out.join(MARK), b"").with_context(named)?;
        let parts =
            [&self.dump, &self.dataset, &self.log, &self.classes, &self.oddities, &self.run];
        for path in parts {
            let removed =
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| path.display().to_string());
                }
                _ => {}
            }
        }
        Ok(())
    }
}
