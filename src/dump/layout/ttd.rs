//! The Twitter Testing Dataset (You et al. 2015): 1,269 photos with three nested lists.
//!
//! `images/` (in the original release `Agg_AMT_Candidates/`) holds the photos,
//! `ground_truth/twitter_{five,four,three}_agrees.txt` say `name label`. The largest list names all
//! photos; the others tell how many of five annotators agreed.

use std::collections::HashMap;

use crate::dump::list::{Labels, Lists};
use crate::dump::{Dump, DumpError, Layout, ListFile, Source};

const LISTS: [(&str, u8); 3] = [
    ("ground_truth/twitter_three_agrees.txt", 3),
    ("ground_truth/twitter_four_agrees.txt", 4),
    ("ground_truth/twitter_five_agrees.txt", 5),
];
const FOLDERS: [&str; 2] = ["images", "Agg_AMT_Candidates"];
const CLASSES: [&str; 2] = ["negative", "positive"];

pub(super) fn recognise(source: &Source, by_hand: bool) -> bool {
    folder(source).is_some() && (largest(source).is_some() || by_hand && source.is_folder("folds"))
}

pub(super) fn open(source: &Source, by_hand: &[ListFile]) -> Result<Dump, DumpError> {
    let missing = |expected| DumpError::NotThisLayout {
        path: source.path().to_owned(),
        layout: Layout::Ttd,
        expected,
    };
    let folder = folder(source).ok_or_else(|| missing("the folder images/"))?;
    let labels = Labels::known(&CLASSES);
    let mut lists = Lists::default();
    for list in by_hand {
        lists.add_file(source, list)?;
    }
    if by_hand.is_empty() {
        let (name, _) = largest(source).ok_or_else(|| missing(LISTS[0].0))?;
        lists.add(source, name, "all")?;
    }
    let (lists, splits, mut inputs) = lists.inputs(&labels, Some(folder));
    // From the least agreement to the most: the last word counts.
    let mut levels: HashMap<Box<str>, u8> = HashMap::new();
    for (name, level) in LISTS.into_iter().filter(|(name, _)| source.is_file(name)) {
        let mut list = Lists::default();
        list.add(source, name, "all")?;
        let (_, _, listed) = list.inputs(&labels, Some(folder));
        levels.extend(listed.into_iter().map(|input| (input.sample_id, level)));
    }
    for input in inputs.iter_mut().filter(|input| input.problem.is_none()) {
        input.agreement = levels.get(&input.sample_id).copied();
    }
    Ok(Dump {
        layout: Layout::Ttd,
        source: source.clone(),
        prefix: format!("{folder}/"),
        lists,
        splits,
        classes: labels.into_names(),
        inputs,
        made_splits: None,
        notes: Vec::new(),
    })
}

/// The list of the lowest agreement that is there: it holds all others.
fn largest(source: &Source) -> Option<(&'static str, u8)> {
    LISTS.into_iter().find(|(name, _)| source.is_file(name))
}

fn folder(source: &Source) -> Option<&'static str> {
    FOLDERS.into_iter().find(|folder| source.is_folder(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(dump.layout, Layout::Ttd);
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
