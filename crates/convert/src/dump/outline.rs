//! The folders of a dump and how many photos lie in each: what the recognition of layouts goes by.

use super::names::{split_in_name, split_of_word};
use super::tree::{NameKind, Tree, TreeFile};
use super::{DumpError, Source, Watch};

/// Folders below this depth count for the one above them: a tree of any depth makes a shallow outline.
const MAX_DEPTH: usize = 128;
/// Files without a telling name that are looked into, to say what a folder of such files holds.
const LOOKED_INTO: usize = 4;

/// Looks into files whose names do not tell what they are. Half a million of them on a slow disk take long.
pub(super) struct Looker<'a, 'w> {
    source: &'a Source,
    watch: &'a mut Watch<'w>,
    looked: u64,
}

impl<'a, 'w> Looker<'a, 'w> {
    pub(super) fn new(source: &'a Source, watch: &'a mut Watch<'w>) -> Looker<'a, 'w> {
        Looker { source, watch, looked: 0 }
    }

    /// True for a file whose first bytes are those of a picture.
    ///
    /// # Errors
    /// [`DumpError::GivenUp`] when whoever watches says so.
    pub(super) fn is_picture(&mut self, file: &TreeFile) -> Result<bool, DumpError> {
        self.looked += 1;
        if self.looked.is_multiple_of(256) && (self.watch)(self.looked, 0).is_break() {
            return Err(DumpError::GivenUp { path: self.source.path().to_owned() });
        }
        Ok(!file.bad_name && self.source.is_picture(&file.path))
    }
}

/// A folder that holds photos, however deep.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// Its name, `""` for the dump itself.
    pub(super) name: String,
    /// Photos directly in it.
    pub(super) direct: u64,
    /// Folders in it that hold photos, by name.
    pub(super) folders: Vec<Outline>,
}

impl Outline {
    /// The outline of a tree. A photo is told by its name; where a folder has files without a telling name
    /// alone, some are looked into.
    ///
    /// # Errors
    /// [`DumpError::GivenUp`] when `watch` says so.
    pub(super) fn of(
        source: &Source,
        tree: &Tree,
        watch: &mut Watch<'_>,
    ) -> Result<Outline, DumpError> {
        let mut looker = Looker::new(source, watch);
        let mut top = Outline::default();
        // Files of one folder stand together but for those of the folders in it.
        let mut folders: Vec<(&str, u64, Vec<&TreeFile>)> = Vec::new();
        for file in tree.files() {
            let folder = file.path.rfind('/').map_or("", |end| &file.path[..end]);
            if folders.last().is_none_or(|(last, ..)| *last != folder) {
                folders.push((folder, 0, Vec::new()));
            }
            let Some((_, pictures, unknown)) = folders.last_mut() else { continue };
            match NameKind::of(&file.path) {
                NameKind::Picture => *pictures += 1,
                NameKind::Unknown => unknown.push(file),
                NameKind::Other => {}
            }
        }
        for (folder, pictures, unknown) in folders {
            let mut are_photos = pictures > 0;
            for file in unknown.iter().take(LOOKED_INTO).take_while(|_| pictures == 0) {
                are_photos |= looker.is_picture(file)?;
            }
            let photos = pictures + if are_photos { unknown.len() as u64 } else { 0 };
            if photos > 0 {
                top.add(folder, photos);
            }
        }
        Ok(top)
    }

    fn add(&mut self, folder: &str, photos: u64) {
        let mut at = self;
        for name in folder.split('/').filter(|name| !name.is_empty()).take(MAX_DEPTH) {
            let place = at.folders.binary_search_by(|known| (*known.name).cmp(name));
            let index = place.unwrap_or_else(|index| {
                at.folders.insert(index, Outline { name: name.to_owned(), ..Outline::default() });
                index
            });
            at = &mut at.folders[index];
        }
        at.direct += photos;
    }

    /// Photos in it and below it.
    pub(super) fn photos(&self) -> u64 {
        self.direct + self.folders.iter().map(Outline::photos).sum::<u64>()
    }

    pub(super) fn folder(&self, name: &str) -> Option<&Outline> {
        let place = self.folders.binary_search_by(|known| (*known.name).cmp(name));
        place.ok().map(|index| &self.folders[index])
    }

    /// The folder with this path, `""` or ending in `/`.
    pub(super) fn at(&self, path: &str) -> Option<&Outline> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(self, |node, name| node.folder(name))
    }

    /// The only folder in it, where it holds no photos itself.
    pub(super) fn only_folder(&self) -> Option<&Outline> {
        match &self.folders[..] {
            [only] if self.direct == 0 => Some(only),
            _ => None,
        }
    }

    /// The folder in it that the dump lies in, where that is clear: the only one; or the only one that holds splits,
    /// where it holds more photos than the others together. A few photos may lie beside it at the top, where they are of
    /// no class in any case; further down they would be of one.
    pub(super) fn inner(&self) -> Option<&Outline> {
        let is_top = self.name.is_empty();
        if let [only] = &self.folders[..] {
            let few = is_top && only.direct == 0 && only.photos() > self.direct;
            return Some(only).filter(|_| self.direct == 0 || few);
        }
        if self.direct > 0 && !is_top {
            return None;
        }
        let mut dumps = self.folders.iter().filter(|folder| folder.holds_splits());
        let (Some(dump), None) = (dumps.next(), dumps.next()) else { return None };
        let is_split = split_in_name(&dump.name).is_some();
        Some(dump).filter(|dump| !is_split && dump.photos() * 2 > self.photos())
    }

    /// True where folders in it are called like two splits and hold class folders.
    fn holds_splits(&self) -> bool {
        let has_classes = |folder: &&Outline| !folder.folders.is_empty();
        let splits = self.folders.iter().filter(has_classes);
        let mut splits = splits.filter_map(|folder| split_of_word(&folder.name));
        let first = splits.next();
        self.direct == 0 && splits.any(|split| Some(split) != first)
    }

    /// The outline from paths of photos alone.
    #[cfg(test)]
    pub(super) fn of_photos(paths: &[&str]) -> Outline {
        let mut top = Outline::default();
        for path in paths {
            top.add(path.rsplit_once('/').map_or("", |(folder, _)| folder), 1);
        }
        top
    }
}

/// The folders from the top down to the one that holds photos or several folders: where a dump may lie.
pub(super) fn way_down(outline: &Outline) -> Vec<(String, &Outline)> {
    let mut way = vec![(String::new(), outline)];
    while let Some((path, node)) = way.last()
        && let Some(inner) = node.inner()
    {
        way.push((format!("{path}{}/", inner.name), inner));
    }
    way
}
