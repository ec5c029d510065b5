//! What lies in a dump and is no input: counted file by file, so that no photo vanishes without a word.

use std::collections::BTreeMap;

use super::layout::{Listed, NotUsed, Plan, Reading};
use super::names::printable;
use super::outline::Looker;
use super::tree::{NameKind, Tree, TreeFile};
use super::{DumpError, Source, Watch};

/// The photos of a dump that are left out, and how many are taken.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Their paths below the source, sorted.
    pub(super) photos: Vec<String>,
    /// The same by folder.
    pub(super) by_folder: Vec<NotUsed>,
    /// Files that are inputs.
    pub(super) taken: u64,
}

impl LeftOut {
    /// Compares the files of a dump with what was listed. A file is a photo when its name says so; without a
    /// telling name, when its first bytes do; and not when its name says that it is something else (`.txt`, `.csv`, …).
    pub(super) fn of(
        source: &Source,
        tree: &Tree,
        reading: &Reading,
        listed: &Listed,
        watch: &mut Watch<'_>,
    ) -> Result<LeftOut, DumpError> {
        let mut seen = vec![false; tree.len()];
        let mut taken = 0;
        let mut path = String::new();
        for input in &listed.inputs {
            path.clear();
            path.push_str(&listed.prefix);
            path.push_str(&input.sample_id);
            for index in tree.find_all(&path) {
                taken += u64::from(!seen[index]);
                seen[index] = true;
            }
        }
        for path in &listed.renamed {
            for index in tree.find_all(path) {
                taken += u64::from(!seen[index]);
                seen[index] = true;
            }
        }
        for path in &listed.used {
            tree.find_all(path).for_each(|index| seen[index] = true);
        }
        let mut photos: Vec<&TreeFile> = Vec::new();
        let mut looker = Looker::new(source, watch);
        for (file, _) in tree.files().iter().zip(&seen).filter(|(_, seen)| !**seen) {
            let is_photo = match NameKind::of(&file.path) {
                NameKind::Picture => true,
                NameKind::Other => false,
                NameKind::Unknown => looker.is_picture(file)?,
            };
            if is_photo {
                photos.push(file);
            }
        }
        Ok(LeftOut {
            by_folder: by_folder(&photos, reading),
            photos: photos.into_iter().map(|file| printable(&file.path)).collect(),
            taken,
        })
    }
}

/// How many photos are left out in each folder of the dump, or directly in it.
fn by_folder(photos: &[&TreeFile], reading: &Reading) -> Vec<NotUsed> {
    let why = match reading.plan {
        Plan::Folders(_) => "in no class folder that is read",
        _ => "mentioned by no list",
    };
    let mut folders: BTreeMap<String, u64> = BTreeMap::new();
    for photo in photos {
        let root = if photo.path.starts_with(&reading.root) { reading.root.as_str() } else { "" };
        let folder = match photo.path[root.len()..].split_once('/') {
            Some((folder, _)) => format!("{root}{folder}/"),
            None if root.is_empty() => "./".to_owned(),
            None => root.to_owned(),
        };
        *folders.entry(printable(&folder)).or_default() += 1;
    }
    let not_used = |(path, photos)| NotUsed { path, photos, why: why.to_owned(), advice: None };
    folders.into_iter().map(not_used).collect()
}
