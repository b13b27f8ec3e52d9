//! Streams of events: how many are open, what they told.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Counts streams and their events. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LiveMetrics {
    streams: Gauge,
    events: Family<EventLabels, Counter>,
    refused: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    kind: &'static str,
}

impl LiveMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self::default();
        registry.register("live_streams", "Streams of events that are open", made.streams.clone());
        registry.register("live_events", "Events sent on streams, by kind", made.events.clone());
        registry.register("live_streams_refused", "Streams refused for being too many", made.refused.clone());
        made
    }

    /// One more stream is open.
    pub fn opened(&self) {
        self.streams.inc();
    }

    /// One of them is not any more.
    pub fn closed(&self) {
        self.streams.dec();
    }

    /// Counts a stream that was one too many.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Counts one event.
    pub fn sent(&self, kind: &'static str) {
        self.events.get_or_create(&EventLabels { kind }).inc();
    }
}
