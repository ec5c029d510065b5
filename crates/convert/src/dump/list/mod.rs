//! Lists of photos: lines of `path label`, or tables with a header.
//!
//! Every line becomes an entry, whatever stands on it; labels are words until all lists are read.

mod labels;
mod line;
mod lines;
mod quotes;
mod table;
mod text;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(super) use labels::{Labels, in_order, renumbered};
pub(super) use table::head;

use super::list_file::is_table;
use super::names::{
    SPLIT_NAME_RULE, SPLIT_ORDER, is_absolute, is_split_name, printable, sample_id, shown,
    split_of_word,
};
use super::resolve::Resolver;
use super::{DumpError, Input, ListFile, Problem, Source};
use line::Line;

/// More splits than this come from a column that is none of splits.
const MAX_SPLITS: usize = 1000;
/// The split of what has none.
const NO_SPLIT: &str = "all";

/// The lines of one list that belong to one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    list: u16,
    pub(super) split: String,
}

/// Names of lists, names of splits in the order of conversion, and the inputs.
type ListedLines = (Vec<String>, Vec<String>, Vec<Input>);

/// Lists that have been read.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Names for the ledger.
    names: Vec<String>,
    /// Paths below the dump of those that lie in it.
    inside: Vec<String>,
    /// The list, the split, the line.
    lines: Vec<(u16, String, Line)>,
}

impl Lists {
    /// Reads a list from the dump. Its name in the ledger is `relative`. Its paths begin at the folder `base`
    /// (`""`, or ending in `/`).
    pub(super) fn add(
        &mut self,
        source: &Source,
        relative: &str,
        split: &str,
        base: &str,
    ) -> Result<(), DumpError> {
        let bytes = source.text(relative)?;
        let first = self.lines.len();
        self.add_bytes(printable(relative), &bytes, split, &source.path().join(relative))?;
        self.inside.push(relative.to_owned());
        for (_, _, line) in &mut self.lines[first..] {
            if let Ok((path, _)) = &mut line.entry
                && !base.is_empty()
                && !is_absolute(path)
            {
                *path = format!("{base}{path}").into();
            }
        }
        Ok(())
    }

    /// Reads a list that was named by hand.
    pub(super) fn add_file(&mut self, source: &Source, list: &ListFile) -> Result<(), DumpError> {
        let split = list.split.as_deref().unwrap_or(NO_SPLIT);
        if !list.path.is_file()
            && let Some(inside) = list.path.to_str().filter(|inside| source.is_file(inside))
            && sample_id(inside).is_ok()
        {
            let first = self.lines.len();
            self.add(source, inside, split, "")?;
            return self.require_usable(first, &list.path);
        }
        let path = &list.path;
        let unreadable = |source| DumpError::Unreadable { path: path.clone(), source };
        let bytes = fs::read(path).map_err(unreadable)?;
        let real = path.canonicalize().map_err(unreadable)?;
        self.inside.extend(source.inside(&real));
        let name = self.new_name(source.path(), &real);
        let first = self.lines.len();
        self.add_bytes(name, &bytes, split, path)?;
        self.require_usable(first, path)
    }

    /// Refuses a list, whose lines are those from number `first` on, when none of them can be used.
    fn require_usable(&self, first: usize, path: &Path) -> Result<(), DumpError> {
        let lines = &self.lines[first..];
        if lines.iter().all(|(_, _, line)| line.entry.is_err())
            && let Some((
                _,
                _,
                Line { number, entry: Err((_, Problem::Unusable { detail, .. })), .. },
            )) = lines.first()
        {
            let (path, number, detail) = (path.to_owned(), *number, detail.clone());
            return Err(DumpError::NoUsableLine { path, number, detail });
        }
        Ok(())
    }

    /// The name of a list on this machine: its path below the dump or, elsewhere, as much of its path
    /// as tells it from the others. No dataset says where on a machine its dump lay.
    fn new_name(&self, root: &Path, path: &Path) -> String {
        let text = |path: &Path| printable(&path.to_string_lossy());
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let name = match path.strip_prefix(root) {
            Ok(inside) if !inside.as_os_str().is_empty() => text(inside),
            _ => text(Path::new(path.file_name().unwrap_or_default())),
        };
        let mut parts: Vec<_> = path.components().collect();
        let mut unique = name.clone();
        while self.names.contains(&unique) && parts.pop().is_some() {
            let above = parts.last().map(|part| text(Path::new(part))).unwrap_or_default();
            unique = format!("{above}/{unique}");
        }
        unique
    }

    fn add_bytes(
        &mut self,
        name: String,
        bytes: &[u8],
        split: &str,
        path: &Path,
    ) -> Result<(), DumpError> {
        let too_many =
            |what, found, limit| DumpError::TooMany { path: path.to_owned(), what, found, limit };
        let list = u16::try_from(self.names.len())
            .map_err(|_| too_many("lists", self.names.len(), usize::from(u16::MAX)))?;
        let lines = if is_table(path) {
            table::parse(bytes, path)?
        } else {
            let text = text::text(bytes, path)?;
            if table::is_header(&text) { table::parse(&text, path)? } else { lines::parse(&text) }
        };
        for mut line in lines {
            if line.number > u32::MAX as usize {
                return Err(too_many("lines", line.number, u32::MAX as usize));
            }
            let mut split = split.to_owned();
            if let Some(own) = line.split.take() {
                if is_split_name(&own) {
                    split = split_of_word(&own).map_or_else(|| own.to_string(), str::to_owned);
                } else if let Ok((path, _)) = line.entry {
                    let detail =
                        format!("`{}` cannot name a split: {SPLIT_NAME_RULE}", shown(&own));
                    let problem = Problem::Unusable { code: "bad-split", detail };
                    line.entry = Err((printable(&path).into(), problem));
                }
            }
            self.lines.push((list, split, line));
        }
        self.names.push(name);
        Ok(())
    }

    /// True when no list has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The labels, as the words that stand there.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|(_, _, line)| line.entry.as_ref().ok()?.1.as_deref())
    }

    /// The splits of each list.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: BTreeSet<(u16, &str)> = BTreeSet::new();
        for (list, split, _) in &self.lines {
            // Only a column that is none of splits gives so many.
            if parts.len() < MAX_SPLITS {
                parts.insert((*list, split));
            }
        }
        parts.into_iter().map(|(list, split)| Part { list, split: split.to_owned() }).collect()
    }

    /// At most `count` paths of a part, or of all, evenly spread, to try where they lie.
    pub(super) fn some_paths(&self, part: Option<&Part>, count: usize) -> Vec<String> {
        let of_part = |(list, split, _): &&(u16, String, Line)| {
            part.is_none_or(|part| part.list == *list && part.split == *split)
        };
        let lines = || self.lines.iter().filter(of_part);
        let step = lines().count().div_ceil(count).max(1);
        let paths = lines().step_by(step);
        paths.filter_map(|(_, _, line)| Some(line.entry.as_ref().ok()?.0.to_string())).collect()
    }

    /// Gives every path of a part, or of all, a folder, unless it is absolute, and an ending.
    pub(super) fn place(&mut self, part: Option<&Part>, folder: &str, ending: &str) {
        if folder.is_empty() && ending.is_empty() {
            return;
        }
        for (list, split, line) in &mut self.lines {
            if part.is_none_or(|part| part.list == *list && part.split == *split)
                && let Ok((path, _)) = &mut line.entry
            {
                let folder = if is_absolute(path) { "" } else { folder };
                *path = format!("{folder}{path}{ending}").into();
            }
        }
    }

    /// What a part is called in a note: its list.
    pub(super) fn name(&self, part: &Part) -> &str {
        &self.names[usize::from(part.list)]
    }

    /// The lists that lie in the dump, as paths below it.
    pub(super) fn inside(&self) -> &[String] {
        &self.inside
    }

    /// Names of the lists, names of the splits in the order of conversion, and the inputs. `top_folder`
    /// is taken off the paths, and `files` says which files they mean.
    pub(super) fn inputs(
        self,
        labels: &Labels,
        top_folder: Option<&str>,
        files: &mut Resolver<'_>,
    ) -> Result<ListedLines, DumpError> {
        let splits: BTreeSet<&str> =
            self.lines.iter().map(|(_, split, _)| split.as_str()).collect();
        if splits.len() > MAX_SPLITS {
            let (path, found, limit) = (files.path().to_owned(), splits.len(), MAX_SPLITS);
            return Err(DumpError::TooMany { path, what: "splits", found, limit });
        }
        let mut splits: Vec<String> = splits.into_iter().map(str::to_owned).collect();
        splits.sort_by_key(|split| {
            SPLIT_ORDER.iter().position(|known| known == split).unwrap_or(SPLIT_ORDER.len())
        });
        let input = |(list, split, line): (u16, String, Line)| {
            let split = splits.iter().position(|known| *known == split).unwrap_or(0) as u16;
            let mut input = Input::new(list, line.number as u32, split);
            let placed = line.entry.and_then(|(path, label)| {
                let id = sample_id(&files.relative(&path))
                    .map_err(|problem| (printable(&path).into_boxed_str(), problem))?;
                let id = top_folder
                    .and_then(|top| below(&id, top))
                    .map_or_else(|| id.clone(), Into::into);
                let id = files.resolve(id);
                let label = match label {
                    None => None,
                    Some(word) => {
                        Some(labels.number(&word).map_err(|problem| (id.clone(), problem))?)
                    }
                };
                Ok((id, label))
            });
            match placed {
                Ok((id, label)) => (input.sample_id, input.label) = (id, label),
                Err((shown, problem)) => (input.sample_id, input.problem) = (shown, Some(problem)),
            }
            input
        };
        let inputs = self.lines.into_iter().map(input).collect();
        Ok((self.names, splits, inputs))
    }
}

/// The first paths of a list of lines, for a look at what it is.
pub(super) fn first_paths(bytes: &[u8], path: &Path) -> Vec<String> {
    const LOOKED_AT: usize = 5;
    let Ok(text) = text::text(bytes, path) else { return Vec::new() };
    let lines = lines::parse(&text).into_iter().take(LOOKED_AT);
    lines.filter_map(|line| Some(line.entry.ok()?.0.into())).collect()
}

/// `path` without the folder `top`, when it lies in it.
fn below<'a>(path: &'a str, top: &str) -> Option<&'a str> {
    path.strip_prefix(top)?.strip_prefix('/')
}
