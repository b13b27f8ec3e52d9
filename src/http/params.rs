//! Parameters of a request, parsed into domain types at the door: path segments ([`InPath`]) and query ([`Asked`]).
//!
//! actix decodes percent-escapes before it routes, all but `%2F`, `%25` and `%2B`: an encoded slash stays in its segment
//! as text, where no id's alphabet admits it.

use crate::domain::{
    ids::{BusinessId, ContactId, InvalidId, LocationId, NoteId, OperationId, TaskId, WebhookId},
    problem::Problem,
    source::{SourceEventId, SourceName},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use std::{
    fmt::Display,
    future::{Ready, ready},
    net::IpAddr,
};
use utoipa::IntoParams;

/// A value that stands as one segment of the path.
pub(super) trait PathValue: Sized {
    /// The name of the segment in the route.
    const NAME: &'static str;

    /// Parses it; the error is a sentence for the caller.
    ///
    /// # Errors
    /// What is wrong with the text.
    fn parse_segment(text: &str) -> Result<Self, String>;
}

macro_rules! path_ids {
    ($($id:ident = $name:literal,)*) => {$(
        impl PathValue for $id {
            const NAME: &'static str = $name;

            fn parse_segment(text: &str) -> Result<Self, String> {
                Self::parse(text).map_err(|error: InvalidId| error.to_string())
            }
        }
    )*};
}

path_ids! {
    ContactId = "contactId",
    TaskId = "taskId",
    NoteId = "noteId",
    BusinessId = "businessId",
    OperationId = "operationId",
    LocationId = "locationId",
    WebhookId = "webhookId",
}

impl PathValue for SourceName {
    const NAME: &'static str = "source";

    fn parse_segment(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}

impl PathValue for SourceEventId {
    const NAME: &'static str = "eventId";

    /// Another system gave it: it may hold what actix leaves escaped.
    fn parse_segment(text: &str) -> Result<Self, String> {
        Self::parse(&unescape(text)).map_err(|error| error.to_string())
    }
}

/// The escapes that actix leaves in a segment, `%2F`, `%2B` and `%25`, undone.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let (character, length) = match escape.get(..3) {
            Some("%2F" | "%2f") => ('/', 3),
            Some("%2B" | "%2b") => ('+', 3),
            Some("%25") => ('%', 3),
            _ => ('%', 1),
        };
        plain.push(character);
        rest = &escape[length..];
    }
    plain + rest
}

impl PathValue for IpAddr {
    const NAME: &'static str = "ip";

    fn parse_segment(text: &str) -> Result<Self, String> {
        parse_ip(text)
    }
}

/// One segment of the path, parsed.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

impl<T: PathValue> FromRequest for InPath<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(in_path(request).map(Self))
    }
}

/// The same, where the route has not named it among its arguments.
pub(super) fn in_path<T: PathValue>(request: &HttpRequest) -> Result<T, Problem> {
    let text = request.match_info().get(T::NAME).unwrap_or_default();
    T::parse_segment(text).map_err(|message| Problem::parameter(T::NAME, message))
}

/// An address as a caller writes it.
pub(super) fn parse_ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "must be an IPv4 or IPv6 address such as 58.111.106.198".to_owned())
}

/// A whole number within bounds, plain digits only.
pub(super) fn parse_number(text: &str, bounds: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u32>().ok().filter(|number| digits && bounds.contains(number));
    number.ok_or_else(|| format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
}

/// A query, parsed.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

/// Something parsed from a query.
pub(super) trait FromQuery: Sized {
    /// Parses it.
    ///
    /// # Errors
    /// `invalid-parameter`, naming the parameter.
    fn from_query(query: &Pairs) -> Result<Self, Problem>;
}

impl<T: FromQuery> FromRequest for Asked<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Pairs::parse(request.query_string()).and_then(|pairs| T::from_query(&pairs)).map(Self))
    }
}

/// The names and values of a query. Parameters a route does not know are ignored, as the web does.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        if query.is_empty() {
            return Ok(Self(Vec::new()));
        }
        web::Query::<Vec<(String, String)>>::from_query(query)
            .map(|pairs| Self(pairs.into_inner()))
            .map_err(|_| Problem::parameter("query", "the query string cannot be read"))
    }

    /// The value of a parameter, parsed; naming it twice is an error.
    ///
    /// # Errors
    /// `invalid-parameter`, naming the parameter.
    pub(super) fn get<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Problem::parameter(name, "must be given once"));
        }
        parse(value).map(Some).map_err(|error| Problem::parameter(name, error.to_string()))
    }

    /// The values of a parameter that may be repeated or be a list with commas, each once and in order.
    ///
    /// # Errors
    /// `invalid-parameter`, naming the parameter.
    pub(super) fn list<T: PartialEq, E: Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Problem> {
        let mut parsed = Vec::new();
        for word in self.0.iter().filter(|(key, _)| key == name).flat_map(|(_, value)| value.split(',')) {
            let value = parse(word.trim()).map_err(|error| Problem::parameter(name, error.to_string()))?;
            if !parsed.contains(&value) {
                parsed.push(value);
            }
        }
        Ok(parsed)
    }

    /// The `locationId`.
    ///
    /// # Errors
    /// `invalid-parameter`.
    pub(super) fn location(&self) -> Result<Option<LocationId>, Problem> {
        self.get("locationId", LocationId::parse)
    }
}

/// The contact in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
pub(super) struct ContactPath {
    /// GHL's id of the contact.
    #[param(rename = "contactId", value_type = ContactId, example = "seD4PfOuKoVMLkEZqohJ")]
    contact_id: ContactId,
}

/// The location of the request.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LocationQuery {
    /// The location (sub-account). Without it: the key's only location, else the configured one.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    pub(super) location_id: Option<LocationId>,
}

impl FromQuery for LocationQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self { location_id: query.location()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_plain_digits_within_bounds() {
        assert_eq!(parse_number("20", 1..=100), Ok(20));
        for bad in ["", "0", "101", "+5", "-1", " 5", "5.0", "99999999999", "ten", "٣"] {
            assert!(parse_number(bad, 1..=100).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused_and_an_unknown_one_ignored() {
        let pairs = Pairs::parse("limit=1&limit=2&_=9").unwrap();
        assert!(pairs.get("limit", |text| parse_number(text, 1..=9)).is_err());
        assert_eq!(Pairs::parse("_=9").unwrap().get("limit", |text| parse_number(text, 1..=9)), Ok(None));
    }

    #[test]
    fn an_event_id_holds_what_actix_leaves_escaped() {
        for (text, plain) in [("a%2Fb", "a/b"), ("%2b%252F%", "+%2F%"), ("100%25", "100%"), ("ä%2", "ä%2"), ("", "")]
        {
            assert_eq!(unescape(text), plain);
        }
    }

    #[test]
    fn an_empty_location_is_an_error_not_an_absence() {
        assert!(LocationQuery::from_query(&Pairs::parse("locationId=").unwrap()).is_err());
    }
}
