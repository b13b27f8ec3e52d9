//! What a failed call says of what GHL did: whoever writes must know before trying again.

use super::{Flaw, GhlError, TokenFault};
use std::time::Duration;

impl GhlError {
    /// Whether GHL is known to have done nothing: the call was not sent, or was answered with a refusal. Where it is not
    /// known, what may not be done twice is looked for first. A page of GHL's edge, a route that it says it does not have
    /// and a 401 in unknown words are no refusals of this request: another attempt may fare better.
    #[must_use]
    pub const fn outcome_known(&self) -> bool {
        match self {
            Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::RateLimited { .. }
            | Self::LeftAlone { .. }
            | Self::Validation { .. } => true,
            Self::Unauthorized { fault, .. } => !matches!(fault, TokenFault::Unknown),
            Self::Unavailable { .. } => self.not_sent(),
            Self::Timeout(_) => false,
            Self::InvalidResponse { status, flaw } => {
                *status >= 400 && *status < 500 && !matches!(flaw, Flaw::Html | Flaw::Route)
            }
        }
    }

    /// Whether no request left for GHL.
    #[must_use]
    pub const fn not_sent(&self) -> bool {
        match self {
            Self::NoToken | Self::Disconnected | Self::LeftAlone { .. } => true,
            Self::RateLimited { answered, .. } => !*answered,
            Self::Unavailable { sent, .. } => !*sent,
            Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::Unauthorized { .. }
            | Self::Validation { .. }
            | Self::Timeout(_)
            | Self::InvalidResponse { .. } => false,
        }
    }

    /// Whether GHL refused for a reason that lies not in the request but in how the service is set up: the token, its
    /// scope, its class, the version. Somebody can mend it, and then the same request goes through; until then no other of
    /// the location does.
    #[must_use]
    pub const fn mendable(&self) -> bool {
        match self {
            Self::NoToken | Self::Disconnected => true,
            Self::Unauthorized { fault, .. } => !matches!(fault, TokenFault::Unknown),
            Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::RateLimited { .. }
            | Self::LeftAlone { .. }
            | Self::Validation { .. }
            | Self::Unavailable { .. }
            | Self::Timeout(_)
            | Self::InvalidResponse { .. } => false,
        }
    }

    /// Whether GHL says that the token is another location's. It says so of a contact of another location too.
    #[must_use]
    pub const fn wrong_location(&self) -> bool {
        matches!(self, Self::Unauthorized { fault: TokenFault::Location, .. })
    }

    /// The status GHL answered with, where it is known.
    #[must_use]
    pub const fn upstream_status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized { status, .. }
            | Self::Validation { status, .. }
            | Self::Duplicate { status, .. }
            | Self::InvalidResponse { status, .. } => Some(*status),
            Self::Unavailable { status, .. } => *status,
            Self::RateLimited { answered: true, .. } => Some(429),
            Self::RateLimited { answered: false, .. }
            | Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::LeftAlone { .. }
            | Self::Timeout(_) => None,
        }
    }

    /// When trying again may help, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::LeftAlone { retry_after } => Some(*retry_after),
            Self::NoToken
            | Self::Disconnected
            | Self::ContactNotFound
            | Self::NotFound(_)
            | Self::Duplicate { .. }
            | Self::Unauthorized { .. }
            | Self::Validation { .. }
            | Self::Unavailable { .. }
            | Self::Timeout(_)
            | Self::InvalidResponse { .. } => None,
        }
    }
}
