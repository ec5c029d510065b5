//! The Twitter Testing Dataset (You et al. 2015): 1,269 photos with three nested lists.
//!
//! `images/` (in the original release `Agg_AMT_Candidates/`) holds the photos,
//! `ground_truth/twitter_{five,four,three}_agrees.txt` say `name label`. The largest list names all
//! photos; the others tell how many of five annotators agreed.

use std::collections::HashMap;
use std::path::Path;

use super::{Dump, DumpError, Input, Layout, list};

const LISTS: [(&str, u8); 3] = [
    ("ground_truth/twitter_three_agrees.txt", 3),
    ("ground_truth/twitter_four_agrees.txt", 4),
    ("ground_truth/twitter_five_agrees.txt", 5),
];
const FOLDERS: [&str; 2] = ["images", "Agg_AMT_Candidates"];
const CLASSES: [&str; 2] = ["negative", "positive"];

pub(super) fn recognise(source: &Path) -> bool {
    largest(source).is_some() && folder(source).is_some()
}

pub(super) fn open(source: &Path) -> Result<Dump, DumpError> {
    let missing = |expected| DumpError::NotThisLayout {
        path: source.to_owned(),
        layout: Layout::Ttd,
        expected,
    };
    let (name, agreement) =
        largest(source).ok_or_else(|| missing("ground_truth/twitter_three_agrees.txt"))?;
    let folder = folder(source).ok_or_else(|| missing("the folder images/"))?;
    let mut inputs: Vec<Input> =
        list::inputs(list::read(&source.join(name), CLASSES.len())?, 0, 0, Some(folder)).collect();
    let mut levels: HashMap<Box<str>, u8> = HashMap::new();
    for (stricter, level) in LISTS.iter().filter(|(_, level)| *level > agreement) {
        let path = source.join(stricter);
        if path.is_file() {
            for input in list::inputs(list::read(&path, CLASSES.len())?, 0, 0, Some(folder)) {
                levels.insert(input.sample_id, *level);
            }
        }
    }
    for input in inputs.iter_mut().filter(|input| input.problem.is_none()) {
        input.agreement = Some(levels.get(&input.sample_id).copied().unwrap_or(agreement));
    }
    Ok(Dump {
        layout: Layout::Ttd,
        root: source.to_owned(),
        prefix: format!("{folder}/"),
        lists: vec![name.to_owned()],
        splits: vec!["all".to_owned()],
        classes: CLASSES.map(str::to_owned).to_vec(),
        inputs,
        notes: Vec::new(),
    })
}

/// The list of the lowest agreement that is there: it holds all others.
fn largest(source: &Path) -> Option<(&'static str, u8)> {
    LISTS.into_iter().find(|(name, _)| source.join(name).is_file())
}

fn folder(source: &Path) -> Option<&'static str> {
    FOLDERS.into_iter().find(|folder| source.join(folder).is_dir())
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
