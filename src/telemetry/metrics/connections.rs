//! How connections stand, and how renewals of their tokens end.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Counts connections.
#[derive(Debug, Default)]
pub struct ConnectionMetrics {
    by_state: Family<StateLabels, Gauge>,
    renewals: Family<RenewalLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RenewalLabels {
    outcome: &'static str,
}

impl ConnectionMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self::default();
        registry.register("connections", "Locations and agencies connected by OAuth, by state", made.by_state.clone());
        registry.register("token_renewals", "Renewals of OAuth tokens by outcome", made.renewals.clone());
        made
    }

    /// Keeps how many are connected, and how many were lost without anybody meaning it.
    pub fn set(&self, connected: usize, disconnected: usize) {
        for (state, count) in [("connected", connected), ("disconnected", disconnected)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.by_state.get_or_create(&StateLabels { state }).set(count);
        }
    }

    /// Counts a renewal: `refreshed`, `minted`, `reconnected`, `refused` or `unavailable`.
    pub fn renewed(&self, outcome: &'static str) {
        self.renewals.get_or_create(&RenewalLabels { outcome }).inc();
    }
}
