//! Entries of the audit log: who, what, with what result; what was asked for only where that is switched on.

use crate::domain::{
    erasure::ErasureScope,
    ids::ContactId,
    operation::{AuditEntry, AuditEvent, NewOperation, Operation, OperationState, Requester, Written},
    write::{Write, WriteKind},
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

/// What stands in place of a value that is never logged.
const MASK: &str = "***";

/// The entry of a new operation.
pub(super) fn accepted(new: &NewOperation, with_payload: bool) -> AuditEntry {
    AuditEntry {
        seq: 0,
        at: new.created_at,
        event: AuditEvent::Accepted,
        location_id: Some(new.location.clone()),
        contact_id: new.write.contact().cloned(),
        operation_id: Some(new.id.clone()),
        kind: Some(new.write.kind()),
        key: new.requester.key.clone(),
        request_id: Some(new.requester.request_id.clone()),
        attempt: None,
        outcome: OperationState::Pending.as_str().to_owned(),
        upstream_status: None,
        duration_ms: None,
        payload: if with_payload { payload(&new.write) } else { None },
    }
}

/// The entry of something that happened to an operation.
pub(super) fn entry(operation: &Operation, event: AuditEvent, outcome: &str, at: Timestamp) -> AuditEntry {
    AuditEntry {
        seq: 0,
        at,
        event,
        location_id: Some(operation.location.clone()),
        contact_id: operation.contact.clone(),
        operation_id: Some(operation.id.clone()),
        kind: Some(operation.write.kind()),
        key: operation.requester.key.clone(),
        request_id: Some(operation.requester.request_id.clone()),
        attempt: None,
        outcome: outcome.to_owned(),
        upstream_status: None,
        duration_ms: None,
        payload: None,
    }
}

/// The entry of something that somebody asked for.
pub(super) fn asked(operation: &Operation, event: AuditEvent, by: Requester, at: Timestamp) -> AuditEntry {
    let outcome = match event {
        AuditEvent::Retried | AuditEvent::Resolved => OperationState::Pending,
        AuditEvent::Cancelled => OperationState::Cancelled,
        _ => operation.state,
    };
    AuditEntry { key: by.key, request_id: Some(by.request_id), ..entry(operation, event, outcome.as_str(), at) }
}

/// The entry of something that was forgotten.
pub(super) fn erased(scope: &ErasureScope, by: Requester, counted: Map<String, Value>, at: Timestamp) -> AuditEntry {
    AuditEntry {
        seq: 0,
        at,
        event: AuditEvent::Erased,
        location_id: Some(scope.location.clone()),
        contact_id: scope.contact.clone(),
        operation_id: None,
        kind: None,
        key: by.key,
        request_id: Some(by.request_id),
        attempt: None,
        outcome: AuditEvent::Erased.as_str().to_owned(),
        upstream_status: None,
        duration_ms: None,
        payload: Some(Value::Object(counted)),
    }
}

/// A time as the log counts it.
pub(super) fn milliseconds(took: Duration) -> Option<u64> {
    u64::try_from(took.as_millis()).ok()
}

/// The contact that a write concerns: the one it names, or the one it made.
pub(super) fn contact_of(operation: &Operation, written: Option<&Written>) -> Option<ContactId> {
    let made = || match operation.write.kind() {
        WriteKind::CreateContact | WriteKind::UpsertContact => ContactId::parse(written?.id.as_deref()?).ok(),
        _ => None,
    };
    operation.write.contact().cloned().or_else(made).or_else(|| operation.contact.clone())
}

fn payload(write: &Write) -> Option<Value> {
    let mut payload = serde_json::to_value(write).ok()?;
    mask(&mut payload);
    Some(payload)
}

/// Hides social security numbers: properties of that name, and custom fields that say they are one.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let custom = is_custom_ssn(map);
            for (name, inner) in map.iter_mut() {
                if is_ssn(name) || (custom && is_value(name)) {
                    *inner = Value::from(MASK);
                } else {
                    mask(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_ssn(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("ssn"))
}

/// GHL's custom fields name themselves by `id`, `key`, `fieldKey` or `name` (`contact.ssn`).
fn is_custom_ssn(map: &Map<String, Value>) -> bool {
    ["id", "key", "fieldKey", "name"].iter().any(|name| map.get(*name).and_then(Value::as_str).is_some_and(is_ssn))
}

fn is_value(name: &str) -> bool {
    matches!(name, "value" | "fieldValue" | "field_value" | "fieldValueString" | "values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_social_security_number_is_logged() {
        let mut value = json!({
            "fields": {"firstName": "Ann", "ssn": "1", "Ssn": {"SSN": 2}, "lesson": "kept",
                "customFields": [
                    {"key": "contact.ssn", "field_value": "3"},
                    {"id": "SSN", "value": ["4"]},
                    {"key": "colour", "field_value": "red", "deeper": [{"sSn": 5}]},
                ]}
        });
        mask(&mut value);
        let expected = json!({
            "fields": {"firstName": "Ann", "ssn": MASK, "Ssn": MASK, "lesson": "kept",
                "customFields": [
                    {"key": "contact.ssn", "field_value": MASK},
                    {"id": "SSN", "value": MASK},
                    {"key": "colour", "field_value": "red", "deeper": [{"sSn": MASK}]},
                ]}
        });
        assert_eq!(value, expected);
    }
}
