//! Questions to GHL's search and business listings, and their pages.

use crate::domain::{contact::Contact, ids::LocationId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A search over a location's contacts. It lags writes by about ten seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    /// Free text, at most 75 characters.
    pub query: Option<String>,
    /// GHL's filter tree, `null` for none.
    pub filters: Value,
    /// At most two.
    pub sort: Vec<Sort>,
    /// Hits a page, at most 500.
    pub page_limit: u32,
    /// Where the last page ended; goes before `page`.
    pub search_after: Option<SearchAfter>,
    /// Page number, for the first 10,000 records.
    pub page: Option<u32>,
}

impl Default for SearchQuery {
    fn default() -> Self {
        Self { query: None, filters: Value::Null, sort: Vec::new(), page_limit: 100, search_after: None, page: None }
    }
}

impl SearchQuery {
    /// The body GHL takes: a key it does not need is left out, as it refuses keys it does not know.
    pub(super) fn body(&self, location: &LocationId) -> Value {
        let mut body = Map::new();
        body.insert("locationId".into(), location.as_str().into());
        body.insert("pageLimit".into(), self.page_limit.into());
        if let Some(query) = &self.query {
            body.insert("query".into(), query.as_str().into());
        }
        if !self.filters.is_null() {
            body.insert("filters".into(), self.filters.clone());
        }
        if !self.sort.is_empty() {
            body.insert("sort".into(), self.sort.iter().map(Sort::body).collect());
        }
        match (&self.search_after, self.page) {
            (Some(after), _) => body.insert("searchAfter".into(), Value::Array(after.0.clone())),
            (None, Some(page)) => body.insert("page".into(), page.into()),
            (None, None) => None,
        };
        Value::Object(body)
    }
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// GHL's name of the field.
    pub field: String,
    /// Which way.
    pub direction: Direction,
}

impl Sort {
    fn body(&self) -> Value {
        json!({ "field": self.field, "direction": self.direction.as_str() })
    }
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

/// Where a page ended: GHL's `searchAfter` of its last hit, opaque to us. Serialises for a cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub struct SearchAfter(Vec<Value>);

/// The value is no `searchAfter`: not one to four numbers and short texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a search cursor")]
pub struct NoSearchAfter;

impl TryFrom<Vec<Value>> for SearchAfter {
    type Error = NoSearchAfter;

    fn try_from(parts: Vec<Value>) -> Result<Self, NoSearchAfter> {
        let fits = |part: &Value| match part {
            Value::Null | Value::Number(_) => true,
            Value::String(text) => text.len() <= 256,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if parts.is_empty() || parts.len() > 4 || !parts.iter().all(fits) {
            Err(NoSearchAfter)
        } else {
            Ok(Self(parts))
        }
    }
}

impl From<SearchAfter> for Vec<Value> {
    fn from(after: SearchAfter) -> Self {
        after.0
    }
}

/// A listing of a business's contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusinessQuery {
    /// Contacts a page; GHL's default is 25.
    pub limit: Option<u32>,
    /// Contacts to pass over.
    pub skip: Option<u32>,
    /// Free text.
    pub query: Option<String>,
}

/// A question for the tasks of a whole location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Free text; `None` for all of them.
    pub query: Option<String>,
    /// Tasks a page.
    pub limit: u32,
    /// Tasks to pass over.
    pub skip: u32,
}

impl TaskQuery {
    /// The body GHL takes.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(query) = &self.query {
            body.insert("query".into(), query.as_str().into());
        }
        body.insert("limit".into(), self.limit.into());
        body.insert("skip".into(), self.skip.into());
        Value::Object(body)
    }
}

/// One page of contacts.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    /// The contacts, in GHL's order.
    pub contacts: Vec<Contact>,
    /// How many records GHL gave on this page, those left out of `contacts` included: they count where pages are counted.
    pub given: usize,
    /// How many there are in all, where GHL says so.
    pub total: Option<u64>,
    /// Where the next page begins; none on the last.
    pub next: Option<SearchAfter>,
}
