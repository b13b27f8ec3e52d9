//! One guarded call to an upstream, which `ghl` and `ipinfo` share: deadline, time-outs, body bound, typed failure,
//! span and metrics are written once, here, and cannot be forgotten.
//!
//! A call is a value ([`Call`]); what it travels through is a [`Transport`], so that tests can script one under a paused
//! clock. Retries, quota and circuit breaker will stand between [`Upstream::call`] and the transport; [`Lane`] and
//! [`Repeat`] are what they need to know and every call states them already.

mod call;
mod transport;

pub use call::{Answer, Call, CallContext, CallTiming, Lane, Method, Repeat, SensitiveValue, Service, Timings};
pub use transport::{HttpTransport, Transport, TransportLimits, TransportSetupError, WireRequest};

use crate::telemetry::metrics::Metrics;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument as _;

/// What happened on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request's deadline passed before an answer was there.
    #[error("the deadline passed before the upstream answered")]
    Deadline,
    /// The upstream did not answer within the call's own time-out.
    #[error("the upstream did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection could be made: nothing was sent.
    #[error("no connection to the upstream")]
    Connect(String),
    /// The connection broke after it was made: whether the upstream acted is unknown.
    #[error("the connection to the upstream broke")]
    Broken(String),
    /// The location's quota is spent, or reserved for calls of another lane, until after the deadline. Nothing was sent.
    #[error("the quota is spent for {} ms more", .retry_after.as_millis())]
    QuotaSpent {
        /// When it may be tried again.
        retry_after: Duration,
        /// Whether it is the day's quota, not the burst's.
        day: bool,
    },
    /// The circuit breaker is open after failures in a row. Nothing was sent.
    #[error("the upstream failed repeatedly and is left alone")]
    BreakerOpen {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The answer is larger than the bound.
    #[error("the upstream's answer is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The upstream answered with a status other than 2xx.
    #[error("the upstream answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The body, cut to [`MAX_ERROR_BODY_BYTES`].
        body: String,
        /// `Retry-After` in seconds, where the upstream sends one.
        retry_after: Option<Duration>,
    },
    /// The body is not what the endpoint documents.
    #[error("the upstream's answer cannot be understood at {path}")]
    Decode {
        /// JSON path of the first surprise, `.` for the document itself.
        path: String,
        /// What the decoder said.
        message: String,
    },
}

/// How much of an error body is kept.
pub const MAX_ERROR_BODY_BYTES: usize = 8 * 1024;

impl CallError {
    /// Whether it is known what the upstream did with the call: where it is not, a write must look before it repeats.
    #[must_use]
    pub const fn outcome_known(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Status { .. } | Self::QuotaSpent { .. } | Self::BreakerOpen { .. } => true,
            Self::Deadline | Self::TimedOut(_) | Self::Broken(_) | Self::BodyTooLarge(_) | Self::Decode { .. } => false,
        }
    }

    /// A short stable word, for metrics and `upstream.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::TimedOut(_) => "timeout",
            Self::Connect(_) => "connect",
            Self::Broken(_) => "broken",
            Self::QuotaSpent { .. } => "quota",
            Self::BreakerOpen { .. } => "breaker",
            Self::BodyTooLarge(_) => "too-large",
            Self::Status { .. } => "status",
            Self::Decode { .. } => "decode",
        }
    }
}

/// A service we call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    service: Service,
    transport: Arc<dyn Transport>,
    total: Duration,
    metrics: Metrics,
}

impl Upstream {
    /// An upstream behind a transport; `total` bounds one call from its first byte to its last.
    #[must_use]
    pub fn new(service: Service, transport: Arc<dyn Transport>, total: Duration, metrics: Metrics) -> Self {
        Self { inner: Arc::new(Inner { service, transport, total, metrics }) }
    }

    /// Makes one call. A status other than 2xx is [`CallError::Status`].
    ///
    /// # Errors
    /// Each variant of [`CallError`] but `Decode`, which is the caller's to raise ([`Answer::json`]).
    pub async fn call(&self, call: Call, context: &CallContext) -> Result<Answer, CallError> {
        let endpoint = call.endpoint;
        let span = tracing::info_span!(
            "upstream",
            service = self.inner.service.as_str(),
            endpoint,
            lane = context.lane.as_str(),
            outcome = tracing::field::Empty
        );
        let started = Instant::now();
        let result = self.attempt(call, context).instrument(span.clone()).await;
        let took = started.elapsed();
        let outcome = result.as_ref().map_or_else(CallError::code, |_| "ok");
        span.record("outcome", outcome);
        self.inner.metrics.upstream_call(self.inner.service, endpoint, outcome, took);
        context.timings.record(CallTiming { service: self.inner.service, endpoint, outcome, took });
        tracing::debug!(parent: &span, duration_ms = took.as_millis(), outcome, "upstream call ended");
        result
    }

    async fn attempt(&self, call: Call, context: &CallContext) -> Result<Answer, CallError> {
        let own_end = Instant::now() + self.inner.total;
        let end = own_end.min(context.deadline);
        let sent = self.inner.transport.send(call.into_wire(context));
        match tokio::time::timeout_at(end, sent).await {
            Ok(answer) => answer.and_then(Answer::require_success),
            Err(_) if context.deadline < own_end => Err(CallError::Deadline),
            Err(_) => Err(CallError::TimedOut(self.inner.total)),
        }
    }
}

#[cfg(test)]
mod tests;
