//! What becomes of writes: how many wait, how attempts end, what the store refuses.

use crate::domain::{operation::OperationState, write::WriteKind};
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Counts operations.
#[derive(Debug, Default)]
pub struct OperationMetrics {
    by_state: Family<StateLabels, Gauge>,
    oldest_open: Gauge,
    attempts: Family<AttemptLabels, Counter>,
    looks: Family<LookLabels, Counter>,
    dead_letters: Counter,
    store_failures: Counter,
    audit_dropped: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookLabels {
    outcome: &'static str,
}

impl OperationMetrics {
    /// Registers them, at zero.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let made = Self::default();
        registry.register("operations", "Writes that are kept, by state", made.by_state.clone());
        registry.register(
            "operations_oldest_open_timestamp_seconds",
            "When the oldest write that has not ended was accepted, Unix time; 0 where all have ended",
            made.oldest_open.clone(),
        );
        registry.register("operation_attempts", "Attempts at writes by kind and outcome", made.attempts.clone());
        registry.register("operation_looks", "Looks in GHL whether a write was done, by outcome", made.looks.clone());
        registry.register("operation_dead_letters", "Writes that ran out of attempts", made.dead_letters.clone());
        registry.register(
            "operation_store_failures",
            "Calls of the store that failed while writes were carried out",
            made.store_failures.clone(),
        );
        registry.register("audit_entries_dropped", "Entries that the audit log lacks", made.audit_dropped.clone());
        made
    }

    /// Keeps how many stand where, and when the oldest open one was accepted.
    pub fn depth(&self, by_state: &[(OperationState, u64)], oldest_open: Option<Timestamp>) {
        for state in OperationState::ALL {
            let count = by_state.iter().find(|(one, _)| one == state).map_or(0, |(_, count)| *count);
            let labels = StateLabels { state: state.as_str() };
            self.by_state.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.oldest_open.set(oldest_open.map_or(0, Timestamp::as_second));
    }

    /// Counts one attempt.
    pub fn attempt(&self, kind: WriteKind, outcome: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { kind: kind.as_str(), outcome }).inc();
    }

    /// Counts one look.
    pub fn look(&self, outcome: &'static str) {
        self.looks.get_or_create(&LookLabels { outcome }).inc();
    }

    /// Counts one dead letter.
    pub fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    /// Counts one call of the store that failed.
    pub fn store_failure(&self) {
        self.store_failures.inc();
    }

    /// Counts one entry that the log lacks.
    pub fn audit_dropped(&self) {
        self.audit_dropped.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Metrics, *};

    #[test]
    fn each_is_exposed_and_a_state_that_empties_goes_to_zero() {
        let metrics = Metrics::new();
        let operations = metrics.operations();
        operations.depth(&[(OperationState::Pending, 3)], Some(Timestamp::constant(1_700_000_000, 0)));
        operations.attempt(WriteKind::AddTags, "done");
        operations.look("absent");
        operations.dead_letter();
        operations.store_failure();
        operations.audit_dropped();
        let text = metrics.render_text();
        for line in [
            "operations{state=\"pending\"} 3",
            "operations{state=\"dead\"} 0",
            "operations_oldest_open_timestamp_seconds 1700000000",
            "operation_attempts_total{kind=\"add-tags\",outcome=\"done\"} 1",
            "operation_looks_total{outcome=\"absent\"} 1",
            "operation_dead_letters_total 1",
            "operation_store_failures_total 1",
            "audit_entries_dropped_total 1",
        ] {
            assert!(text.contains(&format!("ghl_enrich_{line}\n")), "{line} in {text}");
        }
        operations.depth(&[], None);
        let text = metrics.render_text();
        assert!(text.contains("ghl_enrich_operations{state=\"pending\"} 0\n"), "{text}");
        assert!(text.contains("ghl_enrich_operations_oldest_open_timestamp_seconds 0\n"), "{text}");
    }
}
