//! Every kind of problem the service reports, free of transport: status codes are chosen in `http::problem`.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, time::Duration};
use utoipa::ToSchema;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $title:literal;)*) => {
        /// What went wrong, as a stable word (RFC 9457 `type` is `/problems/{slug}`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $slug)] $name,)*
        }

        impl ProblemKind {
            /// Every kind, in the order of their statuses; documents and tests walk it.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word, as in `/problems/{slug}`.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// A short title, the same for every problem of this kind.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

kinds! {
    /// A path segment, query parameter or header cannot be understood.
    InvalidParameter = "invalid-parameter", "Invalid parameter";
    /// The body is not well-formed JSON.
    MalformedBody = "malformed-body", "Malformed body";
    /// No valid API key or token came with the request.
    Unauthenticated = "unauthenticated", "Not authenticated";
    /// The key is known but may not do this, or not here.
    Forbidden = "forbidden", "Not allowed";
    /// No such route, or no such thing other than a contact.
    NotFound = "not-found", "Not found";
    /// GHL knows no such contact in this location.
    ContactNotFound = "contact-not-found", "Contact not found";
    /// The route exists, the method does not.
    MethodNotAllowed = "method-not-allowed", "Method not allowed";
    /// None of the representations offered is acceptable.
    NotAcceptable = "not-acceptable", "Not acceptable";
    /// GHL refuses a second contact with this e-mail address or phone.
    DuplicateContact = "duplicate-contact", "Duplicate contact";
    /// A request with this idempotency key is still under way.
    IdempotencyConflict = "idempotency-conflict", "Request with this idempotency key under way";
    /// The operation's state does not admit what was asked of it, or it was cancelled.
    OperationConflict = "operation-conflict", "Operation does not admit this";
    /// `If-Match` or its like did not hold.
    PreconditionFailed = "precondition-failed", "Precondition failed";
    /// The body is larger than the limit.
    BodyTooLarge = "body-too-large", "Body too large";
    /// The body's content type is not one the route reads.
    UnsupportedMediaType = "unsupported-media-type", "Unsupported media type";
    /// This idempotency key came before with another body.
    IdempotencyKeyReused = "idempotency-key-reused", "Idempotency key used before";
    /// The body is JSON but not what the route takes.
    ValidationFailed = "validation-failed", "Validation failed";
    /// The caller's own rate limit is spent.
    TooManyRequests = "too-many-requests", "Too many requests";
    /// A defect of ours.
    Internal = "internal", "Internal error";
    /// The upstream answered something that cannot be understood.
    UpstreamInvalidResponse = "upstream-invalid-response", "Upstream answered nonsense";
    /// The upstream rejects our token, its scope or its location.
    UpstreamUnauthorized = "upstream-unauthorized", "Upstream rejects our credentials";
    /// The upstream's quota is spent: GHL's for the location, or IPinfo's.
    QuotaExhausted = "quota-exhausted", "Upstream quota spent";
    /// The upstream cannot be reached or fails.
    UpstreamUnavailable = "upstream-unavailable", "Upstream unavailable";
    /// The store that writes are kept in cannot take them. Reads go on.
    StoreUnavailable = "store-unavailable", "Store unavailable";
    /// The service is stopping.
    ShuttingDown = "shutting-down", "Shutting down";
    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream-timeout", "Upstream too slow";
}

/// One thing wrong with a body or a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or the name of the parameter.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Which upstream is to blame, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamFault {
    /// `ghl` or `ipinfo`.
    #[schema(value_type = String)]
    pub service: Cow<'static, str>,
    /// The HTTP status it answered, if it answered.
    pub status: Option<u16>,
    /// A short stable word for the failure (`timeout`, `connect`, `scope`, `html` …).
    pub code: Cow<'static, str>,
}

/// A problem on its way to a caller. `detail` is meant for the caller; `cause` for the log alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind, which decides status and title.
    pub kind: ProblemKind,
    /// A sentence for the caller; never a secret, never personal data.
    pub detail: Cow<'static, str>,
    /// Field by field, where that helps.
    pub errors: Vec<FieldError>,
    /// Who is to blame upstream.
    pub upstream: Option<UpstreamFault>,
    /// When trying again may help. Not kept: it is true at its moment alone.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// What the log should know and the caller not.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Problem {
    /// A problem with nothing but its kind and a sentence.
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), upstream: None, retry_after: None, cause: None }
    }

    /// A parameter that cannot be understood.
    pub fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidParameter, "A parameter of the request cannot be understood.")
            .with_error(name, message)
    }

    /// Adds one field error.
    #[must_use]
    pub fn with_error(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), message: message.into() });
        self
    }

    /// Adds the upstream to blame.
    #[must_use]
    pub fn with_upstream(
        mut self,
        service: &'static str,
        status: Option<u16>,
        code: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.upstream = Some(UpstreamFault { service: Cow::Borrowed(service), status, code: code.into() });
        self
    }

    /// Adds the time after which trying again may help.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds what the log should know.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.slug(), self.detail)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("kind", &self.kind)
            .field("detail", &self.detail)
            .field("errors", &self.errors)
            .field("upstream", &self.upstream)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Problem {}
