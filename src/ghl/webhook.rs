//! What a webhook's body says, read leniently: a body that cannot be read is an event of which nothing is known.
//!
//! Bodies are flat, but for an appointment's; live deliveries add `timestamp` and `webhookId` (reference: "Webhooks").

use crate::domain::{
    ids::{ContactId, LocationId, WebhookId},
    webhook::{EventKind, NewEvent},
};
use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What stands for a type that is missing, or that no list should show.
pub const UNKNOWN_TYPE: &str = "unknown";

/// Longest type that is kept, in bytes.
const MAX_TYPE_BYTES: usize = 64;

/// The event that a body tells of.
#[must_use]
pub fn hear(body: &[u8], received_at: Timestamp) -> NewEvent {
    let said = fields(body).unwrap_or_default();
    let kind = text(&said, "type").filter(|word| is_word(word)).unwrap_or(UNKNOWN_TYPE).to_owned();
    let (contact, subject) = about(EventKind::parse(&kind), &said);
    NewEvent {
        webhook_id: text(&said, "webhookId").and_then(|id| WebhookId::parse(id).ok()).unwrap_or_else(|| of_body(body)),
        location: text(&said, "locationId").and_then(|id| LocationId::parse(id).ok()),
        contact: contact.and_then(|id| ContactId::parse(id).ok()),
        subject: subject.filter(|id| ContactId::parse(id).is_ok()).map(str::to_owned),
        event_at: said.get("timestamp").and_then(moment),
        kind,
        received_at,
        body: body.to_vec(),
    }
}

/// The fields of a body, if it is a JSON object.
#[must_use]
pub fn fields(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Some(map),
        Ok(_) | Err(_) => None,
    }
}

/// To which app a body says that it was sent; `None` where it does not say, and an empty text where that is none.
#[must_use]
pub fn app(body: &[u8]) -> Option<String> {
    /// All else is passed over, and kept nowhere.
    #[derive(serde::Deserialize)]
    struct Sent {
        #[serde(rename = "appId")]
        app_id: Option<Value>,
    }
    let Sent { app_id } = serde_json::from_slice(body).ok()?;
    app_id.map(|id| id.as_str().unwrap_or_default().to_owned())
}

fn text<'a>(said: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    said.get(name).and_then(Value::as_str)
}

/// Which contact an event is about, and which record of its.
fn about(kind: Option<EventKind>, said: &Map<String, Value>) -> (Option<&str>, Option<&str>) {
    match kind {
        Some(
            EventKind::ContactCreate
            | EventKind::ContactUpdate
            | EventKind::ContactDelete
            | EventKind::ContactTagUpdate
            | EventKind::ContactDndUpdate,
        ) => (text(said, "id").or_else(|| text(said, "contactId")), None),
        Some(EventKind::AppointmentCreate | EventKind::AppointmentUpdate | EventKind::AppointmentDelete) => {
            let inner = said.get("appointment").and_then(Value::as_object).unwrap_or(said);
            (text(inner, "contactId"), text(inner, "id"))
        }
        Some(
            EventKind::NoteCreate
            | EventKind::NoteUpdate
            | EventKind::NoteDelete
            | EventKind::TaskCreate
            | EventKind::TaskComplete
            | EventKind::TaskDelete,
        ) => (text(said, "contactId"), text(said, "id")),
        Some(EventKind::Install | EventKind::Uninstall | EventKind::PlanChange) | None => (None, None),
    }
}

fn is_word(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    !text.is_empty() && text.len() <= MAX_TYPE_BYTES && plain
}

/// An ISO text, or milliseconds.
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(ms) => Timestamp::from_millisecond(ms.as_i64()?).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same body has the same id, so that it counts once, too.
fn of_body(body: &[u8]) -> WebhookId {
    WebhookId::of_hash(digest::digest(&digest::SHA256, body).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn heard(body: &Value) -> NewEvent {
        hear(body.to_string().as_bytes(), Timestamp::UNIX_EPOCH)
    }

    fn ids(event: &NewEvent) -> (Option<&str>, Option<&str>) {
        (event.contact.as_ref().map(ContactId::as_str), event.subject.as_deref())
    }

    #[test]
    fn each_type_says_in_its_own_way_whom_it_is_about() {
        let contact = heard(&json!({"type": "ContactUpdate", "id": "c1", "locationId": "l1", "webhookId": "w1",
            "timestamp": "2026-11-22T08:00:00.250Z"}));
        assert_eq!((ids(&contact), contact.webhook_id.as_str()), ((Some("c1"), None), "w1"));
        assert_eq!(contact.event_at, "2026-11-22T08:00:00.250Z".parse().ok());
        assert_eq!(contact.location.as_ref().map(LocationId::as_str), Some("l1"));
        let note = heard(&json!({"type": "NoteCreate", "id": "n1", "contactId": "c1"}));
        assert_eq!(ids(&note), (Some("c1"), Some("n1")));
        assert_eq!(ids(&heard(&json!({"type": "TaskCreate", "id": "t1"}))), (None, Some("t1")));
        let appointment = json!({"type": "AppointmentUpdate", "appointment": {"id": "a1", "contactId": "c1"}});
        assert_eq!(ids(&heard(&appointment)), (Some("c1"), Some("a1")));
    }

    #[test]
    fn a_body_says_to_which_app_it_was_sent() {
        for (body, told) in [
            (r#"{"type":"UNINSTALL","appId":"a1","locationId":"l1"}"#, Some("a1")),
            (r#"{"type":"UNINSTALL","appId":null}"#, None),
            (r#"{"type":"UNINSTALL"}"#, None),
            (r#"{"appId":7}"#, Some("")),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(app(body.as_bytes()).as_deref(), told, "{body}");
        }
    }

    #[test]
    fn what_says_nothing_is_still_an_event_of_its_own() {
        for body in ["", "[]", "7", "{", "\u{feff}{}", r#"{"webhookId": "a b", "type": 7}"#] {
            let event = hear(body.as_bytes(), Timestamp::UNIX_EPOCH);
            assert!(event.webhook_id.as_str().starts_with("body-") && event.kind == UNKNOWN_TYPE, "{body}: {event:?}");
            assert_eq!(event, hear(body.as_bytes(), Timestamp::UNIX_EPOCH));
        }
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = hear(&body, Timestamp::UNIX_EPOCH);
        }
    }
}
