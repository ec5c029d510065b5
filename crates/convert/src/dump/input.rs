//! One line of a list: what it names, and what is wrong with it.

use tcolz_format::sample::Label;

use super::Layout;

/// One line of an input list, or one file of a dump without lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Index into [`Dump::lists`](super::Dump::lists).
    pub list: u16,
    /// Line in the list, from 1 (for a dump without lists: the file's place in path order).
    pub line: u32,
    /// Index into [`Dump::splits`](super::Dump::splits).
    pub split: u16,
    /// The path as listed, with `/`, without `./` and the top folder.
    pub sample_id: Box<str>,
    /// Class index.
    pub label: Label,
    /// TTD: how many of five annotators agreed.
    pub agreement: Option<u8>,
    /// Text sentiment of the tweet: negative, neutral, positive.
    pub text_scores: Option<[f32; 3]>,
    /// Why this line is not worth opening; `None` for nearly all.
    pub problem: Option<Problem>,
}

impl Input {
    /// A line of which nothing more is known.
    pub(super) fn new(list: u16, line: u32, split: u16) -> Input {
        Input {
            list,
            line,
            split,
            sample_id: Box::default(),
            label: None,
            agreement: None,
            text_scores: None,
            problem: None,
        }
    }
}

/// Why a line is not worth opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The same path stands on an earlier line of the same split.
    Duplicate {
        /// Line that won.
        first_line: u32,
        /// The two lines disagree about the label.
        label_conflict: bool,
    },
    /// The line or the name cannot be used.
    Unusable {
        /// Reason word for the ledger.
        code: &'static str,
        /// What is wrong, in words.
        detail: String,
    },
}

/// A tweet's id from a B-T4SA (`784760943188189184-1.jpg`) or TTD (`288005267_463613689107468288_Bm77.jpg`)
/// file name. Ids exceed 2^53, so they are never held as floating point.
pub fn tweet_id(layout: Layout, sample_id: &str) -> Option<u64> {
    let name = sample_id.rsplit('/').next()?;
    let digits = match layout {
        Layout::BT4sa => name.split('-').next()?,
        Layout::Ttd => name.split('_').nth(1)?,
        Layout::Csv | Layout::Folder | Layout::Classes => return None,
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tweet_ids_are_read_whole() {
        let listed = "data/78476/784760943188189184-1.jpg";
        assert_eq!(tweet_id(Layout::BT4sa, listed), Some(784_760_943_188_189_184));
        let ttd = "288005267_463613689107468288_Bm77-eK8_CIAAdKjk.jpg";
        assert_eq!(tweet_id(Layout::Ttd, ttd), Some(463_613_689_107_468_288));
        assert_eq!(tweet_id(Layout::BT4sa, "data/cat.jpg"), None);
        assert_eq!(
            tweet_id(Layout::Ttd, "1_99999999999999999999999_B.jpg"),
            None,
            "more than a u64"
        );
    }
}
