//! Where an epoch stands: what a checkpoint keeps, so that training goes on without replay.

use serde::{Deserialize, Serialize};

use super::LoaderError;
use tcolz_format::dataset::Receipt;

/// Where an epoch stands, over all ranks; below 300 bytes of JSON.
///
/// Whatever world size, batch size and number of workers come later, the epoch goes on from `position`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Content root of the dataset.
    pub content_root: String,
    /// Name of the order, with its version.
    pub order: String,
    /// Hash of everything else that decides what an epoch holds: see [`Identity::new`].
    pub options: String,
    /// Seed of the order.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u32,
    /// Samples of the epoch's global order that all ranks have delivered or skipped. Above the order's
    /// length where the last stripe was filled up.
    pub position: u64,
    /// Receipt of what was delivered.
    pub delivered: Receipt,
    /// Receipt of what was skipped because it is damaged.
    pub skipped: Receipt,
}

/// Where an epoch stands on one rank: its position is that of all, its receipts are its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankState {
    /// The rank, from 0.
    pub rank: u32,
    /// Number of ranks.
    pub world: u32,
    /// Where it stands.
    pub state: State,
}

/// What a state must agree with to be gone on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    content_root: String,
    order: &'static str,
    options: String,
    seed: u64,
}

impl Identity {
    /// `options`: texts that name, one by one, everything beside content root, order and seed that
    /// decides which samples an epoch holds and how they look; the first 8 bytes of BLAKE3 over them,
    /// each behind its length as 8 bytes little-endian, stand in the state.
    pub fn new(content_root: &str, order: &'static str, seed: u64, options: &[&str]) -> Identity {
        let mut hash = blake3::Hasher::new();
        for option in options {
            hash.update(&(option.len() as u64).to_le_bytes()).update(option.as_bytes());
        }
        let options = hash.finalize().to_hex()[..16].to_owned();
        Identity { content_root: content_root.to_owned(), order, options, seed }
    }

    /// The state in which an epoch begins.
    pub fn begin(&self, epoch: u32) -> State {
        State {
            content_root: self.content_root.clone(),
            order: self.order.to_owned(),
            options: self.options.clone(),
            seed: self.seed,
            epoch,
            position: 0,
            delivered: Receipt::default(),
            skipped: Receipt::default(),
        }
    }

    /// Tests that a state can be gone on from here.
    ///
    /// # Errors
    /// [`LoaderError::OtherState`], naming what differs.
    pub fn check(&self, state: &State) -> Result<(), LoaderError> {
        let differs = |what, expected: &dyn ToString, found: &dyn ToString, hint| {
            let (expected, found) = (expected.to_string(), found.to_string());
            if expected == found {
                return Ok(());
            }
            Err(LoaderError::OtherState { what, expected, found, hint })
        };
        let other_dataset = "open the dataset that it was saved with";
        differs("content root", &self.content_root, &state.content_root, other_dataset)?;
        differs("order", &self.order, &state.order, "ask for the order that it names")?;
        differs("seed", &self.seed, &state.seed, "ask for the seed that it names")?;
        let hint = "use the split, subset, conditions, percentage, size and augmentation it was \
                    saved with, and a dataset of the same order of storage";
        differs("hash of the options", &self.options, &state.options, hint)
    }
}

impl RankState {
    /// The state of the whole epoch, from those of all its ranks at one moment.
    ///
    /// # Errors
    /// [`LoaderError::Ranks`] when a rank is missing or there twice, when the ranks stand at different
    /// positions, or when their states are not of one epoch.
    pub fn merge(ranks: &[RankState]) -> Result<State, LoaderError> {
        let fail = |reason: String| Err(LoaderError::Ranks { reason });
        let Some(first) = ranks.first() else {
            return fail("there are none".to_owned());
        };
        let mut merged = State {
            delivered: Receipt::default(),
            skipped: Receipt::default(),
            ..first.state.clone()
        };
        for rank in ranks {
            let (a, b) = (first.rank, rank.rank);
            let State { position, .. } = rank.state;
            if position != merged.position {
                let (at, other) = (merged.position, position);
                return fail(format!(
                    "rank {a} stands at position {at}, rank {b} at {other}; save them after the same step"
                ));
            }
            let receipts = State {
                delivered: merged.delivered,
                skipped: merged.skipped,
                ..rank.state.clone()
            };
            if rank.world != first.world || receipts != merged {
                return fail(format!("ranks {a} and {b} are not of the same run and epoch"));
            }
            merged.delivered += rank.state.delivered;
            merged.skipped += rank.state.skipped;
        }
        let mut numbers: Vec<u32> = ranks.iter().map(|rank| rank.rank).collect();
        numbers.sort_unstable();
        let expected = first.world;
        if !numbers.iter().copied().eq(0..expected) {
            return fail(format!("expected ranks 0 to {}, found {numbers:?}", expected.max(1) - 1));
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(seed: u64, options: &[&str]) -> Identity {
        Identity::new(&"7f".repeat(32), "windowed-v1", seed, options)
    }

    fn ranks() -> Vec<RankState> {
        let of = |rank: u32| {
            let (delivered, skipped) = (Receipt::of(&rank.to_string()), Receipt::default());
            let begin = identity(1, &[]).begin(3);
            RankState { rank, world: 3, state: State { position: 96, delivered, skipped, ..begin } }
        };
        (0..3).map(of).collect()
    }

    #[test]
    fn a_state_stays_below_300_bytes_and_comes_back_from_json() {
        let mut state = identity(u64::MAX, &["train"]).begin(u32::MAX);
        (state.position, state.delivered) = (u64::from(u32::MAX), Receipt::of("a"));
        let json = serde_json::to_string(&state).unwrap();
        assert!(json.len() < 300, "{}: {json}", json.len());
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
        let unknown = json.replace("\"seed\"", "\"sead\"");
        assert!(serde_json::from_str::<State>(&unknown).is_err());
    }

    #[test]
    fn another_dataset_order_seed_or_option_is_refused_by_its_name() {
        let here = identity(1, &["train", "10"]);
        assert!(here.check(&here.begin(7)).is_ok());
        let refused = |state: State| here.check(&state).unwrap_err().to_string();
        let (seed, options) = (identity(2, &["train", "10"]), identity(1, &["trai", "n10"]));
        let error = refused(seed.begin(0));
        assert!(error.contains("its seed is 2, here it is 1"), "{error}");
        assert!(refused(options.begin(0)).contains("its hash of the options"), "{error}");
        let error = refused(State { order: "shuffle-v1".to_owned(), ..here.begin(0) });
        assert!(error.contains("its order is shuffle-v1, here it is windowed-v1"), "{error}");
        let error = refused(State { content_root: "0".repeat(64), ..here.begin(0) });
        assert!(error.contains("its content root is 000"), "{error}");
    }

    #[test]
    fn ranks_are_merged_when_all_are_there_and_stand_at_one_position() {
        let merged = RankState::merge(&ranks()).unwrap();
        assert_eq!(merged.position, 96);
        assert_eq!(merged.delivered, Receipt::of("0") + Receipt::of("1") + Receipt::of("2"));
        let refused = |ranks: &[RankState]| RankState::merge(ranks).unwrap_err().to_string();
        assert!(refused(&[]).contains("there are none"));
        assert!(refused(&ranks()[..2]).contains("expected ranks 0 to 2, found [0, 1]"));
        let mut twice = ranks();
        twice[2] = twice[1].clone();
        assert!(refused(&twice).contains("found [0, 1, 1]"));
        let mut late = ranks();
        late[1].state.position = 64;
        assert!(refused(&late).contains("rank 0 stands at position 96, rank 1 at 64"));
        let mut epochs = ranks();
        epochs[1].state.epoch = 4;
        assert!(refused(&epochs).contains("ranks 0 and 1 are not of the same run"));
    }
}
