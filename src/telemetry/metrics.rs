//! Prometheus metrics, all prefixed `ghl_enrich_`. Hot paths hold pre-resolved counters; nothing is looked up by label
//! while a warm request is answered.

use crate::upstream::Service;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::{fmt, sync::Arc, time::Duration};

/// The metrics of one process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    upstream_calls: Family<CallLabels, Counter>,
    upstream_seconds: Family<EndpointLabels, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: &'static str,
    endpoint: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    service: &'static str,
    endpoint: &'static str,
}

/// Upper bounds in seconds: a warm hit takes microseconds, an upstream call milliseconds to seconds.
pub const CALL_BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric, at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("ghl_enrich");
        let upstream_calls = Family::<CallLabels, Counter>::default();
        registry.register("upstream_calls", "Upstream calls by endpoint and outcome", upstream_calls.clone());
        let upstream_seconds =
            Family::<EndpointLabels, Histogram>::new_with_constructor(|| Histogram::new(CALL_BUCKETS));
        registry.register("upstream_call_seconds", "Time of upstream calls", upstream_seconds.clone());
        Self { inner: Arc::new(Inner { registry, upstream_calls, upstream_seconds }) }
    }

    /// Counts one upstream call.
    pub fn upstream_call(&self, service: Service, endpoint: &'static str, outcome: &'static str, took: Duration) {
        let service = service.as_str();
        self.inner.upstream_calls.get_or_create(&CallLabels { service, endpoint, outcome }).inc();
        self.inner.upstream_seconds.get_or_create(&EndpointLabels { service, endpoint }).observe(took.as_secs_f64());
    }

    /// The exposition, OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.inner.registry);
        text
    }
}
