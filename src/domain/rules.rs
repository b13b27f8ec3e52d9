//! Rules: what a profile yields, and the difference between that and what the contact holds.

use super::{
    ids::{ContactId, LocationId, OperationId},
    operation::OperationState,
    profile::ProblemReport,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What evaluating the rules came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrichmentReport {
    /// Whose contact.
    pub location_id: LocationId,
    /// Which contact.
    pub contact_id: ContactId,
    /// Whether nothing was written because the request said so.
    pub dry_run: bool,
    /// The difference: what is added, removed and set.
    pub plan: EnrichmentPlan,
    /// Each rule, and what it came to.
    pub rules: Vec<RuleOutcome>,
    /// The writes that carry the plan out; empty in a dry run and where there is no difference.
    pub operations: Vec<EnrichmentOperation>,
    /// Whether it is the answer of an earlier request with the same idempotency key; said by a header.
    #[serde(skip)]
    pub replayed: bool,
}

/// The difference between what the rules yield and what the contact holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrichmentPlan {
    /// Tags to add.
    pub add_tags: Vec<String>,
    /// Managed tags that no longer hold.
    pub remove_tags: Vec<String>,
    /// Fields to fill; each is empty now.
    pub set_fields: Vec<FieldChange>,
    /// What was yielded and is not written, and why.
    pub kept: Vec<Kept>,
}

/// One field to fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// A standard field's name, or a custom field's id.
    pub field: String,
    /// Its value.
    pub value: Value,
    /// The rule that yields it.
    pub rule: String,
}

/// Something a rule yields that is left as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The tag or field.
    pub what: String,
    /// Why.
    pub why: String,
    /// The rule that yields it.
    pub rule: String,
}

/// How a rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RuleVerdict {
    /// Its condition holds.
    Matched,
    /// Its condition does not hold: managed tags of its prefix that it gave before are removed.
    NotMatched,
    /// Something it asks for is not known at present: nothing of its is touched.
    Undecided,
    /// It could not be evaluated for this contact: nothing of its is touched.
    Failed,
}

/// One rule and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcome {
    /// Its name.
    pub name: String,
    /// How it came out.
    pub verdict: RuleVerdict,
    /// Tags it yields.
    pub tags: Vec<String>,
    /// Why, in a sentence.
    pub why: String,
}

/// A write that carries a part of the plan out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrichmentOperation {
    /// Ours; `GET /v1/operations/{id}` shows it.
    pub id: OperationId,
    /// Where it stood when the answer was made.
    pub state: OperationState,
    /// Why it failed; of one that has not ended, why its last attempt did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemReport>,
}
