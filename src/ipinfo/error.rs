//! What can go wrong with a look-up, and at start; and what a caller is told of it.

use crate::{
    domain::problem::{Problem, ProblemKind},
    upstream::CallError,
};
use std::{path::PathBuf, time::Duration};

/// The service's name in problems.
const SERVICE: &str = "ipinfo";

/// Why no backend answered: the failure of the first that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The API failed.
    #[error("the look-up at IPinfo's API failed")]
    Api(#[from] ApiError),
    /// The file holds something that cannot be read.
    #[error("the IP database holds a record that cannot be read")]
    Database(String),
}

/// What the API's refusal or silence means. An error is never "no data".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The token is missing, unknown or not permitted (403, 401): a setting's fault, not an address's.
    #[error("IPinfo rejects the token")]
    Rejected {
        /// The HTTP status, if one came.
        status: Option<u16>,
        /// How long the API is left alone.
        hold: Duration,
    },
    /// The quota is spent (429).
    #[error("IPinfo's quota is spent")]
    Quota {
        /// The time to wait, where IPinfo names one.
        retry_after: Option<Duration>,
    },
    /// IPinfo does not take this for an address (400, 404).
    #[error("IPinfo does not accept the address")]
    InvalidInput {
        /// The HTTP status, if one came.
        status: Option<u16>,
    },
    /// Another refusal: unknown 4xx, or an error inside a 2xx.
    #[error("IPinfo refuses the call")]
    Refused {
        /// The HTTP status, if one came.
        status: Option<u16>,
        /// What IPinfo says, cut short; for the log.
        message: String,
    },
    /// IPinfo failed (5xx).
    #[error("IPinfo failed with {status}")]
    Failing {
        /// The HTTP status.
        status: u16,
    },
    /// The wire failed, or the answer is none.
    #[error("the call to IPinfo failed")]
    Call(#[from] CallError),
    /// A batch's answer lacks the address.
    #[error("IPinfo's answer lacks the address")]
    NoEntry,
    /// The task that made the call is gone.
    #[error("the look-up was abandoned")]
    Abandoned,
}

impl ApiError {
    /// A short stable word, for metrics, trails and `upstream.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => "token",
            Self::Quota { .. } => "quota",
            Self::InvalidInput { .. } => "invalid-input",
            Self::Refused { .. } => "refused",
            Self::Failing { .. } => "status",
            Self::Call(error) => error.code(),
            Self::NoEntry => "no-entry",
            Self::Abandoned => "abandoned",
        }
    }

    /// The HTTP status behind it, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Rejected { status, .. } | Self::InvalidInput { status } | Self::Refused { status, .. } => *status,
            Self::Quota { .. } => Some(429),
            Self::Failing { status } | Self::Call(CallError::Status { status, .. }) => Some(*status),
            Self::Call(_) | Self::NoEntry | Self::Abandoned => None,
        }
    }

    /// When trying again may help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected { hold, .. } => Some(*hold),
            Self::Quota { retry_after } => *retry_after,
            Self::InvalidInput { .. }
            | Self::Refused { .. }
            | Self::Failing { .. }
            | Self::Call(_)
            | Self::NoEntry
            | Self::Abandoned => None,
        }
    }

    fn kind(&self) -> ProblemKind {
        match self {
            Self::Rejected { .. } => ProblemKind::UpstreamUnauthorized,
            Self::Quota { .. } => ProblemKind::QuotaExhausted,
            Self::InvalidInput { .. } | Self::Refused { .. } | Self::NoEntry => ProblemKind::UpstreamInvalidResponse,
            Self::Failing { .. } => ProblemKind::UpstreamUnavailable,
            Self::Abandoned => ProblemKind::Internal,
            Self::Call(error) => match error {
                CallError::Deadline | CallError::TimedOut(_) => ProblemKind::UpstreamTimeout,
                CallError::QuotaSpent { .. } => ProblemKind::QuotaExhausted,
                CallError::Connect(_)
                | CallError::Broken(_)
                | CallError::BreakerOpen { .. }
                | CallError::Status { .. } => ProblemKind::UpstreamUnavailable,
                CallError::BodyTooLarge(_) | CallError::Decode { .. } => ProblemKind::UpstreamInvalidResponse,
            },
        }
    }

    fn detail(&self) -> &'static str {
        match self.kind() {
            ProblemKind::UpstreamUnauthorized => "IPinfo rejects the configured token.",
            ProblemKind::QuotaExhausted => "IPinfo's quota for the configured token is spent.",
            ProblemKind::UpstreamTimeout => "IPinfo did not answer in time.",
            ProblemKind::UpstreamUnavailable => "IPinfo cannot be reached or fails.",
            ProblemKind::Internal => "The look-up was abandoned.",
            _ => "IPinfo answered something that cannot be used.",
        }
    }
}

impl LookupError {
    /// A short stable word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Api(error) => error.code(),
            Self::Database(_) => "database",
        }
    }

    /// What a caller is told; the cause is for the log alone.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Api(error) => {
                let problem = Problem::new(error.kind(), error.detail())
                    .with_upstream(SERVICE, error.status(), error.code())
                    .with_cause(chain(error));
                match error.retry_after() {
                    Some(after) => problem.with_retry_after(after),
                    None => problem,
                }
            }
            Self::Database(cause) => {
                let detail = "The IP database holds a record that cannot be read.";
                Problem::new(ProblemKind::UpstreamInvalidResponse, detail)
                    .with_upstream(SERVICE, None, self.code())
                    .with_cause(cause)
            }
        }
    }
}

impl From<&LookupError> for Problem {
    fn from(error: &LookupError) -> Self {
        error.to_problem()
    }
}

/// An error with its causes and what the log should know besides.
fn chain(error: &ApiError) -> String {
    match error {
        ApiError::Call(cause) => match cause {
            CallError::Connect(text) | CallError::Broken(text) => format!("{error}: {cause}: {text}"),
            CallError::Decode { message, .. } => format!("{error}: {cause}: {message}"),
            CallError::Deadline
            | CallError::TimedOut(_)
            | CallError::QuotaSpent { .. }
            | CallError::BreakerOpen { .. }
            | CallError::BodyTooLarge(_)
            | CallError::Status { .. } => format!("{error}: {cause}"),
        },
        ApiError::Refused { message, .. } => format!("{error}: {message}"),
        ApiError::Rejected { .. }
        | ApiError::Quota { .. }
        | ApiError::InvalidInput { .. }
        | ApiError::Failing { .. }
        | ApiError::NoEntry
        | ApiError::Abandoned => error.to_string(),
    }
}

/// Why IP look-ups cannot be set up. Each names its key and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum IpSetupError {
    /// The file is missing or broken.
    #[error(
        "ipinfo.mmdb_path = {path:?}: {reason}. Put a file in MaxMind DB format there, or set mmdb_path to \"\" to do without"
    )]
    Mmdb {
        /// The configured path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A base URL is none, or TLS cannot be set up.
    #[error("ipinfo.{key}: {reason}. Give an address such as \"https://api.ipinfo.io\"")]
    Transport {
        /// The key under `ipinfo`.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// None of the configured backends can answer.
    #[error(
        "ipinfo.backends names none that can answer: mmdb needs ipinfo.mmdb_path, api needs ipinfo.token. Add \
         \"embedded\", which needs nothing"
    )]
    NoBackend,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_blames_ipinfo_and_keeps_the_cause_to_itself() {
        let refused = ApiError::Refused { status: Some(406), message: "a firewall's page".into() };
        let problem = LookupError::from(refused).to_problem();
        let upstream = problem.upstream.clone().unwrap();
        assert_eq!((&*upstream.service, upstream.status, &*upstream.code), ("ipinfo", Some(406), "refused"));
        assert!(!problem.to_string().contains("firewall"));
        assert!(problem.cause.unwrap().contains("firewall"));
    }

    #[test]
    fn each_failure_has_its_kind() {
        let wait = Duration::from_secs(7);
        for (error, kind, retry_after) in [
            (ApiError::Rejected { status: Some(403), hold: wait }, ProblemKind::UpstreamUnauthorized, Some(wait)),
            (ApiError::Quota { retry_after: Some(wait) }, ProblemKind::QuotaExhausted, Some(wait)),
            (ApiError::Failing { status: 503 }, ProblemKind::UpstreamUnavailable, None),
            (ApiError::Call(CallError::Deadline), ProblemKind::UpstreamTimeout, None),
            (ApiError::Call(CallError::Connect(String::new())), ProblemKind::UpstreamUnavailable, None),
            (ApiError::NoEntry, ProblemKind::UpstreamInvalidResponse, None),
        ] {
            let problem = LookupError::from(error).to_problem();
            assert_eq!((problem.kind, problem.retry_after), (kind, retry_after));
        }
    }
}
