//! What the forward pass has found, and the index that becomes of it.

use std::collections::BTreeMap;

use super::header::{Kind, Stored};
use super::links::{Link, MAX_EXPANDED, Tree};
use super::member::{File, Index, Member, State};
use super::names::{Counted, Name, Root, normal};

/// Where nothing lies.
const NOWHERE: File = File { offset: u64::MAX, bytes: 0, state: State::Dangling };

/// Members in the order in which they are stored.
#[derive(Default)]
pub(super) struct Members {
    pub(super) notes: Vec<String>,
    pub(super) damage: Vec<String>,
    replaced: Vec<Box<[u8]>>,
    entries: Vec<Entry>,
    /// Names with `..`, as they were written.
    stepping: Vec<(Box<[u8]>, Name, What)>,
    odd: [Counted; ODDITIES.len()],
    /// Members that hold data and are no files, by kind.
    untaken: BTreeMap<u8, u64>,
}

struct Entry {
    name: Box<[u8]>,
    root: Root,
    what: What,
    number: usize,
}

#[derive(Debug, Clone)]
enum What {
    File(File),
    Link(Link),
    Folder,
}

/// Places in [`ODDITIES`].
const ABSOLUTE: usize = 0;
const WINDOWS: usize = 1;
const OUTSIDE: usize = 2;
const SAME: usize = 3;
const STEPPING: usize = 4;
const UNKNOWN: usize = 5;
const CONTINUED: usize = 6;
/// Why names are counted.
const ODDITIES: [&str; 7] = [
    "members with absolute names, taken without the leading `/`",
    "members with names of Windows, taken without their drive",
    "members without a name or with one that leads out of the tar, not taken",
    "members not taken because a later one has their name",
    "members not taken because the `..` in their names leads through a link or to another's name",
    "members of an unknown kind, taken as files",
    "members that begin in another volume of the tar, of which only the ends are here",
];

impl Members {
    pub(super) fn add(&mut self, member: Stored, length: u64) {
        let Stored { path, link, kind, begin, data, bytes, sparse, is_unclear } = member;
        let private = match kind {
            Kind::Private(kind) => Some(kind),
            Kind::HardLink | Kind::File | Kind::UnknownFile(_) | Kind::Continued => None,
            Kind::SymbolicLink => Some(b'2'),
            Kind::Folder => Some(b'5'),
            Kind::Special => Some(b'6'),
        };
        if let Some(kind) = private.filter(|_| bytes > 0) {
            *self.untaken.entry(kind).or_default() += 1;
        }
        let file = |state| match state {
            State::Whole if is_unclear => File { offset: data, bytes, state: State::Unclear },
            State::Whole if data.saturating_add(bytes) > length => {
                File { offset: data, bytes, state: State::Cut }
            }
            State::Whole => match &sparse {
                Some(sparse) => {
                    File { offset: begin, bytes: sparse.real_bytes, state: State::Sparse }
                }
                None => File { offset: data, bytes, state },
            },
            state => File { offset: data, bytes, state },
        };
        let what = match kind {
            // A list of the folder's files.
            Kind::Private(b'D') | Kind::Folder => What::Folder,
            Kind::Private(_) => return,
            Kind::SymbolicLink => What::Link(Link { target: link.into(), is_name: false }),
            // Some archivers store the file with each of its names.
            Kind::HardLink if bytes == 0 => {
                let target = normal(&link).map(|name| name.path).unwrap_or_default();
                What::Link(Link { target: target.into(), is_name: true })
            }
            Kind::Special => What::File(file(State::Special)),
            Kind::Continued => {
                self.odd[CONTINUED].add(&path);
                What::File(file(State::Continued))
            }
            Kind::UnknownFile(_) => {
                self.odd[UNKNOWN].add(&path);
                What::File(file(State::Whole))
            }
            Kind::File | Kind::HardLink => What::File(file(State::Whole)),
        };
        let Some(name) = normal(&path).filter(|name| !name.path.is_empty()) else {
            if !matches!(what, What::Folder) {
                self.odd[OUTSIDE].add(&path);
            }
            return;
        };
        match name.root {
            _ if matches!(what, What::Folder) => {}
            Root::None => {}
            Root::Slash => self.odd[ABSOLUTE].add(&path),
            Root::Windows => self.odd[WINDOWS].add(&path),
        }
        if name.left.is_empty() {
            let number = self.entries.len();
            self.entries.push(Entry { name: name.path.into(), root: name.root, what, number });
        } else {
            self.stepping.push((path.into(), name, what));
        }
    }

    pub(super) fn index(mut self) -> Index {
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.bind_hard_links();
        self.keep_the_last();
        self.add_stepping();
        let is_rooted = self.odd[ABSOLUTE].count > 0;
        let (mut files, mut links, mut folders) = (Vec::new(), Vec::new(), Vec::new());
        for Entry { name, what, .. } in std::mem::take(&mut self.entries) {
            match what {
                What::File(file) => files.push((name, file)),
                What::Link(link) => links.push((name, link)),
                What::Folder => folders.push((name, ())),
            }
        }
        self.note();
        if !links.is_empty() {
            let tree = Tree {
                files: &files,
                links: &links,
                folders: &folders,
                is_rooted,
                max_expanded: MAX_EXPANDED,
            };
            let linked = tree.linked();
            self.notes.extend(linked.notes);
            let linked = linked.files.into_iter();
            let linked: Vec<_> = linked
                .map(|(name, file)| (name, file.map_or(NOWHERE, |file| files[file].1)))
                .collect();
            files.extend(linked);
            // Stable: members come before what links stand for, and count.
            files.sort_by(|a, b| a.0.cmp(&b.0));
            files.dedup_by(|later, first| later.0 == first.0);
        }
        let member = |(name, file): (Box<[u8]>, File)| {
            let (name, is_utf8) = shown(name);
            Member { name, is_utf8, file }
        };
        let mut members: Vec<Member> = files.into_iter().map(member).collect();
        // Of equal names the one that is as it is shown comes first, and is found.
        members.sort_by(|a, b| (&a.name, !a.is_utf8).cmp(&(&b.name, !b.is_utf8)));
        let mut replaced: Vec<_> = self.replaced.into_iter().map(shown).collect();
        replaced.sort_unstable();
        Index { members, replaced, notes: self.notes, damage: self.damage }
    }

    /// A hard link to a member before it is that member, whatever becomes of its name later.
    fn bind_hard_links(&mut self) {
        let is_hard = |entry: &Entry| matches!(&entry.what, What::Link(Link { is_name: true, .. }));
        let mut hard: Vec<usize> =
            (0..self.entries.len()).filter(|&at| is_hard(&self.entries[at])).collect();
        // A link to a link that was bound is bound to the same.
        hard.sort_unstable_by_key(|&at| self.entries[at].number);
        for at in hard {
            let entry = &self.entries[at];
            let What::Link(Link { target, .. }) = &entry.what else { continue };
            let key = (&**target, entry.number);
            let before = self.entries.partition_point(|known| (&*known.name, known.number) < key);
            let Some(bound) = before.checked_sub(1).map(|before| &self.entries[before]) else {
                continue;
            };
            if bound.name == *target && matches!(bound.what, What::File(_)) {
                self.entries[at].what = bound.what.clone();
            }
        }
    }

    /// Of several members with one name the last counts, as for `tar x`, and the others are said to be replaced.
    fn keep_the_last(&mut self) {
        let (odd, replaced_files) = (&mut self.odd[SAME], &mut self.replaced);
        self.entries.dedup_by(|later, first| {
            let is_same = later.name == first.name;
            if is_same {
                let is_folder = matches!(later.what, What::Folder);
                let replaced = matches!(first.what, What::File(_)) && !is_folder;
                if later.root != first.root && !is_folder || replaced {
                    odd.add(&later.name);
                }
                if replaced {
                    replaced_files.push(first.name.clone());
                }
                std::mem::swap(later, first);
            }
            is_same
        });
    }

    /// Takes the names with `..` that lead through no link and to no other member's name.
    fn add_stepping(&mut self) {
        let mut taken: BTreeMap<Vec<u8>, (Box<[u8]>, What)> = BTreeMap::new();
        for (written, name, what) in std::mem::take(&mut self.stepping) {
            let entry = |path: &[u8]| {
                let found = self.entries.binary_search_by(|entry| (*entry.name).cmp(path));
                found.ok().map(|at| &self.entries[at].what)
            };
            let through_link =
                name.left.iter().any(|folder| matches!(entry(folder), Some(What::Link(_))));
            let is_others = entry(&name.path).is_some()
                || taken.get(&name.path).is_some_and(|(first, _)| *first != written);
            if !(through_link || is_others) {
                let path = name.path.clone();
                if let Some((_, What::File(_))) = taken.insert(name.path, (written, what)) {
                    self.odd[SAME].add(&path);
                    self.replaced.push(path.into());
                }
            } else if !matches!(what, What::Folder) {
                self.odd[STEPPING].add(&written);
            }
        }
        if taken.is_empty() {
            return;
        }
        for (name, (_, what)) in taken {
            let number = self.entries.len();
            self.entries.push(Entry { name: name.into(), root: Root::None, what, number });
        }
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn note(&mut self) {
        let notes = self.odd.iter().zip(ODDITIES);
        self.notes.extend(notes.filter_map(|(counted, what)| counted.note(what)));
        if !self.untaken.is_empty() {
            let kinds = self.untaken.iter();
            let kinds: Vec<String> = kinds
                .map(|(&kind, count)| {
                    format!("{count} of kind `{}` ({})", char::from(kind), Kind::describe(kind))
                })
                .collect();
            self.notes.push(format!(
                "members that hold data and are no files, not taken: {}",
                kinds.join(", ")
            ));
        }
    }
}

/// A name as a text, with `�` for what is not UTF-8, and whether all of it is.
fn shown(name: Box<[u8]>) -> (Box<str>, bool) {
    match String::from_utf8(name.into_vec()) {
        Ok(name) => (name.into(), true),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into(), false),
    }
}
