//! `t4sa_text_sentiment.tsv`: what a text classifier thought of each tweet.
//!
//! Tab-separated, header `TWID NEG NEU POS`; 1,179,957 lines, of which a dump needs the tweets of its
//! photos. Tweet ids exceed 2^53 and are never held as floating point.

use std::collections::HashMap;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::{Dump, DumpError, tweet_id};

const HEADER: [&str; 4] = ["TWID", "NEG", "NEU", "POS"];

/// Gives the inputs of `dump` the scores of their tweets, and notes how many have some.
///
/// # Errors
/// When the file cannot be read or has another header, or the photos of the dump have no tweet ids.
pub(super) fn add(dump: &mut Dump, path: &Path) -> Result<(), DumpError> {
    let failed =
        |error: csv::Error| DumpError::Unreadable { path: path.to_owned(), source: error.into() };
    let id = |dump: &Dump, index: usize| tweet_id(dump.layout, &dump.inputs[index].sample_id);
    let ids = (0..dump.inputs.len()).filter_map(|index| id(dump, index));
    let mut scores: HashMap<u64, Option<[f32; 3]>> = ids.map(|id| (id, None)).collect();
    if scores.is_empty() {
        return Err(DumpError::NoTweets { path: path.to_owned(), layout: dump.layout });
    }
    let mut table = ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .flexible(true)
        .from_path(path)
        .map_err(failed)?;
    let header = table.byte_headers().map_err(failed)?;
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name)).collect();
    if names.iter().map(|name| name.trim_start_matches('\u{FEFF}').trim()).ne(HEADER) {
        return Err(DumpError::ScoreColumns { path: path.to_owned(), found: names.join(" ") });
    }
    let (mut bad, mut first_bad) = (0u64, 0);
    let mut record = ByteRecord::new();
    while table.read_byte_record(&mut record).map_err(failed)? {
        match score(&record) {
            // The first of several wins, as with lists.
            Some((id, found)) => {
                if let Some(score @ None) = scores.get_mut(&id) {
                    *score = Some(found);
                }
            }
            None => {
                bad += 1;
                if bad == 1 {
                    first_bad = record.position().map_or(0, csv::Position::line);
                }
            }
        }
    }
    let mut with_scores = 0;
    for index in 0..dump.inputs.len() {
        let found = id(dump, index).and_then(|id| scores[&id]);
        with_scores += usize::from(found.is_some());
        dump.inputs[index].text_scores = found;
    }
    let listed = dump.inputs.len();
    dump.notes.push(format!("{with_scores} of {listed} photos have text scores"));
    if bad > 0 {
        dump.notes.push(format!(
            "{}: {bad} lines are not `{}`, the first is line {first_bad}",
            path.display(),
            HEADER.join(" ")
        ));
    }
    Ok(())
}

fn score(record: &ByteRecord) -> Option<(u64, [f32; 3])> {
    let field = |column: usize| Some(str::from_utf8(record.get(column)?).ok()?.trim());
    let number =
        |column: usize| field(column)?.parse().ok().filter(|value: &f32| value.is_finite());
    let scores = [number(1)?, number(2)?, number(3)?];
    (record.len() == HEADER.len()).then_some((field(0)?.parse().ok()?, scores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_found_by_the_whole_tweet_id() {
        let record = ByteRecord::from(vec!["784760943188189184", "0.25", "0.5", "0.25"]);
        assert_eq!(score(&record), Some((784_760_943_188_189_184, [0.25, 0.5, 0.25])));
        for wrong in [
            &["7.8e17", "0", "0", "1"][..],
            &["1", "0", "0"],
            &["1", "0", "x", "1"],
            &["1", "0", "NaN", "1"],
            &["1", "0", "0", "1", "0"],
            &[""],
        ] {
            assert_eq!(score(&ByteRecord::from(wrong.to_vec())), None, "{wrong:?}");
        }
    }
}
