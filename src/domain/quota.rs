//! The quota ledger of a location, as it is reported.

use super::ids::LocationId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What a location may spend at GHL, what was spent, and on what. Limits are GHL's published ones until its answers say
/// otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaReport {
    /// Whose.
    pub location_id: LocationId,
    /// Whether the limits were learned from GHL's answers; else they are the configured ones.
    pub learned: bool,
    /// The burst window.
    pub burst: QuotaWindow,
    /// The day.
    pub day: QuotaWindow,
    /// When the day's quota runs out at the rate of the last minutes; `null` where it does not before its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub day_runs_out_at: Option<Timestamp>,
    /// Calls made since the process started, by lane.
    pub by_lane: Vec<QuotaSpend>,
    /// Calls made since the process started, by endpoint.
    pub by_endpoint: Vec<QuotaSpend>,
    /// Calls that were not needed since the process started, as the profile's sections were in memory.
    pub saved_by_cache: u64,
    /// Calls that wait for the quota at this moment.
    pub waiting: u64,
    /// 429 answers since the process started.
    pub rate_limited: u64,
    /// `closed`, `open` or `half-open`: whether calls to GHL are made at all.
    #[schema(example = "closed")]
    pub breaker: &'static str,
}

/// One window of a quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaWindow {
    /// Calls that the window admits.
    pub limit: u64,
    /// Calls that count in it now.
    pub used: u64,
    /// What is left.
    pub left: u64,
    /// How long the window is, ms.
    pub window_ms: u64,
    /// When all of it is there again, if nothing more is spent.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
}

/// A share of what was spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSpend {
    /// Lane or endpoint.
    pub name: &'static str,
    /// Calls.
    pub calls: u64,
}
