//! Keys of a file that are no weights: counters, and the state of what trains.

/// How many were averaged, in torch's AveragedModel.
pub(super) const COUNTER: &str = "n_averaged";
/// Last parts of keys that are no weights, whoever's they are: of BatchNorm, of thop, of torch's AveragedModel.
const COUNTERS: [&str; 4] = ["num_batches_tracked", "total_ops", "total_params", COUNTER];
/// What Keras calls the state of its layers that draw.
const GENERATOR: &str = "seed_generator";
/// Groups of a Keras file that hold the state of an optimiser.
pub(super) const OPTIMISER: [&str; 2] = ["optimizer_weights/", "optimizer/"];

/// Whether a key is of something that trains or counts.
pub(super) fn is_state(key: &str) -> bool {
    let last = key.rsplit(['.', '/']).next().unwrap_or(key);
    COUNTERS.contains(&last)
        || key.contains(GENERATOR)
        || OPTIMISER.iter().any(|group| key.starts_with(group))
}
