//! How a dump without splits was divided into train, val and test.

use std::fmt;

use serde::{Deserialize, Serialize};
use tcolz_base::door::given;

/// The method that is taken where none is named: photos that are the same file go to the same split.
pub const SPLIT_METHOD: &str = "stratified-blake3-v2";
/// The methods there are, with their versions: the same name gives the same splits for ever. Of version 1, which
/// every photo goes through alone, are datasets of early versions of this program.
pub const SPLIT_METHODS: [&str; 2] = [SPLIT_METHOD, "stratified-blake3-v1"];

/// How a dump is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeSplits {
    /// The method: one of [`SPLIT_METHODS`].
    pub method: String,
    /// Shares of train, val and test, in percent; a share of 0 gives no split.
    pub percent: [u8; 3],
    /// Another seed gives other splits.
    pub seed: u64,
}

/// As it is asked for: shares, seed and method as options.
impl fmt::Display for MakeSplits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MakeSplits { method, percent: [train, val, test], seed } = self;
        let shares = given("make_splits", format_args!("{train}/{val}/{test}"));
        write!(f, "{shares} {} {}", given("seed", seed), given("method", method))
    }
}

/// Shares of train, val and test that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharesError {
    /// Not two or three percentages.
    #[error("expected percentages of train, val and test: 80/10/10")]
    Percentages {
        /// What was given.
        found: String,
    },
    /// They make no whole.
    #[error("the percentages add up to {found}, not to 100")]
    Sum {
        /// What they add up to.
        found: u32,
    },
}

impl MakeSplits {
    /// The division for `80/10/10`, or `80/20` for train and val alone.
    ///
    /// # Errors
    /// [`SharesError`]: what was expected.
    pub fn parse(text: &str, seed: u64) -> Result<MakeSplits, SharesError> {
        let shares: Option<Vec<u8>> =
            text.split('/').map(|share| share.trim().trim_end_matches('%').parse().ok()).collect();
        let percent = match shares.as_deref() {
            Some(&[train, val]) => [train, val, 0],
            Some(&[train, val, test]) => [train, val, test],
            _ => return Err(SharesError::Percentages { found: text.to_owned() }),
        };
        let found: u32 = percent.iter().map(|&share| u32::from(share)).sum();
        if found != 100 {
            return Err(SharesError::Sum { found });
        }
        Ok(MakeSplits { method: SPLIT_METHOD.to_owned(), percent, seed })
    }

    /// Whether photos that are the same file stay together; `None` for a method that is not known.
    pub fn keeps_files_together(&self) -> Option<bool> {
        SPLIT_METHODS.iter().position(|&known| known == self.method).map(|index| index == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_make_no_whole_are_refused() {
        for wrong in ["80/10", "80/10/10/0", "100", "a/b/c", "-10/100/10", "80/10/20", ""] {
            assert!(MakeSplits::parse(wrong, 0).is_err(), "{wrong}");
        }
        assert_eq!(MakeSplits::parse("80/20", 0).unwrap().percent, [80, 20, 0]);
    }
}
