//! What all requests share, made and tested before the first one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tcolz_nn::ModelFacts;

use super::ServeError;
use super::batcher::Batcher;
use super::budget::Budget;
use super::classifier::Classifier;
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::options::{Limits, ServeOptions};
use super::page::Page;

/// Keys of an answer beside the classes.
const KEYS: [&str; 7] = ["label", "model", "milliseconds", "file", "images", "error", "map"];

/// Refuses classes that the answer's own keys would hide.
pub(super) fn check_classes(classes: &[String]) -> Result<(), ServeError> {
    match classes.iter().find(|class| KEYS.contains(&class.as_str())) {
        Some(class) => Err(ServeError::ClassName(class.clone())),
        None => Ok(()),
    }
}

/// What all requests share.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) batcher: Batcher,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stopping: AtomicBool,
    /// Whether something was uploaded since memory was given back.
    pub(super) used: AtomicBool,
    pub(super) hosts: Hosts,
    classifier: Arc<dyn Classifier>,
    pub(super) page: Page,
}

impl Service {
    pub(super) fn new(
        options: &ServeOptions,
        classifier: Arc<dyn Classifier>,
    ) -> Result<Service, ServeError> {
        let mut limits = options.limits.clone();
        limits.check()?;
        // More would never be taken.
        limits.request_images = limits.request_images.min(limits.queue_images);
        check_classes(&classifier.facts().classes)?;
        classifier.warm_up().map_err(|fault| ServeError::WarmUp(Box::new(fault)))?;
        let metrics = Arc::new(Metrics::new(limits.batch_images));
        Ok(Service {
            name: options.name.clone(),
            budget: Budget::new(&limits),
            batcher: Batcher::start(Arc::clone(&classifier), &limits, Arc::clone(&metrics))?,
            metrics,
            stopping: AtomicBool::new(false),
            used: AtomicBool::new(false),
            hosts: Hosts::new(options.bind.ip(), &options.hosts)?,
            classifier,
            page: Page::new()?,
            limits,
        })
    }

    pub(super) fn facts(&self) -> &ModelFacts {
        self.classifier.facts()
    }
}
