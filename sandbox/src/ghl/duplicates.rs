//! Who is the same contact: by the location's identifiers, in their order, additional emails and phones included.

use serde_json::{Map, Value, json};

use super::{Answer, Ctx, errors, shapes, success, write};
use crate::model::{Contact, DuplicatePolicy};
use crate::state::State;

/// A contact that is there already.
#[derive(Clone, Debug)]
pub(crate) struct Existing {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `email` or `phone`.
    pub(crate) field: &'static str,
}

pub(crate) fn policy(state: &State, location: &str) -> DuplicatePolicy {
    state.locations.get(location).map(|found| found.policy.clone()).unwrap_or_default()
}

/// The first match by priority; `except` is the contact that is being updated.
pub(crate) fn find(
    state: &State,
    location: &str,
    identifiers: &[String],
    body: &Map<String, Value>,
    except: Option<&str>,
) -> Option<Existing> {
    identifiers.iter().find_map(|identifier| {
        let field = if identifier == "phone" { "phone" } else { "email" };
        let wanted = write::text(body, field)?;
        let hit = state
            .contacts_of(location)
            .filter(|contact| except != Some(contact.id.as_str()) && has(contact, field, &wanted))
            .min_by_key(|contact| (contact.added, contact.id.clone()))?;
        Some(Existing { id: hit.id.clone(), name: hit.full_name(), field })
    })
}

fn has(contact: &Contact, field: &str, wanted: &str) -> bool {
    let more = if field == "phone" { &contact.additional_phones } else { &contact.additional_emails };
    let same = |value: &str| value.eq_ignore_ascii_case(wanted);
    contact.text(field).is_some_and(same) || more.iter().any(|value| same(value))
}

/// `GET /contacts/search/duplicate`
pub(crate) fn lookup(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    ctx.require_location(state, ctx.req.query("locationId"))?;
    let mut wanted = Map::new();
    for (parameter, field) in [("number", "phone"), ("email", "email")] {
        if let Some(value) = ctx.req.query(parameter).filter(|value| !value.is_empty()) {
            wanted.insert(field.to_owned(), value.into());
        }
    }
    if wanted.is_empty() {
        return Err(errors::invalid(state, "either number or email must be given"));
    }
    let policy = policy(state, ctx.location());
    let identifiers = if policy.allow { DuplicatePolicy::default().identifiers } else { policy.identifiers };
    let hit = find(state, ctx.location(), &identifiers, &wanted, None).map(|existing| existing.id);
    let shape = hit.and_then(|id| state.contacts.get(&id)).map(|contact| shapes::by_id(contact, ctx.version));
    success(state, 200, json!({"contact": shape}))
}
