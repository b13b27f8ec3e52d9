//! What the lists of our own records have in common: which locations a caller sees, words and times in filters, pages.

use super::super::{
    caller::{Caller, WholeLocation},
    cursor,
    params::{Pairs, parse_number},
};
use crate::{
    domain::{ids::LocationId, problem::Problem},
    http::write_api::Listed,
};
use jiff::{Timestamp, fmt::temporal::Pieces, tz::TimeZone};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Entries a page has where the request does not say.
pub(super) const DEFAULT_LIMIT: u32 = 50;
/// Most entries a page has.
pub(super) const MAX_LIMIT: u32 = 200;

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paged<T> {
    /// The entries of this page.
    pub(super) items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

impl<T> Paged<T> {
    /// A page of this listing.
    pub(super) fn of<U>(page: Listed<U>, listing: &str, show: impl FnMut(U) -> T) -> Self {
        let next_cursor = page.next.map(|before| cursor::make(listing, Value::from(before)));
        Self { items: page.items.into_iter().map(show).collect(), next_cursor }
    }
}

/// The position that a cursor of this listing stands for.
pub(super) fn position(listing: &str, cursor: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let before = cursor::read(listing, cursor)?.as_i64();
    before.map(Some).ok_or_else(cursor::refusal)
}

/// The locations that a list shows: the one named, else all that the caller may see.
///
/// # Errors
/// `forbidden` for a location that the key may not see.
pub(super) fn locations<P: WholeLocation>(
    caller: &Caller<P>,
    named: Option<LocationId>,
) -> Result<Option<Vec<LocationId>>, Problem> {
    match named {
        None => Ok(caller.allowed_locations()),
        Some(named) => caller.location(Some(named)).map(|location| Some(vec![location])),
    }
}

/// One of some words.
pub(super) fn parse_word<T: Copy>(text: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| word(*one) == text);
    found.ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        format!("must be one of {}", known.join(", "))
    })
}

/// A moment as RFC 3339 writes it.
pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().ok().or_else(|| end_of_time(text)).ok_or_else(|| {
        // In a query a bare plus sign is a space: the offset of an unescaped time arrives as one.
        let unescaped = text.rsplit_once(' ').is_some_and(|(_, offset)| offset.contains(':') && text.contains('T'));
        let hint = if unescaped { "; a '+' is written %2B in a query" } else { "" };
        format!("must be a time with its offset such as 2026-11-22T08:00:00Z{hint}")
    })
}

/// `9999-12-31T23:59:59Z` and its like: the last hours that RFC 3339 can write are beyond our time's range.
fn end_of_time(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let last = pieces.date() >= Timestamp::MAX.to_zoned(TimeZone::UTC).date();
    (last && pieces.time().is_some() && pieces.to_numeric_offset().is_some()).then_some(Timestamp::MAX)
}

impl Pairs {
    /// `limit` of a list of ours.
    pub(super) fn limit(&self) -> Result<Option<u32>, Problem> {
        self.get("limit", |text| parse_number(text, 1..=MAX_LIMIT))
    }

    /// Whether something is asked for that is not as a rule.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        let word = |text: &str| text.parse::<bool>().map_err(|_| "must be true or false");
        self.get(name, word).map(|given| given.unwrap_or(false))
    }

    /// `cursor`, unread.
    pub(super) fn cursor(&self) -> Result<Option<String>, Problem> {
        self.get("cursor", |text| Ok::<_, String>(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_offset() {
        assert_eq!(parse_time("2026-11-22T08:00:00Z"), Ok("2026-11-22T08:00:00Z".parse().unwrap()));
        assert_eq!(parse_time("2026-11-22T10:00:00.5+02:00"), Ok("2026-11-22T08:00:00.5Z".parse().unwrap()));
        for last in ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00-05:00", "9999-12-30T23:00:00Z"] {
            assert_eq!(parse_time(last), Ok(Timestamp::MAX), "{last}");
        }
        assert!(parse_time("0001-01-01T00:00:00+14:00").is_ok());
        for bad in [
            "",
            "2026-11-22",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "2026-11-22T08:00:00",
            "yesterday",
            "1700000000",
            "2026-13-01T00:00:00Z",
        ] {
            assert!(parse_time(bad).is_err_and(|error| !error.contains("%2B")), "{bad:?}");
        }
        assert!(parse_time("2026-11-22T10:00:00 02:00").is_err_and(|error| error.contains("%2B")));
    }
}
