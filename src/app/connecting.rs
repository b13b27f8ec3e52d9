//! Connections, wired, and what the routes ask of them.

use crate::{
    connect::{Callback, Came, Connections, ConsentError},
    domain::{
        connection::{Connection, Holder, Through},
        ids::LocationId,
        problem::{Problem, ProblemKind},
    },
    ghl::tokens::PrivateToken,
    http::{
        api::{Component, ComponentState, Reply},
        connect_api::{
            CompanyDocument, ConnectApi, Connected, Departure, LocationDocument, LocationState, NoConnect, Return,
        },
    },
    settings::{OauthSettings, Settings, secret::Secret},
};
use std::sync::Arc;

/// Connections behind the routes.
#[derive(Debug)]
struct Connecting {
    connections: Connections,
    private: PrivateToken,
    secure: bool,
}

/// What the routes hold: the real part, or a refusal where there is no app.
pub(super) fn api(settings: &Settings, connections: Option<&Connections>) -> Arc<dyn ConnectApi> {
    let private = PrivateToken::new(&settings.ghl);
    match (connections, &settings.oauth) {
        (Some(connections), Some(oauth)) => {
            let secure = is_secure(oauth);
            Arc::new(Connecting { connections: connections.clone(), private, secure })
        }
        _ => Arc::new(NoConnect { private: private.location().cloned() }),
    }
}

fn is_secure(oauth: &OauthSettings) -> bool {
    oauth.redirect_url.starts_with("https://")
}

/// How connections stand, as readiness shows it.
pub(super) fn component(connections: &Connections) -> Component {
    let (connected, lost) = connections.counts();
    let state = if lost == 0 { ComponentState::Ok } else { ComponentState::Degraded };
    let detail = match lost {
        0 => format!("{connected} connected"),
        _ => format!("{connected} connected, {lost} disconnected; GET /v1/locations says which and why"),
    };
    Component { name: "oauth".to_owned(), state, detail: Some(detail) }
}

impl Connecting {
    fn document(&self, connection: Connection) -> Option<LocationDocument> {
        let Holder::Location(location_id) = connection.holder else { return None };
        let private = connection.lost.is_some() && self.private.location() == Some(&location_id);
        let state = match (&connection.lost, private) {
            (None, _) => LocationState::Connected,
            (Some(_), true) => LocationState::PrivateToken,
            (Some(_), false) => LocationState::Disconnected,
        };
        let through = match (private, connection.minted) {
            (true, _) => Through::PrivateToken,
            (false, true) => Through::Company,
            (false, false) => Through::Location,
        };
        Some(LocationDocument {
            location_id,
            state,
            through,
            company_id: connection.company,
            scopes: connection.scopes,
            // One that was disconnected before it was ever connected has no such time.
            connected_at: Some(connection.connected_at)
                .filter(|at| connection.lost.is_none_or(|lost| lost.since > *at)),
            // One that was only noted has no token yet.
            expires_at: (connection.expires_at > connection.connected_at).then_some(connection.expires_at),
            lost: connection.lost,
        })
    }
}

impl ConnectApi for Connecting {
    fn begin(&self, location: Option<&LocationId>) -> Result<Departure, Problem> {
        let begun = self.connections.begin(location).map_err(|_| {
            Problem::new(ProblemKind::Internal, "Something went wrong on our side.").with_cause("no random bytes")
        })?;
        Ok(Departure { url: begun.url, cookie: begun.cookie, within: begun.within })
    }

    fn finish(&self, back: Return) -> Reply<'_, Connected> {
        let came = match back.outcome {
            Ok(code) => Came::Code(Secret::new(code)),
            Err(error) => Came::Error(error),
        };
        let callback = Callback { state: back.state, cookie: back.cookie, came };
        Box::pin(async move {
            let connection = self.connections.finish(callback).await.map_err(|error| problem(&error))?;
            Ok(match connection.holder {
                Holder::Location(location) => Connected { location_id: Some(location), company_id: connection.company },
                Holder::Company(company) => Connected { location_id: None, company_id: Some(company) },
            })
        })
    }

    fn is_secure(&self) -> bool {
        self.secure
    }

    fn locations(&self) -> Vec<LocationDocument> {
        let mut all: Vec<_> =
            self.connections.all().into_iter().filter_map(|connection| self.document(connection)).collect();
        let private = self.private.location().filter(|id| all.iter().all(|one| one.location_id != **id));
        all.extend(private.cloned().map(LocationDocument::private));
        all.sort_by(|one, other| one.location_id.cmp(&other.location_id));
        all
    }

    fn companies(&self) -> Vec<CompanyDocument> {
        let company = |connection: Connection| {
            let Holder::Company(company_id) = connection.holder else { return None };
            let state = if connection.lost.is_some() { LocationState::Disconnected } else { LocationState::Connected };
            Some(CompanyDocument {
                company_id,
                state,
                scopes: connection.scopes,
                connected_at: connection.connected_at,
                expires_at: connection.expires_at,
                lost: connection.lost,
            })
        };
        self.connections.all().into_iter().filter_map(company).collect()
    }
}

/// What somebody is told who was not connected. GHL's own words are repeated only where they help, and masked by then.
fn problem(error: &ConsentError) -> Problem {
    match error {
        ConsentError::State(why) => Problem::new(
            ProblemKind::InvalidParameter,
            "This is not the end of a connection that this browser began, or it took too long.",
        )
        .with_error("state", *why),
        ConsentError::TooMany { retry_after } => {
            Problem::new(ProblemKind::TooManyRequests, "Too many come back from GHL at present; try again in a minute.")
                .with_retry_after(*retry_after)
        }
        ConsentError::Denied(word) => {
            let known: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
            let said = if known.is_empty() { String::new() } else { format!(" It says: {known}.") };
            Problem::new(ProblemKind::Forbidden, format!("GHL sent you back without leave to connect.{said}"))
        }
        ConsentError::Code { status, said } => {
            let detail = "GHL does not take this code: it was used before or has expired, or oauth.client_id and \
                          oauth.client_secret are not those of the app.";
            let problem = Problem::new(ProblemKind::InvalidParameter, detail).with_error("code", "is not taken by GHL");
            let problem = problem.with_upstream("ghl", Some(*status), "code");
            match said {
                Some(said) => problem.with_cause(said.clone()),
                None => problem,
            }
        }
        ConsentError::NotAdmitted(_) => Problem::new(
            ProblemKind::Forbidden,
            "This service does not connect that location or agency (oauth.allowed_locations, oauth.allowed_companies).",
        ),
        ConsentError::OtherLocation => Problem::new(
            ProblemKind::InvalidParameter,
            "Another location was chosen on GHL's page than the one that was to be connected.",
        )
        .with_error("locationId", "is not the one that was chosen"),
        ConsentError::Ghl(error) => {
            Problem::new(ProblemKind::UpstreamUnavailable, "GHL gives no tokens at present; begin again in a while.")
                .with_upstream("ghl", None, "oauth")
                .with_cause(format!("{error:?}"))
        }
        ConsentError::Store(error) => error.to_problem(),
    }
}
