//! The state of each backend, for readiness detail, `ghl-enrich check` and `explain`.

use crate::domain::ip::Backend;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The state of one configured backend. Nothing here calls an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendStatus {
    /// The backend.
    pub backend: Backend,
    /// Whether it can answer: a file is set, a token is set. One that stands in `ipinfo.backends` without is passed over.
    pub configured: bool,
    /// The API plan.
    #[schema(value_type = Option<String>)]
    pub plan: Option<&'static str>,
    /// The file's `database_type`.
    pub database_type: Option<String>,
    /// When the file was built.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub database_built_at: Option<Timestamp>,
    /// How long ago that is.
    pub age_seconds: Option<u64>,
    /// What went wrong last, until something went right.
    pub last_error: Option<String>,
    /// Whether the API is left alone after it rejected the token or named a time to wait.
    pub circuit_open: bool,
    /// How long still.
    pub retry_in_seconds: Option<u64>,
}

impl BackendStatus {
    /// A backend that can answer, of which nothing else is to say.
    pub(super) fn configured(backend: Backend) -> Self {
        Self {
            backend,
            configured: true,
            plan: None,
            database_type: None,
            database_built_at: None,
            age_seconds: None,
            last_error: None,
            circuit_open: false,
            retry_in_seconds: None,
        }
    }

    /// A backend that stands in the settings and lacks what it needs.
    pub(super) fn missing(backend: Backend) -> Self {
        Self { configured: false, ..Self::configured(backend) }
    }
}
