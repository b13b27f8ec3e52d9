//! What becomes of GHL's webhooks.

use super::REQUEST_BUCKETS;
use crate::domain::webhook::{EventFate, EventKind};
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::time::Duration;

/// Counts webhooks.
#[derive(Debug)]
pub struct WebhookMetrics {
    received: Family<ReceivedLabels, Counter>,
    fates: Family<FateLabels, Counter>,
    acknowledged: Histogram,
    pending: Gauge,
    oldest_pending: Gauge,
    refreshes: Counter,
    task_lookups: Family<LookupLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReceivedLabels {
    r#type: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FateLabels {
    r#type: &'static str,
    fate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    outcome: &'static str,
}

/// What a webhook that was sent to us met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It is in the store.
    Accepted,
    /// It was there before.
    Duplicate,
    /// Its signature is missing or wrong.
    Refused,
    /// The store could not take it.
    Unstored,
}

impl WebhookOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Unstored => "unstored",
        }
    }
}

/// A type's word; anybody may send any other.
fn word(kind: &str) -> &'static str {
    EventKind::parse(kind).map_or("other", EventKind::as_str)
}

impl WebhookMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self {
            received: Family::default(),
            fates: Family::default(),
            acknowledged: Histogram::new(REQUEST_BUCKETS),
            pending: Gauge::default(),
            oldest_pending: Gauge::default(),
            refreshes: Counter::default(),
            task_lookups: Family::default(),
        };
        registry.register("webhooks_received", "Webhooks by type and what they met with", made.received.clone());
        registry.register("webhooks_fates", "Events by type and what became of them", made.fates.clone());
        registry.register(
            "webhooks_ack_seconds",
            "Time until an event was in the store, its signature's check included",
            made.acknowledged.clone(),
        );
        registry.register("webhooks_pending", "Events without a fate", made.pending.clone());
        registry.register(
            "webhooks_oldest_pending_timestamp_seconds",
            "When the oldest event without a fate arrived, Unix time; 0 where all have theirs",
            made.oldest_pending.clone(),
        );
        registry.register("webhooks_refreshes", "Sections fetched behind an event", made.refreshes.clone());
        registry.register(
            "webhooks_task_lookups",
            "Events about tasks of contacts unknown, by whether a search told whose they are",
            made.task_lookups.clone(),
        );
        made
    }

    /// Counts one that was sent to us. Of one that is refused no type is known.
    pub fn received(&self, kind: Option<&str>, outcome: WebhookOutcome) {
        let labels = ReceivedLabels { r#type: kind.map_or("unread", word), outcome: outcome.as_str() };
        self.received.get_or_create(&labels).inc();
    }

    /// Keeps how long one took to be in the store.
    pub fn acknowledged(&self, took: Duration) {
        self.acknowledged.observe(took.as_secs_f64());
    }

    /// Counts one that has its fate.
    pub fn fate(&self, kind: &str, fate: EventFate) {
        self.fates.get_or_create(&FateLabels { r#type: word(kind), fate: fate.as_str() }).inc();
    }

    /// Keeps how much waits.
    pub fn depth(&self, pending: u64, oldest: Option<Timestamp>) {
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.oldest_pending.set(oldest.map_or(0, Timestamp::as_second));
    }

    /// Counts sections fetched behind an event.
    pub fn refreshed(&self, sections: usize) {
        self.refreshes.inc_by(u64::try_from(sections).unwrap_or(u64::MAX));
    }

    /// Counts events whose contact was looked up.
    pub fn task_lookup(&self, found: bool) {
        let outcome = if found { "found" } else { "not-found" };
        self.task_lookups.get_or_create(&LookupLabels { outcome }).inc();
    }
}
