//! `t4sa_text_sentiment.tsv`: what a text classifier thought of each tweet.
//!
//! Tab-separated, header `TWID NEG NEU POS`; 1,179,957 lines, of which a dump needs the tweets of its
//! photos. Tweet ids exceed 2^53 and are never held as floating point.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::contents::Dump;
use super::error::DumpError;
use super::input::tweet_id;
use super::names::shown;

const HEADER: [&str; 4] = ["TWID", "NEG", "NEU", "POS"];
/// Longer lines are read in pieces, none of which is a score.
const MAX_LINE_BYTES: u64 = 4096;

/// Gives the inputs of `dump` the scores of their tweets, and notes how many have some.
///
/// # Errors
/// When the file cannot be read or has another header, or the photos of the dump have no tweet ids.
pub(super) fn add(dump: &mut Dump, path: &Path) -> Result<(), DumpError> {
    let failed = |source| DumpError::Unreadable { path: path.to_owned(), source };
    let id =
        |dump: &Dump, index: usize| tweet_id(dump.reading.layout, &dump.inputs[index].sample_id);
    let ids = (0..dump.inputs.len()).filter_map(|index| id(dump, index));
    let mut scores: HashMap<u64, Option<[f32; 3]>> = ids.map(|id| (id, None)).collect();
    if scores.is_empty() {
        return Err(DumpError::NoTweets { path: path.to_owned(), layout: dump.reading.layout });
    }
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let (mut bad, mut first_bad) = (0u64, 0);
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        // A line of a file that is no list of scores may be as long as the file.
        let read = file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let ended = read.map_err(failed)? == 0;
        if number == 1 {
            require_header(&line, path)?;
        } else if ended {
            break;
        } else if let Some((id, found)) = score(&line) {
            // The first of several wins, as with lists.
            if let Some(score @ None) = scores.get_mut(&id) {
                *score = Some(found);
            }
        } else if !line.trim_ascii().is_empty() {
            bad += 1;
            if bad == 1 {
                first_bad = number;
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

fn require_header(line: &[u8], path: &Path) -> Result<(), DumpError> {
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = line {
        let (path, found) = (path.to_owned(), "UTF-16".to_owned());
        return Err(DumpError::NotText { path, found, advice: "save it as UTF-8" });
    }
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let names: Vec<_> = fields(line).map(|name| String::from_utf8_lossy(name)).collect();
    if names.iter().eq(HEADER.iter()) {
        return Ok(());
    }
    Err(DumpError::ScoreColumns { path: path.to_owned(), found: shown(&names.join(" ")) })
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b'\t').map(<[u8]>::trim_ascii)
}

fn score(line: &[u8]) -> Option<(u64, [f32; 3])> {
    let mut fields = fields(line).map(|field| str::from_utf8(field).ok());
    let id = fields.next()??.parse().ok()?;
    let mut number = || fields.next()??.parse().ok().filter(|value: &f32| value.is_finite());
    let scores = [number()?, number()?, number()?];
    fields.next().is_none().then_some((id, scores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_found_by_the_whole_tweet_id() {
        let line = b"784760943188189184\t0.25\t0.5\t0.25\r\n";
        assert_eq!(score(line), Some((784_760_943_188_189_184, [0.25, 0.5, 0.25])));
        for wrong in
            ["7.8e17\t0\t0\t1", "1\t0\t0", "1\t0\tx\t1", "1\t0\tNaN\t1", "1\t0\t0\t1\t0", ""]
        {
            assert_eq!(score(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
