//! What Prometheus asks for.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use tcolz_base::usage::anonymous_bytes;

/// The media type of [`Metrics::text`].
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    path: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Image {
    result: &'static str,
}

/// Counters of the service.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    images: Family<Image, Counter>,
    seconds: Histogram,
    /// Images of each batch.
    pub(super) batch_images: Histogram,
    /// Images that wait or are worked on.
    pub(super) in_hand: Gauge,
    /// Open connections.
    pub(super) connections: Gauge,
    uploads: Gauge,
    memory: Gauge,
}

impl Metrics {
    pub(super) fn new(largest_batch: usize) -> Metrics {
        let doublings = (usize::BITS - largest_batch.leading_zeros()).max(1) as u16;
        let mut metrics = Metrics {
            registry: Registry::with_prefix("tcolz"),
            requests: Family::default(),
            images: Family::default(),
            // 1 ms to 16 s
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            batch_images: Histogram::new(exponential_buckets(1.0, 2.0, doublings)),
            in_hand: Gauge::default(),
            connections: Gauge::default(),
            uploads: Gauge::default(),
            memory: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "images",
            "Images by label or by why they got none",
            metrics.images.clone(),
        );
        let help = "Time from the head of POST /predict to its answer";
        registry.register_with_unit("predict", help, Unit::Seconds, metrics.seconds.clone());
        let help = "Images that were inferred together";
        registry.register("batch_images", help, metrics.batch_images.clone());
        let help = "Images that wait or are worked on";
        registry.register("in_hand_images", help, metrics.in_hand.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        let help = "Memory that uploads take until they are decoded";
        registry.register_with_unit("upload", help, Unit::Bytes, metrics.uploads.clone());
        let help = "Anonymous memory of the process";
        registry.register_with_unit("memory", help, Unit::Bytes, metrics.memory.clone());
        metrics
    }

    /// Counts an answer; `path` is one of the routes.
    pub(super) fn answered(&self, path: &'static str, status: u16) {
        self.requests.get_or_create(&Request { path, status }).inc();
    }

    /// Counts an image: labelled, or the code of its refusal.
    pub(super) fn image(&self, result: &'static str) {
        self.images.get_or_create(&Image { result }).inc();
    }

    /// Notes the time that a prediction took.
    pub(super) fn predicted(&self, time: Duration) {
        self.seconds.observe(time.as_secs_f64());
    }

    /// Everything, as OpenMetrics text; `uploads` are the bytes that uploads take.
    pub(super) fn text(&self, uploads: usize) -> String {
        self.uploads.set(uploads as i64);
        self.memory.set(anonymous_bytes().unwrap_or(0) as i64);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
