//! What is wrong with a training, all of it at once and before anything is computed: for whoever plans many.

use super::error::{Result, TrainError};
use super::memory::{MemoryEstimate, waiting_batches};
use super::options::TrainOptions;
use super::run_file::holdout_of;
use super::samples::Samples;
use super::{device, prepare, setup, weights};
use tcolz_format::dataset::Dataset;
use tcolz_nn::Properties;
use tcolz_nn::file::ModelFacts;

/// An option that a training would be refused for.
#[derive(Debug)]
pub struct OptionFault {
    /// The option that it is about, by its field: `size`; empty where the error says it.
    pub option: &'static str,
    /// Why.
    pub error: TrainError,
}

/// What can be known of a training before it begins.
#[derive(Debug)]
pub struct TrainingOutlook {
    /// What is wrong with options.
    pub faults: Vec<OptionFault>,
    /// What its model will say of itself, where nothing about the network is wrong.
    pub facts: Option<ModelFacts>,
}

/// What the weights that are asked for say of themselves; without any, what the network usually has.
///
/// # Errors
/// As `weights::open`.
pub fn first_properties(options: &TrainOptions, classes: &[String]) -> Result<Properties> {
    if options.weights.is_some() {
        return Ok(weights::open(options, classes)?.spec.properties);
    }
    Ok(weights::usual_properties(options))
}

impl TrainingOutlook {
    /// Tests everything that a run tests before its first step, but for the weights, whose properties are given, and for
    /// memory that nobody has limited.
    pub fn of(
        options: &TrainOptions,
        dataset: &Dataset,
        properties: &Properties,
    ) -> TrainingOutlook {
        let mut faults: Vec<OptionFault> =
            options.faults().map(|error| OptionFault { option: "", error }).collect();
        let meta = dataset.meta();
        let spec = options.network.spec(properties, meta.classes.len());
        let mut note = |option, error| faults.push(OptionFault { option, error });
        let view = prepare::view(dataset, properties).map_err(|error| note("view", error)).ok();
        let size = prepare::size(options, dataset, &spec, &mut Vec::new());
        let size = size.map_err(|error| note("size", error)).ok();
        if let Err(error) = prepare::batch_norm(options, &spec) {
            note("batch_norm", error);
        }
        if let Err(error) = prepare::check_class_weights(&options.class_weights, &meta.classes) {
            note("class_weights", error);
        }
        if let Err(error) = Samples::of(dataset, options, holdout_of(options)) {
            note("", error);
        }
        if let (Some(limit), Some(size), Ok(device)) =
            (options.memory_limit, size, device::open(options.device))
        {
            let waiting = waiting_batches(options);
            match MemoryEstimate::of(&spec, options, size, &device, waiting) {
                Ok(needed) if needed.total() <= limit => {}
                Ok(needed) => {
                    note("batch_size", TrainError::Memory { needed: needed.total(), limit });
                }
                Err(error) => note("batch_size", error),
            }
        }
        let facts =
            view.zip(size).map(|(view, size)| setup::facts(options, dataset, &spec, &view, size));
        TrainingOutlook { faults, facts }
    }
}
