//! Tokens for browsers, so that no API key need reach a page.

use super::super::{
    body::JsonBody,
    caller::{Admin, Caller},
    respond,
    tokens::{MAX_CONTACTS, MAX_LOCATIONS, Wanted},
};
use crate::domain::{
    ids::{ContactId, LocationId},
    problem::{Problem, ProblemKind},
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, post};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::{collections::BTreeSet, time::Duration};
use utoipa::ToSchema;

/// What a new token is to allow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"contacts": ["seD4PfOuKoVMLkEZqohJ"], "minutes": 15}))]
pub(super) struct NewToken {
    /// Locations it may see, each of which the key may see. Without it: the key's only location, else the configured one.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_items = 1, max_items = 20)]
    locations: Option<Vec<LocationId>>,
    /// The only contacts it may see; they are of one location. Without it: all of its locations.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_items = 1, max_items = 50)]
    contacts: Option<Vec<ContactId>>,
    /// How long it holds; at most `auth.token_max_minutes`.
    #[schema(minimum = 1, maximum = 1440)]
    minutes: u32,
}

/// A list that is there is a list: `null`, which is what a program sends that has no contact, must not mean all of them.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A token, shown once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewlyMade<'a> {
    /// What the page sends as `Authorization: Bearer …`.
    #[schema(example = "ghle_t1.15ad.eyJr….…")]
    token: &'a str,
    /// From when on it is refused.
    expires_at: Timestamp,
}

impl NewToken {
    fn wanted(self, caller: &Caller<Admin>) -> Result<Wanted, Problem> {
        let most = u32::try_from(caller.state().token_max.as_secs() / 60).unwrap_or(u32::MAX);
        bounded("/minutes", self.minutes, most, "minutes")?;
        let locations = match self.locations {
            None => BTreeSet::from([caller.location(None)?]),
            Some(named) => {
                bounded("/locations", named.len(), MAX_LOCATIONS, "locations")?;
                named.into_iter().map(|location| caller.location(Some(location))).collect::<Result<_, _>>()?
            }
        };
        if let Some(contacts) = &self.contacts {
            bounded("/contacts", contacts.len(), MAX_CONTACTS, "contacts")?;
            if locations.len() > 1 {
                return Err(refusal("/locations", "name the one location that the contacts are of".to_owned()));
            }
        }
        let lifetime = Duration::from_secs(u64::from(self.minutes) * 60);
        Ok(Wanted { locations, contacts: self.contacts, lifetime })
    }
}

fn bounded<T: Copy + PartialOrd + From<u8> + std::fmt::Display>(
    pointer: &str,
    given: T,
    most: T,
    what: &str,
) -> Result<(), Problem> {
    if (T::from(1)..=most).contains(&given) {
        return Ok(());
    }
    Err(refusal(pointer, format!("takes 1 to {most} {what}, not {given}")))
}

fn refusal(pointer: &str, message: String) -> Problem {
    Problem::new(ProblemKind::ValidationFailed, "No such token can be made.").with_error(pointer, message)
}

/// Make a token for a browser
///
/// Short-lived and for reading alone: of the locations named, or of some contacts of one location. A page sends it as it
/// would an API key, which need not reach the page then. It is checked without a look-up, so it cannot be taken back one by
/// one: it ends by itself, with the API key that made it, and with the key that signs all tokens. Takes the role `admin`.
#[utoipa::path(
    tag = "service",
    request_body = NewToken,
    responses((status = 201, description = "The token", body = NewlyMade<'static>))
)]
#[post("/v1/tokens")]
pub(super) async fn create_token(
    request: HttpRequest,
    caller: Caller<Admin>,
    JsonBody(body): JsonBody<NewToken>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.wanted(&caller)?;
    respond::require_acceptable(&request)?;
    let (locations, contacts) = (wanted.locations.len(), wanted.contacts.as_ref().map(Vec::len));
    let minted = caller.mint(wanted)?;
    tracing::info!(key.name = caller.key_name(), locations, contacts, expires_at = %minted.expires_at, "token made");
    let made = NewlyMade { token: minted.token.expose(), expires_at: minted.expires_at };
    respond::written(&request, StatusCode::CREATED, &made).await
}
