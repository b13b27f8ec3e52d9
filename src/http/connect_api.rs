//! The third part of the seam between HTTP and the service: connecting locations, and how they stand.

use super::api::Reply;
use crate::domain::{
    connection::{Lost, Through},
    ids::{CompanyId, LocationId},
    problem::{Problem, ProblemKind},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{fmt, time::Duration};
use utoipa::ToSchema;

/// Everything the routes about connections need. Dropping a returned future must leave nothing half-done.
pub trait ConnectApi: Send + Sync + 'static {
    /// Where to send somebody who wants to connect: this location, or one that they choose.
    ///
    /// # Errors
    /// `not-found` where no app is configured.
    fn begin(&self, location: Option<&LocationId>) -> Result<Departure, Problem>;

    /// Takes in somebody who comes back from GHL.
    fn finish(&self, back: Return) -> Reply<'_, Connected>;

    /// Whether browsers come by https, so that cookies may be kept to it.
    fn is_secure(&self) -> bool;

    /// The locations there are tokens for, or were, by id.
    fn locations(&self) -> Vec<LocationDocument>;

    /// The agencies, by id.
    fn companies(&self) -> Vec<CompanyDocument>;
}

/// Somebody on the way to GHL.
#[derive(Debug)]
pub struct Departure {
    /// Where to send them.
    pub url: String,
    /// What their browser must keep.
    pub cookie: String,
    /// For how long.
    pub within: Duration,
}

/// Somebody back from GHL. Not shown by `Debug`: it holds a code.
pub struct Return {
    /// `state`
    pub state: Option<String>,
    /// What their browser kept.
    pub cookie: Option<String>,
    /// `code`, or GHL's word for why there is none.
    pub outcome: Result<String, String>,
}

impl fmt::Debug for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Return").field("code", &self.outcome.is_ok()).finish_non_exhaustive()
    }
}

/// What was connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    /// The location; absent for an agency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// The agency, where GHL names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
}

/// How a location stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LocationState {
    /// Connected by OAuth.
    Connected,
    /// It was, and its tokens work no more.
    Disconnected,
    /// The private integration token of the settings serves it.
    PrivateToken,
}

/// A location, and what serves it. Never a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Location)]
pub struct LocationDocument {
    /// The location.
    pub location_id: LocationId,
    /// How it stands.
    pub state: LocationState,
    /// How its tokens come about.
    pub through: Through,
    /// Its agency, where GHL says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    /// What its tokens may do, where that is known.
    #[schema(example = json!(["contacts.readonly", "contacts.write"]))]
    pub scopes: Vec<String>,
    /// Since when it is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<Timestamp>,
    /// Until when its present access token is good; it is renewed before. Absent where none was needed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When and why its connection was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

/// An agency whose token mints those of its locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Company)]
pub struct CompanyDocument {
    /// The agency.
    pub company_id: CompanyId,
    /// How it stands.
    pub state: LocationState,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Since when it is connected.
    pub connected_at: Timestamp,
    /// Until when its present access token is good.
    pub expires_at: Timestamp,
    /// When and why its connection was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

/// The service without an app: nothing can be connected. `private` names the location with a private token.
#[derive(Debug)]
pub struct NoConnect {
    /// The location that a private token serves, where there is one.
    pub private: Option<LocationId>,
}

impl NoConnect {
    fn refusal() -> Problem {
        Problem::new(ProblemKind::NotFound, "This service has no app to connect with (oauth.client_id is empty).")
    }
}

impl LocationDocument {
    /// One that a private token serves and nothing else is known of.
    #[must_use]
    pub fn private(location_id: LocationId) -> Self {
        Self {
            location_id,
            state: LocationState::PrivateToken,
            through: Through::PrivateToken,
            company_id: None,
            scopes: Vec::new(),
            connected_at: None,
            expires_at: None,
            lost: None,
        }
    }
}

impl ConnectApi for NoConnect {
    fn begin(&self, _: Option<&LocationId>) -> Result<Departure, Problem> {
        Err(Self::refusal())
    }

    fn finish(&self, _: Return) -> Reply<'_, Connected> {
        Box::pin(std::future::ready(Err(Self::refusal())))
    }

    fn is_secure(&self) -> bool {
        false
    }

    fn locations(&self) -> Vec<LocationDocument> {
        self.private.iter().cloned().map(LocationDocument::private).collect()
    }

    fn companies(&self) -> Vec<CompanyDocument> {
        Vec::new()
    }
}
