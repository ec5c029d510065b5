//! Keys behind the prefixes that wrappers and trainers put before them.
//!
//! ```text
//! module._orig_mod.model.features.0.0.weight  ─▶  model │ features.0.0.weight
//! features._orig_mod.0.0.weight               ─▶        │ features.0.0.weight
//! ```
//! A prefix is whatever stands before the names of a network: no list of prefixes is kept. Only what a wrapper puts
//! *into* names has to be known.

/// Segments that wrappers put anywhere into keys: torch.compile, DataParallel and its kin, FSDP, checkpointed
/// activations. No name of our networks has one of them.
const WRAPPERS: [&str; 4] =
    ["_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];
/// Segments of the longest name of our networks, and some more.
const MAX_NAME_SEGMENTS: usize = 10;
/// Longer keys are nobody's.
const MAX_KEY_BYTES: usize = 1000;

/// A key without what wrappers put into it.
pub(super) fn unwrapped(key: &str) -> String {
    let segments = key.split('.').filter(|segment| !WRAPPERS.contains(segment));
    segments.collect::<Vec<_>>().join(".")
}

/// Every way to divide a key into a prefix and a name, the longest name first.
pub(super) fn divisions(key: &str) -> Vec<(String, String)> {
    if key.len() > MAX_KEY_BYTES {
        return Vec::new();
    }
    let plain = unwrapped(key);
    let segments: Vec<&str> = plain.split('.').collect();
    let first = segments.len().saturating_sub(MAX_NAME_SEGMENTS);
    let division = |at: usize| (segments[..at].join("."), segments[at..].join("."));
    (first..segments.len()).map(division).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_divided_behind_any_prefix_and_without_wrappers_wherever_they_stand() {
        let divided = |key: &str, prefix: &str, name: &str| {
            let found = divisions(key);
            assert!(found.contains(&(prefix.to_owned(), name.to_owned())), "{key}: {found:?}");
        };
        divided("features.0.0.weight", "", "features.0.0.weight");
        divided("module.features.0.0.weight", "", "features.0.0.weight");
        divided("module._orig_mod.model.features.0.0.weight", "model", "features.0.0.weight");
        divided("_orig_mod.module.features.0.0.weight", "", "features.0.0.weight");
        divided("features._orig_mod.0.0.weight", "", "features.0.0.weight");
        divided("features.module.0.weight", "", "features.0.weight");
        divided(
            "a.b.c.d.e.f.g.h.i.j.k.features.0.weight",
            "a.b.c.d.e.f.g.h.i.j.k",
            "features.0.weight",
        );
        assert!(divisions(&"a.".repeat(1000)).is_empty());
        assert_eq!(divisions(""), [(String::new(), String::new())]);
    }
}
