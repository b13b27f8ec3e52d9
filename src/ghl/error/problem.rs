//! What a caller is told: a fixed sentence of ours, GHL's masked words only where the caller can act on them, and
//! everything else in the cause, for the log.

use super::{Flaw, GhlError, Late, Resource, TokenFault};
use crate::domain::{
    ids::ContactId,
    problem::{Problem, ProblemKind},
};

impl GhlError {
    /// The problem a caller gets.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let (status, code) = self.blame();
        let problem = Problem::new(self.kind(), self.sentence()).with_upstream("ghl", status, code);
        let problem = match self {
            Self::Validation { said: Some(said), .. } => {
                let detail = format!("{} It says: {said}", problem.detail);
                Problem { detail: detail.into(), ..problem }
            }
            Self::RateLimited { retry_after, .. } | Self::LeftAlone { retry_after } => {
                problem.with_retry_after(*retry_after)
            }
            Self::Duplicate { existing, field, .. } => name_the_other(problem, existing.as_ref(), *field),
            Self::Validation { said: None, .. }
            | Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Unauthorized { .. }
            | Self::Unavailable { .. }
            | Self::Timeout(_)
            | Self::InvalidResponse { .. } => problem,
        };
        match self.cause() {
            Some(cause) => problem.with_cause(cause),
            None => problem,
        }
    }

    const fn kind(&self) -> ProblemKind {
        match self {
            Self::NoToken | Self::Disconnected | Self::Unauthorized { .. } => ProblemKind::UpstreamUnauthorized,
            Self::ContactNotFound => ProblemKind::ContactNotFound,
            Self::NotFound(_) => ProblemKind::NotFound,
            Self::Duplicate { .. } => ProblemKind::DuplicateContact,
            Self::RateLimited { .. } => ProblemKind::QuotaExhausted,
            Self::Validation { .. } => ProblemKind::ValidationFailed,
            Self::LeftAlone { .. } | Self::Unavailable { .. } => ProblemKind::UpstreamUnavailable,
            Self::Timeout(_) => ProblemKind::UpstreamTimeout,
            Self::InvalidResponse { .. } => ProblemKind::UpstreamInvalidResponse,
        }
    }

    /// Status and code. A contact that is not there and one of another location look the same.
    const fn blame(&self) -> (Option<u16>, &'static str) {
        match self {
            Self::NoToken => (None, "no-token"),
            Self::Disconnected => (None, "disconnected"),
            Self::ContactNotFound | Self::NotFound(_) => (None, "not-found"),
            Self::Unauthorized { fault, status, .. } => (Some(*status), fault.code()),
            Self::Duplicate { status, .. } => (Some(*status), "duplicate"),
            Self::RateLimited { day: false, .. } => (Some(429), "rate-limited"),
            Self::RateLimited { day: true, .. } => (Some(429), "day-spent"),
            Self::LeftAlone { .. } => (None, "breaker-open"),
            Self::Validation { status, .. } => (Some(*status), "validation"),
            Self::Unavailable { status, code, .. } => (*status, code),
            Self::Timeout(late) => (None, late.code()),
            Self::InvalidResponse { status, flaw } => (Some(*status), flaw.code()),
        }
    }

    const fn sentence(&self) -> &'static str {
        match self {
            Self::NoToken => {
                "No GHL token is configured for this location: set ghl.token (GHL_TOKEN) or ghl.token_file to a \
                 sub-account's private integration token with the scope contacts.readonly, and ghl.location_id to its \
                 location; or connect the location by OAuth."
            }
            Self::Disconnected => {
                "This location is disconnected from GHL: its tokens are refused or were given up. Connect it again at \
                 /oauth/install; GET /v1/locations says since when and why."
            }
            Self::ContactNotFound => "GHL knows no contact with this id in this location.",
            Self::NotFound(Resource::Note) => "GHL knows no note with this id on this contact.",
            Self::NotFound(Resource::Task) => "GHL knows no task with this id on this contact.",
            Self::NotFound(Resource::Business) => "GHL knows no business with this id in this location.",
            Self::Duplicate { .. } => "This location takes no second contact with the same e-mail address or phone.",
            Self::Unauthorized { fault, .. } => fault.sentence(),
            Self::RateLimited { day: false, .. } => "GHL's quota for this location is spent for now.",
            Self::RateLimited { day: true, .. } => "GHL's quota for this location is spent for today.",
            Self::LeftAlone { .. } => "GHL failed repeatedly; it is left alone for a moment.",
            Self::Validation { .. } => "GHL refuses this request.",
            Self::Unavailable { status: Some(_), .. } => "GHL fails at the moment.",
            Self::Unavailable { status: None, .. } => "GHL cannot be reached at the moment.",
            Self::Timeout(Late::Deadline) => "GHL did not answer before the request's deadline.",
            Self::Timeout(Late::Call | Late::Gateway) => "GHL did not answer in time.",
            Self::InvalidResponse { flaw, .. } => flaw.sentence(),
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::RateLimited { .. }
            | Self::LeftAlone { .. }
            | Self::Timeout(_) => None,
            Self::Unauthorized { said, .. } | Self::Validation { said, .. } | Self::Unavailable { said, .. } => {
                said.clone()
            }
            Self::InvalidResponse { flaw, .. } => match flaw {
                Flaw::Empty | Flaw::Html | Flaw::Truncated | Flaw::TooLarge | Flaw::Route => None,
                Flaw::Decode { path, message } => Some(format!("at {path}: {message}")),
                Flaw::ErrorBody { said } | Flaw::Status { said } => said.clone(),
            },
        }
    }
}

/// The other contact's id helps who would rather change that one.
fn name_the_other(problem: Problem, existing: Option<&ContactId>, field: Option<&'static str>) -> Problem {
    let Some(existing) = existing else { return problem };
    let detail = format!("{} Contact {existing} has it.", problem.detail);
    let problem = Problem { detail: detail.into(), ..problem };
    match field {
        Some(field) => problem.with_error(format!("/{field}"), format!("contact {existing} has the same")),
        None => problem,
    }
}

impl TokenFault {
    /// A short stable word, for `upstream.code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "token-expired",
            Self::Rejected => "token",
            Self::Scope => "scope",
            Self::Class => "token-class",
            Self::Location => "location",
            Self::Version => "version",
            Self::Unknown => "unauthorized",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "GHL says that our access token is invalid or has expired.",
            Self::Rejected => "GHL does not know our private integration token: it was mistyped, rotated or deleted.",
            Self::Scope => "Our GHL token lacks a scope: reading needs contacts.readonly, writing contacts.write.",
            Self::Class => "Our GHL token is of the wrong kind: a sub-account's token is needed, not an agency's.",
            Self::Location => "Our GHL token has no access to this location.",
            Self::Version => "GHL does not accept the configured Version header (ghl.version).",
            Self::Unknown => "GHL rejects our token.",
        }
    }
}

impl Late {
    const fn code(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Call => "timeout",
            Self::Gateway => "gateway-timeout",
        }
    }
}

impl Flaw {
    const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Html => "html",
            Self::Truncated => "truncated",
            Self::TooLarge => "too-large",
            Self::Decode { .. } => "decode",
            Self::ErrorBody { .. } => "error-body",
            Self::Route => "route",
            Self::Status { .. } => "status",
        }
    }

    const fn sentence(&self) -> &'static str {
        match self {
            Self::Empty => "GHL's answer was empty.",
            Self::Html => "GHL answered with a page of HTML where JSON was expected.",
            Self::Truncated => "GHL's answer broke off in the middle.",
            Self::TooLarge => "GHL's answer is larger than ghl.max_body_bytes.",
            Self::Decode { .. } => "GHL's answer is not what its documentation says.",
            Self::ErrorBody { .. } => "GHL reported an error under a status of success.",
            Self::Route => "GHL knows no such route: check ghl.base_url and ghl.version.",
            Self::Status { .. } => "GHL answered with a status that this request should not have.",
        }
    }
}
