//! What the writing routes ask, answered by the real parts.

use crate::domain::{
    ids::LocationId,
    quota::{QuotaReport, QuotaWindow},
};

/// What a location may spend.
pub(super) fn quota(location: &LocationId) -> QuotaReport {
    let window = QuotaWindow { limit: 0, used: 0, left: 0, window_ms: 0, resets_at: jiff::Timestamp::UNIX_EPOCH };
    QuotaReport {
        location_id: location.clone(),
        learned: false,
        burst: window.clone(),
        day: window,
        day_runs_out_at: None,
        by_lane: Vec::new(),
        by_endpoint: Vec::new(),
        saved_by_cache: 0,
        waiting: 0,
        rate_limited: 0,
        breaker: "closed",
    }
}
