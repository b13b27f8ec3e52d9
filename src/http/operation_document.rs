//! An operation as it is served: by the routes that write while GHL has not answered yet, and by those about operations.

use crate::domain::{
    ids::{ContactId, LocationId, OperationId},
    operation::{Operation, OperationState, Written},
    profile::ProblemReport,
    write::WriteKind,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One durable write: what was asked, where it stands, what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Operation)]
pub struct OperationDocument {
    /// Id of the operation.
    pub id: OperationId,
    /// The location it writes to.
    pub location_id: LocationId,
    /// The contact it changes, or made; `null` as long as there is none.
    pub contact_id: Option<ContactId>,
    /// Which change.
    pub kind: WriteKind,
    /// Where it stands.
    pub state: OperationState,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its state last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When it may be attempted next; only while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Attempts begun that may have reached GHL.
    pub attempts: u32,
    /// Name of the API key that asked; `null` is anonymous.
    pub requested_by: Option<String>,
    /// The client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Whether it is not known if GHL did it: before it is tried again, GHL is asked.
    pub uncertain: bool,
    /// What GHL answered; only once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<OperationResult>,
    /// Why it failed; while it is pending, why the last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemReport>,
    /// When what it said was forgotten by request, with its result or problem and its idempotency key; while it is
    /// running, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erased_at: Option<Timestamp>,
}

/// What GHL answered to a write that was done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationResult {
    /// Status that the request was answered with, or would have been.
    #[schema(minimum = 200, maximum = 299, example = 201)]
    pub status: u16,
    /// The record, or the list of tags.
    pub body: Value,
}

impl From<&Written> for OperationResult {
    fn from(written: &Written) -> Self {
        Self { status: written.status, body: written.body.clone() }
    }
}

impl From<&Operation> for OperationDocument {
    fn from(operation: &Operation) -> Self {
        let pending = operation.state == OperationState::Pending;
        let done = operation.state == OperationState::Done;
        Self {
            id: operation.id.clone(),
            location_id: operation.location.clone(),
            contact_id: operation.contact.clone(),
            kind: operation.write.kind(),
            state: operation.state,
            created_at: operation.created_at,
            updated_at: operation.updated_at,
            due_at: pending.then_some(operation.due_at),
            attempts: operation.attempts,
            requested_by: operation.requester.key.clone(),
            idempotency_key: operation.idempotency_key.clone(),
            uncertain: operation.uncertain_since.is_some() && !done,
            result: operation.written.as_ref().map(OperationResult::from),
            // A write that was done in the end has no problem any more.
            problem: operation.problem.as_ref().filter(|_| !done).map(ProblemReport::from),
            erased_at: operation.erased_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        operation::Requester,
        problem::{Problem, ProblemKind},
        write::Write,
    };
    use serde_json::json;

    fn operation(state: OperationState) -> Operation {
        let at: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let contact = ContactId::parse("seD4PfOuKoVMLkEZqohJ").unwrap();
        Operation {
            id: OperationId::parse("op1").unwrap(),
            seq: 7,
            location: LocationId::parse("sandboxLocation00001").unwrap(),
            contact: Some(contact.clone()),
            write: Write::DeleteContact { contact },
            order_key: "secret order".to_owned(),
            state,
            requester: Requester { key: Some("crm".to_owned()), request_id: "r1".to_owned() },
            idempotency_key: None,
            created_at: at,
            updated_at: at,
            due_at: at,
            attempts: 2,
            uncertain_since: Some(at),
            settles_at: None,
            written: None,
            problem: Some(
                Problem::new(ProblemKind::UpstreamTimeout, "GHL did not answer in time.").with_cause("inside"),
            ),
            erased_at: None,
        }
    }

    #[test]
    fn a_pending_one_says_when_it_is_due_and_why_it_waits() {
        let shown = serde_json::to_value(OperationDocument::from(&operation(OperationState::Pending))).unwrap();
        insta::assert_snapshot!(shown, @r#"{"id":"op1","locationId":"sandboxLocation00001","contactId":"seD4PfOuKoVMLkEZqohJ","kind":"delete-contact","state":"pending","createdAt":"2026-11-22T08:00:00Z","updatedAt":"2026-11-22T08:00:00Z","dueAt":"2026-11-22T08:00:00Z","attempts":2,"requestedBy":"crm","uncertain":true,"problem":{"type":"/problems/upstream-timeout","title":"Upstream too slow","detail":"GHL did not answer in time."}}"#);
    }

    #[test]
    fn a_done_one_shows_its_result_and_no_worry_of_the_past() {
        let mut done = operation(OperationState::Done);
        done.written = Some(Written { status: 200, body: json!({"succeeded": true}), id: None });
        let shown = serde_json::to_value(OperationDocument::from(&done)).unwrap();
        assert_eq!(shown["result"], json!({"status": 200, "body": {"succeeded": true}}));
        assert_eq!(shown["uncertain"], false);
        assert!(shown.get("problem").is_none() && shown.get("dueAt").is_none(), "{shown}");
    }
}
