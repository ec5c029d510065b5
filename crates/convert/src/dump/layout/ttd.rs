//! The Twitter Testing Dataset (You et al. 2015): 1,269 photos with three nested lists.
//!
//! `images/` (in the original release `Agg_AMT_Candidates/`) holds the photos,
//! `ground_truth/twitter_{five,four,three}_agrees.txt` say `name label`. The largest list names all
//! photos; the others tell how many of five annotators agreed.

use std::collections::HashMap;

use crate::dump::list::{Labels, Lists};
use crate::dump::{DumpError, Layout};

use super::opening::{Listed, Opening};

/// The folder of the lists.
pub(super) const LIST_FOLDER: &str = "ground_truth/";
const LISTS: [(&str, u8); 3] = [
    ("twitter_three_agrees.txt", 3),
    ("twitter_four_agrees.txt", 4),
    ("twitter_five_agrees.txt", 5),
];
/// Folders of the photos.
pub(super) const FOLDERS: [&str; 2] = ["images", "Agg_AMT_Candidates"];
/// The folder of the published folds, whose lists are named by hand.
pub(super) const FOLDS: &str = "folds";
const CLASSES: [&str; 2] = ["negative", "positive"];

/// True for the name of a list.
pub(super) fn is_list(name: &str) -> bool {
    rank(name) < LISTS.len()
}

/// The place of a list among those that there may be, the largest first.
pub(super) fn rank(name: &str) -> usize {
    LISTS.iter().position(|(known, _)| *known == name).unwrap_or(LISTS.len())
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Listed, DumpError> {
    let Opening { source, tree, root, .. } = *opening;
    let folder = FOLDERS.into_iter().find(|folder| tree.is_folder(&format!("{root}{folder}")));
    let folder = folder.unwrap_or(FOLDERS[0]);
    let prefix = format!("{root}{folder}/");
    // From the least agreement to the most: the largest list holds all others.
    let there: Vec<(String, u8)> = LISTS
        .iter()
        .map(|&(name, level)| (format!("{root}{LIST_FOLDER}{name}"), level))
        .filter(|(path, _)| tree.is_file(path))
        .collect();
    let labels = Labels::known(&CLASSES);
    let mut lists = Lists::default();
    for list in opening.by_hand {
        lists.add_file(source, list)?;
    }
    if opening.by_hand.is_empty() {
        let (largest, _) = there.first().ok_or_else(|| DumpError::NotThisLayout {
            path: source.path().to_owned(),
            layout: Layout::Ttd,
            expected: "ground_truth/twitter_three_agrees.txt",
        })?;
        lists.add(source, largest, "all", "")?;
    }
    let mut files = opening.resolver(&prefix);
    let mut used = lists.inside().to_vec();
    let (lists, splits, mut inputs) = lists.inputs(&labels, Some(folder), &mut files)?;
    // The last word counts.
    let mut levels: HashMap<Box<str>, u8> = HashMap::new();
    for (path, level) in there {
        let mut list = Lists::default();
        list.add(source, &path, "all", "")?;
        let (_, _, listed) = list.inputs(&labels, Some(folder), &mut opening.resolver(&prefix))?;
        levels.extend(listed.into_iter().map(|input| (input.sample_id, level)));
        used.push(path);
    }
    for input in inputs.iter_mut().filter(|input| input.problem.is_none()) {
        input.agreement = levels.get(&input.sample_id).copied();
    }
    let notes = files.notes();
    Ok(Listed {
        prefix,
        lists,
        splits,
        classes: labels.into_names(),
        inputs,
        notes,
        used,
        ..Listed::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Dump;
    use std::fs;

    #[test]
    fn the_largest_list_is_taken_and_the_agreement_comes_from_the_stricter_ones() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("ground_truth")).unwrap();
        fs::create_dir_all(folder.path().join("images")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ground_truth/twitter_three_agrees.txt", "1_2_c.jpg 0\n1_2_a.jpg 1\n1_2_b.jpg 1\n");
        write("ground_truth/twitter_four_agrees.txt", "1_2_a.jpg 1\n1_2_b.jpg 1\n");
        write("ground_truth/twitter_five_agrees.txt", "1_2_a.jpg 1\n");
        let dump = Dump::open(folder.path(), None).unwrap();
        assert_eq!(dump.reading.layout, Layout::Ttd);
        let found: Vec<_> = dump
            .inputs
            .iter()
            .map(|input| (&*input.sample_id, input.agreement, input.line))
            .collect();
        assert_eq!(
            found,
            [("1_2_a.jpg", Some(5), 2), ("1_2_b.jpg", Some(4), 3), ("1_2_c.jpg", Some(3), 1)]
        );
    }
}
