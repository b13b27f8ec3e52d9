//! Searching contacts with GHL's filters. Their shape is checked here, field by field; their meaning is GHL's.

use super::{
    super::{
        api::ContactSearch,
        body::JsonBody,
        caller::{Caller, Read},
        params::{Asked, LocationQuery},
        respond,
    },
    contacts::{DEFAULT_LIMIT, Page, parse_query, search_after},
};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

const OPERATORS: [&str; 7] = ["eq", "not_eq", "contains", "not_contains", "exists", "not_exists", "range"];
const GROUPS: [&str; 2] = ["AND", "OR"];
/// Most filters and groups, and their deepest nesting.
const MAX_FILTERS: usize = 100;
const MAX_DEPTH: usize = 5;
const MAX_LIMIT: u32 = 500;
const MAX_SORT: usize = 2;

/// A search.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "filters": [{"field": "email", "operator": "exists"}],
    "sort": [{"field": "dateAdded", "direction": "desc"}],
    "limit": 20
}))]
pub(super) struct SearchBody {
    /// Free text, at most 75 characters.
    #[schema(max_length = 75)]
    query: Option<String>,
    /// Conditions, all of which must hold.
    #[serde(default)]
    #[schema(value_type = Vec<SearchFilter>, max_items = 100)]
    filters: Vec<Value>,
    /// At most two keys.
    #[serde(default)]
    #[schema(max_items = 2)]
    sort: Vec<SortKey>,
    /// Contacts a page, 20 where it is not given.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `nextCursor` of the page before; everything else must be as it was then.
    #[schema(min_length = 1, max_length = 1024)]
    cursor: Option<String>,
}

/// A condition, or a group of them.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents the shape; `check` reads it")]
pub(super) enum SearchFilter {
    /// A comparison of one field.
    Comparison(SearchComparison),
    /// Whether one field is there.
    Presence(SearchPresence),
    /// Conditions joined.
    Group(SearchGroup),
}

/// A comparison of one field of GHL's search.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; `check` reads it")]
pub(super) struct SearchComparison {
    /// GHL's name of the field: `email`, `tags`, `dateAdded`, `customFields.{id}` …
    #[schema(example = "tags", min_length = 1)]
    field: String,
    /// How to compare.
    operator: SearchOperator,
    /// With what; `range` takes `{gte, lte}` or `{gt, lt}`.
    value: Value,
}

/// Whether one field of GHL's search is there.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; `check` reads it")]
pub(super) struct SearchPresence {
    /// GHL's name of the field.
    #[schema(example = "email", min_length = 1)]
    field: String,
    /// `exists` or `not_exists`.
    operator: SearchPresenceOperator,
}

/// How a field is compared.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the words; OPERATORS holds them")]
pub(super) enum SearchOperator {
    Eq,
    NotEq,
    Contains,
    NotContains,
    Range,
}

/// Whether a field is there.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the words; OPERATORS holds them")]
pub(super) enum SearchPresenceOperator {
    Exists,
    NotExists,
}

/// Conditions joined by `AND` or `OR`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; `check` reads it")]
pub(super) struct SearchGroup {
    /// `AND` or `OR`.
    group: SearchJoin,
    /// The conditions.
    #[schema(no_recursion, min_items = 1)]
    filters: Vec<SearchFilter>,
}

/// How conditions are joined.
#[derive(ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "documents the words; GROUPS holds them")]
pub(super) enum SearchJoin {
    And,
    Or,
}

/// A sort key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SortKey {
    /// What to sort by.
    field: SortField,
    /// Which way.
    direction: Direction,
}

/// Fields that GHL sorts by.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum SortField {
    FirstNameLowerCase,
    LastNameLowerCase,
    BusinessName,
    DateAdded,
    DateUpdated,
    Email,
    Dnd,
    Source,
}

/// Which way to sort.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Asc,
    Desc,
}

fn refused(pointer: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::ValidationFailed, "The search cannot be understood.").with_error(pointer, message)
}

/// Checks filters and what is below them.
fn check_filters(filters: &[Value], pointer: &str, depth: usize, left: &mut usize) -> Result<(), Problem> {
    if depth > MAX_DEPTH {
        return Err(refused(pointer, format!("groups nest at most {MAX_DEPTH} deep")));
    }
    for (index, filter) in filters.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        *left = left.checked_sub(1).ok_or_else(|| refused(&*pointer, format!("at most {MAX_FILTERS} filters")))?;
        check_filter(filter, &pointer, depth, left)?;
    }
    Ok(())
}

fn check_filter(filter: &Value, pointer: &str, depth: usize, left: &mut usize) -> Result<(), Problem> {
    let filter = filter.as_object().ok_or_else(|| refused(pointer, "must be an object"))?;
    let text = |name: &str| filter.get(name).and_then(Value::as_str);
    let only = |known: &[&str]| {
        let unknown = filter.keys().find(|key| !known.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| Err(refused(pointer, format!("unknown member '{key}'"))))
    };
    if filter.contains_key("group") {
        only(&["group", "filters"])?;
        if !text("group").is_some_and(|group| GROUPS.contains(&group)) {
            return Err(refused(format!("{pointer}/group"), "must be AND or OR"));
        }
        let inner = filter.get("filters").and_then(Value::as_array).filter(|inner| !inner.is_empty());
        let inner = inner.ok_or_else(|| refused(format!("{pointer}/filters"), "must be a list of filters"))?;
        return check_filters(inner, &format!("{pointer}/filters"), depth + 1, left);
    }
    only(&["field", "operator", "value"])?;
    if text("field").is_none_or(str::is_empty) {
        return Err(refused(format!("{pointer}/field"), "must be the name of a field"));
    }
    let operator = text("operator").filter(|operator| OPERATORS.contains(operator));
    let operator = operator
        .ok_or_else(|| refused(format!("{pointer}/operator"), format!("must be one of {}", OPERATORS.join(", "))))?;
    let bare = matches!(operator, "exists" | "not_exists");
    if !bare && !filter.contains_key("value") {
        return Err(refused(format!("{pointer}/value"), "is needed with this operator"));
    }
    Ok(())
}

impl SearchBody {
    /// Checks what the type alone does not.
    fn into_search(self, listing: &str) -> Result<ContactSearch, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(refused("/limit", format!("must be a whole number from 1 to {MAX_LIMIT}")));
        }
        if self.sort.len() > MAX_SORT {
            return Err(refused("/sort", format!("at most {MAX_SORT} keys")));
        }
        check_filters(&self.filters, "/filters", 1, &mut MAX_FILTERS.clone())?;
        let query = self.query.as_deref().map(parse_query).transpose();
        Ok(ContactSearch {
            query: query.map_err(|message| refused("/query", message))?.filter(|text| !text.is_empty()),
            search_after: search_after(listing, self.cursor.as_deref())?,
            filters: self.filters,
            sort: self.sort.iter().filter_map(|key| serde_json::to_value(key).ok()).collect(),
            limit,
        })
    }

    /// What a cursor is bound to.
    fn listing(&self, location: &str) -> String {
        let sort = serde_json::to_string(&self.sort).unwrap_or_default();
        let filters = Value::Array(self.filters.clone());
        format!("search|{location}|{}|{filters}|{sort}", self.query.as_deref().unwrap_or_default())
    }
}

/// Search contacts
///
/// With GHL's own filters, sorted by at most two keys, page by page. What was just written may take GHL some ten seconds
/// to appear here.
#[utoipa::path(
    tag = "contacts",
    params(LocationQuery),
    request_body = SearchBody,
    responses((status = 200, description = "One page", body = Page))
)]
#[post("/v1/contacts/search")]
pub(super) async fn search_contacts(
    request: HttpRequest,
    caller: Caller<Read>,
    Asked(asked): Asked<LocationQuery>,
    JsonBody(body): JsonBody<SearchBody>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let listing = body.listing(location.as_str());
    let search = body.into_search(&listing)?;
    let context = caller.context(&request);
    let page = caller.api().search_contacts(&location, &search, &context).await?;
    respond::json(&request, &Page::of_search(page, &listing), &context.timings.snapshot()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(filters: &Value) -> Result<(), String> {
        let filters = filters.as_array().unwrap();
        check_filters(filters, "/filters", 1, &mut MAX_FILTERS.clone())
            .map_err(|problem| problem.errors[0].pointer.clone())
    }

    #[test]
    fn the_shape_of_filters_is_checked_where_they_stand() {
        let fine = json!([
            {"field": "email", "operator": "exists"},
            {"group": "OR", "filters": [{"field": "tags", "operator": "eq", "value": "x"}]}
        ]);
        assert_eq!(check(&fine), Ok(()));
        for (bad, pointer) in [
            (json!([1]), "/filters/0"),
            (json!([{"field": "email"}]), "/filters/0/operator"),
            (json!([{"field": "email", "operator": "like", "value": 1}]), "/filters/0/operator"),
            (json!([{"field": "email", "operator": "eq"}]), "/filters/0/value"),
            (json!([{"field": "", "operator": "exists"}]), "/filters/0/field"),
            (json!([{"field": "a", "operator": "exists", "and": 1}]), "/filters/0"),
            (json!([{"group": "XOR", "filters": []}]), "/filters/0/group"),
            (json!([{"group": "OR", "filters": []}]), "/filters/0/filters"),
            (json!([{"group": "OR", "filters": [{"field": 1, "operator": "eq"}]}]), "/filters/0/filters/0/field"),
        ] {
            assert_eq!(check(&bad), Err(pointer.to_owned()), "{bad}");
        }
    }

    #[test]
    fn nesting_and_number_are_bounded() {
        let mut nested = json!({"field": "a", "operator": "exists"});
        for _ in 0..MAX_DEPTH {
            nested = json!({"group": "AND", "filters": [nested]});
        }
        assert!(check(&json!([nested])).is_err());
        let many: Vec<Value> = (0..=MAX_FILTERS).map(|_| json!({"field": "a", "operator": "exists"})).collect();
        assert_eq!(check(&Value::Array(many)), Err("/filters/100".to_owned()));
    }
}
