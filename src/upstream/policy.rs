//! How a service's calls are governed: its quota, its retries, its circuit breaker.

use std::time::Duration;

/// What GHL publishes, and how we deal with it. `ghl` settings fill it; an upstream without one is not governed.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Calls of a location in one burst window, until answers tell.
    pub burst_limit: u64,
    /// The burst window, until answers tell.
    pub burst_window: Duration,
    /// Calls of a location in a day, until answers tell.
    pub day_limit: u64,
    /// What durable writes leave to calls somebody waits for, while there are such calls.
    pub operation_reserve_percent: u32,
    /// What bulk work leaves to all others.
    pub bulk_reserve_percent: u32,
    /// How often a read that failed is made again.
    pub retries: u32,
    /// The share of calls that may be retries.
    pub retry_budget_percent: u32,
    /// Failures in a row that open the breaker.
    pub breaker_failures: u32,
    /// How long it is open at first.
    pub breaker_hold: Duration,
}
