//! Forgetting: of what, and the receipt for it.

use super::ids::{ContactId, LocationId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What is to be forgotten: a contact, or a location with all its contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureScope {
    /// The location.
    pub location: LocationId,
    /// One contact of it; `None` is all.
    pub contact: Option<ContactId>,
}

/// What became of operations whose content was forgotten. Their ids, kinds, times and states stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedOperations {
    /// Whose content is gone: what was to be written, what GHL answered, why it failed.
    pub erased: u64,
    /// How many of them had not been tried to their end: they were cancelled.
    pub cancelled: u64,
    /// Further ones that are being attempted at this moment. Their content goes when the attempt ends; none is made again.
    pub running: u64,
}

/// What the store let go of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Operations.
    pub operations: ErasedOperations,
    /// Idempotency keys whose fingerprint and answer are gone.
    pub idempotency_keys: u64,
    /// Entries of the log whose payload is gone.
    pub audit_payloads: u64,
}

/// What was forgotten. Repeated, the request counts what came since: nothing, as a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurgeReceipt {
    /// Of which location.
    pub location_id: LocationId,
    /// Of which contact; `null` where it was the whole location.
    pub contact_id: Option<ContactId>,
    /// When it was complete.
    #[schema(value_type = String, format = DateTime)]
    pub purged_at: Timestamp,
    /// Profiles in memory, and what was known of contacts that do not exist.
    pub cache_entries: u64,
    /// Writes.
    pub operations: ErasedOperations,
    /// Idempotency keys whose fingerprint and answer are gone. The key itself is remembered for its time, so that no
    /// request is carried out twice.
    pub idempotency_keys: u64,
    /// Entries of the audit log whose payload is gone. The entries stay.
    pub audit_payloads: u64,
    /// Bodies of GHL's events.
    pub webhook_bodies: u64,
    /// Records of outside systems, and bodies of their events.
    pub source_records: u64,
    /// Tasks of which memory knew whose they are.
    pub task_ids: u64,
    /// Tokens of the location: 1 where it was connected by OAuth.
    pub tokens: u64,
}
