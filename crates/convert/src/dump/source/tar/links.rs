//! Links in a tar: what each stands for, and what lies below those that stand for folders.
//!
//! A path is resolved as a system resolves it in the unpacked folder: part by part, links in the middle too.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use super::member::File;
use super::names::{Counted, is_in, parent, push};

/// Targets longer than this lead nowhere, as in Linux; names longer than this are not made.
const MAX_PATH_BYTES: usize = 4096;
/// So many links to folders may stand in one path, as in Linux.
const MAX_DEPTH: usize = 40;
/// Files that links to folders may stand for, and the length of all their names: some 300 MB of memory.
pub(super) const MAX_EXPANDED: usize = 1 << 21;
const MAX_EXPANDED_BYTES: usize = 1 << 28;

/// A link as the tar has it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) target: Box<[u8]>,
    /// The target is a member's name, as that of a hard link; otherwise a path from where the link stands.
    pub(super) is_name: bool,
}

/// What a tar holds, each sorted by name.
pub(super) struct Tree<'a> {
    pub(super) files: &'a [(Box<[u8]>, File)],
    pub(super) links: &'a [(Box<[u8]>, Link)],
    /// Folders that are members themselves.
    pub(super) folders: &'a [(Box<[u8]>, ())],
    /// Members had absolute names, so that absolute targets may lie in the tar.
    pub(super) is_rooted: bool,
    /// As [`MAX_EXPANDED`].
    pub(super) max_expanded: usize,
}

/// What a link stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    File(usize),
    Folder(Rc<[u8]>),
    Nothing,
}

/// What links stand for: names that are not members', and what should be known of them.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// `None` for a link to nothing. A name may be that of a member, too, which then counts.
    pub(super) files: Vec<(Box<[u8]>, Option<usize>)>,
    pub(super) notes: Vec<String>,
}

/// A link on its way to its target.
struct Walk {
    link: usize,
    at: Vec<u8>,
    /// Parts that are left, the next one last.
    parts: Vec<Box<[u8]>>,
}

/// Folders that a path passes through: those from `entered` down to `left`, where a link leads elsewhere.
struct Passed {
    entered: Rc<[u8]>,
    left: Rc<[u8]>,
    depth: usize,
    above: Option<Rc<Passed>>,
}

/// A folder of the tar that is also to be found as `name`.
struct Shown {
    name: Vec<u8>,
    folder: Rc<[u8]>,
    passed: Option<Rc<Passed>>,
}

impl Tree<'_> {
    /// What the links stand for, those below links to folders included.
    pub(super) fn linked(&self) -> Linked {
        let targets = self.targets();
        let (mut circles, mut deep, mut beyond) =
            (Counted::default(), Counted::default(), Counted::default());
        let mut linked = Linked::default();
        let (mut count, mut bytes) = (0, 0);
        // Breadth first: what is behind few links comes before what is behind many.
        let top = Shown { name: Vec::new(), folder: Rc::from(&b""[..]), passed: None };
        let mut queue = VecDeque::from([top]);
        while let Some(Shown { name, folder, passed }) = queue.pop_front() {
            let files = if passed.is_some() { below(self.files, &folder) } else { 0..0 };
            let links = below(self.links, &folder);
            let shown_as = |real: &[u8]| {
                let mut path = name.clone();
                let rest = &real[folder.len()..];
                push(&mut path, rest.strip_prefix(b"/").unwrap_or(rest));
                path
            };
            // Whole folders only: half a folder would be worse than none.
            let is_full = beyond.count > 0 || {
                let names = files.clone().map(|file| &self.files[file].0);
                count += files.len() + links.len();
                if count <= self.max_expanded {
                    bytes += names.map(|file| file.len() + name.len()).sum::<usize>()
                        + links.len() * (name.len() + folder.len());
                }
                count > self.max_expanded || bytes > MAX_EXPANDED_BYTES
            };
            if is_full && passed.is_some() {
                beyond.add(&name);
                continue;
            }
            for file in files {
                linked.files.push((shown_as(&self.files[file].0).into(), Some(file)));
            }
            for link in links {
                let real = &self.links[link].0;
                let path = shown_as(real);
                let target = match &targets[link] {
                    Target::File(file) => {
                        linked.files.push((path.into(), Some(*file)));
                        continue;
                    }
                    Target::Nothing => {
                        linked.files.push((path.into(), None));
                        continue;
                    }
                    Target::Folder(target) => Rc::clone(target),
                };
                let depth = passed.as_ref().map_or(0, |passed| passed.depth) + 1;
                let passed = Rc::new(Passed {
                    entered: Rc::clone(&folder),
                    left: parent(real).unwrap_or_default().into(),
                    depth,
                    above: passed.clone(),
                });
                if passed.holds(&target) {
                    circles.add(&path);
                } else if depth > MAX_DEPTH || path.len() > MAX_PATH_BYTES {
                    deep.add(&path);
                } else {
                    queue.push_back(Shown { name: path, folder: target, passed: Some(passed) });
                }
            }
        }
        let mut dangling = Counted::default();
        for ((name, link), _) in
            self.links.iter().zip(&targets).filter(|(_, target)| **target == Target::Nothing)
        {
            dangling.add(&[name, &b" -> "[..], &link.target].concat());
        }
        for (counted, what) in [
            (dangling, "links to what is not in the tar"),
            (circles, "links back to a folder that holds them, not followed"),
            (deep, "links behind too many other links, not followed"),
            (beyond, "links to folders not followed because too many files lie behind links"),
        ] {
            linked.notes.extend(counted.note(what));
        }
        linked
    }

    /// What each link stands for. Every target is walked once: a link in the middle of another's target has
    /// been walked before, or is walked first.
    fn targets(&self) -> Vec<Target> {
        let mut targets: Vec<Option<Target>> = vec![None; self.links.len()];
        let mut is_begun = vec![false; self.links.len()];
        for first in 0..self.links.len() {
            // A stack and not recursion: how long a chain of links is, is the tar's choice.
            let mut walks = Vec::new();
            if targets[first].is_none() {
                is_begun[first] = true;
                walks.push(self.begin(first));
            }
            while let Some(walk) = walks.last_mut() {
                let reached = match self.go(walk, &targets) {
                    Ok(reached) => reached,
                    // A circle has no end.
                    Err(link) if is_begun[link] => Target::Nothing,
                    Err(link) => {
                        is_begun[link] = true;
                        walks.push(self.begin(link));
                        continue;
                    }
                };
                targets[walk.link] = Some(reached);
                walks.pop();
            }
        }
        targets.into_iter().map(|target| target.unwrap_or(Target::Nothing)).collect()
    }

    fn begin(&self, link: usize) -> Walk {
        let (name, Link { target, is_name }) = &self.links[link];
        let is_absolute = target.starts_with(b"/");
        let leads_out = is_absolute && !(*is_name || self.is_rooted)
            || target.is_empty()
            || target.len() > MAX_PATH_BYTES;
        let is_from_top = *is_name || is_absolute || leads_out;
        let at = if is_from_top { &[] } else { parent(name).unwrap_or_default() };
        let parts = if leads_out { b".." } else { target as &[u8] }.split(|&byte| byte == b'/');
        let parts = parts.rev().map(Box::from).collect();
        Walk { link, at: at.to_vec(), parts }
    }

    /// Goes on to the end; the link that must be walked first where that is not known.
    fn go(&self, walk: &mut Walk, targets: &[Option<Target>]) -> Result<Target, usize> {
        while let Some(part) = walk.parts.pop() {
            match &*part {
                b"" | b"." if self.is_folder(&walk.at) => {}
                b"" | b"." => return Ok(Target::Nothing),
                b".." => {
                    let Some(above) = parent(&walk.at).filter(|_| self.is_folder(&walk.at)) else {
                        return Ok(Target::Nothing);
                    };
                    let length = above.len();
                    walk.at.truncate(length);
                }
                _ => {
                    let length = walk.at.len();
                    push(&mut walk.at, &part);
                    let Some(link) = find(self.links, &walk.at) else { continue };
                    match &targets[link] {
                        Some(Target::Folder(folder)) => walk.at = folder.to_vec(),
                        Some(end) if walk.parts.is_empty() => return Ok(end.clone()),
                        Some(_) => return Ok(Target::Nothing),
                        None => {
                            walk.at.truncate(length);
                            walk.parts.push(part);
                            return Err(link);
                        }
                    }
                }
            }
        }
        Ok(match find(self.files, &walk.at) {
            Some(file) => Target::File(file),
            None if self.is_folder(&walk.at) => Target::Folder(walk.at.as_slice().into()),
            None => Target::Nothing,
        })
    }

    fn is_folder(&self, path: &[u8]) -> bool {
        path.is_empty()
            || find(self.folders, path).is_some()
            || !below(self.folders, path).is_empty()
            || !below(self.files, path).is_empty()
            || !below(self.links, path).is_empty()
    }
}

impl Passed {
    /// True when the path passes through `folder`.
    fn holds(&self, folder: &[u8]) -> bool {
        let mut passed = Some(self);
        while let Some(Passed { entered, left, above, .. }) = passed {
            if is_in(entered, folder) && is_in(folder, left) {
                return true;
            }
            passed = above.as_deref();
        }
        false
    }
}

/// The place of a name among sorted ones.
fn find<T>(sorted: &[(Box<[u8]>, T)], name: &[u8]) -> Option<usize> {
    sorted.binary_search_by(|(known, _)| (**known).cmp(name)).ok()
}

/// Those of the sorted names that lie below a folder, however deep.
fn below<T>(sorted: &[(Box<[u8]>, T)], folder: &[u8]) -> Range<usize> {
    if folder.is_empty() {
        return 0..sorted.len();
    }
    // `0` is the byte after `/`.
    let bound = |last: u8| {
        let bound = [folder, &[last]].concat();
        sorted.partition_point(|(name, _)| **name < *bound)
    };
    bound(b'/')..bound(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::source::tar::member::State;

    #[test]
    fn links_that_multiply_are_ended_and_what_lies_behind_few_of_them_comes_first() {
        let file = File { offset: 512, bytes: 5, state: State::Whole };
        let files = [(Box::from(&b"40/photo.jpg"[..]), file)];
        let links: Vec<(Box<[u8]>, Link)> = (0..40)
            .flat_map(|level| ["a", "b", "c"].map(|name| (level, name)))
            .map(|(level, name)| {
                let target = format!("../{:02}", level + 1).into_bytes().into();
                let name = format!("{level:02}/{name}").into_bytes();
                (name.into(), Link { target, is_name: false })
            })
            .collect();
        let tree = Tree {
            files: &files,
            links: &links,
            folders: &[],
            is_rooted: false,
            max_expanded: 10_000,
        };
        let linked = tree.linked();
        assert!((5..=10_000).contains(&linked.files.len()), "{}", linked.files.len());
        let is_there =
            |name: &str| linked.files.iter().any(|(known, _)| **known == *name.as_bytes());
        assert!(is_there("39/a/photo.jpg") && is_there("38/b/c/photo.jpg"));
        let [note] = &linked.notes[..] else { panic!("{:?}", linked.notes) };
        assert!(note.contains("too many files lie behind links"), "{note}");
    }

    #[test]
    fn a_long_chain_of_links_is_followed_without_recursion() {
        let file = File { offset: 512, bytes: 5, state: State::Whole };
        let files = [(Box::from(&b"photo.jpg"[..]), file)];
        let links: Vec<(Box<[u8]>, Link)> = (1..=100_000)
            .map(|number| {
                // The first target that is asked for is the last to be known.
                let target = match number {
                    100_000 => "photo.jpg".to_owned(),
                    _ => format!("{:06}", number + 1),
                };
                let name = format!("{number:06}").into_bytes();
                (name.into(), Link { target: target.into_bytes().into(), is_name: false })
            })
            .collect();
        let tree = Tree {
            files: &files,
            links: &links,
            folders: &[],
            is_rooted: false,
            max_expanded: MAX_EXPANDED,
        };
        let linked = tree.linked();
        assert_eq!((linked.files.len(), linked.notes.len()), (100_000, 0));
        assert!(linked.files.iter().all(|(_, file)| *file == Some(0)));
    }
}
