//! Prometheus metrics, all prefixed `ghl_enrich_`. Hot paths hold pre-resolved counters; nothing is looked up by label
//! while a warm request is answered.

mod connections;
mod drift;
mod live;
mod operations;
mod process;
mod profile_result;
mod quota;
mod sources;
mod webhooks;

pub use connections::ConnectionMetrics;
pub use drift::DriftMetrics;
pub use live::LiveMetrics;
pub use operations::OperationMetrics;
pub use profile_result::ProfileResult;
pub use quota::QuotaSample;
pub use sources::{SourceDepth, SourceMetrics, SourceOutcome};
pub use webhooks::{WebhookMetrics, WebhookOutcome};

use crate::{
    domain::{ip::Backend, profile::Section},
    upstream::Service,
};
use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The metrics of one process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    upstream_calls: Family<CallLabels, Counter>,
    upstream_seconds: Family<EndpointLabels, Histogram>,
    upstream_retries: Family<ServiceLabels, Counter>,
    upstream_rate_limited: Family<ServiceLabels, Counter>,
    quotas: quota::QuotaSource,
    section_loads: Family<SectionLabels, Counter>,
    /// By [`ProfileResult`], resolved: a warm hit costs one addition.
    profile_results: [Counter; ProfileResult::ALL.len()],
    ip_lookups: Family<LookupLabels, Counter>,
    mmdb_built_at: Gauge,
    http_requests: Family<RequestLabels, Counter>,
    http_seconds: Family<RouteLabels, Histogram>,
    operations: OperationMetrics,
    connections: ConnectionMetrics,
    live: LiveMetrics,
    webhooks: WebhookMetrics,
    sources: SourceMetrics,
    drift: DriftMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SectionLabels {
    section: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    backend: &'static str,
    outcome: &'static str,
}

/// Upper bounds in seconds: a warm hit takes microseconds, an upstream call milliseconds to seconds.
pub const CALL_BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The same for requests: from a hit out of memory to a cold profile behind a slow upstream.
pub const REQUEST_BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The class of an HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HttpClass {
    Informational,
    Success,
    Redirection,
    ClientError,
    ServerError,
}

impl HttpClass {
    const COUNT: usize = 5;

    /// The class of a status.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            0..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    /// The word used as label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }
}

/// Counts the requests of one route: each handle is resolved on first use and held.
#[derive(Debug)]
pub struct RouteMetrics {
    labels: RouteLabels,
    requests: Family<RequestLabels, Counter>,
    by_class: [OnceLock<Counter>; HttpClass::COUNT],
    seconds: Histogram,
}

impl RouteMetrics {
    /// Counts one answer.
    pub fn count(&self, class: HttpClass, seconds: f64) {
        let counter = self.by_class[class as usize].get_or_init(|| {
            let RouteLabels { method, route } = self.labels.clone();
            self.requests.get_or_create(&RequestLabels { method, route, status: class.as_str() }).clone()
        });
        counter.inc();
        self.seconds.observe(seconds);
    }
}

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
        let upstream_retries = Family::<ServiceLabels, Counter>::default();
        registry.register("upstream_retries", "Upstream calls made again", upstream_retries.clone());
        let upstream_rate_limited = Family::<ServiceLabels, Counter>::default();
        registry.register("upstream_rate_limited", "429 answers of an upstream", upstream_rate_limited.clone());
        let quotas = quota::register(&mut registry);
        let section_loads = Family::<SectionLabels, Counter>::default();
        registry.register("section_loads", "Loads of profile sections by outcome", section_loads.clone());
        let results = Family::<ResultLabels, Counter>::default();
        registry.register("profile_results", "Profiles served, by how memory took part", results.clone());
        let profile_results =
            ProfileResult::ALL.map(|one| results.get_or_create(&ResultLabels { result: one.as_str() }).clone());
        let ip_lookups = Family::<LookupLabels, Counter>::default();
        registry.register("ip_lookups", "Look-ups of addresses by backend and outcome", ip_lookups.clone());
        let mmdb_built_at = Gauge::default();
        registry.register(
            "mmdb_build_timestamp_seconds",
            "When the IP database file that answers was built, Unix time; 0 without a file",
            mmdb_built_at.clone(),
        );
        let http_requests = Family::<RequestLabels, Counter>::default();
        registry.register("http_requests", "Requests by route and class of status", http_requests.clone());
        let http_seconds = Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS));
        registry.register("http_request_seconds", "Time to answer requests", http_seconds.clone());
        let operations = OperationMetrics::register(&mut registry);
        let connections = ConnectionMetrics::register(&mut registry);
        let live = LiveMetrics::register(&mut registry);
        let webhooks = WebhookMetrics::register(&mut registry);
        let sources = SourceMetrics::register(&mut registry);
        let drift = DriftMetrics::register(&mut registry);
        process::register(&mut registry);
        let inner = Inner {
            registry,
            upstream_calls,
            upstream_seconds,
            upstream_retries,
            upstream_rate_limited,
            quotas,
            section_loads,
            profile_results,
            ip_lookups,
            mmdb_built_at,
            http_requests,
            http_seconds,
            operations,
            connections,
            live,
            webhooks,
            sources,
            drift,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Counts one load of a profile's section.
    pub fn section_load(&self, section: Section, loaded: bool) {
        let outcome = if loaded { "ok" } else { "failed" };
        self.inner.section_loads.get_or_create(&SectionLabels { section: section.as_str(), outcome }).inc();
    }

    /// Counts one profile served.
    pub fn profile_result(&self, result: ProfileResult) {
        self.inner.profile_results[result as usize].inc();
    }

    /// Counts one try of a backend to answer for an address.
    pub fn ip_lookup(&self, backend: Backend, outcome: &'static str) {
        let backend = backend.as_str();
        self.inner.ip_lookups.get_or_create(&LookupLabels { backend, outcome }).inc();
    }

    /// Keeps when the IP database file that answers was built.
    pub fn mmdb_built_at(&self, built_at: Timestamp) {
        self.inner.mmdb_built_at.set(built_at.as_second());
    }

    /// What becomes of writes.
    #[must_use]
    pub fn operations(&self) -> &OperationMetrics {
        &self.inner.operations
    }

    /// How connections stand.
    #[must_use]
    pub fn connections(&self) -> &ConnectionMetrics {
        &self.inner.connections
    }

    /// Streams of events.
    #[must_use]
    pub fn live(&self) -> &LiveMetrics {
        &self.inner.live
    }

    /// What becomes of webhooks.
    #[must_use]
    pub fn webhooks(&self) -> &WebhookMetrics {
        &self.inner.webhooks
    }

    /// What becomes of what outside systems push.
    #[must_use]
    pub fn sources(&self) -> &SourceMetrics {
        &self.inner.sources
    }

    /// How far webhooks are relied upon.
    #[must_use]
    pub fn drift(&self) -> &DriftMetrics {
        &self.inner.drift
    }

    /// Counts one upstream call.
    pub fn upstream_call(&self, service: Service, endpoint: &'static str, outcome: &'static str, took: Duration) {
        let service = service.as_str();
        self.inner.upstream_calls.get_or_create(&CallLabels { service, endpoint, outcome }).inc();
        self.inner.upstream_seconds.get_or_create(&EndpointLabels { service, endpoint }).observe(took.as_secs_f64());
    }

    /// Counts one upstream call made again.
    pub fn upstream_retry(&self, service: Service) {
        self.inner.upstream_retries.get_or_create(&ServiceLabels { service: service.as_str() }).inc();
    }

    /// Counts one 429.
    pub fn upstream_rate_limited(&self, service: Service) {
        self.inner.upstream_rate_limited.get_or_create(&ServiceLabels { service: service.as_str() }).inc();
    }

    /// Names where quotas are read when somebody scrapes. The source must not hold these metrics itself.
    pub fn watch_quotas(&self, source: impl Fn() -> Vec<QuotaSample> + Send + Sync + 'static) {
        self.inner.quotas.set(Box::new(source));
    }

    /// Handles for the requests of one route.
    #[must_use]
    pub fn route(&self, method: &str, route: &str) -> RouteMetrics {
        let labels = RouteLabels { method: method.to_owned(), route: route.to_owned() };
        let seconds = self.inner.http_seconds.get_or_create(&labels).clone();
        RouteMetrics { labels, requests: self.inner.http_requests.clone(), by_class: Default::default(), seconds }
    }

    /// The exposition, OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.inner.registry);
        text
    }

    /// The same in Prometheus' text format 0.0.4, which names a counter's family as its sample.
    #[must_use]
    pub fn render_text(&self) -> String {
        let exposition = self.render();
        let mut counters = std::collections::HashSet::new();
        for line in exposition.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            if let Some(name) = line.strip_suffix(" counter") {
                counters.insert(name);
            }
        }
        let mut text = String::with_capacity(exposition.len());
        for line in exposition.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
            text.push_str(&with_total(line, &counters));
            text.push('\n');
        }
        text
    }
}

/// A comment line about a counter with its family's name as text format wants it; any other line as it is.
fn with_total(line: &str, counters: &std::collections::HashSet<&str>) -> String {
    let renamed = ["# HELP ", "# TYPE "].iter().find_map(|mark| {
        let (name, rest) = line.strip_prefix(mark)?.split_once(' ')?;
        counters.contains(name).then(|| format!("{mark}{name}_total {rest}"))
    });
    renamed.unwrap_or_else(|| line.to_owned())
}

#[cfg(test)]
mod tests;
