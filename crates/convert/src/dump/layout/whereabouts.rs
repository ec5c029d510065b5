//! Where the photos of listed paths lie, found by trying: beside the list, in the usual folders, or anywhere below.

use std::collections::BTreeSet;

use crate::dump::resolve::Resolver;
use crate::dump::source::Source;
use crate::dump::tree::{NameKind, Tree};

/// Where photos lie when not beside the table, and what is not written after an id.
const FOLDERS: [&str; 7] = ["", "train/", "images/", "data/", "img/", "photos/", "all/"];
const SUFFIXES: [&str; 9] = ["", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".gif", ".bmp"];
/// Folders beside the usual ones that are tried.
const TRIED_FOLDERS: usize = 100;

/// Where the photos of listed paths lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whereabouts {
    /// Below the source, `""` or ending in `/`.
    pub(super) folder: String,
    pub(super) suffix: &'static str,
    /// How many of the paths lie there.
    pub(super) found: usize,
}

/// Folder and suffix that make the most of these paths those of files: below one of `roots`, where the folders
/// `own` come before others. Of equals the first; `None` where none is found.
pub(super) fn whereabouts(
    source: &Source,
    tree: &Tree,
    roots: &[String],
    own: &[String],
    paths: &[String],
) -> Option<Whereabouts> {
    if paths.is_empty() {
        return None;
    }
    let best = |folders: &dyn Fn(&str) -> Vec<String>, loosely: bool| {
        let mut best: Option<Whereabouts> = None;
        for root in roots {
            let mut resolver = Resolver::new(source, tree, root, root);
            let paths: Vec<String> =
                paths.iter().map(|path| resolver.relative(path).into_owned()).collect();
            for folder in folders(root) {
                for suffix in SUFFIXES {
                    let mut is_there = |path: &&String| {
                        resolver.finds(&format!("{folder}{path}{suffix}"), loosely)
                    };
                    let found = paths.iter().filter(|path| is_there(path)).count();
                    if found > best.as_ref().map_or(0, |best| best.found) {
                        best = Some(Whereabouts { folder: folder.clone(), suffix, found });
                    }
                }
            }
        }
        best
    };
    let usual = |root: &str| {
        let usual = FOLDERS[1..].iter().map(|folder| format!("{root}{folder}"));
        [root.to_owned()].into_iter().chain(own.iter().cloned()).chain(usual).collect()
    };
    best(&usual, false)
        .or_else(|| best(&|root| folders_of_photos(tree, root), false))
        .or_else(|| best(&usual, true))
}

/// Folders below `root` that photos lie in, however deep, the first of them.
fn folders_of_photos(tree: &Tree, root: &str) -> Vec<String> {
    let mut folders = BTreeSet::new();
    for file in tree.below(root) {
        if NameKind::of(&file.path) == NameKind::Other {
            continue;
        }
        let above = file.path[root.len()..].match_indices('/').map(|(end, _)| root.len() + end);
        folders.extend(above.map(|end| &file.path[..=end]));
        if folders.len() >= TRIED_FOLDERS {
            break;
        }
    }
    folders.into_iter().map(str::to_owned).collect()
}
