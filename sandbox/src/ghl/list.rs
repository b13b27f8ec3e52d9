//! `GET /contacts/`, newest first with a cursor that even the last page carries, and the contacts of a business.

use serde_json::{Value, json};

use super::{Answer, Ctx, errors, shapes, success};
use crate::clock::Millis;
use crate::model::Contact;
use crate::state::State;
use crate::wire::Reply;

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;
const BUSINESS_LIMIT: usize = 25;

pub(crate) fn list(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let cursor = cursor(ctx);
    match ctx.req.query("locationId") {
        None if ctx.req.query("startAfter").is_none() => {
            return Err(errors::invalid(state, "locationId can't be undefined"));
        }
        given => ctx.require_location(state, given)?,
    }
    let limit = limit(state, ctx, LIMIT)?;
    let all = newest_first(state, ctx.location(), ctx.req.query("query"));
    let skipped = cursor.map_or(0, |cursor| all.iter().take_while(|contact| !is_after(contact, &cursor)).count());
    let page: Vec<&Contact> = all.iter().skip(skipped).take(limit).copied().collect();
    let more = skipped + page.len() < all.len();
    let current = skipped / limit + 1;
    let meta = meta(ctx, &page, all.len(), limit, more.then_some(current + 1), current);
    let rows: Value = page.iter().map(|contact| shapes::in_list(contact, ctx.version)).collect();
    success(state, 200, json!({"contacts": rows, "meta": meta}))
}

/// `nextPageUrl` names a host that is not ours, as the vendor's own sample did: it is to be read, not followed.
fn meta(ctx: &Ctx<'_>, page: &[&Contact], total: usize, limit: usize, next: Option<usize>, current: usize) -> Value {
    let last = page.last().map(|contact| (contact.added, contact.id.as_str()));
    let url = last.filter(|_| next.is_some()).map(|(added, id)| {
        let location = ctx.location();
        format!("http://wrong-host.invalid/contacts/?locationId={location}&startAfter={added}&startAfterId={id}&limit={limit}")
    });
    json!({
        "total": total, "nextPageUrl": url, "startAfterId": last.map(|(_, id)| id),
        "startAfter": last.map(|(added, _)| added), "currentPage": current, "nextPage": next,
        "prevPage": (current > 1).then(|| current - 1),
    })
}

/// Both halves are needed; one alone is ignored.
fn cursor(ctx: &Ctx<'_>) -> Option<(Millis, String)> {
    let after = ctx.req.query("startAfter")?.parse().ok()?;
    Some((after, ctx.req.query("startAfterId")?.to_owned()))
}

fn is_after(contact: &Contact, (added, id): &(Millis, String)) -> bool {
    (contact.added, contact.id.as_str()) < (*added, id.as_str())
}

fn newest_first<'a>(state: &'a State, location: &'a str, query: Option<&str>) -> Vec<&'a Contact> {
    let mut all: Vec<&Contact> = state.contacts_of(location).filter(|contact| matches_query(contact, query)).collect();
    all.sort_by(|a, b| (b.added, &b.id).cmp(&(a.added, &a.id)));
    all
}

/// The fuzzy `query` of list and search: every word somewhere in name, email, phone or company.
pub(crate) fn matches_query(contact: &Contact, query: Option<&str>) -> bool {
    let Some(query) = query.map(str::trim).filter(|query| !query.is_empty()) else { return true };
    let hay = ["email", "phone", "companyName"].iter().filter_map(|key| contact.text(key));
    let hay = format!("{} {}", contact.full_name(), hay.collect::<Vec<_>>().join(" ")).to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| hay.contains(word))
}

fn limit(state: &mut State, ctx: &Ctx<'_>, default: usize) -> Result<usize, Reply> {
    let Some(text) = ctx.req.query("limit") else { return Ok(default) };
    match text.parse() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        Ok(0) => Err(errors::invalid(state, "limit must not be less than 1")),
        Ok(_) => Err(errors::invalid(state, "limit must not be greater than 100")),
        Err(_) => Err(errors::invalid(state, "limit must be a number conforming to the specified constraints")),
    }
}

/// `GET /contacts/business/{businessId}`
pub(crate) fn business(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    ctx.require_location(state, ctx.req.query("locationId"))?;
    let limit = limit(state, ctx, BUSINESS_LIMIT)?;
    let skip = ctx.req.query("skip").and_then(|text| text.parse().ok()).unwrap_or(0);
    let after = ctx.req.query("startAfter").filter(|_| ctx.version.is_v3()).map(start_after);
    let mut all = newest_first(state, ctx.location(), ctx.req.query("query"));
    all.retain(|contact| contact.text("businessId") == Some(ctx.param("business")));
    all.sort_by_key(|contact| (contact.full_name().to_lowercase(), contact.id.clone()));
    let count = all.len();
    all.retain(|contact| {
        after.as_ref().is_none_or(|after| (contact.full_name().to_lowercase(), contact.id.clone()) > *after)
    });
    let rows: Value = all.iter().skip(skip).take(limit).map(|contact| shapes::in_list(contact, ctx.version)).collect();
    success(state, 200, json!({"contacts": rows, "count": count}))
}

/// `name,id`, or the same as a JSON array.
fn start_after(text: &str) -> (String, String) {
    if let Ok([name, id]) = serde_json::from_str::<[String; 2]>(text) {
        return (name.to_lowercase(), id);
    }
    let (name, id) = text.rsplit_once(',').unwrap_or((text, ""));
    (name.to_lowercase(), id.to_owned())
}
