//! The few location routes that a client of contacts needs: duplicate policy, custom field definitions, tag definitions.

use serde_json::{Value, json};

use super::{Answer, Ctx, errors, success};
use crate::model::Location;
use crate::state::State;
use crate::wire::Reply;

pub(crate) fn get(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let found = require(state, ctx)?;
    let location = json!({
        "id": found.id, "companyId": found.company_id, "name": found.name, "city": found.city,
        "country": found.country, "timezone": found.timezone, "email": "office@example.com",
        "website": "https://example.com",
        "settings": {
            "allowDuplicateContact": found.policy.allow,
            "allowDuplicateOpportunity": false,
            "contactUniqueIdentifiers": found.policy.identifiers,
        },
    });
    success(state, 200, json!({"location": location}))
}

pub(crate) fn custom_fields(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let found = require(state, ctx)?;
    let fields: Value = found
        .custom_fields
        .iter()
        .enumerate()
        .map(|(at, field)| {
            json!({
                "id": field.id, "name": field.name, "model": "contact", "fieldKey": field.key, "placeholder": "",
                "dataType": field.kind.name(), "position": (at + 1) * 50, "locationId": found.id,
            })
        })
        .collect();
    success(state, 200, json!({"customFields": fields}))
}

pub(crate) fn tags(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let found = require(state, ctx)?;
    let tags = found.tags.iter().map(|tag| json!({"id": tag.id, "name": tag.name, "locationId": found.id}));
    let tags: Value = tags.collect();
    success(state, 200, json!({"tags": tags}))
}

pub(super) fn require(state: &mut State, ctx: &Ctx<'_>) -> Result<Location, Reply> {
    let found = state.locations.get(ctx.param("location")).filter(|found| found.id == ctx.location()).cloned();
    found.ok_or_else(|| errors::unauthorized(state, "This location is not accessible from this token!"))
}
