//! How far webhooks are relied upon: what is held compared with what GHL has, and how locations stand.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The states of a location, and that its freshness is shortened.
const STATES: [&str; 5] = ["none", "live", "quiet", "silent", "shortened"];

/// Counts comparisons and locations.
#[derive(Debug, Default)]
pub struct DriftMetrics {
    comparisons: Family<OutcomeLabels, Counter>,
    locations: Family<StateLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl DriftMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self::default();
        registry.register(
            "drift_comparisons",
            "Held sections compared with GHL, by outcome; drifted are those that no event told of",
            made.comparisons.clone(),
        );
        registry.register(
            "drift_locations",
            "Locations by how their webhooks stand; shortened are those whose sections are fresh for a shorter time",
            made.locations.clone(),
        );
        made
    }

    /// Counts one comparison.
    pub fn compared(&self, outcome: &'static str) {
        self.comparisons.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Keeps how the locations stand, and of which freshness is shortened.
    pub fn locations(&self, all: impl Iterator<Item = (&'static str, bool)>) {
        let mut counts = [0_i64; STATES.len()];
        for (standing, shortened) in all {
            for (state, count) in STATES.iter().zip(&mut counts) {
                *count += i64::from(*state == standing || (shortened && *state == "shortened"));
            }
        }
        for (state, count) in STATES.iter().zip(counts) {
            self.locations.get_or_create(&StateLabels { state }).set(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;

    #[test]
    fn each_is_exposed_and_a_state_that_empties_goes_to_zero() {
        let metrics = Metrics::new();
        metrics.drift().compared("drifted");
        metrics.drift().locations([("live", true), ("silent", false)].into_iter());
        let text = metrics.render_text();
        for line in [
            "drift_comparisons_total{outcome=\"drifted\"} 1",
            "drift_locations{state=\"live\"} 1",
            "drift_locations{state=\"shortened\"} 1",
            "drift_locations{state=\"quiet\"} 0",
        ] {
            assert!(text.contains(&format!("ghl_enrich_{line}\n")), "{line} in {text}");
        }
        metrics.drift().locations(std::iter::empty());
        assert!(metrics.render_text().contains("ghl_enrich_drift_locations{state=\"silent\"} 0\n"));
    }
}
