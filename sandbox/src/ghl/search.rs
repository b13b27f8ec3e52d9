//! `POST /contacts/search`: filters, sorting, pages or cursors, over the lagging index.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may, must};
use super::index::Seen;
use super::{Answer, Ctx, contacts, errors, filters, list, shapes, success};
use crate::model::Contact;
use crate::state::State;
use crate::wire::Reply;

const BODY: &[Property] = &[
    must("locationId", Holds::Text),
    must("pageLimit", Holds::Number),
    may("page", Holds::Number),
    may("searchAfter", Holds::Anything),
    may("query", Holds::Text),
    may("sort", Holds::Anything),
    may("filters", Holds::Anything),
];
const SORTABLE: &[&str] =
    &["firstNameLowerCase", "lastNameLowerCase", "businessName", "dateAdded", "dateUpdated", "email", "dnd", "source"];
const PAGE_LIMIT_MAX: u64 = 500;
const REACH: u64 = 10_000;
const QUERY_MAX: usize = 75;

struct SortKey {
    field: String,
    descending: bool,
}

enum From {
    Start(usize),
    After(Vec<Value>),
}

pub(crate) fn search(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let sent = ctx.json(state)?;
    contacts::require_sent_location(state, ctx, &sent)?;
    let body = body::check(state, ctx.version, sent, BODY)?;
    let limit = page_limit(state, &body)?;
    let sort = sort_keys(state, &body)?;
    let from = from(state, &body, limit, &sort)?;
    let query = query(state, &body)?;
    let filter = filters::parse(body.get("filters")).map_err(|problem| problem.reply(state))?;
    let now = state.now();
    state.index.settle(now);
    let mut hits: Vec<(Vec<Value>, &Contact)> = visible(state, ctx.location())
        .filter(|contact| list::matches_query(contact, query.as_deref()) && filter.accepts(contact, state))
        .map(|contact| (cursor_of(contact, &sort), contact))
        .collect();
    hits.sort_by(|(a, _), (b, _)| compare(a, b, &sort));
    let total = hits.len();
    let start = match &from {
        From::Start(skip) => *skip,
        From::After(cursor) => hits.partition_point(|(key, _)| compare(key, cursor, &sort) != Ordering::Greater),
    };
    let page = hits.into_iter().skip(start).take(limit);
    let rows: Value = page.map(|(cursor, contact)| shapes::in_search(contact, ctx.version, cursor.into())).collect();
    success(state, 200, json!({"contacts": rows, "total": total}))
}

/// What the index shows of a location.
fn visible<'a>(state: &'a State, location: &'a str) -> impl Iterator<Item = &'a Contact> {
    let now = state.now();
    let live =
        state.contacts_of(location).filter(move |contact| matches!(state.index.see(&contact.id, now), Seen::Live));
    live.chain(state.index.ghosts(now).filter(move |contact| contact.location_id == location))
}

fn page_limit(state: &mut State, body: &Map<String, Value>) -> Result<usize, Reply> {
    match body.get("pageLimit").and_then(Value::as_u64) {
        Some(limit @ 1..=PAGE_LIMIT_MAX) => Ok(usize::try_from(limit).unwrap_or(1)),
        Some(0) => Err(errors::invalid(state, "pageLimit must not be less than 1")),
        Some(_) => Err(errors::invalid(state, "pageLimit must not be greater than 500")),
        None => Err(errors::invalid(state, "pageLimit must be an integer number")),
    }
}

fn query(state: &mut State, body: &Map<String, Value>) -> Result<Option<String>, Reply> {
    match body.get("query").and_then(Value::as_str) {
        Some(text) if text.chars().count() > QUERY_MAX => {
            Err(errors::invalid(state, "query must be shorter than or equal to 75 characters"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn from(state: &mut State, body: &Map<String, Value>, limit: usize, sort: &[SortKey]) -> Result<From, Reply> {
    match (body.get("page"), body.get("searchAfter")) {
        (Some(_), Some(_)) => Err(errors::invalid(state, "page and searchAfter cannot be combined")),
        (None, None) => Ok(From::Start(0)),
        (Some(page), None) => match page.as_u64().filter(|page| *page > 0) {
            None => Err(errors::invalid(state, "page must not be less than 1")),
            Some(page) if page.saturating_mul(limit as u64) > REACH => {
                Err(errors::bad_request(state, "Only the first 10000 records can be paged; use searchAfter"))
            }
            Some(page) => Ok(From::Start(usize::try_from(page - 1).unwrap_or(0) * limit)),
        },
        (None, Some(Value::Array(cursor))) if cursor.is_empty() => Ok(From::Start(0)),
        (None, Some(Value::Array(cursor))) if cursor.len() == sort.len() + 1 => Ok(From::After(cursor.clone())),
        (None, Some(_)) => Err(errors::invalid(state, "searchAfter must be taken from the last contact of a page")),
    }
}

/// At most two keys; newest first when there are none.
fn sort_keys(state: &mut State, body: &Map<String, Value>) -> Result<Vec<SortKey>, Reply> {
    let given = match body.get("sort") {
        None => &Vec::new(),
        Some(Value::Array(given)) if given.len() <= 2 => given,
        Some(Value::Array(_)) => return Err(errors::invalid(state, "sort must contain no more than 2 elements")),
        Some(_) => return Err(errors::invalid(state, "sort must be an array")),
    };
    let mut keys = Vec::new();
    for entry in given {
        let field = entry.get("field").and_then(Value::as_str).unwrap_or_default();
        if !SORTABLE.contains(&field) {
            return Err(errors::bad_request(state, &format!("Invalid field {field}")));
        }
        let descending = match entry.get("direction").and_then(Value::as_str) {
            Some("asc") => false,
            Some("desc") => true,
            _ => return Err(errors::invalid(state, "direction must be one of the following values: asc, desc")),
        };
        keys.push(SortKey { field: field.to_owned(), descending });
    }
    if keys.is_empty() {
        keys.push(SortKey { field: "dateAdded".to_owned(), descending: true });
    }
    Ok(keys)
}

/// The sort values and the id; by default `[ms, id]`.
fn cursor_of(contact: &Contact, sort: &[SortKey]) -> Vec<Value> {
    let values = sort.iter().map(|key| match key.field.as_str() {
        "dateAdded" => json!(contact.added),
        "dateUpdated" => json!(contact.updated),
        "dnd" => json!(contact.dnd),
        "firstNameLowerCase" => json!(contact.text("firstName").unwrap_or_default().to_lowercase()),
        "lastNameLowerCase" => json!(contact.text("lastName").unwrap_or_default().to_lowercase()),
        "businessName" => json!(contact.text("companyName").unwrap_or_default().to_lowercase()),
        other => json!(contact.text(other).unwrap_or_default().to_lowercase()),
    });
    values.chain([contact.id.as_str().into()]).collect()
}

fn compare(a: &[Value], b: &[Value], sort: &[SortKey]) -> Ordering {
    for (at, key) in sort.iter().enumerate() {
        let order = order(a.get(at), b.get(at));
        let order = if key.descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    order(a.last(), b.last())
}

fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default())
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
