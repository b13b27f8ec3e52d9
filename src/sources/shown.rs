//! What of a dry run is shown to whom: what is redacted to nobody, what GHL holds to none but those who may read it.

use crate::{
    domain::source::{DryRun, EventPlan, FieldPlan},
    ghl::Redaction,
};
use serde_json::Value;

/// The name of the whole list of custom fields, and what stands before one of them.
const CUSTOM: [&str; 2] = ["customFields", "customFields."];

/// Takes out what is not to be shown. `held`: whether who asks may read what GHL holds.
pub(super) fn restrict(run: &mut DryRun, redaction: &Redaction, held: bool) {
    for event in &mut run.events {
        redact(event, redaction);
        if !held {
            hide(event);
        }
    }
}

fn redact(event: &mut EventPlan, redaction: &Redaction) {
    for field in event.fields.iter_mut().filter(|field| is_redacted(&field.field, redaction)) {
        (field.from, field.to) = (Value::Null, Value::Null);
    }
    for call in &mut event.calls {
        if let Some(Value::Object(body)) = &mut call.body {
            redaction.strip(body);
        }
    }
}

fn is_redacted(field: &str, redaction: &Redaction) -> bool {
    let [all, one] = CUSTOM;
    match field.strip_prefix(one) {
        Some(id) => redaction.covers(id) || redaction.covers(all),
        None => redaction.covers(field),
    }
}

/// What is left is what the source itself said, and which calls that would come to.
fn hide(event: &mut EventPlan) {
    (event.contact_id, event.found_by) = (None, None);
    for field in &mut event.fields {
        hide_held(field);
    }
    for call in &mut event.calls {
        call.path = without_ids(&call.path);
    }
}

/// Of tags, those are left that would be added: the whole set holds those of others.
fn hide_held(field: &mut FieldPlan) {
    if let (Value::Array(from), Value::Array(to)) = (&field.from, &mut field.to)
        && field.field == "tags"
    {
        to.retain(|tag| !from.contains(tag));
    }
    field.from = Value::Null;
}

/// A path with placeholders for GHL's ids.
fn without_ids(path: &str) -> String {
    let mut before = "";
    let mut steps = Vec::new();
    for step in path.split('/') {
        let place = match before {
            "contacts" if step != "search" => Some("{contactId}"),
            "tasks" => Some("{taskId}"),
            "notes" => Some("{noteId}"),
            _ => None,
        };
        steps.push(place.filter(|_| !step.is_empty()).unwrap_or(step));
        before = step;
    }
    steps.join("/")
}
