//! What outside systems push, and what becomes of it.

use crate::domain::source::SourceName;
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Counts events of sources.
#[derive(Debug)]
pub struct SourceMetrics {
    events: Family<EventLabels, Counter>,
    pending: Family<SourceLabels, Gauge>,
    waiting: Family<SourceLabels, Gauge>,
    failed: Family<SourceLabels, Gauge>,
    oldest: Family<SourceLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    source: String,
    outcome: &'static str,
}

/// What something that was pushed met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceOutcome {
    /// It is in the store.
    Accepted,
    /// It was there before.
    Duplicate,
    /// The request proves nothing, or cannot be understood. Counts requests: of their events nothing is known.
    Refused,
    /// The store could not take it. Counts requests.
    Unstored,
    /// It cannot be understood, and is kept; counts among the accepted, too.
    DeadLetter,
}

impl SourceOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Unstored => "unstored",
            Self::DeadLetter => "dead-letter",
        }
    }
}

/// How much of a source is not at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceDepth {
    /// Events without a fate, those that wait excepted.
    pub pending: u64,
    /// Events that wait for their contact.
    pub waiting: u64,
    /// Dead letters.
    pub failed: u64,
    /// When the oldest event without a fate arrived.
    pub oldest: Option<Timestamp>,
}

fn labels(source: &SourceName) -> SourceLabels {
    SourceLabels { source: source.to_string() }
}

impl SourceMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self {
            events: Family::default(),
            pending: Family::default(),
            waiting: Family::default(),
            failed: Family::default(),
            oldest: Family::default(),
        };
        registry.register(
            "source_events",
            "Events of sources by what they met with; requests, where they were refused or not stored",
            made.events.clone(),
        );
        registry.register("source_pending", "Events of a source without a fate", made.pending.clone());
        registry.register("source_waiting", "Events of a source that wait for their contact", made.waiting.clone());
        registry.register("source_dead_letters", "Events of a source that failed", made.failed.clone());
        registry.register(
            "source_oldest_pending_timestamp_seconds",
            "When the oldest event of a source without a fate arrived, Unix time; 0 where all have theirs",
            made.oldest.clone(),
        );
        made
    }

    /// Counts what was pushed. Anybody may name any source: one that is not configured is `None`.
    pub fn received(&self, source: Option<&SourceName>, outcome: SourceOutcome, count: u64) {
        if count > 0 {
            let source = source.map_or("unknown", SourceName::as_str).to_owned();
            self.events.get_or_create(&EventLabels { source, outcome: outcome.as_str() }).inc_by(count);
        }
    }

    /// Keeps how much of a source is not at its end.
    pub fn depth(&self, source: &SourceName, depth: &SourceDepth) {
        let labels = labels(source);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.pending.get_or_create(&labels).set(number(depth.pending));
        self.waiting.get_or_create(&labels).set(number(depth.waiting));
        self.failed.get_or_create(&labels).set(number(depth.failed));
        self.oldest.get_or_create(&labels).set(depth.oldest.map_or(0, Timestamp::as_second));
    }
}
