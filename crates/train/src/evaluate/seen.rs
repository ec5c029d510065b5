//! How many of the samples the model has seen before: accuracy on these says little of other photos.

use std::sync::Arc;

use serde::Serialize;

use super::EvaluateError;
use crate::seen::SeenUnknown;
use tcolz_base::numbers::count;
use tcolz_format::dataset::{Dataset, SeenAs, SeenPhotos};
use tcolz_loader::{Select, Selection};

/// The photos that a model has seen, or why that is not known.
pub type KnownSeen = Result<Arc<SeenPhotos>, SeenUnknown>;

/// How many of the samples the model has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SeenCounts {
    /// Trained on; `None` where nothing is known.
    pub trained: Option<u64>,
    /// Validated on, and not trained on: they helped to choose the epoch.
    pub validated: Option<u64>,
    /// Why it may have seen more than that; `None`: it has not.
    pub unknown: Option<String>,
}

impl SeenCounts {
    /// Counts among the samples that are selected.
    ///
    /// # Errors
    /// As [`Selection::of`] and [`Dataset::scan_ledger`].
    pub fn of(
        dataset: &Dataset,
        select: &Select,
        seen: &KnownSeen,
    ) -> Result<SeenCounts, EvaluateError> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(reason) => {
                let unknown = Some(reason.to_string());
                return Ok(SeenCounts { unknown, ..SeenCounts::default() });
            }
        };
        let photos = Selection::of(dataset, select)?.photos(dataset)?;
        let seen_as = |wanted| {
            Some(
                photos
                    .iter()
                    .filter(|&&photo| photo.and_then(|photo| seen.get(photo)) == Some(wanted))
                    .count() as u64,
            )
        };
        Ok(SeenCounts {
            trained: seen_as(SeenAs::Trained),
            validated: seen_as(SeenAs::Validated),
            unknown: seen.unknown().map(str::to_owned),
        })
    }

    /// What is to be said before any number, of `samples`; `None` where the model has seen none of them.
    pub fn warning(&self, samples: u64) -> Option<String> {
        let (trained, validated) = (self.trained.unwrap_or(0), self.validated.unwrap_or(0));
        let photos = if samples == 1 { "photo" } else { "photos" };
        let of = |seen: u64| match seen {
            seen if seen == samples => format!("all these {} {photos}", count(samples)),
            seen => format!("{} of these {} {photos}", count(seen), count(samples)),
        };
        Some(match (trained, validated) {
            (0, 0) => return None,
            (0, validated) => format!(
                "the model was validated on {}, which chose the epoch that was kept: on new photos it may do a little worse",
                of(validated)
            ),
            (trained, 0) => format!(
                "the model was trained on {}: its accuracy here says little of new photos",
                of(trained)
            ),
            (trained, validated) => format!(
                "the model was trained on {}, and validated on {} more: its accuracy here says little of new photos",
                of(trained),
                count(validated)
            ),
        })
    }

    /// The same in few words, for the title of a picture.
    pub(super) fn words(&self, samples: u64) -> Option<String> {
        let (trained, validated) = (self.trained.unwrap_or(0), self.validated.unwrap_or(0));
        let of = |seen: u64| if seen == samples { "all".to_owned() } else { count(seen) };
        match (trained, validated) {
            (0, 0) => None,
            (0, validated) => Some(format!("{} validated on", of(validated))),
            (trained, _) => Some(format!("{} trained on", of(trained))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_said_in_a_sentence_and_nothing_is_said_of_new_photos() {
        let of = |trained, validated| SeenCounts {
            trained: Some(trained),
            validated: Some(validated),
            unknown: None,
        };
        assert_eq!(of(0, 0).warning(10), None);
        assert_eq!(SeenCounts::default().warning(10), None);
        let text = of(10, 0).warning(10).unwrap();
        assert!(text.starts_with("the model was trained on all these 10 photos:"), "{text}");
        let text = of(3, 0).warning(10).unwrap();
        assert!(text.starts_with("the model was trained on 3 of these 10 photos:"), "{text}");
        let text = of(0, 2).warning(10).unwrap();
        assert!(
            text.starts_with("the model was validated on 2 of these 10 photos, which"),
            "{text}"
        );
        assert!(!text.contains("--"), "whoever says it knows its own options: {text}");
        let text = of(3, 2).warning(10).unwrap();
        assert!(text.contains("3 of") && text.contains("validated on 2 more"), "{text}");
        assert_eq!(of(10, 0).words(10).unwrap(), "all trained on");
    }
}
