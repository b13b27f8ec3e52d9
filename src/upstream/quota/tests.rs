//! The gate against a scripted GHL, under a paused clock.

use super::*;

/// GHL's published limits, and our defaults.
pub(in crate::upstream) fn policy() -> Policy {
    Policy {
        burst_limit: 100,
        burst_window: Duration::from_secs(10),
        day_limit: 200_000,
        operation_reserve_percent: 10,
        bulk_reserve_percent: 30,
        retries: 2,
        retry_budget_percent: 10,
        breaker_failures: 5,
        breaker_hold: Duration::from_secs(2),
    }
}
