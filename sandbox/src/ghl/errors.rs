//! GHL's families of error bodies, word for word where the words are known.

use serde_json::{Value, json};

use crate::state::State;
use crate::wire::{Reply, Request};

/// `{message, error: "Bad Request", statusCode: 400}`
pub(crate) fn bad_request(state: &mut State, message: &str) -> Reply {
    named(state, 400, "Bad Request", json!(message))
}

/// `{message: [..], error: "Unprocessable Entity", statusCode: 422}`
pub(crate) fn unprocessable(state: &mut State, messages: &[String]) -> Reply {
    named(state, 422, "Unprocessable Entity", json!(messages))
}

/// One message of [`unprocessable`].
pub(crate) fn invalid(state: &mut State, message: &str) -> Reply {
    unprocessable(state, &[message.to_owned()])
}

/// HTTP 400 whose body says 422: what creating a contact from nothing but a `locationId` gives.
pub(crate) fn bad_request_saying_422(state: &mut State, message: &str) -> Reply {
    let mut reply = invalid(state, message);
    reply.status = 400;
    reply
}

/// `{message, error: "Unauthorized", statusCode: 401}`
pub(crate) fn unauthorized(state: &mut State, message: &str) -> Reply {
    named(state, 401, "Unauthorized", json!(message))
}

/// 401 for a `Version` that is missing or unknown.
pub(crate) fn version(state: &mut State, message: &str) -> Reply {
    Reply::json(401, &json!({"status": 401, "message": message, "error": "Error", "traceId": state.trace_id()}))
}

/// `{message, error: "Forbidden", statusCode: 403}`
pub(crate) fn forbidden(state: &mut State, message: &str) -> Reply {
    named(state, 403, "Forbidden", json!(message))
}

/// 403: another tenant's location, or none.
pub(crate) fn no_access_to_location(state: &mut State) -> Reply {
    forbidden(state, "The token does not have access to this location.")
}

/// 404: there is no such route.
pub(crate) fn cannot(state: &mut State, req: &Request) -> Reply {
    named(state, 404, "Not Found", json!(format!("Cannot {}", req.line())))
}

/// The wording of the contact routes proper.
pub(crate) fn contact_not_found(state: &mut State, id: &str) -> Reply {
    bad_request(state, &format!("Contact not found for id:{id}"))
}

/// The wording of notes, tasks and appointments: no `message`, no `traceId`.
pub(crate) fn contact_with_id_not_found(id: &str) -> Reply {
    Reply::json(400, &json!({"error": format!("Contact with id {id} not found"), "status": 400}))
}

/// A task or note that is not there: just `error`.
pub(crate) fn item_not_found(what: &str, id: &str) -> Reply {
    Reply::json(400, &json!({"error": format!("{what} with id {id} not found")}))
}

/// 429: no `error`, no `traceId`, no `Retry-After`.
pub(crate) fn too_many_requests() -> Reply {
    Reply::json(429, &json!({"statusCode": 429, "message": "Too Many Requests"}))
}

/// 400: the location does not take a second contact with this `email` or `phone`.
pub(crate) fn duplicate(state: &mut State, contact_id: &str, contact_name: &str, field: &str) -> Reply {
    let body = json!({
        "statusCode": 400,
        "message": "This location does not allow duplicated contacts.",
        "meta": {"contactId": contact_id, "contactName": contact_name, "matchingField": field},
        "traceId": state.trace_id(),
    });
    Reply::json(400, &body)
}

fn named(state: &mut State, status: u16, error: &str, message: Value) -> Reply {
    let body = json!({"message": message, "error": error, "statusCode": status, "traceId": state.trace_id()});
    Reply::json(status, &body)
}
