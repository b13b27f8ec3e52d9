//! What GHL's failures mean. GHL answers 400 for a contact it does not know and 401 for seven different things, so the
//! status alone says little: classification reads status and message together, and the body's own `statusCode` never.

pub(super) mod body;
mod classify;
mod endpoint;
mod outcome;
mod problem;

pub(super) use classify::classify;
pub use endpoint::Endpoint;

use crate::domain::ids::ContactId;
use std::time::Duration;

/// GHL's burst window: how long to wait after a 429 that does not say (reference: "Rate limits").
pub const BURST_WINDOW: Duration = Duration::from_secs(10);

/// A thing other than a contact that was asked for by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Resource {
    Note,
    Task,
    Business,
}

/// Why GHL rejects our token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// Expired, or no longer an access token: the one fault that a refresh can mend.
    Expired,
    /// Not a token GHL knows.
    Rejected,
    /// A scope is missing.
    Scope,
    /// An agency's token where a sub-account's is needed, or the reverse.
    Class,
    /// The token belongs to another location.
    Location,
    /// The `Version` header is missing or not one GHL knows.
    Version,
    /// A 401 or 403 in words of which we know nothing.
    Unknown,
}

/// Who ran out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The request's deadline came first.
    Deadline,
    /// GHL did not answer within the call's own time-out.
    Call,
    /// GHL's gateway gave up (`Command timed out`, under a 401).
    Gateway,
}

/// What is wrong with an answer that should have been a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing at all.
    Empty,
    /// A page for people.
    Html,
    /// JSON that ends in the middle.
    Truncated,
    /// More than the bound.
    TooLarge,
    /// Not what the endpoint documents.
    Decode {
        /// JSON path of the surprise, `.` for the document itself.
        path: String,
        /// What the decoder said.
        message: String,
    },
    /// An error under a 200.
    ErrorBody {
        /// GHL's words, masked and cut.
        said: Option<String>,
    },
    /// GHL knows no such route: the base URL or the `Version` header is wrong.
    Route,
    /// A status that the endpoint does not have.
    Status {
        /// GHL's words, masked and cut.
        said: Option<String>,
    },
}

/// Why GHL gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GhlError {
    /// No token is configured for the location; no call was made.
    #[error("no GHL token for this location")]
    NoToken,
    /// The location was connected and is not any more: GHL refuses to renew its tokens, or somebody ended it. No call was
    /// made.
    #[error("the location is disconnected from GHL")]
    Disconnected,
    /// GHL knows no such contact, or it is another location's.
    #[error("GHL knows no such contact here")]
    ContactNotFound,
    /// GHL knows no such thing.
    #[error("GHL knows no such {0:?}")]
    NotFound(Resource),
    /// GHL refuses a second contact with this e-mail address or phone (reference: "Errors", duplicate on create or update).
    #[error("GHL refuses a second such contact")]
    Duplicate {
        /// The contact that is there, where GHL says which.
        existing: Option<ContactId>,
        /// What both have: `email` or `phone`.
        field: Option<&'static str>,
        /// 400, as far as is known.
        status: u16,
    },
    /// GHL rejects the token, its scope, its class, its location or the `Version` header.
    #[error("GHL rejects the token ({fault:?})")]
    Unauthorized {
        /// What about it.
        fault: TokenFault,
        /// 401, 403, or 400 for a malformed version.
        status: u16,
        /// GHL's words, masked and cut.
        said: Option<String>,
    },
    /// The location's quota is spent. The call was not executed.
    #[error("GHL's quota for the location is spent")]
    RateLimited {
        /// When trying again may help.
        retry_after: Duration,
        /// Whether it is the day's quota, not the burst's.
        day: bool,
        /// Whether GHL said so (429), rather than our own account of its quota.
        answered: bool,
    },
    /// GHL failed repeatedly and is left alone for a while. No call was made.
    #[error("GHL failed repeatedly and is left alone for a while")]
    LeftAlone {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// GHL refuses the question.
    #[error("GHL refuses the request")]
    Validation {
        /// 400 or 422.
        status: u16,
        /// GHL's words, masked and cut.
        said: Option<String>,
    },
    /// GHL fails (5xx), or cannot be reached.
    #[error("GHL is not available")]
    Unavailable {
        /// The status, where there was an answer.
        status: Option<u16>,
        /// A short stable word: `status`, `connect` or `broken`.
        code: &'static str,
        /// Whether the request may have left.
        sent: bool,
        /// GHL's or the wire's words, masked and cut.
        said: Option<String>,
    },
    /// No answer in time.
    #[error("GHL did not answer in time")]
    Timeout(Late),
    /// An answer that cannot be understood.
    #[error("GHL's answer cannot be understood")]
    InvalidResponse {
        /// Its status.
        status: u16,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

impl GhlError {
    /// A 200 that is no good answer.
    pub(super) const fn invalid(flaw: Flaw) -> Self {
        Self::InvalidResponse { status: 200, flaw }
    }

    /// Whether the same read may succeed if made again, soon and unchanged.
    #[must_use]
    pub const fn repeatable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::LeftAlone { .. } | Self::Unavailable { .. } => true,
            Self::Timeout(late) => match late {
                Late::Call | Late::Gateway => true,
                Late::Deadline => false,
            },
            Self::InvalidResponse { flaw, .. } => match flaw {
                Flaw::Empty | Flaw::Html | Flaw::Truncated => true,
                Flaw::TooLarge | Flaw::Decode { .. } | Flaw::ErrorBody { .. } | Flaw::Route | Flaw::Status { .. } => {
                    false
                }
            },
            Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::Unauthorized { .. }
            | Self::Validation { .. } => false,
        }
    }

    /// Whether a fresh token may mend it: only an expired one, of all that GHL puts under 401.
    #[must_use]
    pub const fn refreshable(&self) -> bool {
        matches!(self, Self::Unauthorized { fault: TokenFault::Expired, .. })
    }
}
