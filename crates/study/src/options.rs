//! Where a study lies and what it may use.

use std::path::PathBuf;

use tcolz_base::door::call;
use tcolz_train::DeviceChoice;

/// Where a study lies and what it may use. None of it decides a result, but threads decide times.
#[derive(Debug, Clone)]
pub struct StudyOptions {
    /// The study's file.
    pub file: PathBuf,
    /// The study's folder: documents, runs, report.
    pub out: PathBuf,
    /// Where networks are trained and evaluated.
    pub device: DeviceChoice,
    /// Threads that compute; else all cores.
    pub threads: Option<usize>,
    /// Bytes of memory that a training may need; else what is available.
    pub memory_limit: Option<u64>,
    /// Measure all costs again, and do nothing else.
    pub measure_again: bool,
}

impl StudyOptions {
    /// With every default.
    pub fn new(file: impl Into<PathBuf>, out: impl Into<PathBuf>) -> StudyOptions {
        StudyOptions {
            file: file.into(),
            out: out.into(),
            device: DeviceChoice::Auto,
            threads: None,
            memory_limit: None,
            measure_again: false,
        }
    }
}

impl StudyOptions {
    /// The call that measures all costs anew, as it is typed, in backticks.
    pub(super) fn call_to_measure_again(&self) -> String {
        let [file, out] = [&self.file, &self.out].map(|path| as_typed(&path.to_string_lossy()));
        let threads = self.threads.map(|threads| threads.to_string());
        let threads = threads.as_deref().map(|threads| ("threads", threads));
        let options = [("out", &*out)].into_iter().chain(threads).chain([("measure_again", "")]);
        call("study", &[&file], &options.collect::<Vec<_>>())
    }
}

/// As a shell takes it for one word.
fn as_typed(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:+,@%=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_to_measure_again_names_everything_that_the_first_one_did() {
        let mut options = StudyOptions::new("my study.toml", "it's here");
        let said = options.call_to_measure_again();
        assert!(
            said.starts_with(r"`study('my study.toml', out: 'it'\''s here', measure_again"),
            "{said}"
        );
        options = StudyOptions { threads: Some(4), ..StudyOptions::new("a/s.toml", "out-1") };
        let said = options.call_to_measure_again();
        assert!(
            said.starts_with("`study(a/s.toml, out: out-1, threads: 4, measure_again"),
            "{said}"
        );
    }
}
