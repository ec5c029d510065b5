//! Which weights of a file are taken, where it may hold several: raw and averaged ones, a student's and a teacher's.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::contents::Contents;
use super::names::{Dialect, Names};
use super::prefix::unwrapped;
use super::state::{COUNTER, is_state};
use crate::Network;
use tcolz_base::door::given;

/// Names that weights are kept under in checkpoints, the likeliest first.
const USUAL: [&str; 6] = ["state_dict", "model_state_dict", "model", "net", "network", "weights"];
/// Weights that are listed in an error.
const MAX_LISTED: usize = 12;
/// Words in the names of averaged weights.
const AVERAGED: [&str; 6] = ["ema", "average", "averaged", "avg", "swa", "polyak"];

/// What stands for keys without a prefix.
const NO_PREFIX: &str = ".";

/// Weights of a network in a file, and where they lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Keys of dictionaries and prefix of keys, joined by points; `.`: there is neither.
    pub key: String,
    /// Which network they are of.
    pub network: Network,
    /// Whether their name says that they are averages of others.
    pub averaged: bool,
    /// Tensors of the network.
    pub tensors: u64,
}

/// Tensors behind one prefix of one dictionary that have names of a network.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The number of the dictionary.
    pub(super) dictionary: usize,
    pub(super) prefix: String,
    pub(super) names: Names,
    pub(super) network: Network,
    /// Parameters that are there.
    pub(super) tensors: usize,
    /// Whether the whole backbone is there.
    pub(super) complete: bool,
    /// Keys of dictionaries, then segments of the prefix.
    path: Vec<String>,
    averaged: bool,
}

impl Candidate {
    fn key(&self) -> String {
        if self.path.is_empty() { NO_PREFIX.to_owned() } else { self.path.join(".") }
    }

    pub(super) fn place(&self) -> Place {
        let (network, averaged, tensors) = (self.network, self.averaged, self.tensors as u64);
        Place { key: self.key(), network, averaged, tensors }
    }

    /// Whether it is the likelier one: where their paths part, its name is the more usual one, or it has no more.
    fn is_likelier(&self, other: &Candidate) -> bool {
        let rank = |path: &[String], at: usize| match path.get(at) {
            None => 0,
            Some(name) => 1 + USUAL.iter().position(|usual| usual == name).unwrap_or(USUAL.len()),
        };
        let at = self.path.iter().zip(&other.path).take_while(|(own, other)| own == other).count();
        rank(&self.path, at) < rank(&other.path, at)
    }
}

/// Whether names say that weights are averages of others.
fn is_averaged(path: &[String]) -> bool {
    let mut words = path.iter().flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
    words.any(|word| AVERAGED.contains(&&*word.to_ascii_lowercase()))
}

/// Everything in a file that has names of a network.
pub(super) fn candidates(contents: &mut Contents, dialects: &[Dialect]) -> Vec<Candidate> {
    let mut slots_of: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for (number, dialect) in dialects.iter().enumerate() {
        for (index, slot) in dialect.slots.iter().enumerate() {
            for key in &slot.keys {
                slots_of.entry(key).or_default().push((number, index));
            }
        }
    }
    let mut found = Vec::new();
    for dictionary in 0..contents.dictionaries.len() {
        contents.look_at(dictionary);
        // Of each prefix, in the names of each source: the parameters that are there.
        let mut there: BTreeMap<String, BTreeMap<usize, HashSet<usize>>> = BTreeMap::new();
        for key in contents.stored.keys().filter(|key| !is_state(key)) {
            for (prefix, name) in contents.divisions(key) {
                let Some(slots) = slots_of.get(name.as_str()) else { continue };
                let there = there.entry(prefix).or_default();
                for &(number, index) in slots {
                    there.entry(number).or_default().insert(index);
                }
            }
        }
        for (prefix, there) in there {
            // Of equals the first: torchvision before timm where the backbone alone cannot tell.
            let best = there
                .into_iter()
                .reduce(|best, next| if next.1.len() > best.1.len() { next } else { best });
            let Some((number, there)) = best else { continue };
            let Dialect { names, network, slots } = &dialects[number];
            let complete = slots
                .iter()
                .enumerate()
                .all(|(index, slot)| slot.parameter.in_head || there.contains(&index));
            let keys = contents.dictionaries[dictionary].iter().map(|key| unwrapped(key));
            let segments = prefix.split(['.', '/']).map(str::to_owned);
            let path: Vec<_> = keys.chain(segments).filter(|segment| !segment.is_empty()).collect();
            // torch's AveragedModel counts what it averages, beside its `module`.
            let counter =
                if prefix.is_empty() { COUNTER.to_owned() } else { format!("{prefix}.{COUNTER}") };
            let averaged = is_averaged(&path) || contents.stored.contains_key(&counter);
            let (names, network, tensors) = (*names, *network, there.len());
            let candidate =
                Candidate { dictionary, prefix, names, network, tensors, complete, path, averaged };
            found.push(candidate);
        }
    }
    found
}

/// The candidate to take, where there is one.
///
/// # Errors
/// A sentence, where `key` names none or several, or where it is not to be known which one is meant.
pub(super) fn choose(
    candidates: Vec<Candidate>,
    key: Option<&str>,
    network: Option<Network>,
) -> Result<Option<(Candidate, Vec<Place>)>, String> {
    let whole: Vec<_> = candidates.iter().filter(|candidate| candidate.complete).cloned().collect();
    let all = if whole.is_empty() { candidates } else { whole };
    let mut left = match key {
        Some(key) => named(&all, key)?,
        None => all.clone(),
    };
    if left.iter().any(|candidate| candidate.complete) {
        // Those of the network that is asked for, where there are any.
        if left.iter().any(|candidate| Some(candidate.network) == network) {
            left.retain(|candidate| Some(candidate.network) == network);
        }
    } else {
        // Nothing is whole: what is nearest to it says what is missing.
        let most = left.iter().map(|candidate| candidate.tensors).max();
        left.retain(|candidate| Some(candidate.tensors) == most);
        left.truncate(1);
    }
    if left.is_empty() {
        return Ok(None);
    }
    let likeliest = |(at, candidate): &(usize, &Candidate)| {
        let mut others = left.iter().enumerate().filter(|(other, _)| other != at);
        others.all(|(_, other)| candidate.is_likelier(other))
    };
    let Some((_, chosen)) = left.iter().enumerate().find(likeliest) else {
        return Err(format!(
            "it holds weights under {}: say which with {}",
            listed(&left),
            given("weights_key", "KEY")
        ));
    };
    let others = all.iter().filter(|other| other.complete && other.path != chosen.path);
    Ok(Some((chosen.clone(), others.map(Candidate::place).collect())))
}

/// The numbers of the dictionaries in which these weights lie.
pub(super) fn dictionaries(
    contents: &Contents,
    chosen: &Candidate,
    others: &[Place],
) -> Vec<usize> {
    let numbers = contents.dictionaries.iter().enumerate();
    let others = numbers.filter(|(_, path)| {
        let path: Vec<_> =
            path.iter().map(|key| unwrapped(key)).filter(|key| !key.is_empty()).collect();
        let path = path.join(".");
        others.iter().any(|other| {
            let rest = other.key.strip_prefix(&path);
            !path.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    });
    [chosen.dictionary].into_iter().chain(others.map(|(number, _)| number)).collect()
}

/// The candidates that a key names: the one with this path, else those that have it in their path.
fn named(all: &[Candidate], key: &str) -> Result<Vec<Candidate>, String> {
    let asked = unwrapped(key);
    let segments: Vec<&str> =
        asked.split(['.', '/']).filter(|segment| !segment.is_empty()).collect();
    let same = all.iter().filter(|candidate| candidate.path == segments);
    let same: Vec<_> = same.cloned().collect();
    if !same.is_empty() {
        return Ok(same);
    }
    let has = |candidate: &&Candidate| {
        !segments.is_empty() && candidate.path.windows(segments.len()).any(|part| part == segments)
    };
    let found: Vec<_> = all.iter().filter(has).cloned().collect();
    let given = given("weights_key", key);
    match found.len() {
        0 if all.is_empty() => Ok(found),
        0 => Err(format!("{given}: there are no such weights; there are {}", listed(all))),
        1 => Ok(found),
        _ => Err(format!("{given}: expected one of {}", listed(&found))),
    }
}

/// Their keys, with what is known of each.
fn listed(candidates: &[Candidate]) -> String {
    let said = candidates.iter().take(MAX_LISTED).map(|candidate| candidate.place().words());
    let more = if candidates.len() > MAX_LISTED { " and more" } else { "" };
    said.collect::<Vec<_>>().join(", ") + more
}

impl Place {
    /// Its key, and what is known of it.
    pub fn words(&self) -> String {
        let without = if self.key == NO_PREFIX { " (keys without a prefix)" } else { "" };
        let averaged = if self.averaged { ", averaged" } else { "" };
        format!("`{}`{without} ({}{averaged})", self.key, self.network)
    }
}
